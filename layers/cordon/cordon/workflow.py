"""The steps that our state machines call: ask, contain, decline, tell, release.

Each takes the command's fields and returns a small dict. A step may be called again by the
state machine's retry and then changes nothing more.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cordon.actions.incident import one_line
from cordon.answer import protected, resumed, tell
from cordon.cases import Case, Moved, Stands
from cordon.clock import stamp
from cordon.dialects.text import clean
from cordon.engine import CONTAINED, Busy
from cordon.settings import Switch
from cordon.wiring import Wired

Command = Mapping[str, Any]


class NotApproved(Exception):
    """What was approved is not what is recorded, or the case no longer waits for approval."""


class Stopped(Exception):
    """The switch, or the settings that cannot be read, forbid to act."""


def obey(command: Command, wired: Wired) -> dict[str, str]:
    """Carry out one command of a state machine. A malformed one is a KeyError naming the field."""
    case = wired.cases.get(command["case"])
    if case is None or case.playbook != wired.playbook.name:
        raise Moved(clean(str(command["case"]), 64), "")
    return STEPS[command["do"]](case, command, wired)


def _ask(case: Case, command: Command, wired: Wired) -> dict[str, str]:
    """Keep the token that an approval needs, and tell the people who may approve."""
    _of_this_round(case, command)
    wired.cases.keep_token(case.id, command["token"])
    finding = case.finding
    lines = (
        f"Cordon asks to contain: {one_line(finding.title, 200)}",
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
    return {"state": str(case.stands)}


def _contain(case: Case, command: Command, wired: Wired) -> dict[str, str]:
    """Contain what was approved, if it is still what is recorded and nobody stopped us."""
    _of_this_round(case, command)
    if not command["plan"] == case.plan_hash == case.plan.hash:
        raise NotApproved(f"case {case.id}: the approved plan is not the recorded plan")
    if case.stands not in (Stands.ASKED, Stands.CONTAINING, *CONTAINED):
        raise NotApproved(f"case {case.id} stands at {case.stands}")
    settings = wired.settings()
    if settings.switch is not Switch.ON or settings.unreadable:
        raise Stopped(settings.unreadable or f"the switch is at {settings.switch}")
    why = protected(case.plan, case.finding.place, case.id, settings, wired)
    if why:
        raise Stopped(f"protected since it was asked: {why}")
    if case.stands in CONTAINED and not case.failed:
        return _contained(case)
    approver = clean(str(command["by"]), 256)
    if case.stands is Stands.ASKED:
        proof = wired.evidence(case)
        proof.write("approved", {"by": approver, "plan_hash": case.plan_hash})
        case = wired.cases.move(
            case,
            Stands.CONTAINING,
            when=(Stands.ASKED,),
            by=approver,
            let_go_by="",
            link=proof.link,
        )
    else:
        case = resumed(replace(case, by=approver), wired)
    return _contained(wired.engine.contain(case))


def _of_this_round(case: Case, command: Command) -> None:
    """An execution of an earlier round must not decide over a later one."""
    if command["execution"] != case.execution:
        raise NotApproved(f"case {case.id} is at {case.execution}, not at {command['execution']}")


def _contained(case: Case) -> dict[str, str]:
    """``seen`` is when the finding was last seen: the function measures the time since."""
    return {"state": str(case.stands), "mode": case.mode, "seen": stamp(case.seen)}


def _decline(case: Case, command: Command, wired: Wired) -> dict[str, str]:
    """No action: a person rejected the plan, or time is up."""
    if case.stands is Stands.DECLINED or command["execution"] != case.execution:
        return {"state": str(case.stands)}
    by, why = clean(str(command.get("by", "")), 256), clean(str(command["why"]), 64)
    proof = wired.evidence(case)
    proof.write("declined", {"by": by, "why": why})
    case = wired.cases.move(
        case, Stands.DECLINED, when=(Stands.ASKED,), by=by, why=why, link=proof.link
    )
    return {"state": str(case.stands)}


def _tell(case: Case, command: Command, wired: Wired) -> dict[str, str]:
    """Report how the case stands; after a failure, with what the workflow says of it."""
    if command.get("execution", case.execution) != case.execution:
        return {"state": str(case.stands)}
    failed = command.get("failed")
    if failed is not None:
        why = clean(f"the workflow failed: {failed}", 300)
        to = Stands.DECLINED if case.stands is Stands.ASKED else case.stands
        case = wired.cases.move(case, to, when=(case.stands,), why=why)
    return {"state": str(tell(case, wired).stands)}


def _release(case: Case, command: Command, wired: Wired) -> dict[str, str]:
    """Let go. ``until`` is when to try again, where an undo must wait to do no harm."""
    if case.stands is Stands.RELEASED:
        return {"state": str(case.stands)}
    by, why = clean(str(command["by"]), 256), clean(str(command["why"]), 300)
    try:
        case = wired.engine.release(case, by=by, why=why)
    except Busy as busy:
        return {"state": "waiting", "until": stamp(busy.until)}
    waits = [result.until for result in case.results if result.until]
    if not waits:
        return {"state": str(case.stands)}
    return {"state": "waiting", "until": min(waits)}


STEPS: Mapping[str, Callable[[Case, Command, Wired], dict[str, str]]] = {
    "ask": _ask,
    "contain": _contain,
    "decline": _decline,
    "tell": _tell,
    "release": _release,
}
