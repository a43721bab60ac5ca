"""CloudTrail's ``userIdentity``, and Macie's which has its parts: who called.

Source: AWS CloudTrail User Guide, "CloudTrail userIdentity element".
"""

from cordon.finding import ARN, Principal
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.resources import principal

ASSUMED_ROLE = "AssumedRole"
_NAMES = {"AWSService": "invokedBy", "AWSAccount": "accountId"}


def caller(kind: Field, identity: Field) -> Principal | None:
    """The principal behind an identity of this type."""
    issuer = identity["sessionContext"]["sessionIssuer"]
    return principal(
        kind,
        _name(kind.optional(shapes.PRINCIPAL_TYPE), identity, issuer),
        id=identity["principalId"],
        key=identity["accessKeyId"],
        account=identity["accountId"].optional(shapes.ACCOUNT_ID),
        issuer=issuer["arn"].if_any(shapes.ROLE_ARN),
    )


def _name(type: str, identity: Field, issuer: Field) -> Field:
    """The name of the session's role, of the user or service; else the last part of the ARN."""
    if type == ASSUMED_ROLE and issuer["userName"].present:
        return issuer["userName"]
    stated = identity[_NAMES.get(type, "userName")]
    if stated.present:
        return stated
    parts = ARN.fullmatch(identity["arn"].optional(shapes.ARN))
    # assumed-role/<role>/<session>; user/<path>/<name>; federated-user/<name>; root
    segments = parts["resource"].split("/") if parts else [""]
    last = segments[1:2] if type == ASSUMED_ROLE else segments[-1:]
    return Field(identity["arn"].path, "".join(last))
