"""What was decided, and where it stands: one DynamoDB row per case, and the hourly budget.

A case is one finding answered by one playbook. Its row carries all that a later step needs, so
that the steps of a workflow pass nothing but the case id.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from cordon.clock import from_iso, now, to_iso
from cordon.evidence import ChainEnd
from cordon.finding import (
    Finding,
    HubReference,
    Place,
    Principal,
    Resource,
    ResourceRole,
    Severity,
    SeverityLabel,
    State,
    canonical_json,
)
from cordon.playbook import Plan

PASS_KEPT_FOR = timedelta(days=1)  # longer than any delay between a pass and an older failure


class Status(StrEnum):
    """The status of a case."""

    OBSERVED = "observed"
    AWAITING_APPROVAL = "asked"  # waits for a person
    DECLINED = "declined"  # rejected or expired: no action
    CONTAINING = "containing"
    CONTAINED = "contained"
    PARTLY_CONTAINED = "partial"  # some acts failed or were refused
    GONE = "gone"  # what was to be contained no longer exists
    RELEASING = "releasing"  # or waiting until an undo does no harm
    RELEASED = "released"


class CaseConflict(Exception):
    """The case stands elsewhere than expected: somebody else was faster, or it was decided."""

    def __init__(self, case: str, status: str) -> None:
        super().__init__(f"case {case} is {status or 'nothing'}")
        self.status = status


@dataclass(frozen=True)
class ActionResult:
    """How one action of the plan ended."""

    action: str
    target: str
    status: str  # applied, failed, refused, gone; restored, drifted, held, waiting, nothing
    reason: str = ""
    not_before: str = ""  # stamp, when waiting


@dataclass(frozen=True)
class Case:
    """One case. ``plan_hash`` is what was recorded; ``plan.hash`` is computed from the plan."""

    id: str
    playbook: str
    finding: Finding
    plan: Plan
    plan_hash: str
    status: Status
    mode: str
    verdict: str
    reason: str
    opened_at: datetime
    last_activity: datetime  # the newest occurrence answered: older deliveries are stale
    version: int = 0  # rises with each write: a stale copy of the row moves nothing
    round: int = 1  # rises each time a released case is opened again
    function_arn: str = ""  # ARN of the playbook's function, which workflows call back
    decided_by: str = ""  # who approved, declined or released
    decided_why: str = ""
    results: tuple[ActionResult, ...] = ()
    told: str = ""  # how the original stood in Security Hub after the last report
    released_by: str = ""  # the person who released it; only a person's approval clears this
    told_at: datetime | None = None  # UpdatedAt of our own finding's last report
    contained_at: datetime | None = None
    changed_at: datetime | None = None  # when its row was last written
    evidence_end: ChainEnd = field(default_factory=ChainEnd)

    @property
    def execution_name(self) -> str:
        """The name of its ``contain`` execution: unique per round, so that asking twice is one."""
        return self.id if self.round == 1 else f"{self.id}-{self.round}"

    @property
    def failed(self) -> tuple[ActionResult, ...]:
        """The acts that did not end as they should."""
        return tuple(r for r in self.results if r.status == "failed")


class Cases:
    """The case rows of one table (keys ``case#<id>``)."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, case: str) -> Case | None:
        """The case as it stands (consistent read), or None."""
        return self.find(case)[0]

    def find(self, case: str) -> tuple[Case | None, datetime | None]:
        """The case, or, where there is none, when the newest pass of its finding was seen."""
        row = self._dynamodb.get_item(TableName=self._table, Key=_key(case), ConsistentRead=True)
        item = row.get("Item", {})
        if "plan" in item:
            return _case(item), None
        return None, from_iso(item["passed"]["S"]) if "passed" in item else None

    def open(self, case: Case, *, instead_of: Case | None = None) -> Case:
        """Record a new case, or a new round of an old one. Raises Moved if another came first."""
        if instead_of is None:
            return self._write(case, "attribute_not_exists(#status)", {})
        case = replace(case, version=instead_of.version)
        return self._write(case, "#version = :before", {}, forget_token=True)

    def transition(
        self, case: Case, to: Status, *, when: Collection[Status], **changes: Any
    ) -> Case:
        """Bring the case to another state if it stands in one of ``when``; else raises Moved.

        Moved is raised too when somebody else has written the row since it was read. A new state
        has not been told yet.
        """
        if case.status not in when:
            raise CaseConflict(case.id, case.status)
        untold = {} if to is case.status else {"told": ""}
        moved = replace(case, status=to, **(untold | changes))
        return self._write(
            moved, "#version = :before", {}, forget_token=to is not Status.AWAITING_APPROVAL
        )

    def remember_pass(self, case: str, seen: datetime) -> None:
        """ReadWriteCases for a day that the finding passed, so that an older failure is stale."""
        expires = int((now() + PASS_KEPT_FOR).timestamp())
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(case),
                UpdateExpression="SET passed = :seen, expires = :expires",
                ExpressionAttributeNames={"#status": "status"},
                ConditionExpression="attribute_not_exists(#status)"
                " AND (attribute_not_exists(passed) OR passed < :seen)",
                ExpressionAttributeValues={
                    ":seen": {"S": to_iso(seen)},
                    ":expires": {"N": str(expires)},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def take_budget(self, playbook: str, account: str, budget: int) -> bool:
        """Take one act from this hour's budget; False when it is used up (the breaker opens)."""
        hour = now().strftime("%Y-%m-%dT%H")
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": f"budget#{playbook}#{account}#{hour}"}},
                UpdateExpression="ADD spent :one SET expires = :expires",
                ConditionExpression="attribute_not_exists(spent) OR spent < :budget",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":budget": {"N": str(budget)},
                    ":expires": {"N": str(int((now() + timedelta(hours=2)).timestamp()))},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return budget > 0

    def keep_token(self, case: str, token: str) -> None:
        """Keep the task token that an approval needs. It is never logged or put into evidence."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(case),
            UpdateExpression="SET task_token = :token",
            ExpressionAttributeNames={"#status": "status"},
            ConditionExpression="#status = :asked",
            ExpressionAttributeValues={
                ":token": {"S": token},
                ":asked": {"S": Status.AWAITING_APPROVAL},
            },
        )

    def token(self, case: str) -> str:
        """The task token of a case that asks; "" when none waits."""
        row = self._dynamodb.get_item(TableName=self._table, Key=_key(case), ConsistentRead=True)
        return str(row.get("Item", {}).get("task_token", {}).get("S", ""))

    def _write(
        self, case: Case, condition: str, values: dict[str, Any], *, forget_token: bool = False
    ) -> Case:
        if ":before" in condition:
            values = values | {":before": {"N": str(case.version)}}
        case = replace(case, version=case.version + 1)
        row = _row(case)
        gone = ("expires", "passed", "task_token") if forget_token else ("expires", "passed")
        names = {f"#{k}": k for k in (*row, *gone)}
        sets = ", ".join(f"#{k} = :{k}" for k in row)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(case.id),
                UpdateExpression=f"SET {sets} REMOVE {', '.join(f'#{k}' for k in gone)}",
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{k}": v for k, v in row.items()} | values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                there = error.response.get("Item", {})
                raise CaseConflict(case.id, there.get("status", {}).get("S", "")) from error
            raise
        return case


def _key(case: str) -> dict[str, Any]:
    return {"id": {"S": f"case#{case}"}}


_STRING_ATTRIBUTES = (
    "playbook",
    "plan_hash",
    "mode",
    "verdict",
    "reason",
    "function_arn",
    "decided_by",
    "decided_why",
    "told",
    "released_by",
)


def _row(case: Case) -> dict[str, Any]:
    """All attributes but the key and those other calls set (task_token, expires, passed)."""
    return {name: {"S": getattr(case, name)} for name in _STRING_ATTRIBUTES} | {
        "status": {"S": str(case.status)},
        "round": {"N": str(case.round)},
        "version": {"N": str(case.version)},
        "opened_at": {"S": to_iso(case.opened_at)},
        "last_activity": {"S": to_iso(case.last_activity)},
        "changed_at": {"S": to_iso(now())},
        "contained_at": {"S": _stamped(case.contained_at)},
        "told_at": {"S": _stamped(case.told_at)},
        "finding": {"S": canonical_json(finding_to_json(case.finding))},
        "plan": {"S": canonical_json(case.plan.to_json())},
        "results": {"S": canonical_json([asdict(result) for result in case.results])},
        "evidence_end": {"S": canonical_json(asdict(case.evidence_end))},
    }


def _stamped(when: datetime | None) -> str:
    return to_iso(when) if when is not None else ""


def _moment(stamped: str) -> datetime | None:
    return from_iso(stamped) if stamped else None


def _case(row: Mapping[str, Any]) -> Case:
    return Case(
        id=row["id"]["S"].removeprefix("case#"),
        status=Status(row["status"]["S"]),
        round=int(row["round"]["N"]),
        version=int(row["version"]["N"]),
        opened_at=from_iso(row["opened_at"]["S"]),
        last_activity=from_iso(row["last_activity"]["S"]),
        changed_at=from_iso(row["changed_at"]["S"]),
        contained_at=_moment(row["contained_at"]["S"]),
        told_at=_moment(row["told_at"]["S"]),
        finding=finding_from_json(json.loads(row["finding"]["S"])),
        plan=Plan.from_json(json.loads(row["plan"]["S"])),
        results=tuple(ActionResult(**raw) for raw in json.loads(row["results"]["S"])),
        evidence_end=ChainEnd(**json.loads(row["evidence_end"]["S"])),
        **{name: row[name]["S"] for name in _STRING_ATTRIBUTES},
    )


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """The finding as the case row and evidence keep it: its own fields, moments as stamps."""
    moments = {"first_seen": to_iso(finding.first_seen), "last_seen": to_iso(finding.last_seen)}
    return asdict(finding) | moments


def finding_from_json(raw: Mapping[str, Any]) -> Finding:
    """The finding behind ``finding_json``."""
    hub, principal = raw["hub"], raw["principal"]
    return Finding(
        **{
            **raw,
            "severity": Severity(
                **{**raw["severity"], "label": SeverityLabel(raw["severity"]["label"])}
            ),
            "place": Place(**raw["place"]),
            "first_seen": from_iso(raw["first_seen"]),
            "last_seen": from_iso(raw["last_seen"]),
            "state": State(raw["state"]),
            "resources": tuple(
                Resource(**{**r, "place": Place(**r["place"]), "role": ResourceRole(r["role"])})
                for r in raw["resources"]
            ),
            "principal": Principal(**principal) if principal else None,
            "hub": HubReference(**hub) if hub else None,
        }
    )
