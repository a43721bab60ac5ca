"""What a person approves is what runs; whatever else comes, nothing is changed."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.journal import ExecutionEnded, ExecutionStarted, Invoked
from tests.examples import QUARANTINE, event, function_of
from tests.promises.world import SOMEBODY, Refused, World, changed

NAME = "guardduty_public_access"
pytestmark = pytest.mark.world("approve")


def case_awaiting_approval(world: World) -> tuple[Case, dict[str, Any]]:
    """A case that awaits approval, and the account before anything was decided."""
    world.stage(event(NAME))
    before = world.state
    world.account.deliver(event(NAME))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    return case, before


def wake(world: World, case: Case, **more: Any) -> None:
    """Wake the playbook by the workflow, as whoever may start executions could."""
    given = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    world.account.client("stepfunctions").start_execution(
        stateMachineArn=world.account.machines["Workflow"].arn,
        name="mine",
        input=json.dumps({**given, **more}),
    )
    world.account.settle()


def assert_nothing_changed(world: World, before: dict[str, Any]) -> None:
    """Nothing was contained and nothing is held."""
    assert world.state == before
    assert world.holds == {}


def workflows(world: World) -> list[str]:
    """How the executions ended."""
    return [ended.status for ended in world.account.journal.of(ExecutionEnded)]


def errors(world: World) -> str:
    """What the functions raised."""
    return " ".join(i.error for i in world.account.journal.of(Invoked) if i.error)


# ---- awaiting approval ----


def test_question_changes_nothing(world: World) -> None:
    case, before = case_awaiting_approval(world)
    assert_nothing_changed(world, before)
    (message,) = world.published
    assert case.plan_hash in message.message
    assert f"cordon approve {case.id} --plan {case.plan_hash}" in message.message
    assert all(action.resource in message.message for action in case.plan.actions)
    assert world.finding(case)["Title"].startswith("Cordon awaiting approval")
    assert case.plan_hash in world.finding(case)["Remediation"]["Recommendation"]["Text"]
    (incident,) = world.account.snapshot()["ssm"].values()
    assert incident["Status"] == "Open"
    assert world.troubles == []


def test_no_execution_waits_for_people(world: World) -> None:
    case_awaiting_approval(world)
    assert world.account.journal.of(ExecutionStarted) == []


def test_second_delivery_starts_no_second_question(world: World) -> None:
    case, _ = case_awaiting_approval(world)
    world.account.deliver(event(NAME))
    assert len(world.published) == 1
    assert world.case() == case


# ---- approving ----


def test_approved_case_is_contained(world: World) -> None:
    case, before = case_awaiting_approval(world)
    world.approve(case)
    case = world.case()
    assert case.status is Status.CONTAINED
    assert world.state != before
    assert workflows(world) == ["SUCCEEDED"]
    (approval,) = [e for e in world.evidence(case) if e["stage"] == "approved"]
    assert approval["content"]["plan_hash"] == case.plan_hash
    assert approval["content"]["by"].startswith("arn:aws:")
    assert case.decided_by == approval["content"]["by"]
    assert case.decided_by in world.finding(case)["Description"]
    assert world.release(case).status is Status.REOPENED
    assert world.state == before
    assert world.troubles == []


def test_second_approval_contains_nothing_more(world: World) -> None:
    case, _ = case_awaiting_approval(world)
    world.approve(case)
    changes, contained = world.changes(), world.case()
    with pytest.raises(Refused):
        world.approve(case)
    world.proceed(case)
    assert world.changes() == changes
    assert world.case() == contained


def test_another_hash_is_refused(world: World) -> None:
    case, before = case_awaiting_approval(world)
    with pytest.raises(Refused):
        world.approve(case, plan="0" * 64)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.AWAITING_APPROVAL


def test_waking_alone_approves_nothing(world: World) -> None:
    """An input carries no authority, whatever it says; nor does a command (C4)."""
    case, before = case_awaiting_approval(world)
    wake(world, case, decision="approve", verb="approve", plan=case.plan_hash, by="the boss")
    outcome = world.proceed(case, verb="approve", plan_hash=case.plan_hash, by="the boss")
    assert not outcome.failed
    assert_nothing_changed(world, before)
    assert world.case() == case


@pytest.mark.parametrize("do", ["contain", "release", "end_question", "report", ""])
def test_other_commands_are_none(world: World, do: str) -> None:
    case, before = case_awaiting_approval(world)
    assert world.proceed(case, do=do).error.startswith("KeyError")
    assert_nothing_changed(world, before)
    assert world.case() == case


@pytest.mark.parametrize("changes", [{"plan_hash": "0" * 64}, {"plan_hash": ""}], ids=str)
def test_decision_of_another_plan_approves_nothing(world: World, changes: dict[str, Any]) -> None:
    case, before = case_awaiting_approval(world)
    world.decide(case, Verb.APPROVE, **changes)
    wake(world, case)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED
    assert "not the plan that is recorded" in world.case().decided_why


@pytest.mark.parametrize("changes", [{"round": 2}, {"round": 0}, {"complete": False}], ids=str)
def test_decision_that_does_not_count_approves_nothing(
    world: World, changes: dict[str, Any]
) -> None:
    case, before = case_awaiting_approval(world)
    world.decide(case, Verb.APPROVE, **changes)
    wake(world, case)
    assert_nothing_changed(world, before)
    assert world.case() == case


@pytest.mark.parametrize("rehashed", [False, True])
def test_altered_plan_is_not_approved(world: World, rehashed: bool) -> None:
    """Somebody with access to the table changes what is to be done after the question."""
    case, before = case_awaiting_approval(world)
    table = world.account.stack.outputs["CasesTableName"]
    key = f"plan#{case.playbook}#{case.id}#{case.plan_hash[:16]}"
    other = json.dumps(case.plan.to_json()).replace("cordon:status", "cordon:other")
    _alter(world, table, key, "plan", other)
    if rehashed:
        key = f"case#{case.playbook}#{case.id}"
        forged = case.plan_hash[:16] + world.case().plan.hash[16:]
        _alter(world, table, key, "plan_hash", forged)
    assert world.case().plan.hash != case.plan_hash
    world.decide(case, Verb.APPROVE)
    wake(world, case)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED


def _alter(world: World, table: str, key: str, name: str, value: str) -> None:
    world.account.client("dynamodb").update_item(
        TableName=table,
        Key={"id": {"S": key}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": {"S": value}},
    )


def test_decision_that_nobody_was_woken_for_is_carried_out(world: World) -> None:
    """The desk has written it, and the workflow did not start: time takes it up."""
    case, before = case_awaiting_approval(world)
    world.decide(case, Verb.APPROVE, at=world.account.now)
    world.account.advance(timedelta(minutes=11))
    assert world.case().status is Status.CONTAINED
    assert world.case().decided_by == SOMEBODY
    assert world.state != before


# ---- not approving ----


def test_rejected_case_stays_rejected(world: World) -> None:
    case, before = case_awaiting_approval(world)
    world.reject(case)
    assert world.case().status is Status.REJECTED
    assert world.case().decided_by.startswith("arn:aws:")
    assert_nothing_changed(world, before)
    assert world.finding(case)["RecordState"] == "ARCHIVED"
    assert "rejected" in world.stages(world.case())
    (incident,) = world.account.snapshot()["ssm"].values()
    assert incident["Status"] == "Resolved"
    world.account.deliver(event(NAME))
    assert world.case().status is Status.REJECTED
    assert_nothing_changed(world, before)


def test_expired_question_is_over(world: World) -> None:
    case, before = case_awaiting_approval(world)
    world.account.advance(timedelta(hours=3, minutes=58), schedules="last")
    assert world.case().status is Status.AWAITING_APPROVAL
    world.account.advance(timedelta(minutes=10))
    assert world.case().status is Status.EXPIRED
    assert world.case().decided_why == "nobody approved in time"
    assert_nothing_changed(world, before)
    with pytest.raises(Refused):
        world.approve(world.case())
    world.decide(case, Verb.APPROVE)
    world.proceed(case)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED


def test_question_that_nobody_was_informed_of_does_not_expire(world: World) -> None:
    """Its hours count from when people were informed, not from when it was opened."""
    world.stage(event(NAME))
    with world.denied("ReportCases", "sns:Publish"):
        world.account.deliver(event(NAME))
        world.account.advance(timedelta(hours=9), schedules="last")
        assert world.case().status is Status.AWAITING_APPROVAL
        assert not world.proceed(world.case()).failed  # nor for whoever wakes the playbook
        assert world.case().status is Status.AWAITING_APPROVAL


@pytest.mark.parametrize("switch", ["observe", "off"])
def test_master_switch_stops_an_approved_case(world: World, switch: str) -> None:
    """The desk refuses it; what was approved just before is not carried out."""
    case, before = case_awaiting_approval(world)
    world.set("master_switch", switch)
    with pytest.raises(Refused):
        world.approve(case)
    assert world.case() == case
    world.decide(case, Verb.APPROVE)
    wake(world, case)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED
    assert "it was approved, and not carried out" in world.case().decided_why
    assert "master switch" in world.case().decided_why
    assert workflows(world) == ["SUCCEEDED"]


def test_target_exempted_since_stops_the_whole_plan(world: World) -> None:
    """What is left of the plan is not what was approved: another hash."""
    one = event(NAME)
    (details,) = one["detail"]["resource"]["s3BucketDetails"]
    other = {**details, "name": "second", "arn": "arn:aws:s3:::second"}
    two = changed(one, "detail.resource.s3BucketDetails", [details, other])
    world.stage(two)
    before = world.state
    world.account.deliver(two)
    case = world.case()
    assert set(case.plan.resources) == {details["arn"], other["arn"]}
    exemption = {"playbook": "*", "resource": other["arn"], "owner": "Ann", "reason": "a test"}
    world.set("exemptions", {"one": {**exemption, "expires": "2027-01-01T00:00:00Z"}})
    world.decide(case, Verb.APPROVE)
    wake(world, case)
    assert_nothing_changed(world, before)
    assert other["arn"] in world.case().decided_why  # a person sees why
    assert "by Ann: a test" in world.case().decided_why


@pytest.mark.parametrize("protected", ["protected", "exemptions"])
def test_target_protected_since_is_not_contained(world: World, protected: str) -> None:
    case, before = case_awaiting_approval(world)
    (bucket,) = case.plan.resources
    exemption = {"playbook": "*", "resource": bucket, "owner": "Ann", "reason": "a test"}
    exemption["expires"] = "2027-01-01T00:00:00Z"
    world.set(protected, {bucket} if protected == "protected" else {"one": exemption})
    with pytest.raises(Refused):
        world.approve(case)
    world.decide(case, Verb.APPROVE)
    wake(world, case)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED


@pytest.mark.parametrize("how", ["protected", f"modes.{QUARANTINE.name}"])
def test_approved_change_is_tried_again_only_if_allowed(world: World, how: str) -> None:
    """The workflow's own retry is a further attempt: policy is consulted before it too (B9)."""
    case, _ = case_awaiting_approval(world)
    world.decide(case, Verb.APPROVE)
    with world.denied(function_of(QUARANTINE), "s3:PutBucketPublicAccessBlock"):
        assert world.proceed(case).error.startswith("ContainFailed")
    state = world.state
    values = {"protected": {case.plan.resources[0]}, f"modes.{QUARANTINE.name}": "observe"}
    world.set(how, values[how])
    assert not world.proceed(case).failed
    assert world.state == state
    assert world.case().reason.startswith("not taken up again")
    assert errors(world).count("ContainFailed") == 1
