"""Bucket actions, beyond the contract that test_contract checks for all actions."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.actions import Action, NotVerified, Refused, Undone
from cordon.actions.s3 import (
    BlockPublicAccess,
    DenyBucketAccess,
    SuspendLifecycle,
    TagBucket,
)
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, Scenario, stub
from tests.actions.scenario_s3 import (
    BUCKET,
    CUT,
    EVERYONE,
    EXEMPT,
    HIDDEN,
    MANUAL_STATEMENT,
    OPEN,
    OUTSIDERS,
    PUBLIC_READ,
    SCENARIOS,
    SHARED,
    SUSPEND,
    SUSPENDED,
    TAG,
    TOO_LONG,
    WRITES,
    blocked,
    bucket,
    get_setting,
    has_policy,
    has_replication,
    has_rules,
    policy,
    read,
    replicates,
    statements,
    the_policy,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_apply_changes_only_its_own_setting(scenario: Scenario, aws: AwsClients) -> None:
    scenario.prepare(aws)
    (own,) = scenario.read(aws)
    before = read()(aws)
    captured = scenario.action.capture(aws)
    scenario.action.apply(aws, captured, None)
    after = read()(aws)
    assert {k: v for k, v in after.items() if k != own} == {
        k: v for k, v in before.items() if k != own
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_second_apply_keeps_a_persons_change(scenario: Scenario, aws: AwsClients) -> None:
    """The undo then restores that change, not the captured setting."""
    scenario.prepare(aws)
    action = scenario.action
    captured = action.capture(aws)
    written = action.apply(aws, captured, None)
    scenario.tamper(aws)
    manual = scenario.theirs(scenario.read(aws))
    written = action.apply(aws, captured, written)
    action.verify(aws, captured, written)
    undone = action.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert scenario.theirs(scenario.read(aws)) == manual


# Deny statements and the bucket's own statements


def test_merge_keeps_the_owners_statements(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    written = OUTSIDERS.apply(aws, OUTSIDERS.capture(aws), None)
    assert written["form"] == "merged"
    assert [s["Sid"] for s in statements(the_policy(aws))] == [
        "Partner",
        "CordonDenyOutsiders",
        "CordonDenyOutsidersServices",
        "CordonDenyOutsidersLoadBalancers",
    ]


def test_deny_and_block_release_in_reverse_order(aws: AwsClients) -> None:
    """The plan denies, then blocks. The release undoes the block first, then the deny."""
    public = policy(PUBLIC_READ)
    bucket(has_policy(public), blocked(OPEN))(aws)
    before = read()(aws)
    block = BlockPublicAccess(PLACE, BUCKET)
    policy_captured, block_captured = OUTSIDERS.capture(aws), block.capture(aws)
    denied = OUTSIDERS.apply(aws, policy_captured, None)
    blocked_now = block.apply(aws, block_captured, None)
    assert denied["form"] == "merged"
    OUTSIDERS.verify(aws, policy_captured, OUTSIDERS.apply(aws, policy_captured, denied))
    assert block.undo(aws, block_captured, blocked_now).state is Undone.RESTORED
    assert OUTSIDERS.undo(aws, policy_captured, denied).state is Undone.RESTORED
    assert read()(aws) == before


def test_what_is_noted_is_small(aws: AwsClients) -> None:
    """The row keeps it beside what was captured (B12)."""
    rules = [{**SUSPENDED, "ID": f"{n:03}{'x' * 200}"} for n in range(500)]
    bucket(has_policy(TOO_LONG), has_rules(*rules))(aws)
    for action, most in ((OUTSIDERS, 2000), (SUSPEND, 300)):
        captured = action.capture(aws)
        assert len(json.dumps(captured)) > 15_000
        written = action.apply(aws, captured, None)
        assert len(json.dumps(written)) < most
        action.verify(aws, captured, written)
        assert action.undo(aws, captured, written).state is Undone.RESTORED


def test_rules_of_a_person_are_noted_by_their_digests(aws: AwsClients) -> None:
    rules = [{**SUSPENDED, "ID": f"{n:03}{'x' * 200}"} for n in range(500)]
    bucket(has_rules(*rules[:250]))(aws)
    captured = SUSPEND.capture(aws)
    written = SUSPEND.apply(aws, captured, None)
    theirs = [*rules[250:], {**rules[0], "Status": "Disabled"}]
    has_rules(*theirs)(aws, aws.client("s3"))
    written = SUSPEND.apply(aws, captured, written)
    SUSPEND.verify(aws, captured, written)
    assert len(json.dumps(written)) < 20_000
    assert SUSPEND.undo(aws, captured, written).state is Undone.DRIFTED
    shown = get_setting(aws, "get_bucket_lifecycle_configuration", "Rules")
    assert [r["Status"] for r in shown] == ["Enabled"] * 251
    assert [r["ID"] for r in shown] == [r["ID"] for r in theirs]


def test_respelled_policy_is_not_drift(aws: AwsClients) -> None:
    original = policy({**SHARED, "Action": ["s3:GetObject"]})
    bucket(has_policy(original))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    document = json.loads(the_policy(aws))
    document["Statement"][0]["Action"] = "s3:GetObject"
    respelled = json.dumps({**document, "Statement": document["Statement"][::-1]}, indent=4)
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=respelled)
    OUTSIDERS.verify(aws, captured, written)
    assert OUTSIDERS.apply(aws, captured, written) == written
    OUTSIDERS.verify(aws, captured, written)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == original


def test_verify_detects_a_weakened_deny(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    weaker = the_policy(aws).replace("ArnNotLike", "ArnLike")
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=weaker)
    with pytest.raises(NotVerified):
        OUTSIDERS.verify(aws, captured, written)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == captured["policy"]


def test_second_case_restores_a_persons_policy(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    manual = policy({**SHARED, "Sid": "New"}, Id="manual")
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=manual)
    written = OUTSIDERS.apply(aws, captured, written)
    OUTSIDERS.verify(aws, captured, written)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert the_policy(aws) == manual


def test_lost_result_keeps_a_persons_change(
    aws: AwsClients,
) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    manual = json.dumps(json.loads(policy(MANUAL_STATEMENT)), indent=2)
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=manual)
    written = OUTSIDERS.apply(aws, captured, written)
    OUTSIDERS.combine(WRITES).apply(aws, captured, written)  # its result is lost
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert the_policy(aws) == manual


@pytest.mark.parametrize("texts", [(), (policy(SHARED),)], ids=["without", "with-a-policy"])
def test_apply_fails_when_the_write_is_denied(aws: AwsClients, texts: tuple[str, ...]) -> None:
    bucket(*(has_policy(text) for text in texts))(aws)
    before = read()(aws)
    captured = OUTSIDERS.capture(aws)
    stub(aws, "s3", "PutBucketPolicy", lambda _: "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        OUTSIDERS.apply(aws, captured, None)
    assert read()(aws) == before


def test_verify_names_the_missing_statements(aws: AwsClients) -> None:
    bucket()(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    aws.client("s3").delete_bucket_policy(Bucket=BUCKET)
    with pytest.raises(NotVerified, match="CordonDenyOutsiders, CordonDenyOutsidersServices"):
        OUTSIDERS.verify(aws, captured, written)


def test_every_call_has_the_expected_bucket_owner(aws: AwsClients) -> None:
    """S3 then refuses the call if a stranger has re-created the bucket."""
    calls: list[dict[str, Any]] = []

    def keep_params(params: dict[str, Any]) -> None:
        calls.append(params)

    bucket(has_policy(policy(SHARED)), has_rules(SUSPENDED), has_replication(replicates(HIDDEN)))(
        aws
    )
    for operation in aws.client("s3").meta.service_model.operation_names:
        if operation.startswith(("Get", "Put", "Delete")):
            stub(aws, "s3", operation, keep_params)
    for action in (OUTSIDERS, BlockPublicAccess(PLACE, BUCKET), SUSPEND, CUT):
        captured = action.capture(aws)
        written = action.apply(aws, captured, None)
        action.verify(aws, captured, written)
        action.undo(aws, captured, written)
    assert len(calls) > 15
    assert {params.get("ExpectedBucketOwner") for params in calls} == {PLACE.account}


# No lock-out


@pytest.mark.parametrize(
    "exempt",
    [(), ("*",), ("arn:aws:iam::123456789012:role/*",), (*EXEMPT, "arn:aws:iam::*:*")],
)
def test_exempting_nobody_or_everybody_is_refused(aws: AwsClients, exempt: tuple[str, ...]) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    before = read()(aws)
    action = replace(EVERYONE, exempt=exempt)
    with pytest.raises(Refused, match="exempt"):
        action.capture(aws)
    with pytest.raises(Refused, match="exempt"):
        action.apply(aws, {"policy": policy(SHARED)}, None)
    assert read()(aws) == before


@pytest.mark.parametrize("levels", [(), ("all",), ("outsiders", "insiders")])
def test_unknown_level_is_an_error(levels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="levels"):
        replace(OUTSIDERS, levels=levels)


def test_unreadable_policy_is_refused(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    stub(aws, "s3", "GetBucketPolicy", lambda _: {"Policy": "<xml/>"})
    with pytest.raises(Refused, match="cannot be read"):
        OUTSIDERS.capture(aws)


def test_only_a_freeze_says_what_it_does_without_versioning() -> None:
    for action in (WRITES, OUTSIDERS.combine(WRITES)):
        assert f"get-bucket-versioning --bucket {BUCKET}" in action.caution
        assert "brings nothing back" in action.caution
    assert (OUTSIDERS.caution, EVERYONE.caution) == ("", "")


# Combining


def test_equal_actions_have_equal_data() -> None:
    left = DenyBucketAccess(PLACE, BUCKET, ("writes", "outsiders"), (*EXEMPT, *EXEMPT))
    right = DenyBucketAccess(PLACE, BUCKET, ("outsiders", "writes", "writes"), EXEMPT[::-1])
    assert left == right
    one, same = {"k": ("b", "a", "b"), "j": ("c",)}, {"j": ("c",), "k": ("a", "b")}
    assert TagBucket(PLACE, BUCKET, one).to_json() == TagBucket(PLACE, BUCKET, same).to_json()
    assert list(TagBucket(PLACE, BUCKET, one).tags) == ["j", "k"]


def test_combine_unites_levels_and_exemptions() -> None:
    combined = OUTSIDERS.combine(WRITES)
    assert combined.levels == ("outsiders", "writes")
    assert set(combined.exempt) == {*OUTSIDERS.exempt, *WRITES.exempt}


@pytest.mark.parametrize(
    ("first_org", "second_org", "expected"),
    [("o-a", "o-a", "o-a"), ("o-a", "", ""), ("o-a", "o-b", "")],
)
def test_combine_drops_differing_organizations(
    first_org: str, second_org: str, expected: str
) -> None:
    first = replace(OUTSIDERS, organization=first_org)
    second = replace(OUTSIDERS, organization=second_org)
    assert first.combine(second).organization == second.combine(first).organization == expected


def test_organization_matters_only_for_outsiders() -> None:
    outsiders = replace(OUTSIDERS, organization="o-a")
    assert replace(WRITES, organization="o-b").organization == ""
    assert outsiders.combine(WRITES).organization == WRITES.combine(outsiders).organization == "o-a"


def test_combine_is_associative() -> None:
    three = [
        replace(OUTSIDERS, organization=name, levels=levels)
        for name, levels in (("o-a", ("outsiders",)), ("o-b", ("outsiders",)), ("", ("writes",)))
    ]
    for a in three:
        for b in three:
            for c in three:
                assert a.combine(b).combine(c) == a.combine(b.combine(c))


# Unsupported buckets


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model--use1-az4--x-s3", "s3express"),
        ("lake--table-s3", "s3tables"),
        ("alias-123-s3alias", "contain its bucket"),
        ("alias--ol-s3", "contain its bucket"),
        ("alias.mrap", "contain its bucket"),
        ("arn:aws:s3tables:us-east-1:123456789012:bucket/lake", "general purpose"),
        ("arn:aws:s3vectors:us-east-1:123456789012:bucket/embeddings", "general purpose"),
        ("data*", "not a bucket name"),
        ("data/../other", "not a bucket name"),
        ('x","Resource":"*', "not a bucket name"),
        ("", "not a bucket name"),
    ],
)
@pytest.mark.parametrize(
    "action",
    [OUTSIDERS, BlockPublicAccess(PLACE, BUCKET), SuspendLifecycle(PLACE, BUCKET), CUT, TAG],
    ids=lambda action: type(action).__name__,
)
def test_unsupported_bucket_is_refused_before_any_call(
    action: Action, name: str, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        replace(action, bucket=name).capture(None)  # type: ignore[call-arg, arg-type]
