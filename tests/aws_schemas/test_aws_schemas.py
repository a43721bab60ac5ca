"""The check itself, on a small database: it needs no npm."""

import re
from typing import Any

import pytest

from tests.aws_schemas.__main__ import README, SECTION, VERSION, WHY, look, result, why
from tests.aws_schemas.schemas import Schemas


def reference(id: str) -> dict[str, Any]:
    return {"type": "ref", "reference": {"$ref": id}}


MEMBERS = {
    "name": {"type": {"type": "string"}, "required": True},
    "score": {"type": {"type": "number"}},
    "public": {"type": {"type": "boolean"}},
    "tags": {"type": {"type": "array", "element": reference("tag")}},
    "either": {"type": {"type": "union", "types": [{"type": "string"}, reference("tag")]}},
    "any": {"type": {"type": "json"}},
    "counts": {"type": {"type": "map", "element": {"type": "integer"}}},
}
TAG = {"key": {"type": {"type": "string"}, "required": True}}
SCHEMAS = Schemas.of(
    {
        "schema": {
            "event": {
                "entities": [
                    {
                        "source": "aws.x",
                        "detailType": "X Changed",
                        "rootProperty": {"$ref": "root"},
                    }
                ]
            },
            "eventTypeDefinition": {
                "entities": [
                    {"$id": "root", "properties": MEMBERS},
                    {"$id": "tag", "properties": TAG},
                ]
            },
        }
    }
)


def differences(**detail: Any) -> list[str]:
    event = {"source": "aws.x", "detail-type": "X Changed", "detail": {"name": "n", **detail}}
    assert SCHEMAS.has(event)
    return SCHEMAS.differences(event)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({}, []),
        ({"score": 1, "public": False, "any": [1], "counts": {"a": 1}}, []),
        ({"tags": [{"key": "a"}], "either": {"key": "a"}}, []),
        ({"either": "text"}, []),
        ({"name": 7}, ["detail.name: is no string"]),
        ({"score": True}, ["detail.score: is no number"]),
        ({"counts": {"a": 1.5}}, ["detail.counts: is no integer"]),
        ({"counts": []}, ["detail.counts: is no map"]),
        ({"tags": {}}, ["detail.tags: is no array"]),
        ({"tags": [{}, {}]}, ["detail.tags.key: missing"]),
        ({"tags": ["x"]}, ["detail.tags: is no object"]),
        ({"either": 7}, ["detail.either: is no string"]),
        ({"new": 7}, ["detail.new: unknown"]),
        ({"public": None}, ["detail.public: is no boolean"]),
    ],
)
def test_each_difference_is_seen(detail: dict[str, Any], expected: list[str]) -> None:
    assert differences(**detail) == expected


def test_missing_member_is_seen() -> None:
    event = {"source": "aws.x", "detail-type": "X Changed", "detail": {}}
    assert SCHEMAS.differences(event) == ["detail.name: missing"]


def test_no_sample_has_a_schema_of_another_service() -> None:
    (with_schema, names), found = look(SCHEMAS)
    assert (with_schema, found) == (0, {})
    assert names > 190


def test_difference_without_a_reason_is_said() -> None:
    assert why("SageMaker Endpoint State Change", "detail.Tags: is no array")
    assert not why("SageMaker Endpoint State Change", "detail.EndpointName: missing")
    assert not why("GuardDuty Finding", "detail.severity: is no number")
    text = result((1, 2), {("X Changed", "detail.new: unknown"): ["a", "b"]})
    assert "1 of 2 events had a schema there; 2 differed" in text
    assert "**no reason is known**" in text


def test_readme_has_the_result_of_this_version() -> None:
    """Each difference there has its reason; that it is all of them, only npm can say."""
    section = SECTION.search(README.read_text())
    assert section is not None
    assert VERSION in section[0]
    rows = re.findall(r"^\| (.+?) \| `(.+?)` \| \d+ \| (.+?) \|$", section[0], re.MULTILINE)
    assert rows
    assert all(why(kind, difference) == reason for kind, difference, reason in rows)
    assert {kind for kind, *_ in rows} == set(WHY)
