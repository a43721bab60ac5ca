"""Two actions over a dict of resources: one whose part is recognised by value, and one not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import pytest

from cordon import actions
from cordon.actions import Action, Json, NotVerified, ResourceDeleted, Undone, UndoResult
from cordon.actions.tag import is_made_of
from tests.fencing.turns import pause
from tests.make import PLACE

OURS = "cordon:"


class MemoryResources:
    """Instead of AWS: the value of each resource. Each call is one turn."""

    def __init__(self, **values: Any) -> None:
        self.values: dict[str, Any] = dict(values)
        self.errors: dict[str, Exception] = {}  # of the next writes, by resource

    def read(self, name: str) -> Any:
        pause()
        if name not in self.values:
            raise ResourceDeleted(name)
        return self.values[name]

    def write(self, name: str, value: Any) -> None:
        pause()
        if name in self.errors:
            raise self.errors[name]
        if name not in self.values:
            raise ResourceDeleted(name)
        self.values[name] = value


@dataclass(frozen=True)
class OverMemory(Action):
    """What both actions share."""

    thing: str
    wants: tuple[str, ...]

    family: ClassVar[str] = "memory"

    @property
    def target(self) -> str:
        return f"{self.name()}:{self.thing}"

    @property
    def resource(self) -> str:
        return f"arn:aws:memory:::{self.thing}"

    def combine(self, other: Self) -> Self:
        return replace(self, wants=tuple(sorted({*self.wants, *other.wants})))

    def capture(self, aws: Any) -> Json:
        return {"value": aws.read(self.thing)}

    def apply(
        self, aws: Any, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        shown = aws.read(self.thing) if current is None else current["value"]
        base = self.base(shown, captured, written)
        value = self.with_ours(base)
        aws.write(self.thing, value)
        return {"value": value, "base": base}

    def verify(self, aws: Any, captured: Json, written: Json) -> None:
        current = aws.read(self.thing)
        if current != written["value"]:
            raise NotVerified(f"{self.thing} is {current}, not {written['value']}")

    def undo(self, aws: Any, captured: Json, written: Json) -> UndoResult:
        try:
            current = aws.read(self.thing)
            base = self.base(current, captured, written)
            if current in (captured["value"], written["value"]) or current != base:
                aws.write(self.thing, base)
        except ResourceDeleted:
            return UndoResult(Undone.RESOURCE_DELETED)
        drifted = base != captured["value"]
        return UndoResult(Undone.DRIFTED if drifted else Undone.RESTORED, left={"value": base})

    def verify_undone(self, aws: Any, left: Json) -> None:
        current = aws.read(self.thing)
        if current != left["value"]:
            raise NotVerified(f"{self.thing} is {current}, not {left['value']}")

    def base(self, current: Any, captured: Json, written: Json | None) -> Any:
        """The value without our part."""
        raise NotImplementedError

    def with_ours(self, base: Any) -> Any:
        """The value with our part."""
        raise NotImplementedError


@dataclass(frozen=True)
class MemoryLock(OverMemory):
    """Adds statements to a list of statements, as the denials of a bucket do."""

    def base(self, current: Any, captured: Json, written: Json | None) -> Any:
        return [one for one in current if not one.startswith(OURS)]

    def with_ours(self, base: Any) -> Any:
        return [*base, *(OURS + want for want in sorted(self.wants))]


@dataclass(frozen=True)
class MemoryTag(OverMemory):
    """Replaces one text by another, as the tags do."""

    contains: ClassVar[bool] = False
    recognisable_by_value: ClassVar[bool] = False

    def base(self, current: Any, captured: Json, written: Json | None) -> Any:
        if current == captured["value"]:
            return current
        before = written["base"] if written is not None else captured["value"]
        if written is None or is_made_of(current, self.with_ours(None), written["value"]):
            return before
        return current

    def with_ours(self, base: Any) -> Any:
        return " ".join(sorted(self.wants))


def lock(thing: str, *wants: str) -> MemoryLock:
    """A lock that contains."""
    return MemoryLock(PLACE, thing, wants)


def tag(thing: str, *wants: str) -> MemoryTag:
    """A tag that names cases."""
    return MemoryTag(PLACE, thing, wants)


@contextmanager
def known_to_holds() -> Iterator[None]:
    """A hold's row names its actions: it must find these two."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (MemoryLock, MemoryTag):
            patch.setitem(actions.LOADED, kind.name(), kind)
        yield
