"""Attack sequences: each actor by itself, and what nobody contains is named."""

from dataclasses import replace

import pytest

from cordon.finding import Fact, Finding, Place, Principal, Resource, ResourceRole
from cordon.gate import not_ours
from cordon.unsupported import (
    MOST_NAMED,
    of_the_refused,
    refused_principals,
    revocable_principals,
    roles_and_users,
    unsupported_principal,
)
from tests.examples import ESCALATE, RESTRICT
from tests.make import ACCOUNT, BUCKET, PLACE, a_finding, a_principal, an_actor
from tests.test_policy import HOME, OWN_NAME

ROLE = an_actor("AWS::IAM::Role", "trainer")
USER = an_actor("AWS::IAM::User", "ada")
KEY = an_actor("AWS::IAM::AccessKey", "AKIAI44QH8DHBEXAMPLE")
ADA = a_principal("IAMUser", "ada", access_key_id=KEY.name)
ROOT = a_principal("Root", "", id=ACCOUNT)
PARTNER = a_principal("IAMUser", "partner", account="444455556666")
CLUSTER = Resource("AWS::EKS::Cluster", "inference", PLACE)


def a_sequence(*actors: Principal, resources: tuple[Resource, ...] = (BUCKET,)) -> Finding:
    return a_finding(
        id="5eb1f2c3",
        type="AttackSequence:S3/CompromisedData",
        principal=actors[0] if actors else None,
        actors=actors if len(actors) > 1 else (),
        resources=(*resources, ROLE, USER, KEY),
    )


def test_every_actor_is_changed_that_can_be() -> None:
    both = a_sequence(a_principal(), ADA)
    assert revocable_principals(both) == (ROLE, USER, KEY)
    assert roles_and_users(both) == (ROLE, USER)
    assert refused_principals(both) == ()
    assert of_the_refused(both) == ""


def test_one_that_cannot_be_changed_keeps_no_other_from_it() -> None:
    """Whichever comes first: each has its own reason."""
    for actors in ((ROOT, ADA, PARTNER), (ADA, PARTNER, ROOT)):
        mixed = a_sequence(*actors)
        assert revocable_principals(mixed) == (USER, KEY)
        assert unsupported_principal(mixed) is None
        assert {one for one, _ in refused_principals(mixed)} == {ROOT, PARTNER}
        said = of_the_refused(mixed)
        assert "root credentials cannot be limited by IAM" in said
        assert "IAMUser partner, since the principal belongs to another account" in said


def test_user_of_another_account_with_the_same_name_is_not_changed() -> None:
    elsewhere = replace(USER, place=Place("aws", "444455556666", PLACE.region))
    foreign = a_principal("IAMUser", "ada", account="444455556666")
    found = replace(a_sequence(foreign, a_principal()), resources=(BUCKET, ROLE, elsewhere))
    assert revocable_principals(found) == (ROLE,)


def test_actor_that_is_not_named_as_one_is_not_changed() -> None:
    """Of a sequence an actor's resources are its own: no other's are taken for them."""
    assert revocable_principals(a_sequence(a_principal(), ROOT)) == (ROLE,)


def test_role_that_is_refused_is_not_taken_with_another_one() -> None:
    sso = an_actor("AWS::IAM::Role", "AWSReservedSSO_Admin_1a2b")
    found = a_sequence(a_principal(), a_principal(name=sso.name))
    both = replace(found, resources=(*found.resources, sso))
    assert revocable_principals(both) == (ROLE,)
    assert "IAM Identity Center" in of_the_refused(both)


def test_single_principal_is_as_before() -> None:
    assert revocable_principals(a_sequence(a_principal())) == (ROLE,)
    assert revocable_principals(a_sequence(ROOT)) == ()
    reason = unsupported_principal(a_sequence(ROOT))
    assert reason is not None and "root" in reason.reason
    assert unsupported_principal(a_sequence()) is not None


def test_many_refused_are_counted() -> None:
    many = [a_principal("IAMUser", f"p{n}", account="444455556666") for n in range(MOST_NAMED + 3)]
    said = of_the_refused(a_sequence(*many))
    assert said.count("Not changed:") == MOST_NAMED
    assert said.endswith("3 more actors are not changed.")


def test_our_own_role_among_others_hides_no_sequence() -> None:
    own = a_principal(name=OWN_NAME)
    alone, beside = a_sequence(own), a_sequence(own, ADA)
    assert "Cordon's own role" in not_ours(alone, RESTRICT, HOME)
    assert not_ours(beside, RESTRICT, HOME) == ""


# ---- the rest ----


def test_nobody_else_is_informed_where_all_is_contained() -> None:
    within = Resource("AWS::S3::Object", "w.bin", PLACE, f"{BUCKET.arn}/w.bin")
    assert ESCALATE.manual_step(a_sequence(a_principal(), ADA, resources=(BUCKET, within))) == ""


@pytest.mark.parametrize(
    ("resources", "actors", "words"),
    [
        (
            (BUCKET, CLUSTER),
            (a_principal(), ADA),
            "No playbook contains: AWS::EKS::Cluster inference.",
        ),
        ((BUCKET,), (a_principal(), ROOT), "Not changed: Root"),
        (
            (BUCKET, Resource("AWS::S3::Object", "w", PLACE, f"{BUCKET.arn}-other/w")),
            (ADA, a_principal()),
            "AWS::S3::Object w",
        ),
        (
            (replace(BUCKET, place=Place("aws", "444455556666", PLACE.region)),),
            (ADA, a_principal()),
            "No playbook contains: AWS::S3::Bucket training-data",
        ),
        ((), (), "Treat every resource of the sequence as part of one incident"),
    ],
)
def test_person_is_informed_of_the_rest(
    resources: tuple[Resource, ...], actors: tuple[Principal, ...], words: str
) -> None:
    found = a_sequence(*actors, resources=resources)
    if not actors:
        found = replace(found, resources=())
    assert words in ESCALATE.manual_step(found)


def test_long_rest_is_counted() -> None:
    many = tuple(replace(CLUSTER, name=f"c{n}") for n in range(MOST_NAMED + 2))
    said = ESCALATE.manual_step(a_sequence(a_principal(), ADA, resources=(BUCKET, *many)))
    assert "AWS::EKS::Cluster c9 and 2 more" in said
    assert "c10" not in said


def test_related_resources_are_not_the_rest() -> None:
    related = replace(CLUSTER, role=ResourceRole.RELATED)
    assert ESCALATE.manual_step(a_sequence(a_principal(), ADA, resources=(BUCKET, related))) == ""


# ---- one view ----

DETECTOR = "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/"


@pytest.mark.parametrize("given", ["5eb1f2c3", f"{DETECTOR}5eb1f2c3"])
def test_sequence_is_known_by_its_id_and_by_whoever_names_it(given: str) -> None:
    assert a_sequence(ADA).is_of_sequence(given)
    part = a_finding(id="0a0b", facts=((Fact.SEQUENCE, f"{DETECTOR}5eb1f2c3"),))
    assert part.is_of_sequence(given)
    assert not a_finding(id="0a0b").is_of_sequence(given)
    assert not part.is_of_sequence("5eb1")
    assert not a_finding(id="0a0b").is_of_sequence("")


def test_actors_come_back_from_json() -> None:
    found = a_sequence(a_principal(), ADA)
    assert Finding.from_json(found.to_json()) == found
    old = {name: value for name, value in found.to_json().items() if name != "actors"}
    assert Finding.from_json(old).principals == (found.principal,)
