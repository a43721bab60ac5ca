"""What IAM knows of an account: roles, users, keys and their policies, as moto has them now."""

import json
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Any

from embedded import policy_evaluation
from embedded.required_permission import AccountFacts


class IamDirectory(AccountFacts):
    """What IAM knows of the account now, read from moto's backends."""

    def __init__(self, account: str, partition: str) -> None:
        from moto.iam.models import iam_backends

        self._account, self._partition = account, partition
        self._backend = iam_backends[account][partition]

    def principal(self, arn: str) -> Any:
        """moto's role or user. None if there is none."""
        name = arn.rsplit("/", 1)[-1]  # moto makes an ARN anew each time that it is read
        everyone: Iterable[Any] = chain(self._backend.roles.values(), self._backend.users.values())
        return next((p for p in everyone if p.name == name and p.arn == arn), None)

    def roles(self) -> list[str]:
        """The names of all roles."""
        return [role.name for role in self._backend.roles.values()]

    def role_arn(self, name: str) -> str | None:
        """The ARN of a role, with its path."""
        found = (r.arn for r in self._backend.roles.values() if r.name == name)
        return next(found, None)

    def user_arn(self, name: str) -> str | None:
        """The ARN of a user, with its path."""
        user = self._backend.users.get(name)
        return user.arn if user else None

    def key_owner(self, access_key_id: str) -> str | None:
        """The user an access key belongs to."""
        key = self._backend.access_keys.get(access_key_id)
        return key.user_name if key else None

    def credential_service(self, credential_id: str) -> str | None:
        """The service that a service-specific credential is for."""
        from embedded.backends.iam import service_of
        from embedded.backends.registry import Where

        where = Where(self._account, "us-east-1", self._partition)
        return service_of(credential_id, where) or None

    def boundary_of(self, arn: str) -> str | None:
        """The permissions boundary's ARN."""
        found = self.principal(arn)
        return getattr(found, "permissions_boundary_arn", None)

    def partition_key(self, arn: str) -> str | None:
        """The first key attribute of a table or index. None if there is no such table or index."""
        from moto.dynamodb.models import dynamodb_backends

        _, _, _, region, account, resource = arn.split(":", 5)
        _, name, *index = resource.split("/")
        table = dynamodb_backends[account][region].tables.get(name)
        if table is None:
            return None
        schemas = {None: table.schema} | {one.name: one.schema for one in table.all_indexes()}
        schema = schemas.get(index[-1] if index else None, [])
        return next((str(key["AttributeName"]) for key in schema if key["KeyType"] == "HASH"), None)

    def tags_of(self, arn: str) -> dict[str, str]:
        """A role's tags."""
        role = self.principal(arn)
        tags = role.get_tags() if hasattr(role, "get_tags") else []
        return {t["Key"]: t["Value"] for t in tags}

    def policies_of(self, arn: str) -> list[tuple[str, policy_evaluation.Policy]]:
        """A role's or user's policies by name: inline, then attached."""
        found = self.principal(arn)
        if found is None:
            return []
        inline = [(name, parsed(_as_text(doc))) for name, doc in found.policies.items()]
        attached = [(p.arn, parsed(_default(p))) for p in found.managed_policies.values()]
        return [*inline, *attached]

    def managed(self, arn: str) -> policy_evaluation.Policy | None:
        """A managed policy's default version."""
        policy = self._backend.managed_policies.get(arn)
        return parsed(_default(policy)) if policy is not None else None

    def trust_of(self, arn: str) -> policy_evaluation.Policy | None:
        """A role's trust policy. None if the role does not exist."""
        role = self.principal(arn)
        return parsed(_as_text(role.assume_role_policy_document)) if role is not None else None


def _as_text(document: Any) -> str:
    if isinstance(document, str):
        return document
    return json.dumps(document)


def _default(policy: Any) -> str:
    return _as_text(next(v.document for v in policy.versions if v.is_default))


@lru_cache(maxsize=512)
def parsed(document: str) -> policy_evaluation.Policy:
    """A policy's document, read once. Nobody changes it."""
    return policy_evaluation.Document(policy_evaluation.parse(document))
