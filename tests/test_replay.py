"""The console's promise: any event file, the deployed template, no network, a true exit status."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from console import catalogue_page
from console.cli import app
from console.replay import event_files
from typer.testing import CliRunner, Result

ROOT = Path(__file__).parent.parent
EVENTS = ROOT / "events"
RANSOM = EVENTS / "quarantine_bucket" / "guardduty_ransomware_delete.json"


def cordon(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def replayed(*words: str | Path) -> tuple[int, dict[str, Any]]:
    result = cordon("replay", *words, "--json")
    (run,) = json.loads(result.stdout)
    return result.exit_code, run


def test_an_event_is_contained_released_and_proven() -> None:
    code, run = replayed(RANSOM, "--release")
    assert (code, run["ok"], run["troubles"]) == (0, True, [])
    (bucket,) = run["before"]["s3"]
    assert "CordonDeny" in run["contained"]["s3"][bucket]["policy"]
    assert run["released"] == run["before"] != run["contained"]
    (case,) = run["cases"]
    assert case["stands"] == "released"
    assert run["evidence"][case["id"]] > 10
    assert "s3:PutBucketPolicy" in run["calls"]


@pytest.mark.parametrize(("mode", "stands"), [("observe", "observed"), ("approve", "contained")])
def test_the_mode_decides(mode: str, stands: str) -> None:
    code, run = replayed(RANSOM, "--mode", mode)
    assert code == 0
    assert [case["stands"] for case in run["cases"]] == [stands]
    assert (run["before"] == run["contained"]) == (mode == "observe")


def test_a_run_that_does_not_end_as_its_plan_says_fails(tmp_path: Path) -> None:
    """The seeded fault: a plan that leaves out an act."""
    event = tmp_path / RANSOM.name
    shutil.copy(RANSOM, event)
    plan = json.loads(RANSOM.with_name("guardduty_ransomware_delete.plan.json").read_text())
    plan["plan"].pop()
    event.with_name("guardduty_ransomware_delete.plan.json").write_text(json.dumps(plan))
    code, run = replayed(event)
    assert code == 1
    assert run["troubles"] == ["the plan is not the one beside the event"]


def test_a_users_own_event_works(tmp_path: Path) -> None:
    """One that the repository has never seen, in another Region, without a plan beside it."""
    event = json.loads(RANSOM.read_text().replace("us-east-1", "ap-southeast-2"))
    event["detail"]["id"] = "f" * 32
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(event).replace("acme-model-artifacts", "somebody-elses-models"))
    code, run = replayed(mine, "--release")
    assert (code, run["troubles"]) == (0, [])
    assert list(run["before"]["s3"]) == ["somebody-elses-models"]


def an_event(tmp_path: Path, **changes: Any) -> Path:
    event = json.loads(RANSOM.read_text()) | changes
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    return path


def test_an_event_that_nothing_answers_says_so(tmp_path: Path) -> None:
    stranger = an_event(tmp_path, source="aws.ec2", **{"detail-type": "EC2 Instance State-change"})
    result = cordon("replay", stranger)
    assert result.exit_code == 0
    assert "nothing answers this event" in result.stdout
    assert "none matches this event" in result.stdout


def test_an_event_that_cannot_be_read_ends_in_a_dead_letter_and_fails(tmp_path: Path) -> None:
    detail = json.loads(RANSOM.read_text())["detail"] | {"accountId": "12"}
    code, run = replayed(an_event(tmp_path, detail=detail))
    assert code == 1
    assert any("dead letter" in t and "detail.accountId" in t for t in run["troubles"])


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_what_is_no_event_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "event.json"
    path.write_text(text)
    code, run = replayed(path)
    assert code == 1
    assert "not" in run["troubles"][0]


def test_plans_beside_events_are_not_events() -> None:
    files = event_files([EVENTS])
    assert RANSOM in files
    assert not [file for file in files if file.name.endswith(".plan.json")]


def test_a_plan_is_printed_without_any_account() -> None:
    result = cordon("plan", RANSOM)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["playbook"] == "quarantine_bucket"
    assert printed["plan"][-1]["action"] == "open_incident"


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    detail = json.loads(RANSOM.read_text())["detail"] | {
        "title": "[red]x[/red] \u001b[31m [link=e]"
    }
    result = cordon("replay", an_event(tmp_path, detail=detail))
    assert result.exit_code == 0
    assert "\u001b[31m" not in result.stdout


def test_the_generated_pages_are_current() -> None:
    assert catalogue_page.write(ROOT, only_check=True) == []
