"""Everything serious about data, identity or AI is heard, by one playbook, through every door.

Two gates, as for the samples: the template's rules deliver the event, the exact gate takes it.
"""

from fnmatch import fnmatchcase
from typing import Any

import botocore.session
import pytest

from console.account import ROOT
from console.playbooks import playbooks
from cordon.sources import read
from tests.architecture.test_template_rules import SPELLED, reached
from tests.examples import ESCALATE, QUARANTINE, RESTRICT, REVOKE, TAG, folder_of
from tests.finding_types import CONTROLS, GUARDDUTY, HIGH, LOW, MACIE
from tests.sources import samples
from tests.sources.samples import ACCOUNT, BUCKET, REGION

CONTAINED = {  # which a playbook contains
    "Exfiltration:S3/": QUARANTINE.name,
    "Impact:S3/": QUARANTINE.name,
    "Policy:S3/Bucket": QUARANTINE.name,
    "UnauthorizedAccess:S3/": QUARANTINE.name,
    "DefenseImpairment:S3/": QUARANTINE.name,
    "CredentialAccess:IAMUser/": REVOKE.name,
    "Exfiltration:IAMUser/": REVOKE.name,
    "Impact:IAMUser/AnomalousBehavior": REVOKE.name,
    "UnauthorizedAccess:IAMUser/": REVOKE.name,
    "Impact:IAMUser/AnomalousModelInvocation": RESTRICT.name,
    "Impact:IAMUser/CostHarvesting": RESTRICT.name,
}
OF_A_SEQUENCE = {QUARANTINE.name, RESTRICT.name, REVOKE.name}  # a bucket, a role
NAMES_NO_OBJECT = "Object:S3/MaliciousFile"  # as these samples are: then a person looks
SERIOUS = [type_ for type_, severity in GUARDDUTY.items() if severity >= HIGH]
AT_ANY_SEVERITY = (  # for a person
    "DefenseEvasion:IAMUser/BedrockLoggingDisabled",
    "DefenseImpairment:Organizations/DisableOrModifyTools",
    "DefenseImpairment:Route53Resolver/DisableOrModifyTools",
    "Discovery:S3/MaliciousIPCaller",
    "Discovery:S3/MaliciousIPCaller.Custom",
    "Execution:SageMaker/CommandAndScriptingInterpreter",
    "Impact:IAMUser/PromptInjection.Direct",
    NAMES_NO_OBJECT,
    "Persistence:IAM/AccountManipulation",
    "PrivilegeEscalation:IAM/AccountManipulation",
    "Policy:IAMUser/RootCredentialUsage",
    "Policy:IAMUser/ShortTermRootCredentialUsage",
    "Policy:S3/AccountBlockPublicAccessDisabled",
    "Stealth:IAMUser/CloudTrailLoggingDisabled",
    "Stealth:S3/ServerAccessLoggingDisabled",
)


def handlers(event: Any) -> set[str]:
    """The playbooks that both gates let the event through to."""
    finding = read(event)
    return {p.name for p in playbooks(ROOT) if p.matches(finding)} & reached(event)


def expected(type_: str) -> set[str]:
    if type_.startswith("AttackSequence:"):
        return OF_A_SEQUENCE
    if type_ == NAMES_NO_OBJECT:
        return {ESCALATE.name}
    found = {playbook for prefix, playbook in CONTAINED.items() if type_.startswith(prefix)}
    return found | others_that_handle(f"guardduty:{type_}") or {ESCALATE.name}


def others_that_handle(kind: str) -> set[str]:
    """What these tables do not say, the headers of other playbooks do."""
    # Of detection that was switched off, the call behind a finding decides who takes it; of a
    # credential that was made, no finding names it.
    never = map(folder_of, ("cloudtrail_trail_stopped", "cloudtrail_api_key_created"))
    named = {*CONTAINED.values(), TAG.name, *never}
    others = (p for p in playbooks(ROOT) if p.name not in named and not p.takes_over)
    return {p.name for p in others if any(fnmatchcase(kind, one) for one in p.handles)}


def asff_of(type_: str, severity: float) -> Any:
    spelled = SPELLED.get(type_, "TTPs/" + type_.replace("/", "-", 1))
    label = "CRITICAL" if severity >= 9 else "HIGH" if severity >= 7 else "MEDIUM"
    return samples.asff(Types=[spelled], Severity={"Label": label}, FindingProviderFields=None)


def ocsf_of(type_: str, severity: float) -> Any:
    info = {**samples.an_ocsf()["finding_info"], "types": ["Threats", type_]}
    return samples.ocsf(finding_info=info, severity_id=5 if severity >= 9 else 4)


@pytest.mark.parametrize("type_", SERIOUS)
def test_guardduty_type_has_one_playbook(type_: str) -> None:
    severity = GUARDDUTY[type_]
    assert handlers(samples.guardduty(type=type_, severity=severity)) == expected(type_)


@pytest.mark.parametrize("type_", AT_ANY_SEVERITY)
def test_some_types_are_for_a_person_at_any_severity(type_: str) -> None:
    assert type_ in GUARDDUTY
    assert handlers(samples.guardduty(type=type_, severity=LOW)) == expected(type_)


@pytest.mark.parametrize("type_", SERIOUS)
def test_copies_in_security_hub_have_the_same_playbook(type_: str) -> None:
    assert handlers(asff_of(type_, GUARDDUTY[type_])) == expected(type_)
    assert handlers(ocsf_of(type_, GUARDDUTY[type_])) == expected(type_)


@pytest.mark.parametrize("type_", [t for t, severity in MACIE.items() if severity >= HIGH])
def test_macie_type_has_one_playbook(type_: str) -> None:
    policy = type_.startswith("Policy:")
    playbook = QUARANTINE.name if policy else folder_of("macie_sensitive_data")
    assert handlers(samples.macie(type=type_)) == (
        others_that_handle(f"macie:{type_}") or {playbook}
    )


@pytest.mark.parametrize("score", [1, 2])
def test_lesser_sensitive_data_is_left_to_macie(score: int) -> None:
    words = {1: "Low", 2: "Medium"}[score]
    severity = {"score": score, "description": words}
    event = samples.macie(type="SensitiveData:S3Object/Personal", severity=severity)
    assert handlers(event) == set()


@pytest.mark.parametrize(("id_", "label"), CONTROLS.items())
def test_control_has_one_playbook_beside_a_tag(id_: str, label: str) -> None:
    notebook = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/explorer"
    named = ("AwsSageMakerNotebookInstance", notebook)
    if id_.startswith("S3."):
        named = ("AwsS3Bucket", f"arn:aws:s3:::{BUCKET}")
    compliance = {"Status": "FAILED", "SecurityControlId": id_}
    resources = [{"Type": named[0], "Id": named[1], "Region": REGION, "Partition": "aws"}]
    event = samples.control(
        Compliance=compliance,
        Resources=resources,
        Severity={"Label": label},
        FindingProviderFields=None,
        GeneratorId=f"security-control/{id_}",
    )
    ai = id_.startswith(("SageMaker.", "Bedrock"))
    contained = id_ in ("S3.2", "S3.3", "S3.6", "S3.8")
    playbook = QUARANTINE.name if contained else ESCALATE.name
    others = others_that_handle(f"securityhub:{id_}")
    assert handlers(event) == ({*others, TAG.name} if ai else others or {playbook})
    assert len(others) <= 1


@pytest.mark.parametrize(
    "type_",
    ["Backdoor:EC2/C&CActivity.B", "CryptoCurrency:Lambda/BitcoinTool.B", "PenTest:S3/KaliLinux"],
)
def test_what_concerns_none_of_them_is_left_to_others(type_: str) -> None:
    assert handlers(samples.guardduty(type=type_, severity=GUARDDUTY.get(type_, 8))) == set()


def test_macie_types_are_all_listed() -> None:
    """The service model has them all; GuardDuty's model has no list of its types."""
    model = botocore.session.get_session().get_service_model("macie2")
    assert set(MACIE) == set(model.shape_for("FindingType").enum)
