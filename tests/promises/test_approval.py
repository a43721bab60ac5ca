"""What a person approves is what runs; whatever else comes, nothing is changed."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.stack import NotPossible
from cordon.memory.cases import Case, Decision
from cordon.statuses import Status
from embedded.journal import Called, ExecutionEnded, ExecutionStarted, Invoked
from tests.promises.world import World, changed, event

NAME = "quarantine_bucket/guardduty_public_access"
SOMEBODY = "arn:aws:iam::111122223333:user/somebody"
pytestmark = pytest.mark.world("approve")


def case_awaiting_approval(world: World) -> tuple[Case, dict[str, Any]]:
    """A case that awaits approval, and the account before anything was decided."""
    world.stage(event(NAME))
    before = world.state
    world.account.deliver(event(NAME))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    return case, before


def token(world: World, case: Case) -> str:
    """The task token, where it is kept."""
    found = world.operator.cases(case.playbook).token(case)
    assert len(found) > 10
    return found


def wake(world: World, case_token: str, **output: Any) -> None:
    """Wake the workflow past the operator's command, as anyone with the token could."""
    world.account.client("stepfunctions").send_task_success(
        taskToken=case_token, output=json.dumps(output)
    )
    world.account.settle()


def record(world: World, case: Case, decision: str, **changes: Any) -> None:
    """Write a decision past the operator's command, as whoever may write these rows could."""
    made = {"round": case.round, "plan_hash": case.plan_hash, "by": SOMEBODY, "why": ""}
    world.operator.cases(case.playbook).decide(case, Decision(decision, **{**made, **changes}))


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
    (started,) = world.account.journal.of(ExecutionStarted)
    assert started.name == case.id
    assert started.input.keys() == {"case", "playbook", "function"}
    assert world.troubles == []


def test_second_delivery_starts_no_second_question(world: World) -> None:
    case_awaiting_approval(world)
    world.account.deliver(event(NAME))
    assert len(world.published) == 1
    assert len(world.account.journal.of(ExecutionStarted)) == 1


def test_token_stays_in_the_table(world: World) -> None:
    case, _ = case_awaiting_approval(world)
    secret = token(world, case)
    world.approve(case)
    case = world.case()
    assert case.status is Status.CONTAINED
    journal = world.account.journal
    texts = [i.log for i in journal.of(Invoked)] + [p.message for p in world.published]
    texts += [json.dumps(i.result) for i in journal.of(Invoked)]
    texts += [json.dumps(world.evidence(case)), json.dumps(world.finding(case))]
    texts += [json.dumps(world.account.snapshot())]
    assert not [text for text in texts if secret in text]
    carried = [c for c in journal.of(Called) if secret in repr(c.params)]
    assert {(c.service, c.operation) for c in carried} == {
        ("lambda", "Invoke"),
        ("dynamodb", "PutItem"),
    }


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
    secret = token(world, case)
    world.approve(case)
    changes = world.changes()
    with pytest.raises(NotPossible):
        world.approve(world.case())
    with pytest.raises(ClientError):
        wake(world, secret, decision="approve")
    assert world.changes() == changes


def test_command_refuses_another_hash(world: World) -> None:
    case, before = case_awaiting_approval(world)
    with pytest.raises(NotPossible):
        world.approve(case, plan="0" * 64)
    assert_nothing_changed(world, before)
    assert world.case().status is Status.AWAITING_APPROVAL


def test_waking_alone_approves_nothing(world: World) -> None:
    """The output of a task carries no authority, whatever it says."""
    case, before = case_awaiting_approval(world)
    wake(world, token(world, case), decision="approve", plan=case.plan_hash, by="the boss")
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED
    assert workflows(world) == ["FAILED"]
    assert "NotApproved" in errors(world)
    assert "NotApproved" in world.case().decided_why


@pytest.mark.parametrize(
    "changes", [{"plan_hash": "0" * 64}, {"plan_hash": ""}, {"round": 2}], ids=str
)
def test_decision_of_another_plan_approves_nothing(world: World, changes: dict[str, Any]) -> None:
    case, before = case_awaiting_approval(world)
    record(world, case, "approve", **changes)
    wake(world, token(world, case), decision="approve")
    assert_nothing_changed(world, before)
    assert "NotApproved" in errors(world)


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
    record(world, case, "approve")
    wake(world, token(world, case), decision="approve")
    assert_nothing_changed(world, before)
    assert "NotApproved" in errors(world)


def _alter(world: World, table: str, key: str, name: str, value: str) -> None:
    world.account.client("dynamodb").update_item(
        TableName=table,
        Key={"id": {"S": key}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": {"S": value}},
    )


def test_foreign_execution_contains_nothing(world: World) -> None:
    """Whoever may start executions of the workflow gets no further than the real one does."""
    case, before = case_awaiting_approval(world)
    states = world.account.client("stepfunctions")
    given = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    machine = world.account.machines["ContainWorkflow"].arn
    tampered = json.dumps({**given, "plan": "0" * 64})
    with pytest.raises(ClientError):
        states.start_execution(stateMachineArn=machine, name=case.id, input=tampered)
    states.start_execution(stateMachineArn=machine, name="mine", input=tampered)
    world.account.settle()
    assert_nothing_changed(world, before)
    assert world.case().status is Status.AWAITING_APPROVAL
    outcome = world.command(case, "contain", execution="mine", plan=case.plan_hash, by="me")
    assert outcome.error.startswith("NotApproved")
    assert_nothing_changed(world, before)
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED


@pytest.mark.parametrize("do", ["report", "end_question"])
def test_foreign_execution_ends_no_question(world: World, do: str) -> None:
    """Nor does an execution of an earlier round that failed late."""
    case, before = case_awaiting_approval(world)
    outcome = world.command(case, do, execution=f"{case.id}-0", failed="States.Timeout")
    assert json.loads(outcome.payload) == {"state": "awaiting_approval"}
    assert world.case() == case
    assert_nothing_changed(world, before)


# ---- not approving ----


def test_rejected_case_stays_rejected(world: World) -> None:
    case, before = case_awaiting_approval(world)
    world.operator.decide(case, "reject", case.plan_hash)
    world.account.settle()
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


@pytest.mark.parametrize("decision", ["approved", "APPROVE", "yes", 1, None])
def test_only_the_word_approve_approves(world: World, decision: Any) -> None:
    case, before = case_awaiting_approval(world)
    record(world, case, str(decision))
    wake(world, token(world, case), decision=decision)
    assert world.case().status is Status.EXPIRED
    assert_nothing_changed(world, before)


def test_expired_question_is_over(world: World) -> None:
    case, before = case_awaiting_approval(world)
    secret = token(world, case)
    world.account.advance(timedelta(hours=3, minutes=59))
    assert world.case().status is Status.AWAITING_APPROVAL
    world.account.advance(timedelta(minutes=2))
    assert world.case().status is Status.EXPIRED
    assert world.case().decided_why == "nobody approved"
    assert_nothing_changed(world, before)
    with pytest.raises(NotPossible):
        world.approve(world.case())
    with pytest.raises(ClientError):
        wake(world, secret, decision="approve")
    assert_nothing_changed(world, before)
    assert world.case().status is Status.EXPIRED


@pytest.mark.parametrize("switch", ["observe", "off"])
def test_master_switch_stops_an_approved_case(world: World, switch: str) -> None:
    case, before = case_awaiting_approval(world)
    world.set("master_switch", switch)
    world.approve(case)
    assert_nothing_changed(world, before)
    assert "NotAllowedNow" in errors(world)
    assert world.case().status is Status.EXPIRED
    assert "NotAllowedNow" in world.case().decided_why  # a person did approve
    assert workflows(world) == ["FAILED"]


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
    world.approve(case)
    assert_nothing_changed(world, before)
    assert "NotAllowedNow" in errors(world)
    assert other["arn"] in world.case().decided_why  # a person sees why
    assert "by Ann: a test" in world.case().decided_why


@pytest.mark.parametrize("protected", ["protected", "exemptions"])
def test_target_protected_since_is_not_contained(world: World, protected: str) -> None:
    case, before = case_awaiting_approval(world)
    (bucket,) = case.plan.resources
    exemption = {"playbook": "*", "resource": bucket, "owner": "Ann", "reason": "a test"}
    exemption["expires"] = "2027-01-01T00:00:00Z"
    world.set(protected, {bucket} if protected == "protected" else {"one": exemption})
    world.approve(case)
    assert_nothing_changed(world, before)
    assert "NotAllowedNow" in errors(world)


@pytest.mark.parametrize("how", ["protected", "modes.quarantine_bucket"])
def test_approved_change_is_tried_again_only_if_allowed(world: World, how: str) -> None:
    """The workflow's own retry is a further attempt: policy is consulted before it too (B9)."""
    case, _ = case_awaiting_approval(world)
    world.decide(case, "approve", "")
    with world.denied("QuarantineBucket", "s3:PutBucketPublicAccessBlock"):
        assert world.command(case, "contain").error.startswith("ContainFailed")
    state = world.state
    values = {"protected": {case.plan.resources[0]}, "modes.quarantine_bucket": "observe"}
    world.set(how, values[how])
    assert world.command(case, "contain").error.startswith("NotAllowedNow")
    assert world.state == state
