"""The commands that our messages tell people to type are commands that work as they stand."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from console.cli import app
from console.stack import NotPossible, Stack, _deleted_stack_outputs
from cordon import report
from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.memory.test_cases import a_case


class Deployed:
    """A stack with one case that asks; it keeps what it was told to do."""

    def __init__(self) -> None:
        self.asked = a_case(status=Status.AWAITING_APPROVAL)
        self.told: list[tuple[str, ...]] = []

    def case(self, case: str) -> Case:
        assert case == self.asked.id
        return self.asked

    def decide(self, case: Case, decision: str, plan: str) -> str:
        self.told.append((decision, plan))
        return "arn:aws:iam::111122223333:role/reviewer"

    def release(self, case: Case, why: str) -> str:
        self.told.append(("release", why))
        return "arn:execution"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    stack = Deployed()
    monkeypatch.setattr(Stack, "named", lambda _name: stack)
    return stack


def cordon(*words: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, words, input=typed)


def test_approving_shows_the_plan_and_binds_to_what_was_shown(deployed: Deployed) -> None:
    case = deployed.asked
    refused = cordon("approve", case.id, typed="n\n")
    assert refused.exit_code == 1
    assert deployed.told == []
    assert "block_public_access" in refused.stdout and case.plan_hash in refused.stdout
    assert cordon("approve", case.id, typed="y\n").exit_code == 0
    assert deployed.told == [("approve", case.plan_hash)]


def test_a_given_hash_is_handed_on_as_it_is(deployed: Deployed) -> None:
    cordon("approve", deployed.asked.id, "--plan", "f" * 64)
    assert deployed.told == [("approve", "f" * 64)]


@pytest.mark.parametrize("stands", [Status.AWAITING_APPROVAL, Status.CONTAINED])
def test_what_our_finding_advises_can_be_typed(deployed: Deployed, stands: Status) -> None:
    advice = report.advice(a_case(status=stands))
    commands = ("approve", "reject") if stands is Status.AWAITING_APPROVAL else ("release",)
    for command in commands:
        assert f"cordon {command} {deployed.asked.id}" in advice
        assert cordon(command, deployed.asked.id, typed="y\n").exit_code == 0
    assert [told[0] for told in deployed.told] == list(commands)


def test_a_deleted_stack_is_found_by_what_it_left() -> None:
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


@pytest.mark.parametrize("deleted", [True, False])
def test_nobody_lets_go_for_a_deleted_stack(deleted: bool) -> None:
    stack = Stack(lambda _: None, {}, deleted=deleted)
    refusal = "the stack is deleted" if deleted else "holds nothing"
    with pytest.raises(NotPossible, match=refusal):
        stack.release(a_case(status=Status.AWAITING_APPROVAL), "why")
