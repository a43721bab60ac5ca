"""The life of a stack, from a first deployment that fails to what a deleted one leaves."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.template import load
from tests.e2e.account import BUILT, Account, emulator
from tests.e2e.inventory import inventory

TAKEN = "/taken"  # a log group that somebody else has


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Account]:
    """An account with Security Hub, in which nothing is deployed yet."""
    with emulator(tmp_path / "log") as account:
        account.client("securityhub").enable_security_hub()
        yield account


@pytest.fixture
def failing_at_last() -> Iterator[Path]:
    """The built template with one resource more, which cannot be made: after everything else."""
    template = load(BUILT.read_text())
    resources = template["Resources"]
    before = [name for name, one in resources.items() if "Condition" not in one]
    log = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": TAKEN}}
    template["Resources"] = {**resources, "Fails": {**log, "DependsOn": before}}
    path = BUILT.with_name(f"failing-{os.getpid()}.json")  # it names what lies beside it
    path.write_text(json.dumps(template))
    yield path
    path.unlink()


def events(account: Account) -> list[dict[str, Any]]:
    """What happened to the stack's resources, and to itself."""
    pages = account.client("cloudformation").get_paginator("describe_stack_events")
    return [e for page in pages.paginate(StackName=account.name) for e in page["StackEvents"]]


def made(account: Account) -> set[str]:
    """What of the stack was made, whatever became of it."""
    return {
        e["LogicalResourceId"] for e in events(account) if e["ResourceStatus"] == "CREATE_COMPLETE"
    }


def failed(account: Account) -> dict[str, str]:
    """What of the stack could not be made, deleted or put back, and why."""
    failures = [e for e in events(account) if e["ResourceStatus"].endswith("FAILED")]
    return {e["LogicalResourceId"]: e["ResourceStatusReason"] for e in failures}


def test_a_first_deployment_that_fails_leaves_nothing(
    empty: Account, failing_at_last: Path
) -> None:
    empty.client("logs").create_log_group(logGroupName=TAKEN)
    before = inventory(empty)
    with pytest.raises(AssertionError, match="sam deploy failed"):
        empty.deploy("enforce", template=failing_at_last)
    assert failed(empty) == {"Fails": "the log group /taken already exists"}
    assert {"Settings", "CasesTable", "EvidenceBucketPolicy"} <= made(empty)
    empty.settle()
    assert inventory(empty) - before == set()
    empty.delete()  # of such a stack nothing but its name is there
    empty.deploy("enforce")
    assert inventory(empty) > before
