"""The data class of a finding."""

import doctest

import pytest

from cordon import finding
from cordon.finding import (
    ARN,
    PARTITIONS,
    Malformed,
    Place,
    Resource,
    ResourceRole,
    UnsupportedEvent,
    canonical_json,
)
from tests.make import a_finding

PLACE = Place("aws-cn", "111122223333", "cn-north-1")


def test_docstring_examples_are_correct() -> None:
    result = doctest.testmod(finding)
    assert result.attempted
    assert not result.failed


def test_kind_has_source_and_type() -> None:
    assert a_finding(source="macie", type="A:B/C").kind == "macie:A:B/C"


def test_resources_of_selects_by_type_and_role() -> None:
    role = Resource("AWS::IAM::Role", "r", PLACE, role=ResourceRole.ACTOR)
    other = Resource("AWS::IAM::Role", "r2", PLACE, role=ResourceRole.RELATED)
    finding_with_roles = a_finding(resources=(role, other, role))
    assert finding_with_roles.resources_of("AWS::IAM::Role") == (role, other)
    assert finding_with_roles.resources_of("AWS::IAM::Role", role=ResourceRole.ACTOR) == (role,)
    assert finding_with_roles.resources_of("AWS::S3::Bucket") == ()


def test_place_makes_arns() -> None:
    assert PLACE.arn("sns", "t") == "arn:aws-cn:sns:cn-north-1:111122223333:t"
    assert PLACE.arn("iam", "role/r", region="") == "arn:aws-cn:iam::111122223333:role/r"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_arn_of_every_partition_matches(partition: str) -> None:
    assert ARN.fullmatch(f"arn:{partition}:s3:::bucket")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:awsx:s3:::bucket",
        "arn:aws:s3:::",
        "arn:aws:s3:::a\nb",
        "arn:aws:s3:::a\x9bb",
        "arn:aws:iam::12:role/r",
        "xarn:aws:s3:::bucket",
    ],
)
def test_invalid_arn_does_not_match(arn: str) -> None:
    assert ARN.fullmatch(arn) is None


def test_malformed_names_its_field() -> None:
    error = UnsupportedEvent("source", "is not one that Cordon reads")
    assert isinstance(error, Malformed)
    assert (error.field, str(error)) == ("source", "source: is not one that Cordon reads")


def test_canonical_json_has_one_form() -> None:
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,null]}'
