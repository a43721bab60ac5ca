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


def test_it_reads_back_as_written(ssm: Any) -> None:
    number = create(ssm, OperationalData=data(), Priority=2, Severity="2", Category="Security")
    item = ssm.get_ops_item(OpsItemId=number)["OpsItem"]
    assert (item["Status"], item["Priority"], item["Version"]) == ("Open", 2, "1")
    assert item["OpsItemArn"] == f"arn:aws:ssm:{REGION}:{ACCOUNT}:opsitem/{number}"
    assert item["OperationalData"] == data()
    assert isinstance(item["CreatedTime"], datetime) and item["CreatedTime"].tzinfo


def test_the_same_string_and_resources_while_open_are_refused_with_the_id(ssm: Any) -> None:
    number = create(ssm, OperationalData=data("Case-1", "arn:a", "arn:b"))
    with pytest.raises(ssm.exceptions.OpsItemAlreadyExistsException) as caught:
        create(ssm, OperationalData=data("cASE-1", "arn:b", "arn:a"), Title="other")
    assert caught.value.response["OpsItemId"] == number


@pytest.mark.parametrize(
    "other", [{}, {"OperationalData": data("case-2")}, {"OperationalData": data("case-1", "arn:b")}]
)
def test_without_a_string_or_with_another_one_it_is_created(ssm: Any, other: Any) -> None:
    first = create(ssm, OperationalData=data())
    assert create(ssm, **other) != first


def test_a_resolved_one_does_not_stand_in_the_way(ssm: Any) -> None:
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
def test_what_is_reserved_or_too_large(ssm: Any, changes: dict[str, Any]) -> None:
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
def test_the_limits_of_the_model(ssm: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ssm.exceptions.ClientError) as caught:
        create(ssm, **changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_the_edges_are_taken(ssm: Any) -> None:
    assert create(ssm, Title="t" * 1024, Description="d" * 2048, Source="s" * 128, Priority=5)


def test_updating(ssm: Any) -> None:
    number = create(ssm, OperationalData=data())
    more = {"note": {"Type": "String", "Value": "n"}}
    ssm.update_ops_item(
        OpsItemId=number, OperationalData=more, OperationalDataToDelete=["secret"], Title="new"
    )
    item = ssm.get_ops_item(OpsItemId=number)["OpsItem"]
    assert item["OperationalData"].keys() == data().keys() - {"secret"} | {"note"}
    assert (item["Title"], item["Version"], item["Description"]) == ("new", "2", "d")


def test_what_cannot_be_updated(ssm: Any) -> None:
    number = create(ssm, OperationalData=data())
    for change in ({"OperationalData": data("other")}, {"Status": "Approved"}):
        with pytest.raises(ssm.exceptions.OpsItemInvalidParameterException):
            ssm.update_ops_item(OpsItemId=number, **change)


def test_an_unknown_one(ssm: Any) -> None:
    for call in (ssm.get_ops_item, ssm.update_ops_item):
        with pytest.raises(ssm.exceptions.OpsItemNotFoundException):
            call(OpsItemId="oi-000000000000")


def describe(ssm: Any, *filters: tuple[str, str, str]) -> list[str]:
    asked = [{"Key": k, "Values": [v], "Operator": o} for k, v, o in filters]
    found = ssm.get_paginator("describe_ops_items").paginate(
        OpsItemFilters=asked, PaginationConfig={"PageSize": 1}
    )
    return [item["Title"] for page in found for item in page["OpsItemSummaries"]]


def test_describing(ssm: Any) -> None:
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
        describe(ssm, ("CreatedBy", "me", "Equal"))


def test_another_account_is_not_modelled(ssm: Any) -> None:
    with pytest.raises(backends.NotModelled):
        create(ssm, AccountId="210987654321")
