"""IAM Access Analyzer's own events: ``aws.access-analyzer``, on external, internal, unused access.

Source: IAM User Guide, "Monitoring AWS Identity and Access Management Access Analyzer with Amazon
EventBridge" and "Integrate IAM Access Analyzer with AWS Security Hub CSPM". The types are those of
the copies in Security Hub, where it has some; of internal access it has none, and the type is the
event's ``findingType``.

Security Hub groups external access by resource: its id is the analyzer's ARN and the resource's.
That is the id here, so that all grants of a resource and their copy are one case. So an event that
one grant is over says nothing of the others, and is undecided; the copy knows. Of unused access
each finding has a copy of its own, which names it (``asff.native_id``).

An event has no severity. Here public access is High, and what the page's examples show is Low as
there; of internal access nothing is shown. What is granted or not used is nobody's activity, and
whoever may use it is no actor. Required: ``id`` or ``findingId``, ``accountId``, ``resource``, a
time, and in ``resources`` the analyzer of an external finding.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cordon.finding import Fact, Finding, HubReference, Place, Resource, Severity, State
from cordon.sources import facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, is_subject, leads_nowhere, readable

SOURCE = "access-analyzer"
EXTERNAL = "Access Analyzer Finding"
INTERNAL = "Internal Access Finding"
UNUSED = "Unused Access Finding for IAM entities"
ACTIVE = "ACTIVE"
OVER = ("RESOLVED", "ARCHIVED")
_PRACTICES = "Software and Configuration Checks/AWS Security Best Practices"
_WORDS, _MOST_ACTIONS = 64, 5


@dataclass(frozen=True)
class Variant:
    """One kind of finding: by which member of its event it is known, and as what."""

    detail_type: str
    member: str
    value: str | bool
    type: str
    severity: Callable[[], Severity]


VARIANTS = (
    Variant(
        EXTERNAL, "isPublic", True, "Effects/Data Exposure/External Access Granted", severity.high
    ),
    Variant(EXTERNAL, "isPublic", False, f"{_PRACTICES}/External Access Granted", severity.low),
    Variant(INTERNAL, "findingType", "InternalAccess", "InternalAccess", severity.medium),
    *(
        Variant(UNUSED, "findingType", native, f"{_PRACTICES}/{words}", severity.low)
        for native, words in {
            "UnusedPermission": "Unused Permission",
            "UnusedIAMRole": "Unused IAM Role",
            "UnusedIAMUserPassword": "Unused IAM User Password",
            "UnusedIAMUserAccessKey": "Unused IAM User Access Key",
        }.items()
    ),
)


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event."""
    detail = envelope["detail"]
    variant = _variant(envelope)
    region = detail["region"]
    place = places.place(detail["accountId"], region if region.present else envelope["region"])
    external = variant.detail_type == EXTERNAL
    about = detail["resource"].identifier() or detail["resource"].malformed("is missing")
    id = _id(envelope, about) if external else _native(detail)
    state = _state(detail, external=external)
    nowhere = leads_nowhere(SOURCE, state, sample=False)
    kind = detail["resourceType"].if_any(shapes.CLOUDFORMATION_TYPE) or shapes.OTHER
    required = is_subject(kind, SOURCE, variant.type) and not nowhere
    updated = (detail["updatedAt"],) if times.activity(detail["updatedAt"]) else ()
    first, last = times.first_and_last((detail["createdAt"],), updated or (detail["analyzedAt"],))
    product = f"arn:{place.partition}:securityhub:{place.region}::product/aws/{SOURCE}"
    return Finding(
        id=id,
        source=SOURCE,
        channel=SOURCE,
        type=variant.type,
        severity=variant.severity(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=state,
        sample=False,
        authored_by_aws=True,
        resources=tuple(
            readable(lambda: _resource(detail["resource"], kind, place), required=required)
        ),
        principal=None,
        title=text.one_line(f"{about}: {variant.type.rpartition('/')[2]}", text.TITLE),
        description=_description(detail),
        detail_sha256=digest,
        hub=HubReference(id, product) if external else None,
        facts=facts.stated({Fact.STATUS: lambda: facts.said(detail["status"])}),
    )


def _variant(envelope: Field) -> Variant:
    """An external finding that is not public is the other one, also where its analysis failed."""
    detail = envelope["detail"]
    same = [v for v in VARIANTS if v.detail_type == envelope["detail-type"].value]
    if same[0].detail_type == EXTERNAL:
        return same[0] if detail["isPublic"].boolean() else same[1]
    stated = detail["findingType"].required(shapes.EVENT_NAME)
    known = (variant for variant in same if variant.value == stated)
    later = Variant(same[0].detail_type, "findingType", stated, stated, severity.medium)
    return next(known, later)


def _native(detail: Field) -> str:
    name = "findingId" if detail["findingId"].present else "id"
    return detail[name].required(shapes.FINDING_ID)


def _id(envelope: Field, about: str) -> str:
    """As Security Hub's copy writes it."""
    _native(envelope["detail"])
    analyzers = [arn.if_any(shapes.ARN) for arn in envelope["resources"].items()]
    analyzer = next(filter(None, analyzers), "")
    return f"{analyzer}/{about}" if analyzer else envelope["resources"].malformed("is missing")


def _state(detail: Field, *, external: bool) -> State:
    """A finding is deleted with its analyzer too, and that does not say that access is over."""
    status = detail["status"].text(_WORDS)
    if detail["error"].present or detail["isDeleted"].boolean():
        return State.NOT_EVALUATED
    if status == ACTIVE:
        return State.ACTIVE
    return State.ARCHIVED if status in OVER and not external else State.NOT_EVALUATED


def _resource(arn: Field, kind: str, place: Place) -> list[Resource]:
    return [from_arn(arn, place, kind=kind)]


def _description(detail: Field) -> str:
    """Who may do what; such text is written by whoever wrote the policy."""

    def said() -> list[str]:
        given = detail["principal"].value
        who = [f"{kind} {name}" for kind, name in given.items()] if isinstance(given, dict) else []
        actions = [action.text(_WORDS) for action in detail["action"].items()[:_MOST_ACTIONS]]
        return [*who, *actions]

    return text.one_line(", ".join(readable(said, required=False)), text.DESCRIPTION)
