"""Each promise is shown on an account made from the real template, in a copy of the process.

``world`` enters the account that the test names by ``@pytest.mark.world(…)``; the account is
kept as long as tests of the module ask for the same one, since no test can change it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

import cordon.clients
from tests.architecture import pruned
from tests.examples import event
from tests.promises.forked import Failed, apart
from tests.promises.world import World, entered, seen


class Keeper:
    """The one account that is entered, and what it was entered_for for with."""

    def __init__(self, packaged: "Packaged") -> None:
        self._packaged = packaged
        self._leave = ExitStack()
        self._entered_for: Any = None
        self._world: World | None = None

    def world(self, mode: str, **more: Any) -> World:
        """The account so deployed; the one before is left."""
        entered_for = (mode, tuple(sorted(more.items())))
        if self._world is None or entered_for != self._entered_for:
            self.leave()
            self._leave.enter_context(self._packaged.in_force())
            self._world, self._entered_for = (
                self._leave.enter_context(entered(mode, **more)),
                entered_for,
            )
        return self._world

    def leave(self) -> None:
        """Leave the account, if one is entered."""
        if self._world is not None:
            self._leave.close()
            self._world = None


WARMING = (  # between them they make every client and load every service model
    "guardduty_ransomware_delete",
    "guardduty_compromised_credentials",
    "securityhub_bedrockagentcore_1",
    "securityhub_sagemaker_1",
)


class Packaged:
    """Functions find of botocore's data what the layer keeps: a call of anything else fails."""

    def __init__(self, data: Path) -> None:
        self._session = cache(lambda: boto3.session.Session(botocore_session=pruned.session(data)))
        self._own = cache(cordon.clients._own.__wrapped__)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Only while an account is entered: other tests of this process need the whole data."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cordon.clients, "_session", self._session)
            patch.setattr(cordon.clients, "_own", self._own)
            yield


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The layer's data, written once."""
    return Packaged(pruned.data(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def warm(packaged: Packaged) -> None:
    """What a process learns once, it learns before it is copied."""
    with packaged.in_force(), entered("enforce") as world:
        for name in WARMING:
            world.send(event(name))
        for case in world.cases:
            world.release(case)
        seen(world)


@pytest.fixture(scope="module")
def keeper(packaged: Packaged, warm: None) -> Iterator[Keeper]:
    """Leaves the last account with the module's last test."""
    kept = Keeper(packaged)
    yield kept
    kept.leave()


@pytest.fixture
def world(request: pytest.FixtureRequest, keeper: Keeper) -> World:
    """An account where every playbook enforces, or as ``@pytest.mark.world(mode, …)`` says."""
    marked = request.node.get_closest_marker("world")
    args, more = (marked.args, marked.kwargs) if marked else ((), {})
    return keeper.world(*(args or ("enforce",)), **more)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run each test that has a world in a copy of this process."""
    if "world" not in pyfuncitem.fixturenames:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    failure = ""
    try:
        apart(lambda: pyfuncitem.obj(**arguments))
    except Failed as failed:
        failure = str(failed)
    if failure:
        pytest.fail(failure, pytrace=False)
    return True
