"""One run, and for each call in it a copy of the run that is disturbed right there."""

from collections.abc import Callable
from typing import Any

from console.embedded.journal import Called
from tests.promises.apart import answer, fork, wait
from tests.promises.world import READS, World

Seen = Any


class Disturbed:
    """Makes a copy of the run at each call that changes something, and disturbs the copy."""

    def __init__(self, world: World, disturb: Callable[[], None], evidence: bool) -> None:
        self._world = world
        self._disturb = disturb
        self._evidence = evidence
        self.copy: int | None = None  # in a copy: where to say how it ended
        self.ends: list[tuple[str, Seen]] = []

    def __call__(self, call: Called) -> None:
        """After each call."""
        if self.copy is not None or not self._counts(call):
            return
        process, channel = fork()
        if process == 0:
            self.copy = channel
            self._disturb()
            return
        where = f"after call {len(self.ends) + 1}, {call.service}:{call.operation}"
        self.ends.append((where, wait(process, channel)))

    def _counts(self, call: Called) -> bool:
        if call.caller not in self._world.account.functions or READS.match(call.operation):
            return False
        return self._evidence or not self._world.writes_evidence(call)


def ends(
    world: World,
    act: Callable[[], Any],
    disturb: Callable[[], None],
    look: Callable[[], Seen],
    *,
    evidence: bool = True,
) -> tuple[Seen, list[tuple[str, Seen]]]:
    """How ``act`` ends undisturbed, and how it ends disturbed after each call that changes.

    ``evidence``: also after each entry of evidence, which changes nothing but the evidence.
    """
    disturbed = Disturbed(world, disturb, evidence)
    world.account.after_call(disturbed)
    try:
        act()
    except BaseException as error:
        if disturbed.copy is None:
            raise
        answer(disturbed.copy, _raising(error))
    world.account.guard.after_call.remove(disturbed)
    if disturbed.copy is not None:
        answer(disturbed.copy, look)
    return look(), disturbed.ends


def _raising(error: BaseException) -> Callable[[], None]:
    def again() -> None:
        raise error

    return again
