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
from itertools import chain

from cordon.finding import Finding, HubReference, Place, Principal, State
from cordon.sources import (
    attack_sequence,
    guardduty_resources,
    places,
    severity,
    shapes,
    text,
    times,
)
from cordon.sources.field import Field
from cordon.sources.resources import actor_resources, principal, unique

SAMPLE = "[SAMPLE]"


def read(detail: Field, digest: str) -> Finding:
    """The finding in ``detail``."""
    place = places.place(
        detail["accountId"], detail["region"], detail["partition"].optional(shapes.PARTITION)
    )
    id = detail["id"].required(shapes.FINDING_ID)
    service, caller = detail["service"], _principal(detail)
    first, last = times.first_and_last(
        (service["eventFirstSeen"], detail["createdAt"]),
        (detail["updatedAt"], service["eventLastSeen"]),
    )
    action, sequence = service["action"], service["detection"]["sequence"]
    activity = attack_sequence.activity(sequence["signals"])
    title = detail["title"].text(text.TITLE)
    user, resources = caller, guardduty_resources.read(detail["resource"], place)
    if sequence.present:
        principals = attack_sequence.principals(sequence["actors"])
        user = user or next(iter(principals), None)
        resources += attack_sequence.resources(sequence["resources"], place)
        resources += chain.from_iterable(actor_resources(p, place) for p in principals)
    return Finding(
        id=id,
        source="guardduty",
        channel="guardduty",
        type=detail["type"].required(shapes.FINDING_TYPE),
        severity=severity.guardduty(detail["severity"]),
        place=place,
        first_seen=first,
        last_seen=last,
        state=State.ARCHIVED if service["archived"].boolean() else State.ACTIVE,
        sample=is_sample(service["additionalInfo"]) or title.startswith(SAMPLE),
        authored_by_aws=True,
        resources=unique([*actor_resources(caller, place), *resources]),
        principal=user,
        title=title,
        description=detail["description"].text(text.DESCRIPTION),
        detail_sha256=digest,
        hub=_hub(detail, place, id),
        activity=activity or times.activity(service["eventLastSeen"]),
        denied=action["awsApiCallAction"]["errorCode"].present,
    )


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
    """True for ``{"sample": true, "value": "{\\"sample\\":true}"}``. Either key may be missing."""
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
    arn = detail["arn"].optional(shapes.ARN)
    detector = detail["service"]["detectorId"].optional(shapes.FINDING_ID)
    if not arn and detector:
        arn = place.arn("guardduty", f"detector/{detector}/finding/{id}")
    product = f"arn:{place.partition}:securityhub:{place.region}::product/aws/guardduty"
    return HubReference(arn, product) if arn else None
