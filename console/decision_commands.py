"""The commands by which people decide about cases: each is one request to the desk."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from console import case_page, page, render
from console.options import Find, on_stack, playbooks_that_begin
from console.stack import headers
from cordon.memory.decisions import Verb

out = Console()
WHY = Annotated[str, typer.Option(help="For the record.")]


@on_stack
def approve(
    find: Find,
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; prompted for, if not given.")] = "",
    why: WHY = "",
    full: Annotated[bool, typer.Option("--full", help="Show every field of the plan.")] = False,
) -> None:
    """Approve a case's plan: exactly the plan with this hash is carried out.

    Without --plan it shows the case, and waits for your yes.
    """
    deployed = find()
    found = deployed.case(case)
    if not plan:
        about = case_page.sections(found, headers().get(found.playbook), deployed.deployment, ())
        page.show(case_page.head(found), about, out)
        if full:
            out.print_json(data=found.plan.to_json())
        typer.confirm(f"Approve this plan, {found.plan_hash}?", abort=True)
    _show(deployed.decide(found, Verb.APPROVE, plan or found.plan_hash, why))


@on_stack
def reject(
    find: Find,
    case: str,
    plan: Annotated[str, typer.Option(help="Hash of the plan; may be left out.")] = "",
    why: WHY = "",
) -> None:
    """Reject a case's plan: nothing is done."""
    deployed = find()
    _show(deployed.decide(deployed.case(case), Verb.REJECT, plan, why))


@on_stack
def release(find: Find, case: str, why: WHY = "no reason given") -> None:
    """Release a case: everything it did is undone, as soon as that does no harm."""
    deployed = find()
    _show(deployed.release(deployed.case(case), why))


@on_stack
def retry(find: Find, case: str, why: WHY = "") -> None:
    """Try the failed changes of a case again, or an attempt that died."""
    deployed = find()
    _show(deployed.decide(deployed.case(case), Verb.RETRY, why=why))


@on_stack
def contain(
    find: Find,
    resource: Annotated[str, typer.Argument(help="ARN of the resource.")],
    playbook: Annotated[
        str, typer.Option(help="Which playbook contains it.", autocompletion=playbooks_that_begin)
    ],
    why: Annotated[str, typer.Option(help="For the record: there is no finding.")],
) -> None:
    """Contain a resource now, without a finding, whatever the playbook's mode is."""
    body = {"resource": resource, "playbook": playbook, "why": why}
    _show(find().request("contain", body))


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
    approve: 'cordon approve 7c98 --why "seen with the owner"',
    reject: 'cordon reject 7c98 --why "a public website"',
    release: 'cordon release 7c98 --why "a public website"',
    retry: "cordon retry 7c98",
    contain: 'cordon contain arn:aws:s3:::acme-data --playbook NAME --why "it leaks"',
    redeliver: "cordon redeliver FailedReports",
}


def _show(said: Mapping[str, Any]) -> None:
    _print(f"case {said['case']}: {said['verb']} by {said['by']}: {said['says']}")


def _print(text: str) -> None:
    out.print(render.plain(text), markup=False, soft_wrap=True, highlight=False)
