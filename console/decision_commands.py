"""The commands by which people decide about cases: each is one request to the desk."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from console import case_list, case_page, page, preview, progress, render, tables
from console.aws_errors import explained
from console.case_commands import written
from console.case_evidence import Written
from console.case_page import Section
from console.confirm import confirm
from console.deployed_playbooks import deployment_of
from console.exits import Exit
from console.options import YES, Find, on_stack, playbooks_that_begin
from console.progress import Decided, Read
from console.stack import NotPossible, Stack, headers
from cordon.by_arn import finding_of
from cordon.clock import now
from cordon.deciding.cases import plan_is, status_allows
from cordon.deciding.desk import NotDecided
from cordon.deciding.redeliver import PLACES
from cordon.errors import Refused
from cordon.finding import Place
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb

out = Console()
errors = Console(stderr=True)
WHY = Annotated[str, typer.Option(help="For the record.")]
WAIT = Annotated[
    bool, typer.Option("--wait", help="Show what comes of it, and end with the outcome.")
]
FULL = Annotated[bool, typer.Option("--full", help="Every line of the difference.")]
# Sections of a case's page that need no evidence.
OUTCOME = ("What is so", "What to do", "What failed", "Changes", "Who is shut out")
RETRY = ("What is so", "What failed")
RELEASE = (*RETRY, "Release")
GOES_ON = "What was decided is recorded, and goes on"


@on_stack
def approve(
    find: Find,
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; prompted for, if not given.")] = "",
    why: WHY = "",
    full: Annotated[
        bool, typer.Option("--full", help="Every field of the plan, every line of the difference.")
    ] = False,
    yes: YES = False,
    wait: WAIT = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Approve a case's plan: exactly the plan with this hash is carried out.

    Without --plan it shows the case, and what would change in the account now, as far as your
    credentials may read it; then it waits for your yes.
    """
    deployed = find()
    found = deployed.case(case)
    _check(deployed, Verb.APPROVE, found, plan="" if plan else found.plan_hash)
    if not plan:
        held = written(deployed, found) if found.awaits_approval_again else ()
        about = case_page.sections(found, headers().get(found.playbook), deployed.deployment, held)
        about += preview.containing(found.plan.actions, preview.caller(deployed), full=full)
        page.show(case_page.head(found), about, _to_people(output))
        if full:
            _to_people(output).print_json(data=found.plan.to_json())
        if not yes:
            _must_be_typed(f"Approve this plan, {found.plan_hash}?", output)
    _decide(deployed, found, Verb.APPROVE, plan or found.plan_hash, why, wait=wait, output=output)


@on_stack
def reject(
    find: Find,
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; may be left out.")] = "",
    why: WHY = "",
    yes: YES = False,
    wait: WAIT = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Reject a case's plan: nothing is done. In a terminal it waits for your yes."""
    deployed = find()
    found = deployed.case(case)
    _check(deployed, Verb.REJECT, found)
    page.show(
        case_page.head(found), preview.containing((), preview.caller(deployed)), _to_people(output)
    )
    confirm(f"Reject the plan of case {found.id}?", yes=yes)
    _decide(deployed, found, Verb.REJECT, plan, why, wait=wait, output=output)


@on_stack
def release(
    find: Find,
    case: str,
    why: WHY = "no reason given",
    full: FULL = False,
    yes: YES = False,
    wait: WAIT = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Release a case: everything it did is undone, as soon as that does no harm.

    It shows first what would change in the account now, as far as your credentials may read it; in
    a terminal it waits for your yes.
    """
    deployed = find()
    found = deployed.case(case)
    _check(deployed, Verb.RELEASE, found)
    _show_release(deployed, found, _to_people(output), full=full)
    confirm(f"Release case {found.id}?", yes=yes)
    _decide(deployed, found, Verb.RELEASE, "", why, wait=wait, output=output)


@on_stack
def retry(
    find: Find,
    case: str,
    why: WHY = "",
    full: FULL = False,
    yes: YES = False,
    wait: WAIT = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Try the failed changes of a case again, or an attempt that died.

    It shows first what would change in the account now; in a terminal it waits for your yes.
    """
    deployed = find()
    found = deployed.case(case)
    _check(deployed, Verb.RETRY, found)
    about = case_page.sections(found, headers().get(found.playbook), deployed.deployment, ())
    would = preview.containing(found.plan.actions, preview.caller(deployed), full=full)
    page.show(
        case_page.head(found),
        [*(s for s in about if s.heading in RETRY), *would],
        _to_people(output),
    )
    confirm(f"Try case {found.id} again?", yes=yes)
    _decide(deployed, found, Verb.RETRY, "", why, wait=wait, output=output)


@on_stack
def contain(
    find: Find,
    resource: Annotated[str, typer.Argument(help="ARN of the resource.")],
    playbook: Annotated[
        str, typer.Option(help="Which playbook contains it.", autocompletion=playbooks_that_begin)
    ],
    why: Annotated[str, typer.Option(help="For the record: there is no finding.")] = "",
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show what would change; nothing is sent.")
    ] = False,
    full: FULL = False,
    yes: YES = False,
    wait: WAIT = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Contain a resource now, without a finding, whatever the playbook's mode is.

    It shows the plan, and what would change in the account now, as far as your credentials may read
    it; then it waits for your yes. It needs --why; with --plan it only shows.
    """
    deployed = find()
    if not plan and not why:
        raise NotPossible("say why, for the record: --why")
    would = _by_arn(deployed, resource, playbook, full=full, only_shown=plan)
    if plan and output is not tables.Output.TABLE:
        sections = {section.heading: list(section.lines) for section in would}
        row = {"playbook": playbook, "resource": resource, **sections}
        tables.write([row], (), output, out)
        return
    page.show(f"{playbook} on {resource}", would, _to_people(output))
    if plan:
        return
    if not yes:
        _must_be_typed(f"Contain {resource}?", output)
    said = deployed.request("contain", {"resource": resource, "playbook": playbook, "why": why})
    decided = Decided(Verb.CONTAIN, round=int(said["round"]))
    read = partial(deployed.cases(playbook).get, str(said["case"]))
    _came(deployed, decided, said, read, wait=wait, output=output)


@on_stack
def redeliver(
    find: Find,
    queue: Annotated[
        str,
        typer.Argument(
            help="Name of a dead-letter queue in the template, or FailedRecords; else each."
        ),
    ] = "",
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Send dead letters back to where they came from. Ends with 1 where any is left."""
    deployed, to = find(), _to_people(output)
    rows = [
        row for name in ([queue] if queue else PLACES) for row in _redelivered(deployed, name, to)
    ]
    if output is not tables.Output.TABLE:
        tables.write(rows, (), output, out)
    raise typer.Exit(1 if any(row["left"] for row in rows) else 0)


COMMANDS = {
    approve: 'cordon approve 7c98 --why "seen with the owner" --wait',
    reject: 'cordon reject 7c98 --why "a public website"',
    release: 'cordon release 7c98 --why "a public website" --wait',
    retry: "cordon retry 7c98 --wait",
    contain: 'cordon contain arn:aws:s3:::acme-data --playbook NAME --why "it leaks"',
    redeliver: "cordon redeliver FailedReports",
}


def _redelivered(deployed: Stack, queue: str, to: Console) -> Iterator[Mapping[str, Any]]:
    """Request after request, until there is no more, or nothing more goes back."""
    more = True
    while more:
        said = deployed.request("redeliver", {"queue": queue})
        _print(f"{queue}: redelivered {said['redelivered']}, left {said['left']}", to)
        for why in said["why"]:
            _print(f"left: {why}", to)
        more = bool(said["more"]) and bool(said["redelivered"])
        yield {"queue": queue, **said}


def _must_be_typed(prompt: str, output: tables.Output) -> None:
    """Wait for a yes, in a pipe too: what lets something be contained needs one."""
    if sys.stdin is None:  # closed, as with `<&-`
        raise NotPossible(f"{prompt} Standard input is closed: nobody can say yes; --yes does")
    typer.confirm(prompt, abort=True, err=output is not tables.Output.TABLE)


def _by_arn(
    deployed: Stack, resource: str, playbook: str, *, full: bool, only_shown: bool
) -> list[Section]:
    """The plan of a playbook for this resource, and what it would change now.

    Whoever may contain and not read how the playbook is deployed is shown that it is unknown;
    where it is ``only_shown``, AWS's refusal rises.
    """
    deployed.must_exist()
    if playbook not in headers():
        raise NotPossible(f"there is no playbook {playbook}: {', '.join(headers())}")
    header = headers()[playbook]
    try:
        deployment = deployment_of(deployed, playbook)
    except (ClientError, BotoCoreError) as error:
        if only_shown:
            raise
        return [Section("The plan", (preview.unknown(error),))]
    home = Place(deployment.partition, deployment.account, deployment.region)
    try:
        made = header.plan_for(finding_of(resource, header, home, now()), deployment)
    except Refused as why:
        raise NotPossible(str(why)) from None
    words = [
        line
        for action in made.actions
        for line in (
            f"{action.name()} on {action.resource}: {action.in_words}",
            *([f"Who is shut out: {action.shuts_out}"] if action.shuts_out else []),
            *([f"Caution: {action.caution}"] if action.caution else []),
        )
    ]
    would = preview.containing(made.actions, preview.caller(deployed), full=full)
    return [Section("The plan", tuple(words) or (preview.NOTHING,)), *would]


def _check(deployed: Stack, verb: Verb, case: Case, plan: str = "") -> None:
    """As the desk does it, before anything is sent. ``plan``: the hash of what is to be shown."""
    deployed.must_exist()
    try:
        status_allows(verb, case)
        if plan:
            plan_is(verb, case, plan)
    except NotDecided as why:
        raise NotPossible(str(why)) from None


def _show_release(deployed: Stack, case: Case, to: Console, *, full: bool) -> None:
    held: Sequence[Written] | str
    try:
        held = written(deployed, case)
    except (ClientError, BotoCoreError) as error:
        held = f"unknown: {explained(error)}"
    about = case_page.sections(case, headers().get(case.playbook), deployed.deployment, held)
    would = preview.releasing(case, held, preview.caller(deployed), full=full)
    page.show(case_page.head(case), [*(s for s in about if s.heading in RELEASE), *would], to)


def _decide(
    deployed: Stack,
    case: Case,
    verb: Verb,
    plan: str,
    why: str,
    *,
    wait: bool,
    output: tables.Output,
) -> None:
    said = deployed.decide(case, verb, plan, why)
    read = partial(deployed.cases(case.playbook).get, case.id)
    _came(deployed, Decided(verb, case), said, read, wait=wait, output=output)


def _came(
    deployed: Stack,
    decided: Decided,
    said: Mapping[str, Any],
    read: Read,
    *,
    wait: bool,
    output: tables.Output,
) -> None:
    """What the desk says, and, if it is waited for, what came of it: for programs one row."""
    to, row = _to_people(output), dict(said)
    _print(f"case {said['case']}: {said['verb']} by {said['by']}: {said['says']}", to)
    try:
        if wait:
            row |= _waited(deployed, decided, said, read, to)
    finally:
        if output is not tables.Output.TABLE:
            tables.write([row], (), output, out)
    if wait:
        raise typer.Exit(int(row["exit"]))


def _waited(
    deployed: Stack, decided: Decided, said: Mapping[str, Any], read: Read, to: Console
) -> dict[str, Any]:
    """Show the steps and the outcome. Returns the case's row, and ``exit``, the exit status."""
    if not said["complete"] or not said.get("started", True):  # nothing comes of it: it is said
        return {"exit": int(Exit.NOT_ENDED)}
    try:
        case = progress.followed(decided, read, to)
    except (ClientError, BotoCoreError):
        _print(f"{GOES_ON}; what comes of it cannot be read", errors)
        raise
    status, row = decided.exit_status(case), {}
    if case is not None and decided.has_begun(case):
        about = case_page.sections(case, headers().get(case.playbook), deployed.deployment, ())
        page.show(case_page.head(case), [s for s in about if s.heading in OUTCOME], to)
        row = case_list.row(case)
    if status == Exit.NOT_ENDED:
        _print(f"{GOES_ON}: cordon show {said['case']} says how it is", errors)
    return {**row, "exit": int(status)}


def _to_people(output: tables.Output) -> Console:
    """Where what people read goes: beside rows for programs, to standard error."""
    return out if output is tables.Output.TABLE else errors


def _print(text: str, to: Console = out) -> None:
    to.print(render.plain(text), markup=False, soft_wrap=True, highlight=False)
