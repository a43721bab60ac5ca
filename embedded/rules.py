"""The EventBridge rules of a stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedded import event_patterns
from embedded.stack import Resource, Stack


@dataclass(frozen=True)
class Target:
    """Where a rule sends what it matches."""

    id: str
    arn: str
    role: str  # ARN, "" where the target's own policy decides
    raw: Mapping[str, Any]

    @property
    def dead_letters(self) -> str:
        """ARN of the queue for what could not be delivered, "" where there is none."""
        return str(self.raw.get("DeadLetterConfig", {}).get("Arn", ""))


@dataclass(frozen=True)
class Rule:
    """A rule of the template."""

    logical: str
    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[Target, ...]
    enabled: bool
    bus: str = "default"

    def matches_flat(self, event: event_patterns.Leaves) -> bool:
        """Whether the rule is on and its pattern matches a flat event."""
        return self.enabled and event_patterns.matches_flat(self.pattern, event)


def rules_of(stack: Stack) -> dict[str, Rule]:
    """The rules of a stack, patterns checked."""
    return {
        r.logical: _rule(r) for r in stack.of("AWS::Events::Rule") if "EventPattern" in r.properties
    }


def scheduled_rules_of(stack: Stack) -> dict[str, Rule]:
    """The rules of a stack that fire by time."""
    rules = stack.of("AWS::Events::Rule")
    return {r.logical: _rule(r) for r in rules if "ScheduleExpression" in r.properties}


def _rule(resource: Resource) -> Rule:
    properties = resource.properties
    targets = (
        Target(t["Id"], t["Arn"], t.get("RoleArn", ""), t) for t in properties.get("Targets", [])
    )
    return Rule(
        logical=resource.logical,
        name=resource.physical,
        arn=resource.arn,
        pattern=properties.get("EventPattern", {}),
        targets=tuple(targets),
        enabled=properties.get("State", "ENABLED") != "DISABLED",
        bus=properties.get("EventBusName", "default"),
    )
