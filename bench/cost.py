"""The cost of a case at public prices: requests, invocations, state transitions; and idle cost.

Counted in the embedded account; this is not a bill. Prices in dollars: AWS's pricing pages for
us-east-1, as of November 2026.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import typer

from bench import sections
from bench.recorded_answers import FIRST, first_event, new_account
from console.stack import Stack
from console.staging import stage
from cordon.sources import read
from cordon.statuses import Status
from embedded.account import EmbeddedAccount
from embedded.journal import Called, Invoked

GB, ROUND_MS, OWN_MS = 0.5, 20, 60  # memory; wait for a round of calls; own work when warm
PRICES = {  # per unit
    "Lambda requests": 0.20e-6,
    "Lambda GB-seconds (arm64)": 13.3334e-6,
    "DynamoDB write units": 0.625e-6,
    "DynamoDB read units": 0.125e-6,
    "S3 writes": 5e-6,
    "S3 reads": 0.4e-6,
    "SNS messages": 0.5e-6,
    "SQS requests": 0.4e-6,
    "Step Functions transitions": 25e-6,
    "Security Hub imports": 30e-6,
    "OpsItems": 2970e-6,
    "OpsCenter requests": 39e-6,
    "GuardDuty, CloudTrail events": 4e-6,
    "log, GB": 0.5,
}
IDLE = {  # monthly cost of the stack without events
    "KMS key": 1.0,
    "CloudWatch alarms (8, of which 4 over expressions)": 1.2,
    "custom metrics, dashboard (the first are free)": 0.0,
    "SQS polling by 3 event source mappings (5 pollers, 20 s)": 3 * 5 * 3 * 60 * 24 * 30 * 0.4e-6,
}
READS = ("Get", "List", "Describe", "Head")
MANAGEMENT = ("iam", "sagemaker", "bedrock", "bedrock-agent", "bedrock-agentcore-control")


@dataclass(frozen=True)
class Case:
    """One case, from its first event to its last."""

    playbook: str
    mode: str
    released: bool
    counts: Mapping[str, float]

    @property
    def dollars(self) -> float:
        """The cost of the case."""
        return sum(PRICES[name] * number for name, number in self.counts.items())


def run(playbook: str, mode: str, release: bool) -> Case:
    """Run one case in a new account."""
    event = first_event(playbook)
    with new_account(event, mode) as account:
        stage(read(event), account.client)
        account.deliver(event)
        operator = Stack(account.client, account.stack.outputs)
        for case in list(operator.all_cases()):
            if case.status is Status.AWAITING_APPROVAL:
                operator.decide(case, "approve", case.plan_hash)
                account.settle()
        if release:
            for case in list(operator.all_cases()):
                operator.release(case, "measured")
                account.settle()
        return Case(playbook, mode, release, _counts(account))


def _counts(account: EmbeddedAccount) -> dict[str, float]:
    """The counts per price. The functions that ignore the event count too."""
    counts: Counter[str] = Counter()
    fractions: dict[str, float] = {}
    rows = _row_units(account)
    calls = [c for c in account.journal.of(Called) if c.caller in account.functions]
    for called in calls:
        _count(called, rows, counts)
    invoked = account.journal.of(Invoked)
    seconds = (len(invoked) * OWN_MS + len(calls) * ROUND_MS / 2) / 1000
    counts["Lambda requests"] = len(invoked)
    fractions["Lambda GB-seconds (arm64)"] = seconds * GB
    fractions["log, GB"] = sum(len(invocation.log) for invocation in invoked) / 1e9
    counts["Step Functions transitions"] = _transitions(account)
    queued = [i for i in invoked if isinstance(i.event, dict) and "Records" in i.event]
    counts["SQS requests"] = 3 * len(queued)  # sent by EventBridge, received, deleted
    return {**counts, **fractions}


def _count(called: Called, rows: Mapping[str, int], counts: Counter[str]) -> None:
    service, operation = called.service, called.operation
    reads = operation.startswith(READS)
    if service == "dynamodb":
        kind = called.params["Key"]["id"]["S"].partition("#")[0]
        counts["DynamoDB read units" if reads else "DynamoDB write units"] += (
            ceil(rows.get(kind, 1) / 4) if reads else rows.get(kind, 1)
        )
    elif (service, operation) in (("s3", "PutObject"), ("s3", "GetObject")):
        counts["S3 reads" if reads else "S3 writes"] += 1
    elif service == "sns":
        counts["SNS messages"] += 1
    elif operation == "BatchImportFindings":
        counts["Security Hub imports"] += 1
    elif operation == "CreateOpsItem":
        counts["OpsItems"] += 1
    elif operation.endswith("OpsItem"):
        counts["OpsCenter requests"] += 1
    if service not in ("dynamodb", "sns", "sts") and operation not in ("PutObject", "GetObject"):
        counts["GuardDuty, CloudTrail events"] += 1


def _row_units(account: EmbeddedAccount) -> dict[str, int]:
    """Write units of the largest row of each kind: one per started KB."""
    table = account.stack.outputs["CasesTableName"]
    units: dict[str, int] = {}
    for row in account.client("dynamodb").scan(TableName=table)["Items"]:
        kind = row["id"]["S"].partition("#")[0]
        units[kind] = max(units.get(kind, 1), ceil(_bytes(row) / 1024))
    return units


def _bytes(row: Mapping[str, Any]) -> int:
    return sum(len(name) + len(json.dumps(next(iter(v.values())))) for name, v in row.items())


def _transitions(account: EmbeddedAccount) -> int:
    """Entered states in the histories of all executions, and one more for each start."""
    states = account.client("stepfunctions")
    number = 0
    for machine in account.machines.values():
        for execution in states.list_executions(stateMachineArn=machine.arn)["executions"]:
            history = states.get_execution_history(executionArn=execution["executionArn"])["events"]
            number += 1 + sum(event["type"].endswith("StateEntered") for event in history)
    return number


def main(
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """The cost of a case at public prices, and of the idle stack."""
    cases = [
        run(playbook, mode, release)
        for playbook in FIRST
        for mode, release in (("observe", False), ("enforce", False), ("approve", True))
    ]
    text = section(cases)
    sections.write("cost", text) if write else typer.echo(text)


def section(cases: list[Case]) -> str:
    """The section of docs/performance.md."""
    rows = [
        (
            f"`{case.playbook}`",
            f"{case.mode}, released" if case.released else case.mode,
            f"{case.counts['Lambda requests']:.0f}",
            f"{case.counts['Step Functions transitions']:.0f}",
            f"{case.counts['DynamoDB write units']:.0f}",
            f"{case.counts.get('S3 writes', 0):.0f}",
            f"{case.counts['GuardDuty, CloudTrail events']:.0f}",
            f"{1e6 * (case.dollars - case.counts.get('OpsItems', 0) * PRICES['OpsItems']):,.0f}",
            f"{1e6 * case.dollars:,.0f}",
        )
        for case in cases
    ]
    head = (
        "Playbook",
        "Mode",
        "invocations",
        "transitions",
        "write units",
        "S3 writes",
        "management calls",
        "$ per million, no OpsItem",
        "$ per million",
    )
    idle = "; ".join(f"{name} {dollars:.2f}" for name, dollars in IDLE.items())
    return f"""## Cost
`python -m bench cost --write`. One case in a new account, with everything that the stack does for
it: the functions that ignore the event, the event of Cordon's own finding, logs. Lambda time is
assumed: {OWN_MS} ms per invocation and {ROUND_MS} ms per round of two calls. Prices of us-east-1,
November 2026, without free tiers. A finding that leads to no change costs one invocation.

{sections.table(head, rows, texts=2)}

An OpsItem costs 2,970 $ per million: it is the largest part of a case's cost, and OpsCenter's quota
is 10,000 per month. So compliance findings, which arrive in bulk, open none.

Idle, $ per month: {idle}; {sum(IDLE.values()):.2f} in all.
"""
