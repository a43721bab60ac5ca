"""Two cases tag one resource, in any order, while people change its tags.

The cases join and leave as the engine lets them. What counts is what the owner sees: a key that no
case wants shows what it showed without Cordon, and a key that one wants shows what it wants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cordon.actions import Json, Undone
from cordon.actions.tag import Tag, tag_value
from tests.actions.scenario import PLACE

KEYS = st.sampled_from(["a", "b", "c", "d"])
# A captured value may look like ours, but no person changes a tag into one that does while it is
# held: nobody could know it from the value that an attempt wrote that died.
OURS = st.sampled_from(["one", "two", "three"])
CAPTURED = st.one_of(OURS, st.sampled_from(["", "mine", "mine too"]))
THEIRS = st.sampled_from(["", "theirs", "theirs one", None])
WANTS = st.dictionaries(KEYS, st.tuples(OURS), min_size=1)


@dataclass(frozen=True)
class TagMemory(Tag):
    """Instead of a service: a resource is its tags."""

    tags: Mapping[str, tuple[str, ...]]

    @property
    def resource(self) -> str:
        return "arn:aws:memory:::it"

    def _read(self, aws: Any) -> dict[str, str]:
        return dict(aws)

    def _set(self, aws: Any, tags: Mapping[str, str]) -> None:
        aws.update(tags)

    def _remove(self, aws: Any, keys: list[str]) -> None:
        for key in keys:
            aws.pop(key, None)


@dataclass
class World:
    """The resource, how it would be without Cordon, and the hold's row."""

    wants: dict[str, TagMemory]  # by case
    resource: Any
    without_us: dict[str, str]
    members: set[str] = field(default_factory=set)
    captured: Json = field(default_factory=dict)
    written: Json | None = None
    drifted: bool = False
    noted: bool = True  # a person's change, by an apply that ended

    @property
    def combined(self) -> TagMemory:
        first, *others = (self.wants[case] for case in sorted(self.members))
        return first.combine(others[0]) if others else first

    def join(self, case: str, die: bool) -> None:
        """``die``: the attempt writes, and another one comes after it without its note."""
        if not self.members:
            self.captured, self.written = self.wants[case].capture(self.resource), None
            self.drifted, self.noted = False, True
        self.members.add(case)
        if die and self.noted:
            self.combined.apply(self.resource, self.captured, self.written)
        self.apply(self.combined)

    def leave(self, case: str) -> None:
        """What is left to the other case is written; nothing of ours once nobody is in it."""
        both = self.combined
        self.members.remove(case)
        if self.members:
            self.apply(both)
            self.apply(self.combined)
            return
        assert self.written is not None
        undone = both.undo(self.resource, self.captured, self.written)
        assert undone.state in (Undone.RESTORED, Undone.DRIFTED)
        assert undone.state is Undone.RESTORED or self.drifted
        assert bool(undone.reason) is (undone.state is Undone.DRIFTED)
        assert undone.left is not None
        both.verify_undone(self.resource, undone.left)

    def apply(self, action: TagMemory) -> None:
        self.written = action.apply(self.resource, self.captured, self.written)
        self.noted = True
        action.verify(self.resource, self.captured, self.written)

    def change(self, key: str, value: str | None) -> None:
        self.drifted, self.noted = True, False
        for tags in (self.resource, self.without_us):
            tags.pop(key, None)
            if value is not None:
                tags[key] = value

    def check(self) -> None:
        wanted = self.combined.tags if self.members else {}
        for key in {*self.resource, *self.without_us} - wanted.keys():
            assert self.resource.get(key) == self.without_us.get(key), key

    def check_wanted(self) -> None:
        for key, values in self.combined.tags.items() if self.members else ():
            assert self.resource[key] == tag_value(values)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("AB"), st.booleans()),
        st.tuples(KEYS, THEIRS),
    ),
    max_size=12,
)


@given(own=st.dictionaries(KEYS, CAPTURED), a=WANTS, b=WANTS, steps=STEPS)
def test_what_nobody_wants_is_as_people_left_it(
    own: dict[str, str],
    a: dict[str, tuple[str, ...]],
    b: dict[str, tuple[str, ...]],
    steps: list[tuple[str, Any]],
) -> None:
    wants = {"A": TagMemory(PLACE, a), "B": TagMemory(PLACE, b)}
    world = World(wants, dict(own), dict(own))
    for who, what in steps:
        if who not in wants:
            world.change(who, what)
        elif who in world.members:
            world.leave(who)
            world.check_wanted()
        else:
            world.join(who, what)
            world.check_wanted()
        world.check()
    for case in sorted(world.members):
        world.leave(case)
    assert world.resource == world.without_us


@given(own=st.dictionaries(KEYS, CAPTURED), a=WANTS, b=WANTS)
def test_an_old_reading_leaves_nothing_of_ours(
    own: dict[str, str], a: dict[str, tuple[str, ...]], b: dict[str, tuple[str, ...]]
) -> None:
    """Each apply and undo may read the tags as they were before everything."""
    old = dict(own)
    resource: Any = dict(own)

    @dataclass(frozen=True)
    class Stale(TagMemory):
        def _read(self, aws: Any) -> dict[str, str]:
            return dict(old)

    one, other = Stale(PLACE, a), Stale(PLACE, b)
    captured = one.capture(resource)
    both = one.combine(other)
    written = both.apply(resource, captured, one.apply(resource, captured, None))
    written = one.apply(resource, captured, written)
    current = TagMemory(PLACE, one.tags)
    current.verify(resource, captured, written)
    assert one.undo(resource, captured, written).state is Undone.RESTORED
    assert resource == own


def test_what_was_read_is_not_read_again() -> None:
    @dataclass(frozen=True)
    class Blind(TagMemory):
        def _read(self, aws: Any) -> dict[str, str]:
            raise AssertionError("it was read again")

    resource: Any = {"a": "theirs"}
    blind = Blind(PLACE, {"a": ("one",), "b": ("two",)})
    written = {"tags": {"a": "one"}, "base": {"a": None}}
    both = blind.apply(resource, {"tags": {}}, written, {"tags": dict(resource)})
    assert both == {"tags": {"a": "one", "b": "two"}, "base": {"a": "theirs", "b": None}}
    assert resource == {"a": "one", "b": "two"}


def test_a_persons_value_is_not_even_written_again() -> None:
    """They may change it once more after our reading."""

    @dataclass(frozen=True)
    class Watched(TagMemory):
        def _set(self, aws: Any, tags: Mapping[str, str]) -> None:
            assert "theirs" not in tags.values()
            super()._set(aws, tags)

    resource: Any = {"a": "mine", "b": "mine"}
    both = Watched(PLACE, {"a": ("one",), "b": ("two",)})
    captured = both.capture(resource)
    written = both.apply(resource, captured, None)
    resource["b"] = "theirs"
    alone = replace(both, tags={"a": ("one",)}).apply(resource, captured, written)
    assert alone["base"] == {"a": "mine", "b": "theirs"}
    assert both.undo(resource, captured, written).state is Undone.DRIFTED
    assert resource == {"a": "mine", "b": "theirs"}


def test_the_oldest_reading_takes_ours_out_too() -> None:
    """It shows what was captured, from before a person's change that a later apply has noted."""
    resource: Any = {"a": "one"}
    old = TagMemory(PLACE, {"a": ("one",)})

    @dataclass(frozen=True)
    class Stale(TagMemory):
        def _read(self, aws: Any) -> dict[str, str]:
            return {"a": "mine"}

    written = {"tags": {"a": "one"}, "base": {"a": "theirs"}}
    undone = Stale(PLACE, old.tags).undo(resource, {"tags": {"a": "mine"}}, written)
    assert undone.left == {"tags": resource} == {"tags": {"a": "mine"}}
