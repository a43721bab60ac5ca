"""Deny inference to whoever misuses models.

When    GuardDuty says that models are invoked to cause cost or out of character, or an attack
        sequence names the principal; where a parameter says so, a long-term key requests access
        to models.
Does    a managed policy on that role or user denies it to invoke models, agents, flows and model
        endpoints, by whatever credentials. People get an incident.
Undo    detaches the policy, unless it was attached before.
Leaves  sessions, keys and everything else that the principal may do; calls that have begun. A
        long-term key of root that requests access to models is for a person.
"""

from cordon.actions import Action, Refused
from cordon.actions.deny_policy import INFERENCE, DenyInferenceToRole, DenyInferenceToUser
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import (
    ATTACK_SEQUENCES,
    ROLE,
    Unsupported,
    account_of,
    of_the_refused,
    roles_and_users,
    unsupported_principal,
)

MISUSED_MODELS = (
    "guardduty:Impact:IAMUser/CostHarvesting",
    "guardduty:Impact:IAMUser/AnomalousModelInvocation",
)
# What who stole a key requests before models can be invoked with it (SigmaHQ, issue 5903). A person
# who opens an account for AI makes the same calls, mostly with a session's key.
MODEL_ACCESS = (
    "cloudtrail:bedrock:CreateFoundationModelAgreement",
    "cloudtrail:bedrock:PutFoundationModelEntitlement",
    "cloudtrail:bedrock:PutUseCaseForModelAccess",
)
LONG_TERM = "AKIA"  # IAM User Guide, "IAM identifiers": a key that does not expire begins so

APPLICATION = (
    "An application's own role is the usual principal: find in CloudTrail from where these calls "
    "were made, and whether it made them. If it did, limit what it may spend, and release. "
)
STOLEN = (
    "If somebody else made them, the credentials are known to them, and only inference is denied: "
    "revoke them too (cordon contain ARN --playbook revoke_sessions), and look for users, keys and "
    "Bedrock API keys that were made with them. "
)
SEQUENCE = (
    "Only inference is denied here. To end sessions is for revoke_sessions, which has a case of "
    "its own for these principals where it is switched on. "
    "Find in CloudTrail which models they invoked, and which users, keys and Bedrock API keys were "
    "made with their credentials. "
)
ACCESS = (
    "A long-term key requested access to models. AWS keeps what was requested: look at the "
    "account's model agreements and at the form of its use case. "
)


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The roles and users; of a call only where a long-term key made it, be it root's."""
    if not finding.matches(*MODEL_ACCESS):
        return roles_and_users(finding)
    keys = {principal.access_key_id for principal in finding.principals}
    if not any(key.startswith(LONG_TERM) for key in keys):
        return ()
    return roles_and_users(finding) or (account_of(finding),)


def unsupported(finding: Finding) -> Unsupported | None:
    """Why nobody can be denied inference; None where somebody can, or where it is a call."""
    return None if finding.matches(*MODEL_ACCESS) else unsupported_principal(finding)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """The policy of the account that the principal is in."""
    found = roles_and_users(finding)
    if not found:
        raise Refused(f"{ACCESS}{of_the_refused(finding)}")
    return [_deny(resource, deployment) for resource in found]


def _deny(resource: Resource, deployment: Deployment) -> Action:
    place, name = resource.place, resource.name
    policy = deployment.deny_policy(INFERENCE.name, place.partition, place.account)
    kind = DenyInferenceToRole if resource.type == ROLE else DenyInferenceToUser
    return kind(place, policy, name)


def manual_step(finding: Finding) -> str:
    """Whose calls they were, only a person can find out."""
    if finding.matches(*ATTACK_SEQUENCES):
        return f"{SEQUENCE}{of_the_refused(finding)}".rstrip()
    requested = ACCESS if finding.matches(*MODEL_ACCESS) else ""
    return f"{requested}{APPLICATION}{STOLEN}".rstrip()


PLAYBOOK = Playbook(
    name="restrict_inference",
    handles=(*MISUSED_MODELS, *ATTACK_SEQUENCES),
    optional=MODEL_ACCESS,
    targets=targets,
    unsupported=unsupported,
    plan=plan,
    actions=(DenyInferenceToRole, DenyInferenceToUser),
    controls=(
        "NIST.800-53.r5 AC-6",
        "NIST.800-53.r5 IR-4",
        "NIST.800-53.r5 SC-5",
        "ISO/IEC 27001:2022 A.5.26",
        "ISO/IEC 27001:2022 A.8.6",
        "SOC 2 CC6.1",
        "SOC 2 CC7.4",
    ),
    defence_layer="application and models",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    by_arn=("AWS::IAM::Role", "AWS::IAM::User"),
)

handler = serve(PLAYBOOK)
