"""What the reconciler works with: the table on moto, and stand-ins that can be broken.

OpsCenter and Security Hub are the embedded account's. States and queue are stand-ins: here it
counts what is started and sent.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from botocore.exceptions import ClientError

from cordon.clock import to_iso
from cordon.deployment import Deployment
from cordon.memory import parts, reported
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Decision, decision_row
from cordon.memory.table import Row, Table
from cordon.reconciling.run import Run, Summary
from cordon.statuses import Status
from embedded import backends
from tests.actions.scenario import PLACE, account
from tests.examples import ESCALATE, QUARANTINE
from tests.faults import Breakage, nothing
from tests.make import DEPLOYMENT, a_finding
from tests.memory.table import NAME, create

backends.install()

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLAYBOOKS = (ESCALATE.name, QUARANTINE.name)
ARNS = {name: PLACE.arn("lambda", f"function:cordon-{name}") for name in PLAYBOOKS}
HOME: Deployment = replace(
    DEPLOYMENT,
    account=PLACE.account,
    region=PLACE.region,
    table=NAME,
    reports_queue="https://sqs.us-east-1.amazonaws.com/123456789012/reports",
)
PARTS: Row = {
    "functions": {name: arn.rpartition(":")[2] for name, arn in ARNS.items()},
    "bulk_queues": {},
    "own_roles": "cordon-CloseAllRole",
}
SETTINGS = {
    "id": "settings",
    "master_switch": "on",
    "modes": dict.fromkeys(PLAYBOOKS, "enforce"),
    "budget": 10,
}


@dataclass
class States:
    """Step Functions: a name is taken once."""

    started: dict[str, dict[str, str]] = field(default_factory=dict)  # name → input
    calls: int = 0
    refused: str = ""  # part of a name that is refused

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:
        self.calls += 1
        assert stateMachineArn == HOME.workflow
        if self.refused and self.refused in name:
            raise _error("ServiceUnavailable", "StartExecution")
        if name in self.started:
            raise _error("ExecutionAlreadyExists", "StartExecution")
        self.started[name] = json.loads(input)
        return {"executionArn": name}

    @property
    def cases(self) -> list[str]:
        """The cases that were woken, in order."""
        return [given["case"] for given in self.started.values()]


@dataclass
class Queue:
    """SQS, as far as it takes messages."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0  # so many of each batch

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert QueueUrl == HOME.reports_queue
        assert 0 < len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        taken, refused = Entries[self.refused :], Entries[: self.refused]
        self.sent += [json.loads(entry["MessageBody"]) for entry in taken]
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in refused]}


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "the test says so"}}, operation)


@dataclass
class Breakable:
    """A client whose calls may fail, by their number."""

    service: str
    client: Any
    breakage: Callable[[], Breakage]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        operation = "".join(word.capitalize() for word in name.split("_"))

        def call(**params: Any) -> Any:
            return self.breakage().call(self.service, operation, lambda: method(**params))

        return call

    def get_paginator(self, name: str) -> Any:
        """One call, however many pages there are."""
        operation = "".join(word.capitalize() for word in name.split("_"))
        pages = self.client.get_paginator(name)
        breakage = self.breakage

        class Pages:
            def paginate(self, **params: Any) -> Any:
                return breakage().call("ssm", operation, lambda: list(pages.paginate(**params)))

        return Pages()


@dataclass
class Account:
    """One account, at a moment that only the test moves."""

    aws: Any
    clock: Any
    states: States = field(default_factory=States)
    queue: Queue = field(default_factory=Queue)
    breakage: Breakage = field(default_factory=nothing)
    deployment: Deployment = HOME

    def client(self, service: str) -> Any:
        ours = {"stepfunctions": self.states, "sqs": self.queue}
        client = ours.get(service) or self.aws.client(service)
        return Breakable(service, client, lambda: self.breakage)

    @property
    def table(self) -> Table:
        """As a person, or another function, reads and writes it."""
        return Table(self.aws.client("dynamodb"), NAME)

    def passes(self, **time: float) -> None:
        self.clock.shift(timedelta(**time))

    def run(self, seconds: float = 240) -> Summary:
        """One invocation."""
        table = Table(self.client("dynamodb"), NAME)
        with self.breakage.process():
            return Run(self.deployment, table, self.client, lambda: seconds).run()

    def opens(self, status: Status, case: str = "0123456789abcdef", **changes: Any) -> Case:
        """A case as its playbook writes it."""
        finding = a_finding()
        plan = QUARANTINE.plan_for(finding, DEPLOYMENT)
        given: dict[str, Any] = {
            "mode": "enforce",
            "verdict": "contain",
            "reason": "mode is enforce",
            "playbook": QUARANTINE.name,
            "function_arn": ARNS[QUARANTINE.name],
            **changes,
        }
        new = Case(
            id=case,
            finding=finding,
            plan=plan,
            plan_hash=plan.hash,
            status=status,
            opened_at=NOON,
            last_activity=NOON,
            **given,
        )
        return Cases(self.table, new.playbook).open(new)

    def decides(self, case: Case, decision: Decision) -> None:
        self.table.put(decision_row(case.playbook, case.id, decision, 365))

    def reports(self, case: Case, **changes: Any) -> None:
        """What the reporter writes once it has shown the case."""
        row = {"id": reported.key(case.playbook, case.id), "version": case.version, **changes}
        self.table.put(row)

    def reports_heartbeat(self) -> None:
        """What the reporter writes when the stream rings."""
        row = self.table.get("case#self_test#heartbeat")["case#self_test#heartbeat"]
        self.table.put({"id": "reported#self_test#heartbeat", "version": row["version"]})

    def sets(self, **entries: Any) -> None:
        self.table.put({**SETTINGS, "changed_at": to_iso(NOON), **entries})


@contextmanager
def an_account(at: datetime = NOON) -> Iterator[Account]:
    """It has settings and the stack's parts, and nothing else."""
    with time_machine.travel(at, tick=False) as clock, account() as aws:
        create(aws.client("dynamodb"))
        found = Account(aws, clock)
        found.sets()
        parts.save(found.table, PARTS)
        yield found
