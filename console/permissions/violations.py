"""Finds mistakes in the roles from template.yaml and the record alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.account import ROOT
from console.permissions.granted import (
    FUNCTION,
    Grant,
    callers,
    denies,
    documents,
    grants,
    statements_of,
    tried_resources,
)
from console.permissions.reasons import BY_SERVICES, UNNAMED, why, wide
from console.permissions.record import Record
from console.permissions.reference import carries, fits, kinds
from console.permissions.used import Uses
from console.playbooks import playbooks
from embedded.policy_evaluation import listed, statements
from embedded.stack import Stack


def violations(stack: Stack, record: Record) -> list[str]:
    """The mistakes in the roles. ``stack`` is from ``stack_with_all_parameters``."""
    granted = [grant for caller in callers(stack) for grant in grants(stack, caller)]
    result = [
        *_unused(granted, record.replayed),
        *_never_replayed(record),
        *_unexplained(granted),
        *_wide(granted),
        *_unprotected(stack),
        *_untried(stack, record),
        *(text for name, statement in _policies(stack) for text in _conditions(name, statement)),
    ]
    return list(dict.fromkeys(result))  # roles share policies


def _unused(granted: list[Grant], used: Uses) -> Iterator[str]:
    """Each grant must be used, each use must be granted, and each only once."""
    for grant in granted:
        by_code = grant.text in used.get(grant.caller, {})
        by_service = (grant.sid, grant.action) in BY_SERVICES
        if by_code and by_service:
            yield f"{grant.caller}: {grant.text} is used by Cordon's code, not by a service"
        elif not by_code and not by_service:
            yield f"{grant.caller}: {grant.text} ({grant.sid}) is granted and not used"
    known = {(grant.caller, grant.text) for grant in granted}
    for caller, uses in used.items():
        for text in uses:
            if (caller, text) not in known:
                yield f"{caller}: {text} was used and is not granted"
    twice = [pair for pair in known if sum((g.caller, g.text) == pair for g in granted) > 1]
    yield from (f"{caller}: {text} is granted twice" for caller, text in sorted(twice))
    surplus = BY_SERVICES.keys() - {(grant.sid, grant.action) for grant in granted}
    for sid, action in sorted(surplus):
        yield f"{action} of {sid} is listed in BY_SERVICES and not granted"


def _never_replayed(record: Record) -> Iterator[str]:
    """Each use in the end-to-end tests must also occur in replay, by the same call."""
    for caller, uses in record.deployed.items():
        for text, operations in uses.items():
            for operation in set(operations) - set(record.replayed.get(caller, {}).get(text, [])):
                yield f"{caller}: {text} is used by {operation} end to end, and never in replay"


def _unexplained(granted: list[Grant]) -> Iterator[str]:
    """Each statement and each wildcard needs a reason, and no reason is left over."""
    sids = {grant.sid for grant in granted}
    patterns = {grant.resource for grant in granted if "*" in grant.resource} - {"*"}
    headers = playbooks(ROOT)
    reasons = (("statement", why(headers), sids), ("pattern", wide(headers), patterns))
    for kind, documented, needed in reasons:
        yield from (f"no reason for the {kind} {name}" for name in needed - documented.keys())
        yield from (f"reason without a {kind}: {name}" for name in documented.keys() - needed)


def _wide(granted: list[Grant]) -> Iterator[str]:
    """``*`` only for an action without resource types, else an ARN of one of them.

    An action has no wildcard.
    """
    for grant in granted:
        if "*" in grant.action:
            yield f"{grant.caller}: {grant.action} is a wildcard"
        elif (grant.resource == "*") == bool(kinds(grant.action)):
            known = ", ".join(kinds(grant.action)) or "none"
            yield f"{grant.caller}: {grant.text}: its resource types at AWS: {known}"
        elif fits(grant.action, grant.resource) is (grant.action in UNNAMED):
            what = (
                "has a reason in UNNAMED and needs none"
                if grant.action in UNNAMED
                else (f"is the ARN of none of its types at AWS: {', '.join(kinds(grant.action))}")
            )
            yield f"{grant.caller}: {grant.text} {what}"


def _unprotected(stack: Stack) -> Iterator[str]:
    """Every function's role needs the denies."""
    for function in stack.of(FUNCTION):
        if "ProtectedPolicy" not in documents(stack, function.logical):
            yield f"{function.logical}: its role does not have the policy ProtectedPolicy"


def _untried(stack: Stack, record: Record) -> Iterator[str]:
    """Every resource of every deny must be tried, and nothing else."""
    needed = {(sid, name) for sid, deny in denies(stack) for name in tried_resources(deny)}
    tried = {(sid, name) for sid, names in record.denied.items() for name in names}
    yield from (f"the deny {sid} was not tried on {name}" for sid, name in sorted(needed - tried))
    yield from (f"tried and not denied: {sid} on {name}" for sid, name in sorted(tried - needed))


def _policies(stack: Stack) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of a role or of the evidence bucket."""
    for caller in callers(stack):
        for effect in ("Allow", "Deny"):
            yield from statements_of(stack, caller, effect)
    evidence = stack.resources["EvidenceBucketPolicy"].properties["PolicyDocument"]
    yield from (("EvidenceBucketPolicy", statement) for statement in statements(evidence))


def _conditions(policy: str, statement: Mapping[str, Any]) -> Iterator[str]:
    """A statement never matches if a condition key is not in the action's requests."""
    for key in (key for block in statement.get("Condition", {}).values() for key in block):
        for action in listed(statement.get("Action", statement.get("NotAction"))):
            if not carries(action, key):
                yield f"{policy} {statement['Sid']}: {action} has no condition key {key}"
