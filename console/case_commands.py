"""The commands that show cases: all that are open, and one of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from console import case_evidence, case_list, case_page, page, render, tables
from console.aws_errors import is_denied, why_unknown
from console.evidence import Copy, verify
from console.options import PLAYBOOK, REPORT, Find, on_stack
from console.stack import NotPossible, Stack, headers, playbook_names
from cordon.memory.cases import Case

out = Console()
errors = Console(stderr=True)
NO_EVIDENCE = (
    "unknown: your credentials may not read evidence (s3:ListBucketVersions, s3:GetObjectVersion: "
    "docs/policies/approver.json)"
)
NOT_VERIFIED = "unknown: the evidence is not verified: cordon evidence CASE says what is wrong"
DELETED = (
    "The stack {stack} is deleted. What its cases above hold stays as it is until you put it back "
    "manually: cordon evidence CASE shows what was captured."
)


@on_stack
def cases(
    find: Find,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that await approval.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Those that hold a change, or may.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those of which something was not done.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every open case, as without these three.")
    ] = False,
    since: Annotated[str, typer.Option(help="Changed since: 30m, 12h, 7d, 2027-01-31.")] = "",
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
    playbook: PLAYBOOK = "",
    severity: Annotated[str, typer.Option(help="Of this severity, or a higher one.")] = "",
    sequence: Annotated[
        str, typer.Option(help="Only of this GuardDuty attack sequence: its finding's id or ARN.")
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """List the open cases, newest first; also those of a deleted stack.

    Of --waiting, --held and --failed a case needs one; of all others, each that is given. A closed
    case is in no index and never in this list: `cordon show CASE`, with its whole id, shows it.
    """
    several = not every
    wanted = case_list.Wanted(
        waiting=waiting and several,
        held=held and several,
        failed=failed and several,
        since=case_list.since_of(since),
        account=account,
        severity=case_list.severity_of(severity),
        sequence=sequence,
    )
    _list(find, wanted, output, playbook)
    if every or since:
        _note(case_list.CLOSED_UNKNOWN)


@on_stack
def review(
    find: Find,
    sequence: Annotated[
        str, typer.Option(help="Only of this GuardDuty attack sequence: its finding's id or ARN.")
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """List the open cases: as `cordon cases`."""
    _list(find, case_list.Wanted(sequence=sequence), output)


def _list(find: Find, wanted: case_list.Wanted, output: tables.Output, playbook: str = "") -> None:
    if playbook and playbook not in playbook_names():
        raise NotPossible(f"there is no playbook {playbook}: {', '.join(playbook_names())}")
    found = find()
    listed = sorted(wanted.of(found.open_cases(playbook)), key=lambda c: c.opened_at, reverse=True)
    tables.write([case_list.row(case) for case in listed], case_list.COLUMNS, output, out)
    if not listed:
        _note("no open case is so")
    if found.deleted:
        _note(DELETED.format(stack=found.name))


def _note(text: str) -> None:
    errors.print(render.plain(text), markup=False, soft_wrap=True, highlight=False)


@on_stack
def show(
    find: Find,
    case: Annotated[str, typer.Argument(help="The case's id, or how it begins.")],
    diff: Annotated[
        bool, typer.Option("--diff", help="Only what was written, as a difference.")
    ] = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Only what happened, a line each.")
    ] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Only the entries, and the verdict.")
    ] = False,
    report: REPORT = None,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Show a case: what is so, what to do, what was changed, and why.

    What only evidence says is called unknown without the right to read it, and where it is not
    verified. The three options end with the verdict, and the exit status of `cordon evidence`.
    For programs it is the case's row of `cordon cases`, with each section of the page; with --diff
    a row for each change, with --timeline or --evidence the rows of `cordon evidence`.
    """
    deployed = find()
    found = deployed.case(case)
    if report is not None:
        _write_report(deployed, found, report)
    if not (diff or timeline or evidence):
        _show_page(deployed, found, output)
        return
    copy = deployed.evidence_copy(found)
    if output is not tables.Output.TABLE:
        if diff and (timeline or evidence):
            raise NotPossible("--diff has other rows than --timeline and --evidence: name one")
        tables.write(_rows_of_proof(found, copy, diff=diff), (), output, out)
    else:
        _show_proof(found, copy, diff=diff, timeline=timeline, evidence=evidence)
    raise typer.Exit(render.show_verdict(copy, verify(copy), errors))


def _rows_of_proof(found: Case, copy: Copy, *, diff: bool) -> Iterable[tables.Row]:
    if not diff:
        return case_evidence.rows(copy)
    parts = _difference(found, copy)
    return [{"change": part.heading, "lines": list(part.lines)} for part in parts]


def _show_proof(found: Case, copy: Copy, *, diff: bool, timeline: bool, evidence: bool) -> None:
    if diff:
        page.show(case_page.head(found), _difference(found, copy), out)
    page.lines(case_evidence.timeline(copy) if timeline else (), out)
    page.lines(case_evidence.listed(copy) if evidence else (), out)


def _difference(found: Case, copy: Copy) -> list[case_page.Section]:
    try:
        return case_page.difference(case_evidence.changes(found, copy))
    except case_evidence.NotAsWritten as why:
        raise NotPossible(f"the evidence is not as Cordon writes it: {why}") from None


def _show_page(deployed: Stack, found: Case, output: tables.Output) -> None:
    about = _sections(deployed, found, written(deployed, found))
    if output is tables.Output.TABLE:
        page.show(case_page.head(found), about, out)
        return
    sections = {section.heading: list(section.lines) for section in about}
    tables.write([case_list.row(found) | sections], (), output, out)


def _write_report(deployed: Stack, found: Case, to: Path) -> None:
    from console.report import account
    from console.report import page as report_page

    report_page.write(account.of_one(deployed, found), to)


def _sections(
    deployed: Stack, found: Case, said: Sequence[case_evidence.Written] | str
) -> list[case_page.Section]:
    return case_page.sections(found, headers().get(found.playbook), deployed.deployment, said)


def written(deployed: Stack, found: Case) -> Sequence[case_evidence.Written] | str:
    """What verified evidence says of its changes; or why that is unknown, in words."""
    try:
        copy = deployed.evidence_copy(found)
        if all(fault.warning for fault in verify(copy)):
            return case_evidence.changes(found, copy)
        return NOT_VERIFIED
    except case_evidence.NotAsWritten:
        return NOT_VERIFIED
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and is_denied(error):
            return NO_EVIDENCE
        return f"unknown: evidence was not read: {why_unknown(error)}"


COMMANDS = {
    cases: "cordon cases --waiting --severity HIGH",
    review: "cordon review",
    show: "cordon show 7c98 --diff",
}
