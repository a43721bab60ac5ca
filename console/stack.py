"""What an operator does to a deployed stack: review, approve, reject, release, read evidence.

Runs under the operator's own credentials; what they may do is decided by IAM in their account.
"""

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
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Decision, Decisions, Verb
from cordon.memory.table import Table
from cordon.statuses import CONTAIN_ENDED, Status
from cordon.waking import wake

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

    def decide(self, case: Case, verb: Verb, plan: str, why: str = "") -> str:
        """INTERIM: until the desk. Record a decision, and wake the playbook."""
        by = str(self.client("sts").get_caller_identity()["Arn"])
        decisions = Decisions(self.table)
        before = decisions.get([(case.playbook, case.id)]).get((case.playbook, case.id))
        made = Decision(verb, case.round, plan, by, why)
        decisions.save(case.playbook, case.id, made, before)
        wake(
            self.client("stepfunctions"),
            self.outputs["Workflow"],
            f"{case.id}-{case.round}-{verb}-{case.version}",
            case=case.id,
            playbook=case.playbook,
            function=case.function_arn,
        )
        return by

    def release(self, case: Case, why: str) -> str:
        """INTERIM."""
        return self.decide(case, Verb.RELEASE, case.plan_hash, why)

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
