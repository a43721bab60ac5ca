"""docs/statuses.md: what moves a case from one status to the next, made from the one table."""

from collections.abc import Iterator
from pathlib import Path

from cordon.reporting.texts import MEANINGS
from cordon.statuses import CLOSED, TABLE, Event, Status

# Who makes an event happen. A playbook responds; a person decides; time ends a question.
PLAYBOOK, PERSON, TIME, SOURCE = "playbook", "person", "time", "the finding's source"
MOVERS: dict[Event, str] = {
    Event.OBSERVE: PLAYBOOK,
    Event.ASK: PLAYBOOK,
    Event.ESCALATE: PLAYBOOK,
    Event.CLAIM: PLAYBOOK,
    Event.APPROVE: PERSON,
    Event.REJECT: PERSON,
    Event.EXPIRE: TIME,
    Event.HOLD_BACK: PLAYBOOK,
    Event.WAIT: PLAYBOOK,
    Event.STAYS_CONTAINED: f"{PERSON}, or {TIME}",
    Event.STAYS_TAGGED: f"{PERSON}, or {TIME}",
    Event.STAYS_PARTLY_CONTAINED: f"{PERSON}, or {TIME}",
    Event.ALL_VERIFIED: PLAYBOOK,
    Event.TAGS_VERIFIED: PLAYBOOK,
    Event.SOME_VERIFIED: PLAYBOOK,
    Event.NONE_VERIFIED: PLAYBOOK,
    Event.NOTHING_LEFT: PLAYBOOK,
    Event.RELEASE: f"{PERSON}, or {SOURCE}",
    Event.PERSON_UNDID: PLAYBOOK,
    Event.SOURCE_UNDID: SOURCE,
    Event.NOTHING_HELD: PLAYBOOK,
}
INTRODUCTION = (
    "Made from `layers/cordon/cordon/statuses.py` by `make playbooks`. What is not in the second "
    "table does not happen: the code refuses it."
)


def write(root: Path, *, only_check: bool) -> list[Path]:
    """Bring the page up to date. Returns its path if it was not."""
    path, text = root / "docs" / "statuses.md", page()
    if path.exists() and path.read_text() == text:
        return []
    if not only_check:
        path.write_text(text)
    return [path]


def page() -> str:
    """The whole page."""
    parts = [
        "# Statuses of a case",
        INTRODUCTION,
        "## What each status says",
        "An open case stays until it is closed. A closed one is kept as long as its evidence.",
        "\n".join(_meanings()),
        "## What moves a case",
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


def _moves() -> Iterator[str]:
    yield "| who | when | from | to | people see |"
    yield "|---|---|---|---|---|"
    for event in Event:
        for end, starts in _by_end(event).items():
            names = ", ".join(f"`{start}`" if start else "a new case" for start in starts)
            seen = MEANINGS[end].headline
            yield f"| {MOVERS[event]} | {event} | {names} | `{end}` | {seen} |"


def _by_end(event: Event) -> dict[Status, list[Status | None]]:
    """The statuses that the event leads from, by the one that it leads to."""
    found: dict[Status, list[Status | None]] = {}
    for start, row in TABLE.items():
        if event in row:
            found.setdefault(row[event], []).append(start)
    return found
