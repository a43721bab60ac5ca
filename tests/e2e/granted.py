"""Which grants of the deployed roles were used, for docs/permissions.md.

The emulator's own IAM says what was requested of it: actions and resources, no API names. A use is
put down under the names that replay saw for the same grant.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from console.permissions.granted import callers, grants, role_of, stack_with_all_parameters
from console.permissions.reasons import BY_SERVICES
from console.permissions.record import Record
from console.permissions.used import Uses, merged, renaming, uses
from embedded.journal import Called
from embedded.place import Place
from embedded.template import synthesise
from tests.e2e.account import ACCOUNT, BREAK_GLASS, NAME, ROOT, Account

RECORD = "RECORD" in os.environ


def check(account: Account, calls: Iterable[Mapping[str, Any]]) -> None:
    """Every call is granted by one statement, and the record has it; RECORD=1 writes it there."""
    record, seen = Record.read(ROOT), used(account, calls)
    if RECORD:
        record.with_deployed(merged(record.deployed, seen)).write(ROOT)
        return
    missing = {
        caller: sorted(of.keys() - record.deployed.get(caller, {}).keys())
        for caller, of in seen.items()
    }
    assert not any(missing.values()), f"{missing}: make permissions"


def used(account: Account, calls: Iterable[Mapping[str, Any]]) -> Uses:
    """The grants these calls used, but for what Lambda does itself. Raises NotGranted."""
    place = Place(ACCOUNT, account.region)
    stack = synthesise(
        ROOT / "template.yaml",
        place,
        parameters={
            "BreakGlassRoles": BREAK_GLASS,
            **{name: account.parameters[name] for name in ("DigestKey", "InvocationLogRole")},
        },
        functions=ROOT / "functions",
        stack=NAME,
    )
    roles = {account.physical(role_of(stack, one).logical): one for one in callers(stack)}
    rename = renaming(stack, account.resources)
    made = []
    for call in calls:
        caller = roles.get(call["principal"].split("/")[-2])
        if caller and not call["refused"]:
            service, name = call["action"].split(":")
            wanted = ((call["action"], rename(call["resource"])),)
            role = role_of(stack, caller).arn
            made.append(Called(caller, role, service, name, {}, account.region, wanted, True))
    replayed = Record.read(ROOT).replayed
    by_lambda = {
        (caller, one.text)
        for caller in roles.values()
        for one in grants(stack_with_all_parameters(ROOT), caller)
        if (one.sid, one.action) in BY_SERVICES
    }
    return {
        caller: {
            grant: replayed.get(caller, {}).get(grant, names)
            for grant, names in of.items()
            if (caller, grant) not in by_lambda
        }
        for caller, of in uses(stack, made, ROOT).items()
    }
