"""An API call that somebody made: ``aws.<service>``, "AWS API Call via CloudTrail".

Source: Amazon EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; AWS
CloudTrail User Guide, "CloudTrail record contents". EventBridge gets it while a trail records
management events, in the Region of the call; of IAM that is the partition's first Region, and
nothing else (us-east-1). Its type is ``service:Call``: ``cloudtrail:StopLogging``.

Required: ``eventID``, ``eventName``, ``eventSource``, ``eventTime``, ``awsRegion``, and the account
that got the event. CloudTrail knows no severity. A call that failed has ``errorCode``: it is
``denied``, and changed nothing.
"""

from functools import partial

from cordon.finding import Finding, Place, Principal, State
from cordon.sources import changed_resources, facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.identity import caller
from cordon.sources.resources import actor_resources, readable, readable_principal, unique

SOURCE = "cloudtrail"
SUFFIX = ".amazonaws.com"


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event: one call."""
    detail = envelope["detail"]
    place = _place(envelope)
    service = detail["eventSource"].required(shapes.EVENT_SOURCE).removesuffix(SUFFIX)
    name = detail["eventName"].required(shapes.EVENT_NAME)
    first, last = times.first_and_last((), (detail["eventTime"],))
    who = readable_principal(partial(_caller, detail["userIdentity"]))
    changed = readable(partial(changed_resources.read, service, detail, place), required=False)
    failed = detail["errorCode"].present
    return Finding(
        id=detail["eventID"].required(shapes.EVENT_ID),
        source=SOURCE,
        channel=SOURCE,
        type=f"{service}:{name}",
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=State.ACTIVE,
        sample=False,
        authored_by_aws=True,
        resources=unique([*changed, *actor_resources(who, place)]),
        principal=who,
        title=text.one_line(f"{name} of {service} was called", text.TITLE),
        description=text.one_line(
            f"{_words(who)} called {name} of {service} in {place.region}", text.DESCRIPTION
        ),
        detail_sha256=digest,
        activity=last,
        denied=failed,
        facts=facts.call(detail),
    )


def _place(envelope: Field) -> Place:
    """The account that got the event: of a call from another account, that of the resource."""
    detail = envelope["detail"]
    account = detail["recipientAccountId"]
    return places.place(account if account.present else envelope["account"], detail["awsRegion"])


def _caller(identity: Field) -> Principal | None:
    return caller(identity["type"], identity)


def _words(who: Principal | None) -> str:
    if who is None:
        return "Somebody whom the event does not name"
    return f"{who.user_type} {who.name}" if who.name else who.user_type
