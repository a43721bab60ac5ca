"""What restore_detection makes of a call: switched on again, for a person, or nothing."""

from dataclasses import replace
from typing import Any

import pytest

from console.staging.baseline import LOG_ROLE, baseline_of
from cordon.actions.detection import EnableDetector
from cordon.actions.keys import RestoreKey
from cordon.finding import Fact, Finding
from cordon.gate import not_ours
from cordon.playbook import Playbook
from cordon.sources import read
from tests.examples import ESCALATE, HEADERS, event, samples
from tests.make import DEPLOYMENT as ELSEWHERE
from tests.make import PLACE

RESTORE = HEADERS["restore_detection"]
CALLS = [name for name in samples(RESTORE.name) if name.startswith("cloudtrail_")]
HERE = replace(PLACE, region="us-east-1")
DEPLOYMENT = replace(
    ELSEWHERE,
    region=HERE.region,
    baseline=baseline_of(HERE),
    invocation_log_role=HERE.arn("iam", f"role/{LOG_ROLE}", region=""),
)
DETECTOR = "e20ae021059252ea36fff9f443c8fef1"
Event = dict[str, Any]

every_call = pytest.mark.parametrize("name", CALLS)


def detail(name: str, **changes: Any) -> Finding:
    changed = event(name)
    changed["detail"] |= changes
    return read(changed)


def a_call(service: str, name: str, request: Any) -> Finding:
    made = event(CALLS[0])
    made["source"] = f"aws.{service}"
    made["detail"] |= {"eventSource": f"{service}.amazonaws.com", "eventName": name}
    made["detail"] |= {"requestParameters": request, "responseElements": None, "resources": []}
    return read(made)


def update(**request: Any) -> Finding:
    return a_call("guardduty", "UpdateDetector", {"detectorId": DETECTOR, **request})


def takers(finding: Finding) -> set[str]:
    return {p.name for p in (RESTORE, ESCALATE) if p.matches(finding)}


@every_call
def test_call_is_undone_for_what_it_names(name: str) -> None:
    finding = read(event(name))
    assert takers(finding) == {RESTORE.name}
    (action,) = RESTORE.plan_for(finding, DEPLOYMENT).actions
    assert action.kept_because
    assert finding.fact(Fact.EVENT_NAME)


@every_call
def test_our_own_call_is_never_handled(name: str) -> None:
    role = DEPLOYMENT.own_roles[0]
    identity = event(name)["detail"]["userIdentity"]
    issuer = identity["sessionContext"]["sessionIssuer"]
    issuer |= {"arn": role, "userName": role.rpartition("/")[2]}
    ours = detail(name, userIdentity=identity)
    assert "Cordon's own role" in not_ours(ours, RESTORE, DEPLOYMENT)


@every_call
def test_call_that_failed_is_never_handled(name: str) -> None:
    failed = detail(name, errorCode="AccessDenied")
    assert "it changed nothing" in not_ours(failed, RESTORE, DEPLOYMENT)


FOREIGN = {  # the parameter that names the resource, and such a name of another account
    "cloudtrail": ("name", "arn:aws:cloudtrail:us-east-1:444455556666:trail/theirs"),
    "kms": ("keyId", "arn:aws:kms:us-east-1:444455556666:key/12345678-1234-1234-1234-123456789012"),
}
HOSTILE = (
    "a/b=c",
    'a"; rm -rf /',
    "../../x",
    "$(id)",
    "<b>",
    "x" * 600,
    "",
    None,
    ["x"],
    {"a": 1},
    7,
)
NAMED_BY = {
    "cloudtrail": "name",
    "config": "configurationRecorderName",
    "guardduty": "detectorId",
    "kms": "keyId",
}


@pytest.mark.parametrize("service", FOREIGN)
def test_resource_of_another_account_is_for_a_person(service: str) -> None:
    parameter, theirs = FOREIGN[service]
    name = {"cloudtrail": "StopLogging", "kms": "DisableKey"}[service]
    finding = a_call(service, name, {parameter: theirs})
    assert takers(finding) == {ESCALATE.name}
    assert RESTORE.plan_for(finding, DEPLOYMENT).actions == ()


@every_call
@pytest.mark.parametrize("unusable", HOSTILE, ids=range(len(HOSTILE)))
def test_unusable_name_reaches_no_call_and_a_person(name: str, unusable: Any) -> None:
    made = event(name)
    service = made["source"].removeprefix("aws.")
    if service not in NAMED_BY:
        pytest.skip("it names nothing: there is one for an account and Region")
    made["detail"]["requestParameters"][NAMED_BY[service]] = unusable
    made["detail"] |= {"resources": [], "responseElements": None}
    assert takers(read(made)) == {ESCALATE.name}


# What UpdateDetector and UpdateMacieSession set


@pytest.mark.parametrize(
    ("request_", "enable", "features"),
    [
        ({"enable": False}, True, ()),
        ({"enable": "false"}, True, ()),
        (
            {"features": [{"name": "AI_PROTECTION", "status": "DISABLED"}]},
            False,
            ("AI_PROTECTION",),
        ),
        (
            {"enable": False, "features": [{"name": "RDS_LOGIN_EVENTS", "status": "DISABLED"}]},
            True,
            ("RDS_LOGIN_EVENTS",),
        ),
        (
            {"dataSources": {"kubernetes": {"auditLogs": {"enable": False}}}},
            False,
            ("EKS_AUDIT_LOGS",),
        ),
        (
            {
                "features": [
                    {"name": "EKS_RUNTIME_MONITORING", "status": "DISABLED"},
                    {"name": "RUNTIME_MONITORING", "status": "DISABLED"},
                ]
            },
            False,
            ("RUNTIME_MONITORING",),
        ),
    ],
)
def test_detector_gets_what_the_call_took(
    request_: Event, enable: bool, features: tuple[str, ...]
) -> None:
    finding = update(**request_)
    (action,) = RESTORE.plan_for(finding, DEPLOYMENT).actions
    assert isinstance(action, EnableDetector)
    assert (action.enable, action.features) == (enable, features)


@pytest.mark.parametrize(
    "request_",
    [
        {"enable": True},
        {"findingPublishingFrequency": "SIX_HOURS"},
        {"features": [{"name": "AI_PROTECTION", "status": "ENABLED"}]},
        {"dataSources": {"s3Logs": {"enable": True}}},
        {},
    ],
)
def test_call_that_switches_nothing_off_is_no_finding(request_: Event) -> None:
    assert takers(update(**request_)) == set()


@pytest.mark.parametrize(
    "request_",
    [
        {"enable": "perhaps"},
        {"features": "all"},
        {"features": [{"name": "AI_PROTECTION", "status": "PAUSED"}]},
        {"features": [{"name": "<b>", "status": "DISABLED"}]},
        {"features": [{"name": "SOMETHING_NEW", "status": "DISABLED"}]},
        {"dataSources": {"s3Logs": 7}},
    ],
)
def test_what_cannot_be_read_is_for_a_person(request_: Event) -> None:
    assert takers(update(**request_)) == {ESCALATE.name}


@pytest.mark.parametrize("request_", [None, {"omitted": True}, {"status": 7}])
def test_request_that_was_left_out_is_for_a_person(request_: Any) -> None:
    assert takers(a_call("guardduty", "UpdateDetector", request_)) == {ESCALATE.name}


def test_macie_is_resumed_only_where_it_was_paused() -> None:
    assert takers(a_call("macie2", "UpdateMacieSession", {"status": "PAUSED"})) == {RESTORE.name}
    assert takers(a_call("macie2", "UpdateMacieSession", {"status": "ENABLED"})) == set()
    assert takers(a_call("macie2", "UpdateMacieSession", None)) == {ESCALATE.name}


def test_only_a_disabled_key_is_enabled() -> None:
    for name, enable in (("ScheduleKeyDeletion", False), ("DisableKey", True)):
        key = "1234abcd-12ab-34cd-56ef-1234567890ab"
        (action,) = RESTORE.plan_for(a_call("kms", name, {"keyId": key}), DEPLOYMENT).actions
        assert isinstance(action, RestoreKey)
        assert action.enable is enable


# GuardDuty's finding


def stopped(**api: Any) -> Finding:
    made = event("guardduty_named_trail_stopped")
    made["detail"]["service"]["action"]["awsApiCallAction"] |= api
    return read(made)


def test_trail_is_known_by_name_or_arn() -> None:
    by_arn, by_name = stopped(), stopped(affectedResources={"AWS::CloudTrail::Trail": "acme-trail"})
    assert RESTORE.plan_for(by_arn, DEPLOYMENT) == RESTORE.plan_for(by_name, DEPLOYMENT)
    assert RESTORE.case_id(by_arn) == RESTORE.case_id(by_name)


@pytest.mark.parametrize(
    "api",
    [
        {"api": "DeleteTrail"},
        {"api": "DeleteBucket"},
        {"api": ""},
        {"affectedResources": {}},
        {"affectedResources": None},
        {"affectedResources": {"AWS::CloudTrail::Trail": "a b"}},
        {"affectedResources": {"AWS::CloudTrail::Trail": "arn:aws:s3:::bucket"}},
        {
            "affectedResources": {
                "AWS::CloudTrail::Trail": "arn:aws:cloudtrail:us-east-1:444455556666:trail/theirs"
            }
        },
    ],
)
def test_trail_that_is_not_named_is_for_a_person(api: Event) -> None:
    assert takers(stopped(**api)) == {ESCALATE.name}


# What a person reads


@pytest.mark.parametrize(
    "name", sorted(k for k in RESTORE.handles if k.startswith("cloudtrail:")), ids=str
)
def test_every_call_has_its_text(name: str) -> None:
    """Whoever must do it reads what, and with what the call was made."""
    _, service, call = name.split(":")
    finding = a_call(service, call, {"reason": "a given parameter"})
    (taker,) = takers(finding) or {""}
    if taker:  # UpdateDetector and UpdateMacieSession without what they set are read otherwise
        header: Playbook = HEADERS[taker]
        step = header.plan_for(finding, DEPLOYMENT).manual_step
        assert "Ask who made this call" in step
        assert "a given parameter" in step or header is RESTORE


def test_what_the_call_was_given_is_bounded() -> None:
    finding = a_call("cloudtrail", "DeleteTrail", {"name": "x" * 5000, "‮": "\x1b[31m"})
    assert len(finding.fact(Fact.PARAMETERS)) <= 256
    assert finding.fact(Fact.PARAMETERS).isprintable()
