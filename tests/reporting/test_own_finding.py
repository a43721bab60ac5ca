"""What our finding says of a case: never more than is true."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.clock import from_iso
from cordon.gate import CLOSED_STATES, CONTROL_PASSED
from cordon.memory.cases import ActionStatus, Case
from cordon.playbook import Playbook
from cordon.release import FINDING_SOURCE
from cordon.reporting.security_hub import own_finding
from cordon.reporting.texts import clocks
from cordon.statuses import Status
from tests.actions.scenario import stub
from tests.examples import QUARANTINE
from tests.make import NOON, a_finding
from tests.reporting.cases import ADA, CASE, SCP_DENIAL, a_case, with_results
from tests.reporting.people import HOME, ORIGINAL, People

FINDING = a_finding(hub=ORIGINAL)


def own(case: Case, playbook: Playbook = QUARANTINE) -> dict[str, Any]:
    return own_finding(case, playbook, HOME, NOON)


# ---- our finding ----


@pytest.mark.parametrize("status", Status)
def test_own_finding_is_valid_asff(seen: People, status: Status) -> None:
    """Security Hub refuses what does not fit, in the body of a 200."""
    seen.show(a_case(status))
    (found,) = seen.own()
    assert found["ProductFields"]["cordon/status"] == status
    assert found["ProductFields"]["cordon/case"] == CASE
    assert found["Id"] == f"cordon/111122223333/eu-central-1/{QUARANTINE.name}/{CASE}/cb092c04"


# Compliance and RecordState by who ended the case (A2).
SHOWN = {
    (Status.RELEASED, FINDING_SOURCE): ("PASSED", "ARCHIVED"),
    (Status.RELEASED, ADA): ("FAILED", "ARCHIVED"),
    (Status.REOPENED, ADA): ("FAILED", "ACTIVE"),
    (Status.REJECTED, ADA): ("FAILED", "ARCHIVED"),
    (Status.EXPIRED, ""): ("FAILED", "ACTIVE"),
}


@pytest.mark.parametrize("why", CLOSED_STATES.values())
@pytest.mark.parametrize("by", ["", ADA, FINDING_SOURCE])
@pytest.mark.parametrize("status", Status)
def test_only_the_source_makes_it_pass(status: Status, by: str, why: str) -> None:
    """And only by saying that the control passed: an archived finding has not passed."""
    found = own(a_case(status, decided_by=by, decided_why=why))
    passed = (status, by, why) == (Status.RELEASED, FINDING_SOURCE, CONTROL_PASSED)
    assert (found["Compliance"]["Status"] == "PASSED") is passed
    if (status, by) in SHOWN and why == CONTROL_PASSED:
        assert (found["Compliance"]["Status"], found["RecordState"]) == SHOWN[status, by]


def test_reopened_bucket_says_who_and_why() -> None:
    found = own(a_case(Status.REOPENED, decided_by=ADA, decided_why="it is a website"))
    assert found["Title"] == "Cordon reopened: A bucket became public"
    assert f"Decided by {ADA}: it is a website." in found["Description"]
    assert found["RecordState"] == "ACTIVE"


def test_finding_has_refused_change(seen: People) -> None:
    case = with_results(a_case(Status.FAILED), ActionStatus.FAILED, SCP_DENIAL, tags="verified")
    seen.show(case)
    (found,) = seen.own()
    assert SCP_DENIAL in found["Description"]
    assert found["Title"].startswith("Cordon not contained")
    assert "Do what failed yourself" in found["Remediation"]["Recommendation"]["Text"]


def test_own_finding_supports_controls() -> None:
    related = own(a_case())["Compliance"]["RelatedRequirements"]
    assert related == list(QUARANTINE.controls)


def test_own_finding_names_periods_of_laws_until_the_case_is_closed() -> None:
    periods = own(a_case())["ProductFields"]["cordon/periods"]
    assert periods == " ".join(clocks(a_case(), QUARANTINE)) and len(QUARANTINE.clocks) > 1
    assert "cordon/periods" not in own(a_case(Status.RELEASED))["ProductFields"]


def test_finding_without_severity_has_none() -> None:
    """Config gives none, and ASFF takes no empty text."""
    quiet = replace(FINDING, severity=replace(FINDING.severity, native=""))
    assert own(a_case(finding=quiet))["Severity"] == {"Label": "HIGH"}


def test_finding_without_resource_names_account() -> None:
    nobody = replace(a_case(), finding=replace(FINDING, resources=()))
    (resource,) = own(nobody)["Resources"]
    assert (resource["Type"], resource["Id"]) == ("AwsAccount", "AWS::::Account:111122223333")


# ---- UpdatedAt ----


def test_updated_at_is_when_the_row_was_written(seen: People) -> None:
    case = seen.save(a_case())
    assert seen.report(case) == []
    (found,) = seen.own()
    assert case.changed_at is not None
    assert from_iso(found["UpdatedAt"]) == case.changed_at == seen.shown(case).finding_at


def test_updated_at_is_later_where_it_is_shown_anew(seen: People) -> None:
    """Security Hub ignores in silence what is not later."""
    case = seen.save(a_case())
    seen.report(case)
    first = seen.shown(case).finding_at
    for step in (1, 2):
        assert seen.report(case, anew=True) == []
        (found,) = seen.own()
        assert first is not None
        assert from_iso(found["UpdatedAt"]) == first + timedelta(seconds=step)


def test_same_content_is_not_imported_again(seen: People) -> None:
    """A write of the row that people see nothing of, say of its lease."""
    seen.show(a_case())
    shown = seen.show(a_case())
    assert seen.calls.count("BatchImportFindings") == 1
    assert shown.version == 2


def test_no_finding_without_security_hub(seen: People) -> None:
    seen.deployment = replace(HOME, security_hub=False)
    shown = seen.show(a_case())
    assert seen.findings() == []
    assert (shown.finding, shown.original_is, shown.version) == ("", "", 1)


# ---- what Security Hub refuses in a 200 ----


def test_refused_import_is_that_cases_failure(seen: People) -> None:
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(3)]

    def refuse(sent: dict[str, Any]) -> dict[str, Any]:
        (second,) = [f["Id"] for f in sent["Findings"] if saved[1].id in f["Id"]]
        why = {"Id": second, "ErrorCode": "InvalidInput", "ErrorMessage": "Title is too long"}
        return {"FailedCount": 1, "SuccessCount": 2, "FailedFindings": [why]}

    stub(seen.aws, "securityhub", "BatchImportFindings", refuse)
    (failed,) = seen.report(*saved)
    assert (failed.case, failed.projection) == (saved[1].id, "finding")
    assert failed.error == "InvalidInput: Title is too long"
    assert [bool(seen.shown(case).finding) for case in saved] == [True, False, True]


def test_invalid_finding_keeps_no_other_from_being_shown(seen: People) -> None:
    """Security Hub refuses the whole request for one of its findings."""
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(5)]

    def refuse(sent: dict[str, Any]) -> str | None:
        wrong = any(saved[3].id in f["Id"] for f in sent["Findings"])
        return "InvalidInputException" if wrong else None

    stub(seen.aws, "securityhub", "BatchImportFindings", refuse)
    failed = seen.report(*saved)
    assert [(one.case, one.projection) for one in failed] == [(saved[3].id, "finding")]
    assert len(seen.own()) == 4


def test_refusal_that_is_counted_and_not_named_counts_for_all(seen: People) -> None:
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(2)]
    response = {"FailedCount": 1, "SuccessCount": 1, "FailedFindings": list[Any]()}
    stub(seen.aws, "securityhub", "BatchImportFindings", lambda _: response)
    errors = {one.case: one.error for one in seen.report(*saved)}
    why = "1 findings were refused, and only 0 named"
    assert errors == dict.fromkeys((case.id for case in saved), why)


def test_failure_of_something_else_counts_for_all(seen: People) -> None:
    """Whatever it means: nobody may believe that all was taken."""
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(2)]
    why = {"Id": "x", "ErrorCode": "InternalError", "ErrorMessage": "try again"}
    response = {"FailedCount": 1, "SuccessCount": 1, "FailedFindings": [why]}
    stub(seen.aws, "securityhub", "BatchImportFindings", lambda _: response)
    failed = seen.report(*saved)
    assert [(one.case, one.error) for one in failed] == [
        (case.id, "InternalError: try again") for case in saved
    ]
