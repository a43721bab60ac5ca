"""The life of a stack: an update in the middle of the work, and its end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, Account, emulator
from tests.e2e.test_console import cordon
from tests.e2e.test_life_cycle import is_protected
from tests.e2e.test_playbooks import PUBLIC, ROLE, allowed, bucket_of, executions, person, state
from tests.examples import QUARANTINE, REVOKE, TAG, event, function_of

PEOPLES = ("master_switch", "modes", "budget", "budgets", "exemptions")  # no deployment resets them
NOTEBOOK = "securityhub_sagemaker_1"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Account]:
    """An account of its own, in which the stack waits to be updated or deleted."""
    with emulator(tmp_path / "log") as account:
        account.client("securityhub").enable_security_hub()
        account.deploy("enforce", modes={QUARANTINE.name: "approve"}, ApprovalHours="48")
        yield account


def case_of(account: Account, playbook: str) -> Case:
    """The only case of a playbook."""
    (found,) = [case for case in account.cases() if case.playbook == playbook]
    return found


def test_update_takes_effect_and_what_waits_goes_on(fresh: Account) -> None:
    for name in (PUBLIC, ROLE, NOTEBOOK):
        fresh.stage(event(name))
        fresh.put(event(name))
    waiting, revoked = case_of(fresh, QUARANTINE.name), case_of(fresh, REVOKE.name)
    assert waiting.status is Status.AWAITING_APPROVAL
    fresh.stack.release(revoked, "it was an exercise")
    fresh.settle()
    assert case_of(fresh, REVOKE.name).status is Status.RELEASING
    held, before = fresh.holds(), state(fresh, event(NOTEBOOK))
    fresh.deploy("enforce", modes={TAG.name: "observe"})
    assert fresh.holds() == held
    assert state(fresh, event(NOTEBOOK)) == before
    assert fresh.settings["modes"][TAG.name] == "enforce"  # no deployment resets it
    fresh.set(f"modes.{TAG.name}", "observe")
    fresh.stack.decide(waiting, "approve", waiting.plan_hash)
    fresh.settle()
    assert case_of(fresh, QUARANTINE.name).status is Status.CONTAINED
    assert set(executions(fresh).values()) == {"SUCCEEDED"}
    fresh.cold()
    fresh.stage(event("securityhub_sagemaker_2"))
    fresh.put(event("securityhub_sagemaker_2"))
    assert len(fresh.cases()) == 4
    statuses = {c.status for c in fresh.cases() if c.playbook == TAG.name}
    assert statuses == {Status.TAGGED, Status.OBSERVED}


def test_a_stack_updates_twice_and_its_bucket_with_it(fresh: Account) -> None:
    """The bucket's policy denies changes of it, and of itself; never to a deployment.

    The emulator's CloudFormation calls its S3 without IAM, and plays no lifecycle: that the
    condition lets the calls through is tried in tests/promises/test_denials.py.
    """
    s3, where = fresh.client("s3"), fresh.stack.outputs["EvidenceBucket"]
    for budget, days, rescuer in ((25, "400", "First"), (26, "30", "Second")):
        role = f"arn:aws:iam::{ACCOUNT}:role/{rescuer}"
        fresh.stack.request("settings", {"change": {"do": "budget", "cases": budget}})
        settings, tags = fresh.settings, ("--tags", f"owner={rescuer}")
        fresh.deploy("enforce", *tags, EvidenceDays=days, BreakGlassRoles=role, BudgetPerHour="7")
        assert {name: fresh.settings[name] for name in PEOPLES} == {
            name: settings[name] for name in PEOPLES
        }
        assert fresh.settings["protected"] > settings["protected"]  # the new role is added
        assert is_protected(fresh, fresh.stack.outputs["CasesTableName"])
        assert fresh.stack.outputs["EvidenceBucket"] == where
        kept = json.loads(s3.get_bucket_policy(Bucket=where)["Policy"])["Statement"]
        guard = next(one for one in kept if one["Sid"] == "NoOtherBucketSettings")
        assert guard["Condition"]["ArnNotLike"] == {"aws:PrincipalArn": [role]}
    fresh.stage(event(PUBLIC))
    fresh.put(event(PUBLIC))
    assert (
        fresh.evidence(fresh.case())[0] == "decided"
    )  # the mode is that of the row, not of the update
    fresh.delete()
    assert json.loads(s3.get_bucket_policy(Bucket=where)["Policy"])["Statement"] == kept


def test_deleted_stack_keeps_evidence_and_lists_holds(fresh: Account) -> None:
    fresh.stage(event(PUBLIC))
    fresh.put(event(PUBLIC))
    fresh.stack.decide(fresh.case(), "approve", fresh.case().plan_hash)
    fresh.settle()
    case, bucket, evidence = fresh.case(), bucket_of(event(PUBLIC)), fresh.evidence(fresh.case())
    where, policy = fresh.stack.outputs["EvidenceBucket"], fresh.client("s3").get_bucket_policy
    kept = json.loads(policy(Bucket=where)["Policy"])
    logical = function_of(QUARANTINE)
    role, function = fresh.physical(f"{logical}Role"), fresh.physical(logical)
    fresh.delete()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        fresh.client("iam").get_role(RoleName=role)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        fresh.client("lambda").get_function(FunctionName=function)
    assert fresh.evidence(case) == evidence
    assert json.loads(policy(Bucket=where)["Policy"]) == kept
    entry = {"Bucket": where, "Key": f"{case.playbook}/{ACCOUNT}/{case.id}/000001.json"}
    somebody, owner = fresh.as_role(person(fresh, "somebody"), "s3"), fresh.client("s3")
    assert not allowed(somebody.delete_object, **entry)
    version = owner.head_object(**entry)["VersionId"]
    assert not allowed(owner.delete_object, **entry, VersionId=version)
    assert fresh.holds()
    block = fresh.client("s3").get_public_access_block(Bucket=bucket)
    assert all(block["PublicAccessBlockConfiguration"].values())
    reviewed = cordon(fresh, "review")
    assert reviewed.returncode == 0, reviewed.stderr
    assert case.id in reviewed.stdout
    assert "The stack cordon is deleted" in reviewed.stderr
    assert "block_public_access" in cordon(fresh, "evidence", case.id).stdout
    released = cordon(fresh, "release", case.id)
    assert released.returncode == 2
    assert "the stack is deleted" in released.stderr
