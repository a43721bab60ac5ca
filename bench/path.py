"""Lists the AWS calls for an event until it is contained and until the end: rounds and reasons.

A round is a group of parallel calls. Counted in the embedded account. The reports are counted
apart: what ``report_cases`` calls afterwards, in a function of its own, to show people the case.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import pytest
import typer

import cordon.concurrency
from bench import sections
from bench.recorded_answers import START, new_account
from console.playbook_blocks.block import logical_name
from console.staging import stage
from cordon.sources import read
from embedded.functions import Runtime
from embedded.journal import Called
from tests.examples import HEADERS, folder_of
from tests.examples import event as sample

HOUR = timedelta(hours=1)
READING = ("Get", "List", "Describe")  # how such permissions and operations begin
REPORTER = "ReportCases"  # logical id of the function
WHY = {
    "cloudtrail:DescribeTrails": "a bucket that receives logs is never quarantined",
    "config:DescribeDeliveryChannels": "the same",
    "bedrock:GetModelInvocationLoggingConfiguration": "the same",
}
READ = {  # by the first key of a read
    "case#": "what is remembered: the case, plan, last pass, report and budget; and the settings",
    "plan#": "the plan of the case",
    "hold#": "who else holds the targets, and what was captured and written",
    "settings": "the settings once more: policy decides about a further attempt",
}
WRITTEN = {  # by the key of a write, and the start of its update
    ("case#", ""): "the case: how it ended",
    ("budget#", "ADD spent"): "the budget: cases that may contain per hour",
    ("hold#", "SET captured"): "keep what was there before",
    ("hold#", "SET written"): "keep what was written, to detect drift",
}


class Before(StrEnum):
    """What happened in the same account before."""

    NOTHING = "nothing"
    ANOTHER = "another"  # a finding about another resource of the same kind
    SAME = "same"  # this very finding
    EARLIER = "earlier"  # this finding; then more activity was added to it


@dataclass(frozen=True)
class Scenario:
    """An event whose calls are counted. Its container is warm where something came before."""

    event: str  # the name of a sample
    resource: str  # the name of what it is about
    mode: str = "enforce"
    before: Before = Before.NOTHING
    cold: bool = False  # a new container all the same

    @property
    def playbook(self) -> str:
        """Whose calls are counted."""
        return folder_of(self.event)

    def events(self) -> list[dict[str, Any]]:
        """The events in order; the last one is measured."""
        event = sample(self.event)
        match self.before:
            case Before.NOTHING:
                return [event]
            case Before.ANOTHER:
                return [renamed(event, self.resource, f"{self.resource}-2"), event]
            case Before.SAME:
                return [event, event]
            case Before.EARLIER:
                return [event, seen_again(event, START + HOUR)]


BUCKET = ("guardduty_public_access", "acme-model-artifacts")
ROLE = ("guardduty_privilege_escalation", "AgentToolRole")
USER = ("guardduty_persistence", "rag-indexer")
NOTEBOOK = ("securityhub_sagemaker_1", "fraud-explore")
ROOT_USE = ("guardduty_root_credential_usage", "Root")
SCENARIOS = {
    "public bucket, cold": Scenario(*BUCKET),
    "public bucket, warm": Scenario(*BUCKET, before=Before.ANOTHER),
    "role, cold": Scenario(*ROLE),
    "role, warm": Scenario(*ROLE, before=Before.ANOTHER),
    "user, cold": Scenario(*USER),
    "user, warm": Scenario(*USER, before=Before.ANOTHER),
    "tags": Scenario(*NOTEBOOK),
    "escalate": Scenario(*ROOT_USE),
    "compliance finding, observed": Scenario(*NOTEBOOK, "observe"),
    "threat to a bucket, observed, cold": Scenario(*BUCKET, "observe"),
    "threat to a bucket, observed, warm": Scenario(*BUCKET, "observe", Before.ANOTHER),
    "threat to a role, observed": Scenario(*ROLE, "observe"),
    "role, contained, the same again": Scenario(*ROLE, before=Before.SAME),
    "bucket, contained, the same again": Scenario(*BUCKET, before=Before.SAME),
    "bucket, contained, the same again, cold": Scenario(*BUCKET, before=Before.SAME, cold=True),
    "tags, the same again": Scenario(*NOTEBOOK, before=Before.SAME),
    "role, observed, the same again": Scenario(*ROLE, "observe", Before.SAME),
    "role, observed, with later activity": Scenario(*ROLE, "observe", Before.EARLIER),
    "role, contained, with later activity": Scenario(*ROLE, before=Before.EARLIER),
}
LISTED = ("public bucket, cold", "role, cold", "user, cold", "tags", "escalate")


@dataclass(frozen=True)
class Step:
    """One call: its round, its name and its reason."""

    round: int
    call: str
    why: str
    is_effect: bool


@dataclass
class Path:
    """All calls of one event's invocation, in order, and how many the reporter made then."""

    steps: list[Step] = field(default_factory=list)
    reports: int = 0

    @property
    def contained(self) -> int:
        """The round of the last call that contains; 0 where none does."""
        return max((step.round for step in self.steps if step.is_effect), default=0)

    @property
    def before(self) -> list[Step]:
        """The calls up to that round."""
        return [step for step in self.steps if step.round <= self.contained]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rounds to contained, calls to contained, and calls in all."""
        return self.contained, len(self.before), len(self.steps)


def walk(scenario: Scenario) -> Path:
    """The path of a scenario's last event through its playbook's function, in a new account."""
    *earlier, event = scenario.events()
    path = Path()
    with new_account(event, scenario.mode) as account, pytest.MonkeyPatch.context() as patch:
        if earlier and not scenario.cold:
            patch.setattr(Runtime, "_cool_down", _stay_warm)
        for one in earlier:
            stage(read(one), account.client)
            account.deliver(one)
        if scenario.before in (Before.NOTHING, Before.ANOTHER):
            stage(read(event), account.client)
        if scenario.before is Before.EARLIER:
            account.advance(2 * HOUR)  # the later activity is over when it is published
        changes = effects(scenario.playbook)
        with _rounds() as reached:

            def add_step(called: Called) -> None:
                path.reports += called.caller == REPORTER
                if called.caller == logical_name(scenario.playbook):
                    path.steps.append(_step(changes, reached(), called))

            account.after_call(add_step)
            account.deliver(event)
    return path


def _stay_warm(_runtime: Runtime, _function: Any) -> None:
    """In place of the embedded account's rule that every second brings a new container."""


def effects(playbook: str) -> frozenset[str]:
    """The permissions whose use contains, of tags those that set them: plain boto3 needs no more.

    None where the playbook only informs people: report_cases opens its incident.
    """
    header = HEADERS[playbook]
    made = [one for one in header.actions if one.contains] or header.actions
    used = {permission for one in made for grant in one.grants for permission in grant.permissions}
    return frozenset(one for one in used if not one.partition(":")[2].startswith(READING))


def _step(changes: frozenset[str], round: int, called: Called) -> Step:
    name = f"{called.service}:{called.operation}"
    is_effect = any(action in changes for action, _ in called.actions)
    return Step(round, name, _why(called), is_effect)


def renamed(event: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The same event as another finding about another resource."""
    text = json.dumps(event).replace(old, new)
    detail = event["detail"]
    ids = [detail["id"]] if "id" in detail else [one["Id"] for one in detail["findings"]]
    for id in ids:
        text = text.replace(id, f"{id[:-4]}{sum(map(ord, new)) % 0x10000:04x}")
    other: dict[str, Any] = json.loads(text)
    return other


def seen_again(event: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """GuardDuty's finding, published anew after activity at this moment."""
    again: dict[str, Any] = json.loads(json.dumps(event))
    detail, stamp = again["detail"], f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
    detail["service"] |= {"eventLastSeen": stamp, "count": detail["service"]["count"] + 1}
    detail["updatedAt"] = stamp
    return again


@contextmanager
def _rounds() -> Iterator[Callable[[], int]]:
    """A counter of rounds. Of parallel branches, the longest one counts."""
    now = 0
    make = cordon.concurrency._make

    def counted(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        nonlocal now
        begin, ends = now, [now]

        def branch(call: Callable[[], Any]) -> Callable[[], Any]:
            def run() -> Any:
                nonlocal now
                now = begin
                try:
                    return call()
                finally:
                    ends.append(now)

            return run

        try:
            return list(make([branch(call) for call in calls]))
        finally:
            now = max(ends)

    def reached() -> int:
        nonlocal now
        now += 1
        return now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cordon.concurrency, "_make", counted)
        yield reached


def _why(called: Called) -> str:
    name, params = f"{called.service}:{called.operation}", called.params
    if called.service == "dynamodb":
        return _row(called.operation, params)
    if name == "s3:PutObject":
        return f"evidence: {json.loads(params['Body']).get('stage', 'decided, of a batch')}"
    if name in WHY:
        return WHY[name]
    changes = not called.operation.startswith(READING)
    return "the effect" if changes else "the state: before, at or after the change"


def _row(operation: str, params: Mapping[str, Any]) -> str:
    if operation == "BatchGetItem":
        ((_, request),) = params["RequestItems"].items()
        key = request["Keys"][0]["id"]["S"]
        return next(why for start, why in READ.items() if key.startswith(start))
    if operation == "TransactWriteItems":
        first = repr(params["TransactItems"][0])
        kept = (why for (_, text), why in WRITTEN.items() if text and f"'{text}" in first)
        return next(kept, "claim the case, its plan and its holds")
    key = (params.get("Key") or params["Item"])["id"]["S"]
    update = params.get("UpdateExpression", "")
    return next(
        why
        for (row, text), why in WRITTEN.items()
        if key.startswith(row) and update.startswith(text)
    )


def main(
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """The calls for an event until it is contained and until the end, with reasons."""
    paths = {name: walk(scenario) for name, scenario in SCENARIOS.items()}
    if write:
        sections.write("calls", section(paths))
        return
    typer.echo("\n\n".join([section(paths), *(_listed(name, paths[name]) for name in LISTED)]))


def section(paths: Mapping[str, Path]) -> str:
    """The section of docs/performance.md."""
    head = ("Event", "rounds to contained", "calls to contained", "calls", "reports")
    rows = [
        (
            name,
            *(str(count or "–") for count in path.counts),
            str(path.reports),
        )
        for name, path in paths.items()
    ]
    return f"""## Calls
`python -m bench path --write`. The calls of one invocation of a playbook's function, from the event
to its end. `tests/promises/test_path.py` checks every count. A *round* is a group of parallel
calls: calls after the round of the effect do not delay it. *Cold* is the first event of a
container; *warm* comes after a finding about another resource of the same account, whose look-ups
are kept for 5 minutes. *Reports* are the calls of `report_cases`, which the table's stream wakes:
its rows, Security Hub, the incident, the message and the event; here for one case, while a batch
shares most of them. A compliance finding comes by a queue; here its batch has no other.

{sections.table(head, rows)}

`python -m bench path` lists the calls of each, with why each is made.
"""


def _listed(name: str, path: Path) -> str:
    rows = [
        (
            str(step.round),
            f"`{step.call}`",
            step.why + (" ←" if step.is_effect else ""),
        )
        for step in path.steps
    ]
    head = ("Round", "Call", "Why")
    marks = ("--:", "---", "---")
    lines = "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))
    return f"### {name[:1].upper()}{name[1:]}\n{lines}"
