"""The commands that change the settings of a deployed stack, and the one that shows them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from operator import methodcaller
from typing import Annotated, Any

import typer
from rich.console import Console

from console import effects, page, render, tables
from console.confirm import can_confirm, confirm
from console.options import YES, Find, on_stack, playbooks_that_begin
from console.settings import Change, StackSettings
from console.stack import NotPossible, NotTaken, Stack
from cordon.baseline import PARTS, Baseline
from cordon.clock import now, to_iso
from cordon.finding import canonical_json
from cordon.settings import Backlog, Exemption, Mode, Settings

out = Console()
errors = Console(stderr=True)
WOULD = "It would mean, as read at {}:"
ALL_ARE_IN = "cordon settings shows all settings"
MEANS = "It means, as read at {}:"
NAME = Annotated[str, typer.Argument(help="Its name.", autocompletion=playbooks_that_begin)]


@on_stack
def settings(find: Find, output: tables.OUTPUT = tables.Output.TABLE) -> None:
    """Show the settings, and what is refused of them. Ends with 1 where anything is."""
    found = StackSettings.of(find())
    if output is tables.Output.TABLE:
        _show(found)
    else:
        tables.write(list(_rows(found)), (), output, out)
    raise typer.Exit(1 if found.faults() else 0)


@on_stack
def stop(
    find: Find,
    observe: Annotated[bool, typer.Option(help="Go on recording what would be done.")] = False,
    direct: Annotated[
        bool, typer.Option(help="Invoke the function, where its API cannot be reached.")
    ] = False,
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Stop every playbook at once, whatever the settings are.

    In a terminal it says first which cases it stops, and waits for your yes. With --yes or
    --direct, and from a script, it stops first.
    """
    deployed = find()
    found = StackSettings.of(deployed)
    at_once = yes or direct or not can_confirm()
    if not at_once:
        _show_effect(found, effects.of_stop, WOULD)
        confirm("Stop every playbook?", yes=yes)
    try:
        said = stop_directly(deployed, observe) if direct else found.stop(observe=observe)
    except NotTaken as why:
        raise NotTaken(f"{why}; cordon stop --direct goes past the desk's API") from None
    if output is tables.Output.TABLE:
        _say_all((str(said["says"]), f"master switch: {said['master_switch']}", ALL_ARE_IN), out)
    else:
        _write(found, said, output)
    if at_once:
        _show_effect(found, effects.of_stop, MEANS)


def stop_directly(deployed: Stack, observe: bool) -> Mapping[str, Any]:
    """Invoke the desk's function: to stop is all that it does so. Raises NotPossible."""
    payload = json.dumps({"do": "stop", "observe": observe})
    response = deployed.client("lambda").invoke(
        FunctionName=deployed.outputs["DeskFunction"], Payload=payload
    )
    said = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise NotPossible(f"the function failed: {said.get('errorMessage', said)}")
    return dict(said)


@on_stack
def start(find: Find, yes: YES = False, output: tables.OUTPUT = tables.Output.TABLE) -> None:
    """Let every playbook do what its mode says."""
    found = StackSettings.of(find())
    understood = found.understood
    switch = "not understood" if understood.unreadable else understood.switch
    was = f"master switch: {switch}"
    change(found, StackSettings.start, output, yes=yes, was=was, effect=effects.of_start)


@on_stack
def mode(
    find: Find,
    playbook: Annotated[
        str, typer.Argument(help="Its name.", autocompletion=playbooks_that_begin)
    ] = "",
    mode: Annotated[Mode | None, typer.Argument(help="Without it, the mode is shown.")] = None,
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Say what a playbook may do: observe, approve or enforce; or show it, of one or of each."""
    found = StackSettings.of(find())
    if playbook and playbook not in found.playbooks:
        raise NotPossible(f"there is no playbook {playbook}: {', '.join(found.playbooks)}")
    if mode is not None:
        effect = effects.of_observe(playbook) if mode is Mode.OBSERVE else effects.none
        was = f"mode of {playbook}: {found.understood.mode(playbook)}"
        set_it = methodcaller("set_mode", playbook, mode)
        change(found, set_it, output, yes=yes, was=was, effect=effect)
        return
    understood = found.understood
    names = (playbook,) if playbook else found.playbooks
    rows = [{"playbook": name, "mode": str(understood.mode(name))} for name in names]
    if output is tables.Output.TABLE:
        for line in _home(understood):
            say(line)
    tables.write(rows, (tables.Column("playbook"), tables.Column("mode")), output, out)


@on_stack
def backlog(
    find: Find,
    playbook: NAME,
    does: Backlog,
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Say what a playbook does with what a sweep sends: observe it, or respond by its mode."""
    found = StackSettings.of(find())
    responds = found.understood.responds_to_backlog(playbook)
    was = f"backlog of {playbook}: {Backlog.RESPOND if responds else Backlog.OBSERVE}"
    change(found, methodcaller("set_backlog", playbook, does), output, yes=yes, was=was)


@on_stack
def budget(
    find: Find,
    cases: int,
    playbook: Annotated[str, typer.Option(help="Only of this playbook.")] = "",
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Say how many cases an hour a playbook may contain in one account; show what is used."""
    found = StackSettings.of(find())
    understood = found.understood
    before = understood.budget_for(playbook) if playbook else understood.budget
    was = f"budget{f' of {playbook}' if playbook else ''}: {before} cases an hour"
    effect = effects.of_budget(cases, playbook)
    set_it = methodcaller("set_budget", cases, playbook)
    change(found, set_it, output, yes=yes, was=was, effect=effect)


class Take(StrEnum):
    """What may be done of a baseline."""

    TAKE = "take"


@on_stack
def baseline(
    find: Find,
    do: Annotated[
        Take | None, typer.Argument(help="take: put back from now on what is so.")
    ] = None,
    seen: Annotated[str, typer.Argument(help="Its sha256, as this command shows it.")] = "",
    yes: YES = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Show what is put back when it is deleted or replaced, and how the account differs from it."""
    found = StackSettings.of(find())
    if do is Take.TAKE:
        if can_confirm() and not yes:
            _say_all(_baseline(found.understood.baseline, found.baseline_seen), errors)
        said = _made(found, methodcaller("take_baseline", seen), yes=yes)
        say(str(said["says"]), out if output is tables.Output.TABLE else errors)
    if output is not tables.Output.TABLE:
        rows = list(_parts(found.understood.baseline, found.baseline_seen))
        tables.write(rows, (), output, out)
        return
    _say_all(_baseline(found.understood.baseline, found.baseline_seen), out)


COMMANDS = {
    settings: "cordon settings",
    stop: "cordon stop --observe",
    start: "cordon start",
    mode: "cordon mode NAME approve",
    budget: "cordon budget 20",
    backlog: "cordon backlog NAME respond",
    baseline: "cordon baseline",
}


def say(line: str, to: Console = out) -> None:
    """Print a line, without anything that a terminal takes for a command."""
    to.print(render.plain(line), markup=False, soft_wrap=True, highlight=False)


def _say_all(lines: Iterable[str], to: Console) -> None:
    for line in lines:
        say(line, to)


def _baseline(known: Baseline | None, seen: Baseline | None) -> list[str]:
    """The baseline, what setup saw of the account, and how to take that where it differs."""
    by = f"baseline, taken {known.at} by {known.by}:" if known else "baseline: none"
    lines = [by, *(_documents(known) if known else ())]
    if seen is None:
        return [*lines, "setup has not seen yet how the account is: it looks every hour"]
    differs = known.differs(seen) if known else tuple(PARTS)
    if not differs:
        return [*lines, f"the account was so at {seen.at}, when setup looked last"]
    changed = ", ".join(PARTS[part] for part in differs)
    lines += [f"setup saw something else at {seen.at}, of {changed}:", *_documents(seen)]
    return [*lines, f"if people meant it: cordon baseline take {seen.sha256}"]


def _parts(known: Baseline | None, seen: Baseline | None) -> Iterator[dict[str, str]]:
    """Each part in a row, as it is put back, and as setup saw it."""
    for part in PARTS:
        documents = (one.of(part) if one else None for one in (known, seen))
        baseline, account = (canonical_json(one) if one else "" for one in documents)
        taken = known.at if known else ""
        sha256 = seen.sha256 if seen else ""
        yield {
            "part": part,
            "baseline": baseline,
            "taken": taken,
            "seen": account,
            "sha256": sha256,
        }


def _documents(of: Baseline) -> list[str]:
    documents = {what: of.of(part) for part, what in PARTS.items()}
    return [
        f"  {what}: {canonical_json(one) if one else 'not set up'}"
        for what, one in documents.items()
    ]


def change(
    found: StackSettings,
    make: Change,
    output: tables.Output,
    *,
    yes: bool,
    was: str = "",
    effect: effects.Effect = effects.none,
) -> None:
    """Make a change that the desk has looked at, and whose effect was shown; then what is so.

    ``was``: how it is now.
    """
    before = _lines(found)
    said = _made(found, make, yes=yes, was=was, effect=effect)
    _show_changed(found, said, output, before)


def _made(
    found: StackSettings,
    make: Change,
    *,
    yes: bool,
    was: str = "",
    effect: effects.Effect = effects.none,
) -> Mapping[str, Any]:
    """The desk looks at it first: nobody is prompted for what is refused."""
    would = found.checked(make)
    if was:
        say(f"now: {was}", errors)
    if "change" in would:
        say(f"then: {would['change']}", errors)
    _show_effect(found, effect, WOULD)
    say(str(would["says"]), errors)
    confirm("Change it?", yes=yes)
    return make(found)


def _show_effect(found: StackSettings, effect: effects.Effect, heading: str) -> None:
    """What is read is so at one moment, which is said."""
    if lines := effect(found.stack):
        say(heading.format(to_iso(now())), errors)
        page.lines((f"  {line}" for line in lines), errors)


def _show_changed(
    found: StackSettings, said: Mapping[str, Any], output: tables.Output, before: Sequence[str]
) -> None:
    """What the desk says of a change, and which lines of the settings are others than before.

    It knows whether anything is another: not every setting has a line here, as a baseline has none.
    For programs all settings as they are now.
    """
    if output is not tables.Output.TABLE:
        _write(found, said, output)
        return
    lines = _lines(found)
    new = [line for line in lines if line not in before]
    names = {line.partition(": ")[0] for line in new}
    old = [one for one in before if one not in lines and one.partition(": ")[0] not in names]
    say(str(said["says"]))
    _say_all((*_home(found.understood), *new, *(f"no longer: {one}" for one in old)), out)
    say(ALL_ARE_IN)


def _write(found: StackSettings, said: Mapping[str, Any], output: tables.Output) -> None:
    say(str(said["says"]), errors)
    tables.write(list(_rows(found)), (), output, out)


def _show(found: StackSettings) -> None:
    """The settings as they are now."""
    row = found.row
    _say_all((*_home(found.understood), *_lines(found), *_found(found.setup_found)), out)
    if row is not None:
        say(f"changed {row.get('changed_at')} by {row.get('changed_by')}")


def _rows(found: StackSettings) -> Iterator[dict[str, str]]:
    """Every setting as it is understood, one row each; what is refused, with the reason."""
    understood = found.understood
    values = [
        ("only_observes", "", understood.not_home),
        ("master_switch", "", "" if understood.unreadable else str(understood.switch)),
        *(("mode", name, str(understood.mode(name))) for name in found.playbooks),
        *(("budget", name, str(understood.budget_for(name))) for name in found.playbooks),
        *(("backlog", name, str(how)) for name, how in understood.backlog.items()),
        *(("protected", pattern, "") for pattern in understood.protected),
        *(("exempt", one.resource, _exempted(one)) for one in understood.exemptions),
        *(("refused", "", fault) for fault in found.faults()),
    ]
    for setting, name, value in values:
        if name or value:
            yield {"setting": setting, "name": name, "value": value}


def _home(settings: Settings) -> list[str]:
    """First of all, where it is so: else somebody believes the modes below it."""
    why = settings.not_home
    return [f"THIS STACK ONLY OBSERVES, whatever its modes are: {why}"] if why else []


def _found(row: Mapping[str, Any]) -> list[str]:
    """What setup found, with the moment: it may be different now."""
    names = {
        "custom_actions": "custom actions",
        "deletion_protection": "deletion protection",
        "baseline": "baseline",
    }
    at = f" (seen {row.get('at')})"
    return [f"{said}: {row[name]}{at}" for name, said in names.items() if name in row]


def _lines(found: StackSettings) -> list[str]:
    settings, playbooks = found.understood, found.playbooks
    switch = "not understood: every playbook observes" if settings.unreadable else settings.switch
    return [
        f"master switch: {switch}",
        *(
            f"{name}: {settings.mode(name)}, {settings.budget_for(name)} cases an hour"
            for name in playbooks
        ),
        *(f"backlog of {name}: {how}" for name, how in settings.backlog.items()),
        *(f"protected: {pattern}" for pattern in settings.protected),
        *(_exempted(exemption) for exemption in settings.exemptions),
        *(f"refused: {fault}" for fault in found.faults()),
    ]


def _exempted(one: Exemption) -> str:
    ended = "ended" if one.expires <= now() else "until"
    what = f"exempt: {one.resource} from {one.playbook}"
    return f"{what}, {ended} {to_iso(one.expires)}, {one.owner}: {one.reason}"
