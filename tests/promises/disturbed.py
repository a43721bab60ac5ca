"""One run, and for each call in it a copy of the run that is disturbed right there."""

from collections.abc import Callable
from typing import Any

from console.embedded.journal import Called
from tests.promises.apart import answer, fork, wait
from tests.promises.world import READS, World

Seen = Any


class Disturbed:
    """Makes a copy of the run at each call that changes something, and disturbs the copy."""

    def __init__(self, world: World, disturb: Callable[[], None]) -> None:
        self._functions = world.account.functions
        self._disturb = disturb
        self.copy: int | None = None  # in a copy: where to say how it ended
        self.ends: list[tuple[str, Seen]] = []

    def __call__(self, call: Called) -> None:
        """After each call."""
        mine = call.caller in self._functions and not READS.match(call.operation)
        if self.copy is not None or not mine:
            return
        process, channel = fork()
        if process == 0:
            self.copy = channel
            self._disturb()
            return
        where = f"after call {len(self.ends) + 1}, {call.service}:{call.operation}"
        self.ends.append((where, wait(process, channel)))


def ends(
    world: World, act: Callable[[], Any], disturb: Callable[[], None], look: Callable[[], Seen]
) -> tuple[Seen, list[tuple[str, Seen]]]:
    """How ``act`` ends undisturbed, and how it ends disturbed after each call that changes."""
    disturbed = Disturbed(world, disturb)
    world.account.after_call(disturbed)
    try:
        act()
    except BaseException as error:
        if disturbed.copy is None:
            raise
        answer(disturbed.copy, _raising(error))
    if disturbed.copy is not None:
        answer(disturbed.copy, look)
    return look(), disturbed.ends


def _raising(error: BaseException) -> Callable[[], None]:
    def again() -> None:
        raise error

    return again
