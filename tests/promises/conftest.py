"""Each promise is shown on an account made from the real template, in a copy of the process.

``world`` enters the account that the test asks for by ``@pytest.mark.world(…)``; the account is
kept as long as tests of the module ask for the same one, since no test can change it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest

import cordon.clients
from tests.architecture import pruned
from tests.promises.forked import Failed, apart
from tests.promises.world import World, entered, event, seen


class Keeper:
    """The one account that is entered, and what it was asked for with."""

    def __init__(self) -> None:
        self._leave: Any = None
        self._asked: Any = None
        self._world: World | None = None

    def world(self, mode: str, **more: Any) -> World:
        """The account so deployed; the one before is left."""
        asked = (mode, tuple(sorted(more.items())))
        if self._world is None or asked != self._asked:
            self.leave()
            self._leave = entered(mode, **more)
            self._world, self._asked = self._leave.__enter__(), asked
        return self._world

    def leave(self) -> None:
        """Leave the account, if one is entered."""
        if self._world is not None:
            self._leave.__exit__(None, None, None)
            self._world = None


WARMING = (  # between them they make every client and load every service model
    "quarantine_bucket/guardduty_ransomware_delete",
    "revoke_sessions/guardduty_compromised_credentials",
    "tag_ai_resource/securityhub_bedrockagentcore_1",
    "tag_ai_resource/securityhub_sagemaker_1",
)


@pytest.fixture(scope="session")
def as_packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Functions find of botocore's data what the layer keeps: a call of anything else fails."""
    data = pruned.data(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            cordon.clients,
            "_session",
            cache(lambda: boto3.session.Session(botocore_session=pruned.session(data))),
        )
        cordon.clients._own.cache_clear()
        yield
    cordon.clients._own.cache_clear()


@pytest.fixture(scope="session")
def warm(as_packaged: None) -> None:
    """What a process learns once, it learns before it is copied."""
    with entered("enforce") as world:
        for name in WARMING:
            world.send(event(name))
        for case in world.cases:
            world.release(case)
        seen(world)


@pytest.fixture(scope="module")
def keeper(warm: None) -> Iterator[Keeper]:
    """Leaves the last account with the module's last test."""
    kept = Keeper()
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
