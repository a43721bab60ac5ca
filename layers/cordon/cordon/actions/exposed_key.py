"""Stop an access key that AWS found in a public place. Its user is looked up, not known before.

IAM has no ARN for an access key: ``resource`` is ours, in IAM's form, with the key's id. What
protects the key's user protects the key (``cordon.protection``); an exemption names the key.

The key stays inactive: a release would make a published secret valid again. What was inactive
before is refused, since whoever set it so may make it active again: a release of another case, or a
person. So no case calls contained what another one may undo (docs/decisions/0046).

Sources: IAM API Reference, "GetAccessKeyLastUsed" (UserName: who owns the key), "UpdateAccessKey".
"""

from dataclasses import dataclass
from typing import ClassVar

from botocore.exceptions import ClientError

from cordon.actions.access_keys import DISABLE_KEYS, LONG_TERM, key_statuses
from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.credentials import ACTIVE, INACTIVE
from cordon.actions.grants import Grant
from cordon.actions.principals import NAME, READ_USERS
from cordon.clients import AwsClients, error_code


@dataclass(frozen=True)
class DisableExposedKey(Action):
    """Set one access key to Inactive, whoever of the account's users has it.

    captured  ``{"user": its name, "status": "Active" | "Inactive" | "Expired"}``
    written   ``{"user": its name, "status": "Inactive"}``
    """

    key: str

    family: ClassVar[str] = "exposed_key"
    kept_because: ClassVar[str] = (
        "AWS found the key in a public place, and an undo would make it valid again; whoever wants"
        " that does it themselves"
    )
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_USERS.allows("iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"),
        DISABLE_KEYS.allows("iam:UpdateAccessKey"),
    )
    looked_up: ClassVar[tuple[Grant, ...]] = (
        READ_USERS.allows("iam:GetAccessKeyLastUsed", "iam:GetUser"),
    )

    def __post_init__(self) -> None:
        if not LONG_TERM.fullmatch(self.key):
            raise ValueError(f"key: not the id of a long-term access key: {self.key[:20]!r}")

    @property
    def target(self) -> str:
        return f"iam-exposed-key:{self.place.account}:{self.key}"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", f"access-key/{self.key}", region="")

    @property
    def in_words(self) -> str:
        return f"sets the access key {self.key} to inactive"

    @property
    def shuts_out(self) -> str:
        return "every person and workload that uses this access key"

    @property
    def caution(self) -> str:
        return (
            "the key's user is looked up when it is changed; sessions that were started with the"
            " key go on"
        )

    def capture(self, aws: AwsClients) -> Json:
        """Raises Refused where it is no key of a user of this account, or not any more."""
        user = self._user(aws)
        try:
            return {"user": user, "status": self._status(aws, user)}
        except ResourceDeleted as deleted:
            raise Refused(self._nobody) from deleted

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        user = str(captured["user"])
        if captured["status"] != ACTIVE:
            raise Refused(
                f"access key {self.key} of user {user} was {captured['status']} already, so that"
                " nothing was changed. Delete it: whoever set it so, or a release of a case that"
                " did, can make it active again"
            )
        try:
            aws.client("iam").update_access_key(
                UserName=user, AccessKeyId=self.key, Status=INACTIVE
            )
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceDeleted(f"{self.resource} no longer exists") from error
            raise
        return {"user": user, "status": INACTIVE}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        if (status := self._status(aws, written["user"])) == ACTIVE:
            raise NotVerified(f"access key {self.key} of user {written['user']} is {status}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """A reading may be an old one: what it shows is said, and nothing follows from it."""
        try:
            status = self._status(aws, written["user"])
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        now = "" if status == INACTIVE else f"; a reading shows it {status} now"
        return UndoResult(Undone.KEPT, f"{self.kept_because}{now}")

    def note(self, written: Json) -> str:
        return f"it is a key of the user {written['user']}: delete it, and look for its sessions"

    def _user(self, aws: AwsClients) -> str:
        """Whose key it is. Raises Refused where IAM names no user of this account."""
        try:
            said = aws.client("iam").get_access_key_last_used(AccessKeyId=self.key)
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise Refused(self._nobody) from error
            raise
        user = str(said.get("UserName", ""))
        if len(user) > 64 or not NAME.fullmatch(user):
            raise Refused(self._nobody)
        return user

    def _status(self, aws: AwsClients, user: str) -> str:
        """Raises ResourceDeleted where the user has no such key: it was deleted meanwhile."""
        status = key_statuses(aws, user, self.resource).get(self.key)
        if status is None:
            raise ResourceDeleted(f"{self.resource} is no key of user {user} any more")
        return status

    @property
    def _nobody(self) -> str:
        return (
            f"IAM names no user of account {self.place.account} who has the access key {self.key}:"
            " it was deleted, or it is root's or another account's. Look at the root user's keys,"
            " and inform the owner of the other account"
        )
