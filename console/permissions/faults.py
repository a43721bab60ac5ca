"""What is wrong with the roles, computed from template.yaml and the record alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.permissions.granted import (
    FUNCTION,
    Grant,
    callers,
    denies,
    documents,
    grants,
    said,
    tried_on,
)
from console.permissions.reasons import BY_SERVICES, WHY, WIDE
from console.permissions.record import Record
from console.permissions.reference import carries, kinds
from console.permissions.used import Uses
from embedded.policy_evaluation import listed, statements
from embedded.template import Stack


def faults(stack: Stack, record: Record) -> list[str]:
    """What is wrong with the roles, in words; ``stack`` is what ``shown`` gives."""
    given = [grant for caller in callers(stack) for grant in grants(stack, caller)]
    found = [
        *_unused(given, record.replayed),
        *_never_replayed(record),
        *_unexplained(given),
        *_wide(given),
        *_unprotected(stack),
        *_untried(stack, record),
        *(fault for name, one in _policies(stack) for fault in _conditions(name, one)),
    ]
    return list(dict.fromkeys(found))  # roles share policies


def _unused(given: list[Grant], used: Uses) -> Iterator[str]:
    """Nothing granted and unused, nothing used and not granted."""
    for grant in given:
        own, of_service = grant.text in used.get(grant.caller, {}), grant.action in BY_SERVICES
        if own and of_service:
            yield f"{grant.caller}: {grant.text} is used by our code, not by a service"
        elif not own and not of_service:
            yield f"{grant.caller}: {grant.text} ({grant.sid}) is granted and used by nothing"
    known = {(grant.caller, grant.text) for grant in given}
    for caller, of in used.items():
        for text in of:
            if (caller, text) not in known:
                yield f"{caller}: {text} was used and is not granted"
    twice = [one for one in known if sum((g.caller, g.text) == one for g in given) > 1]
    yield from (f"{caller}: {text} is granted twice" for caller, text in sorted(twice))
    surplus = BY_SERVICES.keys() - {grant.action for grant in given}
    yield from (f"{action} is said to be a service's and is not granted" for action in surplus)


def _never_replayed(record: Record) -> Iterator[str]:
    """What is seen end to end is seen in replay, by the same call."""
    for caller, of in record.deployed.items():
        for text, operations in of.items():
            for one in set(operations) - set(record.replayed.get(caller, {}).get(text, [])):
                yield f"{caller}: {text} is used by {one} end to end, and never in replay"


def _unexplained(given: list[Grant]) -> Iterator[str]:
    """A reason for every statement and every wildcard, and no reason without."""
    sids = {grant.sid for grant in given}
    patterns = {grant.resource for grant in given if "*" in grant.resource} - {"*"}
    for what, told, wanted in (("statement", WHY, sids), ("pattern", WIDE, patterns)):
        yield from (f"no reason is told for the {what} {one}" for one in wanted - told.keys())
        yield from (f"a reason is told for no {what}: {one}" for one in told.keys() - wanted)


def _wide(given: list[Grant]) -> Iterator[str]:
    """``*`` only where AWS knows no resource of the action, and no wildcard in an action."""
    for grant in given:
        if "*" in grant.action:
            yield f"{grant.caller}: {grant.action} is a wildcard"
        elif (grant.resource == "*") == bool(kinds(grant.action)):
            known = ", ".join(kinds(grant.action)) or "no resource"
            yield f"{grant.caller}: {grant.text}: AWS knows {known} of it"


def _unprotected(stack: Stack) -> Iterator[str]:
    """The denies are every function's."""
    for function in stack.of(FUNCTION):
        if "ProtectedPolicy" not in documents(stack, function.logical):
            yield f"{function.logical}: its role has not the policy Protected"


def _untried(stack: Stack, record: Record) -> Iterator[str]:
    """Every resource of every deny was tried, and nothing else."""
    wanted = {(sid, one) for sid, statement in denies(stack) for one in tried_on(statement)}
    tried = {(sid, one) for sid, of in record.denied.items() for one in of}
    yield from (f"the deny {sid} was not tried on {one}" for sid, one in sorted(wanted - tried))
    yield from (f"tried and not denied: {sid} on {one}" for sid, one in sorted(tried - wanted))


def _policies(stack: Stack) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of a role or of the evidence bucket."""
    for caller in callers(stack):
        for effect in ("Allow", "Deny"):
            yield from said(stack, caller, effect)
    evidence = stack.resources["EvidenceBucketPolicy"].properties["PolicyDocument"]
    yield from (("EvidenceBucketPolicy", statement) for statement in statements(evidence))


def _conditions(policy: str, statement: Mapping[str, Any]) -> Iterator[str]:
    """A key that an action does not carry makes an Allow never match, and a Deny neither."""
    for key in (key for block in statement.get("Condition", {}).values() for key in block):
        for action in listed(statement.get("Action", statement.get("NotAction"))):
            if not carries(action, key):
                yield f"{policy} {statement['Sid']}: {action} carries no {key}"
