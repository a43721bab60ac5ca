"""The incident of a case: one OpsItem.

It is opened where we are deployed, whichever account the finding is about: that is where the topic
and the people are. It is open from the question to a person on, and says of each change what
happened. OpsCenter itself refuses a second open OpsItem of one deduplication string and names the
first, so a try that died after creating it finds it again.

Source: AWS Systems Manager API Reference, "CreateOpsItem", "UpdateOpsItem", "GetOpsItem".
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code
from cordon.concurrency import gather
from cordon.deployment import Deployment
from cordon.finding import ARN, SeverityLabel
from cordon.memory.cases import Case
from cordon.playbook import Incident, Playbook
from cordon.reporting import detective
from cordon.reporting.escape import escape_markdown, escaped_line
from cordon.reporting.projection import Client, Report, Sending, sha256
from cordon.reporting.question import question
from cordon.reporting.texts import (
    about,
    advice,
    change_lines,
    clocks,
    decision,
    facts,
    headline,
    truth,
)
from cordon.statuses import CLOSED, Status

# Limits of CreateOpsItem, in characters (AWS Systems Manager API Reference)
TITLE = 1024
BODY = 2048
RESOURCES = 100  # related resources of one OpsItem
RESOURCES_BYTES = 20_000  # one value of operational data
SOURCE = "cordon"  # may not contain aws, amazon or amzn
LINE = 2500  # characters of one change: longer than the longest reason
CASE = "cordon-case"  # our key in an OpsItem's operational data

SEVERITY = {SeverityLabel.CRITICAL: "1", SeverityLabel.HIGH: "2", SeverityLabel.MEDIUM: "3"}
LOWEST = "4"
TROUBLES = frozenset({Status.FAILED, Status.PARTLY_CONTAINED, Status.ESCALATED})
OPEN, RESOLVED = "Open", "Resolved"
ENDED = (RESOLVED, "Closed")
NOT_FOUND = "OpsItemNotFoundException"


class Incidents:
    """Brings the OpsItems to what the cases are now."""

    name = "incident"

    def __init__(self, deployment: Deployment, client: Client) -> None:
        self._deployment = deployment
        self.client = client

    def due(self, report: Report) -> bool:
        """Does it say something else than it should, or is there none?"""
        if not wanted(report.case, report.playbook) and not report.shown.ops_item:
            return False
        return report.anew or self._digest(report) != report.shown.incident

    def show(self, due: Sequence[Report], sending: Sending) -> None:
        """One call each, several at the same time."""
        ssm = self.client("ssm")
        call = partial(self._show, ssm=ssm)
        gather(*(partial(sending, [report], call) for report in due))

    def _show(self, reports: Sequence[Report], ssm: Any) -> None:
        (report,) = reports
        number = _file(report, self._description(report), ssm)
        digest = self._digest(report)
        report.shown = replace(report.shown, ops_item=number, incident=digest)

    def _digest(self, report: Report) -> str:
        case = report.case
        open_now = wanted(case, report.playbook)
        text = body(case, report.playbook, self._deployment)
        after = [line] if (line := elsewhere(case, self._deployment)) else []
        return sha256([str(case.status), open_now, title(case), text, *after])

    def _description(self, report: Report) -> str:
        case = report.case
        text = body(case, report.playbook, self._deployment)
        return description(text, case, elsewhere(case, self._deployment))


def wanted(case: Case, playbook: Playbook) -> bool:
    """Does the case call for an open incident now?"""
    if case.status in CLOSED or playbook.incident is Incident.NEVER:
        return False
    if playbook.incident is Incident.ALWAYS:
        return True
    return case.status in TROUBLES or bool(case.failed)


def body(case: Case, playbook: Playbook, deployment: Deployment, until: str = "") -> str:
    """All that the incident says, part by part; hostile text is escaped here, at the sink.

    ``until``: when the time to decide is over, where that is known.
    """
    parts = [
        ("Status", f"{headline(case)}. {truth(case)}"),
        ("What to do now", advice(case)),
        *question(case, deployment, until),
        ("Changes", tuple(change_lines(case))),
        ("Decision", decision(case)),
        *facts(case.finding),
        ("What a person must do", case.plan.manual_step if case.plan.actions else ""),
        ("Periods of laws", tuple(clocks(case, playbook))),
        ("Supports evidence for", ", ".join(playbook.controls)),
        ("Serves", "; ".join(_about(case, playbook))),
        ("Case", case.id),
        ("Finding", case.finding.id),
        ("Details", case.finding.description),
    ]
    return "\n\n".join(f"{name}: {_escaped(text)}" for name, text in parts if text)


def elsewhere(case: Case, deployment: Deployment) -> str:
    """What follows the text as it is: it has no hostile text, and a link must be one."""
    return detective.line(case.finding) if deployment.detective else ""


def _about(case: Case, playbook: Playbook) -> list[str]:
    words = {
        "serves": "",
        "layer": "layer of defence: ",
        "stage": "stage of the data lifecycle: ",
        "workload": "AI workload: ",
    }
    return [words[key] + of for key, of in about(case, playbook).items()]


def _escaped(text: str | tuple[str, ...]) -> str:
    """One line; or a list of lines, each of which is one."""
    if isinstance(text, str):
        return escaped_line(text, BODY)
    return "".join(f"\n• {escaped_line(line, LINE)}" for line in text)


def _file(report: Report, says: str, ssm: Any) -> str:
    """Create the OpsItem, or bring the one there is to what the case is now; its id."""
    case, number = report.case, report.shown.ops_item
    open_now = wanted(case, report.playbook)
    if not number:
        return _create(case, says, ssm)
    try:
        if report.anew:
            _restore(case, says, number, ssm, open_now=open_now)
        else:
            _update(case, says, number, ssm, status=OPEN if open_now else RESOLVED)
    except ClientError as error:
        if error_code(error) != NOT_FOUND:
            raise  # else a person deleted it
        return _create(case, says, ssm) if open_now else ""
    return number


def _restore(case: Case, says: str, number: str, ssm: Any, *, open_now: bool) -> None:
    """What OpsCenter has, and what it should have: only what differs is written.

    A person may work on it, or have resolved it while the case is open: that stays. One that a
    person reopened is resolved again: the case is closed, and nothing of it is left to do.
    """
    there = ssm.get_ops_item(OpsItemId=number)["OpsItem"]
    same = (there["Title"], there["Description"]) == (title(case), says)
    ended = there["Status"] in ENDED
    if same and (open_now or ended):
        return
    still = OPEN if ended else there["Status"]
    _update(case, says, number, ssm, status=still if open_now else RESOLVED)


def _update(case: Case, says: str, number: str, ssm: Any, *, status: str) -> None:
    ssm.update_ops_item(OpsItemId=number, Title=title(case), Description=says, Status=status)


def _create(case: Case, says: str, ssm: Any) -> str:
    try:
        created = ssm.create_ops_item(
            Title=title(case),
            Description=says,
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
        _update(case, says, number, ssm, status="Open")
        return number
    return str(created["OpsItemId"])


def title(case: Case) -> str:
    """The OpsItem's title and the message's subject."""
    finding = case.finding
    words = f"{finding.severity.label}: Cordon {headline(case)}: {escaped_line(finding.title, 200)}"
    return escaped_line(words, TITLE)


def description(text: str, case: Case, after: str = "") -> str:
    """What fits into an OpsItem; where the rest is, where not all of it does.

    ``after``: what is never cut, as it is.
    """
    whole = escape_markdown(text, len(text) + BODY)
    if len(whole) + len(after) <= BODY:
        return whole + after
    rest = f"\n\nThis text is cut. Every change: cordon evidence {case.id}{after}"
    kept = whole[: BODY - len(rest)]
    return kept[: kept.rfind("\n")] + rest  # whole lines: no identifier is cut


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
