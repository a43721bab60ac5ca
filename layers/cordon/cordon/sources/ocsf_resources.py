"""The resources of an OCSF finding: ``resources``, and the ``databucket`` of Macie's.

The Security Hub of 2025 sends CloudFormation types with bare names in ``uid`` and the ARN in
``uid_alt``; earlier samples have ASFF types with the ARN in ``uid``. Both are read.
"""

from cordon.finding import Place, Principal, Resource
from cordon.sources import shapes
from cordon.sources.asff_resources import kind_of
from cordon.sources.field import Field
from cordon.sources.resources import (
    actors,
    bucket,
    distinct,
    from_arn,
    principal,
    resource,
    s3_object,
    s3_object_by_arn,
)

_KEY = "AWS::IAM::AccessKey:"
_LONG_TERM = "AKIA"


def read(finding: Field, place: Place) -> tuple[tuple[Resource, ...], Principal | None]:
    """All resources, and the first principal whose credentials were used."""
    found: list[Resource] = []
    people: list[Principal] = []
    items = finding["resources"].items()
    keys = [item for item in items if kind_of(item["type"]) == shapes.OBJECT]
    for item in items:
        where = _place(item, place)
        kind = kind_of(item["type"])
        if kind == shapes.ACCESS_KEY:
            who = _principal(item)
            people += [who] if who else []
            found += actors(who, where)
        elif kind != shapes.OBJECT:
            found.append(_resource(item, kind, where))
    holder = _databucket(finding["databucket"], place)
    found += [holder] if holder else []
    for item in keys:
        found += _object(item, found, _place(item, place))
    return distinct(found), next(iter(people), None)


def _resource(item: Field, kind: str, place: Place) -> Resource:
    id, alternative = item["uid"], item["uid_alt"]
    for field in (id, alternative):
        if field.identifier().startswith("arn:"):
            return from_arn(field, place, kind=kind)
    if kind == shapes.BUCKET:
        return bucket(id, alternative, place)
    return resource(id, kind, id.identifier(), place)


def _object(item: Field, found: list[Resource], place: Place) -> list[Resource]:
    """An object by its ARN, or by its bare key in the one bucket of the finding."""
    holders = [r for r in found if r.type == shapes.BUCKET]
    uid = item["uid"].value
    if len(holders) == 1 and not (isinstance(uid, str) and uid.startswith("arn:")):
        return [s3_object(item["uid"], holders[0])]
    return list(s3_object_by_arn(item["uid"], place))


def _databucket(within: Field, place: Place) -> Resource | None:
    arn = within["uid"]
    if not (arn.present or within["name"].present):
        return None
    return bucket(within["name"], arn, place)


def _principal(item: Field) -> Principal | None:
    """``data`` in GuardDuty's words, else ``user``; ``uid`` is the bare key id."""
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
