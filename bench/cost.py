"""The cost of a case at public prices: requests, units, invocations, transitions; and idle cost.

Counted in the embedded account, with the processor time of this machine; this is not a bill.
"""

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from bench import packages, sections
from bench.measuring import INSIDE, aws_stub
from bench.prices import APART, CUSTOM_METRIC, PRICES, WHEN, idle
from bench.processes import Command
from bench.recorded_answers import first_event, new_account, record
from bench.units import Units, rows_of
from console.account import operator_of
from console.staging import stage
from cordon.sources import read
from cordon.statuses import Status
from embedded.account import EmbeddedAccount
from embedded.journal import Called, Invoked
from tests.examples import TAG

BATCH = 10  # findings of a full batch of a queue, which is how compliance findings arrive in bulk
VCPU = 1769  # MB of memory at which a function has one vCPU (Lambda Developer Guide, "memory")
WAIT = 8.0  # milliseconds that a call waits for its response: assumed
LINES = 350  # bytes that Lambda itself logs of an invocation: START, END, REPORT
MEMORY = (512, 1024)  # MB: what the template has, and twice that
REPORTER = "ReportCases"  # logical id of the function
READS = ("Get", "List", "Describe", "Head", "BatchGet")
TAGS = ("TagResource", "AddTags", "UntagResource", "DeleteTags")


@dataclass(frozen=True)
class Case:
    """One case, from its first event to its last."""

    playbook: str
    mode: str
    released: bool
    counts: Mapping[str, float]
    apart: Mapping[str, float]
    calls: int
    rounds: float  # calls that are waited for, as if each took its turn
    cpu: float  # milliseconds

    def milliseconds(self, memory: int) -> float:
        """Billed: the work at a function's share of a vCPU, and the waiting."""
        return self.cpu * VCPU / memory + self.rounds * WAIT

    def dollars(self, memory: int) -> float:
        """Of the infrastructure."""
        seconds = self.milliseconds(memory) / 1000 * memory / 1024
        counts = {**self.counts, "Lambda GB-seconds (arm64)": seconds}
        return sum(PRICES[name][0] * number for name, number in counts.items())


def run(playbook: str, mode: str, release: bool, cpu_of_a_call: float) -> Case:
    """Run one case in a new account."""
    event = first_event(playbook)
    with new_account(event, mode) as account:
        stage(read(event), account.client)
        account.deliver(event)
        operator = operator_of(account)
        for case in list(operator.all_cases()):
            if case.status is Status.AWAITING_APPROVAL:
                operator.decide(case, "approve", case.plan_hash)
                account.settle()
        if release:
            for case in list(operator.all_cases()):
                operator.release(case, "measured")
                account.settle()
        calls = [c for c in account.journal.of(Called) if c.caller in account.functions]
        made = sum(_share(called, account) for called in calls)
        return Case(
            playbook,
            mode,
            release,
            counts=_counts(account, calls),
            apart=_apart(calls),
            calls=len(calls),
            rounds=made,
            cpu=made * cpu_of_a_call,
        )


def _by(account: EmbeddedAccount, source: str) -> list[Invoked]:
    """The invocations by batches of this kind."""
    batches = [i for i in account.journal.of(Invoked) if isinstance(i.event, dict)]
    return [
        i for i in batches if i.event.get("Records", [{}])[0].get("eventSource") == f"aws:{source}"
    ]


def _share(called: Called, account: EmbeddedAccount) -> float:
    """What of a call is this case's: findings of one batch are reported together, too."""
    together = called.caller == REPORTER and called.operation != "PutItem"
    return 1 / BATCH if together and _by(account, "sqs") else 1


def _counts(account: EmbeddedAccount, calls: list[Called]) -> dict[str, float]:
    """The counts per price. The functions that ignore the event count too."""
    counts: Counter[str] = Counter()
    units = Units(dict(rows_of(account.client("dynamodb"), _table(account))))
    for called in calls:
        if called.service == "dynamodb":
            units.count(called.operation, called.params)
        elif called.service == "s3":
            counts["S3 GET" if called.operation.startswith(READS) else "S3 PUT"] += 1
        elif called.service == "sns":
            counts["SNS messages"] += 1
        elif called.operation == "PutEvents":
            counts["EventBridge events"] += len(called.params["Entries"])
    invoked, queued, rung = (
        account.journal.of(Invoked),
        _by(account, "sqs"),
        _by(account, "dynamodb"),
    )
    batches = len(queued) + len(rung) if queued else 0
    shared = batches * (BATCH - 1) / BATCH  # with the other findings of the batch
    requests = [i for i in invoked if isinstance(i.event, dict) and "requestContext" in i.event]
    together = sum("/batches/" in str(c.params.get("Key", "")) for c in calls)
    return {
        **counts,
        "S3 PUT": counts["S3 PUT"] - together * (BATCH - 1) / BATCH,
        "DynamoDB write units": units.written,
        "DynamoDB read units": units.read,
        "Lambda requests": len(invoked) - shared,
        "log, GB": (sum(len(i.log) for i in invoked) + LINES * (len(invoked) - shared)) / 1e9,
        "Step Functions transitions": _transitions(account),
        "API Gateway requests": len(requests),
        # Sent by EventBridge; received and deleted with the whole batch.
        "SQS requests": len(queued) * (1 + 2 / BATCH),
    }


def _apart(calls: list[Called]) -> dict[str, float]:
    """What other services charge for, in dollars."""
    names = [called.operation for called in calls]
    data = ("dynamodb", "sns", "sts")
    numbers = {
        "Security Hub copy": names.count("BatchImportFindings"),
        "GuardDuty": sum(
            c.service not in data and c.operation not in ("PutObject", "GetObject") for c in calls
        ),
        "OpsCenter": names.count("CreateOpsItem"),
        "Config items": sum(_is_recorded(called) for called in calls),
    }
    return {name: APART[name][0] * number for name, number in numbers.items()}


def _is_recorded(called: Called) -> bool:
    """Does the call change a resource of a type that AWS Config records?"""
    if called.operation in TAGS:
        return True
    change = not called.operation.startswith(READS) and called.operation != "PutObject"
    return change and called.service in ("s3", "iam")


def _transitions(account: EmbeddedAccount) -> int:
    """Entered states in the histories of all executions, and one more for each start."""
    states = account.client("stepfunctions")
    number = 0
    for machine in account.machines.values():
        for execution in states.list_executions(stateMachineArn=machine.arn)["executions"]:
            history = states.get_execution_history(executionArn=execution["executionArn"])["events"]
            number += 1 + sum(event["type"].endswith("StateEntered") for event in history)
    return number


def run_of_reconciler(cpu: float) -> tuple[float, int]:
    """Dollars of one run where no case is open, with the self-test's report, and its calls."""
    with new_account(first_event(TAG.name)) as account:
        account.advance(timedelta(minutes=6))
        before = len(account.journal)
        account.advance(timedelta(minutes=5))
        records = account.journal.records[before:]
        calls = [r for r in records if isinstance(r, Called) and r.caller in account.functions]
        units = Units(dict(rows_of(account.client("dynamodb"), _table(account))))
        for called in calls:
            if called.service == "dynamodb":
                units.count(called.operation, called.params)
        invoked = sum(isinstance(r, Invoked) for r in records)
    own = MEMORY[0]
    seconds = len(calls) * (cpu * VCPU / own + WAIT) / 1000
    counts = {
        "Lambda requests": invoked,
        "Lambda GB-seconds (arm64)": seconds * own / 1024,
        "DynamoDB write units": units.written,
        "DynamoDB read units": units.read,
    }
    return sum(PRICES[name][0] * number for name, number in counts.items()), len(calls)


def _table(account: EmbeddedAccount) -> str:
    return str(account.stack.outputs["CasesTableName"])


def cpu_of_a_call(playbook: str, mode: str, events: int, runs: int) -> float:
    """Milliseconds of processor time of a warm event, by call that it makes: the median of runs."""
    package = packages.package(packages.WORK / "cordon" / ".aws-sam" / "build", playbook)
    recorded = record(playbook, mode).write(packages.WORK / f"{playbook}-{mode}.json")
    calls = len(package.run(recorded, 2, calls=True)["calls"])
    words = [str(package.python), "-S", str(INSIDE / "first_event.py"), str(events)]
    seconds = []
    for _ in range(runs):
        with aws_stub(recorded) as port:
            command = Command(words, package.environment(recorded, port), packages.WORK)
            seconds.append(float(command.run()["seconds"]))
    return 1000 * statistics.median(seconds) / (events - 1) / calls


def main(
    runs: Annotated[int, typer.Option(help="Processes that measure the Lambda time.")] = 5,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """The cost of a case at public prices, and of the idle stack."""
    packages.WORK.mkdir(exist_ok=True)
    packages.cordon()
    cases = []
    for playbook in packages.FUNCTIONS:
        cpu = {mode: cpu_of_a_call(playbook, mode, 21, runs) for mode in ("observe", "enforce")}
        cases += [
            run(playbook, "observe", False, cpu["observe"]),
            run(playbook, "enforce", False, cpu["enforce"]),
            run(playbook, "approve", True, cpu["enforce"]),
        ]
    text = section(cases)
    sections.write("cost", text) if write else typer.echo(text)


def section(cases: list[Case]) -> str:
    """The section of docs/performance.md."""
    own, twice = MEMORY
    rows = [
        (
            f"`{case.playbook}`",
            f"{case.mode}, released" if case.released else case.mode,
            f"{case.counts['Lambda requests']:.1f}",
            f"{case.cpu:.0f}",
            f"{case.milliseconds(own):.0f}",
            f"{case.counts['DynamoDB write units']:.0f}",
            f"{case.counts['DynamoDB read units']:.0f}",
            f"{case.counts['S3 PUT']:.1f}",
            f"{1e6 * case.dollars(own):,.1f}",
            f"{1e6 * case.dollars(twice):,.1f}",
        )
        for case in cases
    ]
    head = (
        *("Playbook", "Mode", "invocations", "CPU, ms", f"ms at {own} MB", "write units"),
        *("read units", "S3 PUT", f"$ per million, {own} MB", f"{twice} MB"),
    )
    others = [
        (f"`{c.playbook}`", c.mode, *(f"{1e6 * dollars:,.0f}" for dollars in c.apart.values()))
        for c in cases
        if not c.released
    ]
    dollars, made = run_of_reconciler(max(case.cpu / case.rounds for case in cases))
    monthly = {**idle(), f"8,640 runs of `reconcile_cases`, {made} calls each": 8640 * dollars}
    listed = "; ".join(f"{name} {dollars:.2f}" for name, dollars in monthly.items())
    prices = [
        (name, page, f"{dollars:,.2f}" if name == "log, GB" else f"{1e6 * dollars:,.3f} a million")
        for name, (dollars, page) in (PRICES | APART).items()
    ]
    return f"""## Cost
`python -m bench cost --write` ({sections.machine()}). One case in a new account, with
everything that the stack does for it: functions that ignore the event, the row of what people
were shown, logs. `{TAG.name}` gets its findings by a queue, here in batches of {BATCH}: they
share an invocation, the requests of the queue, the calls that report them but for the row of what
people were shown, and, when they are observed, the object of evidence.
Prices of us-east-1, {WHEN}, without free tiers. Targets: 7 $ a million observed compliance
findings (`{TAG.name}`, observe), of which the event on the bus is one, and 23 $ a million
enforced tags.

{sections.table(head, rows, texts=2)}

Lambda's time is the processor time of a warm event on this machine (alone in its batch), at the
share of a vCPU that a function has (one at {VCPU} MB), and {WAIT:.0f} ms of waiting for each call,
which is assumed: parallel calls count as if they came one after the other. More memory makes an
event faster and costs more, because calls are waited for at any size: the functions have {own} MB.
An approved case is reckoned at the time of an enforced one for each call, and so are the calls of
`report_cases` and `decide_cases`. DynamoDB's units follow
from the sizes of the rows. Not in it: the milliseconds of a function that ignores the event,
storage, point-in-time recovery, and the few requests of DynamoDB's key, which it keeps for five
minutes; the metric of the stream's event source mapping, and the desk's access log.

What other services charge, $ per million:

{sections.table(("Playbook", "Mode", *APART), others, texts=2)}

The *Security Hub copy* is Cordon's own finding. *GuardDuty* analyses the management calls.
*OpsCenter* is the incident: the largest part of a case, and its quota is 10,000 a month; so
compliance findings, which arrive in bulk, open none. *Config items*: where AWS Config records the
type of a resource, each change of it is a configuration item, and rules are evaluated again (0.001
each).

Idle, $ a month: {listed}; {sum(monthly.values()):.2f} in all.
An alarm over an expression is billed for each of its metrics. A custom metric is
{CUSTOM_METRIC:.2f} a month for each playbook, outcome and mode that occurs, after the first ten.

{sections.table(("Price", "AWS's page", "$"), prices, texts=2)}
"""
