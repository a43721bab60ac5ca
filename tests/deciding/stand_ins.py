"""A desk whose rows are DynamoDB's, and whose other services only keep what they are called for."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from cordon.deciding.cases import decide_case
from cordon.deciding.desk import Desk, Response
from cordon.deciding.request import Caller, OnCase
from cordon.deployment import Deployment
from cordon.headers import headers
from cordon.memory import parts
from cordon.memory import settings as settings_row
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Decision, Verb
from cordon.memory.table import Row
from cordon.playbook import Playbook
from cordon.statuses import Status
from tests.examples import HEADERS, QUARANTINE
from tests.fencing.stand_ins import Clock, MemoryBucket
from tests.make import ACCOUNT, DEPLOYMENT
from tests.memory.table import dynamodb_table
from tests.reporting.cases import a_case

FUNCTIONS = Path(__file__).parents[2] / "functions"
NAMES = tuple(HEADERS)
API = "a1b2c3d4e5"
ADA = f"arn:aws:iam::{ACCOUNT}:user/ada"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
CASE = "0123456789abcdef"
QUEUES = "https://sqs.eu-central-1.amazonaws.com/111122223333"
DESK = replace(
    DEPLOYMENT,
    break_glass=(f"arn:aws:iam::{ACCOUNT}:role/BreakGlass",),
    desk_api=API,
    reports_queue=f"{QUEUES}/Reports",
    dead_letters={
        name: f"{QUEUES}/{name}"
        for name in ("UndeliveredEvents", "FailedInvocations", "FailedBulkEvents", "FailedReports")
    },
)
FUNCTIONS_OF = {name: f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}" for name in NAMES}
PARTS: Row = {
    "functions": {name: name for name in NAMES},
    "bulk_queues": {QUARANTINE.name: "Bulk"},
    "own_roles": DESK.own_roles[0].rpartition("/")[2],
}
ENVIRONMENT = replace(DESK, own_roles=())  # they come from the table
SETTINGS: Row = {
    "id": settings_row.KEY,
    "master_switch": "on",
    "modes": dict.fromkeys(NAMES, "approve"),
    "budget": 10,
    "budgets": {},
    "exemptions": {},
    "protected": frozenset({"arn:aws:s3:::protected-*"}),
    "version": 1,
}


@cache
def playbooks() -> Mapping[str, Playbook]:
    """The headers, as the deployed desk finds them."""
    return headers(FUNCTIONS)


def refused(code: str, operation: str) -> ClientError:
    """A service's refusal."""
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Calls:
    """Step Functions, Lambda and IAM: what they were called with, and what they refuse."""

    started: list[dict[str, Any]] = field(default_factory=list)
    invoked: list[dict[str, Any]] = field(default_factory=list)
    fails: str = ""  # the code with which executions are refused
    paths: dict[str, str] = field(default_factory=dict)  # of roles that may be looked up

    def start_execution(self, **request: Any) -> None:
        if self.fails:
            raise refused(self.fails, "StartExecution")
        self.started.append(request | {"input": json.loads(request["input"])})

    def invoke(self, **request: Any) -> None:
        self.invoked.append(request | {"Payload": json.loads(request["Payload"])})

    def get_role(self, *, RoleName: str) -> dict[str, Any]:
        if RoleName not in self.paths:
            raise refused("AccessDenied", "GetRole")
        return {"Role": {"Path": self.paths[RoleName]}}


@dataclass
class Queues:
    """SQS: letters by queue, each visible once."""

    letters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    def put(self, queue: str, body: Any, **letter: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        there = self.letters.setdefault(queue, [])
        there.append({"Body": text, "ReceiptHandle": f"{queue}-{len(there)}", **letter})

    def receive_message(self, *, QueueUrl: str, **_: Any) -> dict[str, Any]:
        there = self.letters.get(QueueUrl.rpartition("/")[2], [])
        seen = [one for one in there if one["ReceiptHandle"] not in self.hidden][:10]
        self.hidden |= {one["ReceiptHandle"] for one in seen}
        return {"Messages": seen} if seen else {}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        self.sent.append((QueueUrl.rpartition("/")[2], MessageBody))

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        queue = QueueUrl.rpartition("/")[2]
        there = self.letters[queue]
        self.letters[queue] = [one for one in there if one["ReceiptHandle"] != ReceiptHandle]


@dataclass
class Office:
    """A desk and what is around it."""

    desk: Desk
    clock: Clock
    calls: Calls
    queues: Queues
    bucket: MemoryBucket

    def having(self, case: Case) -> Case:
        """The case is in the table."""
        return self.cases(case.playbook).open(replace(case, version=0))

    def cases(self, playbook: str = QUARANTINE.name) -> Cases:
        return Cases(self.desk.table, playbook)

    def decision(self, case: str = CASE, playbook: str = QUARANTINE.name) -> Decision | None:
        return self.desk.decided(playbook, case)

    @property
    def settings(self) -> Row:
        return settings_row.read(self.desk.table) or {}

    def set(self, **entries: Any) -> None:
        """The settings row as it is, but for these entries."""
        self.desk.table.put({**SETTINGS, **self.settings, **entries})

    def deployed(self, **changes: Any) -> "Office":
        """The same office of another deployment."""
        environment: Deployment = replace(self.desk.environment, **changes)
        self.desk = replace(self.desk, environment=environment)
        return self

    def does(self, verb: Verb, by: str = ADA, **body: str) -> Response:
        """One person decides of the case."""
        return decide_case(verb, OnCase(**{"case": CASE, **body}), caller(by), self.desk)


def caller(arn: str = ADA, **more: str) -> Caller:
    """Who signs a request."""
    given = {"access_key": "AKIAIOSFODNN7EXAMPLE", "source_ip": "203.0.113.7", **more}
    return Caller(arn=arn, request=given.pop("request", f"of-{arn[-3:]}"), api=API, **given)


@contextmanager
def office() -> Iterator[Office]:
    """An office with settings, and no case."""
    with dynamodb_table() as (table, _), Clock().installed() as clock:
        calls, queues, bucket = Calls(), Queues(), MemoryBucket()
        services = {"stepfunctions": calls, "lambda": calls, "iam": calls}
        clients: dict[str, Any] = {**services, "sqs": queues, "s3": bucket}
        desk = Desk(
            ENVIRONMENT, playbooks(), table, clients.__getitem__, Logger(service="decide_cases")
        )
        one = Office(desk, clock, calls, queues, bucket)
        one.set()
        parts.save(table, PARTS)
        yield one


def waiting(**changes: Any) -> Case:
    """A case that awaits approval."""
    return a_case(Status.AWAITING_APPROVAL, **changes)
