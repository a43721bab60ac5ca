"""An account as the checks see it, and the modes of a stack that is deployed there.

What could not be read is *unknown*, with the permission or the error, and never anything better: so
one call that fails stops no other. Macie refuses with AccessDeniedException both a caller without
the right and where it is not enabled, and only its message says which it is (seen in
github.com/mondoohq/mql/pull/5988 and github.com/prowler-cloud/prowler/issues/1279).
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from console.aws_errors import is_passing, why_unknown
from console.coverage import cells, data
from console.coverage.checks import CHECKS, Account, Check, Result, Saw
from console.options import ROOT
from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.clock import now, to_iso
from cordon.memory import attestations
from cordon.memory.attestations import Attestation

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
MACIE_IS_OFF = "Macie is not enabled"
HUB_IS_OFF = "InvalidAccessException"  # AWS Security Hub API Reference: it is not enabled
NO_ENDPOINT = "the service is not in this Region, or cannot be reached"


def look(client: Callable[[str], Any], id: str) -> dict[str, Result]:
    """Every check's result, by its name. ``id`` is that of the account."""
    account = Account(client, id)
    return {name: looked(check, account) for name, check in CHECKS.items()}


def looked(check: Check, account: Account) -> Result:
    """One check's result."""
    try:
        return check.look(account)
    except ClientError as error:
        return _refused(check, error)
    except BotoCoreError as error:
        if not is_passing(error):
            raise
        return Result(Saw.UNKNOWN, NO_ENDPOINT)


def _refused(check: Check, error: ClientError) -> Result:
    code = error.response["Error"]["Code"]
    called = error.operation_name  # some need a permission of another name
    needed = next((one for one in check.permissions if one.endswith(f":{called}")), called)
    if code == HUB_IS_OFF and needed.startswith("securityhub:"):
        return Result(Saw.OFF)
    if code not in DENIED:
        return Result(Saw.UNKNOWN, f"{code} of {needed}")
    if MACIE_IS_OFF in error.response["Error"].get("Message", ""):
        return Result(Saw.OFF)
    return Result(Saw.UNKNOWN, needed)


def modes_of(found: Callable[[], Stack]) -> tuple[Mapping[str, str], str]:
    """The mode of each playbook in a stack, and what else is to be said of them."""
    try:
        settings = StackSettings.of(found())
        understood = settings.understood
    except NotPossible as why:
        return {}, str(why)
    except (ClientError, BotoCoreError) as error:
        return {}, f"unknown: {why_unknown(error)}"
    if understood.not_home:
        return {}, f"this stack only observes: {understood.not_home}"
    if understood.unreadable:
        return {}, "the settings are not understood: every playbook observes"
    named = {name: str(understood.mode(name)) for name in settings.playbooks}
    return named, f"master switch: {understood.switch}"


Attested = Mapping[str, Mapping[str, str]]  # what was said last, by cell


def attested_in(found: Callable[[], Stack]) -> tuple[Attested, str]:
    """What people attested at the desk of a stack, by cell, and why that is not known."""
    wanted = [about for about, _ in cells.subjects(data.read(ROOT).scopes)]
    try:
        kept = attestations.read(found().table, wanted)
    except NotPossible as why:
        return {}, str(why)
    except (KeyError, ValueError):
        return {}, "unknown: a row is not understood"
    except (ClientError, BotoCoreError) as error:
        return {}, f"unknown: {why_unknown(error)}"
    return {about: _shown(said) for about, said in kept.items()}, ""


def _shown(said: Attestation) -> dict[str, str]:
    return {
        "is": str(said.worth(now())),
        "says": said.says,
        "by": said.person,
        "at": to_iso(said.at),
        "until": to_iso(said.until),
    }
