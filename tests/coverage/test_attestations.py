"""What a person attested is shown as that person's word, and never as what a check saw."""

from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from console import cli
from console.coverage import cells, data, table
from console.coverage.checks import CHECKS, Result, Saw
from console.coverage.report import Looked, report
from console.stack import Stack
from cordon.deciding.request import ABOUT
from tests.architecture.stack import ROOT

CELL = "generative-3-resilience"
SAID = {
    "is": "attested",
    "says": "two models",
    "by": "ada",
    "at": "2026-11-27T00:00:00Z",
    "until": "2027-05-31T00:00:00Z",
}
OFF: Mapping[str, Result] = dict.fromkeys(CHECKS, Result(Saw.OFF))


def looked(attested: Mapping[str, Mapping[str, str]], says: str = "") -> dict[str, Any]:
    return report(ROOT, Looked("111122223333 us-east-1", OFF, {}, "", attested, says))


def printed(found: dict[str, Any]) -> str:
    out = Console(width=400, force_terminal=True)
    with out.capture() as captured:
        table.show(found, out)
    return captured.get()


def test_every_cell_has_an_id_that_the_desk_takes() -> None:
    found = list(cells.subjects(data.read(ROOT).scopes))
    ids = [about for about, _ in found]
    assert len(ids) == len(set(ids)) == 5 * 5 + 4 * 6 + 7
    assert all(ABOUT.fullmatch(about) and what for about, what in found)


@pytest.mark.parametrize(
    ("is_", "words"),
    [
        ("attested", "attested by ada, until 2027-05-31T00:00:00Z: two models"),
        ("ended", "attested by ada, ended 2027-05-31T00:00:00Z: two models"),
        ("withdrawn", "attested by ada, withdrawn 2026-11-27T00:00:00Z: two models"),
    ],
)
def test_it_is_shown_in_its_cell_and_turns_nothing_on(is_: str, words: str) -> None:
    without, found = looked({}), looked({CELL: {**SAID, "is": is_}})
    cell = found["matrices"][0]["scopes"][2]["cells"][4]
    assert cell.pop("attested") == {**SAID, "is": is_}
    without["matrices"][0]["scopes"][2]["cells"][4].pop("attested")
    assert found == without  # scopes, checks and all else are as they were
    cell["attested"] = {**SAID, "is": is_}
    text = printed(found)
    assert words in text
    assert "\x1b[32m" not in text and "\x1b[1;32m" not in text  # nothing is green


def test_hostile_words_are_no_commands_of_a_terminal() -> None:
    text = printed(looked({CELL: {**SAID, "says": "\x1b[32mall is well"}}))
    assert "\x1b[32m" not in text and "all is well" in text


def test_why_it_is_not_known_is_said() -> None:
    assert "Attestations: unknown: the right" in printed(looked({}, "unknown: the right for X"))


def test_the_command_lists_what_may_be_attested_and_sends_nothing() -> None:
    done = CliRunner().invoke(cli.app, ["attest"])
    assert done.exit_code == 0, done.output
    assert f"{CELL}: quotas, retries, backups" in done.output
    unknown = CliRunner().invoke(cli.app, ["attest", "generative-9"])
    assert "there is no cell generative-9" in str(unknown.exception)


class Desk:
    """A stack whose desk keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, Any]]] = []

    def request(self, verb: str, body: Mapping[str, Any]) -> dict[str, str]:
        self.sent.append((verb, body))
        return {"about": body["about"], "says": "recorded", "by": "ada"}


def test_the_command_sends_one_request_and_only_a_whole_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    monkeypatch.setattr(Stack, "named", lambda *_: desk)
    whole = ["attest", CELL, "--says", "tried", "--until", "2027-05-31"]
    for words in (whole, ["attest", CELL, "--withdraw"], whole[:4], [*whole[:2], *whole[4:]]):
        CliRunner().invoke(cli.app, words)
    assert desk.sent == [
        ("attest", {"about": CELL, "says": "tried", "until": "2027-05-31"}),
        ("attest", {"about": CELL, "withdraw": True, "says": ""}),
    ]
