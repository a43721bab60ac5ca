"""The commands by which people decide about cases: each is one request to the desk."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from console import case_page, page, progress, render
from console.case_commands import written
from console.exits import Exit
from console.options import Find, on_stack, playbooks_that_begin
from console.progress import Decided, Read
from console.stack import NotPossible, Stack, headers
from cordon.deciding.cases import plan_is, status_allows
from cordon.deciding.desk import NotDecided
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb

out = Console()
errors = Console(stderr=True)
WHY = Annotated[str, typer.Option(help="For the record.")]
WAIT = Annotated[
    bool, typer.Option("--wait", help="Show what comes of it, and end with the outcome.")
]
# Sections of a case's page that need no evidence.
OUTCOME = ("What is so", "What to do", "What failed", "Changes", "Who is shut out")
GOES_ON = "What was decided is recorded, and goes on"


@on_stack
def approve(
    find: Find,
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; prompted for, if not given.")] = "",
    why: WHY = "",
    full: Annotated[bool, typer.Option("--full", help="Show every field of the plan.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what is shown, unprompted.")] = False,
    wait: WAIT = False,
) -> None:
    """Approve a case's plan: exactly the plan with this hash is carried out.

    Without --plan it shows the case, and waits for your yes.
    """
    deployed = find()
    found = deployed.case(case)
    _check(Verb.APPROVE, found, plan="" if plan else found.plan_hash)
    if not plan:
        held = written(deployed, found) if found.awaits_approval_again else ()
        about = case_page.sections(found, headers().get(found.playbook), deployed.deployment, held)
        page.show(case_page.head(found), about, out)
        if full:
            out.print_json(data=found.plan.to_json())
        if not yes:
            typer.confirm(f"Approve this plan, {found.plan_hash}?", abort=True)
    _decide(deployed, found, Verb.APPROVE, plan or found.plan_hash, why, wait=wait)


@on_stack
def reject(
    find: Find,
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; may be left out.")] = "",
    why: WHY = "",
    wait: WAIT = False,
) -> None:
    """Reject a case's plan: nothing is done."""
    deployed = find()
    found = deployed.case(case)
    _check(Verb.REJECT, found)
    _decide(deployed, found, Verb.REJECT, plan, why, wait=wait)


@on_stack
def release(find: Find, case: str, why: WHY = "no reason given", wait: WAIT = False) -> None:
    """Release a case: everything it did is undone, as soon as that does no harm."""
    deployed = find()
    found = deployed.case(case)
    _check(Verb.RELEASE, found)
    _decide(deployed, found, Verb.RELEASE, "", why, wait=wait)


@on_stack
def retry(find: Find, case: str, why: WHY = "", wait: WAIT = False) -> None:
    """Try the failed changes of a case again, or an attempt that died."""
    deployed = find()
    found = deployed.case(case)
    _check(Verb.RETRY, found)
    _decide(deployed, found, Verb.RETRY, "", why, wait=wait)


@on_stack
def contain(
    find: Find,
    resource: Annotated[str, typer.Argument(help="ARN of the resource.")],
    playbook: Annotated[
        str, typer.Option(help="Which playbook contains it.", autocompletion=playbooks_that_begin)
    ],
    why: Annotated[str, typer.Option(help="For the record: there is no finding.")],
    wait: WAIT = False,
) -> None:
    """Contain a resource now, without a finding, whatever the playbook's mode is."""
    deployed = find()
    said = deployed.request("contain", {"resource": resource, "playbook": playbook, "why": why})
    _say(said)
    if wait:
        read = partial(deployed.cases(playbook).get, str(said["case"]))
        _wait(deployed, Decided(Verb.CONTAIN, round=int(said["round"])), said, read)


@on_stack
def redeliver(
    find: Find,
    queue: Annotated[str, typer.Argument(help="Name of a dead-letter queue in the template.")],
) -> None:
    """Send dead letters back to where they came from. Ends with 1 where any is left."""
    deployed, more, left = find(), True, 0
    while more:
        said = deployed.request("redeliver", {"queue": queue})
        left += int(said["left"])
        _print(f"redelivered {said['redelivered']}, left {said['left']}")
        for why in said["why"]:
            _print(f"left: {why}")
        more = bool(said["more"]) and bool(said["redelivered"])
    raise typer.Exit(1 if left else 0)


COMMANDS = {
    approve: 'cordon approve 7c98 --why "seen with the owner" --wait',
    reject: 'cordon reject 7c98 --why "a public website"',
    release: 'cordon release 7c98 --why "a public website" --wait',
    retry: "cordon retry 7c98 --wait",
    contain: 'cordon contain arn:aws:s3:::acme-data --playbook NAME --why "it leaks"',
    redeliver: "cordon redeliver FailedReports",
}


def _check(verb: Verb, case: Case, plan: str = "") -> None:
    """As the desk does it, before anything is sent. ``plan``: the hash of what is to be shown."""
    try:
        status_allows(verb, case)
        if plan:
            plan_is(verb, case, plan)
    except NotDecided as why:
        raise NotPossible(str(why)) from None


def _decide(deployed: Stack, case: Case, verb: Verb, plan: str, why: str, *, wait: bool) -> None:
    said = deployed.decide(case, verb, plan, why)
    _say(said)
    if wait:
        read = partial(deployed.cases(case.playbook).get, case.id)
        _wait(deployed, Decided(verb, case), said, read)


def _say(said: Mapping[str, Any]) -> None:
    _print(f"case {said['case']}: {said['verb']} by {said['by']}: {said['says']}")


def _wait(deployed: Stack, decided: Decided, said: Mapping[str, Any], read: Read) -> None:
    """Show the steps and the outcome, and end with its exit status."""
    if not said["complete"] or not said.get("started", True):  # nothing comes of it: it is said
        raise typer.Exit(Exit.NOT_ENDED)
    try:
        case = progress.followed(decided, read, out)
    except (ClientError, BotoCoreError):
        _print(f"{GOES_ON}; what comes of it cannot be read", errors)
        raise
    status = decided.exit_status(case)
    if case is not None and decided.has_begun(case):
        about = case_page.sections(case, headers().get(case.playbook), deployed.deployment, ())
        page.show(case_page.head(case), [s for s in about if s.heading in OUTCOME], out)
    if status == Exit.NOT_ENDED:
        _print(f"{GOES_ON}: cordon show {said['case']} says how it is", errors)
    raise typer.Exit(status)


def _print(text: str, to: Console = out) -> None:
    to.print(render.plain(text), markup=False, soft_wrap=True, highlight=False)
