"""Checked resources and principals: a name that is not valid for its type is Malformed.

``readable`` decides what an unreadable one means: it refuses the finding only where the finding is
about that resource.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from cordon.finding import Malformed, Place, Principal, Resource, ResourceRole, State
from cordon.sources import shapes
from cordon.sources.arns import type_and_name
from cordon.sources.field import Field
from cordon.sources.places import place_of
from cordon.sources.products import AWS_SOURCES
from cordon.sources.text import NAME, is_printable, one_line

ROLE_TYPES = ("AssumedRole", "Role")
_DIRECTORY = "--x-s3"
Read = TypeVar("Read")
# IAM User Guide, "IAM identifiers", unique identifiers: for copies that leave the type out
_TYPE_BY_ID = {"AIDA": "IAMUser", "AROA": "AssumedRole"}
_NULL = ("null", "NULL", "None", "none")  # an absent value that somebody wrote as text
_OBJECT_ARN = re.compile(r"(?P<bucket>arn:aws[a-z-]*:s3:::[^/]+)/(?P<key>.+)", re.DOTALL)


def leads_nowhere(source: str, state: State, *, sample: bool) -> bool:
    """Will nothing follow from such a finding, whatever its resources are?

    An archived control or rule may release what it led to; an archived threat never does.
    """
    archived_threat = state is State.ARCHIVED and source in ("guardduty", "macie")
    return sample or state is State.SUPPRESSED or archived_threat


def is_subject(kind: str, source: str, type: str) -> bool:
    """Is a resource of this kind what such a finding is about, and something with a checked name?

    GuardDuty's findings on S3 are about their buckets; those on other resources may mention one.
    """
    if source == "guardduty":
        return kind in shapes.BUCKETS and ":S3/" in type
    checked = shapes.shape_of(kind) is not None and kind != shapes.ACCESS_KEY
    return source in AWS_SOURCES and checked


def is_about(kind: str, source: str, type: str) -> bool:
    """Is this the kind of resource that such a finding is about, whatever else it names?"""
    if source == "macie" or type.lower().startswith(("s3.", "s3-")):
        return kind in shapes.BUCKETS
    if type.lower().startswith(("sagemaker", "bedrock")):
        return kind.startswith(shapes.AI)
    return source == "guardduty" and is_subject(kind, source, type)


def read_each(
    items: Iterable[tuple[str, Callable[[], Sequence[Resource]]]], source: str, type: str
) -> list[Resource]:
    """The resources of a copy in Security Hub, each by its kind.

    Malformed if one is unreadable that the finding is about. Where that can be read, what else the
    finding names is left out where it cannot.
    """
    found: list[Resource] = []
    unread: list[tuple[str, Malformed]] = []
    for kind, read in items:
        try:
            found += read()
        except Malformed as malformed:
            if is_subject(kind, source, type):
                unread.append((kind, malformed))
    if any(is_about(resource.type, source, type) for resource in found):
        unread = [one for one in unread if is_about(one[0], source, type)]
    if unread:
        raise unread[0][1]
    return found


def readable(read: Callable[[], Sequence[Read]], *, required: bool) -> list[Read]:
    """What ``read`` finds. What is unreadable is Malformed if required, else left out.

    Samples name ``GeneratedFindingInstanceProfileArn`` where an ARN belongs.
    """
    try:
        return list(read())
    except Malformed:
        if required:
            raise
        return []


def readable_principal(read: Callable[[], Principal | None]) -> Principal | None:
    """Whose credentials were used; None if that is absent or unreadable: then a person looks."""
    try:
        return read()
    except Malformed:
        return None


def resource(
    field: Field,
    kind: str,
    name: str,
    place: Place,
    *,
    arn: str = "",
    role: ResourceRole = ResourceRole.TARGET,
) -> Resource:
    """A resource named in ``field``. Malformed if the name is not valid for the type."""
    shape = shapes.shape_of(kind)
    if not name:
        field.malformed("names no resource")
    if shape is not None and not shape.matches(name):
        field.malformed(f"is not {shape.description}")
    return Resource(kind, name, place, arn, role)


def from_arn(
    field: Field, place: Place, *, kind: str = "", role: ResourceRole = ResourceRole.TARGET
) -> Resource:
    """The resource that an ARN identifies. The ARN's type outweighs the stated type."""
    arn = field.required(shapes.ARN)
    arn_type, name = type_and_name(arn)
    if arn_type == shapes.OBJECT:
        return Resource(arn_type, one_line(name, NAME), place_of(arn, place), arn, role)
    if arn_type == shapes.OTHER and shapes.shape_of(kind):
        field.malformed(f"is not the ARN of an {kind}")
    if arn_type == shapes.OTHER:
        return Resource(kind or arn_type, name, place_of(arn, place), arn, role)
    kept = "" if arn.split(":")[2] == "sts" else arn  # a session's ARN hides the role's path
    return resource(field, arn_type, name, place_of(arn, place), arn=kept, role=role)


def bucket(name: Field, arn: Field, place: Place) -> Resource:
    """A bucket by name, ARN or both. Directory, table and vector buckets have their own types."""
    stated = name.optional(shapes.BUCKET_NAME)
    if arn.present:
        from_its_arn = from_arn(arn, place)
        if stated and from_its_arn.name != stated:
            arn.malformed(f"is not the ARN of the bucket in {name.path}")
        return from_its_arn
    kind = shapes.DIRECTORY_BUCKET if stated.endswith(_DIRECTORY) else shapes.BUCKET
    bucket_arn = f"arn:{place.partition}:s3:::{stated}" if kind == shapes.BUCKET else ""
    return resource(name, kind, stated, place, arn=bucket_arn)


def s3_object(key: Field, within: Resource) -> Resource:
    """An object. An attacker may choose its key, any text of at most 1,024 bytes.

    A key with characters that hide or reorder text is displayed without them, and has no ARN: no
    call is made with it. What else is in it (spaces, ``*``, ``${``) it keeps.
    """
    value = key.value if isinstance(key.value, str) else ""
    whole = bool(value) and is_printable(value) and len(value.encode()) <= NAME
    name = value if whole else key.text(NAME) or "(no key)"
    arn = f"{within.arn}/{name}" if whole and within.arn else ""
    return Resource(shapes.OBJECT, name, within.place, arn)


def s3_object_by_arn(field: Field, place: Place) -> tuple[Resource, ...]:
    """The bucket and object of ``arn:aws:s3:::bucket/key``; only the object for a bare key."""
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
    """Whose credentials were used. Role and user names are checked as IAM checks them.

    None if the event has no data about them. What is no access key id is no key: the console has
    none, and copies of such findings write ``AWS::IAM::AccessKey:null``.
    """
    kind, name, id, key = map(_without_null, (kind, name, id, key))
    key = key if is_key(key) else Field(key.path, None)
    if not (kind.present or name.present or id.present or key.present):
        return None
    principal_id = id.if_any(shapes.PRINCIPAL_ID)
    by_id = _TYPE_BY_ID.get(principal_id[:4], "Unknown")
    user_type = kind.optional(shapes.PRINCIPAL_TYPE) or by_id
    if user_type in ROLE_TYPES:
        principal_name = name.optional(shapes.ROLE_NAME)
    elif user_type == "IAMUser":
        principal_name = name.optional(shapes.USER_NAME)
    else:
        principal_name = name.identifier()
    return Principal(
        user_type=user_type,
        name=principal_name,
        id=principal_id,
        access_key_id=key.optional(shapes.ACCESS_KEY_ID),
        account=account,
        issuer=issuer,
    )


def is_key(field: Field) -> bool:
    """Is it an access key id?"""
    return isinstance(field.value, str) and shapes.ACCESS_KEY_ID.matches(field.value)


def _without_null(field: Field) -> Field:
    return Field(field.path, None) if field.value in _NULL else field


def actor_resources(principal: Principal | None, place: Place) -> tuple[Resource, ...]:
    """The role or user and the access key of a principal, as resources."""
    if principal is None:
        return ()
    where = replace(place, account=principal.account or place.account)
    resources = []
    if principal.name and principal.user_type in ROLE_TYPES:
        arn = principal.issuer if principal.issuer.endswith(f"/{principal.name}") else ""
        resources.append(Resource(shapes.ROLE, principal.name, where, arn, ResourceRole.ACTOR))
    if principal.name and principal.user_type == "IAMUser":
        resources.append(Resource(shapes.USER, principal.name, where, "", ResourceRole.ACTOR))
    if principal.access_key_id:
        key = principal.access_key_id
        resources.append(Resource(shapes.ACCESS_KEY, key, where, "", ResourceRole.ACTOR))
    return tuple(resources)


def each_once(principals: Iterable[Principal]) -> list[Principal]:
    """Those that are not named before by type, name, id and account."""
    first: dict[tuple[str, ...], Principal] = {}
    for one in principals:
        first.setdefault((one.user_type, one.name, "" if one.name else one.id, one.account), one)
    named = {(type, name) for type, name, _, account in first if account}
    return [p for key, p in first.items() if p.account or key[:2] not in named]


def several(principals: Sequence[Principal]) -> tuple[Principal, ...]:
    """``Finding.actors``: all of them where there is more than one."""
    return tuple(principals) if len(principals) > 1 else ()


def unique(resources: list[Resource]) -> tuple[Resource, ...]:
    """The resources without duplicates of type, name and account. The first one is kept."""
    first: dict[tuple[str, str, str], Resource] = {}
    for resource in resources:
        first.setdefault((resource.type, resource.name, resource.place.account), resource)
    return tuple(first.values())
