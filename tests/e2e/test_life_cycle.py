"""The life of a stack, from a first deployment that fails to what a deleted one leaves."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.stack import NotPossible, Stack
from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded.template import load
from tests.e2e.account import BUILT, Account, emulator
from tests.e2e.conftest import by_us
from tests.e2e.inventory import inventory
from tests.e2e.test_playbooks import PUBLIC, SHARED, bucket_of
from tests.examples import QUARANTINE, event

TAKEN = "/taken"  # a log group that somebody else has
# What still runs while its stack is deleted writes its log into a group made anew. On AWS that
# needs logs:CreateLogGroup, which no role of ours has (tests/architecture/test_template_roles.py).
LATE_LOGS = frozenset({"log group /cordon/cordon/report_cases"})


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


def home(account: Account) -> str:
    """Which stack has claimed the account and Region; "" where none has."""
    try:
        claim = account.client("ssm").get_parameter(Name="/cordon/home")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ParameterNotFound"
        return ""
    return str(claim["Parameter"]["Value"])


def is_protected(account: Account, table: str) -> bool:
    """Is the table protected against deletion?"""
    found = account.client("dynamodb").describe_table(TableName=table)
    return bool(found["Table"]["DeletionProtectionEnabled"])


def custom_actions(account: Account) -> list[dict[str, Any]]:
    """Those of Security Hub, of all stacks."""
    return list(account.client("securityhub").describe_action_targets()["ActionTargets"])


def our_findings(account: Account) -> list[dict[str, Any]]:
    """What all stacks show in Security Hub."""
    ours = {"ProductName": [{"Value": "Cordon", "Comparison": "EQUALS"}]}
    return list(account.client("securityhub").get_findings(Filters=ours)["Findings"])


def show_anew(account: Account, case: Case) -> None:
    """As the daily comparison does it."""
    wanted = {"playbook": case.playbook, "case": case.id, "projection": "all", "anew": True}
    record = {"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(wanted)}
    function, payload = account.physical("ReportCases"), json.dumps({"Records": [record]})
    account.client("lambda").invoke(FunctionName=function, Payload=payload)
    account.settle()


def left(account: Account) -> set[str]:
    """What is there when nothing of a deleted stack runs any more, but for late logs."""
    account.settle()
    for group in LATE_LOGS & inventory(account):
        account.client("logs").delete_log_group(logGroupName=group.removeprefix("log group "))
    return inventory(account)


def test_a_first_deployment_that_fails_leaves_nothing(
    empty: Account, failing_at_last: Path
) -> None:
    empty.client("logs").create_log_group(logGroupName=TAKEN)
    before = inventory(empty)
    with pytest.raises(AssertionError, match="sam deploy failed"):
        empty.deploy("enforce", template=failing_at_last)
    assert failed(empty) == {"Fails": "the log group /taken already exists"}
    assert {"Settings", "CasesTable", "EvidenceBucketPolicy"} <= made(empty)
    assert left(empty) - before == set()
    empty.delete()  # of such a stack nothing but its name is there
    empty.deploy("enforce")
    assert inventory(empty) > before
    assert is_protected(empty, empty.physical("CasesTable"))


def test_a_deleted_stack_leaves_what_is_kept_and_its_name(empty: Account) -> None:
    before = inventory(empty)
    empty.deploy("enforce")
    deployed = inventory(empty)
    table, evidence = empty.physical("CasesTable"), empty.physical("EvidenceBucket")
    empty.stage(event(PUBLIC))
    staged = inventory(empty) - deployed
    empty.put(event(PUBLIC))
    case, records = empty.case(), empty.physical("FailedRecords")
    entries = empty.evidence(case)
    kept = {f"table {table}", f"bucket {evidence}", f"bucket {records}"}
    empty.delete()
    assert left(empty) - before - staged == kept
    assert is_protected(empty, table)
    empty.deploy("observe")
    assert empty.physical("CasesTable") != table
    assert empty.physical("EvidenceBucket") != evidence
    assert empty.cases() == []
    assert home(empty) == empty.stack_id
    empty.put(event(PUBLIC))  # what the new stack shows is beside what the deleted one contained
    assert sorted(f["Title"].split(":")[0] for f in our_findings(empty)) == [
        "Cordon contained",
        "Cordon observed",
    ]
    deleted = Stack(empty.client, {"CasesTableName": table, "EvidenceBucket": evidence}, True)
    assert deleted.case(case.id).status is Status.CONTAINED
    found, fault = deleted.evidence(case)
    assert (len(found), fault) == (len(entries), "")


def test_a_second_stack_observes_until_the_first_is_deleted(empty: Account) -> None:
    first, second = empty, replace(empty, name="cordon-two")
    first.deploy("enforce")
    second.deploy("enforce")
    assert home(empty) == first.stack_id
    assert first.settings.get("other_home", "") == ""
    assert second.settings["other_home"] == first.stack_id
    assert len(custom_actions(empty)) == 4
    empty.stage(event(PUBLIC))
    empty.put(event(PUBLIC))
    assert first.case().status is Status.CONTAINED
    assert second.case().status is Status.OBSERVED
    assert first.stack_id in second.case().reason
    for account in (first, second):
        show_anew(account, account.case())
    assert [f["Title"].split(":")[0] for f in our_findings(empty)] == ["Cordon contained"]
    by_arn = {"resource": f"arn:aws:s3:::{bucket_of(event(SHARED))}", "why": "seen"}
    with pytest.raises(NotPossible, match=first.stack_id):
        second.stack.request("contain", {**by_arn, "playbook": QUARANTINE.name})
    second.tick("SetupEveryHour")
    assert second.settings["other_home"] == first.stack_id
    first.delete()
    assert len(custom_actions(empty)) == 2
    assert home(empty) == ""
    second.tick("SetupEveryHour")
    assert home(empty) == second.stack_id
    assert second.settings.get("other_home", "") == ""
    empty.stage(event(SHARED))
    empty.put(event(SHARED))
    statuses = {case.status for case in second.cases()}
    assert statuses == {Status.OBSERVED, Status.CONTAINED}
    assert not [call for call in empty.calls() if by_us(call)]
