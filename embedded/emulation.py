"""moto and our changes of it, for one account at a time in this process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, cast

from embedded import backends, patches, scheduler, speedups, unsupported_calls
from embedded.deployed_code import DeployedCode
from embedded.place import Place
from embedded.scheduler import Clock, Scheduler

if TYPE_CHECKING:
    from moto.core.config import DefaultConfig

SEED = 20261124  # of moto's random ids
MOTO = {
    "core": {
        "reset_boto3_session": False,
        "mock_credentials": False,
        "passthrough": {"services": [], "urls": []},
        "service_whitelist": None,
    },
    "lambda": {"use_docker": False},
    "stepfunctions": {"execute_state_machine": True},
}


def enter(
    undo: ExitStack, place: Place, clock: Clock, schedule: Scheduler, code: DeployedCode
) -> None:
    """Until ``undo`` AWS is an empty moto, and every clock shows the account's time."""
    from moto import mock_aws
    from moto.moto_api._internal import mock_random

    unsupported_calls.install()
    patches.install(code)
    speedups.install()
    backends.install()
    undo.enter_context(patches.environment(place))
    with speedups.without_other_clients():
        undo.enter_context(mock_aws(config=cast("DefaultConfig", MOTO)))
    mock_random.seed(SEED)
    undo.enter_context(clock.shown())
    scheduler.enter(schedule)
    undo.callback(scheduler.leave)
    backends.reset()
    undo.callback(backends.reset)


@contextmanager
def bare_moto() -> Iterator[None]:
    """An empty moto without an account of ours: for single calls, which no guard sees.

    It is entered in a fiftieth of the time that moto takes alone, and does the same.
    """
    from moto import mock_aws

    speedups.install()
    with ExitStack() as undo:
        with speedups.without_other_clients():
            undo.enter_context(mock_aws())
        undo.enter_context(speedups.in_effect())
        yield
