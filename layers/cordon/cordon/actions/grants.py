"""What a playbook's role must allow for an action, declared beside the calls that need it.

An action names its permissions once, each with the statement that it belongs to: on which
resources, and under which conditions. From these `make playbooks` makes the role in template.yaml
and the table in docs/permissions.md; the contract test compares them with the calls that are made.
Resources and condition keys: Service Authorization Reference, by service.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN_ACCOUNT = "${AWS::AccountId}"
CORDON_TAGS = {"ForAllValues:StringLike": {"aws:TagKeys": ["cordon:*"]}}


@dataclass(frozen=True)
class Statement:
    """One statement of a role, without its permissions: those are the actions'.

    ``resource`` has CloudFormation's pseudo parameters, as ``Fn::Sub`` resolves them; so have the
    values of ``condition``.
    """

    sid: str
    resource: str
    why: str
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    wide: str = ""  # why the resource has a wildcard: one of the statements with it says so

    def allows(self, *permissions: str) -> "Grant":
        """These permissions under this statement."""
        return Grant(self, permissions)


@dataclass(frozen=True)
class Grant:
    """Some permissions, IAM's names, and the statement that they belong to."""

    statement: Statement
    permissions: tuple[str, ...]


STATE = "the state of the resource: captured before the change, verified after it"
