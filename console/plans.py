"""What ``cordon plan`` prints of an event, and writes beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from console import deployed_playbooks, expected, preview
from console.account import cordon_stack
from console.event_files import ReplayEvent
from console.plan_files import expectation_path
from console.settings import StackSettings
from console.stack import NotPossible, Stack, playbook_names
from cordon.actions import from_json
from cordon.settings import Mode, Settings
from embedded.deploy import functions_of
from embedded.place import Place
from embedded.routes import Routes

HIDDEN = "****"  # what CloudFormation shows of a parameter with NoEcho


class CannotPlan(Exception):
    """Why there is no plan, or no file for it, in one line."""


def as_deployed(stack: Stack, mode: Mode | None = None) -> expected.Deployed:
    """A deployed stack, whose plans are those that its functions would make now.

    ``mode``: as if every playbook were in this one; None: each in that of the settings.

    Its rules are those of our template with its parameters: what a stack of another version hears
    may differ. Raises NotPossible where it lacks a playbook of ours.
    """
    known = dict(deployed_playbooks.each(stack))
    if missing := sorted(set(playbook_names()) - known.keys()):
        raise NotPossible(f"the stack {stack.name} has no playbook {', '.join(missing)}")
    one = known[playbook_names()[0]]
    given = {name: value for name, value in stack.parameters.items() if value != HIDDEN}
    made = cordon_stack(Place(one.account, one.region, one.partition), given)
    services = {
        function: environment.environment.get(deployed_playbooks.SERVICE, "")
        for function, environment in functions_of(made).items()
    }
    ours = {function: name for function, name in services.items() if name in known}
    settings = in_mode(StackSettings.of(stack).understood, mode)
    return expected.Deployed(known, ours, Routes(made), settings)


def in_mode(settings: Settings, mode: Mode | None) -> Settings:
    """The settings as if every playbook were in this mode; None: as they are."""
    if mode is None:
        return settings
    others = {
        entry: why for entry, why in settings.refused.items() if entry.partition(".")[0] != "modes"
    }
    return replace(settings, modes=dict.fromkeys(playbook_names(), mode), refused=others)


def planned(
    event: ReplayEvent, mode: Mode | None, stack: expected.Deployed | None = None
) -> list[dict[str, Any]]:
    """Where each finding of the event leads, as it is printed; ``CannotPlan`` for no event.

    ``mode``: as a person wants it; None: enforce, or of a ``stack`` each playbook's own.
    """
    if event.fault:
        raise CannotPlan(event.fault)
    try:
        led = expected.lead_to(json.loads(event.text), mode or Mode.ENFORCE, stack)
    except Exception as error:  # noqa: BLE001 whatever it is, the other events are planned
        raise CannotPlan(f"cannot be planned: {type(error).__name__}: {error}") from None
    if stack is None:
        return [_printed(event, mode or Mode.ENFORCE, one.to_json(), one) for one in led]
    settings = stack.settings
    return [_printed(event, mode, _in_its_mode(one.to_json(), mode, settings), one) for one in led]


def _in_its_mode(made: Mapping[str, Any], mode: Mode | None, settings: Settings) -> dict[str, Any]:
    """With the mode that the playbook has in the stack, and who says so; so of the others."""
    name, whose = made["playbook"], "--mode" if mode else "settings"
    known = {"mode": mode or settings.mode(name), "mode_of": whose} if name else {}
    others = [_in_its_mode(one, mode, settings) for one in made.get("others", ())]
    return {**made, **known, **({"others": others} if others else {})}


def _printed(
    event: ReplayEvent, mode: Mode | None, made: dict[str, Any], one: expected.Expectation
) -> dict[str, Any]:
    note = {"note": event.note} if event.note else {}
    if not one.rules and one.outcome != expected.NOT_DELIVERED:
        made["reason"] = f"not delivered by any rule; {made['reason']}"
    return {"event": str(event), **note, "mode": mode, "rules": list(one.rules), **made}


def with_differences(printed: Mapping[str, Any], caller: preview.Caller) -> dict[str, Any]:
    """With what the plan would change now, by its change; so of the other playbooks' plans."""
    actions = [from_json(raw) for raw in printed["plan"]["actions"]]
    said = preview.containing(actions, caller)
    others = [with_differences(one, caller) for one in printed.get("others", ())]
    live = {"live": {section.heading: list(section.lines) for section in said}}
    return {**printed, **(live if actions else {}), **({"others": others} if others else {})}


def unreadable(event: ReplayEvent, printed: Sequence[Mapping[str, Any]]) -> str:
    """Why no parser reads the event; "" where one does, or where the plan beside it says so."""
    unread = (one["reason"] for one in printed if one["outcome"] == expected.UNREADABLE)
    reason = str(next(unread, ""))
    if not reason or not event.is_file:
        return reason
    try:
        beside = expected.beside(event.path) or {}
    except ValueError as error:
        raise CannotPlan(f"the plan beside it is not JSON: {error}") from None
    return "" if beside.get("outcome") == expected.UNREADABLE else reason


def write(event: ReplayEvent) -> tuple[Path, bool]:
    """Write the plan beside its event. Returns the file, and whether it is another than before."""
    if event.fault:
        raise CannotPlan(event.fault)
    if not event.is_file:
        raise CannotPlan("not written: a plan is beside a file that is one event")
    try:
        is_new = expected.write(event.path, expected.expectation(event.path))
        return expectation_path(event.path), is_new
    except Exception as error:  # noqa: BLE001 whatever it is, the other plans are written
        raise CannotPlan(f"not written: {type(error).__name__}: {error}") from None
