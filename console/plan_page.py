"""How a plan is shown to a person: the finding, where it leads, and each change in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from console import page
from console.tables import Column, Row
from cordon.actions import from_json

COLUMNS = (
    Column("event"),
    Column("outcome"),
    Column("playbook"),
    Column("change"),
    Column("resource"),
    Column("does", of=lambda row: row["does"] or row["manual_step"] or row["reason"]),
)
Fact = tuple[str, str]
# What a stack's settings say, or what a person wants to see instead; "": there is no stack.
WHOSE = {"settings": ", as its settings say", "--mode": " (--mode)", "": ""}


def show(printed: Mapping[str, Any], out: Console) -> None:
    """Show what ``cordon plan`` prints of one finding."""
    page.lines([str(printed["event"])], out, style="bold")
    page.facts(list(facts(printed)), out)


def facts(printed: Mapping[str, Any]) -> Iterator[Fact]:
    """The page, fact by fact."""
    finding = printed.get("finding")
    if finding:
        yield "finding", f"{finding['severity']}  {finding['title']} ({finding['kind']})"
        yield "who", finding["principal"] or "the finding names nobody"
        yield from (("what", one) for one in finding["resources"])
        yield "where", finding["place"]
    if "note" in printed:
        yield "envelope", printed["note"]
    yield "rules", ", ".join(printed["rules"]) or "none matches this event"
    for one in (printed, *printed.get("others", ())):
        yield from _led(one, one.get("mode", printed["mode"]))
    for function, queue in printed.get("dead_letters", {}).items():
        yield "dead letter", f"{function} fails, and {queue} keeps the event"


def _led(one: Mapping[str, Any], mode: str | None) -> Iterator[Fact]:
    """``mode``: None where nobody handles it, and a stack has no mode of all playbooks."""
    by = one["playbook"] or "nobody"
    in_mode = f", in mode {mode}{WHOSE[one.get('mode_of', '')]}" if mode else ""
    yield "handled by", f"{by}{in_mode}: {one['outcome']}: {one['reason']}"
    for raw in one["plan"]["actions"]:
        action = from_json(raw)
        caution = f". Caution: {action.caution}" if action.caution else ""
        yield "change", f"{action.name()} on {action.resource}: {action.in_words}{caution}"
        if action.shuts_out:
            yield "shuts out", action.shuts_out
    if one["plan"]["manual_step"]:
        yield "a person", one["plan"]["manual_step"]
    for change, lines in one.get("live", {}).items():
        yield "live", change
        yield from (("", line) for line in lines)


def rows(printed: Mapping[str, Any]) -> Iterator[Row]:
    """A row for each change of each playbook's plan; one without a change where there is none."""
    finding = printed.get("finding") or {}
    about = {
        "event": printed["event"],
        "kind": finding.get("kind", ""),
        "severity": finding.get("severity", ""),
        "title": finding.get("title", ""),
        "rules": printed["rules"],
    }
    for one in (printed, *printed.get("others", ())):
        led = {
            "playbook": one["playbook"] or "nobody",
            "mode": one.get("mode", printed["mode"]),
            "outcome": one["outcome"],
            "reason": one["reason"],
            "manual_step": one["plan"]["manual_step"],
        }
        for change in _changes(one) or (NO_CHANGE,):
            yield {**about, **led, **change}


NO_CHANGE = dict.fromkeys(("change", "resource", "does", "caution", "shuts_out"), "")


def _changes(one: Mapping[str, Any]) -> list[Row]:
    """``live``: the lines of what it would change now, where that was read."""
    live = one.get("live")
    return [
        {
            "change": action.name(),
            "resource": action.resource,
            "does": action.in_words,
            "caution": action.caution,
            "shuts_out": action.shuts_out,
            **({"live": live.get(f"{action.name()} on {action.resource}", [])} if live else {}),
        }
        for action in map(from_json, one["plan"]["actions"])
    ]
