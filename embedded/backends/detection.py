"""What moto lacks or has wrong: GuardDuty's features, Macie's pause, KMS's key states.

Sources: Amazon GuardDuty API Reference, "UpdateDetector" (the features that will be updated; both
forms of runtime monitoring at once are an error); Amazon Macie API Reference, "Macie session"; AWS
KMS Developer Guide, "Key states of AWS KMS keys"; AWS KMS API Reference, "CancelKeyDeletion".
"""

from typing import Any

from moto.guardduty.models import guardduty_backends
from moto.kms.models import kms_backends
from moto.macie2.models import macie2_backends

from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    checks,
    implements,
)

PENDING = ("PendingDeletion", "PendingReplicaDeletion")
RUNTIME = {"EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING"}


@implements("guardduty", "UpdateDetector")
def update_detector(params: Params, where: Where) -> Response:
    """What is given is changed; other features stay."""
    detector = guardduty_backends[where.account][where.region].detectors.get(params["DetectorId"])
    if detector is None:
        raise Refusal(
            "BadRequestException",
            "The request is rejected because the input detectorId is not owned by the current"
            " account.",
        )
    given = {one["Name"]: one for one in params.get("Features", ())}
    if given.keys() >= RUNTIME:
        raise Refusal("BadRequestException", "The request names both forms of runtime monitoring.")
    if "DataSources" in params:
        raise NotModelled("data sources, which features replaced")
    features = {one["name"]: one for one in detector.features}
    for name, one in given.items():
        features[name] = {**features.get(name, {}), "name": name, "status": one["Status"]}
    detector.features = list(features.values())
    detector.enabled = params.get("Enable", detector.enabled)
    detector.finding_publish_freq = params.get(
        "FindingPublishingFrequency", detector.finding_publish_freq
    )
    return {}


@implements("macie2", "UpdateMacieSession")
def update_macie_session(params: Params, where: Where) -> Response:
    """Paused or enabled; where Macie is off there is no session."""
    session: Any = macie2_backends[where.account][where.region].macie_session
    if session is None:
        raise Refusal("ResourceNotFoundException", "Macie is not enabled.")
    names = ("status", "findingPublishingFrequency")
    session.update({name: params[name] for name in names if name in params})
    return {}


@checks("kms", "CancelKeyDeletion")
def cancel_key_deletion(params: Params, where: Where) -> None:
    """Only of a key that is to be deleted."""
    state = _state(params, where)
    if state is not None and state not in PENDING:
        raise Refusal("KMSInvalidStateException", f"{params['KeyId']} is not pending deletion.")


@checks("kms", "EnableKey")
def enable_key(params: Params, where: Where) -> None:
    """Not of a key that is to be deleted."""
    state = _state(params, where)
    if state in PENDING:
        raise Refusal("KMSInvalidStateException", f"{params['KeyId']} is pending deletion.")


@checks("kms", "DisableKey")
def disable_key(params: Params, where: Where) -> None:
    """Not of a key that is to be deleted."""
    enable_key(params, where)


def _state(params: Params, where: Where) -> str | None:
    """None where there is no such key: moto then refuses itself."""
    keys = kms_backends[where.account][where.region].keys
    key = keys.get(params["KeyId"].rpartition("/")[2])
    return str(key.key_state) if key is not None else None
