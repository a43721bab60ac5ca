"""The steps that our state machines call: ask, contain, decline, tell, release.

Each takes the command's fields and returns a small dict. A step may be called again by the
state machine's retry and then changes nothing more.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cordon.actions.incident import escaped_line
from cordon.bootstrap import Services
from cordon.cases import Case, CaseConflict, Status
from cordon.clock import to_iso
from cordon.engine import CONTAINED, ContainInProgress
from cordon.respond import protected, resumed, tell
from cordon.settings import MasterSwitch
from cordon.sources.text import one_line

Command = Mapping[str, Any]


class NotApproved(Exception):
    """What was approved is not what is recorded, or the case no longer waits for approval."""


class Stopped(Exception):
    """The switch, or the settings that cannot be read, forbid to act."""


def run_step(command: Command, wired: Services) -> dict[str, str]:
    """Carry out one command of a state machine. A malformed one is a KeyError naming the field."""
    case = wired.cases.get(command["case"])
    if case is None or case.playbook != wired.playbook.name:
        raise CaseConflict(one_line(str(command["case"]), 64), "")
    return STEPS[command["do"]](case, command, wired)


def _ask(case: Case, command: Command, wired: Services) -> dict[str, str]:
    """Keep the token that an approval needs, and tell the people who may approve."""
    _of_this_round(case, command)
    wired.cases.keep_token(case.id, command["token"])
    finding = case.finding
    lines = (
        f"Cordon asks to contain: {escaped_line(finding.title, 200)}",
        f"Finding {finding.kind}, severity {finding.severity.label}, account "
        f"{finding.place.account}, {finding.place.region}.",
        "Plan:",
        *(f"  {a.name()} on {a.resource or 'nobody (tells people)'}" for a in case.plan.actions),
        f"Plan hash: {case.plan_hash}",
        f"Approve: cordon approve {case.id} --plan {case.plan_hash}",
        f"Reject: cordon reject {case.id}",
        "Nothing is done until somebody approves; when time is up, nothing is done at all.",
    )
    wired.client("sns").publish(
        TopicArn=wired.deployment.topic,
        Subject=f"Cordon asks for approval: case {case.id}",
        Message="\n".join(lines),
    )
    return {"state": str(case.status)}


def _contain(case: Case, command: Command, wired: Services) -> dict[str, str]:
    """Contain what was approved, if it is still what is recorded and nobody stopped us."""
    _of_this_round(case, command)
    if not command["plan"] == case.plan_hash == case.plan.hash:
        raise NotApproved(f"case {case.id}: the approved plan is not the recorded plan")
    if case.status not in (Status.AWAITING_APPROVAL, Status.CONTAINING, *CONTAINED):
        raise NotApproved(f"case {case.id} stands at {case.status}")
    settings = wired.settings()
    if settings.switch is not MasterSwitch.ON or settings.unreadable:
        raise Stopped(settings.unreadable or f"the switch is at {settings.switch}")
    why = protected(case.plan, case.finding.place, case.id, settings, wired)
    if why:
        raise Stopped(f"protected since it was asked: {why}")
    if case.status in CONTAINED and not case.failed:
        return _contained(case)
    approver = one_line(str(command["by"]), 256)
    if case.status is Status.AWAITING_APPROVAL:
        proof = wired.evidence(case)
        proof.write("approved", {"by": approver, "plan_hash": case.plan_hash})
        case = wired.cases.transition(
            case,
            Status.CONTAINING,
            when=(Status.AWAITING_APPROVAL,),
            decided_by=approver,
            released_by="",
            evidence_end=proof.link,
        )
    else:
        case = resumed(replace(case, decided_by=approver), wired)
    return _contained(wired.engine.contain(case))


def _of_this_round(case: Case, command: Command) -> None:
    """An execution of an earlier round must not decide over a later one."""
    if command["execution"] != case.execution_name:
        raise NotApproved(
            f"case {case.id} is at {case.execution_name}, not at {command['execution']}"
        )


def _contained(case: Case) -> dict[str, str]:
    """``seen`` is when the finding was last seen: the function measures the time since."""
    return {"state": str(case.status), "mode": case.mode, "seen": to_iso(case.last_activity)}


def _decline(case: Case, command: Command, wired: Services) -> dict[str, str]:
    """No action: a person rejected the plan, or time is up."""
    if case.status is Status.DECLINED or command["execution"] != case.execution_name:
        return {"state": str(case.status)}
    by, why = one_line(str(command.get("by", "")), 256), one_line(str(command["why"]), 64)
    proof = wired.evidence(case)
    proof.write("declined", {"by": by, "why": why})
    case = wired.cases.transition(
        case,
        Status.DECLINED,
        when=(Status.AWAITING_APPROVAL,),
        decided_by=by,
        decided_why=why,
        evidence_end=proof.link,
    )
    return {"state": str(case.status)}


def _tell(case: Case, command: Command, wired: Services) -> dict[str, str]:
    """Report how the case stands; after a failure, with what the workflow says of it."""
    if command.get("execution", case.execution_name) != case.execution_name:
        return {"state": str(case.status)}
    failed = command.get("failed")
    if failed is not None:
        why = one_line(f"the workflow failed: {failed}", 300)
        to = Status.DECLINED if case.status is Status.AWAITING_APPROVAL else case.status
        case = wired.cases.transition(case, to, when=(case.status,), decided_why=why)
    return {"state": str(tell(case, wired).status)}


def _release(case: Case, command: Command, wired: Services) -> dict[str, str]:
    """Let go. ``until`` is when to try again, where an undo must wait to do no harm."""
    if case.status is Status.RELEASED:
        return {"state": str(case.status)}
    by, why = one_line(str(command["by"]), 256), one_line(str(command["why"]), 300)
    try:
        case = wired.engine.release(case, by=by, why=why)
    except ContainInProgress as busy:
        return {"state": "waiting", "until": to_iso(busy.until)}
    waits = [result.not_before for result in case.results if result.not_before]
    if not waits:
        return {"state": str(case.status)}
    return {"state": "waiting", "until": min(waits)}


STEPS: Mapping[str, Callable[[Case, Command, Services], dict[str, str]]] = {
    "ask": _ask,
    "contain": _contain,
    "decline": _decline,
    "tell": _tell,
    "release": _release,
}
