"""The sample events have the documented shapes, and the README lists each of them."""

import ipaddress
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from console.expected import beside
from cordon.sources import read
from cordon.sources.config import managed_rule
from tests.documented_shapes import CHECKS, Event, model, problems
from tests.examples import BROKEN, ESCALATE, EVENTS, HEADERS, NOBODY, folder_of, path_of, samples

NAMES = samples()
PREFIXES = {  # the start of a file's name says through which door the event comes
    "GuardDuty Finding": "guardduty_",
    "GuardDuty Malware Protection Object Scan Result": "guardduty_object_scan_",
    "Macie Finding": "macie_",
    "Config Rules Compliance Change": "config_",
    "Security Hub Findings - Imported": "securityhub_",
    "Security Hub Findings - Custom Action": "custom_action_",
    "Findings Imported V2": "ocsf_",
    "AWS API Call via CloudTrail": "cloudtrail_",
    "Inspector2 Finding": "inspector_",
    "Access Analyzer Finding": "access_analyzer_",
    "Internal Access Finding": "access_analyzer_internal",
    "Unused Access Finding for IAM entities": "access_analyzer_unused_",
    "AWS Health Event": "health_",
    "CloudWatch Alarm State Change": "cloudwatch_",
    "Data Quality Evaluation Results Available": "glue_data_quality_",
    "Model Customization Job State Change": "bedrock_customization_",
    "SageMaker Endpoint State Change": "sagemaker_endpoint_",
    "SageMaker Model Card State Change": "sagemaker_model_card_",
    "SageMaker Model Package State Change": "sagemaker_model_package_",
    "SageMaker Notebook Instance State Change": "sagemaker_notebook_",
    "SageMaker Notebook Lifecycle Config State Change": "sagemaker_lifecycle_config_",
    "SageMaker Training Job State Change": "sagemaker_training_job_",
}
EXAMPLE_ACCOUNTS = {"111122223333", "444455556666"}  # AWS style guide: example account ids
EXAMPLE_NETWORKS = [  # RFC 5737, RFC 3849, RFC 1918
    ipaddress.ip_network(net)
    for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8")
]


# --- reading --------------------------------------------------------------------------------
@cache
def _text(name: str) -> str:
    return path_of(name).read_text()


def load(name: str) -> Event:
    """A fresh copy of one sample event."""
    event: Event = json.loads(_text(name))
    return event


def findings(event: Event) -> list[Event]:
    """The findings of an event, whatever its door."""
    detail = event["detail"]
    return list(detail["findings"]) if "findings" in detail else [detail]


def finding_id(event: Event) -> str:
    """The finding's own id at its source; "" for a Config evaluation."""
    finding = findings(event)[0]
    info = finding.get("finding_info", {})
    if event["detail-type"] == "Access Analyzer Finding":
        return f"{event['resources'][0]}/{finding['resource']}"  # as its copy has it
    own = (finding.get(name) for name in ("Id", "arn", "findingArn", "eventArn", "alarmName", "id"))
    return str(info.get("uid") or next(filter(None, own), ""))


def kind(event: Event) -> str:
    """What the catalogue matches on, where it can be read off one field."""
    finding = findings(event)[0]
    if event["detail-type"] in ("GuardDuty Finding", "Macie Finding"):
        return f"{event['source'].removeprefix('aws.')}:{finding['type']}"
    if event["detail-type"] == "AWS API Call via CloudTrail":
        service = finding["eventSource"].removesuffix(".amazonaws.com")
        return f"cloudtrail:{service}:{finding['eventName']}"
    if event["detail-type"] == "AWS Health Event":
        return f"health:{finding['eventTypeCode']}"
    if event["detail-type"] == "Config Rules Compliance Change":
        return f"config:{managed_rule(finding['configRuleName'])}"
    if event["source"] in {
        "aws.sagemaker",
        "aws.bedrock",
        "aws.cloudwatch",
        "aws.glue-dataquality",
    }:
        return read(event).kind
    control = finding.get("Compliance", {}).get("SecurityControlId")
    control = control or finding.get("compliance", {}).get("control", "")
    return f"securityhub:{control}" if control else ""


# --- tests ------------------------------------------------------------------------------------
def test_there_are_enough_samples() -> None:
    """Breadth: many that are handled, and many that must be ignored."""
    nobody = samples(NOBODY)
    assert len(NAMES) - len(nobody) >= 48
    assert len(nobody) >= 16


def the_envelope_is_eventbridge_s(name: str) -> None:
    """EventBridge User Guide, "Event structure": these fields and no other."""
    event = load(name)
    assert list(event) == [
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    ]
    assert event["version"] == "0"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event["id"])
    assert re.fullmatch(r"aws\.[a-z0-9-]+", event["source"])
    assert re.fullmatch(r"[0-9]{12}", event["account"])
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", event["time"])
    assert re.fullmatch(r"[a-z]{2}(-gov)?-[a-z]+-[0-9]", event["region"])
    assert all(isinstance(resource, str) for resource in event["resources"])
    assert isinstance(event["detail"], dict)


def the_detail_has_the_documented_shape(name: str) -> None:
    """No invented field, no wrong type, no unknown value of an enumeration."""
    assert problems(load(name)) == []


def file_name_says_its_source_and_subject(name: str) -> None:
    """``<playbook>/<door>_<what>.json``."""
    assert folder_of(name) in (*HEADERS, NOBODY)
    assert name.startswith(PREFIXES[load(name)["detail-type"]])


def event_has_a_single_finding_in_its_region(name: str) -> None:
    """Security Hub User Guide: each event sends one finding. ARNs carry its partition."""
    event = load(name)
    assert len(findings(event)) == 1
    finding = findings(event)[0]
    cloud = finding.get("cloud", {})
    stated = (finding.get(name) for name in ("region", "Region", "awsRegion", "eventRegion"))
    region = next(filter(None, stated), None) or cloud.get("region") or event["region"]
    partition = {"cn-": "aws-cn", "us-": "aws"}.get(region[:3], "aws")
    partition = "aws-us-gov" if region.startswith("us-gov-") else partition
    assert set(re.findall(r"arn:(aws[a-z-]*):", _text(name))) <= {partition}
    elsewhere = name.endswith("_aggregated") or finding.get("backupEvent") == "true"
    assert region == event["region"] or elsewhere
    identity = finding_id(event)
    assert not identity.startswith("arn:") or identity.split(":")[3] == region


def event_account_is_the_finding_account(name: str) -> None:
    """Findings of an account that is not ours are for nobody, or a person is informed."""
    event = load(name)
    for finding in findings(event):
        cloud = finding.get("cloud", {}).get("account", {}).get("uid")
        own = finding.get("accountId") or finding.get("AwsAccountId") or finding.get("awsAccountId")
        account = own or cloud or event["account"]
        assert event["account"] == "111122223333"
        assert account == "111122223333" or folder_of(name) == NOBODY or "not_served" in name


def nothing_real_is_in_it(name: str) -> None:
    """Example accounts and documentation networks only."""
    text = _text(name)
    without_uuids = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)
    numbers = set(re.findall(r"(?<![0-9a-f])[0-9]{12}(?![0-9a-f])", without_uuids))
    assert numbers <= EXAMPLE_ACCOUNTS
    fields = r'"(?:ip|ipAddressV[46]|publicIp|privateIpAddress)": "(.+?)"'
    addresses = re.findall(fields, text, re.IGNORECASE)
    for address in map(ipaddress.ip_address, addresses):
        assert any(address in network for network in EXAMPLE_NETWORKS), address


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_as_documented(name: str) -> None:
    """One test a sample: most of the cost of so many small ones was their number."""
    the_envelope_is_eventbridge_s(name)
    the_detail_has_the_documented_shape(name)
    file_name_says_its_source_and_subject(name)
    if "_object_scan_" not in name:
        event_has_a_single_finding_in_its_region(name)
    event_account_is_the_finding_account(name)
    nothing_real_is_in_it(name)


def test_services_are_only_where_they_exist() -> None:
    """Botocore's Region data: no Macie outside the commercial partition, no Bedrock in China."""
    for name in NAMES:
        event = load(name)
        assert event["source"] != "aws.macie" or not event["region"].startswith(("cn-", "us-gov-"))
        assert not event["region"].startswith("cn-") or "bedrock" not in _text(name)


def test_event_ids_are_unique() -> None:
    names = [*NAMES, *samples(BROKEN)]
    assert len({load(name)["id"] for name in names}) == len(names)


def _doors() -> dict[str, list[str]]:
    """The samples by the id of their finding, where there are several."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in NAMES:
        if identity := finding_id(load(name)):
            found[identity].append(name)
    return {"+".join(names): names for names in found.values() if len(names) > 1}


@pytest.mark.parametrize("names", _doors().values(), ids=_doors())
def test_a_finding_id_is_used_again_only_for_the_same_case(names: list[str]) -> None:
    """One finding through several doors, or later: of one kind, and one case for each playbook."""
    found = [read(load(name)) for name in names]
    assert len({finding.kind for finding in found}) == 1
    for playbook in HEADERS.values():
        assert len({playbook.case_id(one) for one in found if playbook.matches(one)}) <= 1


def _handled_by(name: str) -> set[str]:
    """The playbook of its folder; of an attack sequence also the others that its plan names."""
    plan = beside(path_of(name)) or {}
    return {folder_of(name), *(other["playbook"] for other in plan.get("others", ()))}


@pytest.mark.parametrize("playbook", HEADERS)
def test_every_pattern_of_a_header_has_a_sample(playbook: str) -> None:
    """A pattern nobody can show an event for would be a guess.

    What a playbook hears and cannot change is among the samples of the one that takes over.
    """
    shown = {playbook, ESCALATE.name}
    kinds = {kind(load(name)) for name in NAMES if _handled_by(name) & shown}
    lonely = [
        pattern
        for pattern in (*HEADERS[playbook].handles, *HEADERS[playbook].optional)
        if not any(fnmatchcase(found, pattern) for found in kinds)
    ]
    assert lonely == []


def test_prompt_injections_are_as_documented() -> None:
    """GuardDuty User Guide, "GuardDuty AI Protection finding types": the guardrail intervened, with
    a prompt attack of confidence HIGH; only its filter's action says whether it was blocked.
    """
    actions = set()
    for name in NAMES:
        event = load(name)
        if event["detail"].get("type") == "Impact:IAMUser/PromptInjection.Direct":
            details = event["detail"]["resource"]["bedrockGuardrailDetails"]
            assert details["guardrailAction"] == "GUARDRAIL_INTERVENED", name
            filters = {f["type"]: f for f in details["contentPolicyFilters"]}
            assert filters["PROMPT_ATTACK"]["confidence"] == "HIGH", name
            actions.add(filters["PROMPT_ATTACK"]["action"])
    assert actions == {"BLOCKED", "NONE"}


def test_every_user_type_and_every_door_has_a_sample() -> None:
    """The actors that GuardDuty names, and the ways a finding reaches us."""
    users: set[str] = set()
    doors: set[str] = set()
    classes: set[int] = set()
    for name in NAMES:
        event = load(name)
        doors.add(event["detail-type"])
        for finding in findings(event):
            if event["detail-type"] == "GuardDuty Finding":
                key = finding["resource"].get("accessKeyDetails", {})
                users.add(key.get("userType", ""))
            classes.add(finding.get("class_uid", 0))
    assert users >= {"Root", "IAMUser", "AssumedRole", "FederatedUser", "AWSService", "AWSAccount"}
    assert doors >= set(CHECKS)
    assert classes >= {2002, 2003, 2004, 2006}


def test_the_hub_s_model_leaves_ocsf_untyped() -> None:
    """When botocore describes the OCSF finding, check it there and drop the list here."""
    shape = model("securityhub", "OcsfFinding")
    assert shape.type_name == "structure"
    assert dict(shape.members) == {}


def _readme_rows() -> list[tuple[str, str, str, str]]:
    text = (EVENTS / "README.md").read_text()
    rows, folder = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            folder = line.removeprefix("## ").strip("`/ ")
        elif row := re.fullmatch(r"\| `([a-z0-9_]+)` \| (.+?) \| (.+?) \|", line):
            rows.append((folder, row[1], row[2], row[3]))
    return rows


def test_the_readme_lists_every_file_once() -> None:
    """One line a file: what it shows, and where its shape comes from."""
    rows = _readme_rows()
    for folder in (*HEADERS, NOBODY, BROKEN):
        assert [file for of, file, *_ in rows if of == folder] == samples(folder)
    assert len(rows) == len(NAMES) + len(samples(BROKEN))
    shapes = set(re.findall(r"^- \*\*(.+?)\*\*: ", (EVENTS / "README.md").read_text(), re.M))
    assert {shape for *_, shape in rows} == shapes


# --- a seeded fault must be seen ---------------------------------------------------------------
FREE = (  # keys below these are data, not names of fields
    "ProductFields",
    "UserDefinedFields",
    "Tags",
    "AffectedResources",
    "affectedResources",
    "additionalInfo",
    "profiles",
    "behavior",
    "dimensions",
)
ONE_A_SHAPE = (
    "guardduty_several_buckets",
    "guardduty_instance_credentials_outside",
    "guardduty_attack_sequence_s3",
    "macie_replicated_externally",
    "macie_sensitive_data",
    "securityhub_guardduty_anonymous_access",
    "securityhub_sagemaker_1",
    "custom_action_contain_s3_8",
    "config_sagemaker_notebook_direct_internet",
    "ocsf_guardduty_anonymous_access",
    "ocsf_exposure_critical",
    "ocsf_inspector_high",
    "inspector_critical_image_closed",
    "sagemaker_model_package_approved",
    "cloudwatch_guardrail_alarm",
    "health_credentials_exposed",
)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key not in FREE:
                yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


@pytest.mark.parametrize("name", ONE_A_SHAPE)
def test_a_misspelt_field_is_seen_anywhere(name: str) -> None:
    """Rename each field of the detail in turn: the check must object every time."""
    event = load(name)
    renamed = 0
    for place in _objects(event["detail"]):
        for key in [k for k in place if k not in ("findings", "service", "additionalInfo")]:
            place[f"{key}X"] = place.pop(key)
            assert problems(event), key
            place[key] = place.pop(f"{key}X")
            renamed += 1
    assert renamed > 10
    assert problems(event) == []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("guardduty_anonymous_access", "severity", "8"),
        ("guardduty_anonymous_access", "service.archived", "false"),
        ("guardduty_anonymous_access", "service.additionalInfo.samples", True),
        ("guardduty_anonymous_access", "resource.s3BucketDetails", {}),
        ("guardduty_anonymous_access", "createdAt", "yesterday"),
        ("macie_public", "severity.description", "Severe"),
        ("macie_public", "type", "Policy:IAMUser/S3BucketOpen"),
        ("securityhub_s3_2", "findings.0.Compliance.Status", "FAIL"),
        ("securityhub_s3_2", "findings.0.Severity.Normalized", "90"),
        ("securityhub_s3_2", "findings.0.Note", None),
        ("securityhub_s3_2", "actionname", "CordonContain"),
        ("config_bucket_public_read", "newEvaluationResult.complianceType", "FAILED"),
        ("config_bucket_public_read", "ruleName", "s3"),
        ("ocsf_s3_8", "findings.0.severity_id", "4"),
        ("ocsf_s3_8", "findings.0.compliance.status_id", True),
        ("ocsf_s3_8", "findings.0.resources", {}),
    ],
)
def test_a_wrong_value_is_seen(name: str, path: str, value: Any) -> None:
    """Types and enumerations count, not names alone."""
    event = load(name)
    *way, last = path.split(".")
    place: Any = event["detail"]
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    assert problems(event)


def test_a_missing_required_field_is_seen() -> None:
    """ASFF required attributes, as BatchImportFindings demands them."""
    event = load("securityhub_s3_2")
    del event["detail"]["findings"][0]["AwsAccountId"]
    assert any("AwsAccountId" in problem for problem in problems(event))
