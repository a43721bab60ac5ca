"""Tags of a bucket, beyond the contract of all actions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.actions import Refused
from cordon.actions.s3 import (
    TagBucket,
)
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_s3 import (
    BUCKET,
    TAG,
    bucket,
    get_setting,
    tagged,
)


def test_other_tags_do_not_change(aws: AwsClients) -> None:
    bucket(tagged({"owner": "ml"}))(aws)
    TAG.apply(aws, TAG.capture(aws), None)
    tags = {t["Key"]: t["Value"] for t in get_setting(aws, "get_bucket_tagging", "TagSet")}
    ours = {"cordon:status": "quarantined", "cordon:case": "0123456789abcdef"}
    assert tags == {"owner": "ml", **ours}


@pytest.mark.parametrize(
    ("own", "excess", "new"),
    [
        (49, 1, "the tags cordon:case, cordon:status"),
        (50, 2, "the tags cordon:case, cordon:status"),
    ],
)
def test_bucket_without_room_is_refused_before_any_change(
    aws: AwsClients, own: int, excess: int, new: str
) -> None:
    """B22: it was a failed tag, three tries and a dead letter."""
    bucket(tagged({f"k{n}": "v" for n in range(own)}))(aws)
    with pytest.raises(Refused) as refused:
        TAG.capture(aws)
    expected = f"has {own} of at most 50 tags: remove {excess} to make room for {new}"
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("TooManyTags", "", "has no room for the tags cordon:case, cordon:status"),
        ("BadRequest", "Bucket tag count cannot be greater than 50", "has no room for the tags"),
        ("TagPolicyException", "", "a tag policy of the organization"),
    ],
)
def test_what_s3_will_never_accept_is_refused(
    aws: AwsClients, code: str, message: str, reason: str
) -> None:
    bucket()(aws)
    captured = TAG.capture(aws)
    _fail_tagging(aws, code, message)
    with pytest.raises(Refused, match=reason):
        TAG.apply(aws, captured, None)


@pytest.mark.parametrize("code", ["BadRequest", "InvalidRequest", "InvalidTag", "SlowDown"])
def test_other_errors_of_tagging_are_raised(aws: AwsClients, code: str) -> None:
    bucket()(aws)
    captured = TAG.capture(aws)
    _fail_tagging(aws, code, "something else")
    with pytest.raises(ClientError, match=code):
        TAG.apply(aws, captured, None)


def _fail_tagging(aws: AwsClients, code: str, message: str) -> None:
    def respond(_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "TagResource")

    stub(aws, "s3control", "TagResource", respond)


@pytest.mark.parametrize(
    "tags", [{"aws:x": ("a",)}, {"": ("a",)}, {"k": ()}, {"k": ("",)}, {}, {"k": "text"}]
)
def test_invalid_tag_is_an_error(tags: Any) -> None:
    with pytest.raises(ValueError, match=r"^tags: "):
        TagBucket(PLACE, BUCKET, tags)
