"""Lists the AWS calls for an event until it is contained and until the end: rounds and reasons.

A round is a group of parallel calls. Counted in the embedded account, at the first delivery of the
events that ``bench cold`` also measures.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
import typer

import cordon.concurrency
from bench import sections
from bench.recorded_answers import FIRST, first_event, new_account
from console.staging import stage
from cordon.sources import read
from embedded.journal import Called

EFFECTS = {  # the calls that contain; plain boto3 would make only these
    "quarantine_bucket": ("s3:PutPublicAccessBlock",),
    "revoke_sessions": ("iam:PutRolePolicy",),
    "tag_ai_resource": ("sagemaker:AddTags",),
    "escalate_finding": ("ssm:CreateOpsItem", "sns:Publish"),
}
PLAIN = {
    "quarantine_bucket": "PutPublicAccessBlock, TagResource",
    "revoke_sessions": "PutRolePolicy",
    "tag_ai_resource": "AddTags",
    "escalate_finding": "CreateOpsItem, Publish",
}
WHY = {
    "cloudtrail:DescribeTrails": "a bucket that receives logs is never quarantined",
    "config:DescribeDeliveryChannels": "the same",
    "bedrock:GetModelInvocationLoggingConfiguration": "the same",
    "securityhub:BatchImportFindings": "Cordon's finding of the case",
    "securityhub:GetFindings": "is the original in Security Hub, and did a person change it?",
    "securityhub:BatchUpdateFindings": "note and workflow status of the original",
    "ssm:CreateOpsItem": "the incident",
    "sns:Publish": "alert by SNS",
}
READ = {  # by the first key of a read
    "case#": "what is remembered: the case, plan, last pass, report and budget; and the settings",
    "plan#": "the plan of the case",
    "hold#": "who else holds the targets, and what was captured and written",
    "reported#": "what people were last shown",
}
WRITTEN = {  # by the key of a write, and the start of its update
    ("case#", ""): "the case: how it ended",
    ("reported#", ""): "what people were shown",
    ("budget#", "ADD spent"): "the budget: cases that may contain per hour",
    ("hold#", "SET captured"): "keep what was there before",
    ("hold#", "SET written"): "keep what was written, to detect drift",
}


@dataclass(frozen=True)
class Step:
    """One call: its round, its name and its reason."""

    round: int
    call: str
    why: str


@dataclass
class Path:
    """All calls of one event's invocation, in order."""

    playbook: str
    steps: list[Step] = field(default_factory=list)

    @property
    def contained(self) -> int:
        """The round of the last call that contains."""
        return max(step.round for step in self.steps if step.call in EFFECTS[self.playbook])

    @property
    def before(self) -> list[Step]:
        """The calls up to that round."""
        return [step for step in self.steps if step.round <= self.contained]


def walk(playbook: str) -> Path:
    """The path of the playbook's first event, in mode enforce and a new account."""
    event = first_event(playbook)
    path = Path(playbook)
    with new_account(event) as account:
        stage(read(event), account.client)

        def is_measured(caller: str) -> bool:
            function = account.functions.get(caller)
            return function is not None and function.code.folder.name == playbook

        with _rounds() as reached:

            def add_step(called: Called) -> None:
                if is_measured(called.caller):
                    name = f"{called.service}:{called.operation}"
                    path.steps.append(Step(reached(), name, _why(called)))

            account.after_call(add_step)
            account.deliver(event)
    return path


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
        return f"evidence: {json.loads(params['Body'])['stage']}"
    if name in WHY:
        return WHY[name]
    changes = not called.operation.startswith(("Get", "List", "Describe"))
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
    text = section([walk(playbook) for playbook in FIRST])
    sections.write("calls", text) if write else typer.echo(text)


def section(paths: list[Path]) -> str:
    """The section of docs/performance.md."""
    rows = [
        (
            f"`{path.playbook}`",
            PLAIN[path.playbook],
            str(path.contained),
            str(len(path.before)),
            str(len(path.steps)),
        )
        for path in paths
    ]
    summary = sections.table(
        (
            "Playbook",
            "the effect alone, in plain boto3",
            "rounds",
            "calls to contained",
            "all calls",
        ),
        rows,
        texts=2,
    )
    lists = "\n\n".join(_listed(path) for path in paths)
    return f"""## Calls
`python -m bench path --write`. The calls of the first delivery of an event that a playbook contains
(`tests/promises/test_path.py` checks the counts). A *round* is a group of parallel calls. Calls
after the round of the effect do not delay it.

{summary}

{lists}
"""


def _listed(path: Path) -> str:
    rows = [
        (str(step.round), f"`{step.call}`", step.why + (" ←" if _is_effect(path, step) else ""))
        for step in path.steps
    ]
    head = ("Round", "Call", "Why")
    marks = ("--:", "---", "---")
    lines = "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))
    return f"### {path.playbook}\n{lines}"


def _is_effect(path: Path, step: Step) -> bool:
    return step.call in EFFECTS[path.playbook]
