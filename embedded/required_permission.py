"""What a call needs, in IAM's terms, and the form of a rule that says it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from embedded.place import Place

Params = Mapping[str, Any]


class Unmapped(BaseException):
    """A call whose IAM action or resource we do not know.

    A BaseException, so that no handler mistakes it for a response of AWS.
    """


@dataclass(frozen=True)
class RequiredPermission:
    """One action on one resource that a call needs."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


class AccountFacts(Protocol):
    """Facts of the account that a call does not contain."""

    def role_arn(self, name: str) -> str | None:
        """The ARN of a role, with its path."""

    def user_arn(self, name: str) -> str | None:
        """The ARN of a user, with its path."""

    def key_owner(self, access_key_id: str) -> str | None:
        """The user name an access key belongs to."""

    def credential_service(self, credential_id: str) -> str | None:
        """The service that a service-specific credential is for."""

    def boundary_of(self, arn: str) -> str | None:
        """The permissions boundary of a role or user."""

    def partition_key(self, arn: str) -> str | None:
        """The name of the first key attribute of a DynamoDB table or index."""


Rule = Callable[[Params, Place, AccountFacts], Iterable[RequiredPermission]]


def tag_context(params: Params) -> dict[str, Any]:
    """aws:RequestTag/… and aws:TagKeys of a call that sets or removes tags."""
    tags = params.get("Tags", params.get("tags"))
    keys = list(params.get("TagKeys", params.get("tagKeys", [])))
    context: dict[str, Any] = {}
    for name, value in tag_pairs(tags):
        keys.append(name)
        context[f"aws:RequestTag/{name}"] = value
    return {**context, "aws:TagKeys": keys} if keys else context


def tag_pairs(tags: Any) -> list[tuple[str, str]]:
    """Names and values of tags, however the service spells them."""
    if isinstance(tags, Mapping):
        return [(str(k), str(v)) for k, v in tags.items()]
    return [
        (str(t.get("Key", t.get("key", ""))), str(t.get("Value", t.get("value", ""))))
        for t in tags or []
    ]
