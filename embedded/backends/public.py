"""Whether a bucket policy is public, in S3's sense of the word.

Source: Blocking public access to your Amazon S3 storage, The meaning of "public". A policy is
public unless every Allow for everybody is held to fixed values of one of the named keys. A Deny
does not make a policy non-public.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

Statement = Mapping[str, Any]

# Keys that name who may have access, or from where. A fixed value has no wildcard and no variable.
_FIXED = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
}
_OPERATORS = {
    "arnequals",
    "arnlike",
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "ipaddress",
}
_BROAD = {4: 8, 6: 32}  # prefixes shorter than these are everybody


def is_public(policy: Mapping[str, Any]) -> bool:
    """Whether any statement lets everybody in."""
    return any(_lets_everybody_in(statement) for statement in statements(policy))


def statements(policy: Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy. A single one needs no list."""
    return listed(policy.get("Statement", []))


def listed(value: Any) -> list[Any]:
    """In IAM a single value needs no list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _lets_everybody_in(statement: Statement) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    everybody = "NotPrincipal" in statement or any(_is_everybody(p) for p in principals(statement))
    return everybody and not _held(statement.get("Condition", {}))


def principals(statement: Statement, element: str = "Principal") -> Iterator[tuple[str, str]]:
    """Kind ("AWS", "Service", …) and name of each principal, or of each NotPrincipal."""
    principal = statement.get(element, {})
    if isinstance(principal, str):
        yield "AWS", principal
        return
    for kind, names in principal.items():
        yield from ((kind, name) for name in listed(names))


def _is_everybody(principal: tuple[str, str]) -> bool:
    kind, name = principal
    return kind == "AWS" and "*" in name


def _held(condition: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether one key of the condition holds the statement to fixed values."""
    for operator, tests in condition.items():
        if operator.lower().removeprefix("foranyvalue:") not in _OPERATORS:
            continue
        for key, values in tests.items():
            if listed(values) and all(_is_fixed(key.lower(), str(v)) for v in listed(values)):
                return True
    return False


def _is_fixed(key: str, value: str) -> bool:
    if key == "aws:sourceip":
        return _is_narrow(value)
    if key not in _FIXED or "${" in value:
        return False
    if key == "s3:dataaccesspointarn":
        account = (value.split(":") + [""] * 6)[4]
        return account.isdigit()
    return "*" not in value and "?" not in value


def _is_narrow(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _BROAD[network.version]
