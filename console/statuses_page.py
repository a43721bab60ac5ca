"""docs/statuses.md: what moves a case from one status to the next, made from the one table."""

from collections.abc import Iterator
from pathlib import Path

from cordon.reporting.texts import MEANINGS
from cordon.statuses import CLOSED, CONTAIN_ENDED, TABLE, Event, Status

# Who makes an event happen. The playbook writes the row; this is who it does so for.
PLAYBOOK, PERSON, TIME, SOURCE = "playbook", "person", "time", "the finding's source"
MOVERS: dict[Event, tuple[str, ...]] = {
    Event.OBSERVE: (PLAYBOOK, TIME),
    Event.ASK: (PLAYBOOK, TIME),
    Event.ESCALATE: (PLAYBOOK, TIME),
    Event.CLAIM: (PLAYBOOK, PERSON, TIME),  # a person names the resource, or wants another try
    Event.APPROVE: (PERSON,),
    Event.REJECT: (PERSON,),
    Event.EXPIRE: (TIME,),
    Event.HOLD_BACK: (PLAYBOOK,),
    Event.WAIT: (PLAYBOOK,),
    Event.STAYS_CONTAINED: (PERSON, TIME),
    Event.STAYS_TAGGED: (PERSON, TIME),
    Event.STAYS_PARTLY_CONTAINED: (PERSON, TIME),
    Event.ALL_VERIFIED: (PLAYBOOK,),
    Event.TAGS_VERIFIED: (PLAYBOOK,),
    Event.SOME_VERIFIED: (PLAYBOOK,),
    Event.NONE_VERIFIED: (PLAYBOOK,),
    Event.NOTHING_LEFT: (PLAYBOOK,),
    Event.NOTHING_FOUND: (PLAYBOOK,),
    Event.RELEASE: (PERSON, SOURCE, TIME),
    Event.PERSON_UNDID: (PLAYBOOK,),
    Event.SOURCE_UNDID: (SOURCE,),
    Event.NOTHING_HELD: (PLAYBOOK, PERSON),
}
# What time takes up: held back, interrupted, waiting, or with newer activity. A question it ends.
TAKEN_UP = frozenset({Status.OBSERVED, Status.CONTAINING, Status.RELEASING, *CONTAIN_ENDED})
BEGIN_OR_GO_ON = (Event.OBSERVE, Event.ASK, Event.ESCALATE, Event.CLAIM, Event.RELEASE)
NOT_BY: dict[tuple[Status, Event], str] = {
    (Status.AWAITING_APPROVAL, Event.CLAIM): PERSON,  # that is to approve
    (Status.ESCALATED, Event.NOTHING_HELD): PLAYBOOK,  # it ends when a person says so
    (Status.RELEASING, Event.NOTHING_HELD): PERSON,
}
NOT_BY |= {(status, Event.RELEASE): TIME for status in TAKEN_UP - {Status.RELEASING}}
INTRODUCTION = (
    "Made from `layers/cordon/cordon/statuses.py` by `make playbooks`. What is not in the second "
    "table does not happen: the code refuses it."
)
WHO = (
    "A *playbook* responds to findings, and says how its own changes ended. A *person* decides at "
    "the desk, or resolves the incident of a case that was for them. *Time* is `reconcile_cases`, "
    "which looks every five minutes: a question ends, what was held back or interrupted is taken "
    "up, and people are informed again. The *finding's source* says that the condition is over."
)
PICTURE = (
    "Each box is a status, or several from which the same things can happen; it says what people "
    "see. Each arrow says who moves a case."
)


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The page as it should be."""
    yield root / "docs" / "statuses.md", page()


def page() -> str:
    """The whole page."""
    parts = [
        "# Statuses of a case",
        INTRODUCTION,
        "## What each status says",
        "An open case stays until it is closed. A closed one is kept as long as its evidence.",
        "\n".join(_meanings()),
        "## The picture",
        PICTURE,
        "\n".join(_picture()),
        "## What moves a case",
        WHO,
        "\n".join(_moves()),
    ]
    return "\n\n".join(parts) + "\n"


def _meanings() -> Iterator[str]:
    yield "| status | people see | what is true | |"
    yield "|---|---|---|---|"
    for status in Status:
        meaning = MEANINGS[status]
        closed = "closed" if status in CLOSED else "open"
        yield f"| `{status}` | {meaning.headline} | {meaning.truth} | {closed} |"


def _picture() -> Iterator[str]:
    """A state diagram in Mermaid's language, which GitHub draws."""
    groups = _groups()
    named = {status: _name(group) for group in groups for status in group}
    yield "```mermaid"
    yield "stateDiagram-v2"
    for group in groups:
        seen = "<br/>".join(MEANINGS[status].headline for status in group)
        yield f'    state "{seen}" as {_name(group)}'
    for (start, end), movers in _arrows(named).items():
        yield f"    {start} --> {end}: {', '.join(movers)}"
    yield "```"


def _groups() -> list[tuple[Status, ...]]:
    """The statuses from which the same things can happen, by the same movers."""
    found: dict[tuple[object, ...], list[Status]] = {}
    for status in Status:
        same = (status in CLOSED, status in TAKEN_UP, *sorted(TABLE[status].items()))
        found.setdefault(same, []).append(status)
    return [tuple(group) for group in found.values()]


def _name(group: tuple[Status, ...]) -> str:
    return "_or_".join(group)


def _arrows(named: dict[Status, str]) -> dict[tuple[str, str], list[str]]:
    """Who moves a case from one box to another, each once."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for start, row in TABLE.items():
        for event in Event:
            if event in row:
                way = (named[start] if start else "[*]", named[row[event]])
                arrows.setdefault(way, []).extend(movers(start, event))
    return {way: list(dict.fromkeys(found)) for way, found in arrows.items()}


def movers(start: Status | None, event: Event) -> tuple[str, ...]:
    """Who may move a case by this event, from this status."""
    not_by = {NOT_BY[start, event]} if start and (start, event) in NOT_BY else set()
    if event in BEGIN_OR_GO_ON and start not in TAKEN_UP:
        not_by.add(TIME)
    return tuple(mover for mover in MOVERS[event] if mover not in not_by)


def _moves() -> Iterator[str]:
    yield "| who | when | from | to | people see |"
    yield "|---|---|---|---|---|"
    for event in Event:
        for (end, who), starts in _by_end(event).items():
            names = ", ".join(f"`{start}`" if start else "a new case" for start in starts)
            yield f"| {who} | {event} | {names} | `{end}` | {MEANINGS[end].headline} |"


def _by_end(event: Event) -> dict[tuple[Status, str], list[Status | None]]:
    """The statuses that the event leads from, by the one that it leads to and who moves it."""
    found: dict[tuple[Status, str], list[Status | None]] = {}
    for start, row in TABLE.items():
        if event in row:
            who = ", ".join(movers(start, event))
            found.setdefault((row[event], who), []).append(start)
    return found
