"""One run, and for each call in it a copy of the run that is disturbed right there."""

from collections.abc import Callable
from typing import Any

from embedded.journal import Called
from tests.promises.forked import fork, send_result, wait
from tests.promises.world import READS, World

Seen = Any
Moment = Callable[[Called], bool]


class Disturbed:
    """Makes a copy of the run at each call that counts, and disturbs the copy."""

    def __init__(self, world: World, disturb: Callable[[], None], at: Moment) -> None:
        self._world = world
        self._disturb = disturb
        self._at = at
        self.copy: int | None = None  # in a copy: where to say how it ended
        self.ends: list[tuple[str, Seen]] = []

    def __call__(self, call: Called) -> None:
        """After each call."""
        mine = call.caller in self._world.account.functions
        if self.copy is not None or not mine or not self._at(call):
            return
        process, channel = fork()
        if process == 0:
            self.copy = channel
            self._disturb()
            return
        where = f"after call {len(self.ends) + 1}, {call.service}:{call.operation}"
        self.ends.append((where, wait(process, channel)))


def changes(call: Called) -> bool:
    """After a call that only reads, all is as after the change before it."""
    return not READS.match(call.operation)


def ends(
    world: World,
    work: Callable[[], Any],
    disturb: Callable[[], None],
    look: Callable[[], Seen],
    *,
    at: Moment = changes,
) -> tuple[Seen, list[tuple[str, Seen]]]:
    """How ``work`` ends undisturbed, and how it ends disturbed after each call of those ``at``."""
    disturbed = Disturbed(world, disturb, at)
    world.account.after_call(disturbed)
    try:
        work()
    except BaseException as error:
        if disturbed.copy is None:
            raise
        send_result(disturbed.copy, _raising(error))
    world.account.guard.after_call.remove(disturbed)
    if disturbed.copy is not None:
        send_result(disturbed.copy, look)
    return look(), disturbed.ends


def _raising(error: BaseException) -> Callable[[], None]:
    def again() -> None:
        raise error

    return again
