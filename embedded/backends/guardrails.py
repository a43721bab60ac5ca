"""Guardrails that are there, and the one that an account enforces in a Region. moto has neither.

Guardrails are not made by the API here: ``is_there`` says that one exists. Sources: the service
model of ``bedrock``; Amazon Bedrock API Reference, "PutEnforcedGuardrailConfiguration" (with a
configId it changes that configuration), "ListEnforcedGuardrailsConfiguration" (one entry at most),
"DeleteEnforcedGuardrailConfiguration". What AWS says to a second configuration is not documented.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    implements,
    tables,
)
from embedded.backends.times import now

GUARDRAILS, ENFORCED = "bedrock-guardrails", "bedrock-enforced-guardrail"
PROMPT_ATTACKS: Mapping[str, Any] = {
    "type": "PROMPT_ATTACK",
    "inputStrength": "HIGH",
    "outputStrength": "NONE",
    "inputAction": "BLOCK",
    "inputEnabled": True,
}


def is_there(
    id: str,
    version: str,
    where: Where,
    *filters: Mapping[str, Any],
    **more: Any,
) -> None:
    """A version of a guardrail exists, with these filters; without any it blocks prompt attacks."""
    where.table(GUARDRAILS)[id, version] = {
        "status": "READY",
        "contentPolicy": {"filters": [dict(one) for one in filters or (PROMPT_ATTACKS,)]},
        **more,
    }


def enforced() -> dict[str, Any]:
    """What is enforced, in every account and Region, by its id."""
    return {id: one for table in tables(ENFORCED) for id, one in sorted(table.items())}


@implements("bedrock", "GetGuardrail")
def get_guardrail(params: Params, where: Where) -> Response:
    """Of this account, by its id or ARN; without a version the draft."""
    id = _id(params["guardrailIdentifier"], where)
    version = params.get("guardrailVersion", "DRAFT")
    found = where.table(GUARDRAILS).get((id, version))
    if found is None:
        raise _not_found(f"guardrail {id}, version {version}")
    made = now()
    return {
        "name": "guardrail",
        "guardrailId": id,
        "guardrailArn": where.arn("bedrock", f"guardrail/{id}"),
        "version": version,
        "createdAt": made,
        "updatedAt": made,
        "blockedInputMessaging": "blocked",
        "blockedOutputsMessaging": "blocked",
        **found,
    }


@implements("bedrock", "PutEnforcedGuardrailConfiguration")
def put_enforced_guardrail_configuration(params: Params, where: Where) -> Response:
    """Makes the configuration, or changes the one that is named, wholly."""
    given, table = params["guardrailInferenceConfig"], where.table(ENFORCED)
    id, version = _id(given["guardrailIdentifier"], where), given["guardrailVersion"]
    if (id, version) not in where.table(GUARDRAILS):
        raise _not_found(f"guardrail {id}, version {version}")
    named = params.get("configId")
    if named is not None and named not in table:
        raise _not_found(f"configuration {named}")
    if named is None and table:
        raise NotModelled("a second enforced guardrail of an account and Region")
    config = named or hashlib.sha256(f"{where.account}{where.region}{id}".encode()).hexdigest()[:12]
    table[config] = {
        "guardrailId": id,
        "guardrailArn": where.arn("bedrock", f"guardrail/{id}"),
        "guardrailVersion": version,
        "owner": "ACCOUNT",
        **{
            name: given[name]
            for name in ("modelEnforcement", "selectiveContentGuarding")
            if name in given
        },
    }
    return {"configId": config, "updatedAt": now()}


@implements("bedrock", "ListEnforcedGuardrailsConfiguration")
def list_enforced_guardrails_configuration(params: Params, where: Where) -> Response:
    """The account's own; an organization's are not listed."""
    if "nextToken" in params:
        raise Refusal("ValidationException", "nextToken is not one of ours")
    listed = [{"configId": id, **one} for id, one in where.table(ENFORCED).items()]
    return {"guardrailsConfig": listed}


@implements("bedrock", "DeleteEnforcedGuardrailConfiguration")
def delete_enforced_guardrail_configuration(params: Params, where: Where) -> Response:
    """By the configuration's id."""
    if where.table(ENFORCED).pop(params["configId"], None) is None:
        raise _not_found(f"configuration {params['configId']}")
    return {}


def _id(named: str, where: Where) -> str:
    if not named.startswith("arn:"):
        return named
    if not named.startswith(where.arn("bedrock", "guardrail/")):
        raise NotModelled(f"a guardrail of another account or Region: {named}")
    return named.rpartition("/")[2]


def _not_found(what: str) -> Refusal:
    return Refusal("ResourceNotFoundException", f"{what} does not exist")
