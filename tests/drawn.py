"""What is tried at every point, a run of the whole suite draws a share of, another each time.

``make thorough`` tries all of it, and so does a run that names its files. CI runs both.
A run says with which seed it drew; ``make test DRAWN=<seed>`` draws the same again.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any, TypeVar

import pytest

SEED = "DRAWN"  # the variable of the environment: empty or absent where all is tried
T = TypeVar("T")


def choose(*, whole: bool) -> None:
    """A seed for this run, unless one was given: none where a person named what is to be tried."""
    os.environ.setdefault(SEED, str(Random().randrange(10**6)) if whole else "")


def is_drawn(point: str, share: float) -> bool:
    """Is this point, by its name, among the ``share`` (0 to 1) that this run tries?"""
    seed = os.environ.get(SEED, "")
    return not seed or Random(f"{seed} {point}").random() < share


def drawn(points: Iterable[T], share: float, of: str) -> Iterator[T]:
    """Those of ``points`` that this run tries. ``of`` names the list, so that lists differ."""
    for number, point in enumerate(points):
        if is_drawn(f"{of} {number}", share):
            yield point


def each(name: str, values: Sequence[Any], share: float) -> Callable[[Any], Any]:
    """Mark a test: once for each value of the parameter; a run of the whole suite tries a share."""

    def mark(test: Any) -> Any:
        return pytest.mark.drawn(share)(pytest.mark.parametrize(name, values, ids=str)(test))

    return mark
