"""For every test: no network, and no AWS account but the embedded one."""

import gc
import os
import socket
from functools import cache
from typing import Any, NoReturn

import pytest
import typer.main
import typer.testing
from hypothesis import settings

from tests.drawn import SEED, choose, is_drawn

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "POWERTOOLS_METRICS_DISABLED": "true",
}
ELSEWHERE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")
LOCAL = (socket.AF_UNIX,)
OLD_SELDOM = 100  # collections of younger objects for one of all: Python has 10

# Typer makes the same commands for each invocation: half of the time of a test of the console.
vars(typer.testing)["_get_command"] = cache(typer.main.get_command)

# A busy machine is no fault of the code. Each run draws other examples.
settings.register_profile("untimed", deadline=None, max_examples=40)
settings.register_profile("drawn", deadline=None, max_examples=8)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Before any module of ours is imported."""
    config.addinivalue_line(
        "markers", "world(mode, **parameters): which account, and how its stack is deployed"
    )
    config.addinivalue_line(
        "markers",
        "drawn(share, together=False): of these a run of the whole suite tries a share, where "
        "``together`` the same parameters in all tests of the file; see tests/drawn.py",
    )
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if not hasattr(config, "workerinput"):  # a worker has it of its controller
        choose(whole=whole)
    if os.environ[SEED] and not config.getoption("--hypothesis-profile"):
        settings.load_profile("drawn")
    os.environ.update(ENVIRONMENT)
    for name in ELSEWHERE:
        os.environ.pop(name, None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are not drawn."""
    tried: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("drawn")
        is_tried = mark is None or is_drawn(_point(item, **mark.kwargs), *mark.args)
        (tried if is_tried else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = tried


def _point(item: pytest.Item, *, together: bool = False) -> str:
    return f"{item.path.name} {item.nodeid.partition('[')[2]}" if together else item.nodeid


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A run that left something out says so, and how to draw the same again."""
    if os.environ.get(SEED):
        seed = os.environ[SEED]
        terminalreporter.line(f"A share was drawn, with {SEED}={seed}; make thorough tries all.")


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: no later collection looks through it again.

    Nor through what comes later, service models above all, as often as Python would.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, OLD_SELDOM)


def _refuse(_self: socket.socket, address: Any) -> NoReturn:
    raise RuntimeError(f"a test wants to reach {address}: tests have no network")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Any:
    """Whatever wants to connect fails, at once and with its address."""
    with pytest.MonkeyPatch.context() as patch:
        connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

        def guarded(original: Any) -> Any:
            def call(one: socket.socket, address: Any) -> Any:
                return original(one, address) if one.family in LOCAL else _refuse(one, address)

            return call

        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        yield
