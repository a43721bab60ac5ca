"""What reviewers choose in Security Hub: CordonContain and CordonRelease, by one rule.

Security Hub names no person (Security Hub User Guide, "EventBridge event formats", custom action).
So CordonContain only opens a question: the playbook decides about the finding as policy says, and
where its mode is not enforce, a person approves. CordonRelease releases, unless two approvers are
wanted or ``ReleaseFromSecurityHub`` is false: then nothing is decided, and a person must release.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cordon.clock import now, to_iso
from cordon.deciding.cases import HOLDING
from cordon.deciding.desk import Desk, NotDecided
from cordon.finding import Finding
from cordon.memory.cases import Case
from cordon.memory.decisions import Decision, Verb, Witness
from cordon.sources import read_all
from cordon.sources.custom_action import CONTAIN_ACTION, RELEASE_ACTION
from cordon.sources.own_finding import case_named
from cordon.sources.text import one_line

REVIEWER = "a Security Hub reviewer (AWS names no person)"
WHY = f"custom action {RELEASE_ACTION} in Security Hub"
EVENT = ("aws.securityhub", "Security Hub Findings - Custom Action")


def is_custom_action(event: Mapping[str, Any]) -> bool:
    """Is it such an event?"""
    return (event.get("source"), event.get("detail-type")) == EVENT


def on_custom_action(event: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Do what was chosen, for each finding. Raises Malformed; then nothing was done.

    What fails rises, so that Lambda tries the event again: whatever was done is not done twice.
    """
    findings = read_all(event, desk.deployment)
    done: list[str] = []
    for raw, finding in zip(event["detail"]["findings"], findings, strict=True):
        if finding.custom_action == CONTAIN_ACTION:
            done += _contain(event, raw, finding, desk)
        elif finding.custom_action == RELEASE_ACTION:
            done += _release(event, finding, desk)
    for one in done:
        desk.logger.info("custom action", extra={"reason": one})
    return {"done": done or ["nothing: no case, and no playbook for what was chosen"]}


def _contain(
    event: Mapping[str, Any], raw: Mapping[str, Any], finding: Finding, desk: Desk
) -> Iterator[str]:
    """Each playbook that handles the finding gets the event, with this finding alone."""
    alone = {**event, "detail": {**event["detail"], "findings": [raw]}}
    for name in _playbooks(finding, desk):
        desk.client("lambda").invoke(
            FunctionName=desk.parts.functions[name],
            InvocationType="Event",
            Payload=json.dumps(alone),
        )
        yield f"{CONTAIN_ACTION}: {name} was invoked for the finding {finding.id}"


def _playbooks(finding: Finding, desk: Desk) -> list[str]:
    """Of our own finding its case's playbook; of an original those that handle it."""
    if finding.is_cordon_finding:
        case = _case_behind(finding, desk)
        return [case.playbook] if case else []
    return [name for name, playbook in desk.playbooks.items() if playbook.matches(finding)]


def _release(event: Mapping[str, Any], finding: Finding, desk: Desk) -> Iterator[str]:
    for case in _cases(finding, desk):
        if case.status not in HOLDING and not case.awaits_approval_again:
            yield f"{RELEASE_ACTION}: case {case.id} holds nothing: its status is {case.status}"
        elif desk.deployment.two_approvers or not desk.deployment.release_from_security_hub:
            why = (
                f"{RELEASE_ACTION}: case {case.id} is not released, since Security Hub names no "
                f"person: a person must, with cordon release {case.id}"
            )
            # Nothing in Security Hub shows it: the alarm ReleaseRefused counts this field.
            desk.logger.warning(why, extra={"case": case.id, "release_refused": True})
            yield why
        else:
            yield _release_case(event, case, desk)


def _release_case(event: Mapping[str, Any], case: Case, desk: Desk) -> str:
    """Decided as by a person, but for the name. The same event again decides nothing more."""
    request = one_line(str(event.get("id", "")), 128)
    before = desk.decided(case.playbook, case.id)
    again = (
        before is not None
        and (before.verb, before.round) == (Verb.RELEASE, case.round)
        and any(one.request == request for one in before.witnesses)
    )
    seen = Witness(by=REVIEWER, person=REVIEWER, at=to_iso(now()), request=request)
    decision = Decision(
        Verb.RELEASE, case.round, case.plan_hash, REVIEWER, WHY, at=now(), witnesses=(seen,)
    )
    if again and before is not None:
        decision = before
    else:
        try:
            desk.save(case.playbook, case.id, decision, before)
        except NotDecided as raced:
            return f"{RELEASE_ACTION}: case {case.id} is not released: {raced.why}"
    started = desk.wake(decision, case.playbook, case.id, case.function_arn)
    later = "" if started else "; its workflow could not be started, Cordon does it later"
    return f"{RELEASE_ACTION}: case {case.id} is to be released{later}"


def _cases(finding: Finding, desk: Desk) -> list[Case]:
    if finding.is_cordon_finding:
        behind = _case_behind(finding, desk)
        return [behind] if behind else []
    handling = (desk.playbooks[name] for name in _playbooks(finding, desk))
    found = (desk.cases(one.name).get(one.case_id(finding)) for one in handling)
    return [case for case in found if case is not None]


def _case_behind(finding: Finding, desk: Desk) -> Case | None:
    """Only findings of our own account: any member may import one that looks like ours."""
    named = case_named(finding.id, desk.deployment.stack)
    if named is None or finding.place.account != desk.deployment.account:
        return None
    playbook, case = named
    return desk.cases(playbook).get(case) if playbook in desk.playbooks else None
