"""What people read of a case: one table of what each status means, and a line for each change.

A sentence here is believed. It says what was verified, what was not and why in the service's whole
words, and what to do now. Nothing here reads or writes anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cordon.actions import Action
from cordon.finding import Fact, Finding, Principal, ResourceRole
from cordon.lifecycle import stage
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.playbook import Playbook
from cordon.release import FINDING_SOURCE
from cordon.statuses import CLOSED, CONTAIN_ENDED, Status
from cordon.unsupported import refused_principals, unsupported_buckets

MODELS = ("AWS::Bedrock::", "AWS::SageMaker::Endpoint")  # types of what is invoked
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
TROUBLE = (
    ActionStatus.FAILED,
    ActionStatus.REFUSED,
    ActionStatus.SKIPPED,
    ActionStatus.PARTLY_RESTORED,
    ActionStatus.DRIFTED,
    ActionStatus.WAITING,
)


@dataclass(frozen=True)
class Meaning:
    """What a status says to people."""

    headline: str  # after "Cordon": the title of our finding
    truth: str  # what is true of the resource now
    advice: Callable[[Case], str]  # what the reader can do now


def _release(case: Case) -> str:
    return f"To release: cordon release {case.id}, or the custom action CordonRelease."


def _contain(case: Case) -> str:
    if not case.plan.actions:
        return case.plan.manual_step
    if case.found_nothing:
        return (
            "Nothing is to be done. To have it looked for again: the custom action CordonContain."
        )
    return (
        "To contain: the custom action CordonContain, or set the mode of "
        f"{case.playbook} to approve or enforce."
    )


def _contain_again(_: Case) -> str:
    return "To contain: the custom action CordonContain."


def _decide(case: Case) -> str:
    return (
        f"To decide: cordon approve {case.id} --plan {case.plan_hash}, or cordon reject {case.id}. "
        "When time is up, nothing is done at all."
    )


def _retry(case: Case) -> str:
    """A refused change is not tried again; a failed one is."""
    if not case.failed:
        return f"Do yourself what was not done. {_release(case)}"
    return (
        f"Do what failed yourself; or remove what stopped it, then: cordon retry {case.id}. Cordon "
        f"also tries again when the finding comes again. {_release(case)}"
    )


def _what_tags_call_for(case: Case) -> str:
    """A control says what its resource must be; of anything else the plan says what to do."""
    if case.finding.is_control:
        return "Bring the resource into line with the control."
    return "Do what the incident says that a person must do."


AWAITS_AGAIN = "There is newer activity. What was changed before stays; nothing was changed since."

MEANINGS: dict[Status, Meaning] = {
    Status.OBSERVED: Meaning("observed", "Nothing was changed.", _contain),
    Status.AWAITING_APPROVAL: Meaning("awaiting approval", "Nothing was changed yet.", _decide),
    Status.REJECTED: Meaning("rejected", "A person said no: nothing was changed.", _contain_again),
    Status.EXPIRED: Meaning(
        "expired", "The question is over: nothing was changed.", _contain_again
    ),
    Status.CONTAINING: Meaning(
        "containing",
        "An attempt to contain began and has not said how it ended.",
        lambda case: _waiting(case) if case.not_before else _release(case),
    ),
    Status.CONTAINED: Meaning(
        "contained", "Every change of what still exists was made and verified.", _release
    ),
    Status.TAGGED: Meaning(
        "tagged",
        "The tags were set and verified. The resource itself was not changed.",
        lambda case: f"{_what_tags_call_for(case)} {_release(case)}",
    ),
    Status.ESCALATED: Meaning(
        "escalated",
        "This case changed nothing: a person must do it.",
        lambda case: case.plan.manual_step,
    ),
    Status.PARTLY_CONTAINED: Meaning(
        "partly contained", "Some changes were made and verified, others were not.", _retry
    ),
    Status.FAILED: Meaning("not contained", "Nothing that contains was verified.", _retry),
    Status.RESOURCE_DELETED: Meaning(
        "resource deleted", "The resource no longer exists: nothing was left to contain.", _release
    ),
    Status.RELEASING: Meaning(
        "releasing", "Not everything is undone yet.", lambda case: _waiting(case)
    ),
    Status.RELEASED: Meaning(
        "released",
        "Cordon holds nothing for this case.",
        lambda _: "Nothing is left to do in Cordon.",
    ),
    Status.REOPENED: Meaning(
        "reopened",
        "A person had it released: the condition that was found may remain.",
        _contain_again,
    ),
}


def _waiting(case: Case) -> str:
    waits = [r for r in case.results if r.not_before]
    if not waits:
        return "What is not undone is tried again; the alarm WorkflowsFailed says when that stops."
    first = min(waits, key=lambda result: result.not_before)
    return f"Cordon goes on at {first.not_before}: {first.reason}."


def headline(case: Case) -> str:
    """What the case is, in one to three words."""
    return f"{MEANINGS[case.status].headline}{', not all' if not_reached(case) else ''}"


def not_reached(case: Case) -> tuple[str, ...]:
    """What no change of a contained case can reach, beside others of its kind that it contained.

    A bucket or a principal that the finding names, and that no playbook changes: every change was
    verified, and these are for a person.
    """
    if case.status is not Status.CONTAINED:
        return ()
    changed = {arn.split(":")[2] for arn in case.plan.resources}  # the services
    refused = [one.name or one.id for one, _ in refused_principals(case.finding)]
    named = [
        *(unsupported_buckets(case.finding) if "s3" in changed else ()),
        *(refused if "iam" in changed else ()),
    ]
    return tuple(dict.fromkeys(named))


def advice(case: Case) -> str:
    """What the reader can do now."""
    return MEANINGS[case.status].advice(case)


def truth(case: Case) -> str:
    """What is true of the resource, who decided, and why; where nobody did, what happened."""
    person = case.decided_by if case.decided_by != FINDING_SOURCE else "the finding's own source"
    decided = [f"Decided by {person}" if person else "", case.decided_why.rstrip(".")]
    more = ": ".join(part for part in decided if part)
    known = AWAITS_AGAIN if case.awaits_approval_again else MEANINGS[case.status].truth
    rest = _first(not_reached(case))
    left = f"Not contained, since Cordon cannot change it: {rest}. A person must." if rest else ""
    sentences = (known, left, f"{more}." if more else "", *_activity(case))
    return " ".join(sentence for sentence in sentences if sentence)


def _activity(case: Case) -> list[str]:
    """What was seen after the case was contained and led to no change."""
    said = []
    if case.denied_at is not None:
        said.append(f"Activity at {case.denied_at:{MOMENT}} was denied.")
    if case.newer_activity is not None:
        said.append(f"Nothing was done yet about activity at {case.newer_activity:{MOMENT}}.")
    return said


def clocks(case: Case, playbook: Playbook) -> list[str]:
    """What laws may require within a period; nothing of a case that is closed."""
    if case.status in CLOSED:
        return []
    return [clock.sentence(case.opened_at) for clock in playbook.clocks]


def about(case: Case, playbook: Playbook) -> dict[str, str]:
    """What the case serves, its layer of defence in depth, its stage of the data lifecycle, and how
    the operator named the AI workload.

    What it has none of is not there.
    """
    named = {
        "serves": str(playbook.serves),
        "layer": playbook.layer_of(case.finding),
        "stage": stage(case.finding),
        "workload": case.finding.fact(Fact.WORKLOAD),
    }
    return {key: value for key, value in named.items() if value}


def decision(case: Case) -> str:
    """What policy decided, and why."""
    return f"{case.verdict} ({case.reason})."


def change_lines(case: Case) -> list[str]:
    """One line a change: what happened to which resource, and why; troubles first."""
    actions = {action.target: action for action in case.plan.actions}
    results = sorted(case.results, key=lambda result: result.status not in TROUBLE)
    lines = [_line(result, actions.get(result.target)) for result in results]
    ended = case.status in CONTAIN_ENDED or len(case.left) < len(case.results)
    if case.results and ended:
        return lines
    verb = "Planned" if case.status not in CONTAIN_ENDED else "Not done"
    planned = (f"{verb}: {a.name()} on {a.resource}{_caution(a)}" for a in case.plan.actions)
    return [*lines, *planned]


def _caution(action: Action | None) -> str:
    return f" ({action.caution})" if action and action.caution else ""


def _line(result: ActionResult, action: Action | None) -> str:
    resource = action.resource if action else result.target
    words = {
        ActionStatus.VERIFIED: "done and verified",
        ActionStatus.FAILED: "FAILED, not verified",
        ActionStatus.REFUSED: "NOT DONE",
        ActionStatus.RESOURCE_DELETED: "resource deleted",
        ActionStatus.SKIPPED: "not done",
        ActionStatus.RESTORED: "undone and verified: it is as it was captured",
        ActionStatus.PARTLY_RESTORED: "PARTLY UNDONE: AWS refuses the rest",
        ActionStatus.KEPT: "kept: undoing would do harm",
        ActionStatus.DRIFTED: "undone as far as a person's change allows",
        ActionStatus.HELD_BY_OTHERS: "stays, for other cases",
        ActionStatus.WAITING: f"not before {result.not_before}",
        ActionStatus.UNCHANGED: "there was nothing to undo",
        ActionStatus.NOTHING_FOUND: "nothing was to be changed",
    }[result.status]
    return f"{result.action} on {resource}: {words}" + (
        f": {result.reason}" if result.reason else ""
    )


def facts(finding: Finding) -> list[tuple[str, str]]:
    """What happened, where and to what, as the finding says it: hostile text, not escaped here."""
    place, severity = finding.place, finding.severity
    return [
        ("What happened", f"{finding.title} ({finding.kind})"),
        ("Severity", f"{severity.label}, at its source {severity.native or 'none'}"),
        ("Last seen", f"{finding.last_seen:{MOMENT}}"),
        ("Where", f"account {place.account}, {place.region}"),
        ("Resource", _names(finding)),
        ("Models", _models(finding)),
        ("Actor", _first([_actor(principal) for principal in finding.principals])),
    ]


def _models(finding: Finding) -> str:
    """Which models were used, and how often the source counts that; "" for any other finding."""
    related = (r for r in finding.resources if r.role is ResourceRole.RELATED)
    named = _first(list(dict.fromkeys(r.name for r in related if r.type.startswith(MODELS))))
    count = finding.fact(Fact.INVOCATIONS)
    return f"{named}; counted {count} times" if named and count else named


def _actor(principal: Principal) -> str:
    return f"{principal.user_type} {principal.name} {principal.access_key_id}".rstrip()


def _names(finding: Finding) -> str:
    """The first resources, and how many more there are."""
    return _first(list(dict.fromkeys(r.arn or f"{r.type} {r.name}" for r in finding.resources)))


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
