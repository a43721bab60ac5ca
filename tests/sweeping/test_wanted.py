"""What a sweep reads follows from the headers, and whatever a person names is looked at first."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.errors import Malformed
from cordon.finding import SeverityLabel
from cordon.sources import read
from cordon.sweeping.wanted import SOURCES, At, Wanted, at_of, queries
from embedded.backends.findings import MOST_VALUES, select
from tests.examples import HEADERS, event, folder_of, samples
from tests.make import DEPLOYMENT

BEGAN = "2026-12-31T12:00:00.123Z"
SERVED = replace(DEPLOYMENT, region="us-east-1", other_regions=("eu-west-1",), member_role="Member")


def of(**wanted: str) -> tuple[dict[str, Any], ...]:
    return queries(Wanted(**wanted), HEADERS.values(), SERVED, BEGAN)


def hub_samples() -> list[str]:
    """The samples that Security Hub imported, of what says how a resource is, and still is."""
    found = []
    for name in samples():
        raw = event(name)
        if raw["detail-type"] == "Security Hub Findings - Imported" and folder_of(name) in HEADERS:
            finding = read(raw)
            here = finding.place.region in ("us-east-1", "eu-west-1")
            if finding.is_compliance and finding.state == "active" and here:
                found.append(name)
    return found


@pytest.mark.parametrize("name", hub_samples())
def test_whatever_a_playbook_handles_is_read(name: str) -> None:
    """The filters are coarse, and leave nothing out that the exact gate lets through."""
    (finding,) = event(name)["detail"]["findings"]
    found = {**finding, "ProductName": "x"}
    assert any(select([found], query) for query in of())
    control = finding.get("Compliance", {}).get("SecurityControlId", "")
    if control:
        assert select([found], of(control=control)[0])


def test_there_are_samples_of_several_sources() -> None:
    assert len({event(one)["detail"]["findings"][0]["ProductArn"] for one in hub_samples()}) > 2


def test_no_query_has_more_than_getfindings_takes() -> None:
    """Security Hub API Reference, "GetFindings"."""
    for query in of():
        assert len(query) <= 10
        assert all(0 < len(values) <= MOST_VALUES for values in query.values())


def test_queries_are_of_what_is_served_and_open() -> None:
    for query in of():
        regions = {one["Value"].split(":")[3] for one in query["ProductArn"]}
        assert regions == {"us-east-1", "eu-west-1"}
        assert [one["Value"] for one in query["RecordState"]] == ["ACTIVE"]
        assert [one["Value"] for one in query["WorkflowStatus"]] == ["NEW", "NOTIFIED"]
        assert query["CreatedAt"][0]["End"] == "2026-12-31T12:00:00Z"


def test_each_source_can_be_wanted() -> None:
    assert set(SOURCES) == {"securityhub", "config", "inspector", "macie", "access-analyzer"}
    for source in SOURCES:
        products = {
            one["Value"].rpartition("/")[2] for q in of(source=source) for one in q["ProductArn"]
        }
        assert products == {source}
    assert len(of()) == sum(len(of(source=source)) for source in SOURCES)


def test_what_is_critical_is_read_once() -> None:
    """Where a query before it has it, there is none of its own."""
    only = [{"Value": SeverityLabel.CRITICAL, "Comparison": "EQUALS"}]
    critical = [q["ProductArn"][0]["Value"] for q in of() if q.get("SeverityLabel") == only]
    assert [one.rpartition("/")[2] for one in critical] == ["securityhub"]
    high = [q["ProductArn"][0]["Value"] for q in of() if len(q.get("SeverityLabel", ())) == 2]
    assert "inspector" in [one.rpartition("/")[2] for one in high]


def test_since_is_when_it_was_made() -> None:
    (query,) = of(control="S3.8", since="2026-11-01")
    assert query["CreatedAt"] == [{"Start": "2026-11-01T00:00:00Z", "End": "2026-12-31T12:00:00Z"}]
    assert query["ComplianceSecurityControlId"] == [{"Value": "S3.8", "Comparison": "EQUALS"}]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (None, "input"),
        ([], "input"),
        ({"at": {}}, "input"),
        ({"source": 1}, "source"),
        ({"source": "guardduty"}, "source"),
        ({"control": "all"}, "control"),
        ({"control": "S3.8", "source": "macie"}, "control"),
        ({"since": "yesterday"}, "since"),
    ],
)
def test_what_nobody_can_sweep_is_refused(raw: Any, field: str) -> None:
    with pytest.raises(Malformed) as refused:
        Wanted.of(raw)
    assert refused.value.field == field


@pytest.mark.parametrize("raw", [{"query": -1}, {"query": True}, {"token": 1}, {"more": 1}])
def test_where_it_goes_on_is_looked_at(raw: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        at_of(raw)
    assert at_of({"query": 2, "pages": 1}) == At(query=2, pages=1)


def test_moment_when_it_began_must_be_one() -> None:
    with pytest.raises(Malformed):
        queries(Wanted(), HEADERS.values(), SERVED, "now")
