"""GuardDuty's own event: ``aws.guardduty``, "GuardDuty Finding", camelCase.

Source: GuardDuty User Guide, "Amazon EventBridge event schema for GuardDuty", and the service
model's ``Finding`` (its locationNames are the event's spelling).

Required: ``id``, ``accountId``, ``region``, ``type`` and one of the times. ``Finding.id`` is
``detail.id``, the last part of the ARN in Security Hub. A sample finding has
``service.additionalInfo.sample``, or ``[SAMPLE]`` at the start of its title.

``remoteAccountDetails`` is the account that the call came *from*. With stolen credentials that is
the thief's account, so it is the principal's account only if the caller is an AWSAccount.
"""

import json
from datetime import datetime
from functools import partial

from cordon.finding import Fact, Finding, HubReference, Place, Principal, State
from cordon.sources import (
    attack_sequence,
    facts,
    guardduty_resources,
    places,
    severity,
    shapes,
    text,
    times,
)
from cordon.sources.field import Field
from cordon.sources.resources import (
    actor_resources,
    leads_nowhere,
    principal,
    readable,
    readable_principal,
    several,
    unique,
)

SAMPLE = "[SAMPLE]"


def read(detail: Field, digest: str) -> Finding:
    """The finding in ``detail``."""
    place = places.place(
        detail["accountId"], detail["region"], detail["partition"].optional(shapes.PARTITION)
    )
    id = detail["id"].required(shapes.FINDING_ID)
    type = detail["type"].required(shapes.FINDING_TYPE)
    service = detail["service"]
    first, last = times.first_and_last(
        (service["eventFirstSeen"], detail["createdAt"]),
        (detail["updatedAt"], service["eventLastSeen"]),
    )
    title = detail["title"].text(text.TITLE)
    state = State.ARCHIVED if service["archived"].boolean() else State.ACTIVE
    sample = is_sample(service["additionalInfo"]) or title.startswith(SAMPLE)
    nowhere = leads_nowhere("guardduty", state, sample=sample)
    caller = readable_principal(partial(_principal, detail))
    read_resources = partial(guardduty_resources.read, detail, place, type)
    resources = readable(read_resources, required=not nowhere)
    actors, others = attack_sequence.read(service, place)
    stated = facts.guardduty(detail)
    return Finding(
        id=id,
        source="guardduty",
        channel="guardduty",
        type=type,
        severity=severity.guardduty(detail["severity"]),
        place=place,
        first_seen=first,
        last_seen=last,
        state=state,
        sample=sample,
        authored_by_aws=True,
        resources=unique([*actor_resources(caller, place), *resources, *others]),
        principal=caller or next(iter(actors), None),
        title=title,
        description=detail["description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        hub=_hub(detail, place, id),
        activity=times.readable(partial(_activity, service)),
        denied=bool(times.readable(partial(_denied, service)))
        or dict(stated).get(Fact.GUARDRAIL) == facts.BLOCKED,
        actors=several(actors) if caller is None else (),
        facts=stated,
    )


def _activity(service: Field) -> datetime | None:
    return attack_sequence.activity(service) or times.activity(service["eventLastSeen"])


def _denied(service: Field) -> bool:
    """Was the last call refused? It moves eventLastSeen like any other."""
    return service["action"]["awsApiCallAction"]["errorCode"].present


def _principal(detail: Field) -> Principal | None:
    key = detail["resource"]["accessKeyDetails"]
    remote = detail["service"]["action"]["awsApiCallAction"]["remoteAccountDetails"]
    caller = remote["accountId"].optional(shapes.ACCOUNT_ID)
    foreign = key["userType"].optional(shapes.PRINCIPAL_TYPE) == "AWSAccount"
    return principal(
        key["userType"],
        key["userName"],
        id=key["principalId"],
        key=key["accessKeyId"],
        account=caller if foreign else "",
    )


def is_sample(info: Field) -> bool:
    """True for ``{"sample": true, "value": "{\\"sample\\":true}"}``. Either key may be missing.

    Some copies write the whole of it as JSON text.
    """
    value = info.value
    if isinstance(value, dict):
        if info["sample"].boolean():
            return True
        value = info["value"].value
    if not isinstance(value, str) or '"sample"' not in value:
        return False
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and parsed.get("sample") is True


def _hub(detail: Field, place: Place, id: str) -> HubReference | None:
    """The finding in Security Hub. Its id there is the ARN, which contains the detector's id."""
    arn, detector = detail["arn"].if_any(shapes.ARN), detail["service"]["detectorId"]
    if not arn and (by := detector.if_any(shapes.FINDING_ID)):
        arn = place.arn("guardduty", f"detector/{by}/finding/{id}")
    product = f"arn:{place.partition}:securityhub:{place.region}::product/aws/guardduty"
    return HubReference(arn, product) if arn else None
