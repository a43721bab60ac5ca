"""Two cases on one bucket: each releases what only it needs, and the last one restores."""

import json
from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.journal import Called
from tests.examples import QUARANTINE, event, function_of, samples
from tests.promises.interruptions import changes, ends
from tests.promises.world import Anew, Event, World, finding_of

PAIRS = {
    "writes and everyone": ("guardduty_ransomware_delete", "guardduty_exfiltration_malicious_ip"),
    "outsiders and writes": ("macie_shared_externally", "guardduty_impact_permission"),
    "public twice": ("guardduty_public_access", "guardduty_block_disabled"),
    "public and replicated": ("macie_public", "macie_replicated_externally"),
}
BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def bucket_of(one: Event) -> str:
    """The bucket the event is about."""
    return finding_of(one).resources_of("AWS::S3::Bucket")[0].name


def pair(first: str, second: str) -> tuple[Event, Event]:
    """Two samples, the second made to be about the bucket of the first."""
    one, other = event(first), event(second)
    text = json.dumps(other).replace(bucket_of(other), bucket_of(one))
    return one, dict(json.loads(text))


def bucket(world: World, name: str) -> dict[str, Any]:
    """The bucket as it is, its policy as data."""
    found = dict(world.state["s3"][name])
    return found | {"policy": json.loads(found["policy"]) if found["policy"] else None}


def wanted_by(
    anew: Anew, staged: tuple[Event, ...], delivered: tuple[Event, ...]
) -> dict[str, Any]:
    """The first one's bucket after these, in an account of its own."""
    with anew() as world:
        for one in staged:
            world.stage(one)
        for one in delivered:
            world.account.deliver(one)
        return bucket(world, bucket_of(staged[0]))


def case_of(world: World, one: Event) -> Case:
    """The case of an event."""
    identifier = finding_of(one).id
    (found,) = (case for case in world.cases if case.finding.id == identifier)
    return found


def test_the_pairs_are_two_cases() -> None:
    for first, second in PAIRS.values():
        one, other = pair(first, second)
        assert bucket_of(one) == bucket_of(other)
        assert finding_of(one).id != finding_of(other).id
    assert {name for both in PAIRS.values() for name in both} <= set(samples(QUARANTINE.name))


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("last_first", [False, True])
@pytest.mark.parametrize("names", PAIRS.values(), ids=PAIRS)
def test_released_in_either_order(anew: Anew, names: tuple[str, str], last_first: bool) -> None:
    one, other = pair(*names)
    released, stays = (other, one) if last_first else (one, other)
    wanted = wanted_by(anew, (one, other), (stays,))
    with anew() as world:
        _release_in_order(world, (one, other), released, stays, wanted)


def _release_in_order(
    world: World, both_of: tuple[Event, Event], released: Event, stays: Event, wanted: Any
) -> None:
    one, other = both_of
    for each in both_of:
        world.stage(each)
    name, before = bucket_of(one), world.state
    world.account.deliver(one)
    world.account.deliver(other)
    assert [case.status for case in world.cases] == [Status.CONTAINED] * 2
    both = bucket(world, name)

    assert world.release(case_of(world, released)).status is Status.REOPENED
    assert bucket(world, name) == wanted
    assert bucket(world, name) != both
    assert case_of(world, stays).status is Status.CONTAINED
    assert {case for hold in world.holds.values() for case in hold.cases} == {
        case_of(world, stays).id
    }

    assert world.release(case_of(world, stays)).status is Status.REOPENED
    assert world.state == before
    assert world.holds == {}
    assert world.troubles == []


def on_the_bucket(call: Called) -> bool:
    """Is it a call on the bucket, or does it change a hold on it?"""
    if call.service == "dynamodb":
        return changes(call) and ":s3:::" in repr(call.params)
    return call.service in ("s3", "s3control") and not call.operation.endswith("Object")


def release(world: World, case: Case) -> Status:
    """Straight to the case's function."""
    world.decide(case, Verb.RELEASE)
    world.insist(lambda: world.proceed(case))
    return world.operator.case(case.id).status


@pytest.mark.drawn(1 / 10)
def test_a_case_that_arrives_while_another_is_released(anew: Anew) -> None:
    """At whatever point of the release it arrives, the bucket ends as it wants it alone."""
    one, other = pair("guardduty_public_access", "guardduty_block_disabled")
    wanted = wanted_by(anew, (one,), (other,))
    with anew() as world:
        _arrives_while_released(world, one, other, wanted)


def _arrives_while_released(world: World, one: Event, other: Event, wanted: Any) -> None:
    world.stage(one)
    name, before = bucket_of(one), world.state
    world.account.deliver(one)
    first = world.case()

    def arrive() -> None:
        world.insist(lambda: world.account.invoke(function_of(QUARANTINE), other))

    def look() -> dict[str, Any]:
        shown = {"bucket": bucket(world, name), "released": world.operator.case(first.id).status}
        held = {case for hold in world.holds.values() for case in hold.cases}
        for case in world.cases:
            if case.id != first.id:
                release(world, case)
        return {**shown, "held": held, "after": world.state}

    undisturbed, others = ends(world, lambda: release(world, first), arrive, look, at=on_the_bucket)
    assert undisturbed["after"] == before
    assert len(others) > 6
    for where, found in others:
        assert found["bucket"] == wanted, where
        assert found["released"] is Status.REOPENED, where
        assert len(found["held"]) == 1, where
        assert found["after"] == before, where


@pytest.mark.drawn(1 / 10)
def test_a_case_that_arrives_while_another_is_contained(anew: Anew) -> None:
    """Whoever captures first, what was there before either of them is what comes back."""
    one, other = pair("guardduty_public_access", "guardduty_block_disabled")
    wanted = wanted_by(anew, (one,), (one, other))
    with anew() as world:
        _arrives_while_contained(world, one, other, wanted)


def _arrives_while_contained(world: World, one: Event, other: Event, wanted: Any) -> None:
    world.stage(one)
    name, before = bucket_of(one), world.state

    def arrive() -> None:
        world.insist(lambda: world.account.invoke(function_of(QUARANTINE), other))

    def contain() -> None:
        world.insist(lambda: world.account.invoke(function_of(QUARANTINE), one))

    def look() -> dict[str, Any]:
        shown = bucket(world, name)
        statuses = {release(world, case) for case in world.cases}
        return {"bucket": shown, "statuses": statuses, "after": world.state}

    _, others = ends(world, contain, arrive, look, at=on_the_bucket)
    assert len(others) >= 10
    for where, found in others:
        assert found["bucket"] == wanted, where
        assert found["statuses"] == {Status.REOPENED}, where
        assert found["after"] == before, where


@pytest.mark.parametrize("followed", [True, False])
def test_capture_that_was_followed_counts(world: World, followed: bool) -> None:
    """Another case keeps its capture after ours has joined and before ours is kept.

    Without evidence it counts only where something was written after it: else nothing was changed,
    and what we read is how the bucket was.
    """
    one = event("guardduty_public_access")
    table = world.account.stack.outputs["CasesTableName"]
    world.stage(one)
    theirs = dict.fromkeys(BLOCK, False)
    kept = {"captured": json.dumps({"public_access_block": theirs}), "generation": "theirs"}
    kept |= {"captured_in": "elsewhere.json", "captured_sha256": "ab"}
    written = {"public_access_block": dict.fromkeys(BLOCK, True), "base": theirs}
    kept |= {"written": json.dumps(written)} if followed else {}

    def keep_theirs(call: Called) -> None:
        """After our reading of the row, and before our keeping."""
        if call.operation != "GetPublicAccessBlock" or world.holds == {}:
            return
        (row,) = [
            item["id"]
            for item in world.account.client("dynamodb").scan(TableName=table)["Items"]
            if "public-access-block" in item["id"]["S"]
        ]
        world.account.client("dynamodb").update_item(
            TableName=table,
            Key={"id": row},
            UpdateExpression="SET " + ", ".join(f"{k} = :{k}" for k in kept),
            ExpressionAttributeValues={f":{k}": {"S": v} for k, v in kept.items()},
        )

    world.account.after_call(keep_theirs)
    world.account.deliver(one)
    found = [
        change["captured"]
        for entry in world.evidence(world.case())
        if entry["stage"] == "captured"
        for change in entry["content"]["changes"]
        if change["action"]["action"] == "block_public_access"
    ]
    ours = {"public_access_block": None}
    assert found == ([ours, {"public_access_block": theirs}] if followed else [ours])


def test_a_persons_block_is_kept(world: World) -> None:
    one = event("guardduty_public_access")
    world.send(one)
    theirs = dict(zip(BLOCK, (True, True, False, False), strict=True))
    name = bucket_of(one)
    world.account.client("s3").put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=theirs
    )
    case = world.release(world.case())
    assert case.status is Status.REOPENED
    assert bucket(world, name)["public_access_block"] == theirs
    assert _ended(case, "block_public_access") == "drifted"
    assert _ended(case, "tag_bucket") == "restored"
    assert "as far as a person's change allows" in world.finding(case)["Description"]


def test_a_persons_statement_is_kept(world: World) -> None:
    one = event("guardduty_ransomware_delete")
    world.stage(one)
    name = bucket_of(one)
    before = bucket(world, name)
    world.account.deliver(one)
    s3 = world.account.client("s3")
    policy = bucket(world, name)["policy"]
    assert any(s["Sid"].startswith("Cordon") for s in policy["Statement"])
    theirs = {
        "Sid": "Auditors",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{name}",
    }
    policy["Statement"].append(theirs)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    case = world.release(world.case())
    assert _ended(case, "deny_bucket_access") == "drifted"
    assert bucket(world, name)["policy"]["Statement"] == [*before["policy"]["Statement"], theirs]


def test_a_persons_tag_is_kept(world: World) -> None:
    one = event("guardduty_public_access")
    world.send(one)
    name = bucket_of(one)
    s3 = world.account.client("s3")
    tags = bucket(world, name)["tags"] | {"cordon:status": "checked by Ana", "ticket": "4711"}
    s3.put_bucket_tagging(
        Bucket=name, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]}
    )
    case = world.release(world.case())
    kept = bucket(world, name)["tags"]
    assert kept["cordon:status"] == "checked by Ana"
    assert kept["ticket"] == "4711"
    assert "cordon:case" not in kept
    assert "drifted" in {r.status for r in case.results if r.action == "tag_bucket"}


def test_bucket_without_room_for_tags_is_contained_all_the_same(world: World) -> None:
    """B22: the tag is refused once, with what to do, and nothing is tried again."""
    one = event("guardduty_public_access")
    world.stage(one)
    name = bucket_of(one)
    tags = bucket(world, name)["tags"]
    full = {**tags, **{f"k{n}": "v" for n in range(49 - len(tags))}}
    world.account.client("s3").put_bucket_tagging(
        Bucket=name, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in full.items()]}
    )
    world.account.deliver(one)
    case = world.case()
    assert case.status is Status.PARTLY_CONTAINED
    assert _ended(case, "block_public_access") == "verified"
    (refused,) = (result for result in case.results if result.action == "tag_bucket")
    assert refused.status == "refused"
    assert "has 49 of at most 50 tags: remove 1 to make room" in refused.reason
    assert bucket(world, name)["tags"] == full
    assert world.release(case).status is Status.REOPENED


def _ended(case: Case, action: str) -> str:
    return next(result.status for result in case.results if result.action == action)
