"""The operator's commands, as processes of their own, on the deployed stack."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, NAME, ROOT, Account
from tests.e2e.test_playbooks import PUBLIC, awaiting, contained, staged, state, untouched
from tests.e2e.waiting import HANGS


def cordon(account: Account, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command, as an operator whose shell has credentials of the account."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": account.region,
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "console"), *words, "--stack", NAME],
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )


def test_held_case_is_reviewed_and_released(account: Account, tmp_path: Path) -> None:
    one = staged(account, PUBLIC)
    before = state(account, one)
    case = contained(account, one)
    reviewed = cordon(account, "review")
    assert reviewed.returncode == 0, reviewed.stderr
    assert case.id in reviewed.stdout
    assert "contained" in reviewed.stdout
    released = cordon(account, "release", case.id, "--why", "a public web site")
    assert released.returncode == 0, released.stderr
    account.settle()
    assert account.case().status is Status.REOPENED
    assert account.case().decided_why == "a public web site"
    assert state(account, one) == before
    assert case.id not in cordon(account, "review").stdout
    proven = cordon(account, "evidence", case.id, "--to", str(tmp_path / "copy"))
    assert proven.returncode == 0, proven.stderr
    entries = len(account.evidence(account.case()))
    assert f"evidence verified: {entries} entries, as the case's row says" in proven.stderr
    assert len(list((tmp_path / "copy").iterdir())) == entries + 1
    offline = cordon(account, "evidence", "verify", str(tmp_path / "copy"))
    assert offline.returncode == 0, offline.stderr
    assert "as it was when this folder was written" in offline.stderr
    again = cordon(account, "evidence", case.id, "--to", str(tmp_path / "copy"))
    assert again.returncode == 2
    assert "is not empty" in again.stderr


def test_missing_evidence_is_not_verified(account: Account) -> None:
    """By whoever can: the bucket's policy and its lock are those of the account's owner."""
    case = contained(account, staged(account, PUBLIC))
    s3, bucket = account.client("s3"), account.stack.outputs["EvidenceBucket"]
    folder = f"{case.playbook}/{ACCOUNT}/{case.id}/"
    (*_, last) = s3.list_object_versions(Bucket=bucket, Prefix=folder)["Versions"]
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key=last["Key"])
    hidden = cordon(account, "evidence", case.id)
    assert hidden.returncode == 1
    assert "was deleted: delete marker" in hidden.stderr
    forever = {"VersionId": last["VersionId"], "BypassGovernanceRetention": True}
    s3.delete_object(Bucket=bucket, Key=last["Key"], **forever)
    short = cordon(account, "evidence", case.id)
    assert short.returncode == 1
    assert "is missing: the case's row names" in short.stderr
    assert "evidence verified" not in short.stderr


@pytest.mark.parametrize("by_hash", [True, False])
def test_a_plan_is_approved(account: Account, by_hash: bool) -> None:
    case, _, _ = awaiting(account, PUBLIC)
    words = ("--plan", case.plan_hash) if by_hash else ()
    approved = cordon(account, "approve", case.id, *words, said="y\n")
    assert approved.returncode == 0, approved.stderr
    assert by_hash or "block_public_access" in approved.stdout
    account.settle()
    assert account.case().status is Status.CONTAINED
    assert account.case().decided_by == f"arn:aws:iam::{ACCOUNT}:root"


def test_a_plan_is_rejected_and_another_is_refused(account: Account) -> None:
    case, one, before = awaiting(account, PUBLIC)
    wrong = cordon(account, "approve", case.id, "--plan", "0" * 64)
    assert wrong.returncode == 2
    assert case.plan_hash in "".join(wrong.stderr.split())
    no = cordon(account, "approve", case.id, said="n\n")
    assert no.returncode == 1
    assert account.case().status is Status.AWAITING_APPROVAL
    rejected = cordon(account, "reject", case.id)
    assert rejected.returncode == 0, rejected.stderr
    account.settle()
    assert account.case().status is Status.REJECTED
    untouched(account, one, before)
    late = cordon(account, "release", case.id)
    assert late.returncode == 2
    assert "holds nothing" in late.stderr
