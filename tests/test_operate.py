"""The commands that our messages tell people to type are commands that work as they stand."""

from typing import Any

import pytest
from console import operate
from console.cli import app
from tests.test_cases import a_case
from typer.testing import CliRunner

from cordon import report
from cordon.cases import Case, Stands


class Deployed:
    """A stack with one case that asks; it keeps what it was told to do."""

    def __init__(self) -> None:
        self.asked = a_case(stands=Stands.ASKED)
        self.told: list[tuple[str, ...]] = []

    def case(self, case: str) -> Case:
        assert case == self.asked.id
        return self.asked

    def decide(self, case: Case, decision: str, plan: str) -> str:
        self.told.append((decision, plan))
        return "arn:aws:iam::111122223333:role/reviewer"

    def release(self, case: Case, why: str) -> str:
        self.told.append(("release", why))
        return "arn:execution"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    stack = Deployed()
    monkeypatch.setattr(operate.Stack, "named", lambda _name: stack)
    return stack


def cordon(*words: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, words, input=typed)


def test_approving_shows_the_plan_and_binds_to_what_was_shown(deployed: Deployed) -> None:
    case = deployed.asked
    refused = cordon("approve", case.id, typed="n\n")
    assert refused.exit_code == 1
    assert deployed.told == []
    assert "block_public_access" in refused.stdout and case.plan_hash in refused.stdout
    assert cordon("approve", case.id, typed="y\n").exit_code == 0
    assert deployed.told == [("approve", case.plan_hash)]


def test_a_given_hash_is_handed_on_as_it_is(deployed: Deployed) -> None:
    cordon("approve", deployed.asked.id, "--plan", "f" * 64)
    assert deployed.told == [("approve", "f" * 64)]


@pytest.mark.parametrize("stands", [Stands.ASKED, Stands.CONTAINED])
def test_what_our_finding_advises_can_be_typed(deployed: Deployed, stands: Stands) -> None:
    advice = report.advice(a_case(stands=stands))
    commands = ("approve", "reject") if stands is Stands.ASKED else ("release",)
    for command in commands:
        assert f"cordon {command} {deployed.asked.id}" in advice
        assert cordon(command, deployed.asked.id, typed="y\n").exit_code == 0
    assert [told[0] for told in deployed.told] == list(commands)
