"""Which functions an event reaches, by the rules and event source mappings of a stack alone.

And which queue keeps it where a function cannot handle it.

No account is needed for it. Permissions, retries and input transformers are ``delivery``'s.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from embedded import event_patterns
from embedded.deploy import functions_of
from embedded.queues import queues_of
from embedded.rules import Rule, Target, rules_of
from embedded.stack import Stack


class Routes:
    """The routes of a stack from its default bus to its functions."""

    def __init__(self, stack: Stack) -> None:
        self._rules = tuple(rule for rule in rules_of(stack).values() if rule.bus == "default")
        self._functions = functions_of(stack)
        self._queues = queues_of(stack)
        queues = {queue.arn for queue in self._queues.values()}
        self._mappings = [
            one.properties
            for one in stack.of("AWS::Lambda::EventSourceMapping")
            if one.properties["EventSourceArn"] in queues
        ]

    def of(self, event: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """The rules that match the event, each with the functions that get it; logical ids."""
        leaves = event_patterns.flat(event)
        return {
            rule.logical: tuple(self._reached(rule))
            for rule in self._rules
            if rule.matches_flat(leaves)
        }

    def dead_letters_of(self, event: Mapping[str, Any]) -> dict[str, str]:
        """The queue that keeps the event for each function that cannot handle it; logical ids.

        A function that Lambda retries has a failure destination or a dead-letter queue; a queue's
        message goes to the queue's own.
        """
        leaves = event_patterns.flat(event)
        by_arn = {queue.arn: logical for logical, queue in self._queues.items()}
        redrives = {queue.arn: queue.redrive for queue in self._queues.values()}
        found = {}
        for rule in self._rules:
            for target in rule.targets if rule.matches_flat(leaves) else ():
                for logical in self._of_target(target):
                    function = self._functions[logical]
                    own = function.on_failure or function.dead_letters
                    found[logical] = by_arn.get(redrives.get(target.arn, own), "")
        return found

    def heard(self) -> Iterator[tuple[str, str, str]]:
        """Source, detail-type and function, of each rule that names both."""
        for rule in self._rules:
            sources = rule.pattern.get("source", ())
            types = rule.pattern.get("detail-type", ())
            for source, detail_type in product(sources, types):
                yield from ((source, detail_type, one) for one in self._reached(rule))

    def _reached(self, rule: Rule) -> Iterator[str]:
        for target in rule.targets:
            yield from self._of_target(target)

    def _of_target(self, target: Target) -> Iterator[str]:
        polled = [m["FunctionName"] for m in self._mappings if m["EventSourceArn"] == target.arn]
        for logical, function in self._functions.items():
            names = (function.arn, function.name)
            if target.arn == function.arn or any(name in names for name in polled):
                yield logical
