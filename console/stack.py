"""What an operator does to a deployed stack: review, approve, reject, release, read evidence.

Runs under the operator's own credentials; what they may do is decided by IAM in their account.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from console.evidence import Copy, copied, verify
from console.playbooks import playbooks
from cordon.evidence import Chain
from cordon.memory.cases import Case, Cases, Decision
from cordon.memory.table import Table
from cordon.outcome import release_execution_name, workflow_input
from cordon.statuses import CONTAIN_ENDED, Status

HELD = frozenset({Status.CONTAINING, Status.RELEASING, Status.ESCALATED, *CONTAIN_ENDED})


@cache
def playbook_names() -> tuple[str, ...]:
    """The playbooks that may have cases."""
    return tuple(playbook.name for playbook in playbooks(Path(__file__).parent.parent))


class NotPossible(Exception):
    """The operator wants something that the case does not allow."""


@dataclass(frozen=True)
class Stack:
    """A deployed Cordon, found by its stack name."""

    client: Callable[[str], Any]  # with the operator's credentials
    outputs: Mapping[str, str]
    deleted: bool = False  # only its table and its evidence are left, and nothing releases

    @classmethod
    def named(cls, name: str) -> "Stack":
        """Read the stack's outputs (cloudformation:DescribeStacks), or what a deleted one left."""
        session = boto3.session.Session()
        cloudformation = session.client("cloudformation")
        try:
            stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return cls(session.client, _deleted_stack_outputs(name, cloudformation), deleted=True)
        return cls(session.client, {o["OutputKey"]: o["OutputValue"] for o in stacks[0]["Outputs"]})

    def cases(self, playbook: str) -> Cases:
        """The rows of one playbook's cases."""
        return Cases(self.table, playbook)

    def case(self, case: str) -> Case:
        """One case of any playbook; NotPossible when there is none."""
        found = (self.cases(playbook).get(case) for playbook in playbook_names())
        known = next((one for one in found if one is not None), None)
        if known is None:
            raise NotPossible(f"there is no case {case}")
        return known

    def open_cases(self) -> Iterator[Case]:
        """The cases that are not closed, by playbook, the oldest first.

        A page of the index is one Query, and the cases of it two BatchGetItem for each 100.
        """
        for playbook in playbook_names():
            pages = self.client("dynamodb").get_paginator("query")
            for page in pages.paginate(
                TableName=self.outputs["CasesTableName"],
                IndexName="open",
                KeyConditionExpression="#open = :playbook",
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues={":playbook": {"S": playbook}},
            ):
                ids = (row["id"]["S"].rpartition("#")[2] for row in page["Items"])
                yield from self.cases(playbook).several(ids)

    def all_cases(self) -> Iterator[Case]:
        """Every case that is remembered, closed ones too, in no order (dynamodb:Scan)."""
        pages = self.client("dynamodb").get_paginator("scan")
        for page in pages.paginate(
            TableName=self.outputs["CasesTableName"], ProjectionExpression="id"
        ):
            ids: dict[str, list[str]] = {}  # by playbook
            for row in page["Items"]:
                kind, playbook, id = f"{row['id']['S']}##".split("#")[:3]
                if kind == "case":
                    ids.setdefault(playbook, []).append(id)
            for playbook, found in ids.items():
                yield from self.cases(playbook).several(found)

    def decide(self, case: Case, decision: str, plan: str, why: str = "") -> str:
        """Approve or reject the plan with this hash. Returns who decided.

        The decision is a row that no playbook may write; the task token only wakes the workflow.
        """
        self._must_exist()
        if case.status is not Status.AWAITING_APPROVAL:
            raise NotPossible(f"case {case.id} awaits no approval: its status is {case.status}")
        if plan != case.plan_hash or plan != case.plan.hash:
            raise NotPossible(f"the plan of case {case.id} is {case.plan_hash}, not {plan}")
        token = self.cases(case.playbook).token(case)
        if not token:
            raise NotPossible(f"the workflow of case {case.id} is starting: try again")
        by = self._record(case, decision, why)
        output = json.dumps({"decision": decision})
        self.client("stepfunctions").send_task_success(taskToken=token, output=output)
        return by

    def release(self, case: Case, why: str) -> str:
        """Decide to release, and start the release workflow. Returns the execution's ARN."""
        self._must_exist()
        if case.status not in HELD and not case.awaits_approval_again:
            raise NotPossible(f"case {case.id} holds nothing: its status is {case.status}")
        self._record(case, "release", why)
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["ReleaseWorkflow"],
            name=release_execution_name(case),
            input=workflow_input(case),
        )
        return str(started["executionArn"])

    def _record(self, case: Case, decision: str, why: str) -> str:
        """Write down who decided what, as AWS names the caller. Returns who."""
        by = str(self.client("sts").get_caller_identity()["Arn"])
        made = Decision(decision, case.round, case.plan_hash, by, why)
        self.cases(case.playbook).decide(case, made)
        return by

    @property
    def table(self) -> Table:
        """The table of cases, holds, budgets and the settings."""
        return Table(self.client("dynamodb"), self.outputs["CasesTableName"])

    def evidence(self, case: Case) -> tuple[list[bytes], str]:
        """The case's entries in order, and what is wrong with them ("" where nothing is)."""
        copy = self.evidence_copy(case)
        return copy.bodies, "; ".join(one.text for one in verify(copy) if not one.warning)

    def evidence_copy(self, case: Case) -> Copy:
        """All that the evidence bucket holds of a case, with the end that its row named."""
        chain = Chain(case.playbook, case.finding.place.account, case.id)
        bucket = self.outputs["EvidenceBucket"]
        return copied(self.client("s3"), bucket, chain, case.evidence_end, case.observed)

    def _must_exist(self) -> None:
        if self.deleted:
            raise NotPossible(
                "the stack is deleted: put back manually what `cordon evidence` shows"
            )


RETAINED = {
    "CasesTable": "CasesTableName",
    "EvidenceBucket": "EvidenceBucket",
}  # by what the outputs call them


def _deleted_stack_outputs(name: str, cloudformation: Any) -> dict[str, str]:
    """What the stack of this name that was deleted last left; CloudFormation keeps it 90 days.

    Source: CloudFormation API Reference, "ListStacks", "DescribeStackEvents".
    """
    pages = cloudformation.get_paginator("list_stacks").paginate(
        StackStatusFilter=["DELETE_COMPLETE"]
    )
    stacks = [s for page in pages for s in page["StackSummaries"] if s["StackName"] == name]
    if not stacks:
        raise NotPossible(f"there is no stack {name}, nor was one deleted in the last 90 days")
    last = max(stacks, key=lambda stack: stack["CreationTime"])["StackId"]
    events = cloudformation.get_paginator("describe_stack_events").paginate(StackName=last)
    return {
        RETAINED[one["LogicalResourceId"]]: one["PhysicalResourceId"]
        for page in events
        for one in page["StackEvents"]
        if one["ResourceStatus"] == "DELETE_SKIPPED" and one["LogicalResourceId"] in RETAINED
    }
