"""How complex the wildcards of a field are, as EventBridge counts them before it takes a rule.

PutRule refuses a rule that is "too complex" (EventBridge User Guide, "Comparison operators for use
in event patterns", Wildcard matching). What it counts is in its engine, aws/event-ruler,
``MachineComplexityEvaluator``: of how many wildcard patterns can one value be within at the same
time? What patterns have in common up to their first asterisk is one state, which counts for each
of them. AWS publishes no number. In public repositories rules of 8 were taken and one of 16 was
refused, and an independent implementation that was held against the service has 10.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cache

MOST = 10

State = tuple[str, str]  # whose (of all patterns: ""), and what has been read of it
_ANY = ""  # a character that no pattern names
_START = ("", "")


class _Machine:
    """Where each character leads, from a state; an asterisk's own state leads to itself."""

    def __init__(self, patterns: Collection[str]) -> None:
        self.within: dict[State, set[str]] = {}
        self._by: dict[tuple[State, str], set[State]] = {}
        self.characters = {_ANY}
        for pattern in patterns:
            self._add(pattern)

    def _add(self, pattern: str) -> None:
        tokens = list(_tokens(pattern))
        states = [_START, *_states(pattern, tokens)]
        for position, token in enumerate(tokens):
            before, after = states[position], states[position + 1]
            self.within.setdefault(after, set()).add(pattern)
            if token == "*":
                for state in (before, after):
                    self._lead(state, _ANY, after)
                continue
            self.characters.add(token)
            self._lead(before, token, after)
            if position and tokens[position - 1] == "*":  # which may stand for nothing
                self._lead(states[position - 1], token, after)

    def _lead(self, state: State, character: str, to: State) -> None:
        self._by.setdefault((state, character), set()).add(to)

    def after(self, states: Iterable[State], character: str) -> frozenset[State]:
        """Where a value is that was in ``states``, after one character more."""
        to = [self._by.get((state, c), set()) for state in states for c in {_ANY, character}]
        return frozenset(set().union(*to))

    def weight(self, states: frozenset[State]) -> int:
        """Of how many patterns such a value is within; an asterisk may stand for nothing."""
        stars = {star for state in states for star in self._by.get((state, _ANY), set())}
        return sum(len(self.within[state]) for state in states | stars)


def _tokens(pattern: str) -> Iterator[str]:
    """Characters, an escaped one with its backslash, between the quotes of a JSON text."""
    characters = iter(pattern)
    yield '"'
    for character in characters:
        yield f"\\{next(characters)}" if character == "\\" else character
    yield '"'


def _states(pattern: str, tokens: list[str]) -> Iterator[State]:
    shared, read = True, ""
    for token in tokens:
        read += token
        yield ("" if shared else pattern, read)
        shared = shared and token != "*"


def complexity(patterns: Collection[str]) -> int:
    """The number for the wildcard patterns of one field; counting ends above ``MOST``."""
    return _counted(frozenset(patterns))


@cache
def _counted(patterns: frozenset[str]) -> int:
    machine, most = _Machine(patterns), 0
    waiting, seen = [frozenset({_START})], set[frozenset[State]]()
    while waiting and most <= MOST:
        states = waiting.pop()
        for character in machine.characters:
            after = machine.after(states, character)
            if after and after not in seen:
                seen.add(after)
                waiting.append(after)
                most = max(most, machine.weight(after))
    return most
