"""Stop long-term Amazon Bedrock API keys: service-specific credentials of a user.

Only those of Bedrock, by what is listed and by what the role is allowed. One is never reset: that
would make a new secret. A short-term API key is no credential of IAM's: it is a signed request of
the session that made it, and ends with that.

Sources: IAM API Reference, "UpdateServiceSpecificCredential", "ListServiceSpecificCredentials"
("CreateServiceSpecificCredential": at most two of a service for a user, so that one page has all);
Amazon Bedrock User Guide, "Handle compromised long-term and short-term Amazon Bedrock API keys";
Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
Management (IAM)": ``iam:ServiceSpecificCredentialServiceName`` is a key of the update and not of
the list.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.action import Json, Refused
from cordon.actions.credentials import DisableUserCredentials
from cordon.actions.grants import Grant, Statement
from cordon.actions.principals import READ_USERS, USERS, raising_deleted
from cordon.clients import AwsClients
from cordon.sources.shapes import BEDROCK

CREDENTIAL_ID = re.compile(r"[A-Za-z0-9_]{20,128}")  # the service model's pattern
_DISABLE = Statement(
    "DisableBedrockApiKeys",
    USERS,
    "the status of a Bedrock API key, Active or Inactive",
    {"StringEquals": {"iam:ServiceSpecificCredentialServiceName": BEDROCK}},
)


@dataclass(frozen=True)
class DisableBedrockApiKeys(DisableUserCredentials):
    """Set active Bedrock API keys of a user to Inactive. One that is Expired needs nothing."""

    family: ClassVar[str] = "api_key"
    words: ClassVar[str] = "Bedrock API key"
    kept: ClassVar[str] = "credentials"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_USERS.allows("iam:ListServiceSpecificCredentials"),
        _DISABLE.allows("iam:UpdateServiceSpecificCredential"),
    )

    @property
    def target(self) -> str:
        return f"bedrock-api-keys:{self.place.account}:{self.user}"

    @property
    def caution(self) -> str:
        return (
            "an application that works with such a key stops; short-term API keys are not reached,"
            " they end with the session that made them"
        )

    def is_id(self, text: str) -> bool:
        return CREDENTIAL_ID.fullmatch(text) is not None

    def capture(self, aws: AwsClients) -> Json:
        captured = super().capture(aws)
        if not captured[self.kept]:
            raise Refused(f"{self.resource} has no long-term Bedrock API key: none can be disabled")
        return captured

    def statuses(self, aws: AwsClients) -> dict[str, str]:
        with raising_deleted(self.resource):
            listed = aws.client("iam").list_service_specific_credentials(
                UserName=self.user, ServiceName=BEDROCK
            )
        found = listed["ServiceSpecificCredentials"]
        return {str(one["ServiceSpecificCredentialId"]): str(one["Status"]) for one in found}

    def set_status(self, aws: AwsClients, credential: str, status: str) -> None:
        aws.client("iam").update_service_specific_credential(
            UserName=self.user, ServiceSpecificCredentialId=credential, Status=status
        )
