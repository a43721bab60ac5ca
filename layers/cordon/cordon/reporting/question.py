"""What an approver reads: the plan in words, whom it shuts out, until when, and who may decide.

People decide by it: nothing here promises more than is true when it is read. Pure.
"""

from cordon.actions import Action
from cordon.deployment import Deployment
from cordon.memory.cases import Case
from cordon.statuses import Status

UNDONE = "A release puts back what was captured before the change."
Part = tuple[str, str | tuple[str, ...]]


def question(case: Case, deployment: Deployment, until: str) -> list[Part]:
    """The parts of a question; none where nobody must decide.

    ``until``: when the time to decide is over (RFC 3339); "" where the message will say so.
    """
    if case.status is not Status.AWAITING_APPROVAL:
        return []
    actions = case.plan.actions
    shuts_out = [f"{_subject(a)}: {a.shuts_out}" for a in actions if a.shuts_out]
    return [
        ("The plan", tuple(_planned(action) for action in actions)),
        ("Who loses access", tuple(shuts_out) or "Nobody, by these changes."),
        ("How it is undone", _undone(actions)),
        ("Time to decide", _time(case, deployment, until)),
        ("Who may decide", _who(case, deployment)),
        ("Plan hash", case.plan_hash),
        ("Approve", f"cordon approve {case.id} --plan {case.plan_hash}"),
        ("Reject", f"cordon reject {case.id}"),
    ]


def _undone(actions: tuple[Action, ...]) -> str | tuple[str, ...]:
    kept = [f"{_subject(a)}: not undone: {a.kept_because}" for a in actions if a.kept_because]
    if not kept:
        return UNDONE
    return (*kept, *([f"All else: {UNDONE}"] if len(kept) < len(actions) else ()))


def _planned(action: Action) -> str:
    caution = f". Caution: {action.caution}" if action.caution else ""
    return f"{_subject(action)}: {action.in_words}{caution}"


def _subject(action: Action) -> str:
    return f"{action.name()} on {action.resource}"


def _time(case: Case, deployment: Deployment, until: str) -> str:
    hours = f"{deployment.approval_hours} hours after the message of this question was sent"
    moment = f"Until {until}, {hours}." if until else f"Until {hours}."
    after = "what was changed before stays as it is" if case.contained_as else "nothing is changed"
    return f"{moment} When nobody decides, {after}."


def _who(case: Case, deployment: Deployment) -> str:
    """The desk looks at it again: this only says whom it refuses."""
    number = "two different people must approve" if deployment.two_approvers else "one person"
    actor = case.finding.principal
    refused = " Refused is the principal whose activity was found." if actor else ""
    return (
        f"Whoever IAM lets call approve or reject at the desk: {number}; to reject, one person."
        f"{refused} Before anything is changed, the settings, exemptions and protections of that"
        " moment decide again."
    )
