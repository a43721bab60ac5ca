"""The picture of one case: a sequence diagram, drawn from what an embedded account recorded."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from console.playbook_blocks.block import logical_name
from embedded.journal import Called, ExecutionStarted, Record, RuleMatched

PARTICIPANTS = (
    ("finding", "GuardDuty"),
    ("playbook", "the playbook"),
    ("bucket", "the bucket"),
    ("evidence", "evidence"),
    ("report", "report_cases"),
    ("people", "people"),
    ("desk", "decide_cases"),
)
REPORTER = "ReportCases"
READS = ("Get", "List", "Describe", "Head", "BatchGet")
SHOWN_AS = {  # by the service that report_cases calls
    "securityhub": "our finding",
    "ssm": "the incident",
    "sns": "a message",
    "events": "an event",
}
BREAK = "<br/>"
Arrow = tuple[str, str, str]  # from, to, what


def picture(records: Iterable[Record], playbook: str, evidence_bucket: str) -> str:
    """In Mermaid's language."""
    function = logical_name(playbook)
    arrows = _arrows(records, function, evidence_bucket)
    lines = ["```mermaid", "sequenceDiagram"]
    lines += [f"    participant {name} as {words}" for name, words in PARTICIPANTS]
    for (start, end), several in groupby(arrows, lambda one: one[:2]):
        said = f",{BREAK}".join(dict.fromkeys(what for *_, what in several))
        lines.append(f"    {start}->>{end}: {said}")
    return "\n".join([*lines, "```"])


def _arrows(records: Iterable[Record], function: str, evidence_bucket: str) -> Iterator[Arrow]:
    for record in records:
        match record:
            case RuleMatched(rule=rule) if rule.startswith(function):
                yield "finding", "playbook", "the finding, by its rule"
            case ExecutionStarted(name=name):  # <case>-<round>-<verb>-<id of the decision>
                yield "people", "desk", name.split("-")[2]
                yield "desk", "playbook", "the workflow wakes it"
            case Called(caller=caller) if caller == function and record.service != "dynamodb":
                yield from _of_the_playbook(record, evidence_bucket)
            case Called(caller=caller) if caller == REPORTER and record.service in SHOWN_AS:
                yield "report", "people", SHOWN_AS[record.service]


def _of_the_playbook(call: Called, evidence_bucket: str) -> Iterator[Arrow]:
    if call.operation.startswith(READS):
        return
    if call.params.get("Bucket") == evidence_bucket:
        yield "playbook", "evidence", json.loads(call.params["Body"])["stage"].replace("_", " ")
    else:
        yield "playbook", "bucket", call.operation
