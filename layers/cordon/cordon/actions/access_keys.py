"""Stop stolen credentials: a user's access keys.

Target and ``resource`` name the user as those of its sessions do (``iam``). Two playbooks disable
access keys: all of a user, or one that is known with its user. They do it under one hold
(docs/decisions/0046).
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.credentials import DisableUserCredentials
from cordon.actions.grants import Grant, Statement
from cordon.actions.principals import READ_USERS, USERS, raising_deleted
from cordon.clients import AwsClients

LONG_TERM = re.compile(r"AKIA[A-Z0-9]{12,124}")  # IAM User Guide, "IAM identifiers"
DISABLE_KEYS = Statement(
    "DisableAccessKeys",
    USERS,
    "the status of an access key, Active or Inactive",
)


@dataclass(frozen=True)
class DisableAccessKeys(DisableUserCredentials):
    """Set active access keys of a user to Inactive. Reversible: nothing is deleted.

    Where a user's credentials are stolen all of them, because each can start the next session, and
    a finding names one at most.
    """

    family: ClassVar[str] = "user"
    words: ClassVar[str] = "access key"
    kept: ClassVar[str] = "keys"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_USERS.allows("iam:ListAccessKeys"),
        DISABLE_KEYS.allows("iam:UpdateAccessKey"),
    )

    @classmethod
    def held(cls) -> str:
        """The rows of a user's sessions are not opened by it."""
        return f"{cls.family}#iam-access-keys:"

    @property
    def target(self) -> str:
        return f"iam-access-keys:{self.place.account}:{self.user}"

    def is_id(self, text: str) -> bool:
        return LONG_TERM.fullmatch(text) is not None

    def statuses(self, aws: AwsClients) -> dict[str, str]:
        return key_statuses(aws, self.user, self.resource)

    def set_status(self, aws: AwsClients, credential: str, status: str) -> None:
        aws.client("iam").update_access_key(
            UserName=self.user, AccessKeyId=credential, Status=status
        )


def key_statuses(aws: AwsClients, user: str, resource: str) -> dict[str, str]:
    """Every access key of the user: id → status."""
    pages = aws.client("iam").get_paginator("list_access_keys").paginate(UserName=user)
    with raising_deleted(resource):
        listed = [key for page in pages for key in page["AccessKeyMetadata"]]
    return {str(key["AccessKeyId"]): str(key["Status"]) for key in listed}
