"""An embedded account with the operator's tools and the auditor's eyes.

``World`` is what the promises are shown on: put an event in, look at what is there.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from console.account import cordon_account, operator_of
from console.expected import break_glass_role, deployed, home_of
from console.permissions.record import Record
from console.permissions.used import uses
from console.playbook_blocks.block import calls_parameter, logical_name
from console.playbooks import playbooks
from console.stack import NotPossible, Stack
from console.staging import stage
from console.staging.baseline import LOG_ROLE
from cordon.actions.revocation_policy import POLICY_NAME
from cordon.finding import Finding, Malformed
from cordon.memory.cases import Case
from cordon.memory.decisions import Decision, Decisions, Verb
from cordon.memory.holds import Hold, hold_of
from cordon.memory.reported import Reported, ReportedRows
from cordon.memory.table import encode, row_of
from cordon.settings import Mode
from cordon.sources import read
from cordon.sources.own_finding import id_of
from embedded.account import EmbeddedAccount
from embedded.functions import InvocationResult
from embedded.journal import Called, DeadLettered, Delivery, Dropped, Invoked, Published
from embedded.place import Place
from tests.examples import event

ROOT = Path(__file__).parents[2]
PLAYBOOKS = {playbook.name: logical_name(playbook.name) for playbook in playbooks(ROOT)}
HOME = ("111122223333", "us-east-1", "aws")
Refused = NotPossible  # what the desk does not allow
SOMEBODY = f"arn:aws:iam::{HOME[0]}:user/somebody"
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
RECORDS = ("ssm", "securityhub")  # of a snapshot: what is reported, not what is contained

Event = dict[str, Any]


def chosen(action: str, finding: dict[str, Any]) -> Event:
    """A reviewer chose CordonContain or CordonRelease for a finding in Security Hub."""
    one = event(f"custom_action_{action.removeprefix('Cordon').lower()}_s3_8")
    one["detail"]["findings"] = [finding]
    return one


def changed(one: Event, path: str, value: Any) -> Event:
    """A copy of an event with one member changed: ``detail.severity``, ``detail.findings.0.Id``."""
    copy = json.loads(json.dumps(one))
    *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
    inside: Any = copy
    for key in way:
        inside = inside[key]
    inside[last] = value
    return dict(copy)


def without(one: Event, path: str) -> Event:
    """A copy of an event with one member taken out."""
    way, _, last = path.rpartition(".")
    copy = json.loads(json.dumps(one))
    inside: Any = copy
    for key in way.split("."):
        inside = inside[int(key)] if key.isdigit() else inside[key]
    del inside[last]
    return dict(copy)


@contextmanager
def entered(
    mode: str, *, home: tuple[str, str, str] = HOME, hub: bool = True, **parameters: str
) -> Iterator["World"]:
    """The account of the real template, all playbooks in one mode ("" for the defaults)."""
    account, region, partition = home
    modes = {f"Mode{logical}": mode for logical in PLAYBOOKS.values()} if mode else {}
    if mode:  # deployed as the operator's guide says, with somebody who is never locked out
        modes |= {calls_parameter(one.name): "true" for one in playbooks(ROOT) if one.optional}
        modes["BreakGlassRoles"] = break_glass_role(Place(account, region, partition))
        modes["InvocationLogRole"] = LOG_ROLE
    with cordon_account(
        Place(account, region, partition), {**modes, **parameters}, start=START, security_hub=hub
    ) as embedded:
        yield World(embedded)


@dataclass(frozen=True)
class World:
    """See the module's docstring."""

    account: EmbeddedAccount

    # ---- doing ----

    def stage(self, one: Event) -> None:
        """Make what the event's finding names exist, as bad as it says."""
        try:
            stage(read(one), self.account.client)
        except Malformed:
            return

    def send(self, one: Event) -> Delivery:
        """Stage what an event names, and deliver it."""
        self.stage(one)
        return self.account.deliver(one)

    @property
    def operator(self) -> Stack:
        """What ``cordon approve`` and the other commands work with."""
        return operator_of(self.account)

    def approve(self, case: Case, plan: str = "", *, patience: timedelta | None = None) -> None:
        """As ``cordon approve`` does. Raises Refused. ``patience``: for what needs time."""
        self.operator.decide(case, Verb.APPROVE, plan or case.plan_hash)
        self.account.settle(patience=patience)

    def reject(self, case: Case) -> None:
        """As ``cordon reject`` does. Raises Refused."""
        self.operator.decide(case, Verb.REJECT, case.plan_hash)
        self.account.settle()

    def release(self, case: Case) -> Case:
        """As ``cordon release`` does, until its workflow has ended."""
        self.operator.release(case, "the test releases")
        self.account.settle()
        return self.in_time(case)

    def in_time(self, case: Case) -> Case:
        """The case when what it waits for may be done, as often as it waits."""
        while (now := self.operator.case(case.id)).not_before is not None:
            if now.not_before <= self.account.now:
                break
            left = now.not_before - self.account.now
            self.account.advance(left + timedelta(seconds=1), schedules="last")
        return now

    def decide(self, case: Case, verb: Verb, **changes: Any) -> None:
        """Record what a person decided, past the desk, and wake nobody."""
        made = {"round": case.round, "plan_hash": case.plan_hash, "by": SOMEBODY, "why": "a test"}
        rows, name = Decisions(self.operator.table), (case.playbook, case.id)
        rows.save(*name, Decision(verb, **{**made, **changes}), rows.get([name]).get(name))

    def proceed(self, case: Case, **more: Any) -> InvocationResult:
        """Wake the case's playbook, as the workflow does."""
        command = {"do": "proceed", "case": case.id, **more}
        return self.account.invoke(PLAYBOOKS[case.playbook], {"cordon": command})

    def set(self, name: str, value: Any) -> None:
        """Change a setting by a plain command: ``master_switch``, ``modes.close_database``."""
        self.write_setting(name, encode(value))

    def write_setting(self, name: str, value: Mapping[str, Any]) -> None:
        """The same with a value as DynamoDB has it, which may be of any type."""
        placed = {f"#p{number}": part for number, part in enumerate(name.split("."))}
        self.account.client("dynamodb").update_item(
            **self.settings_row,
            UpdateExpression=f"SET {'.'.join(placed)} = :value",
            ExpressionAttributeNames=placed,
            ExpressionAttributeValues={":value": value},
        )

    @property
    def settings_row(self) -> dict[str, Any]:
        """Names the row of the settings in calls of DynamoDB."""
        table = self.account.stack.outputs["CasesTableName"]
        return {"TableName": table, "Key": {"id": {"S": "settings"}}}

    @property
    def settings(self) -> dict[str, Any]:
        """The row of the settings; {} where it is not there."""
        return dict(
            row_of(self.account.client("dynamodb").get_item(**self.settings_row).get("Item", {}))
        )

    def insist(self, step: Callable[[], InvocationResult]) -> InvocationResult:
        """Try again, a few times and a minute later, as Lambda and the state machines do."""
        for _ in range(3):
            outcome = step()
            if not outcome.failed:
                return outcome
            self.account.advance(timedelta(minutes=1))
        raise AssertionError(outcome.error)

    @contextmanager
    def denied(self, function: str, *actions: str) -> Iterator[None]:
        """While it lasts, the function's role may not do this."""
        iam = self.account.client("iam")
        role = self.account.functions[function].role.rsplit("/", 1)[-1]
        statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
        self.account.runtime.forget()
        yield
        iam.delete_role_policy(RoleName=role, PolicyName="denied")
        self.account.runtime.forget()

    def without_policy(self, *logicals: str) -> None:
        """Nobody may use these resources by their own policies any more."""
        for logical in logicals:
            one = self.account.stack.resources[logical]
            if one.type == "AWS::SQS::Queue":
                queues = self.account.client("sqs")
                queues.set_queue_attributes(QueueUrl=one.physical, Attributes={"Policy": ""})
            else:
                self.account.event_delivery._may._policies[one.arn] = []

    # ---- looking ----

    @property
    def cases(self) -> list[Case]:
        """Every case, oldest first."""
        return sorted(self.operator.all_cases(), key=lambda case: (case.opened_at, case.id))

    def case(self) -> Case:
        """The only case there is."""
        (case,) = self.cases
        return case

    @property
    def holds(self) -> dict[str, Hold]:
        """The holds by target."""
        dynamodb = self.account.client("dynamodb")
        table = self.account.stack.outputs["CasesTableName"]
        rows = [row_of(item) for item in dynamodb.scan(TableName=table)["Items"]]
        held = {r["id"].split("#", 2)[2]: r for r in rows if r["id"].startswith("hold#")}
        return {target: hold_of(target, row) for target, row in sorted(held.items())}

    def reported(self, case: Case) -> Reported:
        """What people were last shown of the case."""
        name = (case.playbook, case.id)
        return ReportedRows(self.operator.table).get([name])[name]

    @property
    def state(self) -> dict[str, Any]:
        """All that can be contained, as it is."""
        return {k: v for k, v in self.account.snapshot().items() if k not in RECORDS}

    @property
    def findings(self) -> dict[str, Any]:
        """What Security Hub shows, by finding id."""
        return dict(self.account.snapshot()["securityhub"])

    def finding(self, case: Case) -> dict[str, Any]:
        """Our own finding of a case, whole."""
        stack = self.account.stack.id
        return self.hub_finding(id_of(stack, case.finding.place, case.playbook, case.id))

    def hub_finding(self, identifier: str) -> dict[str, Any]:
        """A finding of Security Hub, whole."""
        wanted = {"Id": [{"Value": identifier, "Comparison": "EQUALS"}]}
        (found,) = self.account.client("securityhub").get_findings(Filters=wanted)["Findings"]
        return dict(found)

    def evidence(self, case: Case) -> list[dict[str, Any]]:
        """The entries of a case's evidence, whose chain must hold."""
        entries, fault = self.operator.evidence(case)
        assert not fault, fault
        return [json.loads(entry) for entry in entries]

    def stages(self, case: Case) -> list[str]:
        """The stages of a case's evidence, in order."""
        return [str(entry["stage"]) for entry in self.evidence(case)]

    @property
    def published(self) -> list[Published]:
        """The messages to the topic."""
        return self.account.journal.of(Published)

    @property
    def refused(self) -> list[str]:
        """Calls that a role's policy refused."""
        calls = self.account.journal.of(Called)
        return [f"{c.caller}: {c.service}:{c.operation}" for c in calls if not c.allowed]

    @property
    def unrecorded(self) -> list[str]:
        """Uses of a role's rights that docs/permissions.json does not know."""
        known = Record.read(ROOT).replayed
        seen = uses(self.account.stack, self.account.journal.of(Called), ROOT)
        return [
            f"{caller}: {grant} by {operation}"
            for caller, of in seen.items()
            for grant, operations in of.items()
            for operation in operations
            if operation not in known.get(caller, {}).get(grant, [])
        ]

    @property
    def troubles(self) -> list[str]:
        """What must not happen when all is well."""
        journal = self.account.journal
        failed = [f"{i.function}: {i.error}" for i in journal.of(Invoked) if i.error]
        dead = [f"{d.queue}: {d.reason}" for d in journal.of(DeadLettered)]
        lost = [f"lost at {one.where}: {one.reason}" for one in journal.of(Dropped)]
        return [*self.refused, *failed, *dead, *lost]

    def changes(self, delivery: Delivery | None = None) -> list[str]:
        """The calls that change something outside Cordon's own memory, in order."""
        calls = delivery.calls if delivery else self.account.journal.of(Called)
        return [f"{c.service}:{c.operation}" for c in calls if self._is_change(c)]

    def _is_change(self, call: Called) -> bool:
        if call.caller not in self.account.functions or call.service in ("dynamodb", "sts"):
            return False
        if READS.match(call.operation) or self._rings(call):
            return False
        return not self.writes_evidence(call)

    def _rings(self, call: Called) -> bool:
        """Does the call only put something into the reporter's own queue?"""
        return call.operation == "SendMessageBatch" and call.caller == "ReportCases"

    def writes_evidence(self, call: Called) -> bool:
        """Does the call add an entry of evidence?"""
        bucket = self.account.stack.outputs["EvidenceBucket"]
        return call.operation == "PutObject" and call.params["Bucket"] == bucket


Anew = Callable[[], AbstractContextManager[World]]  # a fixture: enters such an account
READS = re.compile(r"(Get|List|Describe|Head)[A-Z]")


@cache
def checked(service: str) -> Any:
    """A client whose calls IAM checks, under any role. To make one takes longer than a call."""
    return boto3.session.Session().client(service, region_name="us-east-1")


def outcomes(delivery: Delivery) -> list[dict[str, str]]:
    """What the functions of the direct lane said, without those who let the event pass."""
    said = (i.result for i in delivery.invocations if isinstance(i.result, Mapping))
    return [dict(one) for one in said if one.get("outcome", "ignored") != "ignored"]


def logged(delivery: Delivery, *messages: str) -> list[dict[str, Any]]:
    """The log lines of the functions, those with one of these messages where any is named."""
    lines = (line for i in delivery.invocations for line in i.log.splitlines())
    parsed = [json.loads(line) for line in lines]
    return [line for line in parsed if not messages or line.get("message") in messages]


def finding_of(one: Event) -> Finding:
    """The event as Cordon reads it where it is deployed."""
    return read(one, deployed(home_of(one), Mode.ENFORCE).home)


def seen(world: World) -> dict[str, Any]:
    """All that one can see, without ids, times, and how often it was tried."""
    shown = world.account.snapshot()
    return {
        "state": {k: v for k, v in shown.items() if k not in RECORDS},
        "incidents": list(shown["ssm"].values()),
        "findings": shown["securityhub"],
        "cases": [_case(case) for case in world.cases],
        "holds": {target: _hold(hold) for target, hold in world.holds.items()},
        "evidence": {case.id: set(world.stages(case)) for case in world.cases},
    }


def _case(case: Case) -> dict[str, Any]:
    named = {k: getattr(case, k) for k in ("id", "playbook", "verdict", "reason", "mode", "round")}
    ended = {k: getattr(case, k) for k in ("status", "decided_by", "decided_why", "plan_hash")}
    return {**named, **ended, "results": [asdict(result) for result in case.results]}


def _hold(hold: Hold) -> dict[str, Any]:
    written = {k: v for k, v in (hold.written or {}).items() if k not in ("ops_item", "published")}
    captured = hold.capture.state if hold.capture is not None else None
    return {"captured": captured, "wrote": written, "cases": sorted(hold.cases)}


REVOKED = re.compile(r"(aws:TokenIssueTime\W+|before\W+)([-0-9T:]{19}Z)")


def without_dates(value: Any) -> Any:
    """The same without the dates of revocations: a later try revokes before a later moment."""
    text = json.dumps(value, sort_keys=True, default=sorted)
    return json.loads(REVOKED.sub(r"\1(when)", text))


def revoked(state: Mapping[str, Any]) -> list[str]:
    """The dates before which sessions are revoked in a ``state``."""
    people = (*state["iam"]["roles"].values(), *state["iam"]["users"].values())
    policies = (p["inline"].get(POLICY_NAME) for p in people)
    texts = (json.dumps(policy) for policy in policies if policy)
    return [found.group(2) for text in texts for found in REVOKED.finditer(text)]
