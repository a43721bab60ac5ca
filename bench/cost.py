"""What a case costs at public prices: requests, invocations, state transitions, and idle.

Counted in the embedded account; nothing of it is a bill. Prices: AWS's pricing pages for
us-east-1 as known in November 2026, in dollars.
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
from cordon.statuses import Status
from cordon.sources import read
from embedded.account import EmbeddedAccount
from embedded.journal import Called, Invoked

GB, ROUND_MS, OWN_MS = 0.5, 20, 60  # of memory; a call's wait on AWS; our own work, warm
PRICES = {  # by what is counted, for one
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
IDLE = {  # what the stack costs a month while nothing happens
    "KMS key": 1.0,
    "CloudWatch alarms (8, of which 4 over expressions)": 1.2,
    "custom metrics, dashboard (the first are free)": 0.0,
    "SQS polling by 3 event source mappings (5 pollers, 20 s)": 3 * 5 * 3 * 60 * 24 * 30 * 0.4e-6,
}
READS = ("Get", "List", "Describe", "Head")
MANAGEMENT = ("iam", "sagemaker", "bedrock", "bedrock-agent", "bedrock-agentcore-control")


@dataclass(frozen=True)
class Case:
    """One case, from its first event to its end."""

    playbook: str
    mode: str
    released: bool
    counted: Mapping[str, float]

    @property
    def dollars(self) -> float:
        """For one case."""
        return sum(PRICES[name] * number for name, number in self.counted.items())


def run(playbook: str, mode: str, release: bool) -> Case:
    """One case in a new account."""
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
        return Case(playbook, mode, release, _counted(account))


def _counted(account: EmbeddedAccount) -> dict[str, float]:
    """The bill's lines. The other functions, which let the event pass, are counted too."""
    counted: Counter[str] = Counter()
    more: dict[str, float] = {}
    rows = _row_units(account)
    calls = [c for c in account.journal.of(Called) if c.caller in account.functions]
    for called in calls:
        _count(called, rows, counted)
    invoked = account.journal.of(Invoked)
    seconds = (len(invoked) * OWN_MS + len(calls) * ROUND_MS / 2) / 1000
    counted["Lambda requests"] = len(invoked)
    more["Lambda GB-seconds (arm64)"] = seconds * GB
    more["log, GB"] = sum(len(one.log) for one in invoked) / 1e9
    counted["Step Functions transitions"] = _transitions(account)
    queued = [one for one in invoked if isinstance(one.event, dict) and "Records" in one.event]
    counted["SQS requests"] = 3 * len(queued)  # sent by EventBridge, received, deleted
    return {**counted, **more}


def _count(called: Called, rows: Mapping[str, int], counted: Counter[str]) -> None:
    service, operation = called.service, called.operation
    reads = operation.startswith(READS)
    if service == "dynamodb":
        kind = called.params["Key"]["id"]["S"].partition("#")[0]
        counted["DynamoDB read units" if reads else "DynamoDB write units"] += (
            ceil(rows.get(kind, 1) / 4) if reads else rows.get(kind, 1)
        )
    elif (service, operation) in (("s3", "PutObject"), ("s3", "GetObject")):
        counted["S3 reads" if reads else "S3 writes"] += 1
    elif service == "sns":
        counted["SNS messages"] += 1
    elif operation == "BatchImportFindings":
        counted["Security Hub imports"] += 1
    elif operation == "CreateOpsItem":
        counted["OpsItems"] += 1
    elif operation.endswith("OpsItem"):
        counted["OpsCenter requests"] += 1
    if service not in ("dynamodb", "sns", "sts") and operation not in ("PutObject", "GetObject"):
        counted["GuardDuty, CloudTrail events"] += 1


def _row_units(account: EmbeddedAccount) -> dict[str, int]:
    """Write units of the largest row of each kind: one for each KB begun."""
    table = account.stack.outputs["CasesTableName"]
    units: dict[str, int] = {}
    for row in account.client("dynamodb").scan(TableName=table)["Items"]:
        kind = row["id"]["S"].partition("#")[0]
        units[kind] = max(units.get(kind, 1), ceil(_bytes(row) / 1024))
    return units


def _bytes(row: Mapping[str, Any]) -> int:
    return sum(len(name) + len(json.dumps(next(iter(v.values())))) for name, v in row.items())


def _transitions(account: EmbeddedAccount) -> int:
    """States entered in all executions, by their history; a start is one more."""
    states = account.client("stepfunctions")
    number = 0
    for machine in account.machines.values():
        for one in states.list_executions(stateMachineArn=machine.arn)["executions"]:
            history = states.get_execution_history(executionArn=one["executionArn"])["events"]
            number += 1 + sum(event["type"].endswith("StateEntered") for event in history)
    return number


def main(write: Annotated[bool, typer.Option(help="Into docs/performance.md.")] = False) -> None:
    """What a case costs at public prices, and what the idle stack does."""
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
            f"{case.counted['Lambda requests']:.0f}",
            f"{case.counted['Step Functions transitions']:.0f}",
            f"{case.counted['DynamoDB write units']:.0f}",
            f"{case.counted.get('S3 writes', 0):.0f}",
            f"{case.counted['GuardDuty, CloudTrail events']:.0f}",
            f"{1e6 * (case.dollars - case.counted.get('OpsItems', 0) * PRICES['OpsItems']):,.0f}",
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
        "$ a million, no OpsItem",
        "$ a million",
    )
    idle = "; ".join(f"{name} {dollars:.2f}" for name, dollars in IDLE.items())
    return f"""## Cost
`python -m bench cost --write`. One case in a new account, all that the stack does for it: the
functions that let the event pass, the answer to our own finding coming back, logs. Lambda time is
assumed: {OWN_MS} ms an invocation, {ROUND_MS} ms a round of calls, two calls to a round. Prices of
us-east-1, November 2026, without free tiers. A finding on which nobody acts costs one invocation.

{sections.table(head, rows, texts=2)}

An OpsItem costs 2,970 $ a million: it is most of what a case costs, and OpsCenter takes 10,000 a
month. That is why compliance findings, which come in bulk, open none.

Idle, $ a month: {idle}; {sum(IDLE.values()):.2f} in all.
"""
