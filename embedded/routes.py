"""Which functions an event reaches, by the rules and event source mappings of a stack alone.

No account is needed for it. Permissions, retries and input transformers are ``delivery``'s.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from embedded import event_patterns
from embedded.deploy import functions_of
from embedded.queues import queues_of
from embedded.rules import Rule, rules_of
from embedded.stack import Stack


class Routes:
    """The routes of a stack from its default bus to its functions."""

    def __init__(self, stack: Stack) -> None:
        self._rules = tuple(rule for rule in rules_of(stack).values() if rule.bus == "default")
        self._functions = functions_of(stack)
        queues = {queue.arn for queue in queues_of(stack).values()}
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

    def _reached(self, rule: Rule) -> Iterator[str]:
        for target in rule.targets:
            polled = [
                m["FunctionName"] for m in self._mappings if m["EventSourceArn"] == target.arn
            ]
            for logical, function in self._functions.items():
                names = (function.arn, function.name)
                if target.arn == function.arn or any(name in names for name in polled):
                    yield logical
