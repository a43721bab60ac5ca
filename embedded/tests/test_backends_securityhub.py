"""The hub as the real one is: what is refused, ignored, kept and found."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends
from embedded.backends import hub as findings_hub

ACCOUNT, REGION = "123456789012", "eu-west-1"
PRODUCT = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


@cache
def client() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client("securityhub", region_name=REGION)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield
    findings_hub.unsubscribe()


@pytest.fixture
def hub() -> Any:
    client().enable_security_hub()
    return client()


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "f-1",
        "ProductArn": PRODUCT,
        "GeneratorId": "example/playbook/close_database",
        "AwsAccountId": ACCOUNT,
        "Types": ["Effects/Data Exposure"],
        "CreatedAt": "2026-11-24T06:00:00Z",
        "UpdatedAt": "2026-11-24T06:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Title": "Bucket contained",
        "Description": "A bucket was contained.",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::b"}],
        **changes,
    }


def taken(hub: Any, *findings: dict[str, Any]) -> None:
    response = hub.batch_import_findings(Findings=list(findings))
    assert response["FailedCount"] == 0, response


def only(hub: Any, **filters: Any) -> dict[str, Any]:
    found = hub.get_findings(Filters=filters)["Findings"]
    assert len(found) == 1
    return dict(found[0])


def test_a_disabled_hub_refuses() -> None:
    with pytest.raises(client().exceptions.InvalidAccessException):
        client().get_findings()


def test_the_hub_completes_a_finding(hub: Any) -> None:
    taken(hub, finding())
    stored = only(hub)
    assert stored["Workflow"] == {"Status": "NEW"}
    assert stored["RecordState"] == "ACTIVE"
    assert stored["Severity"] == {"Label": "HIGH", "Normalized": 70}
    assert stored["FindingProviderFields"]["Types"] == ["Effects/Data Exposure"]
    assert stored["ProductFields"]["aws/securityhub/FindingId"] == f"{PRODUCT}/f-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"Title": "x" * 257},
        {"Description": "x" * 1025},
        {"Types": ["Nonsense/Data Exposure"]},
        {"Types": ["Effects"] * 51},
        {"Types": []},
        {"Severity": {}},
        {"Resources": [{"Type": "Other", "Id": str(n)} for n in range(33)]},
        {"UpdatedAt": "2026-11-24 06:00:00"},
        {"AwsAccountId": "210987654321"},
        {"ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/guardduty"},
        {"ProductFields": {"k" * 129: "v"}},
        {"ProductFields": {"a": "v" * 2049}},
        {"UserDefinedFields": {str(n): "v" for n in range(51)}},
        {"SchemaVersion": "1"},
        {"Resources": [{"Type": "Other", "Id": "i" * 246_000}]},
    ],
)
def test_an_ill_formed_finding_fails_with_http_200(hub: Any, changes: dict[str, Any]) -> None:
    response = hub.batch_import_findings(Findings=[finding(**changes), finding(Id="good")])
    assert (response["FailedCount"], response["SuccessCount"]) == (1, 1)
    assert response["FailedFindings"][0]["ErrorCode"] == "InvalidInput"
    assert only(hub)["Id"] == "good"


def test_findings_at_the_limit_are_accepted(hub: Any) -> None:
    resources = [{"Type": "Other", "Id": str(n)} for n in range(32)]
    taken(hub, finding(Title="x" * 256, Description="x" * 1024, Resources=resources))


def test_more_than_100_findings_are_refused(hub: Any) -> None:
    with pytest.raises(hub.exceptions.InvalidInputException):
        hub.batch_import_findings(Findings=[finding(Id=str(n)) for n in range(101)])


def test_an_older_or_equal_update_is_ignored(hub: Any) -> None:
    taken(hub, finding())
    taken(hub, finding(Title="equal"))
    taken(hub, finding(Title="older", UpdatedAt="2026-11-24T06:59:00+01:00"))
    assert only(hub)["Title"] == "Bucket contained"
    taken(hub, finding(Title="newer", UpdatedAt="2026-11-24T06:00:00.5Z"))
    assert only(hub)["Title"] == "newer"


def test_a_provider_cannot_change_customer_fields(hub: Any) -> None:
    taken(hub, finding())
    note = {"Text": "mine", "UpdatedBy": "me"}
    update(hub, Workflow={"Status": "NOTIFIED"}, Note=note, UserDefinedFields={"a": "1"})
    later = finding(
        UpdatedAt="2026-11-24T07:00:00Z",
        Workflow={"Status": "RESOLVED"},
        UserDefinedFields={"a": "2"},
        Title="later",
    )
    taken(hub, later)
    stored = only(hub)
    assert stored["Title"] == "later"
    assert stored["Workflow"] == {"Status": "NOTIFIED"}
    assert stored["Note"]["Text"] == "mine"
    assert stored["UserDefinedFields"] == {"a": "1"}


def test_a_customers_severity_outlives_the_providers(hub: Any) -> None:
    taken(hub, finding())
    update(hub, Severity={"Label": "LOW"})
    taken(hub, finding(UpdatedAt="2026-11-24T07:00:00Z", Severity={"Label": "CRITICAL"}))
    stored = only(hub)
    assert stored["Severity"] == {"Label": "LOW", "Normalized": 1}
    assert stored["FindingProviderFields"]["Severity"] == {"Label": "CRITICAL"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"RecordState": "ARCHIVED"}, {"RecordState": "ACTIVE"}),
        ({"Compliance": {"Status": "PASSED"}}, {"Compliance": {"Status": "FAILED"}}),
    ],
)
def test_a_relapse_makes_the_workflow_new_again(
    hub: Any, before: dict[str, Any], after: dict[str, Any]
) -> None:
    taken(hub, finding(**before))
    update(hub, Workflow={"Status": "RESOLVED"})
    taken(hub, finding(UpdatedAt="2026-11-24T07:00:00Z", **after))
    assert only(hub)["Workflow"] == {"Status": "NEW"}


def update(hub: Any, **changes: Any) -> Any:
    identifiers = [{"Id": "f-1", "ProductArn": PRODUCT}]
    return hub.batch_update_findings(FindingIdentifiers=identifiers, **changes)


def test_an_update_lists_missing_findings(hub: Any) -> None:
    taken(hub, finding())
    known = {"Id": "f-1", "ProductArn": PRODUCT}
    unknown = {"Id": "f-2", "ProductArn": PRODUCT}
    response = hub.batch_update_findings(
        FindingIdentifiers=[known, unknown, known], Workflow={"Status": "NOTIFIED"}
    )
    assert response["ProcessedFindings"] == [known]
    codes = [u["ErrorCode"] for u in response["UnprocessedFindings"]]
    assert codes == ["FindingNotFound", "DuplicatedFindingIdentifier"]
    assert only(hub)["UpdatedAt"] == "2026-11-24T06:00:00Z"


def test_only_the_last_note_is_kept(hub: Any) -> None:
    taken(hub, finding())
    for text in ("first", "second"):
        update(hub, Note={"Text": text, "UpdatedBy": "example"})
    note = only(hub)["Note"]
    assert (note["Text"], note["UpdatedBy"]) == ("second", "example")
    assert datetime.fromisoformat(note["UpdatedAt"]).tzinfo == UTC


@pytest.mark.parametrize(
    "changes",
    [
        {"Note": {"Text": "x" * 513, "UpdatedBy": "me"}},
        {"Workflow": {"Status": "DONE"}},
        {"UserDefinedFields": {"k": "v" * 1025}},
        {"Types": ["Made up"]},
    ],
)
def test_an_ill_formed_update_is_refused_whole(hub: Any, changes: dict[str, Any]) -> None:
    taken(hub, finding())
    with pytest.raises(hub.exceptions.InvalidInputException):
        update(hub, **changes)
    assert "Note" not in only(hub)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"Id": [("a", "EQUALS"), ("b", "EQUALS")]}, ["a", "b"]),
        ({"Id": [("a", "NOT_EQUALS"), ("b", "NOT_EQUALS")]}, ["c"]),
        ({"GeneratorId": [("example/", "PREFIX")]}, ["a", "b"]),
        ({"GeneratorId": [("example/", "PREFIX"), ("example/x", "NOT_EQUALS")]}, ["b"]),
        ({"GeneratorId": [("example/", "PREFIX_NOT_EQUALS")]}, ["c"]),
        ({"ResourceId": [("r2", "EQUALS")]}, ["b", "c"]),
        ({"ResourceId": [("r2", "NOT_EQUALS")]}, ["a"]),
        ({"SeverityLabel": [("LOW", "EQUALS")], "ResourceId": [("r2", "EQUALS")]}, ["c"]),
        ({"RecordState": [("ARCHIVED", "EQUALS")]}, ["b"]),
        ({"WorkflowStatus": [("NEW", "EQUALS")]}, ["a", "b", "c"]),
        ({"AwsAccountId": [("9", "PREFIX")]}, []),
    ],
)
def test_a_filter_selects_findings(hub: Any, filters: dict[str, Any], expected: list[str]) -> None:
    taken(
        hub,
        finding(Id="a", GeneratorId="example/x", Resources=[{"Type": "Other", "Id": "r1"}]),
        finding(
            Id="b",
            GeneratorId="example/y",
            RecordState="ARCHIVED",
            Resources=[{"Type": "Other", "Id": r} for r in ("r1", "r2")],
        ),
        finding(
            Id="c",
            GeneratorId="other",
            Severity={"Label": "LOW"},
            Resources=[{"Type": "Other", "Id": "r2"}],
        ),
    )
    filters = {
        name: [{"Value": value, "Comparison": comparison} for value, comparison in wanted]
        for name, wanted in filters.items()
    }
    assert [f["Id"] for f in hub.get_findings(Filters=filters)["Findings"]] == expected


def test_a_filter_selects_by_map_and_date(hub: Any) -> None:
    taken(hub, finding(Id="f-1"), finding(Id="f-2", UpdatedAt="2026-11-25T00:00:00Z"))
    update(hub, UserDefinedFields={"example:case": "1"})
    field = {"Key": "example:case", "Value": "1", "Comparison": "EQUALS"}
    assert only(hub, UserDefinedFields=[field])["Id"] == "f-1"
    assert only(hub, UserDefinedFields=[{**field, "Comparison": "NOT_EQUALS"}])["Id"] == "f-2"
    assert only(hub, UpdatedAt=[{"Start": "2026-11-24T12:00:00Z"}])["Id"] == "f-2"


def test_an_unmodelled_filter_stops_the_run(hub: Any) -> None:
    taken(hub, finding())
    with pytest.raises(backends.NotModelled):
        hub.get_findings(Filters={"ProcessPid": [{"Eq": 1}]})


@pytest.mark.parametrize("comparisons", [("CONTAINS",), ("EQUALS", "NOT_EQUALS")])
def test_a_wrong_comparison_is_refused(hub: Any, comparisons: tuple[str, ...]) -> None:
    filters = [{"Value": "x", "Comparison": c} for c in comparisons]
    with pytest.raises(hub.exceptions.InvalidInputException):
        hub.get_findings(Filters={"Title": filters})


def test_a_filter_has_at_most_20_values(hub: Any) -> None:
    taken(hub, *(finding(Id=f"f-{n}") for n in range(21)))
    wanted = [{"Value": f"f-{n}", "Comparison": "EQUALS"} for n in range(21)]
    assert len(hub.get_findings(Filters={"Id": wanted[:20]})["Findings"]) == 20
    with pytest.raises(hub.exceptions.InvalidInputException):
        hub.get_findings(Filters={"Id": wanted})


def test_pages_cover_everything_once(hub: Any) -> None:
    taken(hub, *(finding(Id=f"f-{n}") for n in range(7)))
    pages = hub.get_paginator("get_findings").paginate(PaginationConfig={"PageSize": 3})
    assert [[f["Id"] for f in page["Findings"]] for page in pages] == [
        ["f-0", "f-1", "f-2"],
        ["f-3", "f-4", "f-5"],
        ["f-6"],
    ]


def test_findings_are_sorted(hub: Any) -> None:
    later = "2026-11-25T00:00:00Z"
    taken(hub, finding(Id="a", UpdatedAt=later), finding(Id="b"))
    found = hub.get_findings(SortCriteria=[{"Field": "UpdatedAt", "SortOrder": "asc"}])
    assert [f["Id"] for f in found["Findings"]] == ["b", "a"]


def test_imports_and_updates_emit_events(hub: Any) -> None:
    events: list[dict[str, Any]] = []
    findings_hub.subscribe(lambda _, event: events.append(event))
    taken(hub, finding())
    update(hub, Workflow={"Status": "NOTIFIED"})
    statuses = [e["detail"]["findings"][0]["Workflow"]["Status"] for e in events]
    assert statuses == ["NEW", "NOTIFIED"]
    assert {e["detail-type"] for e in events} == {"Security Hub Findings - Imported"}


def test_a_caller_cannot_reach_into_the_store(hub: Any) -> None:
    given = finding()
    taken(hub, given)
    given["Resources"][0]["Id"] = "changed"
    only(hub)["Title"] = "changed"
    stored = only(hub)
    assert (stored["Resources"][0]["Id"], stored["Title"]) == ("arn:aws:s3:::b", "Bucket contained")


def test_errors_have_the_services_classes(hub: Any) -> None:
    with pytest.raises(ClientError) as caught:
        hub.batch_update_findings(
            FindingIdentifiers=[{"Id": " ", "ProductArn": "p"}], Workflow={"Status": "NEW"}
        )
    assert isinstance(caught.value, hub.exceptions.InvalidInputException)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_insight_counts_by_its_attribute(hub: Any) -> None:
    two = [{"Type": "Other", "Id": r} for r in ("r1", "r2")]
    taken(hub, finding(Id="a"), finding(Id="b", Resources=two), finding(Id="c", Resources=two[:1]))
    chosen = {"Id": [{"Value": "a", "Comparison": "NOT_EQUALS"}]}
    insight = hub.create_insight(Name="i", Filters=chosen, GroupByAttribute="ResourceId")
    arn = insight["InsightArn"]
    results = hub.get_insight_results(InsightArn=arn)["InsightResults"]["ResultValues"]
    assert [(r["GroupByAttributeValue"], r["Count"]) for r in results] == [("r1", 2), ("r2", 1)]
    assert hub.get_insights()["Insights"][0]["Filters"] == chosen
    with pytest.raises(hub.exceptions.ResourceNotFoundException):
        hub.get_insights(InsightArns=[arn + "x"])
    with pytest.raises(hub.exceptions.InvalidInputException):
        hub.create_insight(Name="i", Filters={}, GroupByAttribute="Nonsense")
    with pytest.raises(backends.NotModelled):
        unknown = {"Keyword": [{"Value": "x"}]}
        hub.create_insight(Name="i", Filters=unknown, GroupByAttribute="ResourceId")


def test_custom_actions_are_created_and_deleted(hub: Any) -> None:
    described = {"Name": "Contain", "Description": "d"}
    arn = hub.create_action_target(Id="ExampleContain", **described)["ActionTargetArn"]
    assert arn == f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/ExampleContain"
    assert hub.describe_action_targets()["ActionTargets"] == [{"ActionTargetArn": arn, **described}]
    with pytest.raises(hub.exceptions.ResourceConflictException):
        hub.create_action_target(Id="ExampleContain", **described)
    for wrong in ("with-dash", "x" * 21):
        with pytest.raises(hub.exceptions.InvalidInputException):
            hub.create_action_target(Id=wrong, **described)
    with pytest.raises(hub.exceptions.ResourceNotFoundException):
        hub.describe_action_targets(ActionTargetArns=[arn + "x"])
