"""The operator's choices: the deployment (environment) and the settings (SSM parameters).

The template fixes the deployment. Settings can change at any time without a deployment: each
invocation reads them through Powertools Parameters with a short cache. Settings that cannot be
read or parsed mean *observe*, with the reason.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from cordon.clock import from_iso

CACHE_SECONDS = 15


class Mode(StrEnum):
    """What a playbook may do: record only, wait for approval, or contain."""

    OBSERVE = "observe"
    APPROVE = "approve"
    ENFORCE = "enforce"


class MasterSwitch(StrEnum):
    """One parameter for all playbooks."""

    ON = "on"
    OBSERVE = "observe"  # no playbook changes anything
    OFF = "off"  # all playbooks ignore findings


@dataclass(frozen=True)
class Deployment:
    """Where this stack is and what it uses; from the function's environment."""

    account: str
    region: str
    partition: str
    table: str
    evidence_bucket: str
    topic: str
    parameters: str  # SSM path, "/cordon/<stack>"
    contain_workflow: str  # state machine ARN
    release_workflow: str
    break_glass: tuple[str, ...] = ()  # role ARNs (wildcards allowed) that Cordon never locks out
    member_role: str = ""  # role name in member accounts; "" if Cordon serves only its own account
    external_id: str = ""
    organization: str = ""  # o-…: its accounts are not external
    security_hub: bool = True  # False: Cordon reports nothing there
    own_roles: tuple[str, ...] = ()  # exact ARNs of this stack's roles
    evidence_days: int = 365  # how long evidence is kept, and closed cases with it
    approval_hours: int = 4  # how long a person may take to approve

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "Deployment":
        """Read ``CORDON_*``; a missing required name is a KeyError, not a silent default."""
        return cls(
            account=env["CORDON_ACCOUNT"],
            region=env["AWS_REGION"],
            partition=env["CORDON_PARTITION"],
            table=env["CORDON_TABLE"],
            evidence_bucket=env["CORDON_EVIDENCE_BUCKET"],
            topic=env["CORDON_TOPIC"],
            parameters=env["CORDON_PARAMETERS"],
            contain_workflow=env["CORDON_CONTAIN_WORKFLOW"],
            release_workflow=env["CORDON_RELEASE_WORKFLOW"],
            break_glass=tuple(filter(None, env.get("CORDON_BREAK_GLASS", "").split(","))),
            member_role=env.get("CORDON_MEMBER_ROLE", ""),
            external_id=env.get("CORDON_EXTERNAL_ID", ""),
            organization=env.get("CORDON_ORGANIZATION", ""),
            security_hub=env.get("CORDON_SECURITY_HUB", "true") == "true",
            own_roles=tuple(filter(None, env.get("CORDON_OWN_ROLES", "").split(","))),
            evidence_days=int(env.get("CORDON_EVIDENCE_DAYS", "365")),
            approval_hours=int(env.get("CORDON_APPROVAL_HOURS", "4")),
        )

    def own_roles_in(self, account: str) -> tuple[str, ...]:
        """ARNs of the roles that we use in an account: never a whole path."""
        if account == self.account:
            return self.own_roles
        arn = f"arn:{self.partition}:iam::{account}:role/cordon/{self.member_role}"
        return (arn,) if self.member_role else ()

    def never_locked_out(self, partition: str, account: str) -> tuple[str, ...]:
        """Roles that Cordon never locks out: break-glass, its own, and service-linked roles."""
        services = f"arn:{partition}:iam::{account}:role/aws-service-role/*"
        return (*self.break_glass, services, *self.own_roles_in(account))


@dataclass(frozen=True)
class Exemption:
    """A named person's decision that a playbook ignores a resource until a date."""

    playbook: str  # name, wildcards allowed
    resource: str  # ARN, wildcards allowed
    owner: str
    reason: str
    expires: datetime

    def covers(self, playbook: str, resource: str, now: datetime) -> bool:
        """True if it has not expired and both patterns match."""
        return (
            now < self.expires
            and fnmatchcase(playbook, self.playbook)
            and fnmatchcase(resource, self.resource)
        )


@dataclass(frozen=True)
class Settings:
    """The settings in force for one invocation."""

    modes: Mapping[str, Mode] = field(default_factory=dict)
    switch: MasterSwitch = MasterSwitch.ON
    exemptions: tuple[Exemption, ...] = ()
    protected: tuple[str, ...] = ()  # ARNs, wildcards allowed: Cordon never contains these
    budget: int = 10  # cases that may contain, per hour, playbook and account
    budgets: Mapping[str, int] = field(default_factory=dict)  # the same, for individual playbooks
    unreadable: str = ""  # why the settings could not be read; every mode is then observe

    def mode(self, playbook: str) -> Mode:
        """The playbook's mode; observe if none is set or the settings cannot be read."""
        return Mode.OBSERVE if self.unreadable else self.modes.get(playbook, Mode.OBSERVE)

    def budget_for(self, playbook: str) -> int:
        """How many cases of this playbook may contain per hour in one account."""
        return self.budgets.get(playbook, self.budget)


def parse(values: Mapping[str, str]) -> Settings:
    """Settings from the SSM values below the stack's path, by name.

    ``switch``, ``budget``, ``exemptions`` (JSON list), ``protected`` (ARN patterns, one per
    line or separated by commas), ``mode/<playbook>`` and ``budget/<playbook>``. Raises ValueError
    or KeyError with what is wrong.
    """
    exemptions = json.loads(values.get("exemptions", "[]"))
    return Settings(
        modes={name: Mode(v) for name, v in _below("mode/", values)},
        budgets={name: int(v) for name, v in _below("budget/", values)},
        switch=MasterSwitch(values.get("switch", MasterSwitch.ON)),
        exemptions=tuple(_exemption(e) for e in exemptions),
        protected=tuple(values.get("protected", "").replace(",", " ").split()),
        budget=int(values.get("budget", "10")),
    )


def _below(prefix: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(k.removeprefix(prefix), v) for k, v in values.items() if k.startswith(prefix)]


def _exemption(raw: Mapping[str, Any]) -> Exemption:
    expires = from_iso(raw["expires"])
    if not raw["owner"] or not raw["reason"]:
        raise ValueError("exemptions: each needs an owner and a reason")
    return Exemption(raw["playbook"], raw["resource"], raw["owner"], raw["reason"], expires)


def load(ssm: Any, path: str, *, max_age: int = CACHE_SECONDS) -> Settings:
    """The settings below ``path``. If they cannot be read, ``unreadable`` has the reason."""
    try:
        values = _provider(ssm).get_multiple(path, max_age=max_age, recursive=True)
    except (GetParameterError, ClientError, BotoCoreError) as error:
        return Settings(unreadable=f"settings cannot be read: {type(error).__name__}")
    try:
        return parse({str(k): str(v) for k, v in (values or {}).items()})
    except (ValueError, KeyError, TypeError) as error:
        return Settings(unreadable=f"settings cannot be understood: {error}")


@cache
def _provider(ssm: Any) -> SSMProvider:
    return SSMProvider(boto3_client=ssm)
