"""Where events lead, one row for each finding and playbook; and why the others do not handle it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from console.event_files import ReplayEvent
from console.plans import CannotPlan, planned, unreadable
from cordon.settings import Mode


def rows(events: Iterable[ReplayEvent], mode: Mode) -> tuple[list[dict[str, Any]], list[str]]:
    """(a row for each finding and playbook, why events cannot be read)."""
    found: list[dict[str, Any]] = []
    problems = []
    for event in events:
        try:
            led = planned(event, mode)
            problem = unreadable(event, led)
        except CannotPlan as why:
            led, problem = [], str(why)
            found.append(_row(event, {"outcome": "unreadable", "reason": problem, "rules": ()}))
        found += [row for one in led for row in _rows(event, one)]
        problems += [f"{event}: {problem}"] if problem else []
    return found, problems


def _rows(event: ReplayEvent, one: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield _row(event, one)
    for other in one.get("others", ()):
        yield _row(event, {**one, **other})


def _row(event: ReplayEvent, one: Mapping[str, Any]) -> dict[str, Any]:
    finding = one.get("finding") or {}
    plan = one.get("plan") or {"actions": ()}
    return {
        "event": event.short,
        "outcome": one["outcome"],
        "playbook": one.get("playbook") or "nobody",
        "reason": one["reason"],
        "kind": finding.get("kind", ""),
        "severity": finding.get("severity", ""),
        "title": finding.get("title", ""),
        "resources": finding.get("resources", []),
        "rules": list(one["rules"]),
        "changes": [action["action"] for action in plan["actions"]],
    }
