"""Macie's own event: ``aws.macie``, "Macie Finding".

Source: Macie User Guide, "Amazon EventBridge event schema for Macie findings", and the service
model's ``Finding``. Required: ``id``, ``accountId``, ``region``, ``type`` and one of the times.
A sample says so, and names ``macie-sample-finding-bucket``.
"""

from cordon.finding import ARN, Finding, HubReference, Place, Principal, Resource, State
from cordon.sources import places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import actors, bucket, distinct, principal, s3_object

SAMPLE_BUCKET = "macie-sample-finding-bucket"
# userIdentity.type: the member that holds it
_MEMBERS = {
    "AssumedRole": "assumedRole",
    "IAMUser": "iamUser",
    "FederatedUser": "federatedUser",
    "Root": "root",
    "AWSAccount": "awsAccount",
    "AWSService": "awsService",
}


def read(detail: Field, digest: str) -> Finding:
    """The finding in ``detail``."""
    place = places.place(
        detail["accountId"], detail["region"], detail["partition"].optional(shapes.PARTITION)
    )
    id = detail["id"].required(shapes.FINDING_ID)
    call = detail["policyDetails"]["action"]["apiCallDetails"]
    first, last = times.first_and_last(
        (call["firstSeen"], detail["createdAt"]), (detail["updatedAt"], call["lastSeen"])
    )
    found = _resources(detail["resourcesAffected"], place)
    caller = _principal(detail["policyDetails"]["actor"]["userIdentity"])
    return Finding(
        id=id,
        source="macie",
        channel="macie",
        type=detail["type"].required(shapes.FINDING_TYPE),
        severity=severity.macie(detail["severity"]),
        place=place,
        first_seen=first,
        last_seen=last,
        state=State.ARCHIVED if detail["archived"].boolean() else State.ACTIVE,
        sample=detail["sample"].boolean() or any(r.name == SAMPLE_BUCKET for r in found),
        authored_by_aws=True,
        resources=distinct([*found, *actors(caller, place)]),
        principal=caller,
        title=detail["title"].text(text.TITLE),
        description=detail["description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        hub=HubReference(
            id, f"arn:{place.partition}:securityhub:{place.region}::product/aws/macie"
        ),
    )


def _resources(affected: Field, place: Place) -> list[Resource]:
    """The bucket, and the object in it; the object's ``bucketArn`` stands in for the bucket."""
    holder, item = affected["s3Bucket"], affected["s3Object"]
    found: list[Resource] = []
    if holder["name"].present or holder["arn"].present:
        found.append(bucket(holder["name"], holder["arn"], place))
    elif item["bucketArn"].present:
        found.append(bucket(holder["name"], item["bucketArn"], place))
    if item["key"].present and found:
        found.append(s3_object(item["key"], found[0]))
    return found


def _principal(identity: Field) -> Principal | None:
    kind = identity["type"]
    member = _MEMBERS.get(kind.optional(shapes.PRINCIPAL_TYPE), "")
    if not member:  # none given, or a kind that Macie added since
        return None
    who = identity[member]
    issuer = who["sessionContext"]["sessionIssuer"]
    return principal(
        kind,
        _name(member, who, issuer),
        id=who["principalId"],
        key=who["accessKeyId"],
        account=who["accountId"].optional(shapes.ACCOUNT_ID),
        issuer=_role(issuer["arn"]),
    )


def _name(member: str, who: Field, issuer: Field) -> Field:
    """The role behind the session, the user, the service; else the last part of the ARN."""
    if member == "assumedRole" and issuer["userName"].present:
        return issuer["userName"]
    given = {"iamUser": "userName", "awsService": "invokedBy", "awsAccount": "accountId"}
    if who[given.get(member, "userName")].present:
        return who[given.get(member, "userName")]
    parts = ARN.fullmatch(who["arn"].optional(shapes.ARN))
    # assumed-role/<role>/<session>; user/<path>/<name>; federated-user/<name>; root
    segments = parts["resource"].split("/") if parts else [""]
    last = segments[1:2] if member == "assumedRole" else segments[-1:]
    return Field(who["arn"].path, "".join(last))


def _role(arn: Field) -> str:
    told = arn.optional(shapes.ARN)
    return told if shapes.ROLE_ARN.matches(told) else ""
