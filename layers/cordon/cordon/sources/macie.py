"""Macie's own event: ``aws.macie``, "Macie Finding".

Source: Macie User Guide, "Amazon EventBridge event schema for Macie findings", and the service
model's ``Finding``. Required: ``id``, ``accountId``, ``region``, ``type`` and one of the times.
A sample finding has ``sample: true`` and the bucket ``macie-sample-finding-bucket``.
"""

from datetime import datetime
from functools import partial

from cordon.finding import Finding, HubReference, Place, Principal, Resource, State
from cordon.sources import places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.identity import caller
from cordon.sources.resources import (
    actor_resources,
    bucket,
    leads_nowhere,
    readable,
    readable_principal,
    s3_object,
    unique,
)

SAMPLE_BUCKET = "macie-sample-finding-bucket"
# userIdentity.type: the member with the identity
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
    state = State.ARCHIVED if detail["archived"].boolean() else State.ACTIVE
    sample = detail["sample"].boolean()
    nowhere = leads_nowhere("macie", state, sample=sample)
    resources = readable(partial(_resources, detail, place), required=not nowhere)
    actor = readable_principal(lambda: _principal(detail["policyDetails"]["actor"]))
    return Finding(
        id=id,
        source="macie",
        channel="macie",
        type=detail["type"].required(shapes.FINDING_TYPE),
        severity=severity.macie(detail["severity"]),
        place=place,
        first_seen=first,
        last_seen=last,
        state=state,
        sample=sample or any(r.name == SAMPLE_BUCKET for r in resources),
        authored_by_aws=True,
        resources=unique([*resources, *actor_resources(actor, place)]),
        principal=actor,
        title=detail["title"].text(text.TITLE),
        description=detail["description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        hub=HubReference(
            id, f"arn:{place.partition}:securityhub:{place.region}::product/aws/macie"
        ),
        activity=times.readable(partial(_activity, detail)),
    )


def _activity(detail: Field) -> datetime | None:
    """When the call that a policy finding is about was last seen; sensitive data has none."""
    call = detail["policyDetails"]["action"]["apiCallDetails"]
    return times.activity(call["lastSeen"])


def _resources(detail: Field, place: Place) -> list[Resource]:
    """The bucket, and the object in it. Without ``s3Bucket`` the object's ``bucketArn`` is used."""
    affected = detail["resourcesAffected"]
    affected_bucket, item = affected["s3Bucket"], affected["s3Object"]
    resources: list[Resource] = []
    if affected_bucket["name"].present or affected_bucket["arn"].present:
        resources.append(bucket(affected_bucket["name"], affected_bucket["arn"], place))
    elif item["bucketArn"].present:
        resources.append(bucket(affected_bucket["name"], item["bucketArn"], place))
    if resources:
        resources += readable(partial(_object, item, resources[0]), required=False)
    return resources


def _object(item: Field, within: Resource) -> list[Resource]:
    return [s3_object(item["key"], within)] if item["key"].present else []


def _principal(actor: Field) -> Principal | None:
    identity = actor["userIdentity"]
    kind = identity["type"]
    member = _MEMBERS.get(kind.optional(shapes.PRINCIPAL_TYPE), "")
    if not member:  # no type, or one that Macie added later
        return None
    return caller(kind, identity[member])
