"""`cordon sweep` starts, shows and redrives; what is not possible is said before AWS is called."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from console import cli
from console.stack import NotPossible, Stack
from tests.examples import TAG

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:Sweep-1A2B"
NAME = "20261127T220000Z"
EXECUTION = f"arn:aws:states:us-east-1:111122223333:execution:Sweep-1A2B:{NAME}"
SUMMARY = {
    "pages": 2,
    "pages_not_sent": 0,
    "findings_read": 900,
    "counts": {"findings": 900, TAG.name: 880, "no longer active": 20},
}


class States:
    """Step Functions with one execution."""

    def __init__(self, status: str, **more: Any) -> None:
        self.execution = {"name": NAME, "status": status, **more}
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    def start_execution(self, **request: Any) -> None:
        self.calls.append(("start", request))

    def redrive_execution(self, **request: Any) -> None:
        self.calls.append(("redrive", request))

    def describe_execution(self, *, executionArn: str) -> Mapping[str, Any]:
        assert executionArn == EXECUTION
        return self.execution

    def list_map_runs(self, *, executionArn: str) -> Mapping[str, Any]:
        assert executionArn == EXECUTION
        return {"mapRuns": [{"mapRunArn": "arn:run"}] if self.execution["status"] != "R" else []}

    def describe_map_run(self, *, mapRunArn: str) -> Mapping[str, Any]:
        assert mapRunArn == "arn:run"
        return {"itemCounts": {"succeeded": 1, "failed": 0, "pending": 1, "running": 0, "total": 2}}


def run(states: States, *words: str, **outputs: str) -> Result:
    given = outputs or {"Sweep": MACHINE}
    stack = Stack(lambda _: states, given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "named", lambda *_: stack)
        return CliRunner().invoke(cli.app, ["sweep", *words])


def rows(done: Result) -> dict[str, Any]:
    return {one["what"]: one["is"] for one in map(json.loads, done.stdout.splitlines())}


def test_start_names_the_sweep_and_what_is_wanted() -> None:
    states = States("RUNNING")
    done = run(states, "--control", "S3.8", "--since", "2026-01-31")
    ((call, request),) = states.calls
    assert (call, request["stateMachineArn"]) == ("start", MACHINE)
    assert json.loads(request["input"]) == {"control": "S3.8", "since": "2026-01-31"}
    at = datetime.strptime(request["name"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - at).total_seconds()) < 600
    assert f"cordon sweep --show {request['name']}" in done.stdout
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--source", "guardduty"), "source: must be one of"),
        (("--control", "all"), "control: must be the id of a control"),
        (("--since", "then"), "since: must be a date"),
        (("--show", "../x"), "sweep: is not the name"),
        (("--show", NAME, "--redrive", NAME), "either"),
        (("--show", NAME, "--control", "S3.8"), "--control is for a new sweep"),
    ],
)
def test_what_is_not_possible_is_said_first(words: tuple[str, ...], says: str) -> None:
    states = States("RUNNING")
    done = run(states, *words)
    assert isinstance(done.exception, NotPossible) and says in str(done.exception)
    assert states.calls == []


def test_stack_of_another_version_sweeps_nothing() -> None:
    done = run(States("RUNNING"), Workflow=MACHINE)
    assert isinstance(done.exception, NotPossible) and "another version" in str(done.exception)


def test_progress_is_shown_while_it_runs() -> None:
    done = run(States("RUNNING"), "--show", NAME, "-o", "jsonl")
    assert done.exit_code == 0
    found = rows(done)
    assert (found["status"], found["pages sent"], found["pages that wait"]) == ("RUNNING", 1, 1)


def test_summary_is_shown_when_it_has_ended() -> None:
    done = run(States("SUCCEEDED", output=json.dumps(SUMMARY)), "--show", NAME, "-o", "jsonl")
    assert done.exit_code == 0
    found = rows(done)
    assert (found["findings read"], found[TAG.name], found["no longer active"]) == (900, 880, 20)


@pytest.mark.parametrize(
    "states",
    [
        States("SUCCEEDED", output=json.dumps({**SUMMARY, "pages_not_sent": 1})),
        States("FAILED", error="NoRoom", cause="x", redriveStatus="REDRIVABLE"),
        States("ABORTED"),
    ],
    ids=lambda states: states.execution["status"],
)
def test_what_did_not_end_well_ends_with_1(states: States) -> None:
    done = run(states, "--show", NAME, "-o", "jsonl")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    if "error" in states.execution:
        assert rows(done)["why"] == "NoRoom: x"
        assert rows(done)["to go on"] == f"cordon sweep --redrive {NAME}"


def test_redrive_goes_on_with_one() -> None:
    states = States("FAILED")
    done = run(states, "--redrive", NAME)
    assert states.calls == [("redrive", {"executionArn": EXECUTION})]
    assert f"sweep {NAME} goes on" in done.stdout


def test_sweep_that_is_started_is_a_row() -> None:
    (row,) = json.loads(run(States("RUNNING"), "-o", "json").stdout)
    assert row["is"] == "started" and row["sweep"].endswith("Z")


@pytest.mark.parametrize("option", ["--show", "--redrive"])
def test_sweep_that_there_is_not_is_said(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error's code is that of the API Reference, "DescribeExecution", "RedriveExecution"."""

    def absent(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")

    for name in ("describe_execution", "redrive_execution"):
        monkeypatch.setattr(States, name, absent)
    done = run(States("RUNNING"), option, NAME)
    assert str(done.exception) == f"there is no sweep {NAME}"
