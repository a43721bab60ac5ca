"""The resources of an OCSF finding: ``resources``, and ``databucket`` in Macie's findings.

The Security Hub of 2025 sends CloudFormation types with bare names in ``uid`` and the ARN in
``uid_alt``. Earlier samples have ASFF types with the ARN in ``uid``. This module reads both.
"""

from cordon.finding import Place, Principal, Resource
from cordon.sources import shapes
from cordon.sources.asff_resources import kind_of
from cordon.sources.field import Field
from cordon.sources.resources import (
    actor_resources,
    bucket,
    from_arn,
    principal,
    resource,
    s3_object,
    s3_object_by_arn,
    unique,
)

_KEY = "AWS::IAM::AccessKey:"
_LONG_TERM = "AKIA"


def read(finding: Field, place: Place) -> tuple[tuple[Resource, ...], Principal | None]:
    """All resources, and the first principal whose credentials were used."""
    resources: list[Resource] = []
    principals: list[Principal] = []
    items = finding["resources"].items()
    objects = [item for item in items if kind_of(item["type"]) == shapes.OBJECT]
    for item in items:
        where = _place(item, place)
        kind = kind_of(item["type"])
        if kind == shapes.ACCESS_KEY:
            user = _principal(item)
            principals += [user] if user else []
            resources += actor_resources(user, where)
        elif kind != shapes.OBJECT:
            resources.append(_resource(item, kind, where))
    databucket = _databucket(finding["databucket"], place)
    resources += [databucket] if databucket else []
    for item in objects:
        resources += _object(item, resources, _place(item, place))
    return unique(resources), next(iter(principals), None)


def _resource(item: Field, kind: str, place: Place) -> Resource:
    id, alternative = item["uid"], item["uid_alt"]
    for field in (id, alternative):
        if field.identifier().startswith("arn:"):
            return from_arn(field, place, kind=kind)
    if kind == shapes.BUCKET:
        return bucket(id, alternative, place)
    return resource(id, kind, id.identifier(), place)


def _object(item: Field, resources: list[Resource], place: Place) -> list[Resource]:
    """An object by its ARN, or by its bare key if the finding has exactly one bucket."""
    buckets = [r for r in resources if r.type == shapes.BUCKET]
    uid = item["uid"].value
    if len(buckets) == 1 and not (isinstance(uid, str) and uid.startswith("arn:")):
        return [s3_object(item["uid"], buckets[0])]
    return list(s3_object_by_arn(item["uid"], place))


def _databucket(within: Field, place: Place) -> Resource | None:
    arn = within["uid"]
    if not (arn.present or within["name"].present):
        return None
    return bucket(within["name"], arn, place)


def _principal(item: Field) -> Principal | None:
    """The principal from GuardDuty's ``data``, else from ``user``. ``uid`` is the bare key id."""
    data, user = item["data"], item["user"]
    if data["AwsIamAccessKey"].present:
        return _asff_principal(item, data["AwsIamAccessKey"])
    uid = Field(item["uid"].path, item["uid"].identifier().removeprefix(_KEY))
    name = data["user_name"] if data["user_name"].present else user["name"]
    kind = data["user_type"] if data["user_type"].present else user["type"]
    if not kind.present and uid.value.startswith(_LONG_TERM) and name.value not in ("Root", "root"):
        kind = Field(kind.path, "IAMUser")  # only users and root have long-term keys
    return principal(
        kind,
        name,
        id=data["principal_id"] if data["principal_id"].present else user["uid"],
        key=data["access_key_id"] if data["access_key_id"].present else uid,
        account=user["account"]["uid"].optional(shapes.ACCOUNT_ID),
    )


def _asff_principal(item: Field, key: Field) -> Principal | None:
    uid = Field(item["uid"].path, item["uid"].identifier().removeprefix(_KEY))
    return principal(
        key["PrincipalType"],
        key["PrincipalName"],
        id=key["PrincipalId"],
        key=uid,
        account=key["AccountId"].optional(shapes.ACCOUNT_ID),
    )


def _place(item: Field, default: Place) -> Place:
    region = item["region"].identifier(64)
    return Place(
        item["cloud_partition"].optional(shapes.PARTITION) or default.partition,
        item["owner"]["account"]["uid"].optional(shapes.ACCOUNT_ID) or default.account,
        region if shapes.REGION.matches(region) else default.region,
    )
