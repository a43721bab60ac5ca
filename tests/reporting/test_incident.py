"""One OpsItem a case, true at any moment; one message each time that it comes to a new status."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.sns.models import sns_backends

from cordon.clients import AwsClients
from cordon.finding import Place, Principal, Resource, Severity, SeverityLabel
from cordon.memory.cases import ActionStatus, Case, Reported
from cordon.playbook import Incident, Plan
from cordon.reporting.incident import (
    BODY,
    TITLE,
    body,
    description,
    report_incident,
    report_message,
    title,
    wanted,
)
from cordon.statuses import Status
from embedded import backends
from quarantine_bucket.playbook import PLAYBOOK as QUARANTINE
from tests.actions.scenario import PLACE, account, stub
from tests.make import DEPLOYMENT, a_finding
from tests.reporting.cases import CASE, a_case, refused_block, with_results
from tests.reporting.test_escape import does_something

backends.install()  # moto has no OpsItems; before any session is made, which is in the first test

TOPIC = PLACE.arn("sns", "cordon")
HOME = replace(DEPLOYMENT, account=PLACE.account, region=PLACE.region, topic=TOPIC)
HOSTILE = (
    "<script>`x`|y [free](https://evil.example) <!channel> **bold**\n\n=cmd()\n# What to do now: x"
)


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        clients.client("sns").create_topic(Name="cordon")
        yield clients


def show(case: Case, aws: AwsClients, shown: Reported | None = None) -> Reported:
    """Incident, then message, as ``report`` does it."""
    filed = report_incident(case, QUARANTINE, shown or Reported(), aws.client("ssm"))
    return report_message(case, QUARANTINE, HOME, filed, aws.client("sns"))


def item(aws: AwsClients, number: str) -> dict[str, Any]:
    return dict(aws.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"])


def items(aws: AwsClients) -> list[dict[str, Any]]:
    return list(aws.client("ssm").describe_ops_items(OpsItemFilters=[])["OpsItemSummaries"])


def messages(aws: AwsClients) -> list[Any]:
    """What was published: (message id, message, subject, attributes, group)."""
    topics = sns_backends[PLACE.account][PLACE.region].topics
    return list(topics[TOPIC].sent_notifications)


# ---- when a case calls for an incident ----

ALWAYS = {
    Status.AWAITING_APPROVAL,
    Status.CONTAINING,
    Status.CONTAINED,
    Status.TAGGED,
    Status.ESCALATED,
    Status.PARTLY_CONTAINED,
    Status.FAILED,
    Status.RESOURCE_DELETED,
    Status.RELEASING,
}
WHEN_FAILED = {Status.ESCALATED, Status.PARTLY_CONTAINED, Status.FAILED}
WANTED = {Incident.ALWAYS: ALWAYS, Incident.WHEN_FAILED: WHEN_FAILED, Incident.NEVER: set()}


@pytest.mark.parametrize("when", Incident)
@pytest.mark.parametrize("status", Status)
def test_status_calls_for_incident(status: Status, when: Incident) -> None:
    playbook = replace(QUARANTINE, incident=when)
    assert wanted(a_case(status), playbook) is (status in WANTED[when])


@pytest.mark.parametrize("when", Incident)
def test_failed_undo_calls_for_incident(when: Incident) -> None:
    case = with_results(a_case(Status.RELEASING), ActionStatus.FAILED, "AccessDenied")
    assert wanted(case, replace(QUARANTINE, incident=when)) is (when is not Incident.NEVER)


# ---- the OpsItem ----


def test_first_report_opens_one_item(aws: AwsClients) -> None:
    shown = show(a_case(), aws)
    opened = item(aws, shown.ops_item)
    named = (opened["Source"], opened["Category"], opened["Severity"], opened["Status"])
    assert named == ("cordon", "Security", "2", "Open")
    assert opened["Title"] == "HIGH: Cordon contained: A bucket became public"
    data = {key: entry["Value"] for key, entry in opened["OperationalData"].items()}
    assert json.loads(data["/aws/dedup"]) == {"dedupString": CASE}
    assert json.loads(data["/aws/resources"]) == [{"arn": "arn:aws:s3:::training-data"}]
    assert data["cordon-case"] == CASE


def test_same_report_calls_nobody(aws: AwsClients) -> None:
    shown = show(a_case(), aws)
    version = item(aws, shown.ops_item)["Version"]
    assert show(a_case(), aws, shown) == shown
    assert item(aws, shown.ops_item)["Version"] == version
    assert len(messages(aws)) == 1


def test_changed_case_updates_its_item(aws: AwsClients) -> None:
    waiting = show(a_case(Status.AWAITING_APPROVAL), aws)
    failed = show(refused_block(), aws, waiting)
    assert failed.ops_item == waiting.ops_item
    assert len(items(aws)) == 1
    opened = item(aws, failed.ops_item)
    assert opened["Title"].startswith("HIGH: Cordon not contained")
    assert "service control policy" in opened["Description"]
    assert failed.shown != waiting.shown


@pytest.mark.parametrize(
    "status", [Status.RELEASED, Status.REOPENED, Status.REJECTED, Status.EXPIRED, Status.OBSERVED]
)
def test_closed_case_resolves_its_item(aws: AwsClients, status: Status) -> None:
    shown = show(a_case(Status.AWAITING_APPROVAL), aws)
    closed = show(a_case(status), aws, shown)
    resolved = item(aws, closed.ops_item)
    assert resolved["Status"] == "Resolved"
    assert "Cordon" in resolved["Title"] and "awaiting" not in resolved["Title"]
    assert len(messages(aws)) == 1


def test_case_that_goes_on_reopens_item(aws: AwsClients) -> None:
    shown = show(a_case(Status.REOPENED), aws, show(a_case(), aws))
    again = show(a_case(Status.AWAITING_APPROVAL, round=2), aws, shown)
    assert again.ops_item == shown.ops_item
    assert item(aws, again.ops_item)["Status"] == "Open"
    assert len(messages(aws)) == 2


def test_closed_case_opens_no_item(aws: AwsClients) -> None:
    assert show(a_case(Status.OBSERVED), aws) == Reported()
    assert items(aws) == []


def test_try_that_died_is_found_and_updated(aws: AwsClients) -> None:
    """It opened the OpsItem and kept nothing; what it said then is no longer true."""
    died = show(a_case(Status.AWAITING_APPROVAL), aws)
    shown = show(refused_block(), aws)
    assert shown.ops_item == died.ops_item
    assert len(items(aws)) == 1
    assert item(aws, shown.ops_item)["Title"].startswith("HIGH: Cordon not contained")


@pytest.mark.parametrize(
    ("status", "opened"),
    [(Status.FAILED, True), (Status.RELEASED, False), (Status.REOPENED, False)],
)
def test_deleted_item_is_created_anew(aws: AwsClients, status: Status, opened: bool) -> None:
    """Where the case is closed there is nothing to resolve, and nothing fails for ever."""
    deleted = replace(show(a_case(), aws), ops_item="oi-000000000000")
    item_before = items(aws)[0]["OpsItemId"]
    aws.client("ssm").update_ops_item(OpsItemId=item_before, Status="Resolved")
    shown = show(a_case(status), aws, deleted)
    assert bool(shown.ops_item) is opened
    assert shown.ops_item not in ("oi-000000000000", item_before)
    assert len(items(aws)) == (2 if opened else 1)
    assert show(a_case(status), aws, shown) == shown


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateOpsItem", "OpsItemLimitExceededException"),
        ("UpdateOpsItem", "OpsItemInvalidParameterException"),
    ],
)
def test_other_errors_rise(aws: AwsClients, operation: str, code: str) -> None:
    shown = show(a_case(), aws) if operation == "UpdateOpsItem" else Reported()
    stub(aws, "ssm", operation, lambda _: code)
    with pytest.raises(ClientError, match=code):
        report_incident(refused_block(), QUARANTINE, shown, aws.client("ssm"))


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (SeverityLabel.CRITICAL, "1"),
        (SeverityLabel.HIGH, "2"),
        (SeverityLabel.MEDIUM, "3"),
        (SeverityLabel.LOW, "4"),
        (SeverityLabel.INFORMATIONAL, "4"),
    ],
)
def test_item_is_as_severe_as_finding(aws: AwsClients, level: SeverityLabel, severity: str) -> None:
    shown = show(a_case(finding=a_finding(severity=Severity("x", level, 1))), aws)
    assert item(aws, shown.ops_item)["Severity"] == severity


def test_related_resources_fit(aws: AwsClients) -> None:
    arns = tuple(f"arn:aws:s3:::{i:0900d}" for i in range(150))
    related = _related(aws, arns)
    assert related == list(arns[: len(related)])
    assert 15 < len(related) < 100


def test_related_resources_are_hundred_at_most(aws: AwsClients) -> None:
    arns = tuple(f"arn:aws:s3:::b{i}" for i in range(150))
    assert _related(aws, arns) == list(arns[:100])


def _related(aws: AwsClients, arns: tuple[str, ...]) -> list[str]:
    named = tuple(Resource("Other", arn, PLACE, arn) for arn in arns)
    case = replace(a_case(), finding=a_finding(resources=named))
    data = item(aws, show(case, aws).ops_item)["OperationalData"]
    return [entry["arn"] for entry in json.loads(data["/aws/resources"]["Value"])]


# ---- the message ----


def test_message_names_item_and_case(aws: AwsClients) -> None:
    shown = show(a_case(), aws)
    ((_, message, subject, attributes, _),) = messages(aws)
    assert message.startswith(f"{shown.ops_item}\n\nStatus: contained.")
    assert subject == "HIGH: Cordon contained: A bucket became public"
    assert {name: said["Value"] for name, said in attributes.items()} == {
        "case": CASE,
        "playbook": "quarantine_bucket",
        "status": "contained",
        "severity": "2",
        "ops_item": shown.ops_item,
    }


WITH_MESSAGE = ALWAYS - {Status.CONTAINING, Status.RELEASING}


@pytest.mark.parametrize("status", Status)
def test_status_sends_message(aws: AwsClients, status: Status) -> None:
    show(a_case(status), aws)
    assert len(messages(aws)) == (1 if status in WITH_MESSAGE else 0)


def test_message_is_sent_once_per_status(aws: AwsClients) -> None:
    shown = Reported()
    for reason in ("Throttling", "AccessDenied", "AccessDenied"):
        case = with_results(a_case(Status.FAILED), ActionStatus.FAILED, reason)
        shown = show(case, aws, shown)
    assert len(messages(aws)) == 1
    assert "AccessDenied" in item(aws, shown.ops_item)["Description"]
    show(replace(a_case(Status.FAILED), round=2), aws, shown)
    assert len(messages(aws)) == 2


def test_unsent_message_is_not_counted(aws: AwsClients) -> None:
    stub(aws, "sns", "Publish", lambda _: "AuthorizationError")
    with pytest.raises(ClientError, match="AuthorizationError"):
        report_message(a_case(), QUARANTINE, HOME, Reported(), aws.client("sns"))


def test_message_goes_without_item(aws: AwsClients) -> None:
    """OpsCenter refused: people get the message all the same (B21)."""
    shown = report_message(a_case(), QUARANTINE, HOME, Reported(), aws.client("sns"))
    ((_, message, _, attributes, _),) = messages(aws)
    assert message.startswith("Status: contained.")
    assert "ops_item" not in attributes
    assert shown.message == "contained 1"


# ---- what it says ----


def test_body_says_all_parts_in_order() -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    parts = [part.split(":")[0] for part in body(case).split("\n\n")]
    assert parts == [
        "Status",
        "What to do now",
        "Changes",
        "Decision",
        "What happened",
        "Severity",
        "Last seen",
        "Where",
        "Resource",
        "What a person must do",
        "Plan hash",
        "Approve",
        "Reject",
        "Case",
        "Finding",
        "Details",
    ]
    assert f"Plan hash: {case.plan_hash}\n" in body(case)
    assert f"Approve: cordon approve {CASE} --plan {case.plan_hash}\n" in body(case)
    assert f"Reject: cordon reject {CASE}\n" in body(case)


def test_only_question_has_commands_to_decide() -> None:
    assert "Approve" not in body(a_case()) and "Plan hash" not in body(a_case())


def test_body_names_actor() -> None:
    who = Principal("IAMUser", "ada", access_key_id="AKIAI44QH8DHBEXAMPLE")
    case = replace(a_case(), finding=a_finding(principal=who))
    assert "Actor: IAMUser ada AKIAI44QH8DHBEXAMPLE" in body(case)


def test_body_names_members_account() -> None:
    member = a_finding(place=Place("aws", "444455556666", "us-west-2"))
    assert "account 444455556666, us-west-2" in body(replace(a_case(), finding=member))


def test_escalated_body_says_what_to_do_once() -> None:
    case = a_case(Status.ESCALATED, plan=Plan((), "Ask who used root."))
    assert "What to do now: Ask who used root." in body(case)
    assert body(case).count("Ask who used root.") == 1


def hostile_case() -> Case:
    """Every text that a stranger may choose is hostile; the type too (C8)."""
    finding = a_finding(
        id=HOSTILE,
        type=HOSTILE,
        title=HOSTILE,
        description=HOSTILE,
        severity=Severity(HOSTILE, SeverityLabel.LOW, 1),
        principal=Principal(HOSTILE, HOSTILE, access_key_id=HOSTILE),
        resources=(Resource(HOSTILE, HOSTILE, PLACE),),
    )
    case = with_results(a_case(Status.FAILED), ActionStatus.FAILED, HOSTILE)
    return replace(case, finding=finding, reason=HOSTILE, decided_by=HOSTILE, decided_why=HOSTILE)


def test_hostile_finding_does_nothing(aws: AwsClients) -> None:
    shown = show(hostile_case(), aws)
    opened = item(aws, shown.ops_item)
    ((_, message, subject, *_),) = messages(aws)
    for text in (opened["Title"], opened["Description"], message, subject):
        assert not does_something(text)
    assert "\n" not in opened["Title"] + subject
    assert [line.split(":")[0] for line in message.split("\n")].count("What to do now") == 1


def test_title_fits() -> None:
    case = replace(a_case(), finding=a_finding(title="t" * 5000))
    assert len(title(case)) <= TITLE
    assert title(case).endswith("…")


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 20, 48])
def test_description_fits_in_whole_lines(count: int) -> None:
    """What is cut is cut between lines, and says that it is cut, and where the rest is."""
    case = refused_block()
    failed = replace(case.results[0], target="t")
    long = replace(case, results=(failed,) * count)
    text = body(long)
    shown = description(text, long)
    assert len(shown) <= BODY
    cut = f"\n\nThis text is cut. Every change: cordon evidence {CASE}"
    if len(text) <= BODY:
        assert "is cut" not in shown
    else:
        assert shown.endswith(cut)
        kept = shown.removesuffix(cut).split("\n")
        assert kept == text.split("\n")[: len(kept)]


def test_long_details_push_nothing_out() -> None:
    long = "x" * 5000
    case = replace(a_case(), finding=a_finding(id=long, title=long, description=long))
    shown = description(body(case), case)
    for must in ("Status: contained.", f"cordon release {CASE}", "block_public_access on arn:"):
        assert must in shown
