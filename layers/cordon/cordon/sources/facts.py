"""What a source states beside the resources (``Finding.facts``): bounded, and never required.

A fact that cannot be read is absent. Whoever plans by one takes absence for the worse case.
"""

from collections.abc import Callable, Mapping

from cordon.finding import MOST_OF_A_FACT, Fact, Malformed
from cordon.sources.field import Field

BLOCKED, PASSED = "blocked", "passed"
ATTACKS = ("PROMPT_ATTACK", "JAILBREAK")  # the filters of attacks on the model itself
Facts = tuple[tuple[str, str], ...]


def stated(readers: Mapping[Fact, Callable[[], str]]) -> Facts:
    """What each of these reads, where it reads something."""
    read = {name: _readable(reader) for name, reader in readers.items()}
    return tuple((str(name), said) for name, said in read.items() if said)


def guardduty(detail: Field) -> Facts:
    """Of GuardDuty's own event: the service model's ``Finding`` and ``BedrockGuardrailDetails``."""
    return stated(
        {
            Fact.RULE: lambda: said(detail["customDetectionRuleName"]),
            Fact.SEQUENCE: lambda: said(detail["associatedAttackSequenceArn"]),
            Fact.INVOCATIONS: lambda: _invocations(detail),
            Fact.GUARDRAIL: lambda: _guardrail(detail["resource"]["bedrockGuardrailDetails"]),
        }
    )


def said(field: Field) -> str:
    """Its text, or its number as text."""
    value = field.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{field.number():.15g}"
    return field.text(MOST_OF_A_FACT)


def _invocations(detail: Field) -> str:
    has_models = detail["resource"]["modelDetails"].items()
    return said(detail["service"]["count"]) if has_models else ""


def _guardrail(details: Field) -> str:
    """GuardDuty finds an attack where a guardrail saw it; the filter of attacks says whether it
    blocked it, whatever other filters matched (GuardDuty User Guide, "GuardDuty AI Protection
    finding types"; GuardDuty API Reference, "ContentPolicyFilter").
    """
    filters = details["contentPolicyFilters"].items()
    actions = [one["action"].value for one in filters if one["type"].value in ATTACKS]
    if not actions:
        return ""
    return BLOCKED if all(action == "BLOCKED" for action in actions) else PASSED


def _readable(read: Callable[[], str]) -> str:
    try:
        return read()
    except Malformed:
        return ""
