"""The deployed function, under its own role, in an account made from the template."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from console.account import cordon_account
from console.playbook_blocks.block import mode_parameter
from cordon.clock import now, to_iso
from cordon.memory.cases import Case, Cases
from cordon.memory.table import Table
from cordon.statuses import Status
from embedded.account import EmbeddedAccount
from embedded.journal import ExecutionStarted, Invoked
from embedded.place import Place
from tests.examples import QUARANTINE
from tests.make import DEPLOYMENT, a_finding

HOME = Place("111122223333", "us-east-1")


@pytest.fixture
def deployed() -> Iterator[EmbeddedAccount]:
    with cordon_account(HOME, {mode_parameter(QUARANTINE.name): "enforce"}) as account:
        yield account


def table(account: EmbeddedAccount) -> Table:
    name = account.functions["ReconcileCases"].environment["CORDON_TABLE"]
    return Table(account.client("dynamodb"), name)


def opened(account: EmbeddedAccount, status: Status, case: str, **changes: Any) -> Case:
    finding = a_finding()
    plan = QUARANTINE.plan_for(finding, DEPLOYMENT)
    made = Case(
        id=case,
        playbook=QUARANTINE.name,
        finding=finding,
        plan=plan,
        plan_hash=plan.hash,
        status=status,
        mode="enforce",
        verdict="contain",
        reason="mode is enforce",
        opened_at=now(),
        last_activity=now(),
        **changes,
    )
    return Cases(table(account), QUARANTINE.name).open(made)


def test_its_role_allows_all_that_a_run_does(deployed: EmbeddedAccount) -> None:
    """Its failures name what was denied: there are none."""
    waits = opened(deployed, Status.CONTAINING, "a" * 16, not_before=now() - timedelta(minutes=1))
    behind = opened(deployed, Status.CONTAINED, "b" * 16)
    person = opened(deployed, Status.ESCALATED, "c" * 16)
    ssm = deployed.client("ssm")
    data = {"cordon-case": {"Value": person.id, "Type": "SearchableString"}}
    number = ssm.create_ops_item(Title="t", Description="d", Source="cordon", OperationalData=data)[
        "OpsItemId"
    ]
    ssm.update_ops_item(OpsItemId=number, Status="Resolved")
    table(deployed).put(
        {"id": f"reported#{person.playbook}#{person.id}", "version": 1, "ops_item": number}
    )
    deployed.clock.move_to(deployed.now + timedelta(minutes=15))
    since = len(deployed.journal)
    result = deployed.invoke("ReconcileCases", {})
    assert not result.failed, result.error
    started = [r for r in deployed.journal.records[since:] if isinstance(r, ExecutionStarted)]
    woken = {case.id for case in (waits, person) if any(case.id in str(r.input) for r in started)}
    assert woken == {waits.id, person.id}
    assert any(behind.id in text for text in deployed.messages("Reports"))
    row = table(deployed).get("case#self_test#heartbeat")["case#self_test#heartbeat"]
    assert row["changed_at"] == to_iso(deployed.now)


def said(account: EmbeddedAccount, since: int) -> list[int]:
    """What the runs since then said of the reporter: 1 is behind."""
    runs = [r for r in account.journal.records[since:] if isinstance(r, Invoked)]
    return [r.result["reporter_behind"] for r in runs if r.function == "ReconcileCases"]


def test_a_stopped_stream_is_noticed_and_one_that_runs_is_not(deployed: EmbeddedAccount) -> None:
    """The self-test, the whole way: schedule, row, stream, reporter, its row."""
    since = len(deployed.journal)
    deployed.advance(timedelta(minutes=20))
    assert said(deployed, since) == [0] * 4
    deployed.set_mapping("ReportCasesStream", enabled=False)
    since = len(deployed.journal)
    deployed.advance(timedelta(minutes=20))
    assert said(deployed, since)[1:] == [1] * 3
    deployed.set_mapping("ReportCasesStream", enabled=True)
    deployed.advance(timedelta(minutes=5))
    since = len(deployed.journal)
    deployed.advance(timedelta(minutes=10))
    assert said(deployed, since) == [0] * 2
