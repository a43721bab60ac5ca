"""A malicious object is quarantined, whatever else is done with its bucket meanwhile."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.examples import HEADERS, event, folder_of, function_of
from tests.promises.test_by_arn import named
from tests.promises.test_holds_on_one_bucket import bucket, bucket_of, case_of
from tests.promises.test_owners import delete, is_refused, update
from tests.promises.world import Anew, Event, World, changed, finding_of

SCAN = "guardduty_object_scan_threat"
HOSTILE = "guardduty_object_scan_hostile_key"
FINDING = "guardduty_malicious_object"
COPY = "securityhub_guardduty_malicious_object"
QUARANTINED = {"cordon:status": "quarantined"}
OBJECTS = HEADERS[folder_of(SCAN)]
SID = "CordonDenyQuarantinedObjects"
_LATER = timedelta(hours=1)


def about(one: Event, bucket: str, **details: str) -> Event:
    """The scan, of an object of another bucket."""
    made: Event = json.loads(json.dumps(one))
    made["detail"]["s3ObjectDetails"] |= {"bucketName": bucket, **details}
    return made


def sids(world: World, name: str) -> list[str]:
    return [s.get("Sid", "") for s in bucket(world, name)["policy"]["Statement"]]


def tags_of(world: World, name: str) -> list[Mapping[str, str]]:
    """Of each version of each object of the bucket."""
    return list(world.state["s3"][name]["object_tags"].values())


def is_quarantined(tags: Mapping[str, str]) -> bool:
    return QUARANTINED.items() <= tags.items()


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize("last_first", [False, True])
@pytest.mark.parametrize("object_first", [False, True])
@pytest.mark.parametrize("other", ["guardduty_exfiltration_malicious_ip", "guardduty_tor"])
def test_object_and_its_bucket_are_released_in_either_order(
    anew: Anew, other: str, object_first: bool, last_first: bool
) -> None:
    """Two playbooks write one policy, under one hold."""
    closes = event(other)
    scan = about(event(SCAN), bucket_of(closes))
    name = bucket_of(closes)
    first, second = (scan, closes) if object_first else (closes, scan)
    released, stays = (second, first) if last_first else (first, second)
    with anew() as world:
        for each in (closes, scan):
            world.stage(each)
        world.account.deliver(stays)
        alone = bucket(world, name)
    with anew() as world:
        for each in (closes, scan):
            world.stage(each)
        released_in_order(world, (first, second), (released, stays), alone)


def released_in_order(
    world: World, contained: Sequence[Event], order: Sequence[Event], alone: dict[str, Any]
) -> None:
    """Contained in one order and released in another; ``alone``: what the last one needs."""
    released, stays = order
    name, before = bucket_of(stays), world.state
    for each in contained:
        world.account.deliver(each)
    assert [case.status for case in world.cases] == [Status.CONTAINED] * 2
    assert {SID, "CordonDenyEveryone"} <= set(sids(world, name))
    assert any(map(is_quarantined, tags_of(world, name)))

    assert world.release(case_of(world, released)).status is Status.REOPENED
    assert bucket(world, name) == alone
    assert case_of(world, stays).status is Status.CONTAINED

    assert world.release(case_of(world, stays)).status is Status.REOPENED
    assert world.state == before
    assert world.holds == {}
    assert world.troubles == []


def test_statement_goes_with_the_last_object(world: World) -> None:
    one = event(SCAN)
    name = bucket_of(one)
    other = about(one, name, objectKey="incoming/other.bin", versionId="oTh3r")
    for each in (one, other):
        world.stage(each)
    before = world.state
    for each in (one, other):
        world.account.deliver(each)
    assert sids(world, name).count(SID) == 1
    assert [is_quarantined(tags) for tags in tags_of(world, name)] == [True, True]
    world.release(case_of(world, one))
    assert SID in sids(world, name)
    assert sorted(map(is_quarantined, tags_of(world, name))) == [False, True]
    world.release(case_of(world, other))
    assert world.state == before
    assert world.holds == {}


def test_finding_its_copy_and_the_scan_are_one_case(world: World) -> None:
    world.send(event(FINDING))
    world.account.deliver(event(COPY))
    version = {"objectKey": "uploads/model.tar.gz", "versionId": "3HL4kqtJvjVBH40Nrjfkd"}
    world.account.deliver(about(event(SCAN), "acme-eval-results", **version))
    assert world.case().status is Status.CONTAINED
    again = {**version, "versionId": "another"}
    world.account.deliver(about(event(SCAN), "acme-eval-results", **again))
    assert len(world.cases) == 2


def test_holds_of_bucket_policies_are_shared_and_no_others(world: World) -> None:
    """Its role may write the policy of any bucket, and no other setting."""
    bucket = "arn:aws:s3:::acme"
    for call in (update, delete):
        assert not is_refused(world, OBJECTS.name, call, f"hold#bucket#bucket-policy:{bucket}")
        for setting in ("public-access-block", "lifecycle", "replication"):
            key = f"hold#bucket#bucket-{setting}:{bucket}"
            assert is_refused(world, OBJECTS.name, call, key)


# ---- what cannot be tagged is not called contained ----


def test_object_that_was_deleted_changes_no_policy(world: World) -> None:
    one = event(HOSTILE)
    world.stage(one)
    key = one["detail"]["s3ObjectDetails"]["objectKey"]
    world.account.client("s3").delete_object(Bucket=bucket_of(one), Key=key)
    before = world.state["s3"]
    world.account.deliver(one)
    assert world.case().status is Status.RESOURCE_DELETED
    assert world.state["s3"] == before
    assert world.holds == {}


def test_object_with_ten_tags_is_refused_and_nothing_is_changed(world: World) -> None:
    one = event(HOSTILE)
    world.stage(one)
    named = {"Bucket": bucket_of(one), "Key": one["detail"]["s3ObjectDetails"]["objectKey"]}
    full = [{"Key": f"k{n}", "Value": ""} for n in range(10)]
    world.account.client("s3").put_object_tagging(**named, Tagging={"TagSet": full})
    before = world.state["s3"]
    world.account.deliver(one)
    case = world.case()
    assert case.status is Status.FAILED
    assert "has 10 of at most 10 tags" in _result(case, "tag_object").reason
    assert _result(case, "deny_bucket_access").status == "skipped"
    assert world.state["s3"] == before
    assert world.holds == {}


def test_copy_that_names_no_version_of_a_bucket_with_versions_is_for_a_person(
    world: World,
) -> None:
    one: Event = json.loads(json.dumps(event(COPY)))
    world.stage(one)
    del one["detail"]["findings"][0]["Resources"][1]["Details"]
    before = world.state["s3"]
    world.account.deliver(one)
    assert world.case().status is Status.FAILED
    assert "nothing says which version" in _result(world.case(), "tag_object").reason
    assert world.state["s3"] == before


def test_policy_without_a_tag_is_not_partly_contained(world: World) -> None:
    """The statement was put, and the tag is refused by AWS: nobody is kept from the object."""
    world.stage(event(SCAN))
    before = world.state["s3"]
    with world.denied(function_of(OBJECTS), "s3:PutObjectVersionTagging"):
        world.account.deliver(event(SCAN))
        assert world.case().status is Status.FAILED
        assert _result(world.case(), "deny_bucket_access").status == "verified"
        assert SID in sids(world, bucket_of(event(SCAN)))
    world.insist(lambda: world.proceed(world.case()))
    assert world.case().status is Status.CONTAINED
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state["s3"] == before


def test_tag_without_the_policy_is_not_set(world: World) -> None:
    """It would say that the object is quarantined."""
    world.stage(event(SCAN))
    before = world.state["s3"]
    with world.denied(function_of(OBJECTS), "s3:PutBucketPolicy"):
        world.account.deliver(event(SCAN))
        assert world.case().status is Status.FAILED
    assert world.state["s3"] == before


# ---- again, protected, by ARN ----


def test_same_bytes_uploaded_again_are_quarantined_again(world: World) -> None:
    """The bucket keeps no versions: the upload has taken the tag away."""
    one = event(HOSTILE)
    world.send(one)
    named = {"Bucket": bucket_of(one), "Key": one["detail"]["s3ObjectDetails"]["objectKey"]}
    world.account.client("s3").put_object(**named, Body=b"malware")
    assert not any(map(is_quarantined, tags_of(world, bucket_of(one))))
    world.account.advance(_LATER, schedules="last")
    world.account.deliver(changed(one, "time", world.account.now.isoformat()))
    assert world.case().status is Status.CONTAINED
    assert all(map(is_quarantined, tags_of(world, bucket_of(one))))


def test_protected_bucket_protects_its_objects(world: World) -> None:
    one = event(HOSTILE)
    world.stage(one)
    before = world.state["s3"]
    world.set("protected", {f"arn:aws:s3:::{bucket_of(one)}"})
    world.account.deliver(one)
    assert world.case().status is Status.ESCALATED
    assert world.state["s3"] == before


def test_no_key_makes_an_object_protected(world: World) -> None:
    """An attacker chooses it: of a pattern only the bucket's own ARN counts."""
    one = event(HOSTILE)
    world.set("protected", {"arn:aws:s3:::*log-archive*"})
    world.send(one)
    assert "log-archive" in one["detail"]["s3ObjectDetails"]["objectKey"]
    assert world.case().status is Status.CONTAINED


def test_named_object_is_quarantined(world: World) -> None:
    one = event(HOSTILE)
    world.stage(one)
    before = world.state
    (item,) = finding_of(one).resources_of("AWS::S3::Object")
    assert named(world, OBJECTS.name, item.arn) == ""
    assert world.case().status is Status.CONTAINED
    assert all(map(is_quarantined, tags_of(world, bucket_of(one))))
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before


def _result(case: Case, action: str) -> Any:
    return next(result for result in case.results if result.action == action)
