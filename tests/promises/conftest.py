"""Each promise is shown on an account of its own, made from the real template.

``world`` enters the account that the test names by ``@pytest.mark.world(…)``. It is built once in
a process and restored for every test (decision 8): that takes a tenth of what a copy of the process
takes. A test that needs several enters them with ``anew``, one after the other. Tests that die at
some call make copies of the process themselves, with ``forked``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import boto3
import pytest

import cordon.clients
from tests.architecture import pruned
from tests.examples import event
from tests.promises.world import Anew, World, entered, seen

PROMISES = "tests/promises/"  # what the ids of these tests begin with
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
        assert "RECORD" in os.environ or world.unrecorded == []  # what is new at deploy is recorded


@pytest.fixture
def anew(request: pytest.FixtureRequest, packaged: Packaged, warm: None) -> Anew:
    """Enters an account as the test's mark says, each time as it was when it was deployed."""
    marked = request.node.get_closest_marker("world")
    args, more = (marked.args, marked.kwargs) if marked else ((), {})

    @contextmanager
    def enter() -> Iterator[World]:
        with packaged.in_force(), entered(*(args or ("enforce",)), **more) as made:
            yield made

    return enter


@pytest.fixture
def world(anew: Anew) -> Iterator[World]:
    """An account where every playbook enforces, or as ``@pytest.mark.world(mode, …)`` says."""
    with anew() as made:
        yield made


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a promise with several parameters, a run of the whole suite tries a fifth."""
    for item in items:
        several = item.nodeid.startswith(PROMISES) and hasattr(item, "callspec")
        if several and item.get_closest_marker("drawn") is None:
            item.add_marker(pytest.mark.drawn(1 / 5))
