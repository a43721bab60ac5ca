"""Whatever rings, however often and in what order: people see what the rows say."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cordon.clock import now
from cordon.finding import HubReference, Severity, SeverityLabel
from cordon.memory.cases import Case
from cordon.memory.reported import Reported, ReportedRows
from cordon.memory.table import Cancelled
from cordon.reporting.run import ALL
from cordon.statuses import Status
from tests.actions.scenario import stub
from tests.examples import QUARANTINE
from tests.make import a_finding
from tests.reporting.cases import CASE, a_case, refused_block
from tests.reporting.people import ORIGINAL, PRODUCT, People, people, store

CALLS = {  # projection → the call that shows it
    "finding": ("securityhub", "BatchImportFindings"),
    "original": ("securityhub", "BatchUpdateFindings"),
    "incident": ("ssm", "CreateOpsItem"),
    "message": ("sns", "PublishBatch"),
    "event": ("events", "PutEvents"),
}


def case_of(status: Status = Status.CONTAINED, **changes: Any) -> Case:
    return a_case(status, finding=a_finding(hub=ORIGINAL), **changes)


def places(seen: People) -> dict[str, bool]:
    """Which projections show something."""
    return {
        "finding": bool(seen.own()),
        "original": "Note" in seen.original(),
        "incident": bool(seen.items()),
        "message": bool(seen.messages()),
        "event": bool(seen.events),
    }


def test_report_reaches_every_place(seen: People) -> None:
    store()
    shown = seen.show(case_of())
    assert places(seen) == dict.fromkeys(CALLS, True)
    assert (shown.version, shown.status) == (1, "contained")


def test_expired_case_is_skipped(seen: People) -> None:
    assert seen.report(a_case()) == []
    assert seen.calls == []


# ---- one that fails ----


@pytest.mark.parametrize("error", ["ThrottlingException", "AccessDeniedException"])
@pytest.mark.parametrize("broken", CALLS)
def test_failing_projection_silences_no_other(seen: People, broken: str, error: str) -> None:
    """B21, in every direction: OpsCenter's quota is no reason to leave the topic silent."""
    store()
    stub(seen.aws, *CALLS[broken], lambda _: error)
    saved = [seen.save(case_of()), seen.save(case_of(id="f" * 16))]
    failed = seen.report(*saved)
    assert [(one.case, one.projection) for one in failed] == [(c.id, broken) for c in saved]
    assert all(error in one.error for one in failed)
    there = places(seen)
    there["event"] = there["event"] and broken != "event"  # what was sent, it did not take
    assert there == {place: place != broken for place in CALLS}
    assert seen.shown(saved[0]).version == -1


@pytest.mark.parametrize("broken", CALLS)
def test_hours_of_failure_end_in_the_same_state(broken: str) -> None:
    """Meanwhile the case moves on, and everybody else sees that."""
    down = True
    with people() as seen:
        store()
        stub(seen.aws, *CALLS[broken], lambda _: "InternalException" if down else None)
        for status in (Status.AWAITING_APPROVAL, Status.CONTAINING, Status.CONTAINED):
            case = seen.save(case_of(status))
            silent = broken == "message" and status is Status.CONTAINING
            assert [one.projection for one in seen.report(case)] == [broken] * (not silent)
        down = False
        assert seen.report(case) == []
        late = state(seen, case)
    with people() as seen:
        store()
        seen.show(case_of(Status.AWAITING_APPROVAL))
        seen.save(case_of(Status.CONTAINING))
        assert state(seen, seen.save(case_of()), report=True) == late


def test_service_that_does_not_respond_is_called_once(seen: People) -> None:
    """A hundred time-outs would use up the function's time."""
    tried = []

    def refuse(_: Any) -> None:
        tried.append(1)
        raise EndpointConnectionError(endpoint_url="https://sns")

    stub(seen.aws, "sns", "PublishBatch", refuse)
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(25)]
    failed = seen.report(*saved)
    assert len(tried) == 1
    assert {(one.projection, "Could not connect" in one.error) for one in failed} == {
        ("message", True)
    }
    assert len(failed) == 25


def test_no_call_begins_too_late(seen: People) -> None:
    seen.until = now() - timedelta(seconds=1)
    failed = seen.report(seen.save(a_case()))
    assert {one.error for one in failed} == {"the function's time is over"}
    assert seen.calls == []


def test_programming_error_rises(seen: People) -> None:
    """Only what a service says is a reason to go on: the stream's bisection finds the case."""

    def broken(_: Any) -> None:
        raise ZeroDivisionError

    stub(seen.aws, "events", "PutEvents", broken)
    with pytest.raises(ZeroDivisionError):
        seen.report(seen.save(a_case()))


def test_unreadable_row_keeps_no_other_from_being_shown(seen: People) -> None:
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(5)]
    row = dict(seen.table.get(key := f"case#{QUARANTINE.name}#{saved[2].id}")[key])
    seen.table.put({**row, "status": "nonsense"})
    (failed,) = seen.report(*saved)
    assert (failed.case, failed.projection) == (saved[2].id, ALL)
    assert "cannot be read" in failed.error
    assert len(seen.own()) == 4


def test_unknown_playbook_is_said(seen: People) -> None:
    (failed,) = seen.report(replace(a_case(), playbook="of_tomorrow"))
    assert (failed.playbook, failed.projection) == ("of_tomorrow", ALL)


# ---- order ----


def test_threats_come_first_and_the_severest_of_them(seen: People) -> None:
    severest = a_finding(severity=Severity("9", SeverityLabel.CRITICAL))
    control = a_finding(
        source="securityhub", type="S3.2", severity=Severity("9", SeverityLabel.CRITICAL)
    )
    saved = [
        seen.save(a_case(id=f"{n:016x}", finding=finding))
        for n, finding in enumerate((control, a_finding(), severest))
    ]
    assert seen.report(*saved) == []
    assert [event["case"] for event in seen.events] == [saved[n].id for n in (2, 1, 0)]
    assert len(seen.reporter().seconds) == 0


def test_seconds_are_of_threats(seen: People) -> None:
    control = a_finding(source="securityhub", type="S3.2")
    saved = [seen.save(a_case()), seen.save(a_case(id="f" * 16, finding=control))]
    reporter = seen.reporter()
    assert reporter.report((case.playbook, case.id) for case in saved) == []
    assert len(reporter.seconds) == 1
    assert reporter.seconds[0] < 60


# ---- figures ----


def test_hundred_cases_are_few_calls(seen: People) -> None:
    """What people see of a hundred bulk findings that are handled alike."""
    cases = []
    for n in range(100):
        store(Id=f"f{n}")
        finding = a_finding(
            source="securityhub",
            type="S3.2",
            channel="securityhub",
            workflow="NEW",
            hub=HubReference(f"f{n}", PRODUCT),
        )
        status = Status.AWAITING_APPROVAL
        cases.append(seen.save(a_case(status, id=f"{n:016x}", finding=finding)))
    seen.calls.clear()
    assert seen.report(*cases) == []
    counts = {call: seen.calls.count(call) for call in dict.fromkeys(seen.calls)}
    assert counts == {
        "BatchImportFindings": 1,
        "BatchUpdateFindings": 1,
        "CreateOpsItem": 100,
        "PublishBatch": 10,
        "PutEvents": 10,
    }
    seen.calls.clear()
    assert seen.report(*cases, *cases) == []
    assert seen.calls == [], "the same content is no call"


# ---- others at the same time ----


def test_race_ends_with_what_the_rows_say(seen: People) -> None:
    """While we show the old status, another reporter shows the new one, and ends before us."""
    old = seen.save(a_case(Status.AWAITING_APPROVAL))
    raced: list[Case] = []

    def meanwhile(_: Any) -> None:
        if not raced:
            raced.append(seen.save(a_case()))
            assert seen.report(*raced) == []

    stub(seen.aws, "securityhub", "BatchImportFindings", meanwhile)
    assert seen.report(old) == []
    (item,) = seen.items()
    assert "contained" in item["Title"]
    assert seen.own()[0]["ProductFields"]["cordon/status"] == "contained"
    assert seen.shown(old).version == raced[0].version


def test_reports_that_always_race_are_said(seen: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_: Any) -> Reported:
        raise Cancelled(())

    monkeypatch.setattr(ReportedRows, "save", conflict)
    (failed,) = seen.report(seen.save(a_case()))
    assert (failed.case, failed.projection) == (CASE, ALL)


def test_kept_row_that_fails_is_said(seen: People) -> None:
    saved = seen.save(a_case())
    stub(seen.aws, "dynamodb", "PutItem", lambda _: "AccessDeniedException")
    (failed,) = seen.report(saved)
    assert failed.projection == ALL
    assert "was not kept" in failed.error


# ---- a history: any doorbells ----


def state(seen: People, case: Case, *, report: bool = False) -> dict[str, Any]:
    """What people see at the end, without what each way there adds of its own."""
    if report:
        assert seen.report(case) == []
    (own,) = seen.own()
    original = seen.original()
    return {
        "finding": {k: own[k] for k in ("Title", "Description", "RecordState", "Compliance")},
        "original": (original["Note"]["Text"], original["Workflow"]["Status"]),
        "items": [(i["Title"], i["Description"], i["Status"]) for i in seen.items()],
        "status": seen.events[-1]["status"],
        "shown": (seen.shown(case).status, seen.shown(case).version == case.version),
    }


HISTORY = (
    case_of(Status.AWAITING_APPROVAL),
    case_of(Status.CONTAINING),
    replace(refused_block(), finding=a_finding(hub=ORIGINAL)),
    case_of(Status.CONTAINING, attempt=2),
    case_of(Status.CONTAINED),
)


@pytest.mark.drawn(1 / 5)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 3), min_size=len(HISTORY), max_size=len(HISTORY)), st.booleans())
def test_any_doorbells_end_in_what_the_rows_say(rings: list[int], anew: bool) -> None:
    """Each write rings never, once or more often; the last doorbell rings at last."""
    with people() as seen:
        store()
        for case, times in zip(HISTORY, rings, strict=True):
            saved = seen.save(case)
            for _ in range(times):
                assert seen.report(saved, saved) == []
        assert seen.report(saved, anew=anew) == []
        found = state(seen, saved)
    assert found["shown"] == ("contained", True)
    assert found["finding"]["Title"].startswith("Cordon contained")
    assert found["original"] == (
        f"Cordon {QUARANTINE.name}: contained. Cordon's own finding for this resource says more.",
        "NOTIFIED",
    )
    assert [(i[0].split(":")[1], i[2]) for i in found["items"]] == [(" Cordon contained", "Open")]
    assert found["status"] == "contained"
