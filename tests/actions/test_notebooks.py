"""What the contract does not require of a notebook's changes: AWS's minutes, refusals, people."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cordon.actions import Action, Json, NotVerified, NotYet, Undone, UndoResult
from cordon.actions.notebooks import DETACH, NO_ROOT, PLATFORM, STOP
from cordon.clients import AwsClients
from embedded.backends import notebooks
from tests.actions.scenario import account
from tests.actions.scenario_notebooks import HERE, NAME, SCRIPT, change, made, read
from tests.actions.test_contract import Calls

KILL = change(STOP, DETACH)


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients


def contained(
    aws: AwsClients, action: Action, captured: Json, written: Json | None = None
) -> tuple[Json, list[str]]:
    """Attempts until all is verified, as the workflow makes them; and how each one found it."""
    seen: list[str] = []
    for _ in range(12):
        try:
            written = action.apply(aws, captured, written)
            action.verify(aws, captured, written)
            return written, seen
        except NotYet:
            seen.append(read(aws)["NotebookInstanceStatus"])
    raise AssertionError(f"never done: {seen}")


def released(aws: AwsClients, action: Action, captured: Json, written: Json) -> UndoResult:
    for _ in range(12):
        try:
            undone = action.undo(aws, captured, written)
            assert undone.left is not None
            action.verify_undone(aws, undone.left)
            return undone
        except NotYet:
            continue
    raise AssertionError("never undone")


def changing_calls(calls: Calls) -> list[str]:
    reads = ("Describe", "List")
    names = [name for _, name in calls.made if not name.startswith(reads)]
    return [name.removesuffix("NotebookInstance") for name in names]


@pytest.mark.parametrize(
    ("changes", "there", "back"),
    [
        ((STOP,), ["Stop"], ["Start"]),
        ((STOP, DETACH), ["Stop", "Update"], ["Update", "Start"]),
        ((NO_ROOT,), ["Stop", "Update", "Start"], ["Stop", "Update", "Start"]),
    ],
    ids=lambda one: "-".join(one),
)
def test_each_call_is_made_once_while_aws_needs_minutes(
    aws: AwsClients, changes: tuple[str, ...], there: list[str], back: list[str]
) -> None:
    made()(aws)
    notebooks.slow(NAME, HERE, readings=3)
    action, before, calls = change(*changes), read(aws), Calls()
    captured = action.capture(aws)
    with calls.watched():
        written, seen = contained(aws, action, captured)
    assert changing_calls(calls) == there
    assert ("Updating" in seen) is ("Update" in there)
    assert written["stopped"] is (STOP in changes)
    back_again = Calls()
    with back_again.watched():
        undone = released(aws, action, captured, written)
    assert changing_calls(back_again) == back
    assert (undone.state, undone.reason) == (Undone.RESTORED, "")
    after = read(aws)
    assert after.pop("NotebookInstanceStatus") in ("Pending", "InService")
    assert after.items() <= before.items()


def test_stop_without_more_is_contained_while_it_is_stopping(aws: AwsClients) -> None:
    """AWS cannot cancel it. What else is wanted waits until it has stopped."""
    made()(aws)
    notebooks.slow(NAME, HERE, readings=9)
    stop = change(STOP)
    captured = stop.capture(aws)
    written = stop.apply(aws, captured, None)
    stop.verify(aws, captured, written)
    assert read(aws)["NotebookInstanceStatus"] == "Stopping"
    with pytest.raises(NotYet, match="Stopping"):
        KILL.verify(aws, captured, KILL.apply(aws, captured, None))
    notebooks.put(NAME, HERE, NotebookInstanceStatus="Pending")
    with pytest.raises(NotVerified, match="Pending"):
        stop.verify(aws, captured, written)


def test_what_is_starting_is_stopped_later_and_ran_before(aws: AwsClients) -> None:
    made(status="Pending")(aws)
    captured = KILL.capture(aws)
    assert captured["running"] is True
    with pytest.raises(NotYet, match="Pending"):
        KILL.apply(aws, captured, None)
    notebooks.put(NAME, HERE, NotebookInstanceStatus="InService")
    written, _ = contained(aws, KILL, captured)
    assert released(aws, KILL, captured, written).state is Undone.RESTORED
    assert read(aws)["NotebookInstanceStatus"] == "InService"


def test_release_in_the_middle_of_a_containment_starts_it_again(aws: AwsClients) -> None:
    made()(aws)
    notebooks.slow(NAME, HERE, readings=3)
    before, captured = read(aws), KILL.capture(aws)
    written = KILL.apply(aws, captured, None)
    assert released(aws, KILL, captured, written).state is Undone.RESTORED
    assert read(aws)["NotebookInstanceLifecycleConfigName"] == SCRIPT
    assert {**read(aws), "NotebookInstanceStatus": "InService"} == before


@pytest.mark.parametrize("who", ["aws", "dead-attempt"])
def test_what_a_person_stopped_is_not_started_for_a_setting_that_was_so(
    aws: AwsClients, who: str
) -> None:
    """Only what Cordon has stopped for it is started again."""
    made(RootAccess="Disabled" if who == "aws" else "Enabled")(aws)
    action = change(NO_ROOT)
    captured = action.capture(aws)
    notebooks.put(NAME, HERE, NotebookInstanceStatus="Stopped")
    if who == "aws":
        written = {"settings": {"RootAccess": "Disabled"}, "stopped": False, "done": True}
        action.apply(aws, captured, written)
        action.undo(aws, captured, written)
        assert read(aws)["NotebookInstanceStatus"] == "Stopped"
    else:  # stopped between its call and its note
        contained(aws, action, captured)
        assert read(aws)["NotebookInstanceStatus"] == "InService"


def test_what_a_person_started_is_not_stopped_by_a_release(aws: AwsClients) -> None:
    made()(aws)
    captured = KILL.capture(aws)
    written, _ = contained(aws, KILL, captured)
    notebooks.put(NAME, HERE, NotebookInstanceStatus="InService")
    undone = KILL.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert "a person started it" in undone.reason
    assert "LifecycleConfigName none" in undone.reason
    assert read(aws)["NotebookInstanceStatus"] == "InService"


def test_no_room_for_a_start_is_a_failure_with_advice(aws: AwsClients) -> None:
    """What was put back stays so; the next try starts it."""
    made()(aws)
    captured = KILL.capture(aws)
    written, _ = contained(aws, KILL, captured)
    notebooks.refuse_start(NAME, HERE, "the account-level limit is 0 instances")
    with pytest.raises(NotVerified, match=r"limit is 0 .* quota .* try again"):
        KILL.undo(aws, captured, written)
    assert read(aws)["NotebookInstanceLifecycleConfigName"] == SCRIPT
    notebooks.refuse_start(NAME, HERE, "")
    assert KILL.undo(aws, captured, written).state is Undone.RESTORED


def test_start_that_aws_fails_is_not_restored(aws: AwsClients) -> None:
    made()(aws)
    captured = KILL.capture(aws)
    written, _ = contained(aws, KILL, captured)
    undone = KILL.undo(aws, captured, written)
    failed = {"NotebookInstanceStatus": "Failed", "FailureReason": "no capacity"}
    notebooks.put(NAME, HERE, **failed)
    assert undone.left is not None
    with pytest.raises(NotVerified, match=r"Failed \(no capacity\)"):
        KILL.verify_undone(aws, undone.left)


def test_platform_that_aws_refuses_keeps_nothing_else_back(aws: AwsClients) -> None:
    made(PlatformIdentifier="notebook-al2-v1")(aws)
    action = change(PLATFORM, NO_ROOT)
    captured = action.capture(aws)
    written, _ = contained(aws, action, captured)
    undone = action.undo(aws, captured, written)
    assert undone.state is Undone.PARTLY_RESTORED
    assert "notebook-al2-v1" in undone.reason
    shown: dict[str, Any] = read(aws)
    assert (shown["NotebookInstanceStatus"], shown["RootAccess"]) == ("InService", "Enabled")


def test_questions_say_what_a_stop_loses() -> None:
    for action in (KILL, change(NO_ROOT)):
        assert "/home/ec2-user/SageMaker" in action.caution
    assert "started again" in change(NO_ROOT).in_words
    assert "still run as root" in change(NO_ROOT).caution
    assert change(NO_ROOT).shuts_out == ""


@pytest.mark.parametrize(
    ("name", "changes"), [("a/b", (STOP,)), ("a" * 64, (STOP,)), (NAME, ()), (NAME, ("delete",))]
)
def test_only_names_and_changes_of_notebooks(name: str, changes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not "):
        replace(KILL, notebook=name, changes=changes)
