"""How a deployed stack is: what it may do, what it holds, what waits, and what is wrong.

Each part is read by itself. A part that the caller's credentials may not read is called unknown,
with the permission that is missing, and so is one whose service cannot be reached, is throttled or
broken at the moment: nothing is concluded from it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from console.aws_errors import why_unknown
from console.case_list import has_failed, is_held
from console.coverage.checks import CHECKS, Account, Saw
from console.coverage.live import looked
from console.options import version
from console.settings import StackSettings
from console.stack import Stack
from console.tables import Column
from cordon.deciding.failed_records import waiting
from cordon.deciding.redeliver import RECORDS
from cordon.settings import Mode
from cordon.statuses import Status

MARKS = {(False, False): " ", (True, False): "✘", (False, True): "?", (True, True): "✘"}
COLUMNS = (
    Column("", whole=True, of=lambda row: MARKS[row["wrong"], row["unknown"]]),
    Column("part", whole=True),
    Column("is"),
)
NO_FINDINGS = "NOT enabled: its findings do not come"
SERVICES = {
    "security_hub": "Security Hub",
    "detector": "GuardDuty",
    "macie": "Macie",
    "config_recorder": "Config",
    "trail_logging": "CloudTrail",
}
# Sources: Security Hub User Guide, "Enabling and configuring AWS Config for Security Hub CSPM";
# EventBridge User Guide, "AWS service events delivered via AWS CloudTrail".
WHETHER = {  # check → what it is where it is on, and where it is off
    "security_hub": ("enabled", f"{NO_FINDINGS}, and ours are shown nowhere"),
    "detector": ("enabled; which of its protections was not looked at", NO_FINDINGS),
    "macie": ("enabled", NO_FINDINGS),
    "config_recorder": (
        "a recorder records; which resource types was not looked at",
        "NO recorder records: most controls of Security Hub need one",
    ),
    "trail_logging": (
        "a trail logs; which events it records was not looked at",
        "NO trail logs: no event of an API call comes",
    ),
}


@dataclass(frozen=True)
class Line:
    """One thing that is so. ``wrong``: somebody must do something about it."""

    part: str
    text: str
    wrong: bool = False
    unknown: bool = False

    def row(self) -> dict[str, Any]:
        """As lists have it."""
        return {"part": self.part, "is": self.text, "wrong": self.wrong, "unknown": self.unknown}


Part = Callable[[Stack], Iterable[Line]]


def lines(stack: Stack) -> list[Line]:
    """All that is known of the stack, part by part."""
    return [line for name, part in PARTS.items() for line in _known(name, part, stack)]


def _known(name: str, part: Part, stack: Stack) -> list[Line]:
    try:
        return list(part(stack))
    except (ClientError, BotoCoreError) as error:
        return [Line(name, f"unknown: {why_unknown(error)}", unknown=True)]


def deployed(stack: Stack) -> Iterator[Line]:
    """Which stack it is, and which version these commands are of."""
    yield Line("stack", f"{stack.name} {stack.stack_id}")
    yield Line("version", f"{version()} of these commands; the stack does not say its own")


def settings(stack: Stack) -> Iterator[Line]:
    """What the playbooks make of the settings, and what is refused of them."""
    found = StackSettings.of(stack)
    understood = found.understood
    if understood.not_home:
        yield Line("serves", f"THIS STACK ONLY OBSERVES: {understood.not_home}", wrong=True)
    unread = understood.unreadable
    switch = "not understood: every playbook observes" if unread else str(understood.switch)
    yield Line("master switch", switch, wrong=bool(unread))
    modes = Counter(str(understood.mode(name)) for name in found.playbooks)
    counts = (f"{count} {mode}" for mode, count in sorted(modes.items()))
    yield Line("modes", f"{', '.join(counts)} (cordon settings)")
    for mode in (Mode.APPROVE, Mode.ENFORCE):
        if named := [name for name in found.playbooks if understood.mode(name) is mode]:
            yield Line(str(mode), ", ".join(named))
    yield from (Line("refused setting", fault, wrong=True) for fault in found.faults())
    for name, said in found.setup_found.items():
        if name not in ("id", "at"):
            seen = f"{said} (seen {found.setup_found.get('at')})"
            yield Line(name.replace("_", " "), seen, wrong=str(said).startswith("not known"))


def budgets(stack: Stack) -> Iterator[Line]:
    """What is left this hour of each playbook that may enforce, in the stack's own account."""
    found = StackSettings.of(stack)
    understood, spent = found.understood, found.spent
    for name, used in spent.items():
        most = understood.budget_for(name)
        left = max(most - used, 0)
        used_up = bool(most) and not left
        yield Line("budget", f"{name}: {left} of {most} left this hour", wrong=used_up)
    if not spent:
        yield Line("budget", f"nothing of it is used this hour in account {stack.account}")


def cases(stack: Stack) -> Iterator[Line]:
    """How many cases are open, by what people look for."""
    found = [case for case in stack.open_cases() if not case.closed]
    failed = sum(map(has_failed, found))
    escalated = sum(case.status is Status.ESCALATED for case in found)
    waiting = sum(case.status is Status.AWAITING_APPROVAL for case in found)
    held_back = sum(case.held_back for case in found)
    yield Line("waiting", f"{waiting} for approval (cordon cases --waiting)")
    yield Line("held", f"{sum(map(is_held, found))} that hold a change, or may (--held)")
    yield Line("failed", f"{failed} with a change or an undo that failed (--failed)", bool(failed))
    yield Line("escalated", f"{escalated} for a person")
    yield Line("held back", f"{held_back} until a budget or a setting allows more")


def dead_letters(stack: Stack) -> Iterator[Line]:
    """How many lie in each queue, about: SQS counts so (``GetQueueAttributes``)."""
    sqs = stack.client("sqs")
    for url in stack.outputs.get("DeadLetters", "").split():
        attributes = ("ApproximateNumberOfMessages",)
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=attributes)["Attributes"]
        count = int(got[attributes[0]])
        yield Line("dead letters", f"{url.rpartition('/')[2]}: {count}", wrong=bool(count))


def failed_records(stack: Stack) -> Iterator[Line]:
    """How many batches of the table's stream were given up, and not redelivered since."""
    bucket = stack.outputs.get("FailedRecords")
    if bucket is None:
        old = "unknown: the stack has no output FailedRecords: it was deployed by another version"
        yield Line("failed records", old, unknown=True)
        return
    count = sum(1 for _ in waiting(stack.client("s3"), bucket))
    yield Line("failed records", f"{bucket}: {count} (cordon redeliver {RECORDS})", bool(count))


def _service(check: str, on: str, off: str) -> Part:
    """Whether one of the services is on that findings come from, as `cordon coverage` looks."""

    def part(stack: Stack) -> Iterator[Line]:
        one = CHECKS[check]
        seen = looked(one, Account(stack.client))
        why = f"missing is {seen.says}" if seen.says in one.permissions else seen.says
        said = {Saw.ON: on, Saw.OFF: off}.get(seen.saw, f"unknown: {why}")
        yield Line(SERVICES[check], said, unknown=seen.saw is Saw.UNKNOWN)

    return part


PARTS: dict[str, Part] = {
    "stack": deployed,
    "settings": settings,
    "cases": cases,
    "budget": budgets,
    "dead letters": dead_letters,
    "failed records": failed_records,
    **{SERVICES[check]: _service(check, *said) for check, said in WHETHER.items()},
}
