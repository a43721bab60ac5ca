"""The auditor, who has never seen Cordon and believes nobody: three questions, and an archive.

Who decides and who audits are two people, each under the ready policy of docs/policies. What the
auditor takes away is verified on a machine that has neither Cordon nor a package.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from cordon.clock import now
from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.console.test_report import block, lines
from tests.e2e.account import ACCOUNT, NAME, ROOT, Account
from tests.e2e.people import role
from tests.e2e.test_playbooks import NOTEBOOK, PUBLIC, SHARED, staged
from tests.e2e.waiting import HANGS
from tests.examples import QUARANTINE, folder_of

TODAY = now()
QUARTER = f"{TODAY:%Y}-Q{(TODAY.month + 2) // 3}"
CONTROL = "SOC 2 CC6.1"
Ran = subprocess.CompletedProcess[str]


class Person:
    """Somebody with a session of a role, which has a policy of docs/policies, and a terminal."""

    def __init__(self, account: Account, name: str, policy: str) -> None:
        self.arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name.lower()}"
        named = {"RoleArn": role(account, name, policy), "RoleSessionName": name.lower()}
        given = account.client("sts").assume_role(**named)["Credentials"]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        self._environment = {
            **clean,
            "AWS_ENDPOINT_URL": account.endpoint,
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
            "AWS_DEFAULT_REGION": account.region,
            "COLUMNS": "200",
        }

    def types(self, *words: str, ends: int = 0, typed: str = "") -> Ran:
        """A command of Cordon, on the deployed stack."""
        command = [sys.executable, str(ROOT / "console"), *words, "--stack", NAME]
        return ended(command, ends, env=self._environment, input=typed)

    def lists(self, *words: str) -> list[dict[str, Any]]:
        """The rows of a command that lists."""
        found: list[dict[str, Any]] = json.loads(self.types(*words, "-o", "json").stdout)
        return found


def ended(command: list[str], ends: int, **how: Any) -> Ran:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False, **how)
    assert ran.returncode == ends, ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr
    return ran


def test_an_auditor_proves_a_quarter_and_finds_what_was_taken_away(
    account: Account, tmp_path: Path
) -> None:
    approved, rejected = a_day_with_decisions(account, ada := Person(account, "Ada", "approver"))
    account.age(account.stack.outputs["EvidenceBucket"], timedelta(days=1))
    account.tick("DigestEvidenceEveryNight")
    eve = Person(account, "Eve", "auditor")

    # What happened to a control in a quarter?
    happened = eve.lists("evidence", "cases", "--period", QUARTER, "--control", CONTROL)
    stages = {one["case"]: one["stages"] for one in happened}
    assert stages[approved.id][:3] == ["decided", "approved", "captured"]
    assert stages[approved.id][-1] == "contained"
    assert stages[rejected.id] == ["decided", "rejected"]
    assert {one["verified"] for one in happened} == {"yes"}
    assert all(CONTROL in one["controls"] for one in happened)
    # Who approved what?
    decided = eve.lists("evidence", "decisions", "--period", QUARTER, "--playbook", QUARANTINE.name)
    assert [(one["decision"], one["case"], one["by"], one["plan"]) for one in decided] == [
        ("approved", approved.id, ada.arn, approved.plan_hash),
        ("rejected", rejected.id, ada.arn, rejected.plan_hash),
    ]
    # Is anything missing?
    said = eve.types("evidence", "verify").stderr
    assert "evidence verified" in said and "verified signatures: 1" in said

    archive = tmp_path / "quarter.zip"
    exported = eve.types("evidence", "export", str(archive), "--period", QUARTER)
    assert "evidence verified" in exported.stderr
    proves_itself_elsewhere(archive, tmp_path / "elsewhere", approved)
    is_read_as_a_page(eve, approved, ada.arn, tmp_path / "cases.html")

    taken_away(account, rejected)
    said = eve.types("evidence", "verify", ends=1).stderr
    assert f"case {rejected.id}" in said and "missing" in said
    assert approved.id not in said and "evidence verified" not in said


def a_day_with_decisions(account: Account, ada: Person) -> tuple[Case, Case]:
    """What Ada has approved and what she has rejected; a control's case needed nobody."""
    account.set(f"modes.{folder_of(PUBLIC)}", "approve")
    account.put(staged(account, PUBLIC))
    approved = account.case()
    ada.types("approve", approved.id, "--why", "nobody meant it", typed="y\n")
    account.settle()
    account.put(staged(account, SHARED))
    (rejected,) = [one for one in account.cases() if one.status is Status.AWAITING_APPROVAL]
    ada.types("reject", rejected.id, "--why", "a partner's account")
    account.put(staged(account, NOTEBOOK))
    ends = sorted(one.status for one in account.cases())
    assert ends == sorted([Status.CONTAINED, Status.REJECTED, Status.TAGGED])
    return approved, rejected


def proves_itself_elsewhere(archive: Path, folder: Path, approved: Case) -> None:
    """By Python alone; and it names the entry in which somebody has changed who approved."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    signed = verified(folder, 0)
    assert signed.startswith("verified: ") and "verified signatures: 1" in signed
    member = f"evidence/{QUARANTINE.name}.jsonl"
    entries = (folder / member).read_bytes()
    changed = entries.replace(b"assumed-role/Ada/ada", b"assumed-role/Eve/eve")
    assert changed != entries
    (folder / member).write_bytes(changed)
    assert f"{member} was changed" in verified(folder, 1)
    # With a manifest that fits, the digest still says it, and it is signed.
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["members"][member]["sha256"] = hashlib.sha256(changed).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    said = verified(folder, 1)
    assert f"{member} was changed" not in said
    assert re.search(rf"{approved.id}/: entry 3 does not follow on the one before", said)


def verified(folder: Path, ends: int) -> str:
    """What the archive's own script says where there is neither Cordon nor any package."""
    alone = [sys.executable, "-I", "-S", "verify.py"]
    return ended(alone, ends, cwd=folder, env={}).stdout


def is_read_as_a_page(eve: Person, approved: Case, by: str, page: Path) -> None:
    """One file, with the case, its chain and who decided it."""
    eve.types("report", str(page))
    written = page.read_text()
    (place,) = [n for n, one in enumerate(lines(written)) if one["id"] == approved.id]
    assert lines(written)[place]["status"] == "contained"
    details: Mapping[str, Any] = block(written)[place]
    assert details["chain"]["verified"] is True
    assert by in json.dumps(details["timeline"])


def taken_away(account: Account, case: Case) -> None:
    """As somebody does it who may do all: no row, and no version of an entry is left."""
    s3, bucket = account.client("s3"), account.stack.outputs["EvidenceBucket"]
    s3.delete_bucket_policy(Bucket=bucket)
    prefix = f"{case.playbook}/{ACCOUNT}/{case.id}/"
    for one in s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]:
        named = {"Key": one["Key"], "VersionId": one["VersionId"]}
        s3.delete_object(Bucket=bucket, **named, BypassGovernanceRetention=True)
    account.client("dynamodb").delete_item(
        TableName=account.stack.outputs["CasesTableName"],
        Key={"id": {"S": f"case#{case.playbook}#{case.id}"}},
    )
