"""The table of statuses, cell by cell: a change of the code is a change of this test."""

import re

import pytest

from console.statuses_page import MOVERS, TIME, movers, page
from cordon.errors import CaseConflict
from cordon.reporting.texts import MEANINGS
from cordon.statuses import CLOSED, CONTAIN_ENDED, STAYS, TABLE, Event, Status, after

# Each line is a status, each column an event; "." cannot happen and raises CaseConflict.
COLUMNS = (
    Event.OBSERVE,
    Event.ASK,
    Event.ESCALATE,
    Event.CLAIM,
    Event.APPROVE,
    Event.REJECT,
    Event.EXPIRE,
    Event.HOLD_BACK,
    Event.WAIT,
    Event.STAYS_CONTAINED,
    Event.STAYS_TAGGED,
    Event.STAYS_PARTLY_CONTAINED,
    Event.ALL_VERIFIED,
    Event.TAGS_VERIFIED,
    Event.SOME_VERIFIED,
    Event.NONE_VERIFIED,
    Event.NOTHING_LEFT,
    Event.NOTHING_FOUND,
    Event.RELEASE,
    Event.PERSON_UNDID,
    Event.SOURCE_UNDID,
    Event.NOTHING_HELD,
)
SHORT = {
    "obs": "observed",
    "ask": "awaiting_approval",
    "esc": "escalated",
    "cng": "containing",
    "rej": "rejected",
    "exp": "expired",
    "con": "contained",
    "tag": "tagged",
    "par": "partly_contained",
    "fai": "failed",
    "del": "resource_deleted",
    "rng": "releasing",
    "rel": "released",
    "reo": "reopened",
}
# fmt: off
#   obs ask esc clm app rej exp hld wai s-c s-t s-p all tag som non lef nof rel per src nil
CELLS = """
new obs ask esc cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .
obs obs ask esc cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   rel .
ask .   ask .   cng cng rej exp .   .   con tag par .   .   .   .   .   .   rng .   rel .
rej obs ask esc cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .
exp obs ask esc cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .
cng .   ask .   cng .   .   .   obs cng .   .   .   con tag par fai del obs rng .   .   .
con .   ask .   cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   rng .   .   .
tag .   ask .   cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   rng .   .   .
par .   ask .   cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   rng .   .   .
fai .   ask .   cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   rng .   .   .
del .   ask .   cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   rng .   .   .
esc .   .   esc .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   rel rel
rng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   rng reo rel rel
rel obs ask esc cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .
reo obs ask esc cng .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   rel .
"""
# fmt: on


def _cells() -> dict[tuple[Status | None, Event], Status | None]:
    """(status, event) → the status after, None where it cannot happen."""
    cells: dict[tuple[Status | None, Event], Status | None] = {}
    for line in CELLS.strip().splitlines():
        name, *ends = line.split()
        start = None if name == "new" else Status(SHORT[name])
        for event, end in zip(COLUMNS, ends, strict=True):
            cells[start, event] = None if end == "." else Status(SHORT[end])
    return cells


EXPECTED = _cells()


def test_every_cell_is_written_out() -> None:
    starts = (None, *Status)
    assert set(EXPECTED) == {(start, event) for start in starts for event in Event}
    assert set(TABLE) == set(starts)


@pytest.mark.parametrize("start", (None, *Status))
def test_event_moves_status(start: Status | None) -> None:
    for event in Event:
        moves_as_expected(start, event)


def moves_as_expected(start: Status | None, event: Event) -> None:
    end = EXPECTED[start, event]
    if end is not None:
        assert after(start, event) is end, event
        return
    with pytest.raises(CaseConflict, match=event.value) as conflict:
        after(start, event, "0123456789abcdef")
    assert "0123456789abcdef" in str(conflict.value)
    assert (start or "new") in str(conflict.value)


def test_statuses_are_fourteen() -> None:
    assert sorted(Status) == sorted(SHORT.values())


def test_closed_statuses_hold_nothing() -> None:
    assert {"observed", "rejected", "expired", "released", "reopened"} == CLOSED


def test_contain_ended_statuses_can_be_released() -> None:
    ended = {"contained", "tagged", "partly_contained", "failed", "resource_deleted"}
    assert ended == CONTAIN_ENDED
    assert {after(status, Event.RELEASE) for status in CONTAIN_ENDED} == {Status.RELEASING}
    assert {after(status, Event.CLAIM) for status in CONTAIN_ENDED} == {Status.CONTAINING}


def test_closed_and_ended_share_nothing() -> None:
    assert not CLOSED & CONTAIN_ENDED


def _reachable(start: Status | None) -> set[Status]:
    seen: set[Status] = set()
    front: list[Status | None] = [start]
    while front:
        for status in set(TABLE[front.pop()].values()) - seen:
            seen.add(status)
            front.append(status)
    return seen


def test_every_status_is_reached_from_none() -> None:
    assert _reachable(None) == set(Status)


@pytest.mark.parametrize("status", sorted(set(Status) - CLOSED))
def test_every_open_status_can_close(status: Status) -> None:
    assert set(TABLE[status].values()) - {status}, "nothing leads out of it"
    assert _reachable(status) & {Status.RELEASED, Status.REOPENED}


def test_changes_follow_a_claim_only() -> None:
    """What says that changes were made comes from containing, or returns after a question."""
    for start, row in TABLE.items():
        for event, end in row.items():
            if end in CONTAIN_ENDED:
                returns = start is Status.AWAITING_APPROVAL and event is STAYS[end]
                assert start is Status.CONTAINING or returns, f"{start} → {end}"


def test_only_releasing_reopens() -> None:
    assert [start for start, row in TABLE.items() if Status.REOPENED in row.values()] == [
        Status.RELEASING
    ]


def test_every_event_has_a_mover() -> None:
    assert set(MOVERS) == set(Event)


def test_every_move_has_a_mover() -> None:
    """Time moves nothing that is closed, but what is held back."""
    for start, row in TABLE.items():
        for event in row:
            assert movers(start, event), (start, event)
            if TIME in movers(start, event):
                assert start is Status.OBSERVED or start not in {None, *CLOSED}


def test_picture_has_every_move() -> None:
    """Each status is in one box, by what people see of it; and no arrow is missing or too much."""
    picture = page().split("```mermaid\n")[1].split("```")[0]
    boxes = dict(re.findall(r'state "(.+)" as (\w+)', picture))
    inside = {name: name.split("_or_") for name in boxes.values()}
    assert sorted(status for names in inside.values() for status in names) == sorted(Status)
    box = {Status(status): name for name, names in inside.items() for status in names}
    for shown, name in boxes.items():
        assert shown.split("<br/>") == [MEANINGS[Status(one)].headline for one in inside[name]]
    arrows = re.findall(r"(\S+) --> (\w+): (.+)", picture)
    expected: dict[tuple[str, str], set[str]] = {}
    for start, row in TABLE.items():
        for event, end in row.items():
            way = (box[start] if start else "[*]", box[end])
            expected.setdefault(way, set()).update(movers(start, event))
    assert {(a, b): set(who.split(", ")) for a, b, who in arrows} == expected
    assert len(arrows) == len(expected)


def test_page_has_every_move() -> None:
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| ")]
    moves = [
        (when, frm.split(", "), to) for _, when, frm, to, _ in (r for r in rows if len(r) == 5)
    ]
    shown = {
        (None if start == "a new case" else Status(start.strip("`")), Event(when), to.strip("`"))
        for when, starts, to in moves[1:]
        for start in starts
    }
    assert shown == {(s, e, end) for (s, e), end in EXPECTED.items() if end is not None}
