"""The picture of one case: a sequence diagram, drawn from what an embedded account recorded."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from embedded.journal import Called, ExecutionStarted, Invoked, Published, Record, RuleMatched

PARTICIPANTS = (
    ("finding", "GuardDuty"),
    ("playbook", "quarantine_bucket"),
    ("bucket", "the bucket"),
    ("evidence", "evidence"),
    ("report", "report_cases"),
    ("people", "people"),
    ("desk", "decide_cases"),
)
PLAYBOOK, REPORTER, RULE = "QuarantineBucket", "ReportCases", "QuarantineBucketGuardDuty"
READS = ("Get", "List", "Describe", "Head", "BatchGet")
SHOWN_AS = {  # by the service that report_cases calls
    "securityhub": "our finding",
    "ssm": "the incident",
    "sns": "a message",
    "events": "an event",
}
BREAK = "<br/>"
Arrow = tuple[str, str, str]  # from, to, what


def picture(records: Iterable[Record], evidence_bucket: str) -> str:
    """In Mermaid's language."""
    lines = ["```mermaid", "sequenceDiagram"]
    lines += [f"    participant {name} as {words}" for name, words in PARTICIPANTS]
    for (start, end), arrows in groupby(_arrows(records, evidence_bucket), lambda one: one[:2]):
        said = f",{BREAK}".join(dict.fromkeys(what for *_, what in arrows))
        lines.append(f"    {start}->>{end}: {said}")
    return "\n".join([*lines, "```"])


def _arrows(records: Iterable[Record], evidence_bucket: str) -> Iterator[Arrow]:
    for record in records:
        match record:
            case RuleMatched(rule=rule) if rule == RULE:
                yield "finding", "playbook", "the finding, by its rule"
            case ExecutionStarted(name=name):  # <case>-<round>-<verb>-<id of the decision>
                yield "people", "desk", name.split("-")[2]
                yield "desk", "playbook", "the workflow wakes it"
            case Called(caller=caller) if caller == PLAYBOOK and record.service != "dynamodb":
                yield from _of_the_playbook(record, evidence_bucket)
            case Called(caller=caller) if caller == REPORTER and record.service in SHOWN_AS:
                yield "report", "people", SHOWN_AS[record.service]
            case Published() | Invoked() | _:
                continue


def _of_the_playbook(call: Called, evidence_bucket: str) -> Iterator[Arrow]:
    if call.operation.startswith(READS):
        return
    if call.params.get("Bucket") == evidence_bucket:
        yield "playbook", "evidence", json.loads(call.params["Body"])["stage"].replace("_", " ")
    else:
        yield "playbook", "bucket", call.operation
