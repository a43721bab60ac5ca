"""``cordon plan``: what an event leads to in each mode, by the template's rules and the gates."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner, Result

from console import expected, plan_page, plans
from console.cli import app
from console.event_files import events_in
from console.expected import lead_to
from console.plan_files import SUFFIX
from console.stack import NotPossible
from cordon.settings import MasterSwitch, Mode, Settings
from embedded.routes import Routes
from tests.examples import ESCALATE, EVENTS, QUARANTINE, TAG, function_of, path_of

RANSOM = path_of("guardduty_ransomware_delete")
CONTROL = path_of("securityhub_s3_2")
ROOT_USED = path_of("guardduty_root_credential_usage")
MODEL = path_of("securityhub_sagemaker_5")
CHOSEN = path_of("custom_action_contain_s3_8")
SEQUENCE = path_of("guardduty_attack_sequence_s3")


def plan(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["plan", "--full", *map(str, words)])


def printed(*words: str | Path) -> dict[str, Any]:
    result = plan(*words)
    assert result.exit_code == 0
    return dict(json.loads(result.stdout))


def test_plan_is_printed_without_any_account() -> None:
    made = printed(RANSOM)
    assert (made["playbook"], made["outcome"]) == (QUARANTINE.name, "contained")
    assert made["plan"]["actions"][-1]["action"] == "tag_bucket"
    assert made["rules"][0].startswith(function_of(QUARANTINE))


@pytest.mark.parametrize(
    ("path", "outcomes"),
    [
        (RANSOM, ("observed", "awaiting_approval", "contained")),
        (MODEL, ("observed", "awaiting_approval", "tagged")),
        (ROOT_USED, ("observed", "escalated", "escalated")),
        (CHOSEN, ("awaiting_approval", "awaiting_approval", "contained")),
    ],
    ids=lambda one: one.stem if isinstance(one, Path) else "",
)
def test_plan_says_what_would_happen_in_the_mode(path: Path, outcomes: tuple[str, ...]) -> None:
    made = [printed("--mode", mode, path) for mode in Mode]
    assert tuple(one["outcome"] for one in made) == outcomes
    assert [one["mode"] for one in made] == [str(mode) for mode in Mode]
    assert made[0]["plan"] == made[1]["plan"] == made[2]["plan"]


def control_of(product: str) -> dict[str, Any]:
    """A finding that a gate handles, as another product of AWS would send it."""
    event: dict[str, Any] = json.loads(CONTROL.read_text())
    (finding,) = event["detail"]["findings"]
    finding["ProductArn"] = f"arn:aws:securityhub:us-east-1::product/aws/{product}"
    return event


def test_what_no_rule_delivers_is_not_contained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seeded fault: a stack whose rules match nothing."""
    assert lead_to(control_of("securityhub"))[0].outcome == "contained"
    monkeypatch.setattr(Routes, "of", lambda *_: {})
    (led,) = lead_to(control_of("securityhub"))
    assert (led.playbook, led.outcome, led.plan["actions"]) == (None, "not_delivered", [])
    assert "not delivered by any rule" in led.reason
    assert f"{QUARANTINE.name}, which would handle it" in led.reason
    made = printed(path_of("securityhub_s3_5"))
    assert (made["outcome"], made["rules"]) == ("ignored", [])
    assert made["reason"].startswith("not delivered by any rule; ")


def test_rule_to_another_playbook_alone_does_not_deliver(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = {f"{function_of(ESCALATE)}ControlsRule": (function_of(ESCALATE),)}
    monkeypatch.setattr(Routes, "of", lambda *_: routes)
    (led,) = lead_to(control_of("securityhub"))
    assert led.outcome == "not_delivered"
    assert f"to {QUARANTINE.name}, which would handle it" in led.reason


def test_choice_of_a_reviewer_reaches_the_playbooks_through_the_desk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (led,) = lead_to(json.loads(CHOSEN.read_text()))
    assert (led.rules, led.playbook) == (("DecideCasesCustomAction",), QUARANTINE.name)
    monkeypatch.setattr(Routes, "of", lambda *_: {"SomeRule": ("ReconcileCases",)})
    (led,) = lead_to(json.loads(CHOSEN.read_text()))
    assert led.outcome == "not_delivered"


def test_every_shipped_sample_is_read_and_planned_as_beside_it() -> None:
    for path in sorted(EVENTS.glob("*/*.json")):
        if not path.name.endswith(SUFFIX):
            (led,) = lead_to(json.loads(path.read_text()))
            made = json.loads(json.dumps(led.to_json()))  # tuples are lists there
            assert made | expected.kept(path) == expected.beside(path), path


def test_several_findings_of_one_event_are_each_planned(tmp_path: Path) -> None:
    event = json.loads(CHOSEN.read_text())
    other = json.loads(json.dumps(event["detail"]["findings"][0]).replace("S3.8", "S3.9"))
    event["detail"]["findings"].append(other)
    both = tmp_path / "both.json"
    both.write_text(json.dumps(event))
    assert [one.outcome for one in lead_to(event)] == ["contained", "escalated"]
    assert plan(both).stdout.count('"outcome"') == 2
    assert "not written" in plan("--write", both).stderr


@pytest.mark.parametrize("words", [["--write", "--mode", "approve", str(RANSOM)]])
def test_only_the_plan_of_enforce_is_beside_an_event(words: list[str]) -> None:
    assert plan(*words).exit_code != 0


def test_plan_is_written_beside_a_file_that_is_one_event(tmp_path: Path) -> None:
    lines = tmp_path / "day.jsonl"
    lines.write_text(json.dumps(json.loads(RANSOM.read_text())))
    one = tmp_path / "one.json"
    one.write_text(RANSOM.read_text())
    result = plan("--write", tmp_path)
    assert result.exit_code == 1
    assert "day.jsonl:1: not written: a plan is beside a file that is one event" in result.stderr
    written = json.loads((tmp_path / "one.plan.json").read_text())
    assert written == expected.beside(RANSOM)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "day.jsonl",
        "one.json",
        "one.plan.json",
    ]


def test_broken_plan_beside_an_event_stops_no_other(tmp_path: Path) -> None:
    stranger = json.loads(RANSOM.read_text()) | {"source": "aws.ec2"}
    (tmp_path / "a.json").write_text(json.dumps(stranger))
    (tmp_path / "a.plan.json").write_text("{")
    (tmp_path / "b.json").write_text(RANSOM.read_text())
    result = plan(tmp_path)
    assert result.exit_code == 1
    assert "a.json: the plan beside it is not JSON" in result.stderr
    assert result.stdout.count('"outcome": "contained"') == 1


def test_folder_without_events_has_no_plan(tmp_path: Path) -> None:
    refused = plan(tmp_path).exception
    assert isinstance(refused, NotPossible) and ".ndjson is read" in str(refused)


def test_what_the_gate_stops_is_not_planned() -> None:
    """A plan may be of policies that are not there in another partition."""
    sent = json.loads(path_of("guardduty_cost_harvesting").read_text())
    sent["detail"]["partition"] = "aws-cn"
    (found,) = lead_to(sent)
    assert (found.outcome, found.plan["actions"]) == ("ignored", [])
    assert "partition aws-cn is not served" in found.reason


def test_several_findings_of_one_event_are_read_by_nobody() -> None:
    """Security Hub sends one each; the functions take no more, and so say the plans. A reviewer may
    choose several, which the desk takes one after the other."""
    for path, outcomes in ((CONTROL, ["unreadable"]), (CHOSEN, ["contained", "contained"])):
        event = json.loads(path.read_text())
        event["detail"]["findings"] *= 2
        assert [one.outcome for one in lead_to(event)] == outcomes


@pytest.mark.parametrize("error", [ValueError("a name"), RuntimeError("x"), RecursionError()])
def test_event_that_cannot_be_planned_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that nobody thought of: the other events are planned."""
    made = lead_to(json.loads(MODEL.read_text()))
    monkeypatch.setattr(expected, "lead_to", Mock(side_effect=[error, made]))
    result = plan(CONTROL, MODEL)
    assert result.exit_code == 1
    assert f"cannot be planned: {type(error).__name__}" in result.stderr
    assert json.loads(result.stdout)["playbook"] == TAG.name


# ---- of a deployed stack ----


def of_stack(path: Path, settings: Settings, mode: Mode | None = None) -> dict[str, Any]:
    """What is printed of the first finding, with the settings of a stack."""
    made = expected.deployed(expected.home_of(json.loads(path.read_text())), Mode.ENFORCE)
    stack = replace(made, settings=plans.in_mode(settings, mode))
    (event,) = events_in([path])
    return plans.planned(event, mode, stack)[0]


def test_each_playbook_is_in_the_mode_of_the_settings() -> None:
    modes = {QUARANTINE.name: Mode.APPROVE, ESCALATE.name: Mode.ENFORCE}
    made = of_stack(SEQUENCE, Settings(modes=modes))
    led = {one["playbook"]: one for one in (made, *made["others"])}
    assert {name: one["mode"] for name, one in led.items()} == {
        name: modes.get(name, Mode.OBSERVE) for name in led
    }
    assert led[QUARANTINE.name]["outcome"] == "awaiting_approval"
    assert {one["mode_of"] for one in led.values()} == {"settings"}
    said = [text for name, text in plan_page.facts(made) if name == "handled by"]
    assert len(said) == len(led) > 1
    for text in said:
        name = text.partition(",")[0]
        assert f"{name}, in mode {led[name]['mode']}, as its settings say: " in text


def test_mode_that_a_person_wants_to_see_counts_instead() -> None:
    """Also of what nobody understands in the row; all else of it counts as it is."""
    refused = {f"modes.{QUARANTINE.name}": "must be", "budget": "must be a number"}
    settings = Settings(modes={QUARANTINE.name: Mode.APPROVE}, refused=refused)
    assert of_stack(RANSOM, settings)["outcome"] == "observed"
    made = of_stack(RANSOM, settings, Mode.ENFORCE)
    assert (made["mode"], made["mode_of"], made["outcome"]) == ("enforce", "--mode", "contained")
    assert "in mode enforce (--mode): contained" in str(list(plan_page.facts(made)))
    assert plans.in_mode(settings, Mode.ENFORCE).refused == {"budget": "must be a number"}
    off = of_stack(RANSOM, replace(settings, switch=MasterSwitch.OBSERVE), Mode.ENFORCE)
    assert off["outcome"] == "observed" and "master switch" in off["reason"]


def test_what_nobody_handles_is_in_no_mode() -> None:
    made = of_stack(path_of("securityhub_s3_5"), Settings())
    assert (made["playbook"], made["mode"]) == (None, None)
    assert "nobody: ignored" in str(list(plan_page.facts(made)))
