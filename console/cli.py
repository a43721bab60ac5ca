"""The `cordon` command. Never deployed; everything a person does with Cordon starts here."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console import (
    evidence_folder,
    expected,
    playbook_pages,
    render,
    settings_commands,
    statuses_page,
)
from console.evidence import verify
from console.options import STACK
from console.permissions import page as permissions
from console.replay import Replay, event_files, events_in
from console.stack import NotPossible, Stack
from cordon.settings import Mode

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
out = Console()
errors = Console(stderr=True)

ROOT = Path(__file__).parent.parent
DELETED = (
    "The stack {stack} is deleted. What its cases above hold stays as it is until you put it back "
    "manually: cordon evidence CASE shows what was captured."
)
FILES = Annotated[list[Path], typer.Argument(help="Event files, or folders of them.", exists=True)]


@app.command()
def replay(
    files: FILES,
    mode: Annotated[Mode, typer.Option(help="Mode of every playbook.")] = Mode.ENFORCE,
    release: Annotated[bool, typer.Option(help="Then release every case, and compare.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    details: Annotated[bool, typer.Option(help="Show every step of every event.")] = False,
) -> None:
    """Replay events through the deployed template, offline, on an embedded account.

    A .json file is one event; a .jsonl file has one on every line.
    """
    total = sum(1 for _ in events_in(files))
    if not total:
        errors.print("no events there")
        raise typer.Exit(2)
    runs = Replay(ROOT, mode=mode, release=release).all(events_in(files))
    if as_json:
        failed = render.write(runs, typer.echo)
    else:
        failed = render.show(runs, total=total, details=details or total <= 3, out=out)
    raise typer.Exit(1 if failed else 0)


@app.command()
def plan(
    files: FILES,
    write: Annotated[bool, typer.Option(help="Write each plan beside its event.")] = False,
) -> None:
    """Print the plan that each event leads to. Changes nothing."""
    for path in event_files(files):
        expectation = expected.expectation(path)
        if write:
            expected.write(path, expectation)
        else:
            out.print_json(data={"event": str(path), **expectation})


@app.command()
def review(stack: STACK = "cordon") -> None:
    """The cases that await approval, hold something, or failed; also those of a deleted stack."""
    found = Stack.named(stack)
    render.show_cases(found.open_cases(), out)
    if found.deleted:
        out.print(DELETED.format(stack=stack), markup=False)


@app.command()
def approve(
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; prompted for, if not given.")] = "",
    stack: STACK = "cordon",
) -> None:
    """Approve a case's plan: exactly the plan with this hash is carried out."""
    _decide(stack, case, "approve", plan)


@app.command()
def reject(
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; may be left out.")] = "",
    stack: STACK = "cordon",
) -> None:
    """Reject a case's plan: nothing is done."""
    _decide(stack, case, "reject", plan)


@app.command()
def release(
    case: str,
    why: Annotated[str, typer.Option(help="For the record.")] = "no reason given",
    stack: STACK = "cordon",
) -> None:
    """Release a case: everything it did is undone, as soon as that does no harm."""
    deployed = Stack.named(stack)
    out.print(f"releasing: {deployed.release(deployed.case(case), why)}", markup=False)


@app.command()
def evidence(
    case: Annotated[str, typer.Argument(help="The case, or `verify` and a folder.")],
    folder: Annotated[
        Path | None, typer.Argument(help="After `verify`: what --to has written, checked offline.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Empty folder to write the entries to.")] = None,
    stack: STACK = "cordon",
) -> None:
    """Read a case's evidence, and verify that it is what was written.

    Ends with 0 where it is verified, with 1 where anything is wrong, and with 3 where the only
    thing to say is that an attempt may not have ended.
    """
    if (case == "verify") is (folder is None) or (folder and to):
        raise NotPossible("either `cordon evidence CASE`, or `cordon evidence verify FOLDER`")
    raise typer.Exit(_verify_folder(folder) if folder else _verify_case(case, to, stack))


@app.command()
def docs(
    check: Annotated[bool, typer.Option(help="Fail where a page is out of date.")] = False,
) -> None:
    """Write the generated parts of the documentation; fail where a role has a fault."""
    stale, faults = permissions.write(ROOT, only_check=check)
    stale += playbook_pages.write(ROOT, only_check=check)
    stale += statuses_page.write(ROOT, only_check=check)
    for path in stale:
        errors.print(f"{path} {'is out of date: make playbooks' if check else 'written'}")
    for fault in faults:
        errors.print(fault, markup=False)
    raise typer.Exit(1 if faults or (check and stale) else 0)


for command in settings_commands.COMMANDS:
    app.command()(command)


def _verify_case(case: str, to: Path | None, stack: str) -> int:
    deployed = Stack.named(stack)
    copy = deployed.evidence_copy(deployed.case(case))
    if to is None:
        render.show_entries(copy, out, errors)
    else:
        try:
            evidence_folder.write(copy, to)
        except OSError as error:
            raise NotPossible(f"nothing can be written there: {error}") from None
    return render.show_verdict(copy, verify(copy), errors)


def _verify_folder(folder: Path) -> int:
    try:
        copy, faults, limits = evidence_folder.read(folder)
    except evidence_folder.NotACopy as why:
        raise NotPossible(f"{folder} cannot be verified: {why}") from None
    ended = render.show_verdict(copy, [*faults, *verify(copy)], errors)
    errors.print(render.plain(limits), markup=False, soft_wrap=True)
    return ended


def _decide(stack: str, case: str, decision: str, plan: str) -> None:
    deployed = Stack.named(stack)
    found = deployed.case(case)
    if not plan and decision == "approve":
        out.print_json(data=found.plan.to_json())
        typer.confirm(f"Approve this plan, {found.plan_hash}?", abort=True)
    by = deployed.decide(found, decision, plan or found.plan_hash)
    out.print(f"case {case}: {decision} by {by}", markup=False)


def main() -> None:
    """Run the command; what an operator may not do is said in one line."""
    try:
        app()
    except NotPossible as refusal:
        errors.print(render.plain(str(refusal)), markup=False, soft_wrap=True)
        raise SystemExit(2) from None
