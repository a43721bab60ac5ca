"""The original finding in Security Hub: a note, our field, and a workflow status.

One call puts one note, one map of fields and one workflow status on up to 100 findings. So the note
is the same for all cases of a playbook and a status, and our field is the same for all.

What a person suppressed stays so, and the map of fields is replaced as a whole: what others wrote
into it is kept. Both must be looked up, and Security Hub takes three look-ups a second. Nothing is
looked up where nothing of theirs can be lost:

========================================  ====================================================
our event was Security Hub's own, said    NEW becomes NOTIFIED, with our field
NEW, and had no fields of others
it was the service's own event            NEW becomes NOTIFIED, without any field: the copy may
                                          have some, and no rule of ours looks for ours on it
the workflow status does not change       only the note does
else                                      20 findings a look-up
========================================  ====================================================

Two playbooks may have a case of one finding, of which one corrects the control and sets it
RESOLVED. The other one's case looks first and leaves that, in whichever order they are shown.

Sources: Security Hub API Reference, "BatchUpdateFindings" (it responds 200 and lists what it
refused in ``UnprocessedFindings``), "GetFindings", "StringFilter".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any

from cordon.finding import HubReference, canonical_json
from cordon.memory.cases import ActionStatus, Case
from cordon.playbook import Playbook
from cordon.reporting.projection import Client, Report, Sending, in_parts, refused, sha256
from cordon.reporting.security_hub import ended_by_source
from cordon.reporting.texts import headline
from cordon.sources.asff import OUR_FIELD
from cordon.statuses import Status

MOST = 100  # findings of one BatchUpdateFindings
MOST_LOOKED_UP = 20  # values of one filter of GetFindings
OURS = {OUR_FIELD: "handled"}
BY_HUB = ("securityhub", "custom_action")  # channels whose event has the finding as it is there
NOT_FOUND = "FindingNotFound"


class Original(StrEnum):
    """How the original finding was left in Security Hub."""

    UPDATED = "updated"
    ABSENT = "absent"  # Security Hub has no copy of the native finding (yet)
    NOT_UPDATED = "none"  # observed cases do not change the original, and Config gives none


@dataclass(frozen=True)
class Update:
    """What one finding is given. ``workflow`` "" and ``fields`` None are not changed."""

    reference: HubReference
    note: str
    workflow: str
    fields: Mapping[str, str] | None

    @property
    def body(self) -> str:
        """Equal where one call can give it to both."""
        return canonical_json([self.note, self.workflow, self.fields])


class Originals:
    """Brings the original findings to what the cases are now."""

    name = "original"

    def __init__(self, client: Client, playbooks: Mapping[str, Playbook]) -> None:
        self.client = client
        self._playbooks = playbooks

    def due(self, report: Report) -> bool:
        """Does it say something else than it should? What is absent may have come since."""
        if _reference(report) is None:
            return not report.shown.original_is
        if report.shown.original_is == Original.ABSENT and not report.case.hub_copy:
            return report.anew
        return report.anew or _digest(report) != report.shown.original

    def show(self, due: Sequence[Report], sending: Sending) -> None:
        """Look up those of which more must be known, then update them by groups of one body."""
        with_original = [report for report in due if _reference(report) is not None]
        for report in due:
            if report not in with_original:
                report.shown = replace(report.shown, original_is=Original.NOT_UPDATED)
        updates: list[tuple[Report, Update]] = []
        unknown = []
        for report in with_original:
            update = None if self._may_be_resolved(report) else _update_unseen(report)
            if update is None:
                unknown.append(report)
            else:
                updates.append((report, update))
        for part in in_parts(unknown, MOST_LOOKED_UP, MOST_LOOKED_UP, lambda _: 1):
            sending(part, lambda reports: updates.extend(self._looked_up(reports)))
        self._update_all(updates, sending)

    def _looked_up(self, reports: Sequence[Report]) -> Iterator[tuple[Report, Update]]:
        """The updates of those that Security Hub has. A generator: consumed as a whole."""
        there = self._found([_required(report) for report in reports])
        for report in reports:
            reference = _required(report)
            found = there.get((reference.product_arn, reference.id))
            if found is None:
                report.shown = replace(report.shown, original_is=Original.ABSENT)
            elif _was_given(report, found):
                report.shown = replace(report.shown, original_is=Original.UPDATED)
            else:
                yield report, _update_seen(report, found, self._may_be_resolved(report))

    def _may_be_resolved(self, report: Report) -> bool:
        """Would this report say NOTIFIED where another playbook's case may have said RESOLVED?"""
        if workflow(report.case, report.playbook) != "NOTIFIED":
            return False
        if report.shown.workflow == "RESOLVED":  # this case's own word, which it takes back
            return False
        others = (p for p in self._playbooks.values() if p.name != report.playbook.name)
        return any(other.turns(report.case.finding) for other in others)

    def _found(self, wanted: Sequence[HubReference]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        hub = self.client("securityhub")
        filters = {
            "Id": [{"Value": id, "Comparison": "EQUALS"} for id in {ref.id for ref in wanted}],
            "ProductArn": [
                {"Value": arn, "Comparison": "EQUALS"} for arn in {r.product_arn for r in wanted}
            ],
        }
        of_100 = {"PageSize": 100}  # it gives 20 otherwise; a page that leads to itself raises
        pages = hub.get_paginator("get_findings").paginate(Filters=filters, PaginationConfig=of_100)
        return {(f["ProductArn"], f["Id"]): f for page in pages for f in page["Findings"]}

    def _update_all(self, updates: Sequence[tuple[Report, Update]], sending: Sending) -> None:
        """A finding may be the original of several cases: a call names it once, RESOLVED last."""
        given = {report.name: update for report, update in updates}

        def order(report: Report) -> tuple[bool, str]:
            update = given[report.name]
            return update.workflow == "RESOLVED", update.body

        ordered = sorted((report for report, _ in updates), key=order)
        for _, group in groupby(ordered, key=lambda report: given[report.name].body):
            for part in in_parts(group, MOST, MOST, lambda _: 1):
                call = partial(self._update, given=given, sending=sending)
                sending(part, call)

    def _update(
        self, reports: Sequence[Report], given: Mapping[tuple[str, str], Update], sending: Sending
    ) -> None:
        hub = self.client("securityhub")
        update = given[reports[0].name]
        references = dict.fromkeys(given[report.name].reference for report in reports)
        response = hub.batch_update_findings(
            FindingIdentifiers=[{"Id": r.id, "ProductArn": r.product_arn} for r in references],
            Note={"Text": update.note, "UpdatedBy": "cordon"},
            **({} if update.fields is None else {"UserDefinedFields": update.fields}),
            **({"Workflow": {"Status": update.workflow}} if update.workflow else {}),
        )
        named = {
            _identified(one["FindingIdentifier"]): f"{one['ErrorCode']}: {one['ErrorMessage']}"
            for one in response["UnprocessedFindings"]
        }
        errors = refused(named, references)
        for report in reports:
            why = errors.get(given[report.name].reference, "")
            if not why:
                report.shown = _shown(report)
            elif why.startswith(f"{NOT_FOUND}:"):
                report.shown = replace(report.shown, original_is=Original.ABSENT)
            else:
                sending.fail(report, why)


def _identified(identifier: Mapping[str, str]) -> HubReference:
    return HubReference(identifier["Id"], identifier["ProductArn"])


def note(case: Case) -> str:
    """The same for every case of the playbook in this status."""
    return (
        f"Cordon {case.playbook}: {headline(case)}. "
        "Cordon's own finding for this resource says more."
    )


def workflow(case: Case, playbook: Playbook) -> str:
    """NOTIFIED when handled; RESOLVED only where the control itself will pass by what was verified.

    "" is not changed: a control that passes is resolved by Security Hub.
    """
    if case.status in (Status.REJECTED, Status.EXPIRED):
        return ""
    if ended_by_source(case) and (playbook.releases_on_pass or playbook.ends_on_pass):
        return ""
    resolved = playbook.turns(case.finding) and case.status is Status.CONTAINED
    resolved = resolved and all(r.status is ActionStatus.VERIFIED for r in case.results)
    return "RESOLVED" if resolved else "NOTIFIED"


def _reference(report: Report) -> HubReference | None:
    """Observed cases change no original."""
    return None if report.case.status is Status.OBSERVED else report.case.finding.hub


def _required(report: Report) -> HubReference:
    reference = _reference(report)
    if reference is None:
        raise ValueError(f"case {report.case.id} has no original finding")
    return reference


def _digest(report: Report) -> str:
    """Of all that it should be given. A closed case that is opened again has a new finding."""
    reference = _required(report)
    wanted = note(report.case), workflow(report.case, report.playbook)
    return sha256([reference.id, reference.product_arn, report.case.round, *wanted])


def _update_unseen(report: Report) -> Update | None:
    """The update, where nobody's word can be lost; None where the finding must be looked up."""
    case, finding = report.case, report.case.finding
    reference, wanted = _required(report), workflow(case, report.playbook)
    if report.anew or report.shown.original_is == Original.ABSENT:
        return None
    if report.shown.original_round == case.round:  # its fields are there
        changes = wanted not in ("", report.shown.workflow)
        return None if changes else Update(reference, note(case), "", None)
    if wanted == "RESOLVED":
        return None
    if finding.channel in BY_HUB:
        known = finding.workflow == "NEW" and not finding.user_fields
        return Update(reference, note(case), wanted, OURS) if known else None
    native = not finding.workflow and finding.source != "securityhub"
    return Update(reference, note(case), wanted, None) if native else None


def _update_seen(report: Report, there: Mapping[str, Any], may_be_resolved: bool) -> Update:
    """The update of a finding as Security Hub has it now.

    A person's suppression stays, and so does RESOLVED where another playbook may have said it.
    """
    kept = {"SUPPRESSED", "RESOLVED"} if may_be_resolved else {"SUPPRESSED"}
    stays = there.get("Workflow", {}).get("Status") in kept
    wanted = "" if stays else workflow(report.case, report.playbook)
    fields = {**there.get("UserDefinedFields", {}), **OURS}
    return Update(_required(report), note(report.case), wanted, fields)


def _was_given(report: Report, there: Mapping[str, Any]) -> bool:
    """Was it given all this before? Then whatever differs is a person's, and stays."""
    given = report.shown.original == _digest(report)
    return given and OUR_FIELD in there.get("UserDefinedFields", {})


def _shown(report: Report) -> Any:
    return replace(
        report.shown,
        original=_digest(report),
        original_is=Original.UPDATED,
        original_round=report.case.round,
        workflow=workflow(report.case, report.playbook) or report.shown.workflow,
    )
