"""Decides as IAM does, from policies and a request alone. Pure.

Follows "Policy evaluation logic" and "IAM JSON policy elements: Condition operators" of the IAM
user guide: an explicit deny wins; identity policies, boundary, session policies and service
control policies must each allow; a resource policy may allow within its own account.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

Context = Mapping[str, str | Sequence[str]]
Policy = Mapping[str, Any]


class Decision(StrEnum):
    """What IAM decides."""

    ALLOWED = "allowed"
    DENIED = "explicitDeny"
    NOT_ALLOWED = "implicitDeny"


class Document(dict[str, Any]):
    """A policy that stays as it is: which statements name an action is looked for once."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._naming: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def naming(self, effect: str, action: str) -> list[dict[str, Any]]:
        """Its statements of this effect that the action is among."""
        if (effect, action) not in self._naming:
            self._naming[effect, action] = _naming(self, effect, action)
        return self._naming[effect, action]


@dataclass(frozen=True)
class Request:
    """One action on one resource by one principal. Context keys are not case-sensitive."""

    principal: str  # role or user ARN, or a service: "events.amazonaws.com"
    action: str  # "s3:PutBucketPolicy"
    resource: str  # ARN, or "*"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """All policies that count for a request. None means: no such policy is set."""

    identity: Sequence[Policy]
    boundary: Sequence[Policy] | None = None
    session: Sequence[Policy] | None = None
    control: Sequence[Sequence[Policy]] = ()  # SCPs, one list a level
    resource: Sequence[Policy] = ()
    same_account: bool = True


def decide(request: Request, policies: Policies) -> Decision:
    """Whether the request may go ahead."""
    limits = [p for p in (policies.boundary, policies.session) if p is not None]
    limits += policies.control
    everything = [*policies.identity, *policies.resource, *(p for one in limits for p in one)]
    if any(_says("Deny", request, p, p in policies.resource) for p in everything):
        return Decision.DENIED
    if not all(allows(request, limit) for limit in limits):
        return Decision.NOT_ALLOWED
    by_identity = allows(request, policies.identity)
    by_resource = any(_says("Allow", request, p, True) for p in policies.resource)
    enough = (by_identity or by_resource) if policies.same_account else by_identity and by_resource
    return Decision.ALLOWED if enough else Decision.NOT_ALLOWED


def allows(request: Request, policies: Iterable[Policy]) -> bool:
    """True when one of the policies has a statement that allows the request."""
    return any(_says("Allow", request, policy, False) for policy in policies)


def denies(request: Request, policies: Iterable[Policy], *, of_resource: bool = False) -> bool:
    """True when one of the policies denies the request."""
    return any(_says("Deny", request, policy, of_resource) for policy in policies)


def statements(policy: Policy) -> list[dict[str, Any]]:
    """The statements of a policy document, always a list."""
    return listed(policy.get("Statement", []))


def listed(value: Any) -> list[Any]:
    """A single value or a list, as a list."""
    return value if isinstance(value, list) else [value]


def parse(document: str | Policy) -> Policy:
    """A policy document from its text."""
    return json.loads(document) if isinstance(document, str) else document


def _says(effect: str, request: Request, policy: Policy, of_resource: bool) -> bool:
    if isinstance(policy, Document):
        named = policy.naming(effect, request.action)
    else:
        named = _naming(policy, effect, request.action)
    return any(applies(s, request, of_resource) for s in named)


def _naming(policy: Policy, effect: str, action: str) -> list[dict[str, Any]]:
    return [s for s in statements(policy) if s["Effect"] == effect and _action(s, action)]


def applies(statement: Mapping[str, Any], request: Request, of_resource: bool = False) -> bool:
    """True when principal, action, resource and conditions of the statement match."""
    named = not of_resource or _principal(statement, request)
    if not (named and _action(statement, request.action)):
        return False
    lowered = {k.lower(): v for k, v in request.context.items()}
    return _resource(statement, request.resource, lowered) and _conditions(
        statement.get("Condition", {}), lowered
    )


def _principal(statement: Mapping[str, Any], request: Request) -> bool:
    if "NotPrincipal" in statement:
        return not _is_principal(statement["NotPrincipal"], request)
    return _is_principal(statement.get("Principal", {}), request)


def _is_principal(principal: Any, request: Request) -> bool:
    if principal == "*":
        return True
    account = request.principal.split(":")[4] if request.principal.startswith("arn:") else ""
    for kind, values in principal.items():
        for value in listed(values):
            if value == "*" and kind == "AWS":
                return True
            if value in (request.principal, account):
                return True
            if account and re.fullmatch(rf"arn:[a-z-]+:iam::{account}:root", value):
                return True
    return False


def _action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _any_like(statement["NotAction"], action, fold=True)
    return _any_like(statement["Action"], action, fold=True)


def _resource(statement: Mapping[str, Any], resource: str, context: Context) -> bool:
    if "NotResource" in statement:
        return not _is_resource(statement["NotResource"], resource, context)
    return _is_resource(statement.get("Resource", "*"), resource, context)


def _is_resource(patterns: Any, resource: str, context: Context) -> bool:
    return any(_pattern(p, context).fullmatch(resource) for p in listed(patterns))


def _any_like(patterns: Any, value: str, *, fold: bool = False) -> bool:
    if isinstance(patterns, str):
        return _like(patterns, fold).fullmatch(value) is not None
    return _like_one_of(tuple(patterns), fold).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _like(pattern: str, fold: bool = False) -> re.Pattern[str]:
    return _like_one_of((pattern,), fold)


@lru_cache(maxsize=4096)
def _like_one_of(patterns: tuple[str, ...], fold: bool = False) -> re.Pattern[str]:
    """One expression for all patterns of a statement: a call is held against hundreds."""
    each = ("".join(map(_wildcard, pattern)) for pattern in patterns)
    return re.compile("|".join(f"(?:{one})" for one in each), _FLAGS[fold])


_FLAGS = {False: re.DOTALL, True: re.DOTALL | re.IGNORECASE}


def _wildcard(character: str) -> str:
    return {"*": ".*", "?": "."}.get(character) or re.escape(character)


_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def _pattern(pattern: str, context: Context) -> re.Pattern[str]:
    """Wildcards and policy variables. A variable's value is never itself a wildcard."""
    if "${" not in pattern:
        return _like(pattern)
    text, at = "", 0
    for match in _VARIABLE.finditer(pattern):
        text += _like(pattern[at : match.start()]).pattern + re.escape(_variable(match[1], context))
        at = match.end()
    return re.compile(text + _like(pattern[at:]).pattern, re.DOTALL)


def _variable(name: str, context: Context) -> str:
    """``${aws:username}``, ``${key, 'default'}``, or one of the literals ``${*} ${?} ${$}``."""
    if name in ("*", "?", "$"):
        return name
    key, _, default = name.partition(",")
    value = context.get(key.strip().lower())
    if isinstance(value, str):
        return value
    if default:
        return default.strip().strip("'\"")
    return "\x00"  # no value: the element matches nothing


def _conditions(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _condition(operator, key, listed(wanted), context)
        for operator, block in conditions.items()
        for key, wanted in block.items()
    )


def _condition(operator: str, key: str, wanted: list[Any], context: Context) -> bool:
    quantifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    found = context.get(key.lower())
    if name == "Null":
        return (found is None) == (str(wanted[0]).lower() == "true")
    test, negative = _test(name)
    if found is None:
        return (
            rest.endswith("IfExists")
            or quantifier == "ForAllValues"
            or (negative and quantifier != "ForAnyValue")
        )
    values = [found] if isinstance(found, str) else list(found)
    texts = [_text(w, context) for w in wanted]
    hits = [any(test(v, w) for w in texts) != negative for v in values]
    return (
        any(hits) if quantifier == "ForAnyValue" or (not quantifier and not negative) else all(hits)
    )


def _text(wanted: Any, context: Context) -> str:
    text = str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda m: _variable(m[1], context), text)


Test = Callable[[str, str], bool]


def _test(name: str) -> tuple[Test, bool]:
    if name in _TESTS:
        return _TESTS[name], False
    if name in _NEGATIVES:
        return _TESTS[_NEGATIVES[name]], True
    raise ValueError(f"unknown condition operator: {name}")


def _arn_like(value: str, pattern: str) -> bool:
    """Each of the six parts matches by itself (ArnEquals and ArnLike are the same)."""
    left, right = value.split(":", 5), pattern.split(":", 5)
    if len(left) != len(right):
        return False
    return all(_like(p).fullmatch(v) is not None for v, p in zip(left, right, strict=True))


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _in_network(value: str, network: str) -> bool:
    return ip_address(value) in ip_network(network, strict=False)


_TESTS: dict[str, Test] = {
    "StringEquals": lambda v, w: v == w,
    "StringEqualsIgnoreCase": lambda v, w: v.casefold() == w.casefold(),
    "StringLike": lambda v, w: _like(w).fullmatch(v) is not None,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda v, w: v.lower() == w.lower(),
    "BinaryEquals": lambda v, w: v == w,
    "NumericEquals": lambda v, w: float(v) == float(w),
    "NumericLessThan": lambda v, w: float(v) < float(w),
    "NumericLessThanEquals": lambda v, w: float(v) <= float(w),
    "NumericGreaterThan": lambda v, w: float(v) > float(w),
    "NumericGreaterThanEquals": lambda v, w: float(v) >= float(w),
    "DateEquals": lambda v, w: _moment(v) == _moment(w),
    "DateLessThan": lambda v, w: _moment(v) < _moment(w),
    "DateLessThanEquals": lambda v, w: _moment(v) <= _moment(w),
    "DateGreaterThan": lambda v, w: _moment(v) > _moment(w),
    "DateGreaterThanEquals": lambda v, w: _moment(v) >= _moment(w),
    "IpAddress": _in_network,
}
_NEGATIVES = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
