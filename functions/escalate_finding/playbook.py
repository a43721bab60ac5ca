"""Escalate what only a person can contain.

When    root is used; an identity was manipulated, or a notebook's start script changed; an attack
        sequence names what no playbook contains; logs or defences are impaired; the principal,
        bucket or object is one that Cordon cannot contain; anything critical, or High about data,
        identity or AI, that no other playbook handles; or such a threat in an account or Region
        that is not served. An alarm of yours on WAF, Shield, Bedrock's throttles, tokens or
        guardrails, or drift. A control of a service of data, network, identity or detection.
Does    an incident says what a person must do. Of those services' controls there is one for each
        resource and control; Medium ones are recorded without one, but for resources of what you
        named an AI workload (the parameter AiWorkloads), and Low ones are ignored. Of what a person
        chose in Security Hub (CordonContain) there is one at any severity.
        Where a control passes, of whatever service, its incident is closed.
Undo    resolves the incident.
Leaves  every resource.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cordon.actions import Action
from cordon.deadlines import AI_ACT_73, GDPR_33, HIPAA_164_404
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Fact, Finding, Resource, ResourceRole, State
from cordon.headers import headers
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import ATTACK_SEQUENCES, BUCKET, MOST_NAMED, account_of, of_the_refused

OBJECT = "AWS::S3::Object"
ACCOUNT = "AWS::::Account"  # as a control names it
# A person must handle these, at any severity.
ROOT_USE = (
    "guardduty:Policy:IAMUser/RootCredentialUsage",
    "guardduty:Policy:IAMUser/ShortTermRootCredentialUsage",
    "securityhub:IAM.4",
    "securityhub:IAM.6",
    "securityhub:IAM.9",
)
ACCOUNT_WIDE = ("guardduty:Policy:S3/AccountBlockPublicAccessDisabled",)
# Custom detection rules find what their owner wants to hear of, also where they say Low or Medium:
# an administrator may have done it, so that nothing is revoked before a person has looked.
ACCOUNT_MANIPULATION = ("guardduty:*:IAM/AccountManipulation",)
CODE_IN_AI = ("guardduty:Execution:SageMaker/*",)  # a notebook's start script was changed
# Of a trail it is switched on again; of S3, DefenseImpairment is about a bucket, and contained.
DETECTION_IMPAIRED = ("guardduty:DefenseImpairment:*", "guardduty:Stealth:*")
# Nothing has left the bucket, and to deny everyone stops its owner: a person decides.
DISCOVERED_BUCKETS = ("guardduty:Discovery:S3/MaliciousIPCaller*",)
# In a bucket that Cordon cannot tag; where it is High: Macie finds Low and Medium daily.
SENSITIVE_DATA = ("macie:SensitiveData:*",)
# How services of data engineering, keys, certificates, networks, sign-in and detection are set up
# (Security Hub User Guide, the page of each service's controls). EC2: flow logs, VPC endpoints.
NETWORK_CONTROLS = (
    *(f"securityhub:EC2.{number}" for number in (6, 10, 55, 56)),
    "securityhub:WAF.*",
)
DATA_CONTROLS = (
    "securityhub:ACM.*",
    "securityhub:DMS.*",
    "securityhub:Glue.*",
    "securityhub:KMS.*",
    "securityhub:Kinesis.*",
    "securityhub:Neptune.*",
)
DETECTION_CONTROLS = (
    "securityhub:CloudTrail.*",
    "securityhub:GuardDuty.*",
    "securityhub:Inspector.*",
    "securityhub:Macie.*",
)
SET_UP = (
    *NETWORK_CONTROLS,
    *DATA_CONTROLS,
    *DETECTION_CONTROLS,
    "securityhub:Cognito.*",
    "securityhub:EMR.*",
)
# Alarms that people made; none names who called, so that nobody is restricted. Namespaces and
# metrics: AWS WAF Developer Guide, "AWS WAF metrics and dimensions" (names that Bot Control gives
# are dimensions) and "Viewing metrics and dimensions" (Shield Advanced); Amazon Bedrock User Guide,
# "Monitor bedrock-runtime inference using CloudWatch metrics" and "Monitor Amazon Bedrock
# Guardrails using CloudWatch metrics"; SageMaker AI Developer Guide, "CloudWatch Metrics" of Model
# Monitor, which writes a slash before the namespace, and "CloudWatch Metrics for Bias Drift
# Analysis", which writes none.
WEB_ALARMS = ("cloudwatch:AWS/WAFV2:*",)
DENIAL_OF_SERVICE_ALARMS = ("cloudwatch:AWS/DDoSProtection:*",)
USE_ALARMS = (
    "cloudwatch:AWS/Bedrock:InvocationThrottles",
    "cloudwatch:AWS/Bedrock:InputTokenCount",
    "cloudwatch:AWS/Bedrock:OutputTokenCount",
)
GUARDRAIL_ALARMS = ("cloudwatch:AWS/Bedrock/Guardrails:InvocationsIntervened",)
DRIFT_ALARMS = (
    "cloudwatch:/aws/sagemaker/Endpoints/*",
    "cloudwatch:/aws/sagemaker/ModelMonitoring/*",
    "cloudwatch:aws/sagemaker/Endpoints/*",
    "cloudwatch:aws/sagemaker/ModelMonitoring/*",
)
EDGE_ALARMS = (*WEB_ALARMS, *DENIAL_OF_SERVICE_ALARMS)
MODEL_ALARMS = (*USE_ALARMS, *GUARDRAIL_ALARMS, *DRIFT_ALARMS)
FOR_A_PERSON = (
    *ROOT_USE,
    *ACCOUNT_WIDE,
    *ACCOUNT_MANIPULATION,
    *CODE_IN_AI,
    *DETECTION_IMPAIRED,
    *DISCOVERED_BUCKETS,
    *EDGE_ALARMS,
    *MODEL_ALARMS,
    *SET_UP,
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
    ACCOUNT_WIDE: "Turn the account's block public access on again unless the change was "
    "approved. Cordon never changes it: one finding must not shut every bucket of an account.",
    ACCOUNT_MANIPULATION: "Ask who changed this identity and why. If nobody did: take "
    "the new policy, key, login or trust away, and revoke the sessions of whoever made it.",
    CODE_IN_AI: "Find the lifecycle configuration in CloudTrail, and read it: it runs as root at "
    "each start of a notebook that uses it (aws sagemaker list-notebook-instances "
    "--notebook-instance-lifecycle-config-name-contains NAME). If nobody meant the change, contain "
    "each of these: cordon contain ARN --playbook stop_notebook.",
    DETECTION_IMPAIRED: "Turn the log or defence on again unless the change was "
    "approved, and look for what was done while it was off.",
    DISCOVERED_BUCKETS: "Find in CloudTrail whose credentials listed the bucket from "
    "that address, and revoke them. Check what was read afterwards.",
    WEB_ALARMS: "See in the web ACL's metrics and sampled requests who sends this. Where it is no "
    "user of yours: add a rate-based rule by address or by the names of Bot Control, in count mode "
    "first. Cordon changes no web ACL.",
    DENIAL_OF_SERVICE_ALARMS: "See the event in Shield, and whether its mitigation holds. Where it "
    "does not: limit requests in the web ACL, and call the Shield Response Team.",
    USE_ALARMS: "The metric names no caller. Find in the invocation logs who invoked the model so "
    "often. Where that is no use of yours, restrict that role or user; else raise the quota.",
    GUARDRAIL_ALARMS: "The metric names no caller. Find in the invocation logs what the guardrail "
    "stopped and who sent it. Many in a row may be an attack, or a guardrail that is too strict.",
    DRIFT_ALARMS: "Compare what the model gets and says now with its baseline. Decide whether it "
    "may go on deciding; take it out of use or train it anew if not.",
    SET_UP: "Bring the resource into line with the control: its page in the Security Hub User "
    "Guide says how.",
}
UNTIL_PASSED = (
    " When Security Hub CSPM says that the control passed, Cordon closes the incident; where it"
    " does not, resolve it yourself."
)
# Of a control there is a finding of Security Hub CSPM for as long as the resource exists.
ENDED_BY_PASS = ("securityhub:*",)
SEQUENCE = (
    "Treat every resource of the sequence as part of one incident: cordon review --sequence, with "
    "the finding's id, shows its cases."
)
UNHANDLED = "No playbook contains this finding: decide what must be contained, and do it."


def for_a_person(finding: Finding) -> str:
    """What a person must do; "" when another playbook handles the finding, or none needs to."""
    if not finding.served:
        return _in_a_place_that_is_not_served(finding)
    heard = [other for other in _others() if other.hears(finding)]
    if finding.matches(*ATTACK_SEQUENCES):
        return _rest_of_the_sequence(finding, heard)
    if heard:
        refused = [other.unsupported(finding) if other.unsupported else None for other in heard]
        first = refused[0]
        if first is None or None in refused:
            return ""
        return f"Not contained: {first.reason}. {first.manual_step}{_until_passed(finding)}"
    if not PLAYBOOK.hears(finding) or _is_minor(finding):
        return ""
    steps = (words for family, words in MANUAL_STEPS.items() if finding.matches(*family))
    return next(steps, UNHANDLED) + _until_passed(finding)


def _until_passed(finding: Finding) -> str:
    """What closes the incident of a control; "" of anything else, and where none is opened."""
    of_hub = finding.is_control and finding.source == "securityhub"
    return UNTIL_PASSED if of_hub and not recorded(finding) else ""


def _is_minor(finding: Finding) -> bool:
    """A control of Low severity, as one that wants tags: Security Hub has it.

    One that passed is informational, whatever it was; one that a person chose is for a person.
    """
    failed = finding.state is not State.PASSED and not finding.custom_action
    return failed and finding.severity.minor and finding.matches(*SET_UP)


def recorded(finding: Finding) -> str:
    """Why a control of Medium severity is recorded and opens no incident; "" for all else.

    Of an AI workload, as the operator named it, it opens one, and where a person chose it.
    """
    severity = finding.severity
    wanted = bool(finding.fact(Fact.WORKLOAD) or finding.custom_action)
    if severity.urgent or severity.minor or wanted or not finding.matches(*SET_UP):
        return ""
    return "a control of Medium severity is recorded, and opens no incident"


def _rest_of_the_sequence(finding: Finding, heard: Sequence[Playbook]) -> str:
    """What of an attack sequence no playbook contains; "" where each part of it has one.

    An object is contained with its bucket, a session's key with its role.
    """
    contained = {resource for other in heard for resource in other.targets(finding)}
    within = tuple(f"{bucket.arn}/" for bucket in contained if bucket.type == BUCKET)
    rest = [
        f"{one.type} {one.name}"
        for one in finding.resources
        if one.role is ResourceRole.TARGET
        and one not in contained
        and not (one.type == OBJECT and one.arn.startswith(within))
    ]
    refused = of_the_refused(finding)
    if contained and not rest and not refused:
        return ""
    listed = ", ".join(rest[:MOST_NAMED])
    more = f" and {len(rest) - MOST_NAMED} more" if len(rest) > MOST_NAMED else ""
    nobody = f"No playbook contains: {listed}{more}. Contain these yourself." if rest else ""
    return " ".join(part for part in (SEQUENCE, nobody, refused) if part)


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
    """What the incident is about: a control's resource; of anything else the account.

    A control fails for each resource of its own, and each is corrected for itself.
    """
    if not for_a_person(finding):
        return ()
    return (_failed(finding) if finding.is_control else ()) or (account_of(finding),)


def _failed(finding: Finding) -> tuple[Resource, ...]:
    """By their ARNs alone: ASFF and OCSF have two names for one type, and both are one case."""
    return tuple(
        Resource("Other", one.arn or one.name, one.place, one.arn)
        for one in finding.resources
        if one.role is ResourceRole.TARGET
        and one.type != ACCOUNT
        and one.place.account == finding.place.account
    )


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """No change: what a person must do is all of it."""
    return []


PLAYBOOK = Playbook(
    name="escalate_finding",
    handles=FOR_A_PERSON,
    handles_high=CONCERNS,
    handles_critical=True,
    takes_over=True,
    ends_on_pass=ENDED_BY_PASS,
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
    layers=(
        ("network and edge protection", (*NETWORK_CONTROLS, *EDGE_ALARMS)),
        ("detection", (*DETECTION_CONTROLS, *DETECTION_IMPAIRED)),
        ("data protection", (*DATA_CONTROLS, *CONCERNS_DATA)),
        (
            "identity and access",
            ("securityhub:Cognito.*", *ROOT_USE, *ACCOUNT_MANIPULATION, *CONCERNS_IDENTITY),
        ),
        ("application and models", (*MODEL_ALARMS, *CODE_IN_AI, *CONCERNS_AI)),
        ("infrastructure", ("securityhub:EMR.*",)),
    ),
    serves=Serves.GOVERNANCE,
    recommended_mode=Mode.ENFORCE,
    manual_step=for_a_person,
    needs_nobody=lambda finding, _: recorded(finding),
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, HIPAA_164_404, AI_ACT_73),
    everywhere=True,
)

handler = serve(PLAYBOOK)
