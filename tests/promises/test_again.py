"""Again means later activity that was not denied: enforced, a person decides, or it is recorded."""

from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.journal import Called
from tests.examples import QUARANTINE, REVOKE, event, function_of
from tests.promises.world import Event, World, changed, outcomes, revoked

ROLE = "guardduty_resource_credentials_outside"
BUCKET = "guardduty_public_access"
USER = "guardduty_compromised_credentials"
CALL = "detail.service.action.awsApiCallAction"


def seen(one: Event, activity: str, published: str = "", error: str = "") -> Event:
    """GuardDuty's finding as it is updated: when somebody last called, and what the call met."""
    one = changed(one, "detail.service.eventLastSeen", f"2026-11-24T{activity}:00.000Z")
    one = changed(one, "detail.updatedAt", f"2026-11-24T{published or activity}:00.000Z")
    return changed(one, f"{CALL}.errorCode", error) if error else one


def contained(world: World, name: str = ROLE) -> Case:
    """The case of a finding at 11:55, contained at noon; approved where the mode says so."""
    world.send(seen(event(name), "11:55"))
    if world.case().status is Status.AWAITING_APPROVAL:
        world.approve(world.case())
    assert world.case().status is Status.CONTAINED
    return world.case()


def later(world: World, **time: int) -> None:
    """So much later. Every schedule fires once, at the end: ``test_approval`` has each moment."""
    world.account.advance(timedelta(**time), schedules="last")


def at(world: World, hours: int, one: Event) -> list[str]:
    """Deliver a finding so many hours later. What was changed."""
    later(world, hours=hours)
    delivery = world.account.deliver(one)
    return [c for c in world.changes(delivery) if c.startswith(("s3:", "iam:"))]


# ---- enforce ----


def test_later_activity_is_contained_again(world: World) -> None:
    case = contained(world)
    before = revoked(world.state)
    assert at(world, 1, seen(event(ROLE), "12:50")) != []
    again = world.case()
    assert again.status is Status.CONTAINED
    assert revoked(world.state) > before
    assert again.last_activity > case.last_activity
    assert again.contained_at is not None and case.contained_at is not None
    assert again.contained_at > case.contained_at
    assert world.stages(again).count("contained") == 2


def test_late_publication_revokes_nothing(world: World) -> None:
    """GuardDuty publishes up to six hours later what was called before the containment (B4)."""
    contained(world)
    before = revoked(world.state)
    assert at(world, 6, seen(event(ROLE), "11:59", published="18:00")) == []
    assert revoked(world.state) == before


@pytest.mark.parametrize(("activity", "counts"), [("12:02", False), ("12:03", True)])
def test_change_settles_for_two_minutes(world: World, activity: str, counts: bool) -> None:
    contained(world)
    assert bool(at(world, 1, seen(event(ROLE), activity))) is counts


def test_update_about_calls_before_the_second_containment(world: World) -> None:
    contained(world)
    at(world, 1, seen(event(ROLE), "12:30"))
    assert at(world, 1, seen(event(ROLE), "12:58")) == []


def test_future_activity_is_no_moment(world: World) -> None:
    contained(world)
    assert at(world, 1, seen(event(ROLE), "20:00")) == []
    assert at(world, 0, seen(event(ROLE), "12:50")) != []


@pytest.mark.parametrize("mode", ["enforce", "approve"])
def test_denied_activity_is_recorded_once(world: World, mode: str) -> None:
    world.set(f"modes.{REVOKE.name}", mode)
    case = contained(world)
    published = len(world.published)
    denied = seen(event(ROLE), "12:50", error="AccessDenied")
    assert at(world, 1, denied) == []
    assert world.case().status is Status.CONTAINED
    assert world.case().last_activity > case.last_activity
    assert "Activity at 2026-11-24T12:50:00Z was denied." in world.finding(case)["Description"]
    assert len(world.published) == published
    assert at(world, 0, denied) == []
    assert world.stages(world.case()).count("denied_activity") == 1


def test_control_that_fails_still_is_not_again(world: World) -> None:
    """A control has no activity: an update of its finding says nothing new."""
    one = event("securityhub_s3_8_per_standard")
    world.send(one)
    assert world.case().status is Status.CONTAINED
    later = changed(one, "detail.findings.0.UpdatedAt", "2026-11-24T12:50:00.000Z")
    assert at(world, 1, later) == []


# ---- approve ----

approve = pytest.mark.world("approve")


@approve
def test_person_decides_about_later_activity(world: World) -> None:
    """After containment the thief goes on: a person is informed, once (B3)."""
    contained(world)
    state, published = world.state, len(world.published)
    assert at(world, 1, seen(event(ROLE), "12:50")) == []
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    assert case.round == 2
    assert "activity at 2026-11-24T12:50:00Z, after it was contained" in case.reason
    assert len(world.published) == published + 1
    assert "What was changed before stays" in world.published[-1].message
    assert world.state == state
    for minutes in ("51", "52", "53"):
        at(world, 0, seen(event(ROLE), f"12:{minutes}"))
    assert len(world.published) == published + 1
    before = revoked(world.state)
    world.approve(case)
    assert world.case().status is Status.CONTAINED
    assert revoked(world.state) > before


@pytest.mark.drawn(1 / 3)
@approve
@pytest.mark.parametrize("decision", ["reject", "expire"])
def test_no_more_is_approved_and_it_stays_contained(world: World, decision: str) -> None:
    contained(world)
    state, results = world.state, world.case().results
    at(world, 1, seen(event(ROLE), "12:50"))
    if decision == "reject":
        world.reject(world.case())
    else:
        later(world, hours=4, minutes=10)
    case = world.case()
    assert case.status is Status.CONTAINED
    assert case.results == results
    assert world.state == state
    assert world.holds != {}
    assert [row.id for row in world.operator.open_cases()] == [case.id]


@approve
def test_one_question_a_period(world: World) -> None:
    """What comes sooner is remembered in the row, for the clock."""
    contained(world)
    at(world, 1, seen(event(ROLE), "12:50"))
    world.reject(world.case())
    at(world, 1, seen(event(ROLE), "13:50"))
    assert world.case().status is Status.CONTAINED
    assert world.case().newer_activity is not None
    assert world.stages(world.case()).count("newer_activity") == 1
    at(world, 0, seen(event(ROLE), "13:50"))
    assert world.stages(world.case()).count("newer_activity") == 1
    at(world, 4, seen(event(ROLE), "17:50"))
    assert world.case().status is Status.AWAITING_APPROVAL
    assert world.case().round == 3


@approve
def test_what_came_sooner_awaits_approval_when_the_period_is_over(world: World) -> None:
    """No later event is needed: the clock brings it."""
    contained(world)
    at(world, 1, seen(event(ROLE), "12:50"))
    world.reject(world.case())
    at(world, 1, seen(event(ROLE), "13:50"))
    later(world, hours=5)
    case = world.case()
    assert (case.status, case.round) == (Status.AWAITING_APPROVAL, 3)
    assert case.newer_activity is None
    assert "activity at 2026-11-24T13:50:00Z" in case.reason


@approve
def test_case_with_a_second_question_can_be_released(world: World) -> None:
    world.stage(event(BUCKET))
    before = world.state
    contained(world, BUCKET)
    at(world, 1, seen(event(BUCKET), "12:50"))
    assert world.case().status is Status.AWAITING_APPROVAL
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before
    assert world.holds == {}


@approve
def test_enforce_contains_what_waits(world: World) -> None:
    """A case that awaits approval is contained at the next delivery, whatever it says (B5)."""
    world.send(seen(event(BUCKET), "11:55"))
    assert world.case().status is Status.AWAITING_APPROVAL
    world.set(f"modes.{QUARANTINE.name}", "enforce")
    world.account.deliver(seen(event(BUCKET), "11:55"))
    assert world.case().status is Status.CONTAINED
    assert world.case().round == 2


@approve
def test_enforce_contains_again_what_waits(world: World) -> None:
    contained(world)
    at(world, 1, seen(event(ROLE), "12:50"))
    before = revoked(world.state)
    world.set(f"modes.{REVOKE.name}", "enforce")
    world.set("budget", 0)  # a further attempt at what is held costs nothing
    world.account.deliver(seen(event(ROLE), "12:50"))
    assert world.case().status is Status.CONTAINED
    assert revoked(world.state) > before


@approve
def test_question_older_than_its_time_is_opened_again(world: World) -> None:
    """Nothing ended it meanwhile, and the finding comes again (B5)."""
    world.send(seen(event(BUCKET), "11:55"))
    later(world, hours=3)
    world.account.deliver(seen(event(BUCKET), "14:50"))
    assert (world.case().status, world.case().round) == (Status.AWAITING_APPROVAL, 1)
    world.account.advance(timedelta(hours=2), schedules="none")
    assert world.case().status is Status.AWAITING_APPROVAL
    world.account.deliver(seen(event(BUCKET), "16:50"))
    assert (world.case().status, world.case().round) == (Status.AWAITING_APPROVAL, 2)
    assert "expired" in world.stages(world.case())
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED


# ---- while it is released, and after ----


@pytest.mark.drawn(1 / 3)
@pytest.mark.parametrize("mode", ["enforce", "approve"])
def test_activity_during_a_release_awaits_approval_after_it(world: World, mode: str) -> None:
    """What is seen while an undo waits, or fails, is not swallowed (B5)."""
    contained(world, BUCKET)
    with world.denied(function_of(QUARANTINE), "s3:PutBucketPublicAccessBlock"):
        assert world.release(world.case()).status is Status.RELEASING
        world.set(f"modes.{QUARANTINE.name}", mode)
        later(world, hours=1)
        just_now = f"{world.account.clock.now - timedelta(minutes=10):%H:%M}"
        for _ in range(2):
            world.account.deliver(seen(event(BUCKET), just_now))
        case = world.case()
        assert case.status is Status.RELEASING
        assert case.newer_activity is not None
        assert "Nothing was done yet about activity" in world.finding(case)["Description"]
        assert world.reported(case).version == case.version
    case = world.release(case)
    assert (case.status, case.round) == (Status.AWAITING_APPROVAL, 2)
    assert "released before by" in case.reason
    assert case.newer_activity is None
    assert "reopened" in world.stages(case)
    assert case.plan_hash in world.published[-1].message


def test_activity_between_two_tries_of_a_release(world: World) -> None:
    """What the first try undid is remembered by its evidence, which nobody writes over."""
    world.stage(event(BUCKET))
    before = world.state
    contained(world, BUCKET)
    dying = [1]

    def die(call: Called) -> None:
        last = b'"stage":"reopened"'  # every hold is left, and the row does not say so yet
        if dying and world.writes_evidence(call) and last in call.params["Body"]:
            dying.pop()
            raise RuntimeError("died after its evidence")

    world.account.after_call(die)
    for denied in (False, True):
        later(world, hours=1)
        just_now = f"{world.account.clock.now - timedelta(minutes=10):%H:%M}"
        if not denied:
            world.decide(world.case(), Verb.RELEASE)
            world.proceed(world.case())
            assert not dying
            assert world.case().status is Status.RELEASING
        one = seen(event(BUCKET), just_now, error="AccessDenied" if denied else "")
        world.account.deliver(one)
    world.proceed(world.case())
    stages = world.stages(world.case())
    assert stages.count("reopened") == 2  # of both tries
    assert "released" not in stages  # that would say that nothing was held
    assert world.state == before
    assert world.case().status is Status.AWAITING_APPROVAL


@pytest.mark.world("approve")
def test_rejected_case_stays_rejected(world: World) -> None:
    """Also when there is newer activity: only a person brings it back."""
    world.send(seen(event(BUCKET), "11:55"))
    world.reject(world.case())
    for hours, activity in ((1, "12:50"), (5, "17:50")):
        at(world, hours, seen(event(BUCKET), activity))
        assert world.case().status is Status.REJECTED
    world.set(f"modes.{QUARANTINE.name}", "enforce")
    at(world, 1, seen(event(BUCKET), "18:50"))
    assert world.case().status is Status.REJECTED


def test_reopened_case_waits_for_activity(world: World) -> None:
    """A later publication alone is no reason to contradict a person."""
    contained(world, BUCKET)
    world.release(world.case())
    at(world, 1, seen(event(BUCKET), "11:55", published="12:50"))
    assert world.case().status is Status.REOPENED
    at(world, 0, seen(event(BUCKET), "12:55", error="AccessDenied"))
    assert world.case().status is Status.REOPENED
    at(world, 0, seen(event(BUCKET), "12:55"))
    assert world.case().status is Status.AWAITING_APPROVAL


# ---- policy, before every attempt ----


def protect(world: World, how: str, resource: str) -> None:
    """As an operator would, after the case was opened."""
    exemption = {"playbook": "*", "resource": resource, "owner": "Ann", "reason": "a test"}
    values = {
        "protected": {resource},
        "exemptions": {"one": {**exemption, "expires": "2027-01-01T00:00:00Z"}},
        f"modes.{QUARANTINE.name}": "observe",
    }
    world.set(how, values[how])


SAYS = {
    "protected": "is protected by the pattern",
    "exemptions": "by Ann: a test",
    f"modes.{QUARANTINE.name}": "mode is observe",
}
HOW = pytest.mark.parametrize("how", ["protected", "exemptions", f"modes.{QUARANTINE.name}"])


@pytest.mark.drawn(1 / 5)
@HOW
def test_again_is_policys_to_allow(world: World, how: str) -> None:
    """A target protected, exempted or observed since is not contained again (B9)."""
    case = contained(world, BUCKET)
    state = world.state
    protect(world, how, case.plan.resources[0])
    assert at(world, 1, seen(event(BUCKET), "12:50")) == []
    assert world.case().status is Status.CONTAINED
    assert world.state == state
    (entry,) = [e for e in world.evidence(world.case()) if e["stage"] == "newer_activity"]
    assert SAYS[how] in entry["content"]["waits"]


@pytest.mark.drawn(1 / 5)
@HOW
def test_failed_change_is_tried_again_only_if_allowed(world: World, how: str) -> None:
    world.stage(event(BUCKET))
    with world.denied(function_of(QUARANTINE), "s3:PutBucketPublicAccessBlock"):
        world.account.deliver(event(BUCKET))
    case = world.case()
    assert case.status is Status.FAILED
    state = world.state
    protect(world, how, case.plan.resources[0])
    world.account.deliver(event(BUCKET))
    case = world.case()
    assert world.state == state
    assert case.reason.startswith("not taken up again: ")
    assert world.stages(case).count("not_taken_up") == 1
    world.account.deliver(event(BUCKET))
    assert world.stages(case).count("not_taken_up") == 1
    assert world.release(case).status is Status.REOPENED


def test_failed_case_reaches_later_activity_with_what_was_verified_too(world: World) -> None:
    """The sessions were revoked, a key was not; then somebody began another session."""
    world.stage(event(USER))
    with world.denied(function_of(REVOKE), "iam:UpdateAccessKey"):
        world.account.deliver(seen(event(USER), "11:55"))
    assert world.case().status is Status.PARTLY_CONTAINED
    before = revoked(world.state)
    assert at(world, 1, seen(event(USER), "12:50")) != []
    assert world.case().status is Status.CONTAINED
    assert revoked(world.state) > before
    assert world.case().last_activity.isoformat() == "2026-11-24T12:50:00+00:00"


@pytest.mark.world("approve")
def test_later_activity_of_a_failed_case_awaits_a_person(world: World) -> None:
    """What was approved is tried again; newer sessions were not approved, and are not forgotten."""
    world.send(seen(event(USER), "11:55"))
    with world.denied(function_of(REVOKE), "iam:UpdateAccessKey"):
        world.approve(world.case())
    assert world.case().status is Status.PARTLY_CONTAINED
    before = revoked(world.state)
    at(world, 1, seen(event(USER), "12:50"))
    assert world.case().status is Status.CONTAINED
    assert revoked(world.state) == before
    assert "newer_activity" in world.stages(world.case())
    later(world, hours=72)
    assert world.case().status is Status.AWAITING_APPROVAL


def two_buckets(name: str = BUCKET) -> tuple[Event, str, str]:
    """The finding with a second bucket, and both ARNs."""
    one = event(name)
    (details,) = one["detail"]["resource"]["s3BucketDetails"]
    other: dict[str, Any] = {**details, "name": "second", "arn": "arn:aws:s3:::second"}
    both = changed(one, "detail.resource.s3BucketDetails", [details, other])
    return both, details["arn"], other["arn"]


def test_protected_bucket_does_not_save_the_other(world: World) -> None:
    """It is named as not done; the status says that not all was contained (B8)."""
    both, first, second = two_buckets()
    world.stage(both)
    s3 = world.account.client("s3")
    world.set("protected", {first})
    policy = s3.get_bucket_policy(Bucket=first.rpartition(":")[2])["Policy"]
    said = outcomes(world.account.deliver(both))
    assert f"{first} is protected by the pattern" in said[0]["reason"]
    case = world.case()
    assert case.plan.resources == (second,)
    assert case.status is Status.PARTLY_CONTAINED
    assert world.holds
    assert not [target for target in world.holds if first in target]
    assert s3.get_bucket_policy(Bucket=first.rpartition(":")[2])["Policy"] == policy
    refused = [result for result in case.results if result.status == "refused"]
    assert refused
    assert all(first in result.reason for result in refused)
    assert first in case.plan.manual_step
    assert f"{first} is protected by the pattern" in world.published[-1].message
    entry = next(e for e in world.evidence(case) if "policy" in e["content"])
    assert entry["content"]["policy"]["left_out"].keys() == {first}
    assert world.release(case).status is Status.REOPENED


@pytest.mark.world("approve")
def test_question_names_what_is_left(world: World) -> None:
    both, first, second = two_buckets()
    world.stage(both)
    world.set("protected", {first})
    world.account.deliver(both)
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    message = world.published[-1].message
    assert f"Planned: block_public_access on {second}" in message
    assert f"{first} is protected by the pattern" in message
    world.approve(case)
    assert world.case().status is Status.PARTLY_CONTAINED


def test_what_is_held_stays_held(world: World) -> None:
    """Contained again without the bucket that is protected since; a release undoes both (B9)."""
    both, first, second = two_buckets()
    world.stage(both)
    before = world.state
    world.account.deliver(seen(both, "11:55"))
    assert world.case().status is Status.CONTAINED
    held = set(world.holds)
    world.set("protected", {first})
    s3 = world.account.client("s3")
    for arn in (first, second):
        s3.delete_public_access_block(Bucket=arn.rpartition(":")[2])
    at(world, 1, seen(both, "12:50"))
    case = world.case()
    assert case.status is Status.CONTAINED
    assert set(case.plan.resources) == {first, second}
    assert {result.target for result in case.results} == {a.target for a in case.plan.actions}
    said = {r.target: r.reason for r in case.results}
    assert all(("left as it is" in why) is (first in t) for t, why in said.items())
    assert set(world.holds) == held
    assert s3.get_public_access_block(Bucket="second")
    with pytest.raises(s3.exceptions.ClientError):
        s3.get_public_access_block(Bucket=first.rpartition(":")[2])
    assert world.release(case).status is Status.REOPENED
    assert world.holds == {}
    assert world.state.keys() == before.keys()
