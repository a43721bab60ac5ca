"""What the original finding is given: never over a person's word, nor over others' fields."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.finding import HubReference
from cordon.memory.cases import ActionStatus, Case
from cordon.memory.reported import Reported
from cordon.playbook import Playbook
from cordon.release import FINDING_SOURCE
from cordon.reporting.original import Original, note
from cordon.statuses import Status
from embedded.backends import hub
from tests.actions.scenario import stub
from tests.examples import QUARANTINE, TAG
from tests.make import a_finding
from tests.reporting.cases import ADA, a_case
from tests.reporting.people import HERE, ORIGINAL, PRODUCT, People, store

FINDING = a_finding(hub=ORIGINAL)  # GuardDuty's own event
IN_HUB = a_finding(hub=ORIGINAL, channel="securityhub", workflow="NEW")
OURS = {"cordon": "handled"}
RELEASES = replace(QUARANTINE, releases_on_pass=True)


def about(case: Case, **changes: Any) -> Case:
    """The case of the finding that the hub has."""
    return replace(case, finding=replace(case.finding, hub=ORIGINAL, **changes))


def waiting(**changes: Any) -> Case:
    return about(a_case(Status.AWAITING_APPROVAL), **changes)


def test_absent_original_is_no_failure(seen: People) -> None:
    """A native event is minutes ahead of its copy in Security Hub."""
    shown = seen.show(about(a_case()))
    assert (shown.original_is, shown.original) == (Original.ABSENT, "")
    assert shown.version == 1


def test_absent_original_is_tried_again_when_its_copy_was_seen(seen: People) -> None:
    case = about(a_case())
    seen.show(case)
    store()
    shown = seen.show(case)
    assert shown.original_is == Original.ABSENT, "nobody has seen the copy yet"
    shown = seen.show(replace(case, hub_copy=True))
    assert shown.original_is == Original.UPDATED
    assert seen.original()["Note"]["Text"] == note(case)
    assert seen.original()["UserDefinedFields"] == OURS


def test_absent_original_is_tried_again_daily(seen: People) -> None:
    case = about(a_case())
    seen.show(case)
    store()
    assert seen.report(seen.save(case), anew=True) == []
    assert seen.shown(case).original_is == Original.UPDATED


def test_observed_case_does_not_change_original(seen: People) -> None:
    store()
    before = seen.original()
    assert seen.show(about(a_case(Status.OBSERVED))).original_is == Original.NOT_UPDATED
    assert seen.original() == before


def test_finding_without_copy_needs_no_update(seen: People) -> None:
    """Config's own event has none."""
    case = a_case(finding=replace(FINDING, hub=None))
    assert seen.show(case).original_is == Original.NOT_UPDATED


def test_note_is_the_same_for_all_cases_of_a_status(seen: People) -> None:
    store()
    seen.show(about(a_case(decided_by=ADA, decided_why="x" * 2000)))
    said = seen.original()["Note"]
    assert said["UpdatedBy"] == "cordon"
    assert said["Text"] == (
        f"Cordon {QUARANTINE.name}: contained. Cordon's own finding for this resource says more."
    )


@pytest.mark.parametrize("status", Status)
def test_note_fits(status: Status) -> None:
    assert len(note(a_case(status))) <= 512


# ---- what is looked up first ----


def looked_up(seen: People) -> bool:
    return "GetFindings" in seen.calls


def test_first_report_of_a_native_event_is_blind_and_leaves_fields(seen: People) -> None:
    """An automation rule may have written fields before we come."""
    store(UserDefinedFields={"team": "fraud"})
    seen.show(waiting())
    assert not looked_up(seen)
    assert seen.original()["UserDefinedFields"] == {"team": "fraud"}
    assert seen.original()["Workflow"]["Status"] == "NOTIFIED"


def test_first_report_of_the_hubs_event_is_blind_with_our_field(seen: People) -> None:
    store()
    seen.show(waiting(channel="securityhub", workflow="NEW"))
    assert not looked_up(seen)
    assert seen.original()["UserDefinedFields"] == OURS


def test_fields_of_others_are_kept(seen: People) -> None:
    store(UserDefinedFields={"team": "fraud"})
    seen.show(waiting(channel="securityhub", workflow="NEW", user_fields=True))
    assert looked_up(seen)
    assert seen.original()["UserDefinedFields"] == {"team": "fraud", **OURS}


@pytest.mark.parametrize("workflow", ["NOTIFIED", "RESOLVED", ""])
def test_only_new_is_changed_blindly(seen: People, workflow: str) -> None:
    store()
    seen.show(waiting(channel="securityhub", workflow=workflow))
    assert looked_up(seen)


def test_later_note_changes_no_workflow_and_looks_nothing_up(seen: People) -> None:
    """A person has suppressed it since: it stays so, and nobody need look."""
    store()
    seen.show(waiting())
    store(Workflow={"Status": "SUPPRESSED"}, UserDefinedFields={"a": "b"})
    seen.show(about(a_case()))
    assert not looked_up(seen)
    assert seen.original()["Workflow"]["Status"] == "SUPPRESSED"
    assert seen.original()["UserDefinedFields"] == {"a": "b"}
    assert "contained" in seen.original()["Note"]["Text"]


def test_suppressed_original_is_not_resolved(seen: People) -> None:
    store()
    seen.playbooks = {QUARANTINE.name: RESOLVES}
    seen.show(waiting())
    store(Workflow={"Status": "SUPPRESSED"})
    seen.show(about(a_case()))
    assert looked_up(seen)
    assert seen.original()["Workflow"]["Status"] == "SUPPRESSED"


def test_daily_check_leaves_what_a_person_changed(seen: People) -> None:
    store()
    case = about(a_case(), channel="securityhub", workflow="NEW")
    seen.show(case)
    mine = {"Text": "mine", "UpdatedBy": "ada", "UpdatedAt": "2026-11-24T12:00:00Z"}
    store(Workflow={"Status": "NEW"}, UserDefinedFields=OURS, Note=mine)
    before = seen.calls.count("BatchUpdateFindings")
    assert seen.report(case, anew=True) == []
    assert seen.calls.count("BatchUpdateFindings") == before
    assert seen.original()["Note"]["Text"] == "mine"


def test_daily_check_finds_an_original_that_is_made_anew(seen: People) -> None:
    store()
    case = about(a_case(), channel="securityhub", workflow="NEW")
    seen.show(case)
    hub.findings(HERE).clear()
    store()
    assert seen.report(case, anew=True) == []
    assert seen.original()["UserDefinedFields"] == OURS


def test_new_round_is_a_first_report(seen: People) -> None:
    """Security Hub sets a control that fails again to NEW."""
    store()
    case = about(a_case(), channel="securityhub", workflow="NEW")
    seen.show(case)
    store()
    seen.show(replace(case, round=2))
    assert not looked_up(seen)
    assert seen.original()["Workflow"]["Status"] == "NOTIFIED"


# ---- groups of one body ----


def several(count: int, **changes: Any) -> list[Case]:
    cases = []
    for n in range(count):
        store(Id=f"f{n}")
        case = a_case(id=f"{n:016x}", **changes)
        cases.append(replace(case, finding=replace(IN_HUB, hub=HubReference(f"f{n}", PRODUCT))))
    return cases


def test_originals_of_one_body_are_one_call(seen: People) -> None:
    saved = [seen.save(case) for case in several(100)]
    assert seen.report(*saved) == []
    assert seen.calls.count("BatchUpdateFindings") == 1
    assert all(seen.original(f"f{n}")["UserDefinedFields"] == OURS for n in range(100))


def test_twenty_are_looked_up_with_one_call(seen: People) -> None:
    saved = [seen.save(about_fields(case)) for case in several(41)]
    assert seen.report(*saved) == []
    assert seen.calls.count("GetFindings") == 3
    assert seen.calls.count("BatchUpdateFindings") == 1


def about_fields(case: Case) -> Case:
    return replace(case, finding=replace(case.finding, user_fields=True))


def test_finding_with_fields_of_others_goes_alone(seen: People) -> None:
    cases = [about_fields(case) for case in several(3)]
    store(Id="f1", UserDefinedFields={"team": "fraud"})
    assert seen.report(*[seen.save(case) for case in cases]) == []
    assert seen.calls.count("BatchUpdateFindings") == 2
    assert seen.original("f1")["UserDefinedFields"] == {"team": "fraud", **OURS}
    assert seen.original("f0")["UserDefinedFields"] == OURS


def test_two_playbooks_may_have_one_original(seen: People) -> None:
    store()
    first = about(a_case(), channel="securityhub", workflow="NEW")
    second = replace(first, id="f" * 16)
    assert seen.report(seen.save(first), seen.save(second)) == []
    assert seen.shown(first).original and seen.shown(second).original


def test_refused_update_is_that_cases_failure(seen: People) -> None:
    saved = [seen.save(case) for case in several(3)]

    def refuse(sent: dict[str, Any]) -> dict[str, Any]:
        codes = {"f0": "ConcurrentUpdateError", "f2": "FindingNotFound"}
        undone = [
            {"FindingIdentifier": one, "ErrorCode": codes[one["Id"]], "ErrorMessage": "try again"}
            for one in sent["FindingIdentifiers"]
            if one["Id"] in codes
        ]
        return {"ProcessedFindings": [], "UnprocessedFindings": undone}

    stub(seen.aws, "securityhub", "BatchUpdateFindings", refuse)
    (failed,) = seen.report(*saved)
    assert (failed.case, failed.projection) == (saved[0].id, "original")
    assert failed.error == "ConcurrentUpdateError: try again"
    assert [seen.shown(case).original_is for case in saved] == ["", "updated", "absent"]


# ---- two playbooks, one finding ----


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("order", ["corrects, tags", "tags, corrects", "together"])
@pytest.mark.parametrize("other", [TAG.name, "a_" + TAG.name])
def test_resolved_by_one_playbook_is_left_by_the_other(
    seen: People, order: str, other: str
) -> None:
    """In whichever order they are shown; the playbook that said it may take it back."""
    store()
    seen.playbooks = {QUARANTINE.name: RESOLVES, other: replace(TAG, name=other)}
    corrects = about(a_case())
    tags = replace(about(a_case(Status.TAGGED)), playbook=other)
    if order == "together":
        assert seen.report(seen.save(corrects), seen.save(tags)) == []
    for case in {"corrects, tags": (corrects, tags), "tags, corrects": (tags, corrects)}.get(
        order, ()
    ):
        seen.show(case)
    assert seen.original()["Workflow"]["Status"] == "RESOLVED"
    seen.show(replace(tags, status=Status.RELEASING))
    assert seen.original()["Workflow"]["Status"] == "RESOLVED"
    seen.show(about(a_case(Status.RELEASING)))
    assert seen.original()["Workflow"]["Status"] == "NOTIFIED"


# ---- workflow ----


def _results(case: Case, ended: ActionStatus) -> Case:
    first, *others = case.results
    return replace(case, results=(replace(first, status=ended), *others))


RESOLVES = replace(QUARANTINE, resolves=(a_case().finding.kind,))
ONLY_NOTIFIES = QUARANTINE  # GuardDuty's finding: nothing evaluates it again


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("case", "playbook", "workflow"),
    [
        (a_case(), RESOLVES, "RESOLVED"),
        (a_case(), ONLY_NOTIFIES, "NOTIFIED"),
        (_results(a_case(), ActionStatus.RESOURCE_DELETED), RESOLVES, "NOTIFIED"),
        (_results(a_case(), ActionStatus.FAILED), RESOLVES, "NOTIFIED"),
        (a_case(Status.TAGGED), RESOLVES, "NOTIFIED"),
        (a_case(Status.TAGGED), TAG, "NOTIFIED"),
        (a_case(Status.PARTLY_CONTAINED), RESOLVES, "NOTIFIED"),
        (a_case(Status.FAILED), RESOLVES, "NOTIFIED"),
        (a_case(Status.AWAITING_APPROVAL), RESOLVES, "NOTIFIED"),
        (a_case(Status.ESCALATED), RESOLVES, "NOTIFIED"),
        (a_case(Status.RELEASING), RESOLVES, "NOTIFIED"),
        (a_case(Status.REOPENED, decided_by=ADA), RESOLVES, "NOTIFIED"),
        (a_case(Status.REJECTED), RESOLVES, "NEW"),
        (a_case(Status.EXPIRED), RESOLVES, "NEW"),
        (a_case(Status.RELEASED, decided_by=FINDING_SOURCE), RELEASES, "NEW"),
    ],
    ids=lambda value: value.status if isinstance(value, Case) else "",
)
def test_case_sets_workflow(seen: People, case: Case, playbook: Playbook, workflow: str) -> None:
    """RESOLVED only where all was verified and the condition is removed; NEW: not changed."""
    store()
    seen.playbooks = {case.playbook: replace(playbook, name=case.playbook)}
    seen.show(about(case))
    assert seen.original()["Workflow"]["Status"] == workflow


def test_nothing_was_shown_before() -> None:
    assert Reported().original_is == ""
