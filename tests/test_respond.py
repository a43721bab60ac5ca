"""Which case our own finding in Security Hub stands for, and when a known case begins anew."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cordon.facts import LookUp, facts_of
from cordon.finding import State
from cordon.policy import Decision, Verdict
from cordon.respond import (
    KNOWN,
    apply_decision,
    case_behind,
    on_control_passed,
    on_known_facts,
    starts_new_round,
)
from cordon.settings import Settings
from cordon.sources.own_finding import id_of
from cordon.statuses import Status
from tests.examples import QUARANTINE, REVOKE, TAG
from tests.make import DEPLOYMENT, NOON, PLACE, a_finding
from tests.reporting.cases import a_case

CASE = "0123456789abcdef"
OURS = id_of(DEPLOYMENT.stack, PLACE, QUARANTINE.name, CASE)
SERVICES: Any = SimpleNamespace(
    playbook=QUARANTINE,
    deployment=DEPLOYMENT,
    cases=SimpleNamespace(get=lambda case: case),
    sweep="",
)


# The desk looks at the same before it invokes a playbook; who may invoke the function passes it by.


def test_our_finding_names_its_case() -> None:
    assert case_behind(a_finding(id=OURS), SERVICES) == CASE  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    "id",
    [
        OURS.replace(QUARANTINE.name, REVOKE.name),
        OURS.upper(),
        f"{OURS}0",
        f"x{OURS}",
        f"{OURS}\n",
        "cordon/self-test",
        "",
    ],
)
def test_what_another_playbook_or_nobody_wrote_names_none(id: str) -> None:
    """The row may be there, if somebody made it so."""
    assert case_behind(a_finding(id=id), SERVICES) is None


def test_another_account_names_none() -> None:
    """A member may import a finding under its own default product, with any id."""
    finding = a_finding(id=OURS)
    theirs = replace(finding, place=replace(finding.place, account="444455556666"))
    assert case_behind(theirs, SERVICES) is None


LATER = NOON + timedelta(hours=1)
OLD, STATE = a_finding(activity=NOON), a_finding(last_seen=LATER)
NEWER, DENIED = a_finding(activity=LATER), a_finding(activity=LATER, denied=True)


@pytest.mark.parametrize(
    ("status", "begins"),
    [  # with: what was known · a later state · later activity · denied activity
        (Status.REJECTED, (False, False, False, False)),
        (Status.RELEASED, (False, True, True, False)),
        (Status.REOPENED, (False, False, True, False)),
        (Status.EXPIRED, (False, True, True, True)),
        (Status.CONTAINED, (False, False, False, False)),
        (Status.RELEASING, (False, False, False, False)),
        (Status.ESCALATED, (False, False, False, False)),
    ],
)
def test_later_activity_begins_a_closed_case_anew(status: Status, begins: tuple[bool, ...]) -> None:
    """What a person rejected stays so until a person chooses it; what they reopened is no news."""
    decision = Decision(Verdict.CONTAIN, "mode is enforce")
    case = a_case(status)
    said = [starts_new_round(case, f, decision, SERVICES) for f in (OLD, STATE, NEWER, DENIED)]
    assert tuple(said) == begins
    chosen = replace(OLD, custom_action="CordonContain")
    closed = status in (Status.REJECTED, Status.RELEASED, Status.REOPENED, Status.EXPIRED)
    assert starts_new_round(case, chosen, decision, SERVICES) is closed


@pytest.mark.parametrize("seconds", [-60, -1, 0])
def test_failure_no_later_than_the_pass_is_stale(seconds: int) -> None:
    """Both may be of one second: the pass is what the source says last."""
    failed = a_finding(last_seen=NOON + timedelta(seconds=seconds))
    facts: Any = SimpleNamespace(finding=failed, mode="enforce")
    remembered: Any = SimpleNamespace(case=None, passed_at=NOON)
    outcome = apply_decision(Decision(Verdict.CONTAIN, ""), CASE, facts, remembered, SERVICES)
    assert outcome.outcome == "stale"


def test_pass_before_the_failure_that_is_known_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes late, and the resource has failed since: nothing is released."""
    monkeypatch.setattr(
        "cordon.respond.may_release", lambda _: Decision(Verdict.RELEASE, "the control passed")
    )
    passed = a_finding(last_seen=NOON - timedelta(seconds=1))
    facts: Any = SimpleNamespace(finding=passed, mode="enforce", settings=Settings())
    outcome = on_control_passed(facts, CASE, a_case(Status.TAGGED), SERVICES)
    assert outcome.outcome == "stale"


def test_protected_by_the_name_that_the_account_has() -> None:
    """A finding names a role without its path; the pattern of whoever protects it has the path."""
    finding = a_finding()
    plan = QUARANTINE.plan_for(finding, DEPLOYMENT)
    (arn,) = plan.resources
    whole = f"{arn}/with/its/path"
    look_up = LookUp(arns={arn: whole})
    settings = Settings(protected=(whole,))
    found = facts_of(finding, plan, settings, look_up, None, SERVICES)
    assert "is protected by the pattern" in found.protected[arn]
    assert not facts_of(finding, plan, settings, LookUp(), None, SERVICES).protected


@pytest.mark.parametrize("status", list(Status))
def test_sweep_changes_no_case_that_there_is(status: Status) -> None:
    """Neither is it taken up, nor left, nor begun anew: what the sweep read may be old."""
    known = a_case(status)
    facts: Any = SimpleNamespace(
        sweep="a", of_backlog=True, finding=NEWER, playbook=QUARANTINE, mode="enforce"
    )
    remembered: Any = SimpleNamespace(case=known, passed_at=None)
    outcome = on_known_facts(facts, known.id, remembered, LookUp(), SERVICES)
    assert (outcome.outcome, outcome.reason) == ("unchanged", KNOWN)


def test_sweep_brings_no_pass() -> None:
    """Also where the playbook responds to the backlog: a pass releases."""
    passed = replace(STATE, state=State.PASSED)
    for of_backlog in (True, False):
        facts: Any = SimpleNamespace(
            sweep="a", of_backlog=of_backlog, finding=passed, playbook=TAG, mode="enforce"
        )
        remembered: Any = SimpleNamespace(case=a_case(Status.TAGGED), passed_at=None)
        outcome = on_known_facts(facts, CASE, remembered, LookUp(), SERVICES)
        assert (outcome.outcome, outcome.reason) == ("ignored", "a sweep brings no pass")
