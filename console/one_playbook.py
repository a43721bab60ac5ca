"""The page of one playbook: its header, how it is tried, and the question that people decide."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from console import plan_page
from console.event_files import ReplayEvent
from console.logical_names import calls_parameter, logical_name, mode_parameter
from console.plan_files import SUFFIX
from console.plans import planned
from console.playbooks import header_of
from console.question_pages import GUARDRAIL, event_of, question
from cordon.playbook import Incident, Playbook
from cordon.settings import Mode

WIDTH = 100  # columns of the terminal whose output is on the page
ALL = (
    "[All playbooks](../playbooks.md). Made from its header and its sample events by "
    "`make playbooks`."
)
HIGH, CRITICAL = "Handles of High or Critical severity", "Handles whatever is of Critical severity"
NOBODY_ELSE = ", where no other playbook does"
CONTROLS = (
    "The mapping is expert judgement: a case *supports evidence for* these controls, and does not "
    "prove compliance."
)
WHEN_INCIDENT = {
    Incident.ALWAYS: "as long as a case is open; an observed case has none",
    Incident.WHEN_FAILED: "while a change has failed, the case is partly contained, or a person "
    "must do it",
    Incident.NEVER: "none",
}
TRY = "What it makes of one of its sample events, offline; nothing is changed anywhere:"
WHOLE_WAY = "The whole way on an account in this process, with the approval, and back:"
QUESTION = (
    "What the incident and the message say while a case of this event awaits approval; `cordon "
    "show CASE` has the same of a case of yours. Accounts and names are the sample's."
)
GUARDRAIL_NAMED = "Here the operator has named a guardrail (`EnforcedGuardrail`); above, none."
HOSTILE = "hostile"  # in the name of a sample that tests how texts are escaped
NO_QUESTION = "It changes nothing, so nobody has to approve anything: its cases are for a person."
NOTHING_DONE = (
    "[Why was nothing changed?](../why-nothing-changed.md) has what keeps every playbook from "
    "changing a resource."
)


def page(playbook: Playbook, root: Path, of: Mapping[Path, Mapping[str, Any]]) -> str:
    """The whole page. ``of``: every plan beside a sample event."""
    event, text = sample(playbook, root, of)
    shown = event.relative_to(root)
    parts = [
        f"# {playbook.name}",
        header_of(playbook)["title"],
        ALL,
        "## What it does",
        _list(_does(playbook)),
        "## When",
        header_of(playbook)["When"],
        _list(_hears(playbook)),
        "## What it cannot",
        f"It leaves {header_of(playbook)['Leaves']}",
        NOTHING_DONE,
        "## Modes and rights",
        _list(_modes(playbook)),
        "## Try it",
        TRY,
        f"```\n.venv/bin/cordon plan {shown} --mode approve\n```",
        f"```\n{_plan(event, str(shown))}\n```",
        WHOLE_WAY,
        f"```\n.venv/bin/cordon replay {shown} --mode approve --approve --release\n```",
        "## The question",
        *(_question(text) if text else [NO_QUESTION]),
        "## Controls",
        CONTROLS,
        _list(playbook.controls),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _question(text: str) -> list[str]:
    named = [GUARDRAIL_NAMED] if GUARDRAIL.partition(":")[0] in text else []
    return [QUESTION, *named, f"```\n{text}\n```"]


def sample(
    playbook: Playbook, root: Path, of: Mapping[Path, Mapping[str, Any]]
) -> tuple[Path, str]:
    """A sample event of the playbook, and what is to be decided of it: one with a question first.

    The one that it is measured with comes first; those with a hostile text come last. A playbook
    that is being made has an event, and no plan beside it yet.
    """
    own = [path for path, plan in of.items() if plan["playbook"] == playbook.name]
    own.sort(key=lambda path: (not of[path].get("measured"), HOSTILE in path.name))
    in_order = [event_of(path) for path in own] or _first_events(playbook, root)
    for event in in_order if playbook.actions else ():
        if text := question(event, playbook):
            return event, text
    return in_order[0], ""


def _first_events(playbook: Playbook, root: Path) -> list[Path]:
    found = sorted(root.glob(f"events/{playbook.name}/*.json"))
    return [path for path in found if not path.name.endswith(SUFFIX)]


def _plan(event: Path, shown: str) -> str:
    """As a terminal has it."""
    text = io.StringIO()
    out = Console(file=text, width=WIDTH, force_terminal=True, color_system=None)
    for one in planned(ReplayEvent(event, text=event.read_text()), Mode.APPROVE):
        plan_page.show(one | {"event": shown}, out)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _list(items: Iterator[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _does(playbook: Playbook) -> Iterator[str]:
    header = header_of(playbook)
    yield f"**Does** {header['Does']}"
    yield f"**Undo** {header['Undo']}"
    yield f"**An incident is open** {WHEN_INCIDENT[playbook.incident]}."
    if playbook.clocks:
        laws = ", ".join(clock.law for clock in playbook.clocks)
        yield f"**Periods of laws that its incident names** {laws}"


def _hears(playbook: Playbook) -> Iterator[str]:
    if playbook.handles:
        yield f"**Handles** {_kinds(playbook.handles)}"
    if playbook.handles_high:
        nobody_else = NOBODY_ELSE if playbook.takes_over else ""
        yield f"**{HIGH}**{nobody_else} {_kinds(playbook.handles_high)}"
    if playbook.handles_critical:
        yield f"**{CRITICAL}**{NOBODY_ELSE if playbook.takes_over else ''}"
    if playbook.optional:
        parameter = calls_parameter(playbook.name)
        yield f"**Handles where `{parameter}` is true** {_kinds(playbook.optional)}"
    if playbook.by_arn:
        yield f"**Contains by its ARN** (`cordon contain`) {_kinds(playbook.by_arn)}"


def _kinds(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)


def _modes(playbook: Playbook) -> Iterator[str]:
    yield (
        f"**Recommended mode** {playbook.recommended_mode}, after a week of observing: `cordon "
        f"mode {playbook.name} {playbook.recommended_mode}`. It starts in observe; the parameter "
        f"`{mode_parameter(playbook.name)}` counts only where the playbook is new."
    )
    if playbook.budget is not None:
        yield f"**Budget** of a new stack: {playbook.budget} cases an hour and account"
    if playbook.releases_on_pass:
        yield "**Releases by itself** when the finding's control passes"
    if playbook.ends_on_pass:
        yield f"**Closes its incident** when the control passes: {_kinds(playbook.ends_on_pass)}"
    link = f"../permissions.md#{logical_name(playbook.name).lower()}"
    yield f"**Rights** Its role may do [what its actions need, and nothing else]({link})."
    yield f"**Layer of defence** {playbook.defence_layer}; it serves {playbook.serves}"
    if playbook.layers:
        named = ", ".join(layer for layer, _ in playbook.layers)
        yield f"**By its kind a finding is of another layer** {named}"
