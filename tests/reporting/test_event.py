"""The event on the bus: every change of status, once, in the form that the schema describes."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cordon.finding import Severity, SeverityLabel
from cordon.memory.cases import ActionStatus, Case
from cordon.reporting.event import CHANGES, detail
from cordon.statuses import Status
from tests.actions.scenario import stub
from tests.make import a_finding
from tests.reporting.cases import ADA, SCP_DENIAL, a_case, refused_block, with_results
from tests.reporting.people import People
from tests.reporting.test_escape import ANY_TEXT, does_something

SCHEMA = Path(__file__).parents[2] / "docs" / "case-status-change.schema.json"


@cache
def schema() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text()))


def faults(content: Any) -> list[str]:
    checker = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{list(fault.path)}: {fault.message}" for fault in checker.iter_errors(content)]


def test_schema_has_every_word_of_the_code() -> None:
    Draft202012Validator.check_schema(schema())
    named = schema()["properties"]
    assert named["status"]["enum"] == [str(status) for status in Status]
    assert named["previous"]["enum"] == [*named["status"]["enum"], None]
    ends = named["changes"]["items"]["properties"]["status"]["enum"]
    assert sorted(ends) == sorted(map(str, ActionStatus))
    assert set(named["severity"]["enum"]) == set(map(str, SeverityLabel))
    assert schema()["required"] == list(named)


@pytest.mark.parametrize("status", Status)
def test_every_status_is_valid(seen: People, status: Status) -> None:
    seen.show(a_case(status, decided_by=ADA))
    (said,) = seen.events
    assert faults(said) == []
    assert (said["status"], said["previous"]) == (status, None)


def test_wrong_detail_is_found() -> None:
    """Else the schema would let anything pass."""
    content = detail(replace(a_case(), version=1), "")
    assert faults(content) == []
    for wrong in ({"status": "lost"}, {"version": "1"}, {"case": "x"}, {"extra": 1}):
        assert faults({**content, **wrong}) != []


@given(ANY_TEXT, st.sampled_from(Status))
def test_hostile_text_does_nothing(text: str, status: Status) -> None:
    finding = a_finding(id=text, type=text, title=text, severity=Severity(text, SeverityLabel.LOW))
    case = with_results(a_case(status), ActionStatus.FAILED, text)
    said = detail(
        replace(case, finding=finding, decided_by=text, decided_why=text, reason=text), "observed"
    )
    assert faults(said) == []
    texts = [*said["finding"].values(), said["decided_by"], said["reason"]]
    for shown in (*texts, *(change["reason"] for change in said["changes"])):
        assert not does_something(shown)


def test_event_names_each_change() -> None:
    said = detail(refused_block(), "containing")
    assert said["previous"] == "containing"
    block, tags = said["changes"]
    assert (block["status"], block["reason"]) == ("failed", SCP_DENIAL)
    assert block["resource"] == tags["resource"] == "arn:aws:s3:::training-data"
    assert said["resources"] == ["arn:aws:s3:::training-data"]


def test_previous_is_the_last_that_was_on_the_bus(seen: People) -> None:
    """What happened in between, while the reporter was late, no event names."""
    seen.show(a_case(Status.AWAITING_APPROVAL))
    seen.save(a_case(Status.CONTAINING))
    seen.show(a_case(Status.CONTAINED))
    assert [(e["previous"], e["status"]) for e in seen.events] == [
        (None, "awaiting_approval"),
        ("awaiting_approval", "contained"),
    ]


def test_unimportant_write_is_no_event(seen: People) -> None:
    seen.show(a_case(attempt=1))
    seen.show(a_case(attempt=2))
    assert len(seen.events) == 1


def test_new_results_are_an_event(seen: People) -> None:
    seen.show(refused_block())
    seen.show(with_results(a_case(Status.FAILED), ActionStatus.REFUSED, "no"))
    assert [event["previous"] for event in seen.events] == [None, "failed"]


def test_events_go_by_ten(seen: People) -> None:
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(25)]
    assert seen.report(*saved) == []
    assert seen.calls.count("PutEvents") == 3
    assert len(seen.events) == 25


def test_large_events_go_by_size(seen: People) -> None:
    """256 KB a call."""
    saved = [seen.save(large(n)) for n in range(6)]
    assert seen.report(*saved) == []
    assert seen.calls.count("PutEvents") > 1
    assert len(seen.events) == 6


def large(n: int) -> Case:
    case = refused_block()
    failed = replace(case.results[0], reason="x" * 2000)
    return replace(case, id=f"{n:016x}", results=(failed,) * CHANGES)


def test_refused_entry_is_that_cases_failure(seen: People) -> None:
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(2)]
    entries = [{"EventId": "e"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}]
    response = {"FailedEntryCount": 1, "Entries": entries}
    stub(seen.aws, "events", "PutEvents", lambda _: response)
    (failed,) = seen.report(*saved)
    assert (failed.case, failed.error) == (saved[1].id, "InternalFailure: try again")
    assert [seen.shown(case).status for case in saved] == ["contained", ""]
