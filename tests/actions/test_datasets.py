"""Where a table's data lies: which bucket is tagged, and what people read where none can be."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.actions import Refused, Undone
from cordon.actions.dataset import TagDataset
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE
from tests.actions.scenario_datasets import BUCKET, DATABASE, MORE, TAG, read, table


@pytest.mark.parametrize(
    ("location", "given", "said"),
    [
        ("", {}, "names no place in S3"),
        ("jdbc:postgresql://db/customers", {}, "names no place in S3"),
        ("s3://", {}, "names no place in S3"),
        ("s3://gone-data/x/", {}, "may be another account's"),
        ("s3://acme--use1-az4--x-s3/x/", {}, "a directory bucket"),
        (
            "s3://acme-training-data/x/",
            {"TargetTable": {"CatalogId": "444455556666", "DatabaseName": "d", "Name": "t"}},
            "is a link to a table",
        ),
    ],
)
def test_table_without_a_bucket_of_ours_is_for_a_person(
    aws: AwsClients, location: str, given: dict[str, Any], said: str
) -> None:
    table(aws, location, **given)
    with pytest.raises(Refused, match=said):
        TAG.capture(aws)
    assert TAG.key not in read(aws)[BUCKET]


def test_table_that_is_not_shown_is_not_called_deleted(aws: AwsClients) -> None:
    """Lake Formation says the same of what it hides."""
    with pytest.raises(Refused, match="it was deleted, or Lake Formation hides it"):
        TAG.capture(aws)


def test_denial_of_lake_formation_says_what_to_grant(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {
        "Code": "AccessDeniedException",
        "Message": "Insufficient Lake Formation permission(s)",
    }

    def denied(**_: Any) -> None:
        raise ClientError({"Error": error}, "GetTable")

    monkeypatch.setattr(aws.client("glue"), "get_table", denied, raising=False)
    with pytest.raises(Refused, match="grant DESCRIBE on it"):
        TAG.capture(aws)
    error["Message"] = "not authorized to perform: glue:GetTable"
    with pytest.raises(ClientError):
        TAG.capture(aws)


@pytest.mark.parametrize("name", ["größe", "two words", "x" * 120])
def test_name_that_no_key_can_have_is_for_a_person(aws: AwsClients, name: str) -> None:
    with pytest.raises(Refused, match="tag it manually"):
        TagDataset(PLACE, DATABASE, name, TAG.cases).capture(aws)


def test_people_read_where_the_data_lies_and_what_has_no_tag(aws: AwsClients) -> None:
    table(aws, f"s3n://{BUCKET}/x\u202e/", f"s3://{MORE}/y/")
    written = TAG.apply(aws, TAG.capture(aws), None)
    said = TAG.note(written)
    assert f"lies in s3n://{BUCKET}/x" in said and "\u202e" not in said
    assert f"not tagged: {MORE} ({MORE}" in said.replace("arn:aws:s3:::", "")
    assert "keeps no job from reading" in TAG.caution


def test_two_tables_of_one_bucket_have_a_tag_each(aws: AwsClients) -> None:
    table(aws, f"s3://{BUCKET}/x/")
    storage = {"Location": f"s3://{BUCKET}/z/"}
    aws.client("glue").create_table(
        DatabaseName=DATABASE, TableInput={"Name": "orders", "StorageDescriptor": storage}
    )
    other = TagDataset(PLACE, DATABASE, "orders", TAG.cases)
    held = [(one, one.capture(aws)) for one in (TAG, other)]
    written = [one.apply(aws, captured, None) for one, captured in held]
    assert {TAG.key, other.key} < read(aws)[BUCKET].keys()
    assert TAG.undo(aws, held[0][1], written[0]).state is Undone.RESTORED
    other.verify(aws, held[1][1], written[1])
    assert TAG.key not in read(aws)[BUCKET]
