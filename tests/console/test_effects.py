"""What a change of the settings would mean: counted, or said to be unknown, before it is sent.

That such a case cannot be approved, by the desk's own code, is in ``tests/promises``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from typer.testing import CliRunner, Result

from console import cli, confirm, effects, settings_commands
from console.stack import NotPossible, NotTaken, Stack
from cordon.clock import now
from cordon.memory import budget
from cordon.memory.cases import Case
from cordon.memory.table import Row
from cordon.settings import Exemption
from cordon.sources.custom_action import CONTAIN_ACTION
from cordon.statuses import Status
from tests.examples import QUARANTINE, REVOKE
from tests.reporting.cases import CASE, a_case

ACCOUNT = "111122223333"
(BUCKET,) = a_case().plan.resources
ROW = {"id": "settings", "master_switch": "on", "budget": 10, "budgets": {REVOKE.name: 2}}
WAITS = a_case(Status.AWAITING_APPROVAL)


@dataclass
class Known:
    """A stack with these cases and rows; or one that refuses."""

    cases: list[Case] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    refuses: Exception | None = None
    account: str = ACCOUNT
    deleted: bool = False
    refused: str = ""  # by a desk that only checks
    sent: list[tuple[str, Any]] = field(default_factory=list)

    def request(self, verb: str, body: Any) -> dict[str, Any]:
        self.sent.append((verb, body))
        if "only_check" in body:
            if self.refused:
                raise NotPossible(self.refused)
            return {"change": "what is requested", "says": "nothing is changed yet"}
        return {"says": "changed", "complete": True, "master_switch": "off"}

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
    two, four = (", ".join([CASE] * number) for number in (2, 4))
    assert (
        f"that it stops, since a target is {how} then: 2 ({two}): nobody can approve them" in said
    )
    assert f"hold a change of what is {how} then, or may: 4 ({four}): that stays until" in said
    none = lines(LEFT_OUT[how]("arn:aws:s3:::other"), stack)
    assert "then: 0" in none and "or may: 0" in none


def test_exemption_from_another_playbook_is_none() -> None:
    assert "then: 0" in lines(effects.of_exemption(exemption("revoke_*")), Known([WAITS]))
    assert "then: 1" in lines(effects.of_exemption(exemption("quar*")), Known([WAITS]))


@pytest.mark.parametrize(
    ("pattern", "other"),
    [("arn:aws:iam::*:role/x", True), ("arn:aws:*", True), ("arn:*", True), (BUCKET, False)],
)
def test_path_of_a_role_is_in_no_plan(pattern: str, other: bool) -> None:
    assert (effects.OTHER_ARNS in lines(effects.of_protection(pattern), Known())) is other


def test_observe_counts_what_it_keeps_from_approval() -> None:
    chosen = replace(WAITS, finding=replace(WAITS.finding, custom_action=CONTAIN_ACTION))
    stack = Known([WAITS, chosen, chosen])
    assert "it stops: 1 " in lines(effects.of_observe(QUARANTINE.name), stack)
    assert lines(effects.of_observe(REVOKE.name), stack).endswith("it stops: 0")
    assert "it stops: 3 " in lines(effects.of_stop, stack)
    many = lines(effects.of_stop, Known([WAITS] * 7))
    assert (many.count(CASE), "2 more)" in many) == (5, True)


@pytest.mark.parametrize(("switch", "says"), [("on", "nothing: "), ("off", "stopped: 1 (")])
def test_start_says_what_could_be_approved_again(switch: str, says: str) -> None:
    stack = Known([WAITS, a_case()], {"settings": {**ROW, "master_switch": switch}})
    assert says in lines(effects.of_start, stack)


def test_used_budget_is_shown_of_the_playbooks_that_it_is_for() -> None:
    stack = Known(rows={"settings": ROW})
    assert lines(effects.of_budget(10, ""), stack).startswith("nothing of it is used this hour")
    stack.rows[budget.key(QUARANTINE.name, ACCOUNT)] = {"spent": 7}
    stack.rows[budget.key(REVOKE.name, ACCOUNT)] = {"spent": 2}
    of_all = lines(effects.of_budget(10, ""), stack)
    assert of_all.startswith(f"{QUARANTINE.name}: 7 of 10 used this hour in account {ACCOUNT};")
    assert REVOKE.name not in of_all and "used up" not in of_all
    assert "2 of 2" in lines(effects.of_budget(2, REVOKE.name), stack)
    assert lines(effects.of_budget(2, REVOKE.name), stack).endswith("has its own: used up")
    assert lines(effects.of_budget(5, ""), stack).endswith("has its own: used up")
    stack.rows[budget.key(QUARANTINE.name, ACCOUNT)] = {"spent": 8}
    assert lines(effects.of_budget(10, ""), stack).endswith("used up for findings below HIGH")


DENIED = ClientError(
    {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: dynamodb:Query on"}},
    "Query",
)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (DENIED, "is unknown: missing is dynamodb:Query"),
        (EndpointConnectionError(endpoint_url="x"), "is unknown: AWS cannot be reached"),
        (TimeoutError("rows were not given"), "is unknown: TimeoutError: rows were not given"),
        (KeyError("status"), "is unknown: KeyError: 'status'"),
    ],
)
def test_what_cannot_be_read_is_unknown(error: Exception, why: str) -> None:
    stack = Known(refuses=error)
    for effect in (effects.of_stop, effects.of_observe("x"), effects.of_protection(BUCKET)):
        assert why in lines(effect, stack)


# ---- before it is sent ----

OBSERVE = ("mode", QUARANTINE.name, "observe")
SENT = {"do": "mode", "playbook": QUARANTINE.name, "mode": "observe"}
CHECK, CHANGE = {"change": SENT, "only_check": True}, {"change": SENT}
UNKNOWN_FIELD = "only_check: is not a field of this request"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Known:
    known = Known([WAITS], {"settings": ROW})
    monkeypatch.setattr(Stack, "named", lambda *_: known)
    return known


def typed(monkeypatch: pytest.MonkeyPatch, keys: str, *words: str) -> Result:
    """A command in a terminal."""
    monkeypatch.setattr(confirm, "can_confirm", lambda: True)
    monkeypatch.setattr(settings_commands, "can_confirm", lambda: True)
    return CliRunner().invoke(cli.app, list(words), input=f"{keys}\n")


@pytest.mark.parametrize(
    ("words", "keys", "sent"),
    [
        (OBSERVE, "n", [CHECK]),
        (OBSERVE, "y", [CHECK, CHANGE]),
        ((*OBSERVE, "--yes"), "n", [CHECK, CHANGE]),
    ],
)
def test_effect_is_shown_before_a_person_says_yes(
    stack: Known, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], keys: str, sent: Any
) -> None:
    done = typed(monkeypatch, keys, *words)
    assert ([body for _, body in stack.sent], done.exit_code) == (sent, int(len(sent) == 1))
    before, prompt, after = done.output.partition("Change it?")
    before = before or after
    assert bool(prompt) is ("--yes" not in words)
    shown = ["now: mode of", "then: what is requested", "It would mean, as read at 20", "stops: 1"]
    shown.append("nothing is changed yet")
    places = [before.find(one) for one in shown]
    assert -1 not in places and places == sorted(places)
    assert "nothing is changed yet" not in after if prompt else True


def test_nobody_is_prompted_for_what_is_refused(
    stack: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.refused = "change.mode: must be one of"
    done = typed(monkeypatch, "y", *OBSERVE)
    assert isinstance(done.exception, NotPossible) and "Change it?" not in done.output
    assert [body for _, body in stack.sent] == [CHECK]


def test_desk_of_an_earlier_version_checks_when_it_changes(
    stack: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.refused = UNKNOWN_FIELD
    done = typed(monkeypatch, "y", *OBSERVE)
    assert done.exit_code == 0 and "was deployed by an earlier version" in done.output
    assert [body for _, body in stack.sent] == [CHECK, CHANGE]


@pytest.mark.parametrize(
    ("keys", "words", "sent", "heading"),
    [
        ("n", (), 0, "It would mean"),
        ("y", (), 1, "It would mean"),
        ("n", ("--yes",), 1, "It means"),
    ],
)
def test_stop_waits_for_a_yes_or_is_at_once(
    stack: Known,
    monkeypatch: pytest.MonkeyPatch,
    keys: str,
    words: tuple[str, ...],
    sent: int,
    heading: str,
) -> None:
    """A case that nobody can read keeps nobody from it."""
    stack.refuses = KeyError("status")
    done = typed(monkeypatch, keys, "stop", *words)
    assert (len(stack.sent), done.exit_code) == (sent, 1 - sent), done.output
    assert f"{heading}, as read at 20" in done.output and "is unknown: KeyError" in done.output


def test_script_stops_before_it_reads_a_case(stack: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    def order() -> Iterator[Case]:
        assert stack.sent
        yield WAITS

    monkeypatch.setattr(stack, "open_cases", lambda _="": order())
    done = CliRunner().invoke(cli.app, ["stop", "-o", "json"])
    assert done.exit_code == 0 and "It means" in done.stderr and "unknown" not in done.stderr
    assert json.loads(done.stdout)


def test_stop_that_the_desk_did_not_take_names_the_other_way(
    stack: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreached = NotTaken("the desk did not respond")
    monkeypatch.setattr(stack, "request", Mock(side_effect=unreached))
    done = typed(monkeypatch, "", "stop", "--yes")
    assert isinstance(done.exception, NotTaken)
    assert str(done.exception).startswith("the desk did not respond; cordon stop --direct")
