"""Keep a KMS key from being deleted, and make one usable that was disabled.

A cancelled deletion leaves the key Disabled, whatever it was before; nothing keeps what it was. So
it is enabled only where the event itself says that it was disabled. Neither is undone: that would
schedule the deletion again, or make what is encrypted unreadable.

Sources: AWS KMS API Reference, "CancelKeyDeletion", "EnableKey"; AWS KMS Developer Guide, "Key
states of AWS KMS keys", "Cancel key deletion"; not for keys of other accounts.
"""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions.action import Json
from cordon.actions.detection import DetectionSwitch, require
from cordon.actions.grants import Grant, Statement
from cordon.actions.switch import State
from cordon.clients import AwsClients, error_code

KEY_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
)
PENDING = ("PendingDeletion", "PendingReplicaDeletion")
KEPT, ENABLED = "kept", "Enabled"  # in our words, and in KMS's
WRONG_STATE = "KMSInvalidStateException"
_KEYS = Statement(
    "RestoreKeys",
    "arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*",
    "cancels the deletion of a key, enables one that was disabled, and reads its state; the key's"
    " own policy must allow it too",
    wide="an event names any key of the account",
)


@dataclass(frozen=True)
class RestoreKey(DetectionSwitch):
    """Cancel the deletion of a key if it is scheduled, and enable the key if ``enable``."""

    key: str
    enable: bool

    grants: ClassVar[tuple[Grant, ...]] = (
        _KEYS.allows("kms:CancelKeyDeletion", "kms:DescribeKey", "kms:EnableKey"),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"NotFoundException"})
    kept_because: ClassVar[str] = (
        "an undo would schedule the deletion of the key again, or disable it; whoever wants that"
        " does it themselves"
    )

    def __post_init__(self) -> None:
        require(KEY_ID, "key", self.key)

    @property
    def target(self) -> str:
        return f"kms-key:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("kms", f"key/{self.key}")

    @property
    def in_words(self) -> str:
        cancels = "cancels the deletion of the key if it is scheduled"
        return f"{cancels}, and enables the key" if self.enable else cancels

    @property
    def caution(self) -> str:
        if self.enable:
            return "a key that was disabled on purpose can be used again"
        return (
            "a cancelled deletion leaves the key Disabled, and what it encrypts unreadable, until"
            " a person enables it"
        )

    @property
    def wanted(self) -> State:
        return {"deletion": KEPT, "state": ENABLED} if self.enable else {"deletion": KEPT}

    def combine(self, other: Self) -> Self:
        return replace(self, enable=self.enable or other.enable)

    def read(self, aws: AwsClients) -> State:
        """``state`` as KMS has it; ``deletion`` says whether that is one before a deletion."""
        state = str(aws.client("kms").describe_key(KeyId=self.key)["KeyMetadata"]["KeyState"])
        return {"deletion": "scheduled" if state in PENDING else KEPT, "state": state}

    def turn(self, aws: AwsClients, state: State) -> None:
        """KMS refuses to cancel where nothing is scheduled: then there is nothing to cancel."""
        kms = aws.client("kms")
        try:
            kms.cancel_key_deletion(KeyId=self.key)
        except ClientError as error:
            if error_code(error) != WRONG_STATE:
                raise
        if self.enable:
            kms.enable_key(KeyId=self.key)

    def note(self, written: Json) -> str:
        return "" if self.enable else "the key may be Disabled: a person enables it"
