"""OpsItems: deduplication, what is reserved, and reading them back."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from embedded import backends

ACCOUNT, REGION = "123456789012", "eu-west-1"


@cache
def client() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client("ssm", region_name=REGION)


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield client()


def data(dedup: str = "case-1", *arns: str) -> dict[str, dict[str, str]]:
    resources = [{"arn": arn} for arn in arns]
    return {
        "/aws/dedup": {"Type": "SearchableString", "Value": json.dumps({"dedupString": dedup})},
        "/aws/resources": {"Type": "SearchableString", "Value": json.dumps(resources)},
        "example:case": {"Type": "SearchableString", "Value": dedup},
        "secret": {"Type": "String", "Value": "x"},
    }


def create(ssm: Any, **changes: Any) -> str:
    given = {"Title": "t", "Description": "d", "Source": "example", **changes}
    return str(ssm.create_ops_item(**given)["OpsItemId"])


def test_ops_item_is_as_written(ssm: Any) -> None:
    number = create(ssm, OperationalData=data(), Priority=2, Severity="2", Category="Security")
    item = ssm.get_ops_item(OpsItemId=number)["OpsItem"]
    assert (item["Status"], item["Priority"], item["Version"]) == ("Open", 2, "1")
    assert item["OpsItemArn"] == f"arn:aws:ssm:{REGION}:{ACCOUNT}:opsitem/{number}"
    assert item["OperationalData"] == data()
    assert isinstance(item["CreatedTime"], datetime) and item["CreatedTime"].tzinfo


def test_a_duplicate_ops_item_is_refused(ssm: Any) -> None:
    number = create(ssm, OperationalData=data("Case-1", "arn:a", "arn:b"))
    with pytest.raises(ssm.exceptions.OpsItemAlreadyExistsException) as caught:
        create(ssm, OperationalData=data("cASE-1", "arn:b", "arn:a"), Title="other")
    assert caught.value.response["OpsItemId"] == number


@pytest.mark.parametrize(
    "other", [{}, {"OperationalData": data("case-2")}, {"OperationalData": data("case-1", "arn:b")}]
)
def test_another_dedup_string_creates_an_ops_item(ssm: Any, other: Any) -> None:
    first = create(ssm, OperationalData=data())
    assert create(ssm, **other) != first


def test_a_resolved_ops_item_allows_another(ssm: Any) -> None:
    first = create(ssm, OperationalData=data())
    ssm.update_ops_item(OpsItemId=first, Status="InProgress")
    with pytest.raises(ssm.exceptions.OpsItemAlreadyExistsException):
        create(ssm, OperationalData=data())
    ssm.update_ops_item(OpsItemId=first, Status="Resolved")
    assert create(ssm, OperationalData=data()) != first


@pytest.mark.parametrize(
    "changes",
    [
        {"Source": "my-aws-tool"},
        {"Source": "AMZN"},
        {"OperationalData": {"aws:thing": {"Value": "v", "Type": "String"}}},
        {"OperationalData": {"/aws/other": {"Value": "v", "Type": "String"}}},
        {"OperationalData": {"/aws/dedup": {"Value": "not json", "Type": "String"}}},
        {"OperationalData": {"/aws/resources": {"Value": '["arn"]', "Type": "String"}}},
        {"OperationalData": {"key": {"Value": "v" * 20_481, "Type": "String"}}},
    ],
)
def test_reserved_or_large_data_is_refused(ssm: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ssm.exceptions.OpsItemInvalidParameterException):
        create(ssm, **changes)
    assert ssm.describe_ops_items(OpsItemFilters=[])["OpsItemSummaries"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"Title": "t" * 1025},
        {"Description": "d" * 2049},
        {"Source": "s" * 129},
        {"Priority": 6},
        {"OperationalData": {"k" * 129: {"Value": "v", "Type": "String"}}},
        {"OperationalData": {"k": {"Value": "v", "Type": "Text"}}},
    ],
)
def test_model_limits_are_enforced(ssm: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ssm.exceptions.ClientError) as caught:
        create(ssm, **changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_values_at_the_limit_are_accepted(ssm: Any) -> None:
    assert create(ssm, Title="t" * 1024, Description="d" * 2048, Source="s" * 128, Priority=5)


def test_an_update_changes_an_ops_item(ssm: Any) -> None:
    number = create(ssm, OperationalData=data())
    more = {"note": {"Type": "String", "Value": "n"}}
    ssm.update_ops_item(
        OpsItemId=number, OperationalData=more, OperationalDataToDelete=["secret"], Title="new"
    )
    item = ssm.get_ops_item(OpsItemId=number)["OpsItem"]
    assert item["OperationalData"].keys() == data().keys() - {"secret"} | {"note"}
    assert (item["Title"], item["Version"], item["Description"]) == ("new", "2", "d")


def test_a_wrong_update_is_refused(ssm: Any) -> None:
    number = create(ssm, OperationalData=data())
    for change in ({"OperationalData": data("other")}, {"Status": "Approved"}):
        with pytest.raises(ssm.exceptions.OpsItemInvalidParameterException):
            ssm.update_ops_item(OpsItemId=number, **change)


def test_an_unknown_ops_item_is_refused(ssm: Any) -> None:
    for call in (ssm.get_ops_item, ssm.update_ops_item):
        with pytest.raises(ssm.exceptions.OpsItemNotFoundException):
            call(OpsItemId="oi-000000000000")


def describe(ssm: Any, *filters: tuple[str, str, str]) -> list[str]:
    filters_given = [{"Key": k, "Values": [v], "Operator": o} for k, v, o in filters]
    found = ssm.get_paginator("describe_ops_items").paginate(
        OpsItemFilters=filters_given, PaginationConfig={"PageSize": 1}
    )
    return [item["Title"] for page in found for item in page["OpsItemSummaries"]]


def test_describe_filters_ops_items(ssm: Any) -> None:
    create(ssm, Title="one", OperationalData=data("1"))
    number = create(ssm, Title="two", OperationalData=data("2"))
    ssm.update_ops_item(OpsItemId=number, Status="Resolved")
    assert describe(ssm) == ["two", "one"]
    assert describe(ssm, ("Status", "Open", "Equal")) == ["one"]
    assert describe(ssm, ("Title", "w", "Contains")) == ["two"]
    pair = json.dumps({"key": "example:case", "value": "2"})
    assert describe(ssm, ("OperationalData", pair, "Equal")) == ["two"]
    assert describe(ssm, ("OperationalDataKey", "secret", "Equal")) == []
    with pytest.raises(backends.NotModelled):
        describe(ssm, ("AutomationId", "a", "Equal"))


def test_describe_filters_by_time_and_resource(ssm: Any) -> None:
    resource = json.dumps([{"arn": "arn:aws:s3:::acme-data"}])
    named = {"/aws/resources": {"Value": resource, "Type": "SearchableString"}}
    create(ssm, Title="one", OperationalData=named)
    create(ssm, Title="two")
    assert describe(ssm, ("ResourceId", "acme", "Contains")) == ["one"]
    assert describe(ssm, ("CreatedBy", "root", "Contains")) == ["two", "one"]
    for key in ("CreatedTime", "LastModifiedTime"):
        assert describe(ssm, (key, "2020-01-01T00:00:00Z", "GreaterThan")) == ["two", "one"]
        assert describe(ssm, (key, "2020-01-01T00:00:00Z", "LessThan")) == []
        with pytest.raises(backends.NotModelled):
            describe(ssm, (key, "2020-01-01T00:00:00Z", "Equal"))


def test_describe_compares_moments(ssm: Any) -> None:
    create(ssm)
    assert describe(ssm, ("LastModifiedTime", "2020-01-01T00:00:00Z", "GreaterThan")) == ["t"]
    assert describe(ssm, ("LastModifiedTime", "2020-01-01T00:00:00Z", "LessThan")) == []
    for wrong in (("2020-01-01T00:00:00Z", "Equal"), ("yesterday", "GreaterThan")):
        with pytest.raises(backends.NotModelled):
            describe(ssm, ("CreatedTime", *wrong))


def test_another_account_is_not_modelled(ssm: Any) -> None:
    with pytest.raises(backends.NotModelled):
        create(ssm, AccountId="210987654321")
