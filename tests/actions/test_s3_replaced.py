"""Where S3 does not take a bucket's own policy beside ours, or not any more (B10, B11)."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from cordon.actions import NotVerified, NotYet, Refused, Undone, policy_text
from cordon.clients import AwsClients
from tests.actions.conftest import NOW
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_s3 import (
    BUCKET,
    EXEMPT,
    MANUAL_STATEMENT,
    OUTSIDERS,
    PUBLIC_READ,
    SHARED,
    SHUT,
    TOO_LONG,
    WRITES,
    blocked,
    bucket,
    has_policy,
    policy,
    statements,
    the_policy,
)

OWNERS_DENY = {
    "Sid": "OwnersDeny",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:DeleteObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}


OWN_SIDS = {f"CordonDenyOutsiders{part}" for part in ("", "Services", "LoadBalancers")}


def owners(aws: AwsClients) -> list[str]:
    """The owner's statements in the bucket policy."""
    sids = [str(statement["Sid"]) for statement in statements(the_policy(aws))]
    return [sid for sid in sids if not sid.startswith("CordonDeny")]


def test_a_refused_policy_is_replaced_then_restored(aws: AwsClients) -> None:
    """Another case has blocked public access, so S3 refuses every public policy."""
    public = policy(PUBLIC_READ, SHARED, OWNERS_DENY)
    bucket(has_policy(public), blocked(SHUT))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    OUTSIDERS.verify(aws, captured, written)
    assert written["form"] == "replaced"
    assert not OWN_SIDS - {s["Sid"] for s in statements(the_policy(aws))}
    assert owners(aws) == ["OwnersDeny", "Partner"]  # each Deny first
    note = OUTSIDERS.note(written)
    assert "replaced" in note and "without: PublicRead (AccessDenied: " in note
    assert "BlockPublicPolicy" in note
    assert OUTSIDERS.apply(aws, captured, written) == written
    aws.client("s3").delete_public_access_block(Bucket=BUCKET)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == public


def test_a_merged_policy_is_no_news(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    written = OUTSIDERS.apply(aws, OUTSIDERS.capture(aws), None)
    assert OUTSIDERS.note(written) == ""


@pytest.mark.parametrize("before", [True, False], ids=["before", "since"])
def test_a_public_base_waits_for_the_blocks_holder(aws: AwsClients, before: bool) -> None:
    """It is as it was meanwhile: contained, nothing of the owner's lost (B11)."""
    public = policy(PUBLIC_READ, SHARED)
    bucket(has_policy(public), *([blocked(SHUT)] if before else []))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    blocked(SHUT)(aws, aws.client("s3"))
    contained = the_policy(aws)
    with pytest.raises(NotYet, match="BlockPublicPolicy") as waits:
        OUTSIDERS.undo(aws, captured, written)
    assert NOW < waits.value.until <= NOW + timedelta(hours=1)
    assert f"the public access block of {OUTSIDERS.resource}" in waits.value.why
    assert "stays contained" in waits.value.why
    assert the_policy(aws) == contained
    OUTSIDERS.verify(aws, captured, written)
    aws.client("s3").delete_public_access_block(Bucket=BUCKET)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == public


def test_applying_again_beside_a_block_keeps_the_merged_policy(aws: AwsClients) -> None:
    """S3 would refuse it now: it is public. It is there, and verified."""
    bucket(has_policy(policy(PUBLIC_READ, SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    merged = the_policy(aws)
    blocked(SHUT)(aws, aws.client("s3"))
    assert OUTSIDERS.apply(aws, captured, written) == written
    assert OUTSIDERS.apply(aws, captured, None) == written
    assert the_policy(aws) == merged


def account_block(aws: AwsClients, block: dict[str, bool] = SHUT) -> None:
    aws.client("s3control").put_public_access_block(
        AccountId=PLACE.account, PublicAccessBlockConfiguration=block
    )


def puts(aws: AwsClients) -> list[str]:
    """Every policy that is put from now on."""
    made: list[str] = []
    stub(aws, "s3", "PutBucketPolicy", lambda params: made.append(params["Policy"]))
    return made


def test_public_base_under_the_accounts_block_is_refused_before_any_change(aws: AwsClients) -> None:
    public = policy(PUBLIC_READ, OWNERS_DENY)
    bucket(has_policy(public))(aws)
    account_block(aws)
    captured = OUTSIDERS.capture(aws)
    tried = puts(aws)
    with pytest.raises(
        Refused, match=r"BlockPublicPolicy.*account's public access block.*: PublicRead"
    ):
        OUTSIDERS.apply(aws, captured, None)
    assert the_policy(aws) == public
    merged = tried[0]
    assert tried == [merged] * 5 + [public]  # tried again, and the base last


def test_base_under_an_accounts_block_that_came_since_is_restored_in_part(aws: AwsClients) -> None:
    base = policy(PUBLIC_READ, SHARED, OWNERS_DENY, Id="ours")
    bucket(has_policy(base))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    account_block(aws)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.PARTLY_RESTORED
    assert "PublicRead (AccessDenied: " in undone.reason
    assert "account's public access block" in undone.reason
    assert the_policy(aws) == policy(SHARED, OWNERS_DENY, Id="ours")
    assert undone.left == {"policy": the_policy(aws)}
    OUTSIDERS.verify_undone(aws, undone.left)


def test_where_nothing_can_be_restored_the_policy_is_deleted(aws: AwsClients) -> None:
    bucket(has_policy(policy(PUBLIC_READ)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    account_block(aws)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.PARTLY_RESTORED
    assert "PublicRead" in undone.reason and "nothing else was in it" in undone.reason
    assert undone.left == {"policy": None}
    OUTSIDERS.verify_undone(aws, undone.left)


@pytest.mark.parametrize("when", ["contain", "release"])
@pytest.mark.parametrize("base", [policy(SHARED), policy(PUBLIC_READ)], ids=["private", "public"])
def test_no_right_to_put_is_an_error_as_it_is(aws: AwsClients, when: str, base: str) -> None:
    """A service control policy, say: nothing we put works, and nothing is replaced or deleted."""
    bucket(has_policy(base))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None) if when == "release" else {}
    before = the_policy(aws)
    stub(aws, "s3", "PutBucketPolicy", lambda _: "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        if when == "release":
            OUTSIDERS.undo(aws, captured, written)
        else:
            OUTSIDERS.apply(aws, captured, None)
    assert the_policy(aws) == before


@pytest.mark.parametrize("base", [policy(SHARED), policy(PUBLIC_READ)], ids=["private", "public"])
def test_no_right_to_put_beside_a_block_is_an_error_too(aws: AwsClients, base: str) -> None:
    bucket(has_policy(base), blocked(SHUT))(aws)
    captured = OUTSIDERS.capture(aws)
    stub(aws, "s3", "PutBucketPolicy", lambda _: "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        OUTSIDERS.apply(aws, captured, None)
    assert the_policy(aws) == base


@pytest.mark.parametrize("code", ["MalformedPolicy", "OperationAborted"])
def test_one_passing_refusal_changes_nothing(
    aws: AwsClients, waited: list[float], code: str
) -> None:
    """S3 does not know yet a principal that was just made, or is busy with the bucket."""
    base = policy(SHARED)
    bucket(has_policy(base))(aws)
    captured = OUTSIDERS.capture(aws)
    refusals = [code, code]
    stub(aws, "s3", "PutBucketPolicy", lambda _: refusals.pop() if refusals else None)
    written = OUTSIDERS.apply(aws, captured, None)
    assert written["form"] == "merged"
    assert len(waited) == 2 and sum(waited) < 10
    refusals.append(code)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == base


@pytest.mark.parametrize("base", [policy(SHARED), policy(SHARED, OWNERS_DENY)])
def test_one_passing_denial_replaces_nothing(aws: AwsClients, base: str) -> None:
    """A right that was just given is not in force everywhere yet; S3 does not say that it is so."""
    bucket(has_policy(base))(aws)
    captured = OUTSIDERS.capture(aws)
    denials = ["AccessDenied"]
    stub(aws, "s3", "PutBucketPolicy", lambda _: denials.pop() if denials else None)
    written = OUTSIDERS.apply(aws, captured, None)
    assert (written["form"], OUTSIDERS.note(written)) == ("merged", "")
    denials.append("AccessDenied")
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == base


def test_a_lasting_conflict_is_an_error(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    stub(aws, "s3", "PutBucketPolicy", lambda _: "OperationAborted")
    with pytest.raises(ClientError, match="OperationAborted"):
        OUTSIDERS.apply(aws, captured, None)


def test_too_long_policy_is_replaced_then_merged_again(
    aws: AwsClients,
) -> None:
    """A second case makes the policy too long. After its release the owner's statements return."""
    many = tuple(f"arn:aws:iam::{PLACE.account}:role/team/member-{n:03}" for n in range(60))
    large = replace(OUTSIDERS, levels=("outsiders", "writes"), exempt=(*EXEMPT, *many))
    half = policy(*({**SHARED, "Sid": f"Partner{n:03}"} for n in range(70)))
    bucket(has_policy(half))(aws)
    captured = OUTSIDERS.capture(aws)
    first = OUTSIDERS.apply(aws, captured, None)
    both = large.apply(aws, captured, first)
    alone = OUTSIDERS.apply(aws, captured, both)
    assert [w["form"] for w in (first, both, alone)] == ["merged", "replaced", "merged"]
    assert alone == first
    assert OUTSIDERS.undo(aws, captured, alone).state is Undone.RESTORED
    assert the_policy(aws) == half


def test_written_policy_never_exceeds_the_limit(aws: AwsClients) -> None:
    bucket(has_policy(TOO_LONG))(aws)
    written = WRITES.apply(aws, WRITES.capture(aws), None)
    assert written["form"] == "replaced"
    assert policy_text.size(the_policy(aws)) <= 20 * 1024


APP = f"arn:aws:iam::{PLACE.account}:role/app"


def app_role_deleted(aws: AwsClients) -> None:
    """S3 then shows the role's id in the policy and rejects every policy that names the role."""
    aws.client("iam").delete_role(RoleName="app")
    stored = s3_backends[PLACE.account][PLACE.partition].buckets[BUCKET]
    assert stored.policy is not None
    stored.policy = stored.policy.replace(APP.encode(), b"AROAEXAMPLEIDOFAPPXY")


def with_app_role(aws: AwsClients) -> None:
    aws.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    app = {**SHARED, "Sid": "App", "Principal": {"AWS": APP}}
    bucket(has_policy(policy(app, SHARED, OWNERS_DENY)))(aws)


def test_base_with_a_deleted_principal_is_refused_before_any_change(aws: AwsClients) -> None:
    """S3 would not take it back. It says which principal, in which statement."""
    with_app_role(aws)
    app_role_deleted(aws)
    before = the_policy(aws)
    captured = OUTSIDERS.capture(aws)
    with pytest.raises(Refused, match=r"Invalid principal.*AROAEXAMPLEIDOFAPPXY.*App"):
        OUTSIDERS.apply(aws, captured, None)
    assert the_policy(aws) == before


def test_principal_deleted_while_held_leaves_only_its_statement_out(aws: AwsClients) -> None:
    with_app_role(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    with pytest.raises(NotVerified):
        OUTSIDERS.verify(aws, captured, written)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.PARTLY_RESTORED
    assert "App (MalformedPolicy: Invalid principal in policy)" in undone.reason
    assert "deleted" in undone.reason and "person" not in undone.reason
    assert the_policy(aws) == policy(SHARED, OWNERS_DENY)
    assert undone.left is not None
    OUTSIDERS.verify_undone(aws, undone.left)


def test_second_case_beside_a_principal_deleted_while_held(aws: AwsClients) -> None:
    """It must never open what is held: the base alone is not put, and ours stay in."""
    with_app_role(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    both = OUTSIDERS.combine(WRITES)
    tried = puts(aws)
    joined = both.apply(aws, captured, written)
    both.verify(aws, captured, joined)
    assert joined["form"] == "replaced"
    assert "App" in both.note(joined)
    assert owners(aws) == ["OwnersDeny", "Partner"]
    assert all("CordonDenyOutsiders" in text for text in tried)
    undone = both.undo(aws, captured, joined)
    assert undone.state is Undone.PARTLY_RESTORED
    assert [s["Sid"] for s in statements(the_policy(aws))] == ["Partner", "OwnersDeny"]


def test_undo_that_died_between_its_puts_ends_the_same(aws: AwsClients) -> None:
    """What is back in part is not taken for a person's change."""
    with_app_role(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    for died_at in range(3, 20):
        left = [died_at]

        def die(_: object, left: list[int] = left) -> str | None:
            left[0] -= 1
            return "InternalError" if left[0] == 0 else None

        stub(aws, "s3", "PutBucketPolicy", die)
        try:
            undone = OUTSIDERS.undo(aws, captured, written)
        except ClientError:
            continue
        assert undone.state is Undone.PARTLY_RESTORED
        assert the_policy(aws) == policy(SHARED, OWNERS_DENY)
        return
    pytest.fail("it never ended")


def test_every_statement_that_s3_takes_is_kept(aws: AwsClients) -> None:
    """Few puts; the policy only ever grows; what is out is named."""
    aws.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    many = [{**SHARED, "Sid": f"Partner{n:02}"} for n in range(20)]
    app = [{**SHARED, "Sid": f"App{n}", "Principal": {"AWS": APP}} for n in range(3)]
    deny = {**OWNERS_DENY, "Sid": "DenyApp", "Principal": {"AWS": APP}}
    base = policy(app[0], *many[:7], deny, app[1], *many[7:], OWNERS_DENY, app[2])
    bucket(has_policy(base))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    tried = puts(aws)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.PARTLY_RESTORED
    assert "App0, DenyApp, App1, App2 (" in undone.reason
    assert [s["Sid"] for s in statements(the_policy(aws))] == [
        *(statement["Sid"] for statement in many),
        "OwnersDeny",
    ]
    assert len(tried) < 45


def test_a_person_who_adds_to_the_replacement_keeps_it(aws: AwsClients) -> None:
    """All of the base is restored beside it."""
    bucket(has_policy(TOO_LONG))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    document = json.loads(the_policy(aws))
    shorter = [s for s in document["Statement"] if s["Sid"] not in ("Partner000", "Partner001")]
    changed = policy(*shorter, MANUAL_STATEMENT, Id=document["Id"])
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=changed)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert statements(the_policy(aws)) == [*statements(TOO_LONG)[2:], MANUAL_STATEMENT]


def test_too_long_policy_keeps_each_deny_and_all_that_fits(aws: AwsClients) -> None:
    base = policy(*statements(TOO_LONG)[:-1], OWNERS_DENY)
    bucket(has_policy(base))(aws)
    captured = OUTSIDERS.capture(aws)
    tried = puts(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    assert written["form"] == "replaced"
    assert owners(aws)[0] == "OwnersDeny"
    left_out = 98 - len(owners(aws))
    assert 0 < left_out < 12
    assert f"Partner{97 - left_out:03}" in OUTSIDERS.note(written)
    room = 20 * 1024 - policy_text.size(the_policy(aws))
    assert room < len(json.dumps(statements(base)[0], separators=(",", ":")))
    assert tried == [base, the_policy(aws)]  # first: could it be put back?
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == base


def test_too_long_policy_is_never_sent(aws: AwsClients) -> None:
    """S3's error code for a too long policy does not matter."""
    bucket(has_policy(TOO_LONG))(aws)
    stub(aws, "s3", "PutBucketPolicy", _too_long)
    assert OUTSIDERS.apply(aws, OUTSIDERS.capture(aws), None)["form"] == "replaced"


def _too_long(params: dict[str, Any]) -> str | None:
    return "InvalidArgument" if len(params["Policy"].encode()) > 20 * 1024 else None


def test_a_private_base_that_may_not_be_put_waits_for_no_block(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    blocked(SHUT)(aws, aws.client("s3"))
    stub(aws, "s3", "PutBucketPolicy", lambda _: "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        OUTSIDERS.undo(aws, captured, written)


def test_two_refusals_wait_for_the_block_too(aws: AwsClients) -> None:
    """S3 names the deleted principal only; the public statement would be lost beside it."""
    aws.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    app = {**SHARED, "Sid": "App", "Principal": {"AWS": APP}}
    bucket(has_policy(policy(app, PUBLIC_READ)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    blocked(SHUT)(aws, aws.client("s3"))
    with pytest.raises(NotYet, match="MalformedPolicy"):
        OUTSIDERS.undo(aws, captured, written)
    aws.client("s3").delete_public_access_block(Bucket=BUCKET)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.PARTLY_RESTORED
    assert the_policy(aws) == policy(PUBLIC_READ)


def test_what_is_back_in_part_is_not_called_a_persons(aws: AwsClients) -> None:
    """Undone again, because nobody noted that it was: S3 may have refused what is missing."""
    with_app_role(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    OUTSIDERS.undo(aws, captured, written)
    again = OUTSIDERS.undo(aws, captured, written)
    assert again.state is Undone.DRIFTED
    assert "without App" in again.reason and "or S3 refused it" in again.reason
    assert the_policy(aws) == policy(SHARED, OWNERS_DENY)


# What is waited for


def test_beside_the_block_of_another_case_nothing_is_waited_for(
    aws: AwsClients, waited: list[float]
) -> None:
    """The bucket was contained by its block, and is attacked now: seconds count."""
    bucket(has_policy(policy(PUBLIC_READ)), blocked(SHUT))(aws)
    OUTSIDERS.apply(aws, OUTSIDERS.capture(aws), None)
    assert waited == []


def test_a_release_waits_until_s3_knows_that_the_block_was_lifted(
    aws: AwsClients, waited: list[float]
) -> None:
    """Else a public statement would be called lost that S3 takes a second later."""
    public = policy(PUBLIC_READ)
    bucket(has_policy(public))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    account_block(aws)

    def lift(_: object) -> None:
        if len(waited) == 2:
            account_block(aws, dict.fromkeys(SHUT, False))

    stub(aws, "s3", "PutBucketPolicy", lift)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == public
