"""The coarse gate: every kind of finding a playbook handles reaches it, in every form it has.

ASFF spellings: Security Hub user guide, "Amazon GuardDuty" integration (finding type mapping) and
"Amazon Macie" integration. OCSF: Security Hub user guide, "OCSF findings".
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from console.account import cordon_stack
from console.playbook_blocks.block import calls_parameter
from cordon.playbook import Playbook
from cordon.sources.custom_action import ids_of
from cordon.sources.state_change import STATE_CHANGES
from cordon.unsupported import ATTACK_SEQUENCES
from embedded.event_patterns import check, flat, matches, matches_flat
from tests.architecture import stack as seen
from tests.architecture.stack import PLAYBOOKS, logical, stack
from tests.examples import (
    ESCALATE,
    HEADERS,
    QUARANTINE,
    RESTRICT,
    REVOKE,
    TAG,
    folder_of,
    function_of,
)

NATIVE = "native"
ASFF = "asff"
OCSF = "ocsf"
FORMS = (NATIVE, ASFF, OCSF)
CALL = "AWS API Call via CloudTrail"  # its source is that of the service that was called
KNOWN = {  # source and detail-type, as the services send them
    ("aws.guardduty", "GuardDuty Finding"),
    ("aws.guardduty", "GuardDuty Malware Protection Object Scan Result"),
    ("aws.macie", "Macie Finding"),
    ("aws.config", "Config Rules Compliance Change"),
    ("aws.securityhub", "Security Hub Findings - Imported"),
    ("aws.securityhub", "Security Hub Findings - Custom Action"),
    ("aws.securityhub", "Findings Imported V2"),
    ("aws.access-analyzer", "Access Analyzer Finding"),
    ("aws.access-analyzer", "Internal Access Finding"),
    ("aws.access-analyzer", "Unused Access Finding for IAM entities"),
    ("aws.bedrock", "AWS API Call via CloudTrail"),
    ("aws.inspector2", "Inspector2 Finding"),
    ("aws.glue-dataquality", "Data Quality Evaluation Results Available"),
    ("aws.cloudwatch", "CloudWatch Alarm State Change"),
    ("aws.health", "AWS Health Event"),
    *STATE_CHANGES,
    ("aws.cloudformation", "CloudFormation Stack Status Change"),
    ("aws.ssm", "Parameter Store Change"),
}
# GuardDuty type → how Security Hub spells it in ASFF
SPELLED = {
    "Policy:S3/BucketAnonymousAccessGranted": "TTPs/Policy:S3-BucketAnonymousAccessGranted",
    "Policy:S3/BucketPublicAccessGranted": "TTPs/Policy:S3-BucketPublicAccessGranted",
    "Policy:S3/BucketBlockPublicAccessDisabled": "Effects/Data Exposure/"
    "Policy:S3-BucketBlockPublicAccessDisabled",
    "Exfiltration:S3/AnomalousBehavior": "TTPs/Exfiltration:S3-AnomalousBehavior",
    "Exfiltration:S3/MaliciousIPCaller": "TTPs/Exfiltration:S3-MaliciousIPCaller",
    "Impact:S3/AnomalousBehavior.Delete": "TTPs/Impact:S3-AnomalousBehavior.Delete",
    "Impact:S3/MaliciousIPCaller": "TTPs/Impact:S3-MaliciousIPCaller",
    "UnauthorizedAccess:S3/TorIPCaller": "TTPs/UnauthorizedAccess:S3-TorIPCaller",
    "CredentialAccess:IAMUser/AnomalousBehavior": "TTPs/Credential Access/"
    "IAMUser-AnomalousBehavior",
    "DefenseEvasion:IAMUser/AnomalousBehavior": "TTPs/Defense Evasion/IAMUser-AnomalousBehavior",
    "Exfiltration:IAMUser/AnomalousBehavior": "TTPs/Exfiltration/IAMUser-AnomalousBehavior",
    "Impact:IAMUser/AnomalousBehavior": "TTPs/Impact/IAMUser-AnomalousBehavior",
    "InitialAccess:IAMUser/AnomalousBehavior": "TTPs/Initial Access/IAMUser-AnomalousBehavior",
    "Persistence:IAMUser/AnomalousBehavior": "TTPs/Persistence/IAMUser-AnomalousBehavior",
    "PrivilegeEscalation:IAMUser/AnomalousBehavior": "TTPs/Privilege Escalation/"
    "IAMUser-AnomalousBehavior",
    "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B": "TTPs/"
    "UnauthorizedAccess:IAMUser-ConsoleLoginSuccess.B",
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS": "Effects/"
    "Data Exfiltration/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS",
    "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS": "Effects/"
    "Data Exfiltration/UnauthorizedAccess:IAMUser-ResourceCredentialExfiltration.InsideAWS",
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller": "TTPs/"
    "UnauthorizedAccess:IAMUser-MaliciousIPCaller",
    "UnauthorizedAccess:IAMUser/TorIPCaller": "TTPs/Command and Control/"
    "UnauthorizedAccess:IAMUser-TorIPCaller",
    "Policy:IAMUser/RootCredentialUsage": "TTPs/Policy:IAMUser-RootCredentialUsage",
    "Policy:S3/AccountBlockPublicAccessDisabled": "TTPs/Policy:S3-AccountBlockPublicAccessDisabled",
    "DefenseEvasion:IAMUser/BedrockLoggingDisabled": "TTPs/Defense Evasion/"
    "DefenseEvasion:IAMUser-BedrockLoggingDisabled",
    "AttackSequence:S3/CompromisedData": "TTPs/AttackSequence:S3/CompromisedData",
    "CredentialAccess:IAMUser/CompromisedCredentials": "TTPs/Credential Access/"
    "CredentialAccess:IAMUser-CompromisedCredentials",
    "Discovery:S3/MaliciousIPCaller": "TTPs/Discovery:S3-MaliciousIPCaller",
    "Object:S3/MaliciousFile": "TTPs/Object/Object:S3-MaliciousFile",
    "Stealth:IAMUser/CloudTrailLoggingDisabled": "TTPs/Defense Evasion/"
    "Stealth:IAMUser-CloudTrailLoggingDisabled",
}


@cache
def rules(playbook: str) -> list[Mapping[str, Any]]:
    """The event patterns that lead to a playbook, directly or through its queue."""
    function, queue = logical(playbook), f"{logical(playbook)}BulkQueue"
    wanted = {stack().resources[n].arn for n in (function, queue) if n in stack().resources}
    return [
        rule.properties["EventPattern"]
        for rule in stack().of("AWS::Events::Rule")
        if any(t["Arn"] in wanted for t in rule.properties["Targets"])
    ]


def patterned() -> list[Any]:
    """The rules that wait for findings: a schedule waits for none, a warning goes to the topic."""
    topic = stack().resources["AlertsTopic"].arn
    return [
        rule
        for rule in stack().of("AWS::Events::Rule")
        if "EventPattern" in rule.properties
        and all(target["Arn"] != topic for target in rule.properties["Targets"])
    ]


def targets(event: Mapping[str, Any]) -> set[str]:
    """The functions and queues an event is delivered to."""
    return {
        str(target["Arn"])
        for rule in patterned()
        if matches(rule.properties["EventPattern"], event)
        for target in rule.properties["Targets"]
    }


def reached(event: Mapping[str, Any]) -> set[str]:
    """The playbooks an event is delivered to."""
    leaves = flat(event)
    return {p for p in PLAYBOOKS if any(matches_flat(rule, leaves) for rule in rules(p))}


def envelope(source: str, kind: str, detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "source": source,
        "detail-type": kind,
        "account": "111122223333",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }


def hub(product: str, **fields: Any) -> dict[str, Any]:
    finding = {
        "ProductArn": f"arn:aws:securityhub:eu-central-1::product/aws/{product}",
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
        "Severity": {"Label": "HIGH"},
        **fields,
    }
    return envelope("aws.securityhub", "Security Hub Findings - Imported", {"findings": [finding]})


def ocsf(product: str, **fields: Any) -> dict[str, Any]:
    uid = f"arn:aws:securityhub:eu-central-1::productv2/aws/{product}"
    finding = {"metadata": {"product": {"uid": uid}}, "severity_id": 4, "status_id": 1, **fields}
    return envelope("aws.securityhub", "Findings Imported V2", {"findings": [finding]})


def guardduty(type_: str, severity: float = 2) -> dict[str, Any]:
    return envelope("aws.guardduty", "GuardDuty Finding", {"type": type_, "severity": severity})


def config(rule: str, compliance: str = "NON_COMPLIANT") -> dict[str, Any]:
    detail = {"configRuleName": rule, "newEvaluationResult": {"complianceType": compliance}}
    return envelope("aws.config", "Config Rules Compliance Change", detail)


def alarm(namespace: str, name: str) -> dict[str, Any]:
    metrics = [{"metricStat": {"metric": {"namespace": namespace, "name": name}}}]
    detail = {"state": {"value": "ALARM"}, "configuration": {"metrics": metrics}}
    return envelope("aws.cloudwatch", "CloudWatch Alarm State Change", detail)


def threat(source: str, type_: str, form: str) -> dict[str, Any]:
    if form == OCSF:
        return ocsf(source, finding_info={"types": ["Threats", type_]})
    if source == "macie":
        spelled = f"Effects/Data Exposure/{type_.replace('/', '-')}"
        native = envelope("aws.macie", "Macie Finding", {"type": type_})
    else:
        spelled = SPELLED.get(type_, "TTPs/" + type_.replace("/", "-"))
        native = guardduty(type_)
    return native if form == NATIVE else hub(source, Types=[spelled])


def control(id_: str, form: str, *, passed: bool = False) -> dict[str, Any]:
    if form == OCSF:
        return ocsf(
            "securityhub", compliance={"control": id_, "status": "Pass" if passed else "Fail"}
        )
    status = "PASSED" if passed else "FAILED"
    workflow = "RESOLVED" if passed else "NEW"
    compliance = {"Status": status, "SecurityControlId": id_}
    return hub("securityhub", Compliance=compliance, Workflow={"Status": workflow})


def every(family: tuple[str, ...]) -> list[tuple[str, str]]:
    """(kind, form) of a family: each pattern once, and every documented type it stands for."""
    kinds = []
    for pattern in family:
        source, _, type_ = pattern.partition(":")
        kinds.append((source, type_.replace("*", "1")))
        if source == "guardduty" and type_.endswith("*"):
            kinds += [(source, t) for t in SPELLED if t.startswith(type_[:-1])]
    forms = {"config": (NATIVE,), "cloudwatch": (NATIVE,), "securityhub": (ASFF, OCSF)}
    return [(f"{s}:{t}", f) for s, t in kinds for f in forms.get(s, (NATIVE, ASFF, OCSF))]


def event(kind: str, form: str) -> dict[str, Any]:
    source, _, type_ = kind.partition(":")
    if source == "config":
        return config(type_)
    if source == "cloudwatch":
        return alarm(*type_.partition(":")[::2])
    return control(type_, form) if source == "securityhub" else threat(source, type_, form)


def alone(playbook: Playbook) -> tuple[str, ...]:
    """What it shares with nobody who contains."""
    return tuple(kind for kind in playbook.handles if kind not in ATTACK_SEQUENCES)


def unspelled(kind: str, form: str) -> bool:
    """Made-up types have no ASFF spelling; those that AWS documents are in SPELLED."""
    return form == ASFF and kind.endswith("1") and kind.startswith("guardduty:")


@pytest.mark.parametrize(("kind", "form"), every(alone(QUARANTINE)))
def test_buckets_reach_quarantine(kind: str, form: str) -> None:
    if not unspelled(kind, form):
        assert reached(event(kind, form)) == {QUARANTINE.name, ESCALATE.name}


@pytest.mark.parametrize(("kind", "form"), every(alone(REVOKE)))
def test_credentials_reach_revocation(kind: str, form: str) -> None:
    if not unspelled(kind, form):
        assert reached(event(kind, form)) == {REVOKE.name, ESCALATE.name}


@pytest.mark.parametrize(("kind", "form"), every(alone(RESTRICT)))
def test_misused_models_reach_the_restriction(kind: str, form: str) -> None:
    assert reached(event(kind, form)) == {RESTRICT.name, ESCALATE.name}


@pytest.mark.parametrize(("kind", "form"), every(ATTACK_SEQUENCES))
def test_attack_sequences_reach_whoever_contains_a_part(kind: str, form: str) -> None:
    everyone = {QUARANTINE.name, REVOKE.name, RESTRICT.name, ESCALATE.name}
    assert reached(event(kind, form)) == everyone


OPTIONAL = [header for header in HEADERS.values() if header.optional]


def optional_rules(header: Playbook) -> list[str]:
    """By logical id: one for all calls, one for each resource whose state changes."""
    states = [k.partition(":")[2].partition("/")[0] for k in header.optional if k not in CALLED]
    named = [f"Optional{state}State" for state in dict.fromkeys(states)]
    calls = ["OptionalCall"] if set(header.optional) & CALLED else []
    return [f"{function_of(header)}{name}" for name in (*calls, *named)]


CALLED = {k for header in OPTIONAL for k in header.optional if k.startswith("cloudtrail:")}


@pytest.mark.parametrize("header", OPTIONAL, ids=lambda header: header.name)
def test_what_is_often_right_is_off_unless_a_parameter_says_so(header: Playbook) -> None:
    on = cordon_stack(seen.PLACE, {calls_parameter(header.name): "true"})
    for rule in optional_rules(header):
        assert stack().resources[rule].properties["State"] == "DISABLED"
        assert on.resources[rule].properties["State"] == "ENABLED"
        pattern = stack().resources[rule].properties["EventPattern"]
        if rule.endswith("OptionalCall"):
            calls = sorted(k.rpartition(":")[2] for k in header.optional if k in CALLED)
            assert sorted(pattern["detail"]["eventName"]) == calls


def test_no_other_rule_is_switched_by_a_parameter() -> None:
    switched = {r.logical for r in stack().of("AWS::Events::Rule") if "State" in r.properties}
    assert switched == {rule for header in OPTIONAL for rule in optional_rules(header)}


@pytest.mark.parametrize(("kind", "form"), every(TAG.handles))
def test_ai_controls_reach_the_tags_alone(kind: str, form: str) -> None:
    assert reached(event(kind, form)) == {TAG.name}


@pytest.mark.parametrize(("kind", "form"), every(ESCALATE.handles))
def test_findings_for_a_person_reach_the_escalation(kind: str, form: str) -> None:
    """And whoever handles one of the family: the exact gate of the escalation leaves it to them."""
    others = {h.name for h in HEADERS.values() if kind in h.handles}
    assert reached(event(kind, form)) == {ESCALATE.name, *others}


@pytest.mark.parametrize("form", [ASFF, OCSF])
def test_only_tags_hear_of_a_pass(form: str) -> None:
    assert reached(control("SageMaker.2", form, passed=True)) == {TAG.name}
    assert reached(control("S3.2", form, passed=True)) == set()
    assert reached(config("sagemaker-endpoint-config-kms-key-required", "COMPLIANT")) == {TAG.name}
    assert reached(config("s3-bucket-public-read-prohibited", "COMPLIANT")) == set()


def test_ai_threats_are_routed_by_type_not_severity() -> None:
    """GuardDuty AI Protection finding types: all of default severity Low."""
    for what in ("CostHarvesting", "AnomalousModelInvocation", "PromptInjection.Direct"):
        assert reached(guardduty(f"Impact:IAMUser/{what}", severity=2))


def test_serious_findings_reach_the_escalation() -> None:
    """High is the top of GuardDuty's own findings but for sequences; the exact gate knows which."""
    assert reached(guardduty("Backdoor:EC2/C&CActivity.B", 7)) == {ESCALATE.name}
    assert reached(guardduty("Backdoor:EC2/C&CActivity.B", 6.9)) == set()
    for product in ("guardduty", "inspector", "access-analyzer", "securityhub"):
        critical = hub(product, Severity={"Label": "CRITICAL"}, Types=["Other"])
        assert reached(critical) == {ESCALATE.name}
        assert reached(ocsf(product, severity_id=5)) == {ESCALATE.name}
        assert reached(ocsf(product, severity_id=4)) == set()


SENSITIVE = "SensitiveData:S3Object/Personal"


def test_sensitive_data_arrives_by_a_queue() -> None:
    """Macie sends a finding an object: a bucketful must not hold up threats."""
    high = {"type": SENSITIVE, "severity": {"score": 3, "description": "High"}}
    spelled = "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"
    native = envelope("aws.macie", "Macie Finding", high)
    copy = hub("macie", Types=[spelled])
    newest = ocsf("macie", class_uid=2006, finding_info={"types": ["Data Security", SENSITIVE]})
    for event_ in (native, copy, newest):
        assert reached(event_) == {ESCALATE.name, folder_of("macie_sensitive_data")}
        assert not any(":function:" in target for target in targets(event_))
    lower = {**high, "severity": {"score": 2, "description": "Medium"}}
    assert reached(envelope("aws.macie", "Macie Finding", lower)) == set()
    assert reached(hub("macie", Types=[spelled], Severity={"Label": "MEDIUM"})) == set()


@pytest.mark.parametrize("action", [*ids_of(stack().id).values(), "CordonContain", "Contain0"])
def test_custom_action_of_this_stack_reaches_the_desk_alone(action: str) -> None:
    chosen = hub("securityhub")
    chosen["detail-type"] = "Security Hub Findings - Custom Action"
    chosen["resources"] = [f"arn:aws:securityhub:eu-central-1:111122223333:action/custom/{action}"]
    assert reached(chosen) == set()
    rule = stack().resources["DecideCasesCustomAction"].properties["EventPattern"]
    assert matches(rule, chosen) is (action in ids_of(stack().id).values())


FORGED = (
    "arn:aws:securityhub:eu-central-1:444455556666:product/444455556666/default",
    "arn:aws:securityhub:eu-central-1:111122223333:product/aws/guardduty",
    "arn:aws:securityhub:eu-central-1::product/evil/guardduty",
)


@pytest.mark.parametrize("product", FORGED)
def test_forged_products_reach_nobody(product: str) -> None:
    """Our own findings are among them: they carry an account's own product."""
    for severity in ("HIGH", "CRITICAL"):
        finding = hub("guardduty", Severity={"Label": severity}, Types=list(SPELLED.values()))
        finding["detail"]["findings"][0]["ProductArn"] = product
        assert reached(finding) == set()
        finding["detail"]["findings"][0]["Compliance"] = {
            "Status": "FAILED",
            "SecurityControlId": "S3.2",
        }
        assert reached(finding) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"RecordState": "ARCHIVED"},
        {"Workflow": {"Status": "SUPPRESSED"}},
        {"Workflow": {"Status": "RESOLVED"}},
        # what our own update makes of it
        {"Workflow": {"Status": "NOTIFIED"}, "UserDefinedFields": {"cordon": "handled"}},
    ],
)
def test_closed_findings_reach_no_playbook(changes: Mapping[str, Any]) -> None:
    failed = {"Status": "FAILED", "SecurityControlId": "S3.2"}
    assert reached(hub("securityhub", **{"Compliance": failed, **changes})) == set()
    assert reached(hub("guardduty", Types=list(SPELLED.values()), **changes)) == set()


@pytest.mark.parametrize("status", [2, 3, 4])  # in progress, suppressed, resolved
def test_only_new_ocsf_findings_are_handled(status: int) -> None:
    types = {"types": list(SPELLED)}
    assert reached(ocsf("guardduty", finding_info=types, status_id=status, severity_id=5)) == set()
    failed = {"control": "S3.2", "status": "Fail"}
    assert reached(ocsf("securityhub", compliance=failed, status_id=status)) == set()


def test_notified_finding_is_still_open() -> None:
    """A control that failed again is NEW: Security Hub resets it, our fields stay."""
    for id_, playbook in (("S3.2", QUARANTINE.name), ("SageMaker.2", TAG.name)):
        failed = {"Status": "FAILED", "SecurityControlId": id_}
        theirs = hub("securityhub", Compliance=failed, Workflow={"Status": "NOTIFIED"})
        again = hub("securityhub", Compliance=failed, UserDefinedFields={"cordon:case": "0a1b"})
        assert playbook in reached(theirs)
        assert playbook in reached(again)


def test_deleted_resource_reaches_the_tags() -> None:
    failed = {"Status": "FAILED", "SecurityControlId": "SageMaker.2"}
    archived = hub("securityhub", Compliance=failed, RecordState="ARCHIVED")
    assert reached(archived) == {TAG.name}
    assert reached(config("sagemaker-model-isolation-enabled", "NOT_APPLICABLE")) == {TAG.name}


def test_other_sources_reach_nobody() -> None:
    for source in ("custom.guardduty", "aws.partner/guardduty"):
        forged = guardduty("Policy:S3/BucketAnonymousAccessGranted")
        assert reached({**forged, "source": source}) == set()


def test_patterns_are_ones_that_eventbridge_takes() -> None:
    """EventBridge User Guide, "quotas": 30 rules with wildcards a bus at most, of all its users."""
    wild = [r for r in stack().of("AWS::Events::Rule") if "wildcard" in seen.compact(r.properties)]
    assert len(wild) <= 6
    found = [rule for rule in patterned() if rule in wild]
    assert all("configRuleName" in seen.compact(rule.properties) for rule in found)
    for rule in patterned():
        pattern = rule.properties["EventPattern"]
        check(pattern)
        assert len(seen.compact(pattern)) <= 2048, rule.logical
        sent = {(s, t) for s in pattern["source"] for t in pattern["detail-type"]}
        assert {one for one in sent if one[1] != CALL} <= KNOWN


def test_only_who_handles_high_looks_at_severity() -> None:
    for playbook in PLAYBOOKS:
        for pattern in rules(playbook):
            if not HEADERS[playbook].handles_high:
                assert "everity" not in seen.compact(pattern)


BULK = (
    "SecurityControlId",
    '"control"',
    "configRuleName",
    "SensitiveData:",
    "Sensitive Data Identifications/",
    "Software and Configuration Checks/",
    "aws.access-analyzer",
    "aws.glue-dataquality",
    "aws.inspector2",
)


def test_public_access_and_critical_images_reach_the_escalation() -> None:
    """Also where Security Hub is off: its copies are the same cases."""
    public = {"isPublic": True, "status": "ACTIVE"}
    critical = {"severity": "CRITICAL", "status": "ACTIVE"}
    for source, kind, detail, unlike in (
        ("aws.access-analyzer", "Access Analyzer Finding", public, {"isPublic": False}),
        ("aws.inspector2", "Inspector2 Finding", critical, {"severity": "HIGH"}),
    ):
        assert reached(envelope(source, kind, detail)) == {ESCALATE.name}
        assert reached(envelope(source, kind, {**detail, **unlike})) == set()


def test_compliance_never_waits_before_threats() -> None:
    """How resources are, and what Macie reads, goes by a queue; threats straight to a function."""
    for rule in patterned():
        text = seen.compact(rule.properties["EventPattern"])
        bulk = any(word in text for word in BULK)
        (target,) = rule.properties["Targets"]
        assert (":sqs:" in target["Arn"]) is bulk, rule.logical
