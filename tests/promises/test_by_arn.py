"""A person names a resource: it is contained in every mode, and can be released like any other."""

from typing import Any

import pytest

from cordon import by_arn
from cordon.errors import Refused
from cordon.finding import Place
from cordon.memory.decisions import Decision, Decisions, Verb
from cordon.statuses import Status
from tests.examples import HEADERS, QUARANTINE, REVOKE, TAG, event
from tests.make import NOON
from tests.promises.world import HOME, PLAYBOOKS, SOMEBODY, World

PLACE = Place("aws", HOME[0], HOME[1])
PUBLIC = "guardduty_public_access"
STOLEN = "guardduty_resource_credentials_outside"


def named(world: World, playbook: str, resource: str, **changes: Any) -> str:
    """A person has named the resource: the decision is there, and the playbook is woken."""
    finding = by_arn.finding_of(resource, HEADERS[playbook], PLACE, world.account.now)
    case = HEADERS[playbook].case_id(finding)
    made: dict[str, Any] = {"round": 1, "plan_hash": "", "by": SOMEBODY, "why": "it leaks"}
    decision = Decision(Verb.CONTAIN, resource=resource, at=world.account.now, **made)
    for name, value in changes.items():
        object.__setattr__(decision, name, value)
    rows, name_of = Decisions(world.operator.table), (playbook, case)
    rows.save(*name_of, decision, rows.get([name_of]).get(name_of))
    command = {"do": "proceed", "case": case}
    outcome = world.account.invoke(PLAYBOOKS[playbook], {"cordon": command})
    world.account.settle()
    return outcome.error


def bucket(world: World) -> str:
    """A bucket of the account, staged."""
    world.stage(event(PUBLIC))
    (name,) = world.state["s3"]
    return f"arn:aws:s3:::{name}"


@pytest.mark.parametrize("mode", ["observe", "approve", "enforce"])
def test_named_bucket_is_contained_in_every_mode(world: World, mode: str) -> None:
    resource = bucket(world)
    before = world.state
    world.set(f"modes.{QUARANTINE.name}", mode)
    world.set("budget", 0)
    assert named(world, QUARANTINE.name, resource) == ""
    case = world.case()
    assert case.status is Status.CONTAINED
    assert (case.decided_by, case.decided_why) == (SOMEBODY, "it leaks")
    assert world.state != before
    first = world.evidence(case)[0]["content"]
    assert first["named_by"] == SOMEBODY
    assert first["no_finding"]
    assert world.release(case).status is Status.REOPENED
    assert world.state == before
    assert world.troubles == []


def test_named_role_is_revoked(world: World) -> None:
    world.stage(event(STOLEN))
    (name,) = world.state["iam"]["roles"]
    assert named(world, REVOKE.name, f"arn:aws:iam::{HOME[0]}:role/{name}") == ""
    assert world.case().status is Status.CONTAINED


@pytest.mark.parametrize("how", ["master_switch", "protected", "exemptions"])
def test_what_keeps_a_resource_from_being_contained_keeps_it(world: World, how: str) -> None:
    resource = bucket(world)
    before = world.state
    exemption = {"playbook": "*", "resource": resource, "owner": "Ann", "reason": "a test"}
    values = {
        "master_switch": "observe",
        "protected": {resource},
        "exemptions": {"one": {**exemption, "expires": "2027-01-01T00:00:00Z"}},
    }
    world.set(how, values[how])
    assert named(world, QUARANTINE.name, resource) == ""
    assert world.case().status is Status.OBSERVED
    assert world.state == before
    assert world.holds == {}


@pytest.mark.parametrize("changes", [{"complete": False}, {"round": 2}], ids=str)
def test_decision_that_does_not_count_contains_nothing(
    world: World, changes: dict[str, Any]
) -> None:
    resource = bucket(world)
    before = world.state
    assert named(world, QUARANTINE.name, resource, **changes).startswith("CaseConflict")
    assert world.cases == []
    assert world.state == before


def test_it_is_contained_once(world: World) -> None:
    """Whoever wakes the playbook again brings about nothing more."""
    named(world, QUARANTINE.name, bucket(world))
    case, changes = world.case(), world.changes()
    assert not world.proceed(case).failed
    assert world.case() == case
    assert world.changes() == changes


@pytest.mark.parametrize(
    ("playbook", "resource", "says"),
    [
        (QUARANTINE.name, "training-data", "AWS::S3::Bucket; training-data is no ARN"),
        (QUARANTINE.name, "arn:aws:sns:us-east-1:111122223333:x", "an ARN of no kind that Cordon"),
        (QUARANTINE.name, "arn:aws:iam::111122223333:role/trainer", "AWS::S3::Bucket"),
        (REVOKE.name, "arn:aws:s3:::training-data", "AWS::IAM::Role"),
        (REVOKE.name, "arn:aws:iam::111122223333:role/AWSServiceRoleForX", "service-linked"),
        (TAG.name, "arn:aws:s3:::training-data", "nothing"),
    ],
)
def test_other_resources_are_refused(playbook: str, resource: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        by_arn.finding_of(resource, HEADERS[playbook], PLACE, NOON)
