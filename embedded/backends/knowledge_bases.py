"""Policies of Bedrock's managed knowledge bases, which moto lacks.

Of a knowledge base that ``customization.base`` made. Sources: Amazon Bedrock User Guide, "Resource
policies for managed knowledge bases" (type MANAGED alone, two actions, the exact ARN); the service
model of ``bedrock-agent``. That no policy is a ResourceNotFoundException is our guess.
"""

import json
import uuid

from embedded.backends import customization
from embedded.backends.registry import Params, Refusal, Response, Where, implements, tables

SERVICE, TABLE = "bedrock-agent", "knowledge-base-policies"
ACTIONS = ("bedrock:GetDocumentContent", "bedrock:Retrieve")


def delete(id: str, where: Where) -> None:
    """Delete a knowledge base, with its policy."""
    where.table(customization.BASES).pop(id)
    where.table(TABLE).pop(where.arn("bedrock", f"knowledge-base/{id}"), None)


def policy_of(arn: str, where: Where) -> str | None:
    """The policy that it has now."""
    return where.table(TABLE).get(arn)


def all_policies() -> dict[str, str]:
    """The policies of all accounts and Regions, by ARN."""
    return {arn: text for table in tables(TABLE) for arn, text in sorted(table.items())}


def is_there(arn: str, where: Where) -> bool:
    """Did ``customization.base`` make it?"""
    return arn.rpartition("/")[2] in where.table(customization.BASES)


@implements(SERVICE, "GetResourcePolicy")
def get_resource_policy(params: Params, where: Where) -> Response:
    """The text as it was put."""
    arn = _existing(params["resourceArn"], where)
    if arn not in where.table(TABLE):
        raise Refusal("ResourceNotFoundException", f"{arn} has no policy")
    return _said(arn, where) | {"policy": where.table(TABLE)[arn]}


@implements(SERVICE, "PutResourcePolicy")
def put_resource_policy(params: Params, where: Where) -> Response:
    """Keeps the text of a valid policy."""
    arn = _existing(params["resourceArn"], where)
    if where.table(customization.TYPES)[arn.rpartition("/")[2]] != "MANAGED":
        raise Refusal("ValidationException", f"{arn} is no managed knowledge base")
    for statement in json.loads(params["policy"])["Statement"]:
        actions = statement["Action"]
        if statement["Resource"] != arn:
            raise Refusal("ValidationException", "Resource must be the knowledge base's ARN")
        if not {*([actions] if isinstance(actions, str) else actions)} <= {*ACTIONS}:
            raise Refusal("ValidationException", "an action is not supported")
    where.table(TABLE)[arn] = params["policy"]
    return _said(arn, where)


@implements(SERVICE, "DeleteResourcePolicy")
def delete_resource_policy(params: Params, where: Where) -> Response:
    """A policy that is not there is not found."""
    arn = _existing(params["resourceArn"], where)
    if where.table(TABLE).pop(arn, None) is None:
        raise Refusal("ResourceNotFoundException", f"{arn} has no policy")
    return _said(arn, where)


def _existing(arn: str, where: Where) -> str:
    if not is_there(arn, where):
        raise Refusal("ResourceNotFoundException", f"{arn} does not exist")
    return arn


def _said(arn: str, where: Where) -> Response:
    """A revision of the text: our guess, as no form is documented."""
    text = where.table(TABLE).get(arn, "")
    return {"resourceArn": arn, "revisionId": str(uuid.uuid5(uuid.NAMESPACE_URL, text))}
