"""Evidence is compared with the desk's access log: who, by which route, by which invocation."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from console.access_log import compared
from console.evidence import Copy, Version
from console.stack import NotPossible, Stack
from cordon.evidence import Chain, ChainEnd
from cordon.memory.decisions import Witness

ADA = "arn:aws:iam::111122223333:user/ada"
CHAIN = Chain("quarantine_bucket", "111122223333", "0123456789abcdef")
SEEN = Witness(ADA, ADA, "2026-11-24T12:00:00Z", request="r=", api="a1", invocation="i-1")
LINE = {"requestId": "r=", "userArn": ADA, "routeKey": "POST /approve", "invocation": "i-1"}


class Logs:
    """CloudWatch Logs, with these lines in one group."""

    def __init__(self, *lines: dict[str, str]) -> None:
        self.lines = lines
        self.requests: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "Logs":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.requests.append(request)
        return [{"events": []}, {"events": [{"message": json.dumps(one)} for one in self.lines]}]


def copy(stage: str, *witnesses: Witness, raw: bytes = b"") -> Copy:
    content = {"by": ADA, "witnesses": [asdict(one) for one in witnesses]}
    body = raw or json.dumps({"stage": stage, "content": content}).encode()
    return Copy(CHAIN, ChainEnd(), (Version(CHAIN.key(1), "v", body),))


def faults(found: Copy, *lines: dict[str, str]) -> list[str]:
    stack = Stack(lambda _: Logs(*lines), {"DeskLog": "group"})
    return [str(one) for one in compared(found, stack)]


def test_what_the_log_knows_is_no_fault() -> None:
    assert faults(copy("approved", SEEN), LINE) == []
    assert faults(copy("released", SEEN), {**LINE, "routeKey": "POST /release"}) == []
    assert faults(copy("captured"), LINE) == []
    assert faults(copy("approved", SEEN), {**LINE, "invocation": "-"}) == []  # it does not say


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({**LINE, "requestId": "other"}, "does not know the request r="),
        ({**LINE, "userArn": "arn:x"}, "the access log has arn:x for the request r="),
        ({**LINE, "routeKey": "POST /reject"}, "the access log has POST /reject"),
        ({**LINE, "invocation": "i-2"}, "was used a second time"),
    ],
)
def test_what_differs_is_a_fault(line: dict[str, str], why: str) -> None:
    (fault,) = faults(copy("approved", SEEN), line)
    assert fault.startswith("fault: entry 1") and why in fault


def test_each_of_two_approvers_is_compared() -> None:
    other = replace(SEEN, by="arn:b", request="s=", invocation="i-2")
    (fault,) = faults(copy("approved", SEEN, other), LINE)
    assert "s=" in fault


def test_what_came_by_no_api_is_a_warning() -> None:
    (fault,) = faults(copy("releasing", replace(SEEN, api="")), LINE)
    assert fault.startswith("warning") and "by no API" in fault


@pytest.mark.parametrize(
    "raw", [b"no JSON", b"[]", b"{}", b'{"stage": "approved", "content": []}', b"[" * 100_000]
)
def test_what_is_no_entry_is_left_to_verification(raw: bytes) -> None:
    assert faults(copy("", raw=raw), LINE) == []


def test_hostile_id_stays_within_the_pattern() -> None:
    logs = Logs(LINE)
    stack = Stack(lambda _: logs, {"DeskLog": "group"})
    compared(copy("approved", replace(SEEN, request='x" || $.a = "')), stack)
    (request,) = logs.requests
    assert request["filterPattern"] == '{ $.requestId = "x\\" || $.a = \\"" }'
    assert request["logGroupName"] == "group"


def test_stack_without_a_log_is_said() -> None:
    with pytest.raises(NotPossible, match="DeskLog"):
        compared(copy("approved", SEEN), Stack(lambda _: Logs(), {}))
