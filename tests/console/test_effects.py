"""What a change of the settings means for open cases and budgets: counted, or said to be unknown.

That such a case cannot be approved, by the desk's own code, is in ``tests/promises``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from console import effects
from console.settings import StackSettings
from console.settings_commands import changed
from console.tables import Output
from cordon.clock import now
from cordon.memory import budget
from cordon.memory.cases import Case
from cordon.memory.table import Row
from cordon.settings import Exemption
from cordon.sources.custom_action import CONTAIN_ACTION
from cordon.statuses import Status
from tests.examples import QUARANTINE, REVOKE
from tests.reporting.cases import a_case

ACCOUNT = "111122223333"
(BUCKET,) = a_case().plan.resources
WAITS = a_case(Status.AWAITING_APPROVAL)


@dataclass
class Known:
    """A stack with these cases and rows; or one that refuses."""

    cases: list[Case] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    refuses: Exception | None = None
    account: str = ACCOUNT
    deleted: bool = False

    @property
    def table(self) -> "Known":
        return self

    def get(self, *keys: str) -> dict[str, Row]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def open_cases(self, playbook: str = "") -> Iterator[Case]:
        if self.refuses:
            raise self.refuses
        return (case for case in self.cases if playbook in ("", case.playbook))


def lines(effect: effects.Effect, stack: Any) -> str:
    return "\n".join(effect(stack))


def exemption(playbook: str = QUARANTINE.name, resource: str = BUCKET) -> Exemption:
    return Exemption(playbook, resource, "Ada", "web", now())


LEFT_OUT = {
    "exempt": lambda resource: effects.of_exemption(exemption(resource=resource)),
    "protected": effects.of_protection,
}


@pytest.mark.parametrize("how", LEFT_OUT)
def test_cases_with_a_target_that_is_left_out_are_counted(how: str) -> None:
    """A question about newer activity is one of what is held: its approval leaves that out."""
    again = a_case(Status.AWAITING_APPROVAL, contained_as="contained")
    held = [a_case(one) for one in (Status.CONTAINED, Status.FAILED, Status.RELEASING)]
    others = [a_case(Status.ESCALATED), a_case(Status.RELEASED)]
    stack = Known([WAITS, WAITS, again, *held, *others])
    said = lines(LEFT_OUT[how](f"{BUCKET[:-3]}*"), stack)
    assert f"of what is {how} now that await approval, and cannot be approved meanwhile: 2" in said
    assert f"hold a change of what is {how} now, or may: 4;" in said
    none = lines(LEFT_OUT[how]("arn:aws:s3:::other"), stack)
    assert "meanwhile: 0" in none and "or may: 0;" in none


def test_exemption_from_another_playbook_is_none() -> None:
    assert "meanwhile: 0" in lines(effects.of_exemption(exemption("revoke_*")), Known([WAITS]))
    assert "meanwhile: 1" in lines(effects.of_exemption(exemption("quar*")), Known([WAITS]))


@pytest.mark.parametrize(
    ("pattern", "other"),
    [("arn:aws:iam::*:role/x", True), ("arn:aws:*", True), ("arn:*", True), (BUCKET, False)],
)
def test_path_of_a_role_is_in_no_plan(pattern: str, other: bool) -> None:
    assert (effects.OTHER_ARNS in lines(effects.of_protection(pattern), Known())) is other


def test_observe_counts_what_it_keeps_from_approval() -> None:
    chosen = replace(WAITS, finding=replace(WAITS.finding, custom_action=CONTAIN_ACTION))
    stack = Known([WAITS, chosen, chosen])
    assert "meanwhile: 1" in lines(effects.of_observe(QUARANTINE.name), stack)
    assert "meanwhile: 0" in lines(effects.of_observe(REVOKE.name), stack)
    assert "meanwhile: 3" in lines(effects.of_stop, stack)


def test_used_budget_is_shown_of_the_playbooks_that_it_is_for() -> None:
    row = {"id": "settings", "master_switch": "on", "budget": 10, "budgets": {REVOKE.name: 2}}
    stack = Known(rows={"settings": row})
    assert lines(effects.of_budget(""), stack).startswith("nothing of it is used this hour")
    stack.rows[budget.key(QUARANTINE.name, ACCOUNT)] = {"spent": 7}
    stack.rows[budget.key(REVOKE.name, ACCOUNT)] = {"spent": 2}
    of_all = lines(effects.of_budget(""), stack)
    assert of_all.startswith(f"{QUARANTINE.name}: 7 of 10 used this hour in account {ACCOUNT};")
    assert REVOKE.name not in of_all and "used up" not in of_all
    assert lines(effects.of_budget(REVOKE.name), stack).endswith("has its own: used up")
    stack.rows[budget.key(QUARANTINE.name, ACCOUNT)] = {"spent": 8}
    assert lines(effects.of_budget(""), stack).endswith("used up for findings below HIGH")


DENIED = ClientError(
    {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: dynamodb:Query on"}},
    "Query",
)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (DENIED, "is unknown: missing is dynamodb:Query"),
        (EndpointConnectionError(endpoint_url="x"), "is unknown: AWS cannot be reached"),
        (TimeoutError("rows were not given"), "is unknown: rows were not given"),
    ],
)
def test_what_cannot_be_read_is_unknown(error: Exception, why: str) -> None:
    stack = Known(refuses=error)
    for effect in (effects.of_stop, effects.of_observe("x"), effects.of_protection(BUCKET)):
        assert why in lines(effect, stack)


@pytest.mark.parametrize("complete", [True, False])
def test_change_that_waits_for_a_second_person_means_nothing_yet(
    complete: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    stack: Any = Known([WAITS])
    said = {"says": "recorded", "complete": complete}
    changed(StackSettings.of(stack), said, Output.JSON, effects.of_stop)
    assert ("meanwhile: 1" in capsys.readouterr().err) is complete
