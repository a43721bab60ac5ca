"""Where a report comes from: a stack as far as its caller may read, or replayed events."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from typer.testing import CliRunner

from console import cli
from console.evidence import Copy
from console.replay import Replay
from console.report import account
from console.report.account import Wanted
from console.report.data import Flag, Kind, Report
from console.report.replayed import Replayed
from console.run import PlaybookOutcome, Run
from console.settings import StackSettings
from console.stack import Stack
from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.console.report_samples import contained, tagged_case
from tests.console.test_replay_page import a_run
from tests.examples import path_of
from tests.make import NOON

STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/cordon/1"
EXEMPT = {"playbook": "*", "resource": "arn:aws:s3:::www", "owner": "Ada", "reason": "web"}
SETTINGS = {
    "id": "settings",
    "master_switch": "on",
    "budget": 1,
    "exemptions": {"web": {**EXEMPT, "expires": "2020-01-31"}, "bad": {}},
}


def denied(call: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, call)


class Rows:
    """The table: only the settings are read of it here."""

    def __init__(self, row: Any) -> None:
        self.row = row

    def get(self, *keys: str) -> dict[str, Any]:
        if self.row is None:
            raise denied("BatchGetItem")
        return {"settings": self.row}


@dataclass(frozen=True)
class Stub(Stack):
    """A stack whose cases and evidence are given."""

    found: tuple[Case, ...] = ()
    may_read_evidence: bool = True
    row: Any = None

    @property
    def table(self) -> Any:
        return Rows(self.row)

    def open_cases(self, playbook: str = "") -> Iterator[Case]:
        return (one for one in self.found if one.status is not Status.RELEASED)

    def all_cases(self) -> Iterator[Case]:
        return iter(self.found)

    def case(self, case: str) -> Case:
        return self.found[0]

    def evidence_copy(self, case: Case) -> Copy:
        if not self.may_read_evidence:
            raise denied("ListObjectVersions")
        return contained(case)


def stub(*statuses: Status, **more: Any) -> Stub:
    cases = tuple(
        replace(tagged_case(status), id=f"{n:016x}", opened_at=NOON.replace(minute=n))
        for n, status in enumerate(statuses, 1)
    )
    return Stub(lambda name: name, {}, name="cordon", stack_id=STACK_ID, found=cases, **more)


def read(stack: Stub, *, closed: bool = False, evidence: int = 10) -> Report:
    return account.of_stack(stack, Wanted(closed, evidence), None, lambda done, total: None)


def test_stack_has_its_open_cases_the_newest_first() -> None:
    report = read(stub(Status.CONTAINED, Status.RELEASED, Status.AWAITING_APPROVAL, row=SETTINGS))
    assert [one.status for one in report.entries] == ["awaiting_approval", "contained"]
    assert account.OPEN_ONLY in report.notes
    assert dict(report.about)["account"] == "111122223333"
    assert all(one.details.chain for one in report.entries)


def test_closed_cases_are_in_it_where_they_are_wanted() -> None:
    report = read(stub(Status.CONTAINED, Status.RELEASED, row=SETTINGS), closed=True)
    assert {one.status for one in report.entries} == {"contained", "released"}
    assert account.OPEN_ONLY not in report.notes
    assert [tile.count for tile in report.tiles] == ["1", "0", "0", "1"]


@pytest.mark.parametrize("most", [0, 1, 9, 12])
def test_evidence_is_read_of_the_newest(most: int) -> None:
    report = read(stub(*[Status.CONTAINED] * 12, row=SETTINGS), evidence=most)
    assert [one.details.chain is not None for one in report.entries] == [
        n < most for n in range(12)
    ]
    unread = [one for one in report.entries if one.details.chain is None]
    assert all(f"cordon show {one.id} --report" in one.details.no_evidence for one in unread)
    said = account.UNREAD.format(unread=12 - most)
    assert (said in report.notes) is (most < 12)


def test_what_may_not_be_read_is_unknown() -> None:
    report = read(stub(*[Status.CONTAINED] * 9, may_read_evidence=False, row=None))
    assert {one.details.no_evidence for one in report.entries} == {
        "unknown: your credentials may not read evidence: missing is s3:ListBucketVersions"
    }
    assert report.exemptions is None and report.modes == {}
    assert any("Exemptions are unknown" in note for note in report.notes)
    assert report.modes_say.startswith("unknown")


def test_what_cannot_be_reached_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one service: the page is written with all else."""
    timeout = Mock(side_effect=ReadTimeoutError(endpoint_url="https://a"))
    monkeypatch.setattr(Stub, "evidence_copy", timeout)
    monkeypatch.setattr(StackSettings, "of", timeout)
    report = read(stub(Status.CONTAINED, row=SETTINGS))
    (one,) = report.entries
    assert str(one.details.no_evidence).startswith("unknown: evidence was not read: AWS cannot")
    assert report.exemptions is None and report.modes == {}
    assert any("Exemptions are unknown: AWS cannot" in note for note in report.notes)
    assert report.modes_say.startswith("unknown: AWS cannot be reached")


def test_exemptions_that_ended_or_are_refused_are_said() -> None:
    report = read(stub(row=SETTINGS))
    assert report.exemptions is not None
    ((one,)) = report.exemptions
    assert (one.owner, one.until, one.ended) == ("Ada", "2020-01-31T00:00:00Z", True)
    assert any("exemptions.bad is refused, and exempts nothing" in note for note in report.notes)


def test_exemptions_without_a_settings_row_are_unknown() -> None:
    report = read(stub(row={}))
    assert report.exemptions is None and "Exemptions are unknown" in " ".join(report.notes)


# ---- replays ----


def taken_down(*runs: Run) -> Report:
    replayed = Replayed()
    assert list(replayed.through(runs)) == list(runs)
    return replayed.report()


def test_replayed_case_is_one_and_says_that_it_was_no_account() -> None:
    case = tagged_case()
    run = a_run(cases=[case], copies={case.id: contained(case)})
    report = taken_down(run)
    (one,) = report.entries
    assert (report.kind, one.id, one.event) == (Kind.REPLAY, case.id, "an/event")
    assert one.details.chain and one.details.chain.verified and one.seconds is None
    assert "Nothing of this happened on AWS" in report.notes[0]


def test_replayed_case_says_how_it_was_contained_and_released() -> None:
    released = {"s3": {"bucket": {"policy": "left\x1b[31m"}}}
    (one,) = taken_down(a_run(released=released)).entries
    assert one.details.changes[0] == (
        "s3 bucket policy",
        "a policy",
        "+1 −0 statements",
        "left[31m",
    )
    (unreleased,) = taken_down(a_run()).entries
    assert {row[-1] for row in unreleased.details.changes} == {"-"}


def test_very_many_changes_are_cut() -> None:
    many = {f"bucket{number}": {"tags": "x"} for number in range(300)}
    (one,) = taken_down(a_run(contained={"s3": many})).entries
    assert len(one.details.changes) == 201 and one.details.changes[-1][0].endswith(" more")


def test_event_without_a_case_is_a_line() -> None:
    ignored = PlaybookOutcome("some_playbook", "ignored", "it is a sample", "", "enforce")
    (one,) = taken_down(a_run(cases=[], outcomes=[ignored])).entries
    assert (one.id, one.status, one.playbook) == ("", "ignored", "nobody")
    assert one.details.sections[-1].lines == ("some_playbook: it is a sample",)


def test_trouble_is_first_and_counted() -> None:
    report = taken_down(a_run(troubles=["handled by nobody"]), a_run())
    wrong, well = report.entries
    assert wrong.tone == "bad" and Flag.TROUBLE in wrong.flags and Flag.TROUBLE not in well.flags
    assert wrong.details.sections[0].lines == ("handled by nobody",)
    assert (report.tiles[0].name, report.tiles[0].count) == ("not as expected", "1")


# ---- the commands ----


def test_show_writes_one_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stub(Status.CONTAINED))
    to = tmp_path / "case.html"
    done = CliRunner().invoke(cli.app, ["show", "1", "--report", str(to)])
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert "Cordon: case 0000000000000001" in to.read_text()
    assert "Every change of what still exists" in done.stdout  # as without the option


def test_report_writes_the_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stub(Status.CONTAINED, row=SETTINGS))
    monkeypatch.setattr("console.coverage.report.report", lambda *_: None)
    to = tmp_path / "all.html"
    done = CliRunner().invoke(cli.app, ["report", str(to), "--evidence", "0"])
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert done.stdout.startswith("1 cases: ") and "<title>Cordon: cordon</title>" in to.read_text()


def test_replay_writes_what_it_replayed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = []

    def one(replay: Replay, _: Any) -> Run:
        kept.append(replay.keep_evidence)
        return a_run()

    monkeypatch.setattr(Replay, "one", one)
    to = tmp_path / "replay.html"
    event = str(path_of("guardduty_public_access"))
    for words in ([], ["--report", str(to)]):
        done = CliRunner().invoke(cli.app, ["replay", event, *words])
        assert done.exit_code == 0, done.output
    assert kept == [False, True] and "Cordon: a replay" in to.read_text()
