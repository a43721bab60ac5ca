"""Stop stolen credentials: a user's access keys.

Target and ``resource`` name the user as those of its sessions do (``iam``).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Json, NotVerified, ResourceDeleted, Undone, UndoResult
from cordon.actions.grants import Grant
from cordon.actions.iam import REVOKE_USERS
from cordon.actions.principals import READ_USERS, raising_deleted, require_iam_name
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather


@dataclass(frozen=True)
class DisableAccessKeys(Action):
    """Set every active access key of a user to Inactive. Reversible: nothing is deleted.

    All of them, because each can start the next session, and a finding names one at most. A key
    that is created later is verified as active, and is set too when the action is applied again.

    captured  ``{"keys": {id: "Active" | "Inactive" | "Expired"}}``
    written   ``{"keys": {id: "Inactive"}}``: the keys that Cordon set
    """

    user: str

    family: ClassVar[str] = "user"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_USERS.allows("iam:ListAccessKeys"),
        REVOKE_USERS.allows("iam:UpdateAccessKey"),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = (READ_USERS.allows("iam:GetUser"),)

    def __post_init__(self) -> None:
        require_iam_name("user", self.user, 64)

    @property
    def target(self) -> str:
        return f"iam-access-keys:{self.place.account}:{self.user}"

    @property
    def in_words(self) -> str:
        return "sets every active access key of the user to inactive"

    @property
    def shuts_out(self) -> str:
        return "every person and workload that uses an access key of this user"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"user/{self.user}", region="")

    def capture(self, aws: AwsClients) -> Json:
        return {"keys": self._keys(aws)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        shown = self._keys(aws) if current is None else current["keys"]
        seen = [*captured["keys"].items(), *shown.items()]
        active = {key for key, status in seen if status == "Active"}
        wanted = sorted(active | set(written["keys"] if written else ()))
        done = gather(*(partial(self._set, aws, key, "Inactive") for key in wanted))
        if not all(done):
            self._keys(aws)  # a key is deleted, or the user with all of them
        return {
            "keys": {key: "Inactive" for key, was_set in zip(wanted, done, strict=True) if was_set}
        }

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        active = [key for key, status in self._keys(aws).items() if status == "Active"]
        if active:
            raise NotVerified(f"{self.resource}: still Active: access key {', '.join(active)}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            shown = self._keys(aws)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        keys = sorted({*captured["keys"], *written["keys"], *shown})
        undone = [self._undo_key(aws, key, captured, written, shown.get(key)) for key in keys]
        left = {key: status for key, (status, _) in zip(keys, undone, strict=True) if status}
        reasons = "; ".join(reason for _, reason in undone if reason)
        return UndoResult(Undone.DRIFTED if reasons else Undone.RESTORED, reasons, {"keys": left})

    def _undo_key(
        self, aws: AwsClients, key: str, captured: Json, written: Json, status: str | None
    ) -> tuple[str, str]:
        """The status it is left with ("" for deleted), and what a person changed.

        Set again also where a reading shows the captured status already: it may be old.
        """
        was = captured["keys"].get(key)
        if status is None:
            return "", f"access key {key} was deleted: it cannot be restored"
        if key in written["keys"] and status in ("Inactive", was or "Active"):
            if self._set(aws, key, was or "Active"):
                return was or "Active", ""
            return "", f"access key {key} was deleted: it cannot be restored"
        if was is None:
            return status, f"a person created access key {key}: it was not changed"
        changed = f"a person set access key {key} to {status}: it was not changed"
        return status, "" if status == was else changed

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        shown = self._keys(aws)
        for key, status in left["keys"].items():
            if shown.get(key) != status:
                raise NotVerified(f"access key {key} is {shown.get(key)}, not {status}")

    def _keys(self, aws: AwsClients) -> dict[str, str]:
        pages = aws.client("iam").get_paginator("list_access_keys").paginate(UserName=self.user)
        with raising_deleted(self.resource):
            listed = [key for page in pages for key in page["AccessKeyMetadata"]]
        return {str(key["AccessKeyId"]): str(key["Status"]) for key in listed}

    def _set(self, aws: AwsClients, key: str, status: str) -> bool:
        """False if the key is deleted."""
        try:
            aws.client("iam").update_access_key(UserName=self.user, AccessKeyId=key, Status=status)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                return False
            raise
        return True
