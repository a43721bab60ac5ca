"""For seconds after each write every reading shows what was there before it.

Contained, released, contained and released again, at once: each ends true, nothing passes for a
person's change, and at last all is as it was. Real actions on moto; what AWS does not promise of a
reading is in ``cordon.attempt`` (VERIFY_DELAYS).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from cordon import actions, clock
from cordon.actions import Json
from cordon.memory.cases import ActionStatus
from cordon.statuses import CONTAIN_ENDED, Status
from tests.actions.scenario import Scenario
from tests.actions.test_contract import CALL, every_scenario
from tests.fencing.account import memory_account
from tests.fencing.resources import MemoryLock
from tests.fencing.test_not_found_once import ScenarioAccount, prepared
from tests.make import PLACE
from tests.promises.world import READS

Call = Callable[..., Any]
# A notebook is stopped for a change: nothing is written again that a reading shows already. And a
# key that was Inactive is refused: the second time this one is.
ONLY_SECONDS = "ChangeNotebook"


class OldReadings:
    """A reading within ``lag`` of a write says what it would have said before."""

    def __init__(self, lag: timedelta) -> None:
        self._lag, self._until = lag, clock.now()
        self._known: dict[str, tuple[Any, ...]] = {}  # readings that were made, to be made again
        self._old: dict[str, Any] = {}

    @contextmanager
    def given(self) -> Iterator[None]:
        """Within it, for a process of ours."""
        real: Call = getattr(BaseClient, CALL)

        def call(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
            reads = READS.match(operation)
            return (self._read if reads else self._write)(real, client, operation, params)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, CALL, call)
            yield

    def _read(self, real: Call, client: Any, operation: str, params: dict[str, Any]) -> Any:
        key = f"{operation} {json.dumps(params, sort_keys=True)}"
        self._known[key] = (client, operation, deepcopy(params))
        if clock.now() >= self._until or key not in self._old:
            return real(client, operation, params)
        if isinstance(self._old[key], ClientError):
            raise self._old[key]
        return deepcopy(self._old[key])

    def _write(self, real: Call, *call: Any) -> Any:
        fresh = clock.now() >= self._until
        self._old = {
            key: _said(real, known) if fresh or key not in self._old else self._old[key]
            for key, known in self._known.items()
        }
        self._until = clock.now() + self._lag
        return real(*call)


def _said(real: Call, known: tuple[Any, ...]) -> Any:
    try:
        return real(*known)
    except ClientError as error:
        return error


def untrue(account: ScenarioAccount, contained: Any) -> Iterator[str]:
    """What the row says that is not so."""
    case = account.case("a")
    assert case is not None
    state, kept = account.state(), account.scenario.action.kept_because
    if case.status in (Status.CONTAINED, Status.TAGGED) and state != (contained or state):
        yield f"it is {case.status}, and the resource is not"
    if case.status in (Status.RELEASED, Status.REOPENED) and state != account.original and not kept:
        yield f"it is {case.status}, and the resource is not"
    if case.status in CONTAIN_ENDED and case.failed:
        yield f"it is {case.status}"
    for result in case.results:
        if result.status in (ActionStatus.DRIFTED, ActionStatus.RESOURCE_DELETED):
            yield f"{result.status}: {result.reason}"


@every_scenario
@pytest.mark.parametrize("seconds", [2, 20])
def test_old_readings_end_true(scenario: Scenario, seconds: int) -> None:
    if seconds > 2 and str(scenario).startswith(ONLY_SECONDS):
        pytest.skip("it looks like what a person made of it")
    found, contained = [], None
    with prepared(scenario) as account:
        readings = OldReadings(timedelta(seconds=seconds))
        phases = ("deliver", "release")
        for phase in phases if scenario.action.kept_because else phases * 2:
            with readings.given():
                risen = account.comes(phase)
            found += [f"{phase}: {risen}"] if risen else []
            found += [f"{phase}: {one}" for one in untrue(account, contained)]
            contained = contained or account.state()
        found += account.left()
    assert found == []


class OldLock(MemoryLock):
    """A reading shows for some seconds what was captured."""

    old_until: ClassVar[list[datetime]] = []

    def is_as_captured(self, aws: Any, captured: Json) -> bool:
        old = any(clock.now() < moment for moment in self.old_until)
        return old or super().is_as_captured(aws, captured)


def test_write_that_nobody_noted_and_is_in_no_reading_is_undone() -> None:
    """The response to it was lost, and a person releases the case at once."""
    plan = (OldLock(PLACE, "data", ("x",)),)
    with memory_account({"a": plan}) as account, pytest.MonkeyPatch.context() as patch:
        patch.setitem(actions.LOADED, OldLock.name(), OldLock)
        write = account.resources.write

        def lost(name: str, value: Any) -> None:
            write(name, value)
            raise TimeoutError("the response was lost")

        patch.setattr(account.resources, "write", lost)
        with pytest.raises(TimeoutError):
            account.deliver("a")
        patch.setattr(account.resources, "write", write)
        patch.setattr(OldLock, "old_until", [clock.now() + timedelta(seconds=3)])
        case = account.release("a")
        assert case is not None
        assert case.status is Status.REOPENED
        assert account.resources.values["data"] == ["owner"]
