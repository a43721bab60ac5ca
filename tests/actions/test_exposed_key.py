"""An exposed key: whose it is, and what no case may call contained."""

from typing import Any

import pytest

from cordon.actions.action import NotVerified, Refused, ResourceDeleted, Undone
from cordon.actions.exposed_key import DisableExposedKey
from cordon.clients import AwsClients
from cordon.protection import resolve_arns
from tests.actions.iam.principals import recorded_changes
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_iam import KEY, USER, a_user, delete_key, keys, make_key, set_key

EXPOSED = DisableExposedKey(PLACE, KEY)
LAST = {"AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}


@pytest.mark.parametrize(
    "said", [None, {}, {"UserName": "111122223333 (root)"}, {"UserName": "not-here"}], ids=str
)
def test_key_of_nobody_here_is_refused(aws: AwsClients, said: dict[str, Any] | None) -> None:
    """Deleted, root's, or another account's: IAM says no more, and nor do we."""
    a_user()(aws)
    if said is not None:
        stub(aws, "iam", "GetAccessKeyLastUsed", lambda _: {**LAST, **said})
    with pytest.raises(Refused, match=r"no user of account .* root's or another account's"):
        EXPOSED.capture(aws)


@pytest.mark.parametrize("status", ["Inactive", "Expired"])
def test_key_that_was_not_active_is_not_called_contained(aws: AwsClients, status: str) -> None:
    """Another case may have set it so, and its release makes it active again."""
    keys(KEY="Active")(aws)
    calls = recorded_changes(aws)
    with pytest.raises(Refused, match=f"of user {USER} was {status} already.*Delete it"):
        EXPOSED.apply(aws, {"user": USER, "status": status}, None)
    assert calls == []


def test_key_deleted_meanwhile_is_said(aws: AwsClients) -> None:
    keys(KEY="Active")(aws)
    captured = EXPOSED.capture(aws)
    assert captured == {"user": USER, "status": "Active"}
    delete_key(aws)
    written = {"user": USER, "status": "Inactive"}
    with pytest.raises(ResourceDeleted):
        EXPOSED.apply(aws, captured, None)
    with pytest.raises(ResourceDeleted):
        EXPOSED.verify(aws, captured, written)
    assert EXPOSED.undo(aws, captured, written).state is Undone.RESOURCE_DELETED


def test_key_that_a_person_made_active_again_is_not_verified(aws: AwsClients) -> None:
    keys(KEY="Active")(aws)
    captured = EXPOSED.capture(aws)
    written = EXPOSED.apply(aws, captured, None)
    assert USER in EXPOSED.note(written)
    set_key("Active")(aws)
    with pytest.raises(NotVerified, match=KEY):
        EXPOSED.verify(aws, captured, written)
    assert "Active now" in EXPOSED.undo(aws, captured, written).reason


def test_what_protects_the_user_protects_the_key(aws: AwsClients) -> None:
    """Protection compares ARNs: a key's is its user's. One of nobody keeps its own."""
    aws.client("iam").create_user(UserName=USER, Path="/people/")
    unknown = resolve_arns((EXPOSED,), aws)
    assert unknown == {EXPOSED.resource: EXPOSED.resource}
    make_key(KEY)(aws)
    users = PLACE.arn("iam", f"user/people/{USER}", region="")
    assert resolve_arns((EXPOSED,), aws) == {EXPOSED.resource: users}


@pytest.mark.parametrize("key", ["", "ASIAIOSFODNN7EXAMPLE", "AKIA", "AKIA" + "a" * 16, "*"])
def test_no_key_reaches_a_call_that_is_none(key: str) -> None:
    with pytest.raises(ValueError, match="long-term access key"):
        DisableExposedKey(PLACE, key)
