"""Disabling access keys, with exact undo."""

import pytest

from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.action import NotVerified, ResourceDeleted, Undone
from cordon.clients import AwsClients
from tests.actions.iam.principals import NOW, recorded_changes
from tests.actions.scenario import PLACE, stub

KEYS = DisableAccessKeys(PLACE, "ada")


class TestAccessKeys:
    """All of them: each can start the next session, whichever the finding names (B2)."""

    def test_plan_of_all_keys_is_as_it_was_before_one_could_be_named(self) -> None:
        """Else whoever has approved one during an update has approved another plan."""
        assert KEYS.to_json().keys() == {"action", "place", "user"}

    def make(self, aws: AwsClients, status: str = "Active") -> str:
        iam = aws.client("iam")
        made = str(iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"])
        iam.update_access_key(UserName="ada", AccessKeyId=made, Status=status)
        return made

    def statuses(self, aws: AwsClients) -> dict[str, str]:
        keys = aws.client("iam").list_access_keys(UserName="ada")["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

    def set(self, aws: AwsClients, key: str, status: str) -> None:
        aws.client("iam").update_access_key(UserName="ada", AccessKeyId=key, Status=status)

    def delete(self, aws: AwsClients, key: str) -> None:
        aws.client("iam").delete_access_key(UserName="ada", AccessKeyId=key)

    def test_all_active_keys_are_set(self, aws: AwsClients) -> None:
        one, two = sorted([self.make(aws), self.make(aws)])
        captured = KEYS.capture(aws)
        assert captured == {"keys": {one: "Active", two: "Active"}}
        written = KEYS.apply(aws, captured, None)
        assert written == {"keys": {one: "Inactive", two: "Inactive"}}
        assert self.statuses(aws) == written["keys"]
        KEYS.verify(aws, captured, written)
        assert KEYS.until_safe_to_undo(captured, written) is None
        assert not KEYS.again(NOW, written)
        assert KEYS.undo(aws, captured, written).state is Undone.RESTORED
        assert self.statuses(aws) == captured["keys"]

    def test_inactive_key_is_not_written(self, aws: AwsClients) -> None:
        old, new = self.make(aws, "Inactive"), self.make(aws)
        captured = KEYS.capture(aws)
        calls = recorded_changes(aws)
        written = KEYS.apply(aws, captured, None)
        assert written == {"keys": {new: "Inactive"}}
        assert KEYS.undo(aws, captured, written).state is Undone.RESTORED
        assert calls == ["UpdateAccessKey"] * 2
        assert self.statuses(aws) == {old: "Inactive", new: "Active"}

    def test_drift_is_per_key(self, aws: AwsClients) -> None:
        old, new = self.make(aws, "Inactive"), self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.set(aws, old, "Active")
        undone = KEYS.undo(aws, captured, written)
        assert undone.state is Undone.DRIFTED
        assert undone.reason == f"a person set access key {old} to Active: it was not changed"
        assert self.statuses(aws) == {old: "Active", new: "Active"}
        KEYS.verify_undone(aws, undone.left or {})

    def test_key_created_meanwhile_stays(self, aws: AwsClients) -> None:
        first = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        later = self.make(aws)
        undone = KEYS.undo(aws, captured, written)
        assert undone.state is Undone.DRIFTED
        assert undone.reason == f"a person created access key {later}: it was not changed"
        assert self.statuses(aws) == {first: "Active", later: "Active"}

    def test_key_created_meanwhile_is_not_contained(self, aws: AwsClients) -> None:
        """A thief may have made it: it is set when the action is applied anew, and put back."""
        self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        later = self.make(aws)
        with pytest.raises(NotVerified, match=later):
            KEYS.verify(aws, captured, written)
        for _ in ("anew", "once more"):
            written = KEYS.apply(aws, captured, written)
            KEYS.verify(aws, captured, written)
        assert KEYS.undo(aws, captured, written).state is Undone.RESTORED
        assert set(self.statuses(aws).values()) == {"Active"}

    def test_key_deleted_meanwhile_is_said(self, aws: AwsClients) -> None:
        one, two = self.make(aws), self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.delete(aws, one)
        again = KEYS.apply(aws, captured, written, captured)  # an old reading still has it
        assert again == {"keys": {two: "Inactive"}}
        KEYS.verify(aws, captured, again)
        undone = KEYS.undo(aws, captured, again)
        assert undone.state is Undone.DRIFTED
        assert undone.reason == f"access key {one} was deleted: it cannot be restored"
        assert self.statuses(aws) == {two: "Active"}
        KEYS.verify_undone(aws, undone.left or {})

    def test_key_that_expired_is_not_set(self, aws: AwsClients) -> None:
        key = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        found = [{"UserName": "ada", "AccessKeyId": key, "Status": "Expired"}]
        stub(aws, "iam", "ListAccessKeys", lambda _: {"AccessKeyMetadata": found})
        calls = recorded_changes(aws)
        undone = KEYS.undo(aws, captured, written)
        assert (undone.state, "Expired" in undone.reason) == (Undone.DRIFTED, True)
        assert calls == []

    def test_verify_fails_after_a_manual_change(self, aws: AwsClients) -> None:
        key = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.set(aws, key, "Active")
        with pytest.raises(NotVerified, match=key):
            KEYS.verify(aws, captured, written)

    def test_deleted_user_is_reported(self, aws: AwsClients) -> None:
        key = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.delete(aws, key)
        aws.client("iam").delete_user(UserName="ada")
        with pytest.raises(ResourceDeleted):
            KEYS.capture(aws)
        for current in (None, captured):
            with pytest.raises(ResourceDeleted):
                KEYS.apply(aws, captured, written, current)
        assert KEYS.undo(aws, captured, written).state is Undone.RESOURCE_DELETED
