"""What Cordon reads of an event, in few lines: a finding as it is beside a sample.

A reviewer compares it with the event. So a resource, a principal or a place is one line, and what
is as in most findings is left out. Not here are the description and the digest of the event.
"""

from dataclasses import astuple
from typing import Any

from cordon.clock import to_iso
from cordon.finding import Finding, Place, Principal, Resource

USUAL = {
    "sample": False,
    "authored_by_aws": True,
    "served": True,
    "workflow": "",
    "user_fields": False,
    "custom_action": "",
    "is_cordon_finding": False,
    "denied": False,
    "actors": [],
    "facts": {},
}


def as_read(finding: Finding) -> dict[str, Any]:
    """The finding's own fields; a moment as ISO 8601, in UTC."""
    severity, principal, hub = finding.severity, finding.principal, finding.hub
    usual = {
        "kind": finding.kind,
        "id": finding.id,
        "channel": finding.channel,
        "title": finding.title,
        "severity": f"{severity.label} {severity.native}".strip(),
        "state": str(finding.state),
        "place": _place(finding.place),
        "first_seen": to_iso(finding.first_seen),
        "last_seen": to_iso(finding.last_seen),
        "activity": to_iso(finding.activity) if finding.activity else None,
        "resources": [_resource(one, finding.place) for one in finding.resources],
        "principal": _principal(principal) if principal else None,
        "hub": f"{hub.id} of {hub.product_arn}" if hub else None,
    }
    unusual = {name: getattr(finding, name) for name in USUAL} | {
        "actors": [_principal(one) for one in finding.actors],
        "facts": dict(finding.facts),
    }
    return usual | {name: value for name, value in unusual.items() if value != USUAL[name]}


def _principal(principal: Principal) -> str:
    return " ".join(filter(None, astuple(principal)))


def _place(place: Place) -> str:
    return " ".join(astuple(place))


def _resource(resource: Resource, place: Place) -> str:
    """Its place is said only where it is not the finding's."""
    said = [str(resource.role), resource.type, resource.name, resource.arn]
    if resource.place != place:
        said.append(f"in {_place(resource.place)}")
    return " ".join(filter(None, said))
