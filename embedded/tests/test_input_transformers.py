"""What a target is called with. Cases after "Amazon EventBridge input transformation"."""

import json
from typing import Any

import pytest

from embedded.input_transformers import ABSENT, BadPath, at, target_input

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129",
    "source": "aws.ec2",
    "time": "2026-11-24T06:00:00Z",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789"],
    "detail": {
        "state": "RUNNING",
        "count": 3,
        "says": 'he said "hi"\n',
        "list": [{"a": 1}, {"a": 2}],
    },
}
RULE = "arn:aws:events:us-east-1:123456789012:rule/example"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", EVENT),
        ("$.source", "aws.ec2"),
        ("$.detail.state", "RUNNING"),
        ("$.resources[0]", EVENT["resources"][0]),
        ("$.resources[1]", ABSENT),
        ("$.detail.list[1].a", 2),
        ("$.detail['state']", "RUNNING"),
        ("$.detail.list[*]", EVENT["detail"]["list"]),
        ("$.nothing.here", ABSENT),
        ("$.source.more", ABSENT),
        ("$.detail[0]", ABSENT),
    ],
)
def test_a_path_finds_its_value(path: str, found: Any) -> None:
    assert at(EVENT, path) == found


@pytest.mark.parametrize("path", ["source", "$..source", "$.a[", "$.a[-1]"])
def test_a_wrong_path_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        at(EVENT, path)


def transformed(template: str, **paths: str) -> str:
    transformer = {"InputPathsMap": paths, "InputTemplate": template}
    return target_input({"InputTransformer": transformer}, EVENT, RULE)


def test_a_target_gets_the_whole_event() -> None:
    assert json.loads(target_input({}, EVENT, RULE)) == EVENT


def test_a_target_gets_constant_input() -> None:
    assert target_input({"Input": '{"do": "it"}'}, EVENT, RULE) == '{"do": "it"}'


def test_a_target_gets_a_part() -> None:
    assert json.loads(target_input({"InputPath": "$.detail.list"}, EVENT, RULE)) == [
        {"a": 1},
        {"a": 2},
    ]
    assert target_input({"InputPath": "$.none"}, EVENT, RULE) == "null"


@pytest.mark.parametrize(
    ("template", "paths", "result"),
    [
        ('"instance <i> is <s>"', {"i": "$.resources[0]", "s": "$.detail.state"}, None),
        ('{"s": <s>, "n": <n>}', {"s": "$.detail.state", "n": "$.detail.count"},
         {"s": "RUNNING", "n": 3}),
        ('{"d": <d>}', {"d": "$.detail.list"}, {"d": [{"a": 1}, {"a": 2}]}),
        ('{"x": <x>}', {"x": "$.none"}, {"x": None}),
        ('{"x": "a<x>b"}', {"x": "$.none"}, {"x": "ab"}),
        ('{"x": "<s>"}', {"s": "$.detail.says"}, {"x": 'he said "hi"\n'}),
        ('{"x": <s>}', {"s": "$.detail.says"}, {"x": 'he said "hi"\n'}),
        ('{"x": "n=<n>"}', {"n": "$.detail.count"}, {"x": "n=3"}),
        ('{"k": "<unknown>"}', {}, {"k": "<unknown>"}),
    ],
)  # fmt: skip
def test_a_template_is_filled(template: str, paths: dict[str, str], result: Any) -> None:
    given = transformed(template, **paths)
    expected = f"instance {EVENT['resources'][0]} is RUNNING" if result is None else result
    assert json.loads(given) == expected


def test_predefined_variables_are_filled() -> None:
    given = json.loads(
        transformed(
            '{"r": <aws.events.rule-arn>, "n": "<aws.events.rule-name>",'
            ' "e": <aws.events.event.json>, "head": <aws.events.event>}'
        )
    )
    assert given["r"] == RULE
    assert given["n"] == "example"
    assert given["e"] == EVENT
    assert given["head"] == {k: v for k, v in EVENT.items() if k != "detail"}
