"""The incident of a case: one OpsItem, and a message to the topic.

It is opened where we are deployed, whichever account the finding is about: that is where the topic
and the people are. It is filed after the outcome, from the question to a person on, and says of
each change what happened. OpsCenter itself refuses a second open OpsItem of one deduplication
string and names the first, so a try that died after creating it finds it again.

Source: AWS Systems Manager API Reference, "CreateOpsItem", "UpdateOpsItem"; Amazon SNS API
Reference, "Publish".
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from cordon.finding import ARN, SeverityLabel
from cordon.memory.cases import Case, Reported
from cordon.playbook import Incident, Playbook
from cordon.reporting.escape import escape_markdown, escaped_line
from cordon.reporting.texts import advice, change_lines, decision, facts, headline, truth
from cordon.settings import Deployment
from cordon.statuses import CLOSED, Status

# Limits of CreateOpsItem and Publish, in characters (AWS Systems Manager and SNS API references)
TITLE = 1024
BODY = 2048
SUBJECT = 99
RESOURCES = 100  # related resources of one OpsItem
RESOURCES_BYTES = 20_000  # one value of operational data
MESSAGE = 100_000  # characters; SNS takes 256 KB
SOURCE = "cordon"  # may not contain aws, amazon or amzn
CASE = "cordon-case"  # our key in an OpsItem's operational data

SEVERITY = {SeverityLabel.CRITICAL: "1", SeverityLabel.HIGH: "2", SeverityLabel.MEDIUM: "3"}
LOWEST = "4"
TROUBLES = frozenset({Status.FAILED, Status.PARTLY_CONTAINED, Status.ESCALATED})
# A message is sent when a case comes to one of these, once in a round.
MESSAGE_STATUSES = frozenset(
    {Status.AWAITING_APPROVAL, Status.CONTAINED, Status.TAGGED, Status.RESOURCE_DELETED, *TROUBLES}
)


def wanted(case: Case, playbook: Playbook) -> bool:
    """Does the case call for an open incident now?"""
    if case.status in CLOSED or playbook.incident is Incident.NEVER:
        return False
    if playbook.incident is Incident.ALWAYS:
        return True
    return case.status in TROUBLES or bool(case.failed)


def report_incident(case: Case, playbook: Playbook, shown: Reported, ssm: Any) -> Reported:
    """Bring the incident to what the case is now. Returns what people were shown."""
    open_now = wanted(case, playbook)
    if not open_now and not shown.ops_item:
        return shown
    text = body(case)
    digest = hashlib.sha256(f"{case.status} {open_now} {text}".encode()).hexdigest()
    if digest == shown.shown:
        return shown
    number = _file(case, text, shown, ssm, open_now=open_now)
    return replace(shown, ops_item=number, shown=digest)


def report_message(
    case: Case, playbook: Playbook, deployment: Deployment, shown: Reported, sns: Any
) -> Reported:
    """Send the message of an incident, once for each status that it comes to in a round."""
    sent = f"{case.status} {case.round}"
    if not wanted(case, playbook) or case.status not in MESSAGE_STATUSES or shown.message == sent:
        return shown
    _publish(case, shown.ops_item, deployment, sns)
    return replace(shown, message=sent)


def body(case: Case) -> str:
    """All that the incident says, part by part; hostile text is escaped here, at the sink."""
    parts = [
        ("Status", f"{headline(case)}. {truth(case)}"),
        ("What to do now", advice(case)),
        ("Changes", "\n".join(f"• {escaped_line(line, MESSAGE)}" for line in change_lines(case))),
        ("Decision", decision(case)),
        *facts(case.finding),
        ("What a person must do", case.plan.manual_step if case.plan.actions else ""),
        *_question(case),
        ("Case", case.id),
        ("Finding", case.finding.id),
        ("Details", case.finding.description),
    ]
    return "\n\n".join(f"{name}: {_escaped(name, text)}" for name, text in parts if text)


def _question(case: Case) -> list[tuple[str, str]]:
    """What a person types to decide."""
    if case.status is not Status.AWAITING_APPROVAL:
        return []
    return [
        ("Plan hash", case.plan_hash),
        ("Approve", f"cordon approve {case.id} --plan {case.plan_hash}"),
        ("Reject", f"cordon reject {case.id}"),
    ]


def _escaped(name: str, text: str) -> str:
    return f"\n{text}" if name == "Changes" else escaped_line(text, BODY)


def _file(case: Case, text: str, shown: Reported, ssm: Any, *, open_now: bool) -> str:
    """Create the OpsItem, or bring the one there is to what the case is now; its id."""
    if not shown.ops_item:
        return _create(case, text, ssm)
    try:
        _update(case, text, shown.ops_item, ssm, status="Open" if open_now else "Resolved")
    except ClientError as error:
        if error.response["Error"]["Code"] != "OpsItemNotFoundException":
            raise  # else a person deleted it
        return _create(case, text, ssm) if open_now else ""
    return shown.ops_item


def _update(case: Case, text: str, number: str, ssm: Any, *, status: str) -> None:
    ssm.update_ops_item(
        OpsItemId=number, Title=title(case), Description=description(text, case), Status=status
    )


def _create(case: Case, text: str, ssm: Any) -> str:
    try:
        created = ssm.create_ops_item(
            Title=title(case),
            Description=description(text, case),
            Source=SOURCE,
            Category="Security",
            Severity=SEVERITY.get(case.finding.severity.label, LOWEST),
            OperationalData=_operational_data(case),
        )
    except ClientError as error:
        response: dict[str, Any] = {**error.response}
        if response["Error"]["Code"] != "OpsItemAlreadyExistsException":
            raise
        number = str(response["OpsItemId"])  # of a try that died: it says what was true then
        _update(case, text, number, ssm, status="Open")
        return number
    return str(created["OpsItemId"])


def title(case: Case) -> str:
    """The OpsItem's title and the message's subject."""
    finding = case.finding
    words = f"{finding.severity.label}: Cordon {headline(case)}: {escaped_line(finding.title, 200)}"
    return escaped_line(words, TITLE)


def description(text: str, case: Case) -> str:
    """What fits into an OpsItem; where the rest is, where not all of it does."""
    whole = escape_markdown(text, len(text) + BODY)
    if len(whole) <= BODY:
        return whole
    rest = f"\n\nThis text is cut. Every change: cordon evidence {case.id}"
    kept = whole[: BODY - len(rest)]
    return kept[: kept.rfind("\n")] + rest  # whole lines: no identifier is cut


def _publish(case: Case, ops_item: str, deployment: Deployment, sns: Any) -> None:
    """Plain text; the incident's number comes first, for those who cut the rest."""
    number = f"{ops_item}\n\n" if ops_item else ""  # OpsCenter may have refused
    message = f"{number}{escape_markdown(body(case), MESSAGE)}"
    values = {
        "case": case.id,
        "playbook": case.playbook,
        "status": str(case.status),
        "severity": SEVERITY.get(case.finding.severity.label, LOWEST),
        "ops_item": ops_item,
    }
    sns.publish(
        TopicArn=deployment.topic,
        Subject=subject(title(case)),
        Message=message,
        MessageAttributes={
            k: {"DataType": "String", "StringValue": v} for k, v in values.items() if v
        },
    )


def _operational_data(case: Case) -> dict[str, dict[str, str]]:
    values = {"/aws/dedup": json.dumps({"dedupString": case.id}), CASE: case.id}
    if related := _related(r.arn for r in case.finding.resources):
        values["/aws/resources"] = related
    return {k: {"Value": v, "Type": "SearchableString"} for k, v in values.items()}


def _related(arns: Iterable[str]) -> str:
    """The JSON list OpsCenter takes under ``/aws/resources``, as far as it fits; "" for none."""
    listed: list[dict[str, str]] = []
    for arn in list(dict.fromkeys(a for a in arns if ARN.fullmatch(a)))[:RESOURCES]:
        longer = [*listed, {"arn": arn}]
        if len(json.dumps(longer)) > RESOURCES_BYTES:
            break
        listed = longer
    return json.dumps(listed) if listed else ""


def subject(title: str) -> str:
    """A subject that SNS takes: printable ASCII on one line, fewer than 100 characters."""
    ascii_only = escaped_line(title, TITLE).encode("ascii", "replace").decode()
    return ascii_only[:SUBJECT].strip() or SOURCE
