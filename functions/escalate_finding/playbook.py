"""Escalate what only a person can contain.

When    root is used; an AI workload is misused in a way no playbook contains yet; an attack
        sequence is seen; logs or defences are impaired; an object is malicious; the principal or
        bucket is one that Cordon cannot contain; anything critical, or High about data, identity
        or AI, that no other playbook handles; or such a threat in an account or Region that is not
        served.
Does    an incident says what a person must do.
Undo    resolves the incident.
Leaves  every resource.
"""

from functools import cache
from pathlib import Path

from cordon.actions import Action
from cordon.deadlines import AI_ACT_73, GDPR_33, HIPAA_164_404
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource
from cordon.headers import headers
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode

# A person must handle these, at any severity.
ROOT_USE = (
    "guardduty:Policy:IAMUser/RootCredentialUsage",
    "guardduty:Policy:IAMUser/ShortTermRootCredentialUsage",
    "securityhub:IAM.4",
    "securityhub:IAM.6",
    "securityhub:IAM.9",
)
AI_THREATS = (  # all of default severity Low (GuardDuty AI Protection finding types)
    "guardduty:Impact:IAMUser/AnomalousModelInvocation",
    "guardduty:Impact:IAMUser/CostHarvesting",
    "guardduty:DefenseEvasion:IAMUser/BedrockLoggingDisabled",
)
ACCOUNT_WIDE = ("guardduty:Policy:S3/AccountBlockPublicAccessDisabled",)
ATTACK_SEQUENCES = ("guardduty:AttackSequence:*",)
# Custom detection rules find what their owner wants to hear of, also where they say Low or Medium:
# an administrator may have done it, so that nothing is revoked before a person has looked.
ACCOUNT_MANIPULATION = ("guardduty:*:IAM/AccountManipulation",)
CODE_IN_AI = ("guardduty:Execution:SageMaker/*",)  # a notebook's start script was changed
DETECTION_IMPAIRED = (  # DefenseImpairment:S3/* is about a bucket, and contained
    "guardduty:DefenseImpairment:*",
    "guardduty:Stealth:IAMUser/CloudTrailLoggingDisabled",  # Low, and what follows is not recorded
)
MALICIOUS_OBJECTS = ("guardduty:Object:S3/MaliciousFile",)
# Nothing has left the bucket, and to deny everyone stops its owner: a person decides.
DISCOVERED_BUCKETS = ("guardduty:Discovery:S3/MaliciousIPCaller*",)
SENSITIVE_DATA = ("macie:SensitiveData:*",)  # where it is High: Macie finds Low and Medium daily
FOR_A_PERSON = (
    *ROOT_USE,
    *AI_THREATS,
    *ACCOUNT_WIDE,
    *ATTACK_SEQUENCES,
    *ACCOUNT_MANIPULATION,
    *CODE_IN_AI,
    *DETECTION_IMPAIRED,
    *MALICIOUS_OBJECTS,
    *DISCOVERED_BUCKETS,
)

# Where they are High or Critical, and nobody else handles them.
CONCERNS_DATA = (
    *SENSITIVE_DATA,
    "macie:Policy:*",
    "guardduty:*:S3/*",
    "guardduty:*:RDS/*",
    "guardduty:Exfiltration:*",
    "guardduty:*DataExfiltration*",
    "guardduty:*RecoveryPoint",
    "access-analyzer:*",
    "securityhub:Backup.*",
    "securityhub:DocumentDB.*",
    "securityhub:DynamoDB.*",
    "securityhub:EFS.*",
    "securityhub:ES.*",
    "securityhub:Glue.*",
    "securityhub:KMS.*",
    "securityhub:Macie.*",
    "securityhub:Neptune.*",
    "securityhub:Opensearch.*",
    "securityhub:RDS.*",
    "securityhub:Redshift*.*",
    "securityhub:S3.*",
)
CONCERNS_IDENTITY = (
    "guardduty:*:IAMUser/*",
    "guardduty:*:IAM/*",
    "guardduty:*:Organizations/*",
    "guardduty:*:RolesAnywhere/*",
    "guardduty:CredentialAccess:*",
    "guardduty:*/MetadataDNSRebind",
    "securityhub:IAM.*",
    "securityhub:SecretsManager.*",
)
CONCERNS_AI = (
    "guardduty:*:SageMaker/*",
    "guardduty:*:Bedrock*/*",
    "guardduty:*/KubeflowDashboardExposed",
)
CONCERNS = (*CONCERNS_DATA, *CONCERNS_IDENTITY, *CONCERNS_AI)

MANUAL_STEPS = {
    ROOT_USE: "Ask who used root and why. If nobody did: change its password, delete its "
    "access keys, check its MFA device, and deny root by an SCP.",
    AI_THREATS: "Check who invokes the model and with what. Do not revoke the role "
    "of the application before it is known to be stolen: limit the model-invoke actions instead.",
    ACCOUNT_WIDE: "Turn the account's block public access on again unless the change was "
    "approved. Cordon never changes it: one finding must not shut every bucket of an account.",
    ATTACK_SEQUENCES: "Treat every resource of the sequence as part of one incident: "
    "revoke the actors' sessions, then contain what they reached.",
    ACCOUNT_MANIPULATION: "Ask who changed this identity and why. If nobody did: take "
    "the new policy, key, login or trust away, and revoke the sessions of whoever made it.",
    CODE_IN_AI: "Read the notebook's lifecycle configuration: it runs as root at each "
    "start. Stop the notebook if nobody meant the change.",
    DETECTION_IMPAIRED: "Turn the log or defence on again unless the change was "
    "approved, and look for what was done while it was off.",
    MALICIOUS_OBJECTS: "Keep the object from being read or loaded. Find who wrote it, "
    "and which jobs, models and people have read it since.",
    DISCOVERED_BUCKETS: "Find in CloudTrail whose credentials listed the bucket from "
    "that address, and revoke them. Check what was read afterwards.",
    SENSITIVE_DATA: "Macie lists the objects; this finding names one of them. Decide "
    "whether such data may be in that bucket. If not: move it, and find which training jobs, "
    "knowledge bases and people have read it.",
}
UNHANDLED = "No playbook contains this finding: decide what must be contained, and do it."


def for_a_person(finding: Finding) -> str:
    """What a person must do; "" when another playbook handles the finding, or none needs to."""
    if not finding.served:
        return _in_a_place_that_is_not_served(finding)
    if heard := [other for other in _others() if other.hears(finding)]:
        refused = [other.unsupported(finding) if other.unsupported else None for other in heard]
        first = refused[0]
        if first is None or None in refused:
            return ""
        return f"Not contained: {first.reason}. {first.manual_step}"
    if not PLAYBOOK.hears(finding):
        return ""
    steps = (words for family, words in MANUAL_STEPS.items() if finding.matches(*family))
    return next(steps, UNHANDLED)


@cache
def _others() -> tuple[Playbook, ...]:
    """Every other header: this function is built with all of them beside it."""
    beside = headers(Path(__file__).parent.parent).values()
    return tuple(header for header in beside if not header.takes_over)


def _in_a_place_that_is_not_served(finding: Finding) -> str:
    """Only threats: the controls and rules of another account or Region are its people's work."""
    severity = finding.severity
    serious = severity.critical or (severity.urgent and finding.matches(*CONCERNS))
    if finding.source not in ("guardduty", "macie") or not serious:
        return ""
    place = finding.place
    return (
        f"This stack changes nothing in account {place.account}, {place.region}: it does not serve "
        "that place. If another stack of Cordon does, decide there. If none does, inform the "
        "account's owner or contain it there yourself. "
        "MemberRole and OtherRegions say what this stack serves."
    )


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The account: the incident is about the finding as a whole."""
    account = Resource("AWS::Account", finding.place.account, finding.place)
    return (account,) if for_a_person(finding) else ()


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """No change: what a person must do is all of it."""
    return []


PLAYBOOK = Playbook(
    name="escalate_finding",
    handles=FOR_A_PERSON,
    handles_high=CONCERNS,
    handles_critical=True,
    takes_over=True,
    targets=targets,
    plan=plan,
    actions=(),
    controls=(
        "NIST.800-53.r5 IR-4",
        "NIST.800-53.r5 IR-6",
        "NIST.800-53.r5 AC-6(9)",
        "ISO/IEC 27001:2022 A.5.26",
        "SOC 2 CC7.3",
        "HIPAA 164.308(a)(6)(ii)",
        "GDPR Art. 33",
        "PCI DSS v4.0.1 12.10",
        "EU AI Act Art. 73",
    ),
    defence_layer="incident response",
    serves=Serves.GOVERNANCE,
    recommended_mode=Mode.ENFORCE,
    manual_step=for_a_person,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, HIPAA_164_404, AI_ACT_73),
    everywhere=True,
)

handler = serve(PLAYBOOK)
