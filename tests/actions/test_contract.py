"""What every action promises, tried on every scenario of every action there is."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions import (
    Action,
    Json,
    NothingToChange,
    NotVerified,
    ResourceDeleted,
    Undone,
    UndoResult,
    action_type,
    all_actions,
    from_json,
)
from cordon.clients import AwsClients
from tests.actions.scenario import Scenario, account
from tests.drawn import each


def _scenarios() -> list[Scenario]:
    found = sorted(path.stem for path in Path(__file__).parent.glob("scenario_*.py"))
    return [s for name in found for s in import_module(f"tests.actions.{name}").SCENARIOS]


READS, SCENARIOS = ("Get", "List", "Describe", "Head"), _scenarios()
every_action = pytest.mark.parametrize("kind", all_actions(), ids=lambda kind: kind.__name__)
every_scenario = each("scenario", SCENARIOS, 1 / 15)


@dataclass(frozen=True)
class Held:
    """A resource that was in a bad state and is contained."""

    before: Any
    captured: Json
    written: Json


def prepared(scenario: Scenario, aws: AwsClients) -> tuple[Any, Json]:
    """How the resource was, and what was captured of it, through JSON as the hold keeps it."""
    scenario.prepare(aws)
    before = scenario.read(aws)
    return before, kept(scenario.action.capture(aws))


def held(scenario: Scenario, aws: AwsClients) -> Held:
    scenario.prepare(aws)
    return held_now(scenario, aws)


def held_now(scenario: Scenario, aws: AwsClients) -> Held:
    before, captured = scenario.read(aws), kept(scenario.action.capture(aws))
    return Held(before, captured, kept(scenario.action.apply(aws, captured, None)))


def kept(value: Json) -> Json:
    """As it comes back from the hold."""
    return json.loads(json.dumps(value))  # type: ignore[no-any-return]


def must_be_undone(scenario: Scenario, undone: UndoResult, before: Any, aws: AwsClients) -> None:
    """As it was captured; or, where that would do harm, as it was left, and the reason says so."""
    if scenario.action.kept_because:
        assert (undone.state, undone.left) == (Undone.KEPT, None)
        assert undone.reason
        assert (scenario.read(aws) == before) is scenario.contained_before
    else:
        assert (undone.state, undone.reason) == (Undone.RESTORED, "")
        assert scenario.read(aws) == before


def only_undone(scenario: Scenario) -> None:
    if scenario.contained_before or scenario.action.kept_because:
        pytest.skip("an undo leaves it contained")


# Plain data


@every_action
def test_every_action_has_a_scenario(kind: type[Action]) -> None:
    assert any(type(scenario.action) is kind for scenario in SCENARIOS)


OF_FAMILY = {  # the actions of each
    "bucket": "block_public_access deny_bucket_access suspend_lifecycle "
    "suspend_replication tag_bucket",
    "object": "tag_object",
    "role": "revoke_role_sessions",
    "user": "revoke_user_sessions disable_access_keys",
    "exposed_key": "disable_exposed_key",
    "api_key": "disable_bedrock_api_keys",
    "deny_inference": "deny_inference_to_role deny_inference_to_user",
    "deny_agent_tools": "deny_agent_tools_to_role",
    "tag": "tag_sage_maker tag_bedrock tag_bedrock_agent tag_agent_core",
    "lineage": "tag_descendants",
    "dataset": "tag_dataset tag_glue_job",
    "image": "tag_image_users",
    "detection": "start_trail_logging start_configuration_recorder enable_detector "
    "resume_macie restore_key",
    "guardrail": "enforce_guardrail",
    "baseline": "restore_invocation_logging restore_enforced_guardrail",
    "agent": "deny_agent_access reject_agent_invocations deny_knowledge_base",
    "notebook": "change_notebook",
    "model_package": "withdraw_approval",
    "job": "stop_jobs",
}
FAMILIES = {name: family for family, names in OF_FAMILY.items() for name in names.split()}
TAGS = {name for name in FAMILIES if name.startswith("tag_")}


@every_action
def test_every_action_has_a_family(kind: type[Action]) -> None:
    """It is the second part of the hold's key: who may change the target may write its row."""
    assert kind.family == FAMILIES[kind.name()]


@every_action
def test_only_tags_contain_nothing(kind: type[Action]) -> None:
    assert kind.contains is (kind.name() not in TAGS)


def test_no_two_scenarios_have_one_name() -> None:
    names = [str(scenario) for scenario in SCENARIOS]
    assert len(names) == len(set(names))


@every_scenario
def test_an_action_is_its_json(scenario: Scenario) -> None:
    raw = json.loads(json.dumps(scenario.action.to_json()))
    assert from_json(raw) == scenario.action
    assert raw == json.loads(json.dumps(from_json(raw).to_json()))


@every_scenario
def test_an_action_names_what_it_holds(scenario: Scenario) -> None:
    assert scenario.action.target
    assert scenario.action.target == scenario.other_case.target
    assert scenario.action.resource.startswith("arn:")


@every_scenario
def test_joining_is_a_union(scenario: Scenario) -> None:
    one, other = scenario.action, scenario.other_case
    both = one.combine(other)
    assert one.combine(one) == one
    assert other.combine(other) == other
    assert both == other.combine(one)
    assert both.combine(one) == one.combine(both) == both
    assert both.combine(other) == other.combine(both) == both
    assert both.target == one.target


# Contain


@every_scenario
def test_capturing_changes_nothing(scenario: Scenario, aws: AwsClients) -> None:
    before, captured = prepared(scenario, aws)
    assert scenario.read(aws) == before
    assert kept(scenario.action.capture(aws)) == captured


@every_scenario
def test_applying_changes_the_resource_and_is_verified(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    scenario.action.verify(aws, hold.captured, hold.written)
    assert (scenario.read(aws) == hold.before) is scenario.contained_before


@every_scenario
def test_applying_twice_is_applying_once(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    once = scenario.read(aws)
    again = kept(scenario.action.apply(aws, hold.captured, hold.written))
    assert again == hold.written
    assert scenario.read(aws) == once


@every_scenario
def test_what_is_put_back_is_not_verified(scenario: Scenario, aws: AwsClients) -> None:
    only_undone(scenario)
    hold = held(scenario, aws)
    scenario.action.undo(aws, hold.captured, hold.written)
    with pytest.raises(NotVerified, match=r"\w+"):
        scenario.action.verify(aws, hold.captured, hold.written)


# Release


@every_scenario
def test_undoing_restores_to_the_byte(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    undone = scenario.action.undo(aws, hold.captured, hold.written)
    must_be_undone(scenario, undone, hold.before, aws)


@every_scenario
def test_undoing_twice_is_undoing_once(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    scenario.action.undo(aws, hold.captured, hold.written)
    undone = scenario.action.undo(aws, hold.captured, hold.written)
    must_be_undone(scenario, undone, hold.before, aws)


@every_scenario
def test_a_persons_change_stays(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    scenario.tamper(aws)
    theirs = scenario.theirs(scenario.read(aws))
    for _ in ("undone", "undone twice"):
        undone = scenario.action.undo(aws, hold.captured, hold.written)
        assert undone.state is scenario.after_tamper
        assert undone.reason or undone.state is Undone.RESTORED
        assert scenario.theirs(scenario.read(aws)) == theirs


@every_scenario
def test_what_a_person_opened_again_is_contained_again(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    scenario.tamper(aws)
    written = kept(scenario.action.apply(aws, hold.captured, hold.written))
    scenario.action.verify(aws, hold.captured, written)
    once = scenario.read(aws)
    scenario.action.apply(aws, hold.captured, written)
    assert scenario.read(aws) == once


@every_scenario
def test_of_two_cases_one_remains(scenario: Scenario, aws: AwsClients) -> None:
    hold = held(scenario, aws)
    alone = scenario.read(aws)
    both = scenario.action.combine(scenario.other_case)
    joined = kept(both.apply(aws, hold.captured, hold.written))
    both.verify(aws, hold.captured, joined)
    of_both = scenario.read(aws)
    single = kept(scenario.action.apply(aws, hold.captured, joined))
    scenario.action.verify(aws, hold.captured, single)
    assert scenario.read(aws) == (of_both if scenario.action.kept_because else alone)
    undone = scenario.action.undo(aws, hold.captured, single)
    must_be_undone(scenario, undone, hold.before, aws)


# Deleted


@every_scenario
def test_deleted_resource_is_said_to_be_deleted(scenario: Scenario, aws: AwsClients) -> None:
    if scenario.missing is None:
        pytest.skip("cannot go missing")
    hold = held(scenario, aws)
    scenario.missing(aws)
    with pytest.raises(ResourceDeleted, match="no longer exist"):
        scenario.action.capture(aws)
    with pytest.raises(ResourceDeleted):
        scenario.action.apply(aws, hold.captured, None)
    with pytest.raises(ResourceDeleted):
        scenario.action.verify(aws, hold.captured, hold.written)
    assert scenario.action.undo(aws, hold.captured, hold.written).state is Undone.RESOURCE_DELETED


# Crashes


CALL = "_make_api_call"  # the one place that every call of every client goes through


@dataclass
class Calls:
    """Watches every AWS call, and breaks one of them before or after it took effect."""

    broken: int | None = None  # which call, from 0
    after: bool = False
    made: list[tuple[str, str]] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        real: Callable[..., Any] = getattr(BaseClient, CALL)

        def call(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
            number = len(self.made)
            self.made.append((client.meta.service_model.service_name, operation))
            if number == self.broken and not self.after:
                raise _fault(operation)
            try:
                return real(client, operation, params)
            finally:
                if number == self.broken:
                    raise _fault(operation)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, CALL, call)
            yield


def _fault(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "InternalError", "Message": "crash"}}, operation)


def _breaks(scenario: Scenario, *, after: bool, run: Callable[[AwsClients, Calls], None]) -> None:
    """Run with no call broken, then with each call broken in turn.

    A read has no effect: that its response is lost is that it was not made.
    """
    with account() as aws:
        calls = Calls()
        run(aws, calls)
    for number, (_, operation) in enumerate(calls.made):
        if after and operation.startswith(READS):
            continue
        with account() as aws:
            run(aws, Calls(number, after))


@every_scenario
@pytest.mark.parametrize("after", [False, True], ids=["before-effect", "answer-lost"])
def test_an_apply_that_died_is_done_again(scenario: Scenario, after: bool) -> None:
    states = []

    def run(aws: AwsClients, calls: Calls) -> None:
        before, captured = prepared(scenario, aws)
        with calls.watched(), _crashing(calls):
            scenario.action.apply(aws, captured, None)
        written = kept(scenario.action.apply(aws, captured, None))
        scenario.action.verify(aws, captured, written)
        states.append(scenario.read(aws))
        must_be_undone(scenario, scenario.action.undo(aws, captured, written), before, aws)

    _breaks(scenario, after=after, run=run)
    assert all(state == states[0] for state in states)


@every_scenario
@pytest.mark.parametrize("after", [False, True], ids=["before-effect", "answer-lost"])
def test_an_undo_that_died_is_done_again(scenario: Scenario, after: bool) -> None:
    def run(aws: AwsClients, calls: Calls) -> None:
        hold = held(scenario, aws)
        with calls.watched(), _crashing(calls):
            scenario.action.undo(aws, hold.captured, hold.written)
        undone = scenario.action.undo(aws, hold.captured, hold.written)
        must_be_undone(scenario, undone, hold.before, aws)

    _breaks(scenario, after=after, run=run)


@every_scenario
def test_what_cannot_be_read_is_not_captured(scenario: Scenario) -> None:
    def run(aws: AwsClients, calls: Calls) -> None:
        scenario.prepare(aws)
        with calls.watched(), _crashing(calls):
            scenario.action.capture(aws)

    _breaks(scenario, after=False, run=run)


@every_scenario
def test_lost_write_is_no_drift(scenario: Scenario, aws: AwsClients) -> None:
    """A dead attempt wrote for two cases and noted nothing: what was captured is the base (A7)."""
    before, captured = prepared(scenario, aws)
    scenario.action.combine(scenario.other_case).apply(aws, captured, None)
    written = kept(scenario.action.apply(aws, captured, None))
    scenario.action.verify(aws, captured, written)
    must_be_undone(scenario, scenario.action.undo(aws, captured, written), before, aws)


@contextmanager
def _crashing(calls: Calls) -> Iterator[None]:
    """A fault always rises: an action that swallows it would report a success it did not have."""
    if calls.broken is None:
        yield
    else:
        with pytest.raises(ClientError, match="crash"):
            yield


# Again

LATER = timedelta(hours=1)


@every_scenario
def test_only_sessions_are_denied_again_after_activity(scenario: Scenario, aws: AwsClients) -> None:
    """A setting that is as it was written stops later activity too; a later session goes on."""
    hold = held(scenario, aws)
    assert scenario.action.again(clock.now() - LATER, hold.written) is False
    sessions = scenario.action.name() in ("revoke_role_sessions", "revoke_user_sessions")
    stopped = hold.written.get("deny_all", False) or scenario.contained_before
    assert scenario.action.again(clock.now() + LATER, hold.written) is (sessions and not stopped)


# Old readings


@dataclass
class Readings:
    """Keeps what each reading says first, and says it again later: an old state."""

    kept: dict[tuple[str, str], Any] = field(default_factory=dict)

    @contextmanager
    def given(self) -> Iterator[None]:
        """Within it, a reading that was made before says what it said first."""
        real: Callable[..., Any] = getattr(BaseClient, CALL)

        def call(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
            if not operation.startswith(("Get", "List")):
                return real(client, operation, params)
            key = (operation, json.dumps(params, sort_keys=True))
            if key not in self.kept:
                try:
                    self.kept[key] = real(client, operation, params)
                except ClientError as error:
                    self.kept[key] = error
            if isinstance(self.kept[key], ClientError):
                raise self.kept[key]
            return deepcopy(self.kept[key])

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, CALL, call)
            yield


@every_scenario
def test_an_old_reading_restores_all_the_same(scenario: Scenario, aws: AwsClients) -> None:
    """A reading from before our change must not pass for a resource that is restored (A4)."""
    readings = Readings()
    scenario.prepare(aws)
    with readings.given():
        scenario.action.capture(aws)
    hold = held_now(scenario, aws)
    with readings.given():
        undone = scenario.action.undo(aws, hold.captured, hold.written)
    must_be_undone(scenario, undone, hold.before, aws)
    if undone.left is not None:
        scenario.action.verify_undone(aws, undone.left)


@every_scenario
def test_what_is_still_there_is_not_undone(scenario: Scenario, aws: AwsClients) -> None:
    """A write of ours that did not come into force: the case is not released (A4)."""
    only_undone(scenario)
    hold = held(scenario, aws)
    undone = scenario.action.undo(aws, hold.captured, hold.written)
    assert undone.left is not None
    scenario.action.verify_undone(aws, kept(undone.left))
    scenario.action.apply(aws, hold.captured, None)
    with pytest.raises(NotVerified, match=r"\w+"):
        scenario.action.verify_undone(aws, undone.left)


@every_scenario
def test_an_old_reading_contains_all_the_same(scenario: Scenario, aws: AwsClients) -> None:
    """A reading from when it was contained before must not pass for containment."""
    hold = held(scenario, aws)
    contained = scenario.read(aws)
    shown = shown_now(scenario, aws)
    scenario.action.undo(aws, hold.captured, hold.written)
    scenario.action.apply(aws, hold.captured, hold.written, shown)
    assert scenario.read(aws) == contained


def shown_now(scenario: Scenario, aws: AwsClients) -> Json | None:
    """None of what finds its resources itself, and finds none any more."""
    try:
        return kept(scenario.action.capture(aws))
    except NothingToChange:
        return None


@every_scenario
def test_what_was_read_just_now_is_not_read_again(scenario: Scenario, aws: AwsClients) -> None:
    _, captured = prepared(scenario, aws)
    calls = Calls()
    with calls.watched():
        scenario.action.apply(aws, captured, None, captured)
    readings = [name for _, name in calls.made if name.startswith(("Get", "List"))]
    # Who owns a destination: another bucket. A write replaces all of an object's tags: it is read
    # just before, for those that somebody has set meanwhile.
    assert set(readings) <= {"GetBucketLocation", "GetObjectTagging"}


@every_action
def test_name_is_the_one_it_is_loaded_by(kind: type[Action]) -> None:
    assert action_type(kind.name()) is kind
