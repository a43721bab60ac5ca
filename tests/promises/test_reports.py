"""People see every case as it is, whatever fails on the way: on the deployed stack."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cordon.memory import reported
from cordon.statuses import Status
from embedded.journal import Called, Retained
from tests.examples import event
from tests.promises.policies import commands, user
from tests.promises.world import World

ROOT = Path(__file__).parents[2]
PUBLIC = "guardduty_anonymous_access"
SCHEMA = Draft202012Validator(
    json.loads((ROOT / "docs" / "case-status-change.schema.json").read_text())
)
PLACES = {  # projection → the call without which it shows nothing
    "finding": "securityhub:BatchImportFindings",
    "original": "securityhub:BatchUpdateFindings",
    "incident": "ssm:CreateOpsItem",
    "message": "sns:Publish",
    "event": "events:PutEvents",
}


def on_the_bus(world: World) -> list[dict[str, Any]]:
    """The details of our events, in order; each is as the schema says."""
    calls = [c for c in world.account.journal.of(Called) if c.operation == "PutEvents"]
    entries = [entry for call in calls if call.allowed for entry in call.params["Entries"]]
    details = [json.loads(entry["Detail"]) for entry in entries]
    for detail in details:
        assert [fault.message for fault in SCHEMA.iter_errors(detail)] == []
    return details


def queued(world: World, **more: Any) -> None:
    """The reconciler wants the case shown."""
    case = world.case()
    body = {"playbook": case.playbook, "case": case.id, "projection": "all", **more}
    url = world.account.queues["Reports"].url
    world.account.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))
    world.account.settle()


def is_shown(world: World) -> bool:
    """Has every place shown the case as it is now?"""
    case = world.case()
    return world.reported(case).version == case.version


def test_every_change_of_status_is_on_the_bus(world: World) -> None:
    world.send(event(PUBLIC))
    world.release(world.case())
    said = [(one["previous"], one["status"]) for one in on_the_bus(world)]
    assert [status for _, status in said][-1] == world.case().status
    assert [before for before, _ in said] == [None, *(status for _, status in said[:-1])]
    assert is_shown(world)


@pytest.mark.parametrize("place", PLACES)
def test_place_that_fails_for_hours_keeps_no_other_waiting(world: World, place: str) -> None:
    """Then its messages are dead letters, and a person redelivers them."""
    with world.denied("ReportCases", PLACES[place]):
        world.send(event(PUBLIC))
        case = world.case()
        assert case.status is Status.CONTAINED
        assert not is_shown(world)
        shown = world.reported(case)
        there = {
            "finding": bool(shown.finding),
            "original": shown.original_is == "updated",
            "incident": bool(shown.ops_item),
            "message": bool(shown.message),
            "event": bool(shown.event),
        }
        assert there == {name: name != place for name in PLACES}
        failed = [json.loads(body) for body in world.account.messages("FailedReports")]
        assert {one["projection"] for one in failed} == {place}
    world.account.redeliver("FailedReports")
    assert is_shown(world)
    assert world.account.messages("FailedReports") == []


def test_records_that_the_reporter_gave_up_are_redelivered(world: World) -> None:
    """A closed case is in no index: nothing but this shows how it ended."""
    world.send(event(PUBLIC))
    with world.denied("ReportCases", "dynamodb:BatchGetItem"):
        world.release(world.case())
    assert world.account.journal.of(Retained) and not is_shown(world)
    with commands(world, user(world, "ada", "operator")) as stack:
        done = stack.request("redeliver", {"queue": "FailedRecords"})
        assert done["redelivered"] > 0 and done["left"] == 0
        again = stack.request("redeliver", {"queue": "FailedRecords"})
    assert (again["redelivered"], again["left"]) == (0, 0)
    world.account.settle()
    assert is_shown(world)


def test_reporter_that_is_a_day_behind_reports_what_is_so_now(world: World) -> None:
    world.account.set_mapping("ReportCasesStream", enabled=False)
    world.send(event(PUBLIC))
    world.release(world.case())
    world.account.advance(timedelta(hours=20), schedules="none")
    assert on_the_bus(world) == [] and world.published == []
    world.account.set_mapping("ReportCasesStream", enabled=True)
    world.account.settle()
    assert [one["status"] for one in on_the_bus(world)] == [world.case().status]
    assert is_shown(world)


def test_restored_table_that_knows_nothing_of_reports_opens_no_second_incident(
    world: World,
) -> None:
    """OpsCenter knows the case: the deduplication finds its OpsItem."""
    world.send(event(PUBLIC))
    case, items = world.case(), len(world.account.snapshot()["ssm"])
    key = reported.key(case.playbook, case.id)
    table = world.account.stack.outputs["CasesTableName"]
    world.account.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": key}})
    queued(world, anew=True)
    assert len(world.account.snapshot()["ssm"]) == items
    assert is_shown(world)


def test_daily_check_of_what_is_right_changes_nothing(world: World) -> None:
    """The first one adds our field to the original: of a native event it was left out."""
    world.send(event(PUBLIC))
    queued(world, anew=True)
    published, state = len(world.published), world.state
    before = len(world.account.journal.of(Called))
    queued(world, anew=True)
    calls = [call.operation for call in world.account.journal.of(Called)[before:]]
    assert not {"BatchUpdateFindings", "UpdateOpsItem", "CreateOpsItem", "PutEvents"} & {*calls}
    assert (len(world.published), world.state) == (published, state)
    assert world.troubles == []


def test_incident_of_a_control_closes_when_the_control_passes(world: World) -> None:
    """Everywhere it was shown, with evidence; not where a person has suppressed the finding."""
    world.send(event("securityhub_kms_3"))
    case = world.case()
    assert case.status is Status.ESCALATED
    original = world.hub_finding(case.finding.id)
    assert original["UserDefinedFields"] == {"cordon": "handled"}  # what the rule looks for
    passed = event("securityhub_kms_3_passed")
    suppressed = json.loads(json.dumps(passed))
    suppressed["detail"]["findings"][0]["Workflow"]["Status"] = "SUPPRESSED"
    others = json.loads(json.dumps(passed))
    del others["detail"]["findings"][0]["UserDefinedFields"]
    for one in (suppressed, others):
        assert world.account.deliver(one).rules == ()
    assert world.case().status is Status.ESCALATED
    world.account.deliver(passed)
    case = world.case()
    assert (case.status, case.decided_why) == (Status.RELEASED, "the control passed")
    released = world.evidence(case)[-1]
    assert (released["stage"], released["content"]["why"]) == ("released", "the control passed")
    number = world.reported(case).ops_item
    item = world.account.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"]
    assert item["Status"] == "Resolved" and "the control passed" in item["Description"]
    ours = world.finding(case)
    assert (ours["RecordState"], ours["Compliance"]["Status"]) == ("ARCHIVED", "PASSED")
    workflow = world.hub_finding(case.finding.id)["Workflow"]["Status"]
    assert workflow == original["Workflow"]["Status"]  # Security Hub resolves it itself
