"""Who decided, by evidence, beside the lines of the access log of the desk's API."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from console.access_log import compared
from console.evidence import Copy, Version
from console.stack import NotPossible, Stack
from cordon.evidence import Chain, ChainEnd
from cordon.release import FINDING_SOURCE
from tests.examples import QUARANTINE

ADA = "arn:aws:iam::111122223333:user/ada"
CHAIN = Chain(QUARANTINE.name, "111122223333", "7c98aa00bb11cc22")
REQUEST = {"by": ADA, "request": "r1", "api": "a1", "invocation": "i1"}
LINE = {"requestId": "r1", "userArn": ADA, "routeKey": "POST /approve", "invocation": "i1"}


def copy_of(*entries: tuple[str, dict[str, Any]]) -> Copy:
    """A chain of these stages and contents."""
    versions = [
        Version(CHAIN.key(n), f"v{n}", json.dumps({"stage": stage, "content": content}).encode())
        for n, (stage, content) in enumerate(entries, 1)
    ]
    return Copy(CHAIN, ChainEnd(len(entries), ""), tuple(versions))


def stack(*lines: dict[str, Any], **outputs: str) -> Stack:
    """A stack whose access log has these lines."""
    events = [{"message": json.dumps(line)} for line in lines]
    pages = SimpleNamespace(paginate=lambda **_: [{"events": events}])
    logs = SimpleNamespace(get_paginator=lambda _: pages)
    return Stack(lambda _: logs, {"DeskLog": "log", **outputs})


def faults(copy: Copy, *lines: dict[str, Any]) -> list[str]:
    return [str(one) for one in compared(copy, stack(*lines))]


def test_who_decided_is_who_was_logged() -> None:
    approved = ("approved", {"by": ADA, "witnesses": [REQUEST]})
    assert faults(copy_of(approved), LINE) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (None, "does not know the request r1"),
        ({"userArn": ADA.replace("ada", "eve")}, "user/eve for the request r1, not"),
        ({"routeKey": "POST /reject"}, "has POST /reject for the request r1"),
        ({"invocation": "i2"}, "it was used a second time"),
    ],
)
def test_other_lines_are_faults(line: dict[str, str] | None, says: str) -> None:
    approved = ("approved", {"by": ADA, "witnesses": [REQUEST]})
    (fault,) = faults(copy_of(approved), *([LINE | line] if line else []))
    assert fault.startswith("fault: entry 1: ") and says in fault


@pytest.mark.parametrize("witnesses", [None, [], "r1"])
@pytest.mark.parametrize(
    ("stage", "who"), [("approved", "by"), ("rejected", "by"), ("decided", "named_by")]
)
def test_decision_without_a_request_is_a_fault(stage: str, who: str, witnesses: Any) -> None:
    """Whoever writes the row past the desk need not name any."""
    said = {who: ADA} | ({} if witnesses is None else {"witnesses": witnesses})
    assert faults(copy_of((stage, said)), LINE) == [f"fault: entry 1: it names no request of {ADA}"]


def test_an_earlier_request_proves_no_later_approval() -> None:
    first = ("approved", {"by": ADA, "witnesses": [REQUEST]})
    assert len(faults(copy_of(first, ("approved", {"by": ADA})), LINE)) == 1


def test_release_goes_on_with_its_request() -> None:
    began = ("releasing", {"by": ADA, "witnesses": [REQUEST]})
    line = LINE | {"routeKey": "POST /release"}
    assert faults(copy_of(began, ("releasing", {"by": ADA})), line) == []
    (fault,) = faults(copy_of(("releasing", {"by": ADA})))
    assert fault.startswith("warning: entry 1: it names no request of")


@pytest.mark.parametrize(
    "entry",
    [
        ("decided", {"finding": {}}),
        ("releasing", {"by": FINDING_SOURCE}),
        ("expired", {"by": ""}),
        ("approved", [ADA]),
    ],
)
def test_what_nobody_decided_needs_no_request(entry: Any) -> None:
    assert faults(copy_of(entry)) == []


def test_what_came_by_no_api_is_a_warning() -> None:
    chosen = ("releasing", {"by": "a reviewer", "witnesses": [{"by": "a reviewer"}]})
    assert faults(copy_of(chosen)) == ["warning: entry 1: a reviewer came by no API"]


def test_stack_without_a_log_is_said() -> None:
    with pytest.raises(NotPossible, match="DeskLog"):
        compared(copy_of(), stack(DeskLog=""))


def test_hostile_id_stays_within_the_pattern() -> None:
    """The id is what an entry says it is: no part of the filter's own language."""
    requests: list[dict[str, Any]] = []

    def paginate(**request: Any) -> list[dict[str, Any]]:
        requests.append(request)
        return []

    logs = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))
    hostile = ("approved", {"by": ADA, "witnesses": [REQUEST | {"request": 'x" || $.a = "'}]})
    compared(copy_of(hostile), Stack(lambda _: logs, {"DeskLog": "log"}))
    assert [one["filterPattern"] for one in requests] == ['{ $.requestId = "x\\" || $.a = \\"" }']
