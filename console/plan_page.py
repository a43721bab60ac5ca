"""How a plan is shown to a person: the finding, where it leads, and each change in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from console import page
from cordon.actions import from_json

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
