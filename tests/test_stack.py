"""What an operator does to a deployed stack, and the commands that our messages name."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)
from botocore.httpsession import URLLib3Session
from botocore.stub import Stubber
from typer.testing import CliRunner

from console import decision_commands, preview
from console.cli import app
from console.desk import DeskResponse, signed
from console.exits import Exit
from console.stack import NotPossible, NotTaken, Stack, _deleted_stack_outputs, playbook_names
from console.tables import Output
from cordon.memory.cases import ActionStatus, Case
from cordon.memory.decisions import Decision, Decisions, Verb
from cordon.playbook import Playbook
from cordon.reporting.texts import advice
from cordon.statuses import CLOSED, Status
from tests.actions.scenario import account
from tests.examples import ESCALATE, QUARANTINE, REVOKE
from tests.make import DEPLOYMENT
from tests.memory.table import NAME, create
from tests.reporting.cases import CASE, a_case, with_results

OUTPUTS = {"CasesTableName": NAME, "EvidenceBucket": "evidence"}


@dataclass
class Desk:
    """The desk, as far as an operator calls it; keeps what it was sent."""

    response: DeskResponse = field(default_factory=lambda: DeskResponse(200, {"says": "recorded"}))
    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __call__(self, verb: str, body: Mapping[str, Any]) -> DeskResponse:
        self.sent.append((verb, body))
        return self.response


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def stack(desk: Desk) -> Iterator[Stack]:
    """A stack with an empty table, in an embedded account."""
    with account() as aws:
        create(aws.client("dynamodb"))
        yield Stack(aws.client, OUTPUTS, desk=desk)


def opened(stack: Stack, case: Case) -> Case:
    return stack.cases(case.playbook).open(case)


def waiting(stack: Stack) -> Case:
    """A case that awaits approval."""
    return opened(stack, a_case(Status.AWAITING_APPROVAL))


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


def test_case_is_found_by_how_its_id_begins(stack: Stack) -> None:
    """Of open ones; several are named whole."""
    first = opened(stack, a_case(Status.CONTAINED))
    opened(stack, a_case(Status.CONTAINED, playbook=REVOKE, id="0123000000000000"))
    opened(stack, a_case(Status.REOPENED, playbook=REVOKE, id="00ff000000000000"))
    assert stack.case(CASE[:5]) == stack.case(CASE.upper()) == first
    with pytest.raises(NotPossible) as several:
        stack.case("0123")
    assert CASE in str(several.value) and "0123000000000000" in str(several.value)
    with pytest.raises(NotPossible, match="only by all 16 digits"):
        stack.case("00ff")
    assert stack.case("00ff000000000000").status is Status.REOPENED
    with pytest.raises(NotPossible, match="is no case's id"):
        stack.case("")


def test_playbooks_are_those_of_functions() -> None:
    folders = (Path(__file__).parents[1] / "functions").glob("*/playbook.py")
    assert set(playbook_names()) == {path.parent.name for path in folders}


def test_open_cases_are_listed_oldest_first(stack: Stack) -> None:
    day = a_case().opened_at.replace
    for number, hour in ((1, 9), (2, 7), (3, 8)):
        opened(stack, a_case(Status.CONTAINING, id=f"{number:016}", opened_at=day(hour=hour)))
    opened(stack, a_case(Status.CONTAINING, playbook=REVOKE))
    found = [(case.playbook, case.id) for case in stack.open_cases()]
    assert found == [
        (QUARANTINE.name, "0000000000000002"),
        (QUARANTINE.name, "0000000000000003"),
        (QUARANTINE.name, "0000000000000001"),
        (REVOKE.name, CASE),
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
    decision = Decision(Verb.APPROVE, 1, case.plan_hash, "ada")
    Decisions(stack.table).save(case.playbook, case.id, decision, None)
    stack.cases(case.playbook).take_budget("111122223333", 10)
    assert [found.id for found in stack.all_cases()] == [CASE]


# ---- decide ----


def test_decision_is_sent_to_the_desk(stack: Stack, desk: Desk) -> None:
    """Nothing is written here: what the desk says is what is so."""
    case = waiting(stack)
    assert stack.decide(case, "approve", case.plan_hash, "seen") == {"says": "recorded"}
    stack.release(case, "it is a website")
    assert desk.sent == [
        ("approve", {"case": CASE, "plan": case.plan_hash, "why": "seen"}),
        ("release", {"case": CASE, "why": "it is a website"}),
    ]
    assert [found.version for found in stack.all_cases()] == [case.version]


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (DeskResponse(409, {"refused": "it holds nothing"}), "it holds nothing"),
        (DeskResponse(403, {"refused": "somebody else must"}), "somebody else must"),
        (DeskResponse(404, {"message": "Not Found"}), "status 404: Not Found"),
    ],
)
def test_refusal_is_said(stack: Stack, desk: Desk, response: DeskResponse, says: str) -> None:
    desk.response = response
    with pytest.raises(NotPossible, match=says) as why:
        stack.release(waiting(stack), "why")
    assert why.value.status is Exit.NOT_POSSIBLE


@pytest.mark.parametrize(
    ("response", "says", "known"),
    [
        (DeskResponse(403, {"message": "Forbidden"}), "your credentials may not release", True),
        (DeskResponse(429, {"message": "Too Many Requests"}), "status 429: Too Many", True),
        (DeskResponse(500, {"message": "Internal Server Error"}), "status 500: Internal", False),
        (DeskResponse(503, "<html>"), "status 503: <html>", False),
        (DeskResponse(200, "no object"), "status 200", False),
        (EndpointConnectionError(endpoint_url="https://desk"), "cannot be reached", True),
        (ConnectTimeoutError(endpoint_url="https://desk"), "cannot be reached", True),
        (NoCredentialsError(), "no AWS credentials", True),
        (UnauthorizedSSOTokenError(), "the login has expired", True),
        (CredentialRetrievalError(provider="p", error_msg="e"), "cannot be had", True),
        (ReadTimeoutError(endpoint_url="https://desk"), "did not respond", False),
        (ConnectionClosedError(endpoint_url="https://desk"), "did not respond", False),
    ],
)
def test_what_aws_says_instead_of_the_desk_is_no_refusal_of_it(
    stack: Stack, response: DeskResponse | Exception, says: str, known: bool
) -> None:
    """Where the request may have come to it, nobody says that nothing was recorded."""
    desk = Mock(side_effect=[response])
    with pytest.raises(NotTaken, match=says) as why:
        replace(stack, desk=desk).release(waiting(stack), "why")
    assert why.value.status is Exit.AWS
    assert ("whether it was recorded is not known" in str(why.value)) is not known


def test_stack_of_another_version_has_no_desk(stack: Stack) -> None:
    with pytest.raises(NotPossible, match="no output DeskUrl"):
        replace(stack, desk=None).release(waiting(stack), "why")


def test_deleted_stack_changes_nothing(stack: Stack, desk: Desk) -> None:
    """What would undo it is deleted too."""
    with pytest.raises(NotPossible, match="the stack is deleted"):
        replace(stack, deleted=True).release(waiting(stack), "why")
    assert desk.sent == []


def test_request_is_signed_for_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Signature Version 4, for execute-api, and with what the session has."""
    sent: list[AWSPreparedRequest] = []

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> Any:
        sent.append(request)
        return SimpleNamespace(status_code=409, content=b'{"refused": "x"}')

    monkeypatch.setattr(URLLib3Session, "send", send)
    session = boto3.session.Session("AKIA1", "secret", "token", region_name="eu-central-1")
    response = signed(session, "https://desk.example.com")("stop", {"observe": True})
    assert response == DeskResponse(409, {"refused": "x"})
    (request,) = sent
    assert (request.method, request.url) == ("POST", "https://desk.example.com/stop")
    assert json.loads(request.body) == {"observe": True}
    authorization = str(request.headers["Authorization"])
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIA1/")
    assert "/eu-central-1/execute-api/aws4_request" in authorization
    assert request.headers["X-Amz-Security-Token"] == "token"


# ---- the commands that our messages name ----


class Deployed:
    """A stack with one case; it keeps the calls that the commands make."""

    deployment = DEPLOYMENT
    deleted = False

    def __init__(self, status: Status) -> None:
        self.only = a_case(status)
        self.calls: list[tuple[str, ...]] = []

    def case(self, case: str) -> Case:
        assert case == self.only.id
        return self.only

    def cases(self, _playbook: str) -> Any:
        return SimpleNamespace(get=self.case)

    def decide(self, case: Case, verb: str, plan: str = "", why: str = "") -> dict[str, str]:
        self.calls.append((str(verb), plan or why))
        return {"case": case.id, "verb": verb, "by": "ada", "says": "recorded"}

    def release(self, case: Case, why: str) -> dict[str, str]:
        return self.decide(case, "release", why=why)

    def must_exist(self) -> None:
        """It is there."""

    def request(self, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append((verb, json.dumps(body)))
        counts = {"round": 1, "redelivered": 3, "left": 1, "why": ["a letter"], "more": False}
        return {"case": CASE, "verb": verb, "by": "ada", "says": "recorded", **counts}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    stack = Deployed(Status.AWAITING_APPROVAL)
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    for reads_the_account in ("caller", "containing", "releasing"):
        monkeypatch.setattr(preview, reads_the_account, lambda *_, **__: [])
    monkeypatch.setattr(decision_commands, "written", lambda *_: [])
    monkeypatch.setattr(decision_commands, "deployment_of", lambda *_: DEPLOYMENT)
    return stack


def cordon(*words: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, words, input=typed)


def test_approve_binds_to_shown_plan(deployed: Deployed) -> None:
    case = deployed.only
    refused = cordon("approve", case.id, typed="n\n")
    assert refused.exit_code == 1
    assert deployed.calls == []
    assert "block_public_access" in refused.stdout and case.plan_hash in refused.stdout
    assert "Who is shut out" in refused.stdout and '"action"' not in refused.stdout
    assert '"action": "block_public_access"' in cordon("approve", case.id, "--full").stdout
    assert cordon("approve", case.id, typed="y\n").exit_code == 0
    assert deployed.calls == [("approve", case.plan_hash)]


def test_other_commands_send_one_request(deployed: Deployed) -> None:
    deployed.only = with_results(a_case(Status.FAILED), ActionStatus.FAILED)
    assert cordon("retry", CASE, "--why", "w").exit_code == 0
    assert cordon("contain", *BY_ARN, "--yes").exit_code == 0
    left = cordon("redeliver", "FailedReports")
    assert left.exit_code == 1 and "left: a letter" in left.stdout
    body = {"resource": "arn:aws:s3:::a", "playbook": QUARANTINE.name, "why": "it leaks"}
    assert deployed.calls == [
        ("retry", "w"),
        ("contain", json.dumps(body)),
        ("redeliver", json.dumps({"queue": "FailedReports"})),
    ]


BY_ARN = ("arn:aws:s3:::a", "--playbook", QUARANTINE.name, "--why", "it leaks")


@pytest.mark.parametrize(("typed", "sent"), [("n\n", 0), ("", 0), ("y\n", 1)])
def test_contain_sends_what_was_shown_and_confirmed(
    deployed: Deployed, typed: str, sent: int
) -> None:
    """In a pipe too: input that ends is no yes."""
    done = cordon("contain", *BY_ARN, typed=typed)
    assert (done.exit_code, len(deployed.calls)) == (1 - sent, sent)
    shown = done.stdout.partition("Contain arn:aws:s3:::a?")[0]
    assert "block_public_access on arn:aws:s3:::a: " in shown and "Who is shut out" in shown


def test_plan_that_may_not_be_read_keeps_nobody_from_containing(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unknown; whoever only wants to see it is refused as AWS refuses it."""
    denied = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": ""}}, "GetFunctionConfiguration"
    )
    monkeypatch.setattr(decision_commands, "deployment_of", Mock(side_effect=denied))
    done = cordon("contain", *BY_ARN, typed="y\n")
    assert (done.exit_code, len(deployed.calls)) == (0, 1)
    assert "unknown: missing is GetFunctionConfiguration" in done.stdout
    assert cordon("contain", *BY_ARN, "--plan").exception is denied


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


def test_closed_input_is_no_yes_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(NotPossible, match=r"Contain it\? Standard input is closed.* --yes does"):
        decision_commands._must_be_typed("Contain it?", Output.TABLE)
