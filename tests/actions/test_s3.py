"""What is special to single bucket actions; what all promise is in test_contract."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from cordon.actions import Action, NotVerified, Refused, Undone, bucket_policy
from cordon.actions.s3 import (
    BlockPublicAccess,
    DenyBucketAccess,
    SuspendLifecycle,
    SuspendReplication,
    TagBucket,
)
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, Scenario, account, answering
from tests.actions.scenario_s3 import (
    BUCKET,
    BY_HAND,
    EVERYONE,
    EXEMPT,
    FOREIGN,
    HIDDEN,
    HOME,
    LABEL,
    LYING,
    NOWHERE,
    OPEN,
    OUTSIDERS,
    PUBLIC_READ,
    SCENARIOS,
    SHARED,
    SHUT,
    SUSPEND,
    TOO_LONG,
    WRITES,
    blocked,
    bucket,
    has_policy,
    has_replication,
    has_rules,
    policy,
    read,
    replicates,
    statements,
    told,
)


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients


def the_policy(aws: AwsClients) -> str:
    return str(told(aws, "get_bucket_policy", "Policy"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_no_other_setting_of_the_bucket_is_touched(scenario: Scenario, aws: AwsClients) -> None:
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
def test_contained_again_over_a_persons_change_it_is_released_to_that_change(
    scenario: Scenario, aws: AwsClients
) -> None:
    """Not to what was captured before the person came."""
    scenario.prepare(aws)
    action = scenario.action
    captured = action.capture(aws)
    written = action.apply(aws, captured, None)
    scenario.tamper(aws)
    theirs = scenario.theirs(scenario.read(aws))
    written = action.apply(aws, captured, written)
    action.verify(aws, captured, written)
    undone = action.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert scenario.theirs(scenario.read(aws)) == theirs


# Deny statements beside the bucket's own


def test_statements_are_added_to_the_bucket_owners_own(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    written = OUTSIDERS.apply(aws, OUTSIDERS.capture(aws), None)
    assert written["form"] == "merged"
    assert [s["Sid"] for s in statements(the_policy(aws))] == [
        "Partner",
        "CordonDenyOutsiders",
        "CordonDenyOutsidersServices",
    ]


def test_a_public_policy_that_s3_no_longer_takes_is_replaced_and_comes_back(
    aws: AwsClients,
) -> None:
    """The ordering trap: another case has shut public access, so no public policy is accepted."""
    public = policy(PUBLIC_READ, SHARED)
    bucket(has_policy(public), blocked(SHUT))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    OUTSIDERS.verify(aws, captured, written)
    assert written["form"] == "replaced"
    assert json.loads(the_policy(aws))["Id"] == "CordonStandsIn"
    assert {s["Effect"] for s in statements(the_policy(aws))} == {"Deny"}
    assert OUTSIDERS.apply(aws, captured, written) == written
    aws.client("s3").delete_public_access_block(Bucket=BUCKET)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == public


def test_a_public_policy_that_s3_still_refuses_at_release_is_a_failure(aws: AwsClients) -> None:
    bucket(has_policy(policy(PUBLIC_READ)), blocked(SHUT))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    with pytest.raises(ClientError, match="AccessDenied"):
        OUTSIDERS.undo(aws, captured, written)
    OUTSIDERS.verify(aws, captured, written)


def test_shut_then_deny_then_release_in_reverse_order(aws: AwsClients) -> None:
    """The plan's order: deny, then shut. Released: shut is undone first, then deny."""
    public = policy(PUBLIC_READ)
    bucket(has_policy(public), blocked(OPEN))(aws)
    before = read()(aws)
    shut = BlockPublicAccess(PLACE, BUCKET)
    was_denied, was_shut = OUTSIDERS.capture(aws), shut.capture(aws)
    denied = OUTSIDERS.apply(aws, was_denied, None)
    closed = shut.apply(aws, was_shut, None)
    assert denied["form"] == "merged"
    OUTSIDERS.verify(aws, was_denied, OUTSIDERS.apply(aws, was_denied, denied))
    assert shut.undo(aws, was_shut, closed).state is Undone.RESTORED
    assert OUTSIDERS.undo(aws, was_denied, denied).state is Undone.RESTORED
    assert read()(aws) == before


def test_a_policy_without_room_is_replaced_and_merged_again_when_there_is_room(
    aws: AwsClients,
) -> None:
    """A second case makes ours too long; when it lets go, the owner's statements come back."""
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


def test_no_policy_of_ours_is_longer_than_s3_takes(aws: AwsClients) -> None:
    bucket(has_policy(TOO_LONG))(aws)
    written = WRITES.apply(aws, WRITES.capture(aws), None)
    assert written["form"] == "replaced"
    assert bucket_policy.size(the_policy(aws)) <= 20 * 1024


APP = f"arn:aws:iam::{PLACE.account}:role/app"


def app_role_deleted(aws: AwsClients) -> None:
    """From then on S3 shows its id in the policy, and takes no policy that names it."""
    aws.client("iam").delete_role(RoleName="app")
    kept = s3_backends[PLACE.account][PLACE.partition].buckets[BUCKET]
    assert kept.policy is not None
    kept.policy = kept.policy.replace(APP.encode(), b"AROAEXAMPLEIDOFAPPXY")


def with_app_role(aws: AwsClients) -> None:
    aws.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    bucket(has_policy(policy({**SHARED, "Principal": {"AWS": APP}})))(aws)


def test_a_principal_deleted_before_does_not_keep_the_bucket_open(aws: AwsClients) -> None:
    """S3 refuses every policy that names it, so ours stand alone; it cannot be put back either."""
    with_app_role(aws)
    app_role_deleted(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    assert written["form"] == "replaced"
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert "Invalid principal" in undone.reason
    assert "by hand" in undone.reason
    OUTSIDERS.verify(aws, captured, written)


def test_a_principal_deleted_while_held_is_drift(aws: AwsClients) -> None:
    """The statement S3 now shows differs from the captured one, and S3 takes neither."""
    with_app_role(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    app_role_deleted(aws)
    shown = the_policy(aws)
    with pytest.raises(NotVerified):
        OUTSIDERS.verify(aws, captured, written)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.DRIFTED
    assert the_policy(aws) == shown


def test_s3_spelling_the_policy_its_own_way_is_no_drift(aws: AwsClients) -> None:
    theirs = policy({**SHARED, "Action": ["s3:GetObject"]})
    bucket(has_policy(theirs))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    document = json.loads(the_policy(aws))
    document["Statement"][0]["Action"] = "s3:GetObject"
    shown = json.dumps({**document, "Statement": document["Statement"][::-1]}, indent=4)
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=shown)
    OUTSIDERS.verify(aws, captured, written)
    assert OUTSIDERS.apply(aws, captured, written) == written
    assert the_policy(aws) == shown
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == theirs


def test_a_person_who_weakens_ours_is_found_out(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    weaker = the_policy(aws).replace("ArnNotLike", "ArnLike")
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=weaker)
    with pytest.raises(NotVerified):
        OUTSIDERS.verify(aws, captured, written)
    assert OUTSIDERS.undo(aws, captured, written).state is Undone.RESTORED
    assert the_policy(aws) == captured["policy"]


def test_a_policy_of_a_persons_own_is_what_a_second_case_releases_to(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    theirs = policy({**SHARED, "Sid": "New"}, Id="hand-made")
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=theirs)
    written = OUTSIDERS.apply(aws, captured, written)
    OUTSIDERS.verify(aws, captured, written)
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert the_policy(aws) == theirs


def test_a_lost_answer_after_a_persons_change_still_releases_to_that_change(
    aws: AwsClients,
) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    theirs = json.dumps(json.loads(policy(BY_HAND)), indent=2)
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=theirs)
    written = OUTSIDERS.apply(aws, captured, written)
    OUTSIDERS.combine(WRITES).apply(aws, captured, written)  # what it wrote is never kept
    undone = OUTSIDERS.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert the_policy(aws) == theirs


@pytest.mark.parametrize("texts", [(), (policy(SHARED),)], ids=["without", "with-a-policy"])
def test_not_being_allowed_to_write_is_a_failure(aws: AwsClients, texts: tuple[str, ...]) -> None:
    bucket(*(has_policy(text) for text in texts))(aws)
    before = read()(aws)
    captured = OUTSIDERS.capture(aws)
    answering(aws, "s3", "PutBucketPolicy", lambda _: "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        OUTSIDERS.apply(aws, captured, None)
    assert read()(aws) == before


def test_s3_is_not_asked_to_take_more_than_it_takes(aws: AwsClients) -> None:
    """Whatever error it has for that."""
    bucket(has_policy(TOO_LONG))(aws)
    answering(aws, "s3", "PutBucketPolicy", _too_long)
    assert OUTSIDERS.apply(aws, OUTSIDERS.capture(aws), None)["form"] == "replaced"


def _too_long(asked: dict[str, Any]) -> str | None:
    return "InvalidArgument" if len(asked["Policy"].encode()) > 20 * 1024 else None


def test_verify_names_the_statements_that_are_missing(aws: AwsClients) -> None:
    bucket()(aws)
    captured = OUTSIDERS.capture(aws)
    written = OUTSIDERS.apply(aws, captured, None)
    aws.client("s3").delete_bucket_policy(Bucket=BUCKET)
    with pytest.raises(NotVerified, match="CordonDenyOutsiders, CordonDenyOutsidersServices"):
        OUTSIDERS.verify(aws, captured, written)


def test_every_call_says_who_must_own_the_bucket(aws: AwsClients) -> None:
    """Were the bucket deleted and made again by a stranger, S3 would refuse."""
    asked: list[dict[str, Any]] = []

    def note(params: dict[str, Any]) -> None:
        asked.append(params)

    bucket(has_policy(policy(SHARED)), has_rules(SUSPENDED), has_replication(replicates(HIDDEN)))(
        aws
    )
    for operation in aws.client("s3").meta.service_model.operation_names:
        if operation.startswith(("Get", "Put", "Delete")):
            answering(aws, "s3", operation, note)
    for action in (OUTSIDERS, BlockPublicAccess(PLACE, BUCKET), SUSPEND, CUT):
        captured = action.capture(aws)
        written = action.apply(aws, captured, None)
        action.verify(aws, captured, written)
        action.undo(aws, captured, written)
    assert len(asked) > 15
    assert {params.get("ExpectedBucketOwner") for params in asked} == {PLACE.account}


SUSPENDED: dict[str, Any] = {
    "ID": "x",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"Days": 1},
}
CUT = SuspendReplication(PLACE, BUCKET)


# Never a lock-out


@pytest.mark.parametrize(
    "exempt",
    [(), ("*",), ("arn:aws:iam::123456789012:role/*",), (*EXEMPT, "arn:aws:iam::*:*")],
)
def test_a_policy_that_exempts_nobody_or_everybody_is_refused(
    aws: AwsClients, exempt: tuple[str, ...]
) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    before = read()(aws)
    action = replace(EVERYONE, exempt=exempt)
    with pytest.raises(Refused, match="exempt"):
        action.capture(aws)
    with pytest.raises(Refused, match="exempt"):
        action.apply(aws, {"policy": policy(SHARED)}, None)
    assert read()(aws) == before


@pytest.mark.parametrize("levels", [(), ("all",), ("outsiders", "insiders")])
def test_an_unknown_level_is_an_error(levels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="levels"):
        replace(OUTSIDERS, levels=levels)


def test_a_policy_that_cannot_be_read_is_refused(aws: AwsClients) -> None:
    bucket(has_policy(policy(SHARED)))(aws)
    answering(aws, "s3", "GetBucketPolicy", lambda _: {"Policy": "<xml/>"})
    with pytest.raises(Refused, match="cannot be read"):
        OUTSIDERS.capture(aws)


# Joining


def test_equal_meaning_is_equal_data() -> None:
    one = DenyBucketAccess(PLACE, BUCKET, ("writes", "outsiders"), (*EXEMPT, *EXEMPT))
    other = DenyBucketAccess(PLACE, BUCKET, ("outsiders", "writes", "writes"), EXEMPT[::-1])
    assert one == other
    assert TagBucket(PLACE, BUCKET, "k", ("b", "a", "b")) == TagBucket(
        PLACE, BUCKET, "k", ("a", "b")
    )


def test_joined_denials_deny_what_either_denies_and_spare_whom_either_spares() -> None:
    joined = OUTSIDERS.combine(WRITES)
    assert joined.levels == ("outsiders", "writes")
    assert set(joined.exempt) == {*OUTSIDERS.exempt, *WRITES.exempt}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("o-a", "o-a", "o-a"), ("o-a", "", ""), ("o-a", "o-b", "")],
)
def test_an_outsider_to_either_is_an_outsider_to_both(one: str, other: str, both: str) -> None:
    first, second = replace(OUTSIDERS, organization=one), replace(OUTSIDERS, organization=other)
    assert first.combine(second).organization == second.combine(first).organization == both


def test_who_does_not_deny_outsiders_has_no_say_about_the_organization() -> None:
    ours = replace(OUTSIDERS, organization="o-a")
    assert replace(WRITES, organization="o-b").organization == ""
    assert ours.combine(WRITES).organization == WRITES.combine(ours).organization == "o-a"


def test_joining_does_not_depend_on_how_cases_are_grouped() -> None:
    three = [
        replace(OUTSIDERS, organization=name, levels=levels)
        for name, levels in (("o-a", ("outsiders",)), ("o-b", ("outsiders",)), ("", ("writes",)))
    ]
    for a in three:
        for b in three:
            for c in three:
                assert a.combine(b).combine(c) == a.combine(b.combine(c))


# Lifecycle and replication


def test_the_smallest_size_that_moves_is_put_back(aws: AwsClients) -> None:
    """Left out of a write, S3 would set its own default. (The embedded account forgets it.)"""
    kept = {"Rules": [SUSPENDED], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    written: list[dict[str, Any]] = []
    bucket(has_rules(SUSPENDED))(aws)
    answering(aws, "s3", "GetBucketLifecycleConfiguration", lambda _: kept)
    answering(aws, "s3", "PutBucketLifecycleConfiguration", lambda asked: written.append(asked))
    captured = SUSPEND.capture(aws)
    SUSPEND.apply(aws, captured, None)
    assert written[0]["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"


def test_a_rule_changed_while_held_stays_and_the_others_run_again(aws: AwsClients) -> None:
    first, second = SUSPENDED, {**SUSPENDED, "ID": "y"}
    bucket(has_rules(first, second))(aws)
    captured = SUSPEND.capture(aws)
    written = SUSPEND.apply(aws, captured, None)
    changed = {**first, "Status": "Disabled", "Expiration": {"Days": 365}}
    has_rules(changed, {**second, "Status": "Disabled"})(aws, aws.client("s3"))
    undone = SUSPEND.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    rules = {rule["ID"]: rule for rule in told(aws, "get_bucket_lifecycle_configuration", "Rules")}
    assert rules["x"] == changed
    assert rules["y"] == second


def test_only_replication_to_others_is_cut(aws: AwsClients) -> None:
    """Destination.Account is optional, and may lie; S3 knows who owns the bucket."""
    bucket(has_replication(replicates(HOME, FOREIGN, HIDDEN, LYING, NOWHERE)))(aws)
    CUT.apply(aws, CUT.capture(aws), None)
    rules = told(aws, "get_bucket_replication", "ReplicationConfiguration")["Rules"]
    assert [rule["Status"] for rule in rules] == ["Enabled"] + ["Disabled"] * 4


def test_a_destination_of_another_kind_is_not_ours(aws: AwsClients) -> None:
    outpost = {"Bucket": "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-1/bucket/x"}
    bucket(has_replication(replicates(outpost)))(aws)
    CUT.apply(aws, CUT.capture(aws), None)
    rules = told(aws, "get_bucket_replication", "ReplicationConfiguration")["Rules"]
    assert [rule["Status"] for rule in rules] == ["Disabled"]


def test_not_knowing_who_owns_a_destination_is_a_failure(aws: AwsClients) -> None:
    bucket(has_replication(replicates(HOME)))(aws)
    captured = CUT.capture(aws)
    answering(aws, "s3", "GetBucketLocation", lambda _: "SlowDown")
    with pytest.raises(ClientError, match="SlowDown"):
        CUT.apply(aws, captured, None)


# Tags


def test_other_tags_are_not_touched(aws: AwsClients) -> None:
    bucket(
        lambda _, client: client.put_bucket_tagging(
            Bucket=BUCKET, Tagging={"TagSet": [{"Key": "owner", "Value": "ml"}]}
        )
    )(aws)
    LABEL.apply(aws, LABEL.capture(aws), None)
    tags = {t["Key"]: t["Value"] for t in told(aws, "get_bucket_tagging", "TagSet")}
    assert tags == {"owner": "ml", "cordon-case": "0123456789abcdef"}


def test_too_many_tags_is_what_s3_says(aws: AwsClients) -> None:
    bucket()(aws)
    captured = LABEL.capture(aws)
    answering(aws, "s3control", "TagResource", lambda _: "TooManyTags")
    with pytest.raises(ClientError, match="TooManyTags"):
        LABEL.apply(aws, captured, None)


@pytest.mark.parametrize(
    ("key", "values"), [("aws:x", ("a",)), ("", ("a",)), ("k", ()), ("k", ("",))]
)
def test_a_tag_that_cannot_be_is_an_error(key: str, values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"key|values"):
        TagBucket(PLACE, BUCKET, key, values)


# Buckets that are none of ours


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model--use1-az4--x-s3", "s3express"),
        ("lake--table-s3", "s3tables"),
        ("alias-123-s3alias", "behind it"),
        ("alias--ol-s3", "behind it"),
        ("alias.mrap", "behind it"),
        ("arn:aws:s3tables:us-east-1:123456789012:bucket/lake", "general purpose"),
        ("arn:aws:s3vectors:us-east-1:123456789012:bucket/embeddings", "general purpose"),
        ("data*", "no bucket name"),
        ("data/../other", "no bucket name"),
        ('x","Resource":"*', "no bucket name"),
        ("", "no bucket name"),
    ],
)
@pytest.mark.parametrize(
    "action",
    [OUTSIDERS, BlockPublicAccess(PLACE, BUCKET), SuspendLifecycle(PLACE, BUCKET), CUT, LABEL],
    ids=lambda action: type(action).__name__,
)
def test_what_is_no_general_purpose_bucket_is_refused_before_any_call(
    action: Action, name: str, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        replace(action, bucket=name).capture(None)  # type: ignore[call-arg, arg-type]
