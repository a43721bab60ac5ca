"""What a replay takes for a trouble: on the bus, in the journal, after a release."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.replay import Replay
from console.run import account_troubles, resources
from cordon.deciding import custom_actions
from cordon.memory.cases import Case
from cordon.reporting import event as events
from cordon.reporting import handle
from cordon.settings import Mode
from embedded.journal import Dropped, Journal
from tests.examples import QUARANTINE, path_of

ROOT = Path(__file__).parent.parent
RANSOM = path_of("guardduty_ransomware_delete")
RELEASED = path_of("custom_action_release_s3_8")
STOLEN = path_of("guardduty_compromised_credentials")


@pytest.mark.parametrize(
    ("mode", "approve", "statuses"),
    [
        (Mode.ENFORCE, False, ("releasing", "reopened")),
        (Mode.APPROVE, True, ("releasing", "reopened")),
        (Mode.APPROVE, False, ("", "awaiting_approval")),
        (Mode.OBSERVE, False, ("", "observed")),
    ],
)
def test_choice_to_release_is_the_desks(
    mode: Mode, approve: bool, statuses: tuple[str, str]
) -> None:
    """What held nothing is not released."""
    run = Replay(ROOT, mode=mode, approve=approve).one(RELEASED)
    assert run.troubles == []
    assert [one.outcome for one in run.handled_by] == [one for one in statuses[:1] if one]
    assert [case.status for case in run.cases] == [statuses[1]]
    assert resources(run.before) == resources(run.contained)


def test_choice_to_release_that_nobody_obeys_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded fault: the desk hears nothing."""
    monkeypatch.setattr(custom_actions, "_release", lambda *_: iter(()))
    run = Replay(ROOT).one(RELEASED)
    assert run.troubles == [f"handled by nobody, not by ['{QUARANTINE.name}']"]


def test_release_ends_when_its_undoing_may() -> None:
    """The denial of older sessions is lifted hours later; before that, it is no tick."""
    run = Replay(ROOT, release=True).one(STOLEN)
    assert run.troubles == []
    assert [case.status for case in run.cases] == ["reopened"]
    assert run.released is not None
    assert resources(run.released) == resources(run.before) != resources(run.contained)


def test_release_that_does_not_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded fault: nobody lets the hours pass."""
    monkeypatch.setattr("console.replay.MOST_WAITS", 0)
    first, second = Replay(ROOT, release=True).one(STOLEN).troubles
    assert first == "after the release the account is not what it was"
    assert second.endswith("is releasing")


def test_event_on_the_bus_that_is_not_as_promised_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded faults: a status that the schema does not name, and a member too many."""
    detail = events.detail

    def other(case: Case, previous: str) -> dict[str, Any]:
        return {**detail(case, previous), "status": "fine", "colour": "red"}

    monkeypatch.setattr(events, "detail", other)
    said = "the event Cordon Case Status Change is not as docs/case-status-change.schema.json says"
    troubles = Replay(ROOT).one(RANSOM).troubles
    assert all(trouble.startswith(said) for trouble in troubles)
    assert [t for t in troubles if "$.status: 'fine' is not one of" in t]
    assert [t for t in troubles if "'colour' was unexpected" in t]


def test_record_that_the_stream_gave_up_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded fault: the reporter dies of every record."""

    def dies(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(handle.ReportHandler, "_stream", dies)
    troubles = Replay(ROOT).one(RANSOM).troubles
    assert [t for t in troubles if t.startswith("records of a stream were given up, to ")]


def test_lost_message_fails() -> None:
    lost = Dropped("arn:aws:sqs:us-east-1:111122223333:UndeliveredEvents", "{}", "it is denied")
    account = SimpleNamespace(journal=Journal([lost]))
    troubles = list(account_troubles(account))  # type: ignore[arg-type]
    assert troubles == ["lost, for UndeliveredEvents: it is denied"]
