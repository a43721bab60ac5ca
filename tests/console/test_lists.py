"""Lists of cases: nothing is cut at any width, and each output is what its reader expects."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from console import case_list, cli, tables
from console.case_list import Wanted
from console.stack import NotPossible, Stack
from console.tables import Output
from cordon.finding import Severity, SeverityLabel
from cordon.memory.cases import ActionStatus, Case
from cordon.statuses import Status
from tests.examples import QUARANTINE, REVOKE
from tests.make import NOON, a_finding
from tests.reporting.cases import CASE, a_case, with_results

HOSTILE = "=cmd|' /C calc'!A0\x1b[31m\n[red]second line"
LOW = Severity("1", SeverityLabel.LOW)
OTHER = "0123456789abc000"


def terminal(width: int, **more: Any) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, **more)


def written(cases: list[Case], output: Output, out: Console) -> str:
    tables.write([case_list.row(case) for case in cases], case_list.COLUMNS, output, out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [200, 120, 80, 60, 20])
def test_id_and_resource_are_whole_at_every_width(width: int) -> None:
    case = a_case(Status.AWAITING_APPROVAL, finding=a_finding(title="w" * 60))
    shown = written([case], Output.TABLE, terminal(width, color_system=None))
    assert CASE in shown
    assert "awaiting_approval" in shown
    assert case.plan.resources[0] in "".join(shown.split())
    assert "w" * 60 in "".join(shown.split())


def test_table_fits_eighty_columns() -> None:
    shown = written([a_case(s) for s in Status], Output.TABLE, terminal(80, color_system=None))
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80


def test_a_pipe_has_one_line_a_case() -> None:
    hostile = a_case(finding=a_finding(title=HOSTILE))
    shown = written([hostile, a_case()], Output.TABLE, Console(file=io.StringIO(), width=80))
    first, _ = shown.splitlines()
    assert first.split("\t")[:3] == [CASE, "contained", "HIGH"]
    assert "\x1b" not in first and "[red]second line" in first


def test_outputs_for_programs_have_every_column() -> None:
    cases = [a_case(finding=a_finding(title=HOSTILE)), a_case()]
    rows = json.loads(written(cases, Output.JSON, Console(file=io.StringIO())))
    lines = written(cases, Output.JSONL, Console(file=io.StringIO())).splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert rows[0]["title"] == HOSTILE
    assert rows[0]["plan"] == cases[0].plan_hash
    (first, _) = csv.DictReader(
        io.StringIO(written(cases, Output.CSV, Console(file=io.StringIO())))
    )
    assert first.keys() == rows[0].keys()
    assert first["title"].startswith("'=cmd") and "\x1b" not in first["title"]


@pytest.mark.parametrize("begins", tables.FORMULA)
def test_no_cell_of_csv_is_a_formula(begins: str) -> None:
    assert tables.as_csv([{"a": f"{begins}1+1", "b": 1}]).splitlines()[1].startswith("'")


@pytest.mark.parametrize("before", [";", "; ", ';"', ';" "'])
def test_semicolon_begins_no_formula(before: str) -> None:
    """It ends a cell where a spreadsheet's list separator is the semicolon."""
    for begins in tables.FORMULA.translate({ord(one): None for one in "\t\r\n"}):
        assert tables.csv_cell(f"a{before}{begins}cmd") == f"a{before}'{begins}cmd"
        assert tables.csv_cell(["a", f"{begins}cmd"]) == f"a; '{begins}cmd"
    assert tables.csv_cell("a; b - c; 1=1") == "a; b - c; 1=1"


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in written([a_case()], Output.TABLE, terminal(80))
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[3" in written([a_case()], Output.TABLE, terminal(80))


# ---- which cases ----

KINDS = {
    "waiting": a_case(Status.AWAITING_APPROVAL),
    "again": a_case(Status.AWAITING_APPROVAL, contained_as="contained"),
    "contained": a_case(Status.CONTAINED),
    "escalated": a_case(Status.ESCALATED),
    "partly": a_case(Status.PARTLY_CONTAINED),
    "undo failed": with_results(a_case(Status.RELEASING), ActionStatus.FAILED),
    "held back": a_case(Status.OBSERVED, held_back=True),
    "observed": a_case(Status.OBSERVED),
    "reopened": a_case(Status.REOPENED),
}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(), list(KINDS)[:-2]),
        (Wanted(waiting=True), ["waiting", "again"]),
        (Wanted(held=True), ["again", "contained", "partly", "undo failed"]),
        (Wanted(failed=True), ["partly", "undo failed"]),
        (Wanted(waiting=True, failed=True), ["waiting", "again", "partly", "undo failed"]),
    ],
)
def test_flags_choose(wanted: Wanted, names: list[str]) -> None:
    """Without one, all that are open: what was held back is, and what was only observed is not."""
    assert [name for name, case in KINDS.items() if list(wanted.of([case]))] == names


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(account="111122223333"), True),
        (Wanted(account="444455556666"), False),
        (Wanted(severity="HIGH"), True),
        (Wanted(severity="CRITICAL"), False),
        (Wanted(sequence="s"), False),
        (Wanted(since=NOON), True),
        (Wanted(since=NOON + timedelta(hours=2)), False),
    ],
)
def test_conditions_choose(wanted: Wanted, found: bool) -> None:
    case = a_case(opened_at=NOON - timedelta(days=2), changed_at=NOON + timedelta(hours=1))
    assert bool(list(wanted.of([case]))) is found


@pytest.mark.parametrize("text", ["7", "d", "soon", "2026-13-01", "999999w"])
def test_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(NotPossible, match="is no time"):
        case_list.since_of(text)


# ---- the command ----


class Listed:
    """A stack with these open cases."""

    deleted = False

    def open_cases(self, playbook: str = "") -> Iterator[Case]:
        cases = (a_case(), replace(a_case(Status.FAILED, playbook=REVOKE), id=OTHER))
        return (case for case in cases if playbook in ("", case.playbook))


def cordon(*words: str) -> Any:
    return CliRunner().invoke(cli.app, words)


def test_commands_list_and_say_what_they_cannot_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: Listed())
    assert [line[:16] for line in cordon("review").stdout.splitlines()] == [CASE, OTHER]
    only = cordon("cases", "--playbook", QUARANTINE.name, "-o", "jsonl")
    assert json.loads(only.stdout)["case"] == CASE
    assert "Closed cases are not listed" not in only.stderr
    assert "Closed cases are not listed" in cordon("cases", "--all").stderr
    none = cordon("cases", "--waiting", "--output", "json")
    assert (json.loads(none.stdout), none.exit_code) == ([], 0)
    assert "no open case is so" in none.stderr
    for words in (["--playbook", "x"], ["--severity", "red"]):
        assert isinstance(cordon("cases", *words).exception, NotPossible)
