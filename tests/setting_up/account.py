"""One account and Region with several stacks of Cordon, of which each has its own table.

Only ``setup`` runs here, on moto. CloudFormation is what the test says it is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import time_machine

from cordon.deployment import Deployment
from cordon.memory import settings as settings_row
from cordon.memory.table import Row, Table
from cordon.setting_up.handler import Setup
from cordon.setting_up.home import PARAMETER
from cordon.settings import Settings
from embedded import backends
from embedded.backends import Where, cloudformation
from tests.actions.scenario import PLACE, account
from tests.make import DEPLOYMENT, NOON

backends.install()

HERE = Where(PLACE.account, PLACE.region, "aws")
ENTRIES: Row = {"master_switch": "on", "modes": {}, "budget": 10, "budgets": {}, "exemptions": {}}
NAMES = ("a", "b", "c")
Hook = Callable[[str], None]


def stack_id(name: str) -> str:
    """The id of the stack of this name; its eight digits are the name's letter."""
    uuid = f"{name * 8}-0000-4000-8000-000000000000"
    return PLACE.arn("cloudformation", f"stack/cordon-{name}/{uuid}")


@dataclass
class Hooked:
    """A client that calls ``hook`` with the operation's name before each call."""

    client: Any
    hook: Hook

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if not callable(method):
            return method

        def call(*operation: str, **params: Any) -> Any:
            self.hook(*operation or (name,))  # get_paginator has its operation's name
            return method(*operation, **params)

        return call


def nothing(_: str) -> None:
    """No hook."""


@dataclass
class Stack:
    """One stack: what CloudFormation does with it, and what its ``setup`` does then."""

    name: str
    aws: Any
    status: str = ""  # "" before it is made
    hook: Hook = nothing

    @property
    def id(self) -> str:
        return stack_id(self.name)

    @property
    def deployment(self) -> Deployment:
        here = replace(DEPLOYMENT, account=PLACE.account, region=PLACE.region)
        own = f"cordon-{self.name}"
        return replace(here, table=own, evidence_bucket=f"{own}-evidence", stack=self.id)

    @property
    def table(self) -> Table:
        """As a person reads it."""
        return Table(self.aws.client("dynamodb"), self.deployment.table)

    @property
    def setup(self) -> Setup:
        """One invocation's."""

        def client(service: str) -> Any:
            return Hooked(self.aws.client(service), lambda operation: self.hook(operation))

        return Setup(self.deployment, client)

    def is_at(self, status: str) -> None:
        self.status = status
        cloudformation.set_status(HERE, self.id, status)

    def make(self) -> None:
        """The table, which every later deployment keeps."""
        self.is_at("CREATE_IN_PROGRESS")
        self.aws.client("dynamodb").create_table(
            TableName=self.deployment.table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.aws.client("s3").create_bucket(Bucket=self.deployment.evidence_bucket)

    def deploy(self) -> "Stack":
        """A first deployment that succeeds, with the look that comes after it."""
        self.make()
        self.setup.create(ENTRIES)
        self.is_at("CREATE_COMPLETE")
        self.setup.look()
        return self

    def delete(self) -> None:
        self.is_at("DELETE_IN_PROGRESS")
        self.setup.delete()
        self.is_at("DELETE_COMPLETE")

    @property
    def is_there(self) -> bool:
        """Are there functions that may respond to a finding?"""
        return self.status not in ("", "DELETE_COMPLETE")

    @property
    def row(self) -> Row:
        return settings_row.read(self.table) or {}

    @property
    def settings(self) -> Settings:
        """What its playbooks make of the row."""
        return settings_row.settings_of(settings_row.read(self.table))

    @property
    def serves(self) -> bool:
        """May its playbooks change resources?"""
        return self.is_there and not (self.settings.unreadable or self.settings.not_home)

    @property
    def protected(self) -> bool:
        described = self.aws.client("dynamodb").describe_table(TableName=self.deployment.table)
        return bool(described["Table"].get("DeletionProtectionEnabled"))


@dataclass
class Region:
    """What all stacks of an account and Region share, at a moment that only the test moves."""

    aws: Any
    clock: Any
    stacks: dict[str, Stack] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stacks = {name: Stack(name, self.aws) for name in NAMES}

    def __getitem__(self, name: str) -> Stack:
        return self.stacks[name]

    @property
    def claim(self) -> str:
        """The parameter's value; "" where there is none."""
        found = self.aws.client("ssm").get_parameters(Names=[PARAMETER])["Parameters"]
        return str(found[0]["Value"]) if found else ""

    def claims(self, value: str) -> None:
        """A person writes the parameter."""
        named = {"Name": PARAMETER, "Type": "String", "Value": value}
        self.aws.client("ssm").put_parameter(**named, Overwrite=True)

    def passes(self, **time: float) -> None:
        self.clock.shift(timedelta(**time))

    @property
    def actions(self) -> dict[str, str]:
        """The names of the custom actions that there are, by id."""
        listed = self.aws.client("securityhub").describe_action_targets()["ActionTargets"]
        return {one["ActionTargetArn"].rpartition("/")[2]: one["Name"] for one in listed}


@contextmanager
def a_region(at: datetime = NOON) -> Iterator[Region]:
    """No stack is there."""
    with time_machine.travel(at, tick=False) as clock, account() as aws:
        yield Region(aws, clock)
