"""An event of AWS Health: ``aws.health``, "AWS Health Event".

Source: AWS Health User Guide, "Reference: AWS Health events Amazon EventBridge schema". The kind is
the type's code: ``health:AWS_RISK_CREDENTIALS_EXPOSED``, of which the affected entities are the
access keys that AWS found exposed. Nobody is known to have used them, so there is no principal.

The account is the affected one, which in an organization's view is not the envelope's. The Region
is ``eventRegion``: Health sends an event to its own Region and to a backup Region as well, with the
same ARN. One event has an ARN, an account, and pages of entities: each page is a finding.
Required: ``eventArn``, ``eventTypeCode``, and the envelope's account, Region and time.
"""

from cordon.finding import Fact, Finding, Place, Resource, State
from cordon.sources import facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, readable, unique
from cordon.sources.written_times import readable_time

SOURCE = "health"
_STATES = {"": State.ACTIVE, "open": State.ACTIVE, "closed": State.ARCHIVED}
_WORDS = 64


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event: one page of one event."""
    detail = envelope["detail"]
    place = _place(envelope)
    code = detail["eventTypeCode"].required(shapes.EVENT_NAME)
    status = detail["statusCode"].text(_WORDS)
    entities = readable(detail["affectedEntities"].items, required=False)
    first, last = times.first_and_last(
        (readable_time(detail["startTime"]),),
        (readable_time(detail["lastUpdatedTime"]), envelope["time"]),
    )
    return Finding(
        id=_id(detail, place),
        source=SOURCE,
        channel=SOURCE,
        type=code,
        severity=severity.high(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(status, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=unique([r for entity in entities for r in _resources(entity, place)]),
        principal=None,
        title=text.one_line(f"AWS Health says {code} of account {place.account}", text.TITLE),
        description=_description(detail),
        detail_sha256=digest,
        facts=facts.stated({Fact.STATUS: lambda: status}),
    )


def _place(envelope: Field) -> Place:
    detail = envelope["detail"]
    account, region = detail["affectedAccount"], detail["eventRegion"]
    return places.place(
        account if account.present else envelope["account"],
        region if region.if_any(shapes.REGION) else envelope["region"],
    )


def _id(detail: Field, place: Place) -> str:
    """The ARN is not one account's alone."""
    page = detail["page"].if_any(shapes.PAGE)
    parts = [detail["eventArn"].required(shapes.ARN), place.account]
    return "/".join([*parts, *([page] if page not in ("", "1") else [])])


def _resources(entity: Field, place: Place) -> list[Resource]:
    """An access key by its id, what has an ARN by it, and anything else by what is written."""

    def found() -> list[Resource]:
        value = entity["entityValue"]
        if value.if_any(shapes.EXPOSED_KEY):
            return [Resource(shapes.ACCESS_KEY, str(value.value), place)]
        if value.if_any(shapes.ARN):
            return [from_arn(value, place)]
        name = value.text(text.NAME)
        return [Resource(shapes.OTHER, name, place)] if name else []

    return readable(found, required=False)


def _description(detail: Field) -> str:
    said = readable(
        lambda: [
            d["latestDescription"].text(text.DESCRIPTION)
            for d in detail["eventDescription"].items()
        ],
        required=False,
    )
    return next(filter(None, said), "")
