"""Why there is a case, and what else its finding leads to: what `cordon explain` says of a case.

Of what a stack has, with the rights that show cases. Which rule brought the finding, nothing keeps:
the event itself says it (`cordon explain EVENT`).
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from console import case_list
from console.aws_errors import why_unknown
from console.settings import StackSettings
from console.stack import Stack, headers
from cordon.memory.cases import Case
from cordon.playbook import Playbook

NO_CASE = (
    "it is for such findings too, and has no case of this one: it was ignored, it ended in no case,"
    " or the case has expired. cordon explain EVENT says which, by the event"
)


def rows(stack: Stack, case: Case) -> list[dict[str, Any]]:
    """The case's playbook first, then each other one of this folder that the finding is for."""
    others = [one for one in headers().values() if _is_for(one, case)]
    return [
        _row(case, f"{_decided(case)}; {_now(stack, case)}"),
        *(_other(stack, case, one) for one in others),
    ]


def _is_for(playbook: Playbook, case: Case) -> bool:
    return playbook.name != case.playbook and playbook.matches(case.finding)


def _decided(case: Case) -> str:
    return f"{case.verdict}: {case.reason}; its mode was {case.mode}"


def _now(stack: Stack, case: Case) -> str:
    if stack.deleted:
        return "the stack is deleted"
    try:
        understood = StackSettings.of(stack).understood
    except (ClientError, BotoCoreError) as error:
        return f"how the settings are now is unknown: {why_unknown(error)}"
    if understood.unreadable:
        return "the settings are not understood now: every playbook observes"
    serves = f"; this stack only observes: {understood.not_home}" if understood.not_home else ""
    mode, switch = understood.mode(case.playbook), understood.switch
    return f"now it is {mode}, the master switch is at {switch}{serves}"


def _other(stack: Stack, case: Case, playbook: Playbook) -> dict[str, Any]:
    its = stack.cases(playbook.name).get(playbook.case_id(case.finding))
    if its is not None:
        return _row(its, _decided(its))
    return {**_row(case, NO_CASE), "outcome": "no case", "playbook": playbook.name, "changes": []}


def _row(case: Case, reason: str) -> dict[str, Any]:
    """As ``console.explained`` has it of an event."""
    row = case_list.row(case)
    return {
        "event": f"case {case.id}",
        "outcome": str(case.status),
        "playbook": case.playbook,
        "reason": reason,
        **{name: row[name] for name in ("kind", "severity", "title", "resources")},
        "rules": [],
        "changes": [action.name() for action in case.plan.actions],
    }
