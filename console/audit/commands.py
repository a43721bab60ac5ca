"""The three questions of an audit, a command each; and the archive that an auditor takes away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console.audit import rows, verify_archive
from console.audit.archive import Archive
from console.audit.period import CONTROL, FRAMEWORK, PERIOD, from_day, wanted
from console.audit.stack_audit import StackAudit
from console.evidence import Fault, counted
from console.options import PLAYBOOK, Find, on_stack
from console.render import plain
from console.stack import NotPossible
from console.tables import OUTPUT, Output, Row, write

out = Console()
errors = Console(stderr=True)
ARCHIVE = Annotated[Path, typer.Argument(help="The zip to write; it must not be there yet.")]


@on_stack
def cases(
    find: Find,
    period: PERIOD = "",
    framework: FRAMEWORK = "",
    control: CONTROL = "",
    playbook: PLAYBOOK = "",
    output: OUTPUT = Output.TABLE,
) -> None:
    """What happened in a period: to a control, to a framework, by a playbook.

    Lists every case of which the digests of the period name an entry, and which has one in it.
    """
    found: list[Row] = []
    with StackAudit.of(find(), wanted(period, framework, control, playbook)) as audit:
        faults = _read(audit)
        for checked in audit.checker.all():
            if rows.is_of(checked.copy, audit.wanted):
                found.append(rows.case(checked.copy, checked.faults))
                faults += checked.of_case()
        for one, body, wrong in audit.checker.objects():
            faults += wrong
            found += audit.observed(body or b"", one.key)
        write(sorted(found, key=lambda row: str(row["first"])), rows.CASES, output, out)
        of_cases = sum(row["playbook"] != rows.SETTINGS for row in found)
        counts = counted(of_cases, "case") + (", and the settings" if of_cases < len(found) else "")
        raise typer.Exit(_said(audit, faults, counts))


@on_stack
def decisions(
    find: Find,
    period: PERIOD = "",
    framework: FRAMEWORK = "",
    control: CONTROL = "",
    playbook: PLAYBOOK = "",
    output: OUTPUT = Output.TABLE,
) -> None:
    """Who approved, rejected and released what in a period, and who changed the settings."""
    found: list[Row] = []
    with StackAudit.of(find(), wanted(period, framework, control, playbook)) as audit:
        faults = _read(audit)
        for checked in audit.checker.all():
            found += rows.decisions(checked.copy, audit.wanted)
            faults += checked.of_case()
        write(sorted(found, key=lambda row: str(row["at"])), rows.DECISIONS, output, out)
        raise typer.Exit(_said(audit, faults, counted(len(found), "decision")))


def verify_all(audit: StackAudit) -> int:
    """Is anything missing, changed, added or chained anew? Returns the exit status."""
    faults = _read(audit)
    chains = later = 0
    with _progress("cases") as (bar, task):
        bar.update(task, total=len(audit.ledger))
        for checked in audit.checker.all():
            faults += checked.of_case()
            chains, later = chains + 1, later + checked.later
            bar.advance(task)
    for _, _, wrong in audit.checker.objects():
        faults += wrong
    faults += audit.checker.added()
    said = f"{counted(chains, 'chain')}, {counted(audit.digests.read, 'digest')}"
    if audit.since:
        said += f" from {audit.since} on"
    if later:
        errors.print(f"{counted(later, 'entry')} newer than the last digest: not looked at here")
    return _said(audit, faults, said)


@on_stack
def export(
    find: Find,
    archive: ARCHIVE,
    period: PERIOD = "",
    framework: FRAMEWORK = "",
    control: CONTROL = "",
    playbook: PLAYBOOK = "",
) -> None:
    """Write an archive of evidence that an auditor verifies without AWS and without Cordon.

    It has the index, who decided what, every entry as it lies in the bucket, the digests that name
    them, a page for people, and a script that verifies all of it with Python alone.
    """
    wants = wanted(period, framework, control, playbook)
    with StackAudit.of(find(), wants) as audit, _progress("cases") as (bar, task):
        writer = Archive(audit, lambda total, done: bar.update(task, total=total, completed=done))
        manifest = _written(writer, archive)
        bar.stop()
        done = writer.summary
        out.print(f"{plain(str(archive))}: manifest.json has the sha256 {manifest}", soft_wrap=True)
        counts = (
            counted(done.cases, "case"),
            f"{done.observed} only observed",
            counted(done.entries, "entry"),
            counted(done.decisions, "decision"),
        )
        raise typer.Exit(_said(audit, done.faults, ", ".join(counts), read=False))


def _written(writer: Archive, path: Path) -> str:
    """The manifest's sha256. Half an archive is none: it is deleted."""
    try:
        with path.open("xb") as file:
            try:
                return writer.write(file)
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise NotPossible(f"{path} is there already: nothing is written over it") from None
    except OSError as error:
        raise NotPossible(f"{path} cannot be written: {error.strerror}") from None


def verify_archive_at(path: Path) -> int:
    """What the archive's own script does, by our copy of it. Returns the exit status."""
    faults, said = verify_archive.verified(verify_archive.Archive(path), None)
    for one in faults:
        errors.print(f"fault: {plain(one)}", markup=False, highlight=False, soft_wrap=True)
    errors.print(plain(said), markup=False, highlight=False, soft_wrap=True)
    return 1 if faults else 0


def is_archive(path: Path) -> bool:
    """Is it what ``export`` has written, or the folder that it was unpacked into?"""
    return path.is_file() or (path / verify_archive.MANIFEST).exists()


def whole(find: Find, since: str) -> int:
    """All of a stack's evidence from a day on. As ``verify_all``."""
    with StackAudit.of(find(), from_day(since)) as audit:
        return verify_all(audit)


def _read(audit: StackAudit) -> list[Fault]:
    """Read the digests; what is wrong with them is among ``audit.digests.faults``."""
    for _ in audit.read():
        pass
    return []


def _said(audit: StackAudit, found: list[Fault], counts: str, *, read: bool = True) -> int:
    """Say every fault, and then the one line that a person believes. Returns the exit status."""
    digests = audit.digests
    faults = [*audit.faults(), *found] if read else found
    for one in faults:
        errors.print(str(one), markup=False, highlight=False, soft_wrap=True)
    wrong = sum(not one.warning for one in faults)
    verdict = f"evidence NOT verified: {counted(wrong, 'fault')}" if wrong else "evidence verified"
    last = digests.last
    end = (
        f", digests until {audit.until}, the last is {last.number};"
        f" verified signatures: {digests.signed or 'none'}"
        if last
        else ""
    )
    errors.print(plain(f"{verdict}: {counts}{end}"), markup=False, highlight=False, soft_wrap=True)
    return 1 if wrong else 0


@contextmanager
def _progress(what: str) -> Iterator[tuple[Progress, Any]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        yield bar, bar.add_task(what, total=None)


COMMANDS = {
    cases: 'cordon evidence cases --period 2027-Q1 --control "SOC 2 CC7.3"',
    decisions: "cordon evidence decisions --period 2027-Q1",
    export: 'cordon evidence export q1.zip --period 2027-Q1 --framework "SOC 2"',
}
