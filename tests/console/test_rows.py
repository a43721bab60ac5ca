"""What verbs write for programs whose page for people is no list: rows, and nothing beside them."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from console import cli, demo, evidence_folder, generated, new_playbook, tables
from console.evidence import verify
from console.new_playbook import Made
from console.options import ROOT
from console.replay import Replay
from console.report import account, page
from console.stack import NotPossible, Stack
from console.tables import Output
from cordon.evidence import sha256
from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.console.test_replay_page import a_run
from tests.examples import QUARANTINE, path_of
from tests.reporting.cases import CASE, a_case
from tests.test_evidence_verify import chained, copy_of

PUBLIC = path_of("guardduty_public_access")


def rows(*words: str | Path, ends: int = 0) -> tuple[list[dict[str, Any]], str]:
    """What a command writes as JSON lines, and its standard error."""
    done = CliRunner().invoke(cli.app, [*map(str, words), "-o", "jsonl"])
    assert done.exit_code == ends, (done.output, done.exception)
    return list(map(json.loads, done.stdout.splitlines())), done.stderr


@pytest.mark.parametrize("some", [[], [{"a": 1}], [{"a": [1, "x"]}, {"a": []}, {"a": None}]])
def test_json_that_is_written_row_by_row_is_a_list(some: list[dict[str, Any]]) -> None:
    out = Console(file=io.StringIO())
    tables.write(iter(some), (), Output.JSON, out)
    assert isinstance(out.file, io.StringIO)
    assert out.file.getvalue() == json.dumps(some, indent=2) + "\n"


def test_list_that_is_not_ended_is_no_json() -> None:
    """Whoever reads it must not take what there is for all."""

    def broken() -> Iterator[dict[str, Any]]:
        yield {"a": 1}
        raise KeyboardInterrupt

    out = Console(file=io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        tables.write(broken(), (), Output.JSON, out)
    assert isinstance(out.file, io.StringIO)
    with pytest.raises(ValueError, match=r"Expecting"):
        json.loads(out.file.getvalue())


def test_plan_has_a_row_for_each_change() -> None:
    found, _ = rows("plan", PUBLIC, "--mode", "approve")
    assert [one["change"] for one in found] == [
        action["action"] for action in json.loads(_plan_of(PUBLIC))["plan"]["actions"]
    ]
    (first, *_) = found
    assert (first["playbook"], first["mode"], first["outcome"]) == (
        QUARANTINE.name,
        "approve",
        "awaiting_approval",
    )
    assert first["does"] and "live" not in first


def _plan_of(path: Path) -> str:
    return path.with_name(path.name.replace(".json", ".plan.json")).read_text()


def test_plan_without_a_change_is_a_row_too(tmp_path: Path) -> None:
    """Of what a person must do, and of what nobody handles; in a pipe each line has all columns."""
    for_people, _ = rows("plan", path_of("guardduty_root_credential_usage"))
    assert [(one["change"], one["outcome"]) for one in for_people] == [("", "escalated")]
    ignored, _ = rows("plan", path_of("securityhub_s3_5"))
    assert [(one["playbook"], one["outcome"]) for one in ignored] == [("nobody", "ignored")]
    broken = tmp_path / "broken.json"
    broken.write_text("no event")
    piped = CliRunner().invoke(cli.app, ["plan", str(PUBLIC), str(broken)])
    assert piped.exit_code == 1 and f"{broken}: " in piped.stderr
    assert {line.count("\t") for line in piped.stdout.splitlines()} == {5}


def test_plan_that_is_written_says_whether_it_is_another(tmp_path: Path) -> None:
    copy = tmp_path / "one.json"
    copy.write_text(PUBLIC.read_text())
    wanted = {"event": str(copy), "plan": str(tmp_path / "one.plan.json")}
    assert rows("plan", copy, "--write")[0] == [{**wanted, "is": "written"}]
    assert rows("plan", copy, "--write")[0] == [{**wanted, "is": "as it was"}]
    copy.write_text(path_of("securityhub_s3_2").read_text())
    shown = [CliRunner().invoke(cli.app, ["plan", str(copy), "--write"]).stdout for _ in range(2)]
    assert shown == [f"{wanted['plan']}\twritten\n", ""]


@pytest.mark.parametrize("verb", ["plan", "replay"])
def test_all_of_it_is_no_table(verb: str) -> None:
    done = CliRunner().invoke(cli.app, [verb, str(PUBLIC), "--full", "-o", "csv"])
    assert isinstance(done.exception, NotPossible) and done.stdout == ""


def test_replay_has_a_row_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = a_run(outcomes=[], cases=[], troubles=["=no event"], stopped=True)
    runs = [a_run(str(PUBLIC), seconds=1.25), stopped]
    monkeypatch.setattr(Replay, "all", lambda *_: runs)
    done = CliRunner().invoke(cli.app, ["replay", str(PUBLIC), "-o", "csv"])
    assert (done.exit_code, done.stderr) == (1, "")
    good, bad = csv.DictReader(io.StringIO(done.stdout))
    assert (good["event"], good["outcomes"], good["ok"]) == (str(PUBLIC), "contained", "yes")
    assert (good["seconds"], good["playbooks"], good["cases"]) == ("1.25", QUARANTINE.name, CASE)
    assert (bad["ok"], bad["outcomes"], bad["cases"]) == ("no", "not replayed", "")
    assert bad["troubles"] == "'=no event"


def test_evidence_has_a_row_for_each_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no entry of ours has its row too: that it is a fault is said."""
    bodies = chained(2)
    copy = copy_of([*bodies, b"no \x1b[31mJSON"])
    (first, second, third) = (sha256(one) for one in copy.bodies)
    monkeypatch.setattr(Stack, "named", lambda *_: Proven())
    monkeypatch.setattr(Proven, "evidence_copy", lambda *_: copy)
    found, said = rows("evidence", CASE, ends=1)
    assert [(one["entry"], one["stage"], one["previous"], one["sha256"]) for one in found] == [
        (1, "applied", "", first),
        (2, "applied", first, second),
        (3, "", "", third),
    ]
    assert "NOT verified" in said
    assert found == rows("show", CASE, "--timeline", ends=1)[0]
    both = CliRunner().invoke(cli.app, ["show", CASE, "--diff", "--timeline", "-o", "csv"])
    assert isinstance(both.exception, NotPossible)


@dataclass
class Proven:
    """A stack with one case."""

    deleted: bool = False
    cases: dict[str, Case] = field(default_factory=lambda: {CASE: a_case()})

    def case(self, id: str) -> Case:
        return self.cases[id]

    def evidence_copy(self, case: Case) -> Any:
        raise NotImplementedError


def test_a_folder_is_verified_in_a_row_that_says_what_it_cannot_show(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    copy = copy_of(chained(2))
    evidence_folder.write(copy, folder)
    assert verify(copy) == []
    ((one,), _) = rows("evidence", "verify", folder)
    assert one["found"] == "verified" and one["text"].startswith("evidence verified: 2 entries")
    assert "whether the row and the bucket are the same now" in one["not_shown"]
    (folder / "000002.json").unlink()
    found, said = rows("evidence", "verify", folder, ends=1)
    assert {one["found"] for one in found} == {"fault"} and len(found) > 1
    assert "NOT verified" in said


def test_evidence_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["evidence", "verify", str(tmp_path / "nowhere")])
    assert str(done.exception) == f"there is no {tmp_path / 'nowhere'}"


def test_report_is_a_row_with_the_sum_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: Proven())
    monkeypatch.setattr("console.coverage.report.report", lambda *_: {})
    monkeypatch.setattr(account, "of_stack", lambda *_: Listed())
    monkeypatch.setattr(page, "write", lambda _, to: to.write_bytes(b"abc"))
    ((one,), _) = rows("report", tmp_path / "cases.html")
    assert one == {
        "file": str(tmp_path / "cases.html"),
        "cases": 1,
        "bytes": 3,
        "sha256": sha256(b"abc"),
    }


@dataclass
class Listed:
    """A report of one case."""

    entries: tuple[int, ...] = (1,)


@pytest.mark.parametrize(("words", "changed"), [((), "written"), (("--check",), "out of date")])
def test_docs_are_a_row_a_page(
    words: tuple[str, ...], changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {ROOT / "a.md": True, ROOT / "docs" / "b.md": False}
    monkeypatch.setattr(generated, "write", lambda *_, **__: (pages, ["a role may too much"]))
    found, said = rows("docs", *words, ends=1)
    assert [(one["file"], one["is"]) for one in found] == [
        ("a.md", changed),
        ("docs/b.md", "as it was"),
        ("", "fault"),
    ]
    assert found[-1]["why"] == "a role may too much" and "b.md" not in said


def test_new_playbook_is_a_row_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made((ROOT / "functions" / "x" / "playbook.py", ROOT / "template.yaml"), ("Next:",))
    monkeypatch.setattr(new_playbook, "make", lambda *_: made)
    found, said = rows("new", "x", "--kind", "securityhub:RDS.2")
    assert [one["file"] for one in found] == ["functions/x/playbook.py", "template.yaml"]
    assert said == "Next:\n"


def test_demo_is_a_row_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def account_of(*_: Any) -> Iterator[Any]:
        yield type("Played", (), {"endpoint": "http://127.0.0.1", "region": "us-east-1"})

    cases = [("approve", a_case(Status.AWAITING_APPROVAL)), ("enforce", a_case())]
    monkeypatch.setattr(demo, "NEEDED", ())
    monkeypatch.setattr(demo, "_account", account_of)
    monkeypatch.setattr(demo, "_played", lambda *_: cases)
    found, said = rows("demo")
    assert [(one["mode"], one["status"], one["case"]) for one in found] == [
        ("approve", "awaiting_approval", CASE),
        ("enforce", "contained", CASE),
    ]
    assert f"approve {CASE} --wait" in said and "It is not AWS" in said
    title = a_case().finding.title
    assert [name for name, value in found[0].items() if value == title] == ["title"]
    table = CliRunner().invoke(cli.app, ["demo"]).stdout
    assert table.count(f"{CASE}\t{title}") == len(cases)


def test_coverage_has_a_row_for_each_line_of_its_tables() -> None:
    found, _ = rows("coverage")
    ours = [one for one in found if (one["part"], one["name"]) == ("Playbooks", QUARANTINE.name)]
    assert [one["says"] for one in ours] == [["approve", "not looked at"]]
    assert all(len(one["columns"]) == len(one["says"]) for one in found)
