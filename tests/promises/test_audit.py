"""The auditor's story, by the auditor's own policy: three questions, and the archive."""

import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import cli
from console.stack import Stack
from cordon.memory.decisions import Verb
from tests.examples import HEADERS, QUARANTINE, TAG, event
from tests.promises.policies import commands, user
from tests.promises.world import World

PUBLIC, CONTROL = "guardduty_anonymous_access", "securityhub_sagemaker_1"
DAY = "2026-11-24"  # on which the account begins
WHY = "nobody meant it to be public"


@pytest.mark.world("approve")
def test_auditor_sees_what_happened_who_decided_and_that_nothing_is_missing(
    world: World, tmp_path: Path
) -> None:
    world.send(event(PUBLIC))
    case = world.case()
    world.operator.decide(case, Verb.APPROVE, case.plan_hash, WHY)
    world.account.settle()
    approver = world.case().decided_by
    world.send(event(CONTROL))
    ada = user(world, "ada", "auditor")
    world.account.advance(timedelta(days=1), schedules="last")
    archive = tmp_path / "day.zip"
    control = QUARANTINE.controls[0]

    with commands(world, ada) as stack, pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stack, "named", lambda *_: stack)

        def cordon(*words: str) -> Result:
            ran = CliRunner().invoke(cli.app, ["evidence", *words])
            assert (ran.exit_code, ran.exception) == (0, None), ran.output
            return ran

        cases = json.loads(cordon("cases", "--control", control, "-o", "json").stdout)
        decided = json.loads(cordon("decisions", "--period", DAY, "-o", "json").stdout)
        verified = cordon("verify").stderr
        cordon("export", str(archive), "--period", DAY)

    (row,) = [one for one in cases if one["case"] == case.id]
    assert row["stages"] == ["decided", "approved", "captured", "contained"]
    assert row["title"] == case.finding.title
    assert set(row["controls"]) == set(HEADERS[QUARANTINE.name].controls)
    assert row["cordon"]
    assert all(control in one["controls"] for one in cases)
    (approved,) = [one for one in decided if one["decision"] == "approved"]
    assert (approved["case"], approved["plan"]) == (case.id, case.plan_hash)
    assert approved["by"] == approver
    assert approved["why"] == WHY
    assert "evidence verified" in verified
    _proves_itself(archive)
    with zipfile.ZipFile(archive) as opened:
        index: Any = json.loads(opened.read("index.json"))
    assert {one["playbook"] for one in index} == {QUARANTINE.name, TAG.name, "settings"}
    assert {one["verified"] for one in index} == {"yes"}


def _proves_itself(archive: Path) -> None:
    """Python alone, and none of ours."""
    script = archive.with_name("verify.py")
    with zipfile.ZipFile(archive) as opened:
        script.write_bytes(opened.read("verify.py"))
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(script), str(archive)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("verified: ")
