"""What an operator does to a deployed stack: review, approve, reject, release, read evidence.

Runs under the operator's own credentials; what they may do is decided by IAM in their account.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from console.evidence import Copy, copied, verify
from cordon.cases import Case, Cases, Status
from cordon.engine import CONTAINED
from cordon.evidence import Chain
from cordon.respond import release_execution_name, workflow_input


class NotPossible(Exception):
    """The operator asked for something that the case does not allow."""


@dataclass(frozen=True)
class Stack:
    """A deployed Cordon, found by its stack name."""

    client: Callable[[str], Any]  # with the operator's credentials
    outputs: Mapping[str, str]
    deleted: bool = False  # only its table and its evidence are left, and nobody lets go

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

    @property
    def cases(self) -> Cases:
        """The case rows."""
        return Cases(self.client("dynamodb"), self.outputs["CasesTableName"])

    def case(self, case: str) -> Case:
        """One case; a Refusal when there is none."""
        found = self.cases.get(case)
        if found is None:
            raise NotPossible(f"there is no case {case}")
        return found

    def all_cases(self) -> Iterator[Case]:
        """Every case, in no order."""
        pages = self.client("dynamodb").get_paginator("scan")
        for page in pages.paginate(
            TableName=self.outputs["CasesTableName"], ProjectionExpression="id"
        ):
            for row in page["Items"]:
                kind, _, case = row["id"]["S"].partition("#")
                found = self.cases.get(case) if kind == "case" else None
                if found is not None:
                    yield found

    def decide(self, case: Case, decision: str, plan: str) -> str:
        """Approve or reject the plan with this hash. Returns who decided."""
        self._must_exist()
        if case.status is not Status.AWAITING_APPROVAL:
            raise NotPossible(f"case {case.id} does not ask: it stands at {case.status}")
        if plan != case.plan_hash or plan != case.plan.hash:
            raise NotPossible(f"the plan of case {case.id} is {case.plan_hash}, not {plan}")
        token = self.cases.token(case.id)
        if not token:
            raise NotPossible(f"case {case.id} has no token yet; its workflow is starting")
        by = self.client("sts").get_caller_identity()["Arn"]
        answer = {"decision": decision, "plan": plan, "by": by}
        self.client("stepfunctions").send_task_success(taskToken=token, output=json.dumps(answer))
        return str(by)

    def release(self, case: Case, why: str) -> str:
        """Start the release workflow. Returns the execution's ARN."""
        self._must_exist()
        held = (Status.CONTAINING, Status.RELEASING, *CONTAINED)
        if case.status not in held:
            raise NotPossible(f"case {case.id} holds nothing: it stands at {case.status}")
        by = self.client("sts").get_caller_identity()["Arn"]
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["ReleaseWorkflow"],
            name=release_execution_name(case),
            input=workflow_input(case, by=by, why=why),
        )
        return str(started["executionArn"])

    def evidence(self, case: Case) -> tuple[list[bytes], str]:
        """The case's entries in order, and what is wrong with them ("" where nothing is)."""
        copy = self.evidence_copy(case)
        return copy.bodies, "; ".join(one.text for one in verify(copy) if not one.warning)

    def evidence_copy(self, case: Case) -> Copy:
        """All that the evidence bucket holds of a case, with the end that its row named."""
        chain = Chain(case.playbook, case.finding.place.account, case.id)
        bucket = self.outputs["EvidenceBucket"]
        return copied(self.client("s3"), bucket, chain, case.evidence_end)

    def _must_exist(self) -> None:
        if self.deleted:
            raise NotPossible("the stack is deleted: put back by hand what `cordon evidence` shows")


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
