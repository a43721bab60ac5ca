"""OpsItems that people resolved, or opened again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cordon.memory.cases import Case, Cases
from cordon.reconciling import incidents
from cordon.reporting import incident
from cordon.statuses import Event, Status
from tests.reconciling.account import Account, an_account


@pytest.fixture
def account() -> Iterator[Account]:
    with an_account() as account:
        account.run()
        account.passes(minutes=10)
        yield account


def opened(account: Account, case: Case, **changes: Any) -> str:
    """An OpsItem as the reporter opens it."""
    data = {"/aws/dedup": json.dumps({"dedupString": case.id}), incidents.CASE: case.id}
    given = {
        "Title": "t",
        "Description": "d",
        "Source": incidents.SOURCE,
        "OperationalData": {k: {"Value": v, "Type": "SearchableString"} for k, v in data.items()},
        **changes,
    }
    return str(account.aws.client("ssm").create_ops_item(**given)["OpsItemId"])


def resolved(account: Account, number: str, status: str = "Resolved") -> None:
    account.aws.client("ssm").update_ops_item(OpsItemId=number, Status=status)


def for_a_person(account: Account, **changes: Any) -> tuple[Case, str]:
    case = account.opens(Status.ESCALATED, **changes)
    number = opened(account, case)
    account.reports(case, ops_item=number)
    return case, number


def test_an_incident_is_named_as_the_reporter_names_it() -> None:
    assert (incidents.SOURCE, incidents.CASE) == (incident.SOURCE, incident.CASE)


def test_a_resolved_incident_wakes_the_case_for_a_person(account: Account) -> None:
    case, number = for_a_person(account)
    account.run()
    assert account.states.cases == []
    resolved(account, number)
    account.passes(minutes=5)
    account.run()
    account.passes(minutes=5)
    account.run()
    assert account.states.cases == [case.id]
    (name,) = account.states.started
    assert name.startswith(f"{case.id}-resolved-1-") and len(name) <= 80


def test_resolved_while_nobody_looked(account: Account) -> None:
    """The reconciler was stopped for a week."""
    account.run()
    case, number = for_a_person(account)
    resolved(account, number)
    account.passes(days=7)
    account.run()
    assert account.states.cases == [case.id]


def test_what_could_not_be_woken_is_found_again(account: Account) -> None:
    case, number = for_a_person(account)
    resolved(account, number)
    account.states.refused = "resolved"
    for _ in range(3):
        account.passes(minutes=20)
        assert account.run().failed
    account.states.refused = ""
    account.passes(minutes=20)
    account.run()
    assert account.states.cases == [case.id]


def test_only_a_case_for_a_person_ends_with_its_incident(account: Account) -> None:
    case = account.opens(Status.CONTAINED)
    number = opened(account, case)
    account.reports(case, ops_item=number)
    resolved(account, number)
    account.run()
    assert account.states.cases == []


@pytest.mark.parametrize(
    "changes", [{}, {"Source": "somebody"}, {"OperationalData": {}}], ids=["number", "source", "-"]
)
def test_an_incident_that_somebody_else_made_wakes_nobody(
    account: Account, changes: dict[str, Any]
) -> None:
    """Who may create OpsItems can write our name and a case into one."""
    case = account.opens(Status.ESCALATED)
    account.reports(case, ops_item="oi-0123456789ab")
    resolved(account, opened(account, case, **changes))
    account.run()
    assert account.states.cases == []


def test_once_a_day_what_a_person_opened_again_is_shown_anew(account: Account) -> None:
    case, number = for_a_person(account)
    closing = Cases(account.table, case.playbook)
    account.reports(closing.transition(case, Event.NOTHING_HELD), ops_item=number)
    other, _ = for_a_person(account, case="b" * 16)
    resolved(account, number)
    resolved(account, number, "Open")
    account.run()
    assert account.queue.sent == []
    account.passes(hours=24)
    account.run()
    assert sorted(one["case"] for one in account.queue.sent) == [case.id, other.id]
    assert all(one["anew"] for one in account.queue.sent)
