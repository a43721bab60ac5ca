"""One OpsItem a case, true at any moment; one message each time that it comes to a new status."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cordon.finding import Place, Principal, Resource, Severity, SeverityLabel
from cordon.memory.cases import ActionStatus, Case
from cordon.playbook import Incident, Plan
from cordon.reporting.incident import BODY, TITLE, body, description, title, wanted
from cordon.statuses import Status
from tests.actions.scenario import PLACE, stub
from tests.examples import QUARANTINE
from tests.make import a_finding
from tests.reporting.cases import CASE, a_case, refused_block, with_results
from tests.reporting.people import HOME, People
from tests.reporting.test_escape import does_something

HOSTILE = (
    "<script>`x`|y [free](https://evil.example) <!channel> **bold**\n\n=cmd()\n# What to do now: x"
)


def item(seen: People, number: str) -> dict[str, Any]:
    return dict(seen.aws.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"])


def says(case: Case, until: str = "") -> str:
    return body(case, QUARANTINE, HOME, until)


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


def test_first_report_opens_one_item(seen: People) -> None:
    shown = seen.show(a_case())
    opened = item(seen, shown.ops_item)
    named = (opened["Source"], opened["Category"], opened["Severity"], opened["Status"])
    assert named == ("cordon", "Security", "2", "Open")
    assert opened["Title"] == "HIGH: Cordon contained: A bucket became public"
    data = {key: entry["Value"] for key, entry in opened["OperationalData"].items()}
    assert json.loads(data["/aws/dedup"]) == {"dedupString": CASE}
    assert json.loads(data["/aws/resources"]) == [{"arn": "arn:aws:s3:::training-data"}]
    assert data["cordon-case"] == CASE


def test_same_report_calls_nobody(seen: People) -> None:
    shown = seen.show(a_case())
    version = item(seen, shown.ops_item)["Version"]
    assert seen.show(a_case()).incident == shown.incident
    assert item(seen, shown.ops_item)["Version"] == version
    assert len(seen.messages()) == 1


def test_changed_case_updates_its_item(seen: People) -> None:
    waiting = seen.show(a_case(Status.AWAITING_APPROVAL))
    failed = seen.show(refused_block())
    assert failed.ops_item == waiting.ops_item
    assert len(seen.items()) == 1
    opened = item(seen, failed.ops_item)
    assert opened["Title"].startswith("HIGH: Cordon not contained")
    assert "service control policy" in opened["Description"]
    assert failed.incident != waiting.incident


@pytest.mark.parametrize(
    "status", [Status.RELEASED, Status.REOPENED, Status.REJECTED, Status.EXPIRED, Status.OBSERVED]
)
def test_closed_case_resolves_its_item(seen: People, status: Status) -> None:
    seen.show(a_case(Status.AWAITING_APPROVAL))
    closed = seen.show(a_case(status))
    resolved = item(seen, closed.ops_item)
    assert resolved["Status"] == "Resolved"
    assert "Cordon" in resolved["Title"] and "awaiting" not in resolved["Title"]
    assert len(seen.messages()) == 1


def test_case_that_goes_on_reopens_item(seen: People) -> None:
    seen.show(a_case())
    shown = seen.show(a_case(Status.REOPENED))
    again = seen.show(a_case(Status.AWAITING_APPROVAL, round=2))
    assert again.ops_item == shown.ops_item
    assert item(seen, again.ops_item)["Status"] == "Open"
    assert len(seen.messages()) == 2


def test_closed_case_opens_no_item(seen: People) -> None:
    assert seen.show(a_case(Status.OBSERVED)).ops_item == ""
    assert seen.items() == []


def test_try_that_died_is_found_and_updated(seen: People) -> None:
    """It opened the OpsItem and kept nothing; what it said then is no longer true."""
    died = seen.show(a_case(Status.AWAITING_APPROVAL))
    seen.keep(a_case(), ops_item="", incident="")
    shown = seen.show(refused_block())
    assert shown.ops_item == died.ops_item
    assert len(seen.items()) == 1
    assert item(seen, shown.ops_item)["Title"].startswith("HIGH: Cordon not contained")


@pytest.mark.parametrize(
    ("status", "opened"),
    [(Status.FAILED, True), (Status.RELEASED, False), (Status.REOPENED, False)],
)
def test_deleted_item_is_created_anew(seen: People, status: Status, opened: bool) -> None:
    """Where the case is closed there is nothing to resolve, and nothing fails for ever."""
    item_before = seen.show(a_case()).ops_item
    seen.keep(a_case(), ops_item="oi-000000000000")
    change(seen, item_before, Status="Resolved")
    shown = seen.show(a_case(status))
    assert bool(shown.ops_item) is opened
    assert shown.ops_item not in ("oi-000000000000", item_before)
    assert len(seen.items()) == (2 if opened else 1)
    assert seen.show(a_case(status)).incident == shown.incident


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateOpsItem", "OpsItemLimitExceededException"),
        ("UpdateOpsItem", "OpsItemInvalidParameterException"),
    ],
)
def test_other_errors_are_that_projections(seen: People, operation: str, code: str) -> None:
    if operation == "UpdateOpsItem":
        seen.show(a_case())
    stub(seen.aws, "ssm", operation, lambda _: code)
    (failed,) = seen.report(seen.save(refused_block()))
    assert failed.projection == "incident"
    assert code in failed.error
    assert seen.calls.count("CreateOpsItem") == 1


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
def test_item_is_as_severe_as_finding(seen: People, level: SeverityLabel, severity: str) -> None:
    shown = seen.show(a_case(finding=a_finding(severity=Severity("x", level))))
    assert item(seen, shown.ops_item)["Severity"] == severity


def test_related_resources_fit(seen: People) -> None:
    arns = tuple(f"arn:aws:s3:::{i:0900d}" for i in range(150))
    related = _related(seen, arns)
    assert related == list(arns[: len(related)])
    assert 15 < len(related) < 100


def test_related_resources_are_hundred_at_most(seen: People) -> None:
    arns = tuple(f"arn:aws:s3:::b{i}" for i in range(150))
    assert _related(seen, arns) == list(arns[:100])


def _related(seen: People, arns: tuple[str, ...]) -> list[str]:
    named = tuple(Resource("Other", arn, PLACE, arn) for arn in arns)
    case = replace(a_case(), finding=a_finding(resources=named))
    data = item(seen, seen.show(case).ops_item)["OperationalData"]
    return [entry["arn"] for entry in json.loads(data["/aws/resources"]["Value"])]


# ---- the daily check ----


def change(seen: People, number: str, **changes: Any) -> None:
    seen.aws.client("ssm").update_ops_item(OpsItemId=number, **changes)


def checked(seen: People, case: Case) -> dict[str, Any]:
    """The case's item after the daily check."""
    assert seen.report(case, anew=True) == []
    return item(seen, seen.shown(case).ops_item)


def test_daily_check_writes_nothing_where_all_is_right(seen: People) -> None:
    seen.show(a_case())
    checked(seen, a_case())
    assert seen.calls.count("UpdateOpsItem") == 0


@pytest.mark.parametrize("status", ["InProgress", "Resolved"])
def test_daily_check_leaves_a_persons_status(seen: People, status: str) -> None:
    change(seen, seen.show(a_case()).ops_item, Status=status)
    assert checked(seen, a_case())["Status"] == status


def test_daily_check_restores_the_text_and_keeps_who_works_on_it(seen: People) -> None:
    change(seen, seen.show(a_case()).ops_item, Status="InProgress", Title="nothing happened")
    found = checked(seen, a_case())
    assert found["Title"].startswith("HIGH: Cordon contained")
    assert found["Status"] == "InProgress"


def test_daily_check_resolves_what_a_person_reopened(seen: People) -> None:
    seen.show(a_case())
    number = seen.show(a_case(Status.REOPENED)).ops_item
    change(seen, number, Status="Open")
    assert checked(seen, a_case())["Status"] == "Resolved"


# ---- what it says ----


def test_body_says_all_parts_in_order() -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    parts = [part.split(":")[0] for part in says(case).split("\n\n")]
    assert parts == [
        "Status",
        "What to do now",
        "The plan",
        "Who loses access",
        "How it is undone",
        "Time to decide",
        "Who may decide",
        "Plan hash",
        "Approve",
        "Reject",
        "Changes",
        "Decision",
        "What happened",
        "Severity",
        "Last seen",
        "Where",
        "Resource",
        "What a person must do",
        "Periods of laws",
        "Supports evidence for",
        "Serves",
        "Case",
        "Finding",
        "Details",
    ]
    assert f"Plan hash: {case.plan_hash}\n" in says(case)
    assert f"Approve: cordon approve {CASE} --plan {case.plan_hash}\n" in says(case)
    assert f"Reject: cordon reject {CASE}\n" in says(case)


def test_only_question_has_commands_to_decide() -> None:
    assert "Approve" not in says(a_case()) and "Plan hash" not in says(a_case())


def test_body_names_actor() -> None:
    who = Principal("IAMUser", "ada", access_key_id="AKIAI44QH8DHBEXAMPLE")
    case = replace(a_case(), finding=a_finding(principal=who))
    assert "Actor: IAMUser ada AKIAI44QH8DHBEXAMPLE" in says(case)


def test_body_names_members_account() -> None:
    member = a_finding(place=Place("aws", "444455556666", "us-west-2"))
    assert "account 444455556666, us-west-2" in says(replace(a_case(), finding=member))


def test_escalated_body_says_what_to_do_once() -> None:
    case = a_case(Status.ESCALATED, plan=Plan((), "Ask who used root."))
    assert "What to do now: Ask who used root." in says(case)
    assert says(case).count("Ask who used root.") == 1


def hostile_case() -> Case:
    """Every text that a stranger may choose is hostile; the type too (C8)."""
    finding = a_finding(
        id=HOSTILE,
        type=HOSTILE,
        title=HOSTILE,
        description=HOSTILE,
        severity=Severity(HOSTILE, SeverityLabel.LOW),
        principal=Principal(HOSTILE, HOSTILE, access_key_id=HOSTILE),
        resources=(Resource(HOSTILE, HOSTILE, PLACE),),
    )
    case = with_results(a_case(Status.FAILED), ActionStatus.FAILED, HOSTILE)
    return replace(case, finding=finding, reason=HOSTILE, decided_by=HOSTILE, decided_why=HOSTILE)


def test_hostile_finding_does_nothing(seen: People) -> None:
    shown = seen.show(hostile_case())
    opened = item(seen, shown.ops_item)
    ((_, message, subject, *_),) = seen.messages()
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
    text = says(long)
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
    shown = description(says(case), case)
    for must in ("Status: contained.", f"cordon release {CASE}", "block_public_access on arn:"):
        assert must in shown
