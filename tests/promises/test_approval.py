"""What a person approves is what runs; whatever else comes, nothing is changed."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.stack import NotPossible
from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded.journal import Called, ExecutionEnded, ExecutionStarted, Invoked
from tests.promises.world import World, event

NAME = "quarantine_bucket/guardduty_public_access"
pytestmark = pytest.mark.world("approve")


def asked(world: World) -> tuple[Case, dict[str, Any]]:
    """A case that waits for approval, and the account before anything was decided."""
    world.stage(event(NAME))
    before = world.state
    world.account.deliver(event(NAME))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    return case, before


def token(world: World, case: Case) -> str:
    """The task token, where it is kept."""
    found = world.operator.cases.token(case.id)
    assert len(found) > 10
    return found


def send(world: World, case_token: str, **answer: Any) -> None:
    """Answer the workflow past the operator's command, as anyone with the token could."""
    world.account.client("stepfunctions").send_task_success(
        taskToken=case_token, output=json.dumps(answer)
    )
    world.account.settle()


def unchanged(world: World, before: dict[str, Any]) -> None:
    """Nothing was contained and nobody was alarmed."""
    assert world.state == before
    assert world.holds == {}
    assert world.account.snapshot()["ssm"] == {}


def workflows(world: World) -> list[str]:
    """How the executions ended."""
    return [ended.status for ended in world.account.journal.of(ExecutionEnded)]


# ---- asking ----


def test_asking_changes_nothing(world: World) -> None:
    case, before = asked(world)
    unchanged(world, before)
    (message,) = world.published
    assert case.plan_hash in message.message
    assert f"cordon approve {case.id} --plan {case.plan_hash}" in message.message
    assert all(a.resource in message.message for a in case.plan.actions)
    assert world.finding(case)["Title"].startswith("Cordon asks for approval")
    assert case.plan_hash in world.finding(case)["Remediation"]["Recommendation"]["Text"]
    (started,) = world.account.journal.of(ExecutionStarted)
    assert started.name == case.id
    assert started.input["plan"] == case.plan_hash
    assert world.troubles == []


def test_asked_again_is_asked_once(world: World) -> None:
    asked(world)
    world.account.deliver(event(NAME))
    assert len(world.published) == 1
    assert len(world.account.journal.of(ExecutionStarted)) == 1


def test_the_token_is_kept_in_the_table_only(world: World) -> None:
    case, _ = asked(world)
    secret = token(world, case)
    world.approve(case)
    case = world.case()
    assert case.status is Status.CONTAINED
    journal = world.account.journal
    told = [i.log for i in journal.of(Invoked)] + [p.message for p in world.published]
    told += [json.dumps(i.result) for i in journal.of(Invoked)]
    told += [json.dumps(world.evidence(case)), json.dumps(world.finding(case))]
    told += [json.dumps(world.account.snapshot())]
    assert not [text for text in told if secret in text]
    carried = [c for c in journal.of(Called) if secret in repr(c.params)]
    assert {(c.service, c.operation) for c in carried} == {
        ("lambda", "Invoke"),
        ("dynamodb", "UpdateItem"),
    }
    assert world.operator.cases.token(case.id) == ""


# ---- approving ----


def test_approved_is_contained(world: World) -> None:
    case, before = asked(world)
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


def test_approved_twice_is_contained_once(world: World) -> None:
    case, _ = asked(world)
    secret = token(world, case)
    world.approve(case)
    acts = world.acts()
    with pytest.raises(NotPossible):
        world.approve(case if case.status is not Status.AWAITING_APPROVAL else world.case())
    with pytest.raises(ClientError):
        send(world, secret, decision="approve", plan=case.plan_hash, by="somebody else")
    assert world.acts() == acts
    assert world.case().decided_by != "somebody else"


def test_the_command_refuses_another_hash(world: World) -> None:
    case, before = asked(world)
    with pytest.raises(NotPossible):
        world.approve(case, plan="0" * 64)
    unchanged(world, before)
    assert world.case().status is Status.AWAITING_APPROVAL


@pytest.mark.parametrize("plan", ["0" * 64, "", None])
def test_another_hash_is_not_approved(world: World, plan: str | None) -> None:
    case, before = asked(world)
    answer = {"plan": plan} if plan is not None else {}
    send(world, token(world, case), decision="approve", by="somebody", **answer)
    unchanged(world, before)
    assert world.case().status is Status.DECLINED
    assert workflows(world) == ["FAILED"]
    assert "NotApproved" in _errors(world)
    assert "NotApproved" in world.case().decided_why


def _errors(world: World) -> str:
    return " ".join(i.error for i in world.account.journal.of(Invoked) if i.error)


@pytest.mark.parametrize("rehashed", [False, True])
def test_an_altered_plan_is_not_approved(world: World, rehashed: bool) -> None:
    """Somebody with access to the table changes what is to be done after it was asked."""
    case, before = asked(world)
    other = json.dumps(case.plan.to_json()).replace("cordon:status", "cordon:other")
    _alter(world, case, "plan", other)
    if rehashed:
        _alter(world, case, "plan_hash", world.case().plan.hash)
    assert world.case().plan.hash != case.plan_hash
    send(world, token(world, case), decision="approve", plan=case.plan_hash, by="somebody")
    unchanged(world, before)
    assert "NotApproved" in _errors(world)


def _alter(world: World, case: Case, name: str, value: str) -> None:
    world.account.client("dynamodb").update_item(
        TableName=world.account.stack.outputs["CasesTableName"],
        Key={"id": {"S": f"case#{case.id}"}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": {"S": value}},
    )


def test_an_execution_of_somebody_elses_does_not_contain(world: World) -> None:
    """Whoever may start executions of the workflow gets no further than the real one does."""
    case, before = asked(world)
    states = world.account.client("stepfunctions")
    given = {"case": case.id, "playbook": case.playbook, "function": case.function_arn}
    machine = world.account.machines["ContainWorkflow"].arn
    tampered = json.dumps({**given, "plan": "0" * 64})
    with pytest.raises(ClientError):
        states.start_execution(stateMachineArn=machine, name=case.id, input=tampered)
    states.start_execution(stateMachineArn=machine, name="mine", input=tampered)
    world.account.settle()
    unchanged(world, before)
    assert world.case().status is Status.AWAITING_APPROVAL
    outcome = world.command(case, "contain", execution="mine", plan=case.plan_hash, by="me")
    assert outcome.error.startswith("NotApproved")
    unchanged(world, before)
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED


# ---- not approving ----


def test_rejected_is_declined(world: World) -> None:
    case, before = asked(world)
    world.operator.decide(case, "reject", case.plan_hash)
    world.account.settle()
    assert world.case().status is Status.DECLINED
    assert world.case().decided_why == "rejected"
    unchanged(world, before)
    assert world.finding(case)["RecordState"] == "ARCHIVED"
    assert "declined" in world.stages(world.case())
    world.account.deliver(event(NAME))
    assert world.case().status is Status.DECLINED
    unchanged(world, before)


@pytest.mark.parametrize("decision", ["approved", "APPROVE", "yes", 1, None])
def test_only_the_word_approve_approves(world: World, decision: Any) -> None:
    case, before = asked(world)
    send(world, token(world, case), decision=decision, plan=case.plan_hash, by="somebody")
    assert world.case().status is Status.DECLINED
    unchanged(world, before)


def test_expired_is_declined_for_good(world: World) -> None:
    case, before = asked(world)
    secret = token(world, case)
    world.account.advance(timedelta(hours=3, minutes=59))
    assert world.case().status is Status.AWAITING_APPROVAL
    world.account.advance(timedelta(minutes=2))
    assert world.case().status is Status.DECLINED
    assert world.case().decided_why == "expired"
    unchanged(world, before)
    with pytest.raises(NotPossible):
        world.approve(world.case())
    with pytest.raises(ClientError):
        send(world, secret, decision="approve", plan=case.plan_hash, by="too late")
    unchanged(world, before)
    assert world.case().status is Status.DECLINED


@pytest.mark.parametrize("switch", ["observe", "off"])
def test_the_switch_stops_what_is_approved(world: World, switch: str) -> None:
    case, before = asked(world)
    world.set("switch", switch)
    world.approve(case)
    unchanged(world, before)
    assert "Stopped" in _errors(world)
    assert world.case().status is Status.DECLINED
    assert workflows(world) == ["FAILED"]


def test_protected_since_it_was_asked(world: World) -> None:
    case, before = asked(world)
    (bucket,) = {a.resource for a in case.plan.actions if a.resource}
    world.set("protected", bucket)
    world.approve(case)
    unchanged(world, before)
    assert "Stopped" in _errors(world)
