"""The resources of an OCSF finding: ``resources``, and ``databucket`` in Macie's findings.

The Security Hub of 2025 sends CloudFormation types with bare names in ``uid`` and the ARN in
``uid_alt``. Earlier samples have ASFF types with the ARN in ``uid``. This module reads both.
"""

from functools import partial

from cordon.finding import Place, Principal, Resource
from cordon.sources import shapes
from cordon.sources.asff_resources import by_name, kind_of
from cordon.sources.field import Field
from cordon.sources.resources import (
    actor_resources,
    bucket,
    from_arn,
    is_key,
    is_subject,
    principal,
    read_each,
    readable,
    readable_principal,
    s3_object,
    s3_object_by_arn,
)

_KEY = "AWS::IAM::AccessKey:"
_LONG_TERM = "AKIA"


def read(finding: Field, place: Place, source: str, type: str) -> list[Resource]:
    """All resources. Malformed if one is unreadable that the finding is about."""
    kinds = [(_kind(item), item) for item in finding["resources"].items()]
    named = ((k, partial(_resources, i, place)) for k, i in kinds if k != shapes.OBJECT)
    resources = read_each(named, source, type)
    required = is_subject(shapes.BUCKET, source, type)
    resources += readable(lambda: _databucket(finding["databucket"], place), required=required)
    for kind, item in kinds:
        if kind == shapes.OBJECT:
            resources += readable(partial(_object, item, resources, place), required=False)
    return resources


def principals(finding: Field) -> list[Principal]:
    """Whose credentials were used."""
    keys = [i for i in readable(finding["resources"].items, required=False) if _is_key(i)]
    callers = (readable_principal(partial(_principal, key)) for key in keys)
    return [caller for caller in callers if caller]


def _kind(item: Field) -> str:
    return kind_of(item, "type")


def _is_key(item: Field) -> bool:
    return _kind(item) == shapes.ACCESS_KEY


def _resources(item: Field, default: Place) -> list[Resource]:
    kind, place = _kind(item), _place(item, default)
    if kind == shapes.ACCESS_KEY:
        return list(actor_resources(_principal(item), place))
    id, alternative = item["uid"], item["uid_alt"]
    for field in (id, alternative):
        if field.identifier().startswith("arn:"):
            return [from_arn(field, place, kind=kind)]
    if kind == shapes.BUCKET:
        return [bucket(id, alternative, place)]
    return [by_name(id, item["type"], kind, place)]


def _object(item: Field, resources: list[Resource], default: Place) -> list[Resource]:
    """An object by its ARN, or by its bare key if the finding has exactly one bucket."""
    place = _place(item, default)
    buckets = [r for r in resources if r.type == shapes.BUCKET]
    uid = item["uid"].value
    if len(buckets) == 1 and not (isinstance(uid, str) and uid.startswith("arn:")):
        return [s3_object(item["uid"], buckets[0])]
    return list(s3_object_by_arn(item["uid"], place))


def _databucket(within: Field, place: Place) -> list[Resource]:
    arn = within["uid"]
    stated = arn.present or within["name"].present
    return [bucket(within["name"], arn, place)] if stated else []


def _principal(item: Field) -> Principal | None:
    """The principal from GuardDuty's ``data``, else from ``user``. ``uid`` is the bare key id."""
    data, user = item["data"], item["user"]
    if data["AwsIamAccessKey"].present:
        return _asff_principal(item, data["AwsIamAccessKey"])
    uid = _key_id(item)
    name = data["user_name"] if data["user_name"].present else user["name"]
    kind = data["user_type"] if data["user_type"].present else user["type"]
    if (
        not kind.present
        and str(uid.value).startswith(_LONG_TERM)
        and name.value not in ("Root", "root")
    ):
        kind = Field(kind.path, "IAMUser")  # only users and root have long-term keys
    return principal(
        kind,
        name,
        id=data["principal_id"] if data["principal_id"].present else user["uid"],
        key=data["access_key_id"] if is_key(data["access_key_id"]) else uid,
        account=user["account"]["uid"].optional(shapes.ACCOUNT_ID),
    )


def _key_id(item: Field) -> Field:
    uid = item["uid"].value
    return Field(item["uid"].path, uid.removeprefix(_KEY) if isinstance(uid, str) else None)


def _asff_principal(item: Field, key: Field) -> Principal | None:
    return principal(
        key["PrincipalType"],
        key["PrincipalName"],
        id=key["PrincipalId"],
        key=_key_id(item),
        account=key["AccountId"].optional(shapes.ACCOUNT_ID),
    )


def _place(item: Field, default: Place) -> Place:
    region = item["region"].if_any(shapes.REGION)
    return Place(
        item["cloud_partition"].optional(shapes.PARTITION) or default.partition,
        item["owner"]["account"]["uid"].optional(shapes.ACCOUNT_ID) or default.account,
        region or default.region,
    )
