"""What an operator does to a deployed stack, and the commands that our messages name."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from console.cli import app
from console.stack import HELD, NotPossible, Stack, _deleted_stack_outputs, playbook_names
from cordon.memory.cases import Case, Decision
from cordon.playbook import Playbook
from cordon.reporting.texts import advice
from cordon.statuses import CLOSED, Status
from escalate_finding.playbook import PLAYBOOK as ESCALATE
from revoke_sessions.playbook import PLAYBOOK as REVOKE
from tests.actions.scenario import account
from tests.memory.table import NAME, create
from tests.reporting.cases import CASE, a_case

OUTPUTS = {"CasesTableName": NAME, "EvidenceBucket": "evidence", "ReleaseWorkflow": "arn:release"}


@dataclass
class Workflows:
    """Step Functions, as far as an operator calls it; keeps what it was called with."""

    calls: list[dict[str, Any]] = field(default_factory=list)

    def send_task_success(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        return {}

    def start_execution(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        return {"executionArn": f"arn:execution:{call['name']}"}


@pytest.fixture
def workflows() -> Workflows:
    return Workflows()


@pytest.fixture
def stack(workflows: Workflows) -> Iterator[Stack]:
    """A stack with an empty table, in an embedded account."""
    with account() as aws:
        create(aws.client("dynamodb"))

        def client(service: str) -> Any:
            return workflows if service == "stepfunctions" else aws.client(service)

        yield Stack(client, OUTPUTS)


def opened(stack: Stack, case: Case) -> Case:
    return stack.cases(case.playbook).open(case)


def waiting(stack: Stack, token: str = "token") -> Case:
    """A case that awaits approval, and whose workflow waits."""
    case = opened(stack, a_case(Status.AWAITING_APPROVAL))
    if token:
        stack.cases(case.playbook).keep_token(case, token)
    return case


def decision(stack: Stack, case: Case) -> Decision | None:
    return stack.cases(case.playbook).decision(case)


# ---- cases ----


@pytest.mark.parametrize("playbook", [REVOKE, ESCALATE], ids=lambda playbook: playbook.name)
def test_case_of_any_playbook_is_found(stack: Stack, playbook: Playbook) -> None:
    case = opened(stack, a_case(Status.CONTAINING, playbook=playbook))
    found = stack.case(CASE)
    assert found.playbook == playbook.name
    assert found.plan == case.plan


def test_unknown_case_is_said(stack: Stack) -> None:
    with pytest.raises(NotPossible, match="there is no case ffff"):
        stack.case("ffff")


def test_playbooks_are_those_of_functions() -> None:
    expected = {"escalate_finding", "quarantine_bucket", "revoke_sessions", "tag_ai_resource"}
    assert set(playbook_names()) == expected


def test_open_cases_are_listed_oldest_first(stack: Stack) -> None:
    day = a_case().opened_at.replace
    for number, hour in ((1, 9), (2, 7), (3, 8)):
        opened(stack, a_case(Status.CONTAINING, id=f"{number:016}", opened_at=day(hour=hour)))
    opened(stack, a_case(Status.CONTAINING, playbook=REVOKE))
    found = [(case.playbook, case.id) for case in stack.open_cases()]
    assert found == [
        ("quarantine_bucket", "0000000000000002"),
        ("quarantine_bucket", "0000000000000003"),
        ("quarantine_bucket", "0000000000000001"),
        ("revoke_sessions", CASE),
    ]


def test_review_reads_a_hundred_cases_at_a_time(stack: Stack) -> None:
    """By the index, and never the whole table."""
    for number in range(101):
        opened(stack, a_case(Status.CONTAINING, id=f"{number:016}"))
    calls: list[str] = []
    dynamodb = stack.client("dynamodb")
    dynamodb.meta.events.register(
        "before-call.dynamodb.*", lambda model, **_: calls.append(model.name)
    )
    counted = Stack(lambda _: dynamodb, OUTPUTS)
    assert len(list(counted.open_cases())) == 101
    assert Counter(calls) == {"Query": len(playbook_names()), "BatchGetItem": 4}


@pytest.mark.parametrize("status", Status)
def test_only_open_cases_are_listed(stack: Stack, status: Status) -> None:
    """Closed ones leave the index, and are still remembered."""
    opened(stack, a_case(status))
    assert [case.status for case in stack.open_cases()] == ([] if status in CLOSED else [status])
    assert [case.status for case in stack.all_cases()] == [status]


def test_other_rows_are_no_cases(stack: Stack) -> None:
    case = waiting(stack)
    stack.cases(case.playbook).decide(case, Decision("approve", 1, case.plan_hash, "ada"))
    stack.cases(case.playbook).take_budget("111122223333", 10)
    assert [found.id for found in stack.all_cases()] == [CASE]


# ---- decide ----


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_decision_is_written_then_wakes(stack: Stack, workflows: Workflows, verb: str) -> None:
    """The row says who decided, as AWS names them; the token carries no name and no plan."""
    case = waiting(stack)
    by = stack.decide(case, verb, case.plan_hash, "seen")
    assert by == stack.client("sts").get_caller_identity()["Arn"]
    assert decision(stack, case) == Decision(verb, 1, case.plan_hash, by, "seen")
    assert workflows.calls == [{"taskToken": "token", "output": json.dumps({"decision": verb})}]


def test_decision_is_kept_though_waking_fails(stack: Stack, workflows: Workflows) -> None:
    case = waiting(stack)
    workflows.send_task_success = None  # type: ignore[assignment, method-assign]
    with pytest.raises(TypeError):
        stack.decide(case, "approve", case.plan_hash)
    assert decision(stack, case) is not None


def _refused(stack: Stack, workflows: Workflows, case: Case, plan: str, says: str) -> None:
    """Nothing is written, and nobody is woken."""
    with pytest.raises(NotPossible, match=says):
        stack.decide(case, "approve", plan)
    assert decision(stack, case) is None
    assert workflows.calls == []


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.AWAITING_APPROVAL}))
def test_only_waiting_case_is_decided(stack: Stack, workflows: Workflows, status: Status) -> None:
    case = opened(stack, a_case(status))
    _refused(stack, workflows, case, case.plan_hash, f"awaits no approval: its status is {status}")


def test_other_plan_is_not_approved(stack: Stack, workflows: Workflows) -> None:
    case = waiting(stack)
    _refused(stack, workflows, case, "f" * 64, f"is {case.plan_hash}, not {'f' * 64}")


def test_changed_plan_is_not_approved(stack: Stack, workflows: Workflows) -> None:
    """The row's hash is not that of the plan it names: somebody wrote over the plan."""
    case = waiting(stack)
    forged = replace(case, plan=replace(case.plan, manual_step="Nothing."))
    _refused(stack, workflows, forged, case.plan_hash, "the plan of case")


def test_starting_workflow_cannot_be_woken(stack: Stack, workflows: Workflows) -> None:
    case = waiting(stack, token="")
    _refused(stack, workflows, case, case.plan_hash, "is starting: try again")


def test_token_of_earlier_round_wakes_nobody(stack: Stack, workflows: Workflows) -> None:
    later = replace(waiting(stack), round=2)
    _refused(stack, workflows, later, later.plan_hash, "is starting: try again")


# ---- release ----


@pytest.mark.parametrize("status", sorted(HELD))
def test_release_is_written_then_starts(stack: Stack, workflows: Workflows, status: Status) -> None:
    case = opened(stack, a_case(status, function_arn="arn:function"))
    execution = stack.release(case, "it is a website")
    made = decision(stack, case)
    assert made is not None
    assert (made.decision, made.why, made.round) == ("release", "it is a website", 1)
    assert made.by == stack.client("sts").get_caller_identity()["Arn"]
    (call,) = workflows.calls
    assert call["stateMachineArn"] == "arn:release"
    assert execution == f"arn:execution:{call['name']}"
    assert json.loads(call["input"]) == {
        "case": CASE,
        "playbook": "quarantine_bucket",
        "function": "arn:function",
    }


@pytest.mark.parametrize("status", sorted(set(Status) - HELD))
def test_case_without_hold_is_not_released(
    stack: Stack, workflows: Workflows, status: Status
) -> None:
    case = opened(stack, a_case(status))
    with pytest.raises(NotPossible, match=f"holds nothing: its status is {status}"):
        stack.release(case, "why")
    assert decision(stack, case) is None
    assert workflows.calls == []


def test_every_status_is_closed_held_or_waiting() -> None:
    assert {*HELD, *CLOSED, Status.AWAITING_APPROVAL} == set(Status)
    assert not HELD & CLOSED


@pytest.mark.parametrize("verb", ["decide", "release"])
def test_deleted_stack_changes_nothing(stack: Stack, workflows: Workflows, verb: str) -> None:
    """What would undo it is deleted too."""
    case = waiting(stack)
    deleted = replace(stack, deleted=True)
    with pytest.raises(NotPossible, match="the stack is deleted"):
        if verb == "decide":
            deleted.decide(case, "approve", case.plan_hash)
        else:
            deleted.release(case, "why")
    assert decision(stack, case) is None
    assert workflows.calls == []


# ---- the commands that our messages name ----


class Deployed:
    """A stack with one case; it keeps the calls that the commands make."""

    def __init__(self, status: Status) -> None:
        self.only = a_case(status)
        self.calls: list[tuple[str, ...]] = []

    def case(self, case: str) -> Case:
        assert case == self.only.id
        return self.only

    def decide(self, case: Case, decision: str, plan: str) -> str:
        self.calls.append((decision, plan))
        return "arn:aws:iam::111122223333:role/reviewer"

    def release(self, case: Case, why: str) -> str:
        self.calls.append(("release", why))
        return "arn:execution"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    stack = Deployed(Status.AWAITING_APPROVAL)
    monkeypatch.setattr(Stack, "named", lambda _name: stack)
    return stack


def cordon(*words: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, words, input=typed)


def test_approve_binds_to_shown_plan(deployed: Deployed) -> None:
    case = deployed.only
    refused = cordon("approve", case.id, typed="n\n")
    assert refused.exit_code == 1
    assert deployed.calls == []
    assert "block_public_access" in refused.stdout and case.plan_hash in refused.stdout
    assert cordon("approve", case.id, typed="y\n").exit_code == 0
    assert deployed.calls == [("approve", case.plan_hash)]


def test_given_hash_is_used_unchanged(deployed: Deployed) -> None:
    cordon("approve", deployed.only.id, "--plan", "f" * 64)
    assert deployed.calls == [("approve", "f" * 64)]


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        (Status.AWAITING_APPROVAL, ["approve", "reject"]),
        (Status.CONTAINED, ["release"]),
        (Status.PARTLY_CONTAINED, ["release"]),
    ],
)
def test_advised_commands_work(deployed: Deployed, status: Status, verbs: list[str]) -> None:
    deployed.only = a_case(status)
    said = advice(deployed.only)
    for verb in verbs:
        assert f"cordon {verb} {CASE}" in said
        assert cordon(verb, CASE, typed="y\n").exit_code == 0
    assert [call[0] for call in deployed.calls] == verbs


# ---- a stack that was deleted ----


def test_deleted_stack_is_found_by_leftovers() -> None:
    """The newest of its name; CloudFormation skipped what the template retains."""
    cloudformation = boto3.client("cloudformation")
    stacks = [_deleted("old", 1), _deleted("new", 2), {**_deleted("x", 3), "StackName": "another"}]
    events = [
        _event("CasesTable", "cordon-Memory-1", "DELETE_SKIPPED"),
        _event("CasesTable", "cordon-Memory-1", "CREATE_COMPLETE"),
        _event("AlertsTopic", "arn:aws:sns:us-east-1:111122223333:cordon", "DELETE_COMPLETE"),
        _event("EvidenceBucket", "cordon-evidence-1", "DELETE_SKIPPED"),
    ]
    with Stubber(cloudformation) as stub:
        only = {"StackStatusFilter": ["DELETE_COMPLETE"]}
        stub.add_response("list_stacks", {"StackSummaries": stacks}, only)
        stub.add_response("describe_stack_events", {"StackEvents": events}, {"StackName": "new"})
        left = _deleted_stack_outputs("cordon", cloudformation)
    assert left == {"CasesTableName": "cordon-Memory-1", "EvidenceBucket": "cordon-evidence-1"}


def _deleted(stack_id: str, day: int) -> dict[str, Any]:
    when = datetime(2026, 11, day, tzinfo=UTC)
    named = {"StackId": stack_id, "StackName": "cordon", "CreationTime": when}
    return named | {"StackStatus": "DELETE_COMPLETE"}


def _event(logical: str, physical: str, status: str) -> dict[str, Any]:
    when = {"StackId": "new", "StackName": "cordon", "EventId": "1"}
    named = {"LogicalResourceId": logical, "PhysicalResourceId": physical}
    return when | named | {"ResourceStatus": status, "Timestamp": datetime(2026, 11, 3, tzinfo=UTC)}
