"""When somebody last did what was found, and whether it was denied: where the source proves it."""

from typing import Any

import pytest

from cordon.finding import Finding
from cordon.sources import read
from tests.examples import event
from tests.sources import samples

AT = "2026-11-24T13:00:00.000Z"
SIGNAL = {"uid": "s", "lastSeenAt": 1795525200.0}  # AT, in seconds


def moment(finding: Finding) -> str:
    """The activity as the source writes it."""
    return f"{finding.activity:%Y-%m-%dT%H:%M:%S.000Z}" if finding.activity else ""


def service(**changes: Any) -> dict[str, Any]:
    """GuardDuty's ``service``, changed."""
    return {"service": {**samples.guardduty()["detail"]["service"], **changes}}


def test_guardduty_says_when_somebody_called() -> None:
    finding = read(samples.guardduty(**service(eventLastSeen=AT), updatedAt="2026-11-24T18:00:00Z"))
    assert moment(finding) == AT
    assert finding.last_seen > (finding.activity or finding.last_seen)
    assert not finding.denied


@pytest.mark.parametrize(("code", "denied"), [("AccessDenied", True), ("", False), (None, False)])
def test_guardduty_says_what_was_denied(code: str | None, denied: bool) -> None:
    action = {"actionType": "AWS_API_CALL", "awsApiCallAction": {"api": "x", "errorCode": code}}
    assert read(samples.guardduty(**service(action=action))).denied is denied


@pytest.mark.parametrize("updated", ["2026-11-24T12:00:00Z", "2026-11-24T14:00:00Z"])
def test_newer_of_two_times_orders(updated: str) -> None:
    finding = read(samples.guardduty(**service(eventLastSeen=AT), updatedAt=updated))
    assert f"{finding.last_seen:%Y-%m-%dT%H:%M:%SZ}" == max(AT.replace(".000", ""), updated)


def test_sequence_is_as_new_as_its_last_signal() -> None:
    signals = [{"uid": "r", "lastSeenAt": 1795510800.0}, SIGNAL, {"uid": "t"}]
    sequence = {"sequence": {"uid": "s", "signals": signals}}
    changes = service(detection=sequence, eventLastSeen="2026-11-24T12:00:00Z")
    assert moment(read(samples.guardduty(**changes))) == AT


@pytest.mark.parametrize("last", [3, "soon", [], True, 10**30])
def test_unreadable_moment_costs_no_finding(last: Any) -> None:
    """A moment of activity is only compared."""
    sequence = {"sequence": {"uid": "s", "signals": [{"uid": "r", "lastSeenAt": last}]}}
    finding = read(samples.guardduty(**service(detection=sequence, eventLastSeen=AT)))
    assert moment(finding) == AT


def test_hubs_copy_of_guardduty_has_its_activity() -> None:
    known = {"aws/guardduty/service/eventLastSeen": AT}
    copy = samples.asff(ProductFields=known, LastObservedAt="2026-11-24T15:00:00Z")
    assert moment(read(copy)) == AT
    assert moment(read(samples.asff(ProductFields={}, LastObservedAt=AT))) == AT


def test_hubs_copy_of_guardduty_says_what_was_denied() -> None:
    field = "aws/guardduty/service/action/awsApiCallAction/errorCode"
    assert read(samples.asff(ProductFields={field: "AccessDenied"})).denied
    assert not read(samples.asff(ProductFields={})).denied


def test_ocsf_publication_is_no_activity() -> None:
    one = samples.ocsf()
    info = one["detail"]["findings"][0]["finding_info"]
    info |= {"last_seen_time_dt": AT, "modified_time_dt": "2026-11-24T18:00:00.000Z"}
    assert moment(read(one)) == AT
    del info["last_seen_time_dt"]
    assert read(one).activity is None
    info["last_seen_time"] = 1795525200000
    assert moment(read(one)) == AT


@pytest.mark.parametrize(
    "name",
    [
        "securityhub_s3_8_per_standard",
        "ocsf_s3_8",
        "ocsf_macie_public",
        "config_bucket_level_block",
        "securityhub_inspector_critical",
        "macie_sensitive_data",
        "securityhub_sagemaker_1",
    ],
)
def test_state_of_a_resource_is_no_activity(name: str) -> None:
    assert read(event(name)).activity is None


def test_macie_says_when_somebody_called() -> None:
    assert moment(read(event("macie_block_disabled"))) == ("2026-11-16T10:40:00.000Z")
