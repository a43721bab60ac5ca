"""Cordon in an embedded account: the one place that says what the account must know of our code.

with cordon_account(place, {"ModeCloseDatabase": "enforce"}) as account:
    delivery = account.deliver(event)
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from console.desk import DeskResponse
from console.stack import Stack as DeployedStack
from embedded.account import EmbeddedAccount
from embedded.deployed_code import DeployedCode
from embedded.place import Place
from embedded.stack import Stack
from embedded.template import synthesise

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


OPERATOR = "cordon-operator"
EVERY_VERB = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}],
}


def operator_of(account: EmbeddedAccount, user: str = OPERATOR) -> DeployedStack:
    """The operator's commands there. What is decided is sent by a user who may send every verb.

    The user exists only while a request is made: so what an event changes is compared without it.
    """

    def send(verb: str, body: Mapping[str, Any]) -> DeskResponse:
        iam = account.client("iam")
        arn = iam.create_user(UserName=user)["User"]["Arn"]
        named = {"UserName": user, "PolicyName": "every-verb"}
        iam.put_user_policy(**named, PolicyDocument=json.dumps(EVERY_VERB))
        try:
            response = account.request("POST", f"/{verb}", dict(body), caller=arn)
        finally:
            iam.delete_user_policy(**named)
            iam.delete_user(UserName=user)
        return DeskResponse(response.status, response.body)

    return DeployedStack(account.client, account.stack.outputs, desk=send)
