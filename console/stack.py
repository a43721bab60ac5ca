"""What an operator does to a deployed stack: review, approve, reject, release, read evidence.

Runs under the operator's own credentials; what they may do is decided by IAM in their account.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from console.aws_errors import explained, is_denied
from console.desk import DeskResponse, Send, signed
from console.evidence import Copy, copied, verify
from console.exits import Exit
from console.playbooks import playbooks
from cordon.deployment import Deployment
from cordon.evidence import Chain
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Verb
from cordon.memory.table import BATCH, Table
from cordon.playbook import Playbook

NOT_KNOWN = (
    "whether it was recorded is not known: look (cordon show CASE, cordon settings) before you"
    " enter it again"
)
NOT_SENT = (  # of what botocore raises: nothing of the request has left
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,  # and these three: a login that ended while a prompt waited
    LoginError,
    SSOError,
    TokenRetrievalError,
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    SSLError,
)
WHOLE_ID, BEGINNING = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{1,15}")  # of a case


@cache
def headers() -> Mapping[str, Playbook]:
    """The playbooks that may have cases, by name."""
    return {playbook.name: playbook for playbook in playbooks(Path(__file__).parent.parent)}


def playbook_names() -> tuple[str, ...]:
    """Their names."""
    return tuple(headers())


def is_case(text: str) -> bool:
    """Is it written as a case's id is, or how one begins?"""
    return bool(WHOLE_ID.fullmatch(text.lower()) or BEGINNING.fullmatch(text.lower()))


class NotPossible(Exception):
    """The operator wants something that the case does not allow. ``status``: the exit status."""

    status = Exit.NOT_POSSIBLE


class NotTaken(NotPossible):
    """AWS brought no request to the desk, or no response of it; the text says what is known."""

    status = Exit.AWS


class Outputs(dict[str, str]):
    """A stack's outputs; to look for one that it does not have raises NotPossible."""

    def __init__(self, found: Mapping[str, str], why: str) -> None:
        super().__init__(found)
        self._why = why

    def __missing__(self, name: str) -> str:
        raise NotPossible(f"the stack has no output {name}: {self._why}")


def _refusal(verb: str, response: DeskResponse) -> NotPossible:
    """Why the desk refuses; else what API Gateway says instead of it."""
    said = response.body if isinstance(response.body, dict) else {}
    if "refused" in said:
        return NotPossible(str(said["refused"]))
    if response.status == 403:
        right = "docs/operating/deciding.md has the policies"
        return NotTaken(f"your credentials may not {verb}: {right}")
    text = f"the desk responds with status {response.status}: {said.get('message', response.body)}"
    if response.status == 429:
        return NotTaken(f"{text} → wait a second")
    if 400 <= response.status < 500:
        return NotPossible(text)
    return NotTaken(f"{text} → {NOT_KNOWN}")


@dataclass(frozen=True)
class Stack:
    """A deployed Cordon, found by its stack name."""

    client: Callable[..., Any]  # as boto3's, with the operator's credentials
    outputs: Mapping[str, str]
    deleted: bool = False  # only its table and its evidence are left, and nothing releases
    desk: Send | None = None  # where what the operator decides is sent
    parameters: Mapping[str, str] = field(default_factory=dict)  # as it was deployed
    stack_id: str = ""  # its ARN
    name: str = ""

    @classmethod
    def named(cls, name: str, session: boto3.session.Session) -> "Stack":
        """Read the stack's outputs (cloudformation:DescribeStacks), or what a deleted one left."""
        cloudformation = session.client("cloudformation")
        try:
            stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] != "ValidationError" or "does not exist" not in said["Message"]:
                raise
            left = Outputs(_deleted_stack_outputs(name, cloudformation), "it is deleted")
            return cls(session.client, left, deleted=True, name=name)
        outputs = _outputs(name, stacks[0], cloudformation.meta.region_name)
        desk = signed(session, outputs["DeskUrl"]) if "DeskUrl" in outputs else None
        given = {
            p["ParameterKey"]: p.get("ParameterValue", "") for p in stacks[0].get("Parameters", ())
        }
        return cls(
            session.client,
            outputs,
            desk=desk,
            name=name,
            parameters=given,
            stack_id=stacks[0]["StackId"],
        )

    def cases(self, playbook: str) -> Cases:
        """The rows of one playbook's cases."""
        return Cases(self.table, playbook)

    def case(self, case: str) -> Case:
        """One case of any playbook, by its id or how that begins.

        Only open cases are found by a beginning: no index has the others. Raises NotPossible where
        there is none, or several.
        """
        given = case.lower()
        if WHOLE_ID.fullmatch(given):
            known = self._known(given)
        elif BEGINNING.fullmatch(given):
            known = self._beginning(given)
        else:
            raise NotPossible(f"{case} is no case's id: it has 16 hex digits")
        if known is None:
            raise NotPossible(f"there is no case {case}")
        return known

    def _known(self, id: str) -> Case | None:
        """The case of a whole id: one read for all playbooks, and then its own."""
        keys = {f"case#{playbook}#{id}": playbook for playbook in playbook_names()}
        found = self.table.get(*keys)
        return next((self.cases(keys[key]).get(id) for key in found), None)

    def _beginning(self, begins: str) -> Case | None:
        of = {
            id: name
            for name in playbook_names()
            for id in self._open_ids(name)
            if id.startswith(begins)
        }
        if len(of) > 1:
            raise NotPossible(f"{begins} is the beginning of {len(of)} cases: {', '.join(of)}")
        found = [self.cases(playbook).get(id) for id, playbook in of.items()]
        if not found:
            raise NotPossible(
                f"there is no case {begins}: no open case's id begins so, and a closed one is found"
                " only by all 16 digits"
            )
        return found[0]

    def open_cases(self, playbook: str = "") -> Iterator[Case]:
        """The cases that are not closed, by playbook, the oldest first; or of one playbook.

        A page of the index is one Query, and the cases of it two BatchGetItem for each 100. The
        index lags: a case that was closed a moment ago may be among them.
        """
        for name in (playbook,) if playbook else playbook_names():
            ids = self._open_ids(name)
            while page := list(islice(ids, BATCH)):
                yield from self.cases(name).several(page)

    def _open_ids(self, playbook: str) -> Iterator[str]:
        pages = self.client("dynamodb").get_paginator("query")
        for page in pages.paginate(
            TableName=self.outputs["CasesTableName"],
            IndexName="open",
            KeyConditionExpression="#open = :playbook",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":playbook": {"S": playbook}},
        ):
            yield from (row["id"]["S"].rpartition("#")[2] for row in page["Items"])

    def all_cases(self) -> Iterator[Case]:
        """Every case that is remembered, closed ones too, in no order (dynamodb:Scan)."""
        pages = self.client("dynamodb").get_paginator("scan")
        for page in pages.paginate(
            TableName=self.outputs["CasesTableName"], ProjectionExpression="id"
        ):
            ids: dict[str, list[str]] = {}  # by playbook
            for row in page["Items"]:
                kind, playbook, id = f"{row['id']['S']}##".split("#")[:3]
                if kind == "case" and playbook in playbook_names():  # the self-test's is none
                    ids.setdefault(playbook, []).append(id)
            for playbook, found in ids.items():
                yield from self.cases(playbook).several(found)

    def decide(self, case: Case, verb: str, plan: str = "", why: str = "") -> Mapping[str, Any]:
        """Approve, reject, release or retry a case; what the desk says. Raises NotPossible."""
        body = {"case": case.id, "plan": plan, "why": why}
        return self.request(verb, {field: text for field, text in body.items() if text})

    def release(self, case: Case, why: str) -> Mapping[str, Any]:
        """Release a case. Raises NotPossible."""
        return self.decide(case, Verb.RELEASE, why=why)

    def request(self, verb: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a request to the desk; what it says. Raises NotPossible with the reason."""
        self.must_exist()
        if self.desk is None:
            raise NotPossible("the stack has no output DeskUrl: it was deployed by another version")
        try:
            response = self.desk(verb, body)
        except NOT_SENT as error:
            raise NotTaken(f"the desk cannot be reached: {explained(error)}") from None
        except BotoCoreError as error:
            raise NotTaken(f"the desk did not respond: {error} → {NOT_KNOWN}") from None
        if response.status < 300 and isinstance(response.body, dict):
            return response.body
        raise _refusal(verb, response)

    @property
    def account(self) -> str:
        """Of the stack: its topic's."""
        return self.outputs["AlertsTopic"].split(":")[4]

    @property
    def deployment(self) -> Deployment | None:
        """What a question says of the deployment; None where nobody knows its parameters."""
        given, parts = self.parameters, self.stack_id.split(":")
        if not given.get("ApprovalHours", "").isdigit() or not given.get("TwoApprovers"):
            return None
        return Deployment(
            account=parts[4],
            region=parts[3],
            partition=parts[1],
            table=self.outputs["CasesTableName"],
            evidence_bucket=self.outputs["EvidenceBucket"],
            topic=self.outputs["AlertsTopic"],
            workflow=self.outputs["Workflow"],
            stack=self.stack_id,
            approval_hours=int(given["ApprovalHours"]),
            two_approvers=given["TwoApprovers"] == "true",
        )

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

    def must_exist(self) -> None:
        """Raises NotPossible of a stack that is deleted."""
        if self.deleted:
            raise NotPossible(
                "the stack is deleted: put back manually what `cordon evidence` shows"
            )


RETAINED = {
    "CasesTable": "CasesTableName",
    "EvidenceBucket": "EvidenceBucket",
}  # by what the outputs call them


def _outputs(name: str, stack: Mapping[str, Any], region: str) -> Outputs:
    """Those of a stack that is there. Raises NotPossible where it is none of Cordon's."""
    found = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}
    if not found.keys() >= set(RETAINED.values()):
        raise NotPossible(
            f"the stack {name} in {region} ({stack['StackStatus']}) has not the outputs of Cordon:"
            " is it another one (--stack, --region, --profile), or not deployed yet?"
        )
    return Outputs(found, "it was deployed by another version")


def _deleted_stack_outputs(name: str, cloudformation: Any) -> dict[str, str]:
    """What the stack of this name that was deleted last left; CloudFormation keeps it 90 days.

    Source: CloudFormation API Reference, "ListStacks", "DescribeStackEvents".
    """
    pages = cloudformation.get_paginator("list_stacks").paginate(
        StackStatusFilter=["DELETE_COMPLETE"]
    )
    region = cloudformation.meta.region_name
    try:
        stacks = [s for page in pages for s in page["StackSummaries"] if s["StackName"] == name]
    except ClientError as error:
        if not is_denied(error):
            raise
        raise NotPossible(
            f"there is no stack {name} in {region}: is it another one (--stack, --region,"
            " --profile)? Whether one was deleted is unknown: missing is cloudformation:ListStacks"
        ) from None
    if not stacks:
        raise NotPossible(
            f"there is no stack {name} in {region}, nor was one deleted in the last 90 days: is it"
            " another one (--stack, --region, --profile)?"
        )
    last = max(stacks, key=lambda stack: stack["CreationTime"])["StackId"]
    events = cloudformation.get_paginator("describe_stack_events").paginate(StackName=last)
    return {
        RETAINED[one["LogicalResourceId"]]: one["PhysicalResourceId"]
        for page in events
        for one in page["StackEvents"]
        if one["ResourceStatus"] == "DELETE_SKIPPED" and one["LogicalResourceId"] in RETAINED
    }
