"""Each service's dialect read into a ``Finding``.

``read(event)`` takes one EventBridge event, as parsed from JSON, and chooses by ``source`` and
``detail-type``. Raises ``Malformed`` naming the field, and ``Unknown`` for events of other kinds.
Of the envelope nothing else is read.
"""

import hashlib
from collections.abc import Callable

from cordon.finding import Finding, Malformed, UnsupportedEvent, canonical_json
from cordon.sources import asff, config, guardduty, macie, ocsf
from cordon.sources.field import Field

__all__ = ["read", "read_all"]

_ONE: dict[tuple[str, str], Callable[[Field, str], Finding]] = {
    ("aws.guardduty", "GuardDuty Finding"): guardduty.read,
    ("aws.macie", "Macie Finding"): macie.read,
    ("aws.config", "Config Rules Compliance Change"): config.read,
}
_IMPORTED = ("aws.securityhub", "Security Hub Findings - Imported")
_CUSTOM = ("aws.securityhub", "Security Hub Findings - Custom Action")
_V2 = ("aws.securityhub", "Findings Imported V2")
_HAND = 64


def read(event: object) -> Finding:
    """The one finding of an event; Malformed when there are several (use ``read_all``)."""
    findings = read_all(event)
    if len(findings) != 1:
        raise Malformed("detail.findings", f"holds {len(findings)} findings, not one")
    return findings[0]


def read_all(event: object) -> tuple[Finding, ...]:
    """All findings of an event, at least one."""
    envelope = Field("", event)
    if not isinstance(event, dict):
        raise Malformed("event", "is not an object")
    kind = (envelope["source"].identifier(), envelope["detail-type"].identifier())
    detail = envelope["detail"]
    if kind in _ONE:
        if detail.value is None:
            detail.malformed("is missing")
        return (_ONE[kind](detail, _digest(detail.value)),)
    if kind == _IMPORTED:
        return _several(detail, lambda one, at: asff.read(one, at, via="securityhub", hand=""))
    if kind == _CUSTOM:
        hand = _hand(envelope)
        return _several(detail, lambda one, at: asff.read(one, at, via="custom_action", hand=hand))
    if kind == _V2:
        return _several(detail, ocsf.read)
    field = "detail-type" if any(kind[0] == source for source, _ in _KINDS) else "source"
    raise UnsupportedEvent(field, "is none that a dialect reads")


_KINDS = (*_ONE, _IMPORTED, _CUSTOM, _V2)


def _hand(envelope: Field) -> str:
    """The custom action's id, from its ARN in ``resources``: names can be anything.

    Source: Security Hub User Guide, "EventBridge event formats", custom action.
    """
    for resource in envelope["resources"].items():
        before, _, id = resource.identifier().partition(":action/custom/")
        if before and id:
            return id
    name = envelope["detail"]["actionName"]
    return name.text(_HAND) or name.malformed("is missing")


def _several(detail: Field, one: Callable[[Field, str], Finding]) -> tuple[Finding, ...]:
    findings = detail["findings"].items()
    if not findings:
        detail["findings"].malformed("holds no finding")
    return tuple(
        one(finding, _digest({**detail.value, "findings": [finding.value]})) for finding in findings
    )


def _digest(detail: object) -> str:
    """sha256 of the detail's canonical JSON; of several findings each has its own."""
    try:
        return hashlib.sha256(canonical_json(detail).encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        raise Malformed("detail", "is no JSON, or nested too deeply") from None
