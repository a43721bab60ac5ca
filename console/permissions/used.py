"""Which grants the calls of Cordon's code use, from recorded calls.

``uses`` reads the calls in an embedded account's journal. Another recorder first converts its
calls with ``called``.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import botocore.session

from console.permissions.granted import (
    At,
    Grant,
    callers,
    grants,
    role_of,
    stack_with_all_parameters,
)
from embedded.authorization import needs
from embedded.journal import Called
from embedded.required_permission import AccountFacts
from embedded.stack import Stack

MAPPING = "AWS::Lambda::EventSourceMapping"
Uses = dict[str, dict[str, list[str]]]  # caller → "action resource" → ["s3:PutBucketPolicy"]


class NotGranted(AssertionError):
    """No statement of the role, or more than one, allows a call that was allowed."""


def uses(stack: Stack, calls: Iterable[Called], root: Path) -> Uses:
    """The grants that these calls used. Raises NotGranted.

    ``stack`` is the stack in which the calls were made. Refused calls use no grant. Calls under
    another role (a member account's) do not count for the function.
    """
    names = _texts(stack_with_all_parameters(root))
    roles = {caller: role_of(stack, caller).arn for caller in callers(stack)}
    uses_by_caller: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for call in calls:
        if call.allowed and call.principal == roles.get(call.caller):
            for action, resource in call.actions:
                grant = _only_grant(_granted(stack, call.caller), action, resource)
                uses_by_caller[call.caller][names[grant.at]].add(f"{call.service}:{call.operation}")
    return _plain(uses_by_caller)


@lru_cache(maxsize=8)
def _texts(stack: Stack) -> Mapping[At, str]:
    every = (grant for caller in callers(stack) for grant in grants(stack, caller))
    return {grant.at: grant.text for grant in every}


@lru_cache(maxsize=64)
def _granted(stack: Stack, caller: str) -> list[Grant]:
    return grants(stack, caller)


def _only_grant(granted: list[Grant], action: str, resource: str) -> Grant:
    covering = [grant for grant in granted if grant.covers(action, resource)]
    if len(covering) != 1:
        several = ", ".join(grant.sid for grant in covering) or "no statement"
        raise NotGranted(f"{granted[0].caller}: {action} on {resource} is granted by {several}")
    return covering[0]


def _plain(uses_by_caller: Mapping[str, Mapping[str, Iterable[str]]]) -> Uses:
    return {
        c: {g: sorted(ops) for g, ops in sorted(used.items())}
        for c, used in sorted(uses_by_caller.items())
    }


def merged(*several: Uses) -> Uses:
    """The union of these uses."""
    uses_by_caller: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for uses in several:
        for caller, by_grant in uses.items():
            for grant, operations in by_grant.items():
                uses_by_caller[caller][grant].update(operations)
    return _plain(uses_by_caller)


class _NoFacts(AccountFacts):
    """Facts without any principal of the account: ARNs of roles and users have no path."""

    def role_arn(self, _name: str) -> None: ...

    def user_arn(self, _name: str) -> None: ...

    def key_owner(self, _access_key_id: str) -> None: ...

    def credential_service(self, _credential_id: str) -> None: ...

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
    """Convert a call made outside the embedded account into an entry of its journal.

    ``stack`` is ``synthesise(template, place, parameters=…, stack=…)`` for the place of the call.
    ``service`` and ``operation`` are botocore's ("s3control", "TagResource"). ``caller`` is the
    logical id of the function or state machine. ``deployed`` maps logical ids to physical ids
    (cloudformation:DescribeStackResources). Omit calls that failed with AccessDenied and calls with
    the credentials of a member role. Raises Unmapped like the embedded account's guard.
    """
    model = _model(service)
    role = role_of(stack, caller).arn
    needed = needs(service, model.signing_name, operation, params, stack.place, _NoFacts())
    rename = renaming(stack, deployed or {})
    actions = tuple((need.action, rename(need.resource)) for need in needed)
    region = stack.place.region
    return Called(caller, role, service, operation, params, region, actions, allowed=True)


@cache
def _model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def renaming(stack: Stack, deployed: Mapping[str, str]) -> Callable[[str], str]:
    """A function that replaces a deployment's generated names with the names in ``stack``."""
    known = {
        logical: item.physical
        for logical, item in stack.resources.items()
        if item.type != MAPPING  # its id is in the keys of what Lambda keeps for it in a bucket
    }
    names = {_last(deployed[id]): _last(known[id]) for id in deployed.keys() & known.keys()}
    ordered = sorted(names, key=len, reverse=True)

    def rename(text: str) -> str:
        match = next((name for name in ordered if name in text), None)
        return text.replace(match, names[match]) if match else text

    return rename


def _last(physical: str) -> str:
    return re.split("[/:]", physical)[-1]
