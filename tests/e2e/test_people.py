"""People of the deployed account see cases and decide about them, each with their own rights."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console import access_log
from cordon.memory.cases import Case
from cordon.memory.decisions import Decisions
from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, Account, emulator
from tests.e2e.people import hearing, role
from tests.e2e.test_console import cordon
from tests.e2e.test_delivery import nothing_dead
from tests.e2e.test_playbooks import (
    PUBLIC,
    allowed,
    awaiting,
    bucket_of,
    contained,
    executions,
    staged,
    state,
    untouched,
)
from tests.examples import QUARANTINE

TICK = "ReconcileCasesEveryFiveMinutes"


def session(name: str) -> str:
    """How AWS names a session of a person's role."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/test"


def decides(account: Account, by: str, verb: str, case: Case, **more: str) -> Any:
    """What the desk says to the person; all that follows has happened."""
    response = account.desk(by)(verb, {"case": case.id, **more})
    account.settle()
    return response


def access_lines(account: Account) -> list[dict[str, Any]]:
    """The desk's access log."""
    group = account.stack.outputs["DeskLog"]
    found = account.client("logs").filter_log_events(logGroupName=group)["events"]
    return [json.loads(one["message"]) for one in found]


def live_faults(account: Account) -> list[str]:
    """Where evidence and the access log differ about who decided."""
    stack = account.stack
    return [str(one) for one in access_log.compared(stack.evidence_copy(account.case()), stack)]


# ---- decide ----


def test_an_approver_approves_and_releases(account: Account) -> None:
    case, one, before = awaiting(account, PUBLIC)
    ada = role(account, "Ada", "approver")
    before = state(account, one)
    said = decides(account, ada, "approve", case, plan=case.plan_hash, why="seen")
    assert (said.status, said.body["by"], said.body["complete"]) == (200, session("Ada"), True)
    case = account.case()
    assert (case.status, case.decided_by) == (Status.CONTAINED, session("Ada"))
    said = decides(account, ada, "release", case, why="a website")
    assert said.status == 200
    assert account.case().status is Status.REOPENED
    assert state(account, one) == before
    lines = access_lines(account)
    assert [(one["routeKey"], one["status"], one["userArn"]) for one in lines] == [
        ("POST /approve", "200", session("Ada")),
        ("POST /release", "200", session("Ada")),
    ]
    assert live_faults(account) == []
    assert {one.rsplit("-", 1)[0] for one in executions(account)} == {
        f"{case.id}-1-approve",
        f"{case.id}-1-release",
    }


def test_an_approver_rejects_and_nothing_is_done(account: Account) -> None:
    case, one, _ = awaiting(account, PUBLIC)
    ada = role(account, "Ada", "approver")
    before = state(account, one)
    assert decides(account, ada, "reject", case, why="it is public").status == 200
    case = account.case()
    assert (case.status, case.decided_by) == (Status.REJECTED, session("Ada"))
    untouched(account, one, before)
    late = decides(account, ada, "approve", case, plan=case.plan_hash)
    assert (late.status, "awaits no approval" in late.body["refused"]) == (409, True)
    assert live_faults(account) == []


@pytest.mark.parametrize("policy", ["reader", "operator", "auditor"])
def test_without_the_right_nobody_decides(account: Account, policy: str) -> None:
    """IAM refuses before our function is called; the access log has the request all the same."""
    case, _, _ = awaiting(account, PUBLIC)
    bob = role(account, "Bob", policy)
    for verb in ("approve", "reject", "release", "retry"):
        assert decides(account, bob, verb, case, plan=case.plan_hash).status == 403
    assert account.case() == case
    assert Decisions(account.stack.table).of_round(case) is None
    assert {one["status"] for one in access_lines(account)} == {"403"}
    assert executions(account) == {}


def test_nobody_decides_past_the_desk(account: Account) -> None:
    """A forged request is carried out for whoever may invoke the function, and then found."""
    case, _, _ = awaiting(account, PUBLIC)
    ada = account.as_role(role(account, "Ada", "approver"), "lambda")
    api = account.stack.outputs["DeskUrl"].rpartition("/")[2]
    said = {"apiId": api, "requestId": "forged=", "http": {"sourceIp": "203.0.113.7"}}
    signed = {"authorizer": {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT}:user/the.boss"}}}
    body = json.dumps({"case": case.id, "plan": case.plan_hash})
    forged = {"routeKey": "POST /approve", "requestContext": said | signed, "body": body}
    named = {"FunctionName": account.stack.outputs["DeskFunction"], "Payload": json.dumps(forged)}
    assert not allowed(ada.invoke, **named)
    assert account.case() == case
    account.client("lambda").invoke(**named)
    account.settle()
    assert account.case().status is Status.CONTAINED
    (fault,) = live_faults(account)
    assert "the access log does not know the request forged= of" in fault


def test_evidence_is_compared_with_the_access_log(account: Account) -> None:
    case, _, _ = awaiting(account, PUBLIC)
    decides(account, role(account, "Ada", "approver"), "approve", case, plan=case.plan_hash)
    proven = cordon(account, "evidence", case.id, "--live")
    assert proven.returncode == 0, proven.stderr
    account.client("logs").delete_log_group(logGroupName=account.stack.outputs["DeskLog"])
    account.client("logs").create_log_group(logGroupName=account.stack.outputs["DeskLog"])
    lost = cordon(account, "evidence", case.id, "--live")
    assert lost.returncode == 1
    assert "the access log does not know the request" in lost.stderr


def test_a_resource_is_contained_by_its_arn(account: Account) -> None:
    """No finding came: a person names the bucket, though the playbook only observes."""
    account.set(f"modes.{QUARANTINE.name}", "observe")
    one, ada = staged(account, PUBLIC), role(account, "Ada", "approver")
    before = state(account, one)
    named = {"resource": f"arn:aws:s3:::{bucket_of(one)}", "playbook": QUARANTINE.name}
    said = account.desk(ada)("contain", {**named, "why": "it leaks"})
    account.settle()
    assert said.status == 200
    case = account.case()
    assert (case.status, case.id) == (Status.CONTAINED, said.body["case"])
    block = account.client("s3").get_public_access_block(Bucket=bucket_of(one))
    assert all(block["PublicAccessBlockConfiguration"].values())
    assert account.incidents()[0]["Status"] == "Open"
    decides(account, ada, "release", case, why="an error")
    assert state(account, one) == before
    assert live_faults(account) == []


# ---- operate ----


def test_to_stop_needs_nothing_but_the_function(account: Account) -> None:
    """As the stack's output prints it: by a direct invocation, which AWS names nobody for."""
    words = account.stack.outputs["Stop"].replace("'", "").split()
    function, payload = (words[words.index(name) + 1] for name in ("--function-name", "--payload"))
    stranger = account.as_role(role(account, "Bob", "reader"), "lambda")
    assert not allowed(stranger.invoke, FunctionName=function, Payload=payload)
    assert account.settings["master_switch"] == "on"
    said = account.client("lambda").invoke(FunctionName=function, Payload=payload)
    assert "FunctionError" not in said
    assert account.settings["master_switch"] == "off"
    assert "AWS names no person" in account.settings["changed_by"]
    account.put(staged(account, PUBLIC))
    assert account.cases() == []


def test_an_operator_changes_settings_and_stops(account: Account) -> None:
    desk = account.desk(role(account, "Eve", "operator"))
    change = {"do": "mode", "playbook": QUARANTINE.name, "mode": "observe"}
    said = desk("settings", {"change": change})
    assert said.status == 200, said.body
    assert account.settings["modes"][QUARANTINE.name] == "observe"
    assert account.settings["changed_by"] == session("Eve")
    assert desk("stop", {"observe": True}).status == 200
    assert account.settings["master_switch"] == "observe"


# ---- see ----


@pytest.mark.refused("ssm:CreateOpsItem")
def test_a_report_that_is_refused_waits_and_is_redelivered(account: Account) -> None:
    """OpsCenter refuses: everything else is shown, and nothing is lost."""
    with account.denied("ReportCases", "ssm:*"):
        account.put(staged(account, PUBLIC))
    case = account.case()
    assert account.finding_of(case)["Title"].startswith("Cordon contained")
    assert account.incidents() == []
    wanted = {"playbook": case.playbook, "case": case.id, "projection": "incident"}
    letters = [json.loads(one["Body"]) for one in account.messages("FailedReports")]
    assert letters and all(one == wanted for one in letters)  # two, where the stream came in two
    eve = account.desk(role(account, "Eve", "operator"))
    said = eve("redeliver", {"queue": "FailedReports"})
    account.settle()
    assert (said.status, said.body["redelivered"], said.body["left"]) == (200, len(letters), 0)
    (incident,) = account.incidents()
    assert case.id in incident["Description"]
    assert account.reported(case).ops_item == incident["OpsItemId"]
    assert nothing_dead(account)


@pytest.mark.refused("dynamodb:BatchGetItem")
def test_records_of_a_reporter_that_dies_are_kept(account: Account) -> None:
    """People see nothing of the case, until somebody redelivers them; none is sent twice."""
    s3, bucket = account.client("s3"), account.physical("FailedRecords")
    with account.denied("ReportCases", "dynamodb:BatchGetItem"):
        account.put(staged(account, PUBLIC))
    case = account.case()
    assert case.status is Status.CONTAINED
    assert account.reported(case).version == -1
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    kept = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    row = f"case#{case.playbook}#{case.id}"
    rung = [
        record["dynamodb"]["Keys"]["id"]["S"]
        for one in kept
        for record in json.loads(one["payload"])["Records"]
    ]
    assert set(rung) == {row}
    eve = account.desk(role(account, "Eve", "operator"))
    said = eve("redeliver", {"queue": "FailedRecords"})
    assert (said.status, said.body["redelivered"], said.body["left"]) == (200, len(keys), 0)
    assert eve("redeliver", {"queue": "FailedRecords"}).body["redelivered"] == 0
    account.settle()
    assert account.reported(case).version == account.case().version
    assert account.finding_of(case)["Title"].startswith("Cordon contained")
    assert len(account.incidents()) == 1


def test_the_self_test_sees_whether_reports_are_made(account: Account) -> None:
    ring, seen = "case#self_test#heartbeat", "reported#self_test#heartbeat"
    with stream_stopped(account):
        account.tick(TICK)
        rows = account.stack.table.get(ring, seen)
        assert rows.keys() == {ring}
    account.settle()
    rows = account.stack.table.get(ring, seen)
    assert rows[ring]["version"] == rows[seen]["version"]
    assert account.cases() == []


@contextmanager
def stream_stopped(account: Account) -> Iterator[None]:
    """While it lasts, the table's stream rings for nobody."""
    client = account.client("lambda")
    mappings = client.list_event_source_mappings()["EventSourceMappings"]
    (stream,) = [one["UUID"] for one in mappings if ":dynamodb:" in one["EventSourceArn"]]
    client.update_event_source_mapping(UUID=stream, Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=stream, Enabled=True)


def test_people_hear_of_each_status(account: Account) -> None:
    with hearing(account) as heard:
        case = contained(account, staged(account, PUBLIC))
        account.stack.release(case, "a website")
        account.settle()
        statuses = [one["status"] for one in heard.events()]
        (message,) = heard.messages()
    assert (statuses[-1], "contained" in statuses) == ("reopened", True)
    assert message["subject"].startswith("HIGH: Cordon contained: ")
    assert f"Case: {case.id}" in message["text"]


# ---- two people ----


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Account]:
    """A stack of its own in which two people must approve, and of one role the sessions do."""
    with emulator(tmp_path / "log") as account:
        account.client("securityhub").enable_security_hub()
        shared = f"arn:aws:iam::{ACCOUNT}:role/Shared"
        account.deploy("approve", TwoApprovers="true", PersonRoles=shared)
        yield account


def test_two_people_approve(two: Account) -> None:
    case, _, _ = awaiting(two, PUBLIC)
    ada, bob = role(two, "Ada", "approver"), role(two, "Bob", "approver")
    first = decides(two, ada, "approve", case, plan=case.plan_hash)
    assert (first.status, first.body["complete"]) == (200, False)
    assert decides(two, ada, "approve", case, plan=case.plan_hash).status == 403
    assert two.case().status is Status.AWAITING_APPROVAL
    second = decides(two, bob, "approve", case, plan=case.plan_hash)
    assert (second.status, second.body["complete"]) == (200, True)
    assert two.case().status is Status.CONTAINED
    assert live_faults(two) == []


def test_two_sessions_are_two_people_only_where_their_names_are_fixed(two: Account) -> None:
    case, _, _ = awaiting(two, PUBLIC)
    shared, ada = role(two, "Shared", "approver"), role(two, "Ada", "approver")
    body = {"case": case.id, "plan": case.plan_hash}
    assert two.desk(ada, "ada")("approve", body).body["complete"] is False
    assert two.desk(ada, "bob")("approve", body).status == 403
    assert two.desk(shared, "eve")("approve", body).body["complete"] is True
    two.settle()
    assert two.case().status is Status.CONTAINED
