"""Whom a caller counts as: nobody is two people by choosing a name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.deciding.person import (
    Kind,
    NotAPerson,
    Person,
    is_actor,
    person_of,
    same_person,
)
from cordon.finding import ResourceRole
from tests.examples import QUARANTINE, function_of
from tests.make import ACCOUNT, DEPLOYMENT, a_finding, a_principal, an_actor

NAMES = st.text("abcXYZ019+=,.@_-", min_size=1, max_size=20)
OTHER = "999988887777"
NAMED = replace(
    DEPLOYMENT,
    person_roles=(f"arn:aws:iam::{ACCOUNT}:role/people/Approver",),
    member_role="Member",
)


def person(arn: str, access_key: str = "", *, identity_center: bool = False) -> Person:
    return person_of(arn, access_key, NAMED, lambda _: identity_center)


def session(role: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


def test_every_actor_of_a_sequence_is_one() -> None:
    ada = person(f"arn:aws:iam::{ACCOUNT}:user/ada")
    actors = (a_principal(), a_principal("IAMUser", "ada"))
    assert is_actor(ada, a_finding(principal=actors[0], actors=actors))
    assert not is_actor(ada, a_finding(principal=actors[0]))


def test_user_is_a_person() -> None:
    ada = person(f"arn:aws:iam::{ACCOUNT}:user/people/ada", "AKIA1")
    assert ada == Person(ada.arn, ada.arn, ACCOUNT, Kind.USER, "ada", "AKIA1")


def test_root_is_a_person() -> None:
    assert person(f"arn:aws:iam::{ACCOUNT}:root").kind is Kind.ROOT


@given(NAMES, NAMES, NAMES)
def test_role_is_one_person_whatever_its_sessions_are_named(role: str, a: str, b: str) -> None:
    one, other = person(session(f"r{role}", a)), person(session(f"r{role}", b))
    assert one.id == other.id == f"arn:aws:iam::{ACCOUNT}:role/r{role}"
    assert same_person(one.id, other.id)


@given(NAMES, NAMES)
def test_named_role_has_a_person_for_each_session(a: str, b: str) -> None:
    one, other = person(session("Approver", a)), person(session("Approver", b))
    assert one.id == one.arn
    assert same_person(one.id, other.id) is (a.casefold() == b.casefold())


@given(NAMES)
def test_one_user_of_identity_center_is_one_person_in_every_permission_set(name: str) -> None:
    sets = ("AWSReservedSSO_Admin_0123456789abcdef", "AWSReservedSSO_Read_fedcba9876543210")
    one, other = (person(session(role, name), identity_center=True) for role in sets)
    assert one.id != other.id
    assert same_person(one.id, other.id)


def test_a_role_that_is_only_named_like_identity_centers_is_one_person() -> None:
    assert person(session("AWSReservedSSO_Mine_1", "ada")).id.endswith("role/AWSReservedSSO_Mine_1")


def test_identity_center_is_looked_up_only_where_the_name_says_so() -> None:
    """A role below its path has such a name; all others cost no call."""
    assert person(session("Admin", "ada"), identity_center=True).id.endswith("role/Admin")


def test_named_role_of_another_account_is_another_role() -> None:
    assert person(session("Approver", "ada", OTHER)).id == f"arn:aws:iam::{OTHER}:role/Approver"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "*",
        "AIDAEXAMPLE",
        f"arn:aws:iam::{ACCOUNT}:role/Approver",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Approver",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Approver/",
        f"arn:aws:sts::{ACCOUNT}:federated-user/ada",
        f"arn:aws:iam::{ACCOUNT}:root/x",
        f"arn:aws:iam::{ACCOUNT}:user/",
        "arn:aws:iam::1:user/ada",
        f"arn:aws:iam::{ACCOUNT}:user/a b",
        session(f"cordon-{function_of(QUARANTINE)}Role-1A2B3C", "x"),
        session("Member", "cordon-0123456789abcdef", OTHER),
    ],
)
def test_nobody(arn: str) -> None:
    with pytest.raises(NotAPerson):
        person(arn)


@given(st.text(max_size=80))
def test_whatever_is_no_caller_is_nobody(text: str) -> None:
    with pytest.raises(NotAPerson):
        person(text)


PEOPLE = st.one_of(
    st.builds(lambda n: f"arn:aws:iam::{ACCOUNT}:user/{n}", NAMES),
    st.builds(lambda n: f"arn:aws:iam::{ACCOUNT}:role/{n}", NAMES),
    st.builds(lambda r, n: session(f"r{r}", n), NAMES, NAMES),
    st.just(f"arn:aws:iam::{ACCOUNT}:root"),
)


@given(PEOPLE, PEOPLE)
def test_who_is_the_same_is_so_both_ways(one: str, other: str) -> None:
    assert same_person(one, one)
    assert same_person(one, other) is same_person(other, one)


def test_names_are_the_same_in_capitals() -> None:
    assert same_person(session("Approver", "Ada@Acme.com"), session("Approver", "ada@acme.com"))


def test_role_and_user_of_one_name_are_two() -> None:
    assert not same_person(f"arn:aws:iam::{ACCOUNT}:user/x", f"arn:aws:iam::{ACCOUNT}:role/x")


# ---- the actor ----


ADA = person(f"arn:aws:iam::{ACCOUNT}:user/people/ada", "AKIA1")
TRAINER = person(session("trainer", "any"))
ROOT = person(f"arn:aws:iam::{ACCOUNT}:root")


@pytest.mark.parametrize(
    ("who", "finding", "is_one"),
    [
        (ADA, a_finding(), False),
        (ADA, a_finding(principal=a_principal("IAMUser", "ada")), True),
        (ADA, a_finding(principal=a_principal("FederatedUser", "ada")), True),
        (ADA, a_finding(principal=a_principal("IAMUser", "bob")), False),
        (ADA, a_finding(principal=a_principal("IAMUser", "ada", account=OTHER)), False),
        (ADA, a_finding(principal=a_principal("AssumedRole", "ada")), False),
        (ADA, a_finding(principal=a_principal("X", "", access_key_id="AKIA1")), True),
        (TRAINER, a_finding(principal=a_principal("AssumedRole", "trainer")), True),
        (TRAINER, a_finding(principal=a_principal("Role", "trainer")), True),
        (TRAINER, a_finding(principal=a_principal("IAMUser", "trainer")), False),
        (TRAINER, a_finding(principal=a_principal("AssumedRole", "x", account=OTHER)), False),
        (
            TRAINER,
            a_finding(
                principal=a_principal(
                    "AssumedRole", "i-0abc", issuer=f"arn:aws:iam::{ACCOUNT}:role/a/trainer"
                )
            ),
            True,
        ),
        (ROOT, a_finding(principal=a_principal("Root", "")), True),
        (ROOT, a_finding(principal=a_principal("IAMUser", "")), False),
        (ADA, a_finding(resources=(an_actor("AWS::IAM::User", "ada"),)), True),
        (ADA, a_finding(resources=(an_actor("AWS::IAM::AccessKey", "AKIA1"),)), True),
        (TRAINER, a_finding(resources=(an_actor("AWS::IAM::Role", "trainer"),)), True),
        (TRAINER, a_finding(resources=(an_actor("AWS::IAM::User", "trainer"),)), False),
        (ROOT, a_finding(resources=(an_actor("AWS::IAM::User", ""),)), False),
        (
            ADA,
            a_finding(
                resources=(replace(an_actor("AWS::IAM::User", "ada"), role=ResourceRole.TARGET),)
            ),
            False,
        ),
    ],
)
def test_actor(who: Person, finding: object, is_one: bool) -> None:
    assert is_actor(who, finding) is is_one  # type: ignore[arg-type]
