"""What is requested: read field by field; what is wrong is named, with what would be right."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.deciding.request import (
    MOST_BYTES,
    ROUTES,
    Attest,
    BadRequest,
    ByArn,
    OnCase,
    Redeliver,
    SetSettings,
    Stop,
    body_of,
    caller_of,
    verb_of,
)
from tests.examples import QUARANTINE

CASE, HASH = "0123456789abcdef", "ab" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=10), inside, max_size=3)
    ),
    max_leaves=10,
)


def sent(body: Any, **more: Any) -> dict[str, Any]:
    return {"body": body if isinstance(body, str) else json.dumps(body), **more}


@pytest.mark.parametrize(
    ("verb", "body", "read"),
    [
        ("approve", {"case": CASE, "plan": HASH}, OnCase(CASE, HASH)),
        ("reject", {"case": CASE, "why": " not now "}, OnCase(CASE, why="not now")),
        ("release", {"case": CASE, "plan": "", "why": ""}, OnCase(CASE)),
        ("retry", {"case": CASE}, OnCase(CASE)),
        (
            "contain",
            {"resource": "arn:aws:s3:::a", "playbook": QUARANTINE.name, "why": "w"},
            ByArn("arn:aws:s3:::a", QUARANTINE.name, "w"),
        ),
        ("redeliver", {"queue": "FailedReports"}, Redeliver("FailedReports")),
        ("settings", {"change": {"do": "start"}}, SetSettings({"do": "start"})),
        (
            "settings",
            {"change": {"do": "start"}, "only_check": True},
            SetSettings({"do": "start"}, only_check=True),
        ),
        ("stop", {}, Stop()),
        ("stop", {"observe": True}, Stop(True)),
        (
            "attest",
            {"about": "agentic-1-orchestration", "says": "tried", "until": "2027-01-31"},
            Attest("agentic-1-orchestration", "tried", "2027-01-31"),
        ),
        ("attest", {"about": "agentic-1", "withdraw": True}, Attest("agentic-1", "", "", True)),
    ],
)
def test_body_is_read(verb: str, body: Any, read: object) -> None:
    assert body_of(sent(body), verb) == read
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    assert body_of(sent(encoded, isBase64Encoded=True), verb) == read


@pytest.mark.parametrize("event", [{}, {"body": None}, {"body": ""}])
def test_stop_needs_no_body(event: dict[str, Any]) -> None:
    assert body_of(event, "stop") == Stop()


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("approve", {"case": CASE}, "plan"),
        ("approve", {"case": CASE, "plan": HASH.upper()}, "plan"),
        ("approve", {"case": CASE, "plan": f"{HASH}\n"}, "plan"),
        ("approve", {"plan": HASH}, "case"),
        ("reject", {"case": "../settings"}, "case"),
        ("reject", {"case": f"x#{CASE}"}, "case"),
        ("reject", {"case": [CASE]}, "case"),
        ("reject", {"case": CASE, "why": 1}, "why"),
        ("reject", {"case": CASE, "why": "x" * 301}, "why"),
        ("reject", {"case": CASE, "why": "a\u202eb"}, "why"),
        ("reject", {"case": CASE, "why": "a\nb"}, "why"),
        ("reject", {"case": CASE, "by": "the boss"}, "by"),
        ("contain", {"resource": "arn:aws:s3:::a", "playbook": "x"}, "why"),
        ("contain", {"resource": "arn:aws:s3:::a", "playbook": "x", "why": "  "}, "why"),
        ("contain", {"resource": "", "playbook": "x", "why": "w"}, "resource"),
        ("contain", {"resource": "a" * 2049, "playbook": "x", "why": "w"}, "resource"),
        ("contain", {"resource": "arn", "playbook": "a#b", "why": "w"}, "playbook"),
        ("redeliver", {}, "queue"),
        ("settings", {"change": "start"}, "change"),
        ("settings", {}, "change"),
        ("settings", {"change": {}, "only_check": "yes"}, "only_check"),
        ("attest", {"about": "agentic#1", "says": "s", "until": "2027-01-31"}, "about"),
        ("attest", {"about": "agentic-1", "until": "2027-01-31"}, "says"),
        ("attest", {"about": "agentic-1", "says": "s"}, "until"),
        ("attest", {"about": "agentic-1", "withdraw": True, "until": "2027-01-31"}, "until"),
        ("stop", {"observe": "yes"}, "observe"),
        ("stop", {"observe": 1}, "observe"),
        ("stop", [], "body"),
        ("stop", "{", "body"),
        ("stop", "[" * 100_000, "body"),
        ("stop", '"' + "x" * MOST_BYTES + '"', "body"),
        ("stop", '{"observe": false, "a": "' + "é" * MOST_BYTES + '"}', "body"),
        ("stop", "\ud800", "body"),
    ],
)
def test_wrong_field_is_named(verb: str, body: Any, field: str) -> None:
    with pytest.raises(BadRequest) as bad:
        body_of(sent(body), verb)
    assert bad.value.field == field
    assert len(str(bad.value)) < 200


@pytest.mark.parametrize("body", ["%%%", "/w=="])
def test_wrong_encoding_is_refused(body: str) -> None:
    with pytest.raises(BadRequest):
        body_of({"body": body, "isBase64Encoded": True}, "stop")


@given(st.sampled_from(sorted(ROUTES)), JSON | st.text(max_size=40))
def test_any_body_is_read_or_refused(verb: str, body: Any) -> None:
    try:
        body_of(sent(body), verb)
    except BadRequest as bad:
        assert bad.field


ROUTE = {"routeKey": "POST /approve"}


@pytest.mark.parametrize(
    "route",
    [
        None,
        1,
        "",
        "$default",
        "GET /approve",
        "POST /",
        "POST /decide",
        "POST /approve/",
        "approve",
    ],
)
def test_other_routes_are_refused(route: Any) -> None:
    assert verb_of(ROUTE) == "approve"
    with pytest.raises(BadRequest, match="approve, reject, release"):
        verb_of({"routeKey": route})


IAM = {"userArn": "arn:aws:iam::111122223333:user/ada", "accessKey": "AKIA1"}
CONTEXT = {
    "apiId": "api",
    "requestId": "r=",
    "http": {"sourceIp": "203.0.113.7"},
    "authorizer": {"iam": IAM},
}


def test_caller_is_what_the_gateway_says() -> None:
    found = caller_of({"requestContext": CONTEXT, "body": json.dumps({"userArn": "the boss"})})
    assert (found.arn, found.access_key, found.request, found.api) == (
        IAM["userArn"],
        "AKIA1",
        "r=",
        "api",
    )
    assert found.source_ip == "203.0.113.7"


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {**CONTEXT, "authorizer": {}},
        {**CONTEXT, "authorizer": None},
        {**CONTEXT, "authorizer": {"iam": None}},
        {**CONTEXT, "authorizer": {"jwt": {}}},
        {**CONTEXT, "authorizer": {"iam": {**IAM, "userArn": ""}}},
        {**CONTEXT, "authorizer": {"iam": {**IAM, "userArn": None}}},
        {**CONTEXT, "requestId": ""},
        {**CONTEXT, "apiId": 1},
    ],
)
def test_caller_that_is_not_named_is_refused(context: Any) -> None:
    with pytest.raises(BadRequest, match="requestContext"):
        caller_of({"requestContext": context})


@given(JSON)
def test_any_context_is_read_or_refused(context: Any) -> None:
    with pytest.raises(BadRequest):
        caller_of({"requestContext": context})
