"""Which grants the calls of our code used: recorded where it runs.

``uses`` takes the calls of an embedded account's journal. Another recorder hands its own to
``called`` first.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import botocore.session

from console.permissions.granted import At, Grant, callers, grants, role_of, shown
from embedded.authorization import AccountFacts, needs
from embedded.journal import Called
from embedded.template import Stack

Uses = dict[str, dict[str, list[str]]]  # caller → "action resource" → ["s3:PutBucketPolicy"]


class NotGranted(AssertionError):
    """A call went through that no statement, or more than one, of its role stands for."""


def uses(stack: Stack, calls: Iterable[Called], root: Path) -> Uses:
    """The grants that these calls used. Raises NotGranted.

    ``stack`` is the one the calls were made in. Refused calls use nothing; calls under another
    role (a member account's) are none of its functions'.
    """
    names = _texts(shown(root))
    roles = {caller: role_of(stack, caller).arn for caller in callers(stack)}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for call in calls:
        if call.allowed and call.principal == roles.get(call.caller):
            for action, resource in call.actions:
                grant = _the_one(_given(stack, call.caller), action, resource)
                found[call.caller][names[grant.at]].add(f"{call.service}:{call.operation}")
    return _plain(found)


@lru_cache(maxsize=8)
def _texts(stack: Stack) -> Mapping[At, str]:
    every = (grant for caller in callers(stack) for grant in grants(stack, caller))
    return {grant.at: grant.text for grant in every}


@lru_cache(maxsize=64)
def _given(stack: Stack, caller: str) -> list[Grant]:
    return grants(stack, caller)


def _the_one(given: list[Grant], action: str, resource: str) -> Grant:
    covering = [grant for grant in given if grant.covers(action, resource)]
    if len(covering) != 1:
        several = ", ".join(grant.sid for grant in covering) or "no statement"
        raise NotGranted(f"{given[0].caller}: {action} on {resource} is granted by {several}")
    return covering[0]


def _plain(found: Mapping[str, Mapping[str, Iterable[str]]]) -> Uses:
    return {c: {g: sorted(ops) for g, ops in sorted(of.items())} for c, of in sorted(found.items())}


def merged(*several: Uses) -> Uses:
    """All uses of these together."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in several:
        for caller, of in one.items():
            for grant, operations in of.items():
                found[caller][grant].update(operations)
    return _plain(found)


class _Nowhere(AccountFacts):
    """Knows no principal of the account: ARNs of roles and users go without their path."""

    def role_arn(self, _name: str) -> None: ...

    def user_arn(self, _name: str) -> None: ...

    def key_owner(self, _access_key_id: str) -> None: ...

    def boundary_of(self, _arn: str) -> None: ...

    def partition_key(self, _arn: str) -> None: ...


def called(
    stack: Stack,
    caller: str,
    service: str,
    operation: str,
    params: Mapping[str, Any],
    *,
    deployed: Mapping[str, str] | None = None,
) -> Called:
    """A call that was made elsewhere, as the embedded account's recorder would have it.

    ``stack`` is ``synthesise(template, place, parameters=…, stack=…)`` of where it was made.
    ``service`` and ``operation`` are botocore's ("s3control", "TagResource"), ``caller`` is the
    logical id of the function or state machine. ``deployed`` has the physical ids there by logical
    id (cloudformation:DescribeStackResources). Leave out calls that failed with AccessDenied, and
    those made with the credentials of a member role. Raises Unmapped as the guard does.
    """
    model = _model(service)
    role = role_of(stack, caller).arn
    wanted = needs(service, model.signing_name, operation, params, stack.place, _Nowhere())
    rename = renaming(stack, deployed or {})
    actions = tuple((need.action, rename(need.resource)) for need in wanted)
    region = stack.place.region
    return Called(caller, role, service, operation, params, region, actions, allowed=True)


@cache
def _model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def renaming(stack: Stack, deployed: Mapping[str, str]) -> Callable[[str], str]:
    """Puts the names of ``stack`` in the place of those that a deployment made up."""
    known = {logical: one.physical for logical, one in stack.resources.items()}
    names = {_last(deployed[one]): _last(known[one]) for one in deployed.keys() & known.keys()}
    ordered = sorted(names, key=len, reverse=True)

    def rename(text: str) -> str:
        found = next((name for name in ordered if name in text), None)
        return text.replace(found, names[found]) if found else text

    return rename


def _last(physical: str) -> str:
    return re.split("[/:]", physical)[-1]
