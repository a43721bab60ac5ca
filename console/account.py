"""Cordon in an embedded account: the one place that says what the account must know of our code.

with cordon_account(place, {"ModeQuarantineBucket": "enforce"}) as account:
    delivery = account.deliver(event)
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from embedded.account import EmbeddedAccount
from embedded.deployed_code import DeployedCode
from embedded.place import Place
from embedded.template import Stack, synthesise

ROOT = Path(__file__).parent.parent
STACK = "cordon"
CODE = DeployedCode(
    packages=("cordon",),
    client_caches=("cordon.clients._own", "cordon.clients._session"),
    settings=("CORDON_", "POWERTOOLS_"),
    sleeping=("cordon.clock",),
    parallel=("cordon.concurrency._make",),
)


def cordon_account(
    place: Place,
    parameters: Mapping[str, str],
    *,
    root: Path = ROOT,
    start: datetime | None = None,
    security_hub: bool = True,
) -> EmbeddedAccount:
    """An account with the stack of ``root``'s template, deployed with these parameters.

    The clock begins at ``start``, else now. ``security_hub``: is Security Hub enabled there?
    """
    return EmbeddedAccount(
        root / "template.yaml",
        account=place.account,
        region=place.region,
        partition=place.partition,
        parameters=parameters,
        stack=STACK,
        start=start,
        security_hub=security_hub,
        code=CODE,
    )


def cordon_stack(
    place: Place, parameters: Mapping[str, str] | None = None, *, root: Path = ROOT
) -> Stack:
    """The stack as it would be deployed there, without an account."""
    return synthesise(root / "template.yaml", place, parameters=parameters, stack=STACK)
