"""The three questions of an audit, a command each; and the archive that an auditor takes away."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console.audit import rows, verify_archive
from console.audit.archive import Archive, Summary
from console.audit.period import CONTROL, FRAMEWORK, PERIOD, from_day, wanted
from console.audit.stack_audit import StackAudit
from console.audit.verified import Verified
from console.evidence import Fault, counted
from console.options import PLAYBOOK, Find, on_stack, to_write
from console.render import plain
from console.stack import NotPossible
from console.tables import OUTPUT, Output, Row, sums_of, write
from cordon.evidence import sha256

out = Console()
errors = Console(stderr=True)
ARCHIVE = Annotated[
    Path, typer.Argument(help="The zip to write; it must not be there yet.", callback=to_write)
]


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
        raise typer.Exit(_said(audit, faults, counts).status)


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
        raise typer.Exit(_said(audit, faults, counted(len(found), "decision")).status)


def verify_all(audit: StackAudit) -> Verified:
    """Is anything missing, changed, added or chained anew?"""
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
    not_shown = f"{counted(later, 'entry')} newer than the last digest: not looked at here"
    if later:
        errors.print(not_shown)
    return replace(_said(audit, faults, said), not_shown=not_shown if later else "")


@on_stack
def export(
    find: Find,
    archive: ARCHIVE,
    period: PERIOD = "",
    framework: FRAMEWORK = "",
    control: CONTROL = "",
    playbook: PLAYBOOK = "",
    output: OUTPUT = Output.TABLE,
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
        counts = (
            counted(done.cases, "case"),
            f"{done.observed} only observed",
            counted(done.entries, "entry"),
            counted(done.decisions, "decision"),
        )
        if output is Output.TABLE:
            said = f"{plain(str(archive))}: manifest.json has the sha256 {manifest}"
            out.print(said, markup=False, highlight=False, soft_wrap=True)
        verified = _said(audit, done.faults, ", ".join(counts), read=False)
        if output is not Output.TABLE:
            write([_exported(archive, manifest, writer.summary, verified)], (), output, out)
        raise typer.Exit(verified.status)


def _exported(archive: Path, manifest: str, done: Summary, verified: Verified) -> Row:
    return {
        "file": str(archive),
        "cases": done.cases,
        "observed": done.observed,
        "entries": done.entries,
        "decisions": done.decisions,
        **sums_of(archive),
        "manifest_sha256": manifest,
        "verdict": verified.verdict,
        "faults": [one.text for one in verified.faults],
    }


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


def verify_archive_at(path: Path) -> Verified:
    """What the archive's own script does, by our copy of it."""
    faults, said = verify_archive.verified(path)
    for one in faults:
        errors.print(f"fault: {plain(one)}", markup=False, highlight=False, soft_wrap=True)
    errors.print(plain(said), markup=False, highlight=False, soft_wrap=True)
    return Verified(1 if faults else 0, [Fault(one) for one in faults], said)


def is_archive(path: Path) -> bool:
    """Is it what ``export`` has written, or the folder that it was unpacked into?"""
    return path.is_file() or (path / verify_archive.MANIFEST).exists()


def whole(find: Find, since: str, noted: Mapping[int, str]) -> Verified:
    """All of a stack's evidence from a day on. As ``verify_all``."""
    with StackAudit.of(find(), from_day(since)) as audit:
        audit.digests.noted = noted
        return verify_all(audit)


def _read(audit: StackAudit) -> list[Fault]:
    """Read the digests; what is wrong with them is among ``audit.digests.faults``."""
    for _ in audit.read():
        pass
    return []


def _said(audit: StackAudit, found: list[Fault], counts: str, *, read: bool = True) -> Verified:
    """Say every fault, and then the one line that a person believes."""
    digests = audit.digests
    faults = [*audit.faults(), *found] if read else found
    for one in faults:
        errors.print(str(one), markup=False, highlight=False, soft_wrap=True)
    wrong = sum(not one.warning for one in faults)
    verdict = f"evidence NOT verified: {counted(wrong, 'fault')}" if wrong else "evidence verified"
    last = digests.last
    end = (
        f", digests until {audit.until}, the last is {last.number}, sha256 {sha256(last.body)};"
        f" verified signatures: {digests.signed or 'none'}"
        if last
        else ""
    )
    said = f"{verdict}: {counts}{end}"
    errors.print(plain(said), markup=False, highlight=False, soft_wrap=True)
    return Verified(1 if wrong else 0, faults, said)


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
