"""Resources and principals, checked: a name that does not fit its kind is Malformed."""

import re
from dataclasses import replace

from cordon.finding import Place, Principal, Resource, ResourceRole
from cordon.sources import shapes
from cordon.sources.arns import type_and_name
from cordon.sources.field import Field
from cordon.sources.places import place_of
from cordon.sources.text import NAME, is_printable, one_line

ROLE_TYPES = ("AssumedRole", "Role")
_DIRECTORY = "--x-s3"
_OBJECT_ARN = re.compile(r"(?P<bucket>arn:aws[a-z-]*:s3:::[^/]+)/(?P<key>.+)", re.DOTALL)


def resource(
    field: Field,
    kind: str,
    name: str,
    place: Place,
    *,
    arn: str = "",
    part: ResourceRole = ResourceRole.TARGET,
) -> Resource:
    """A resource named in ``field``; Malformed when the name does not fit its kind."""
    shape = shapes.shape_of(kind)
    if not name:
        field.malformed("names no resource")
    if shape is not None and not shape.matches(name):
        field.malformed(f"does not hold {shape.what}")
    return Resource(kind, name, place, arn, part)


def from_arn(
    field: Field, place: Place, *, kind: str = "", part: ResourceRole = ResourceRole.TARGET
) -> Resource:
    """The resource an ARN names. What the ARN tells outweighs the kind stated beside it."""
    arn = field.required(shapes.ARN)
    told, name = type_and_name(arn)
    if told == shapes.OBJECT:
        return Resource(told, one_line(name, NAME), place_of(arn, place), arn, part)
    if told == shapes.OTHER and shapes.shape_of(kind):
        field.malformed(f"is not the ARN of an {kind}")
    if told == shapes.OTHER:
        return Resource(kind or told, name, place_of(arn, place), arn, part)
    kept = "" if arn.split(":")[2] == "sts" else arn  # a session's ARN hides the role's path
    return resource(field, told, name, place_of(arn, place), arn=kept, part=part)


def bucket(name: Field, arn: Field, place: Place) -> Resource:
    """A bucket by name, ARN or both; directory, table and vector buckets by their own kinds."""
    stated = name.optional(shapes.BUCKET_NAME)
    if arn.present:
        found = from_arn(arn, place)
        if stated and found.name != stated:
            arn.malformed(f"is not the ARN of the bucket in {name.path}")
        return found
    kind = shapes.DIRECTORY_BUCKET if stated.endswith(_DIRECTORY) else shapes.BUCKET
    known = f"arn:{place.partition}:s3:::{stated}" if kind == shapes.BUCKET else ""
    return resource(name, kind, stated, place, arn=known)


def s3_object(key: Field, within: Resource) -> Resource:
    """An object. Its key is what an attacker named it: shown, never an argument of a call."""
    shown = key.text(NAME)
    exact = within.arn and shown == key.value and is_printable(shown)
    arn = f"{within.arn}/{shown}" if exact else ""
    return Resource(shapes.OBJECT, shown or "(no key)", within.place, arn)


def s3_object_by_arn(field: Field, place: Place) -> tuple[Resource, ...]:
    """The bucket and the object of ``arn:aws:s3:::bucket/key``; just the object for a bare key."""
    value = field.value if isinstance(field.value, str) else ""
    parts = _OBJECT_ARN.fullmatch(value)
    if parts is None:
        return (Resource(shapes.OBJECT, field.text(NAME) or "(no key)", place),)
    within = from_arn(Field(field.path, parts["bucket"]), place)
    return within, s3_object(Field(field.path, parts["key"]), within)


def principal(
    kind: Field,
    name: Field,
    *,
    id: Field,
    key: Field,
    account: str = "",
    issuer: str = "",
) -> Principal | None:
    """Whose credentials were used; role and user names are checked as IAM checks them.

    None when the event tells nothing about them.
    """
    if not (kind.present or name.present or id.present or key.present):
        return None
    user_type = kind.optional(shapes.PRINCIPAL_TYPE) or "Unknown"
    if user_type in ROLE_TYPES:
        called = name.optional(shapes.ROLE_NAME)
    elif user_type == "IAMUser":
        called = name.optional(shapes.USER_NAME)
    else:
        called = name.identifier()
    return Principal(
        user_type=user_type,
        name=called,
        id=id.optional(shapes.PRINCIPAL_ID),
        access_key_id=key.optional(shapes.ACCESS_KEY_ID),
        account=account,
        issuer=issuer,
    )


def actors(principal: Principal | None, place: Place) -> tuple[Resource, ...]:
    """The role or user, and the access key, behind a principal."""
    if principal is None:
        return ()
    where = replace(place, account=principal.account or place.account)
    found = []
    if principal.name and principal.user_type in ROLE_TYPES:
        arn = principal.issuer if principal.issuer.endswith(f"/{principal.name}") else ""
        found.append(Resource(shapes.ROLE, principal.name, where, arn, ResourceRole.ACTOR))
    if principal.name and principal.user_type == "IAMUser":
        found.append(Resource(shapes.USER, principal.name, where, "", ResourceRole.ACTOR))
    if principal.access_key_id:
        key = principal.access_key_id
        found.append(Resource(shapes.ACCESS_KEY, key, where, "", ResourceRole.ACTOR))
    return tuple(found)


def distinct(resources: list[Resource]) -> tuple[Resource, ...]:
    """Each kind and name of an account once, the first mention kept."""
    seen: dict[tuple[str, str, str], Resource] = {}
    for found in resources:
        seen.setdefault((found.type, found.name, found.place.account), found)
    return tuple(seen.values())
