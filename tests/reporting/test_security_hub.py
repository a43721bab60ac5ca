"""What Security Hub shows of a case: never more than is true, and never over a person's word."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cordon.clients import AwsClients
from cordon.clock import from_iso
from cordon.errors import NotReported
from cordon.finding import HubReference
from cordon.memory.cases import ActionStatus, Case, Reported
from cordon.playbook import Playbook
from cordon.policy import CLOSED_STATES, CONTROL_PASSED
from cordon.release import FINDING_SOURCE
from cordon.reporting import security_hub
from cordon.reporting.security_hub import (
    Original,
    note,
    own_finding,
    report_finding,
    report_original,
)
from cordon.reporting.texts import advice
from cordon.statuses import Status
from embedded import backends
from embedded.backends import hub
from quarantine_bucket.playbook import PLAYBOOK as QUARANTINE
from tag_ai_resource.playbook import PLAYBOOK as TAG
from tests.actions.scenario import PLACE, account, stub
from tests.make import DEPLOYMENT, NOON, a_finding
from tests.reporting.cases import ADA, CASE, SCP_DENIAL, a_case, with_results

backends.install()  # before any session is made, which is in the first test

HOME = replace(DEPLOYMENT, account=PLACE.account, region=PLACE.region)
HERE = backends.here(PLACE.account, PLACE.region)
PRODUCT = f"arn:aws:securityhub:{PLACE.region}::product/aws/guardduty"
ORIGINAL = HubReference("f", PRODUCT)
FINDING = a_finding(hub=ORIGINAL)
RELEASES = replace(QUARANTINE, releases_on_pass=True)


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        clients.client("securityhub").enable_security_hub(EnableDefaultStandards=False)
        yield clients


def original(**more: Any) -> dict[str, Any]:
    """GuardDuty's finding as Security Hub keeps it."""
    return {
        "SchemaVersion": "2018-10-08",
        "Id": ORIGINAL.id,
        "ProductArn": PRODUCT,
        "GeneratorId": "g",
        "AwsAccountId": PLACE.account,
        "Types": ["Effects/Data Exposure"],
        "CreatedAt": "2026-11-24T12:00:00Z",
        "UpdatedAt": "2026-11-24T12:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Title": "A bucket became public",
        "Description": "Anybody can read it.",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::training-data"}],
        **more,
    }


def shown_original() -> dict[str, Any]:
    return dict(hub.findings(HERE)[PRODUCT, ORIGINAL.id])


def shown_own(aws: AwsClients) -> dict[str, Any]:
    """Our finding, as Security Hub gives it back."""
    filters = {"ProductName": [{"Value": "Cordon", "Comparison": "EQUALS"}]}
    (found,) = aws.client("securityhub").get_findings(Filters=filters)["Findings"]
    return dict(found)


def show(case: Case, aws: AwsClients, shown: Reported | None = None) -> Reported:
    client = aws.client("securityhub")
    return report_finding(case, QUARANTINE, HOME, shown or Reported(), client)


def show_original(case: Case, aws: AwsClients, playbook: Playbook = QUARANTINE) -> Reported:
    """The case's own finding reference is the one that the hub has."""
    mine = replace(case, finding=replace(case.finding, hub=ORIGINAL))
    return report_original(mine, playbook, Reported(), aws.client("securityhub"))


def own(case: Case, playbook: Playbook = QUARANTINE) -> dict[str, Any]:
    return own_finding(case, playbook, HOME, NOON)


# ---- our finding ----


@pytest.mark.parametrize("status", Status)
def test_own_finding_is_valid_asff(aws: AwsClients, status: Status) -> None:
    """Security Hub refuses what does not fit, in the body of a 200."""
    show(a_case(status), aws)
    found = shown_own(aws)
    assert found["ProductFields"]["cordon/status"] == status
    assert found["ProductFields"]["cordon/case"] == CASE
    assert found["Id"] == f"cordon/111122223333/eu-central-1/quarantine_bucket/{CASE}"


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


def test_finding_has_refused_change(aws: AwsClients) -> None:
    case = with_results(a_case(Status.FAILED), ActionStatus.FAILED, SCP_DENIAL, tags="verified")
    show(case, aws)
    found = shown_own(aws)
    assert SCP_DENIAL in found["Description"]
    assert found["Title"].startswith("Cordon not contained")
    assert "Do what failed yourself" in found["Remediation"]["Recommendation"]["Text"]


def test_own_finding_supports_controls() -> None:
    related = own(a_case())["Compliance"]["RelatedRequirements"]
    assert related == list(QUARANTINE.controls)


def test_finding_without_severity_has_none() -> None:
    """Config gives none, and ASFF takes no empty text."""
    quiet = replace(FINDING, severity=replace(FINDING.severity, native=""))
    assert own(a_case(finding=quiet))["Severity"] == {"Label": "HIGH"}


def test_finding_without_resource_names_account() -> None:
    nobody = replace(a_case(), finding=replace(FINDING, resources=()))
    (resource,) = own(nobody)["Resources"]
    assert (resource["Type"], resource["Id"]) == ("AwsAccount", "AWS::::Account:111122223333")


# ---- UpdatedAt ----


def test_updated_at_is_always_later(aws: AwsClients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Security Hub ignores in silence what is not later, also where our clock runs behind."""
    shown = show(a_case(Status.AWAITING_APPROVAL), aws)
    assert shown.at is not None
    moments = [shown.at]
    for status, late in ((Status.CONTAINED, timedelta(0)), (Status.FAILED, timedelta(hours=-1))):
        monkeypatch.setattr(security_hub, "now", lambda at=shown.at + late: at)
        shown = show(a_case(status), aws, shown)
        assert shown.at is not None
        assert shown.at > moments[-1]
        moments.append(shown.at)
        found = shown_own(aws)
        assert found["ProductFields"]["cordon/status"] == status
        assert from_iso(found["UpdatedAt"]) == shown.at.replace(microsecond=0)


# ---- what Security Hub refuses in a 200 ----


def test_refused_import_is_an_error(aws: AwsClients) -> None:
    failed = [{"Id": "x", "ErrorCode": "InvalidInput", "ErrorMessage": "Title is too long"}]
    body = {"FailedCount": 1, "SuccessCount": 0, "FailedFindings": failed}
    stub(aws, "securityhub", "BatchImportFindings", lambda _: body)
    with pytest.raises(NotReported, match="InvalidInput: Title is too long"):
        show(a_case(), aws)


def test_refused_update_is_an_error(aws: AwsClients) -> None:
    hub.store(HERE, original())
    failed = [
        {
            "FindingIdentifier": {"Id": "f", "ProductArn": PRODUCT},
            "ErrorCode": "InternalError",
            "ErrorMessage": "try again",
        }
    ]
    body = {"ProcessedFindings": [], "UnprocessedFindings": failed}
    stub(aws, "securityhub", "BatchUpdateFindings", lambda _: body)
    with pytest.raises(NotReported, match="InternalError: try again"):
        show_original(a_case(), aws)


# ---- the original finding ----


def test_absent_original_is_said(aws: AwsClients) -> None:
    assert show_original(a_case(), aws).original == Original.ABSENT


def test_observed_case_does_not_change_original(aws: AwsClients) -> None:
    hub.store(HERE, original())
    before = shown_original()
    assert show_original(a_case(Status.OBSERVED), aws).original == Original.NOT_UPDATED
    assert shown_original() == before


def test_finding_without_copy_needs_no_update(aws: AwsClients) -> None:
    """Config's own event has none."""
    case = a_case(finding=replace(FINDING, hub=None))
    shown = report_original(case, QUARANTINE, Reported(), aws.client("securityhub"))
    assert shown.original == Original.NOT_UPDATED


def test_original_gets_note_and_fields(aws: AwsClients) -> None:
    hub.store(HERE, original(UserDefinedFields={"team": "fraud"}))
    assert show_original(a_case(), aws).original == Original.UPDATED
    found = shown_original()
    assert found["Note"]["UpdatedBy"] == "cordon"
    assert found["Note"]["Text"].startswith("Cordon contained. Every change")
    assert f"cordon release {CASE}" in found["Note"]["Text"]
    fields = {"team": "fraud", "cordon:case": CASE, "cordon:status": "contained"}
    assert found["UserDefinedFields"] == fields


@pytest.mark.parametrize("length", [10, 300])
def test_note_keeps_what_to_do(length: int) -> None:
    """A long reason gives way, whole: no command and no identifier is cut."""
    why = "x" * length
    case = a_case(decided_by=f"{ADA}/{'y' * 200}", decided_why=why)
    text = note(case)
    assert text.endswith(advice(case))
    assert (why in text) is (length == 10)
    assert len(text) <= 512


def _results(case: Case, ended: ActionStatus) -> Case:
    first, *others = case.results
    return replace(case, results=(replace(first, status=ended), *others))


RESOLVES = replace(QUARANTINE, resolves=(a_case().finding.kind,))
ONLY_NOTIFIES = QUARANTINE  # GuardDuty's finding: nothing evaluates it again


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
def test_case_sets_workflow(aws: AwsClients, case: Case, playbook: Playbook, workflow: str) -> None:
    """RESOLVED only where all was verified and the condition is removed; NEW: not changed."""
    hub.store(HERE, original())
    show_original(case, aws, playbook)
    assert shown_original()["Workflow"]["Status"] == workflow


@pytest.mark.parametrize("status", [Status.CONTAINED, Status.FAILED, Status.REOPENED])
def test_suppressed_original_stays_suppressed(aws: AwsClients, status: Status) -> None:
    hub.store(HERE, original(Workflow={"Status": "SUPPRESSED"}))
    show_original(a_case(status), aws)
    found = shown_original()
    assert found["Workflow"]["Status"] == "SUPPRESSED"
    assert found["UserDefinedFields"]["cordon:status"] == status
