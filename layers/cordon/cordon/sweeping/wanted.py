"""Which findings a sweep reads: what a person named, else whatever the playbooks handle of it.

Only what says how a resource is: threats do not come by a queue. The filters follow from the
headers, and are coarse; ``Playbook.matches`` is exact, as it is behind the template's rules.

Source: Security Hub API Reference, "GetFindings" (10 attributes, 20 values of each),
"AwsSecurityFindingFilters", "StringFilter", "DateFilter".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cordon.clock import to_iso
from cordon.deployment import Deployment
from cordon.errors import Malformed
from cordon.finding import CONTROL, SeverityLabel, says_how_a_resource_is
from cordon.playbook import Playbook
from cordon.settings import moment
from cordon.sources.products import AWS_SOURCES

Filters = dict[str, list[dict[str, str]]]
MOST_VALUES = 20
BEGINNING = "2000-01-01T00:00:00Z"  # before there was anything that makes findings
CONTROLS = "securityhub"  # the source of the findings of controls
SOURCES = tuple(sorted(s for s in AWS_SOURCES if says_how_a_resource_is(s, "SensitiveData:")))
HIGH = (SeverityLabel.HIGH, SeverityLabel.CRITICAL)
CRITICAL = (SeverityLabel.CRITICAL,)


@dataclass(frozen=True)
class Wanted:
    """What a person wants to be swept; "" is no limit."""

    source: str = ""
    control: str = ""
    since: str = ""  # a date or a moment: findings that were made since

    @classmethod
    def of(cls, raw: object) -> "Wanted":
        """What a workflow's input says. Raises Malformed."""
        if not isinstance(raw, Mapping) or raw.keys() - {"source", "control", "since"}:
            raise Malformed("input", "must be an object of source, control, since, or empty")
        if wrong := [name for name, value in raw.items() if not isinstance(value, str)]:
            raise Malformed(wrong[0], "must be text")
        wanted = cls(**raw)
        if wanted.source not in ("", *SOURCES):
            raise Malformed("source", f"must be one of {', '.join(SOURCES)}")
        if wanted.control and not CONTROL.fullmatch(wanted.control):
            raise Malformed("control", "must be the id of a control, as S3.8")
        if wanted.control and wanted.source not in ("", CONTROLS):
            raise Malformed("control", f"is of the source {CONTROLS}")
        try:
            moment(wanted.since) if wanted.since else None
        except ValueError:
            raise Malformed("since", "must be a date, as 2026-01-31") from None
        return wanted


def queries(
    wanted: Wanted, headers: Iterable[Playbook], deployment: Deployment, began: str
) -> tuple[Filters, ...]:
    """One after the other, they find everything. ``began``: findings made later come by rules."""
    since = to_iso(moment(wanted.since)) if wanted.since else BEGINNING
    if wanted.control:
        found = [_filters(CONTROLS, deployment, controls=[wanted.control])]
    else:
        sources = (wanted.source,) if wanted.source else SOURCES
        found = [one for source in sources for one in _of(source, tuple(headers), deployment)]
    try:
        made = [{"Start": since, "End": to_iso(moment(began))}]
    except ValueError:
        raise Malformed("began", "must be a moment") from None
    return tuple({**one, "CreatedAt": made} for one in found)


def _of(source: str, headers: Sequence[Playbook], deployment: Deployment) -> Iterator[Filters]:
    """What playbooks handle at any severity, then what only where it is High, or Critical."""
    whole = False  # does a query before it have what is Critical?
    for kinds, severities in (
        ([kind for one in headers for kind in one.handles], ()),
        ([kind for one in headers for kind in one.handles_high], HIGH),
    ):
        types = sorted({t for s, _, t in (kind.partition(":") for kind in kinds) if s == source})
        types = [type for type in types if says_how_a_resource_is(source, type)]
        if source != CONTROLS:
            types = types[:1]  # by the product alone
        for first in range(0, len(types), MOST_VALUES):
            some = types[first : first + MOST_VALUES] if source == CONTROLS else []
            yield _filters(source, deployment, controls=some, severities=severities)
            whole = source != CONTROLS
    if (
        not whole
        and says_how_a_resource_is(source, "")
        and any(one.handles_critical for one in headers)
    ):
        yield _filters(source, deployment, severities=CRITICAL)


def _filters(
    source: str,
    deployment: Deployment,
    *,
    controls: Sequence[str] = (),
    severities: Sequence[SeverityLabel] = (),
) -> Filters:
    """Of the Regions that are served, and what nobody has closed."""
    hub = f"arn:{deployment.partition}:securityhub"
    regions = (deployment.region, *deployment.other_regions)
    filters = {
        "ProductArn": _equals(*(f"{hub}:{region}::product/aws/{source}" for region in regions)),
        "RecordState": _equals("ACTIVE"),
        "WorkflowStatus": _equals("NEW", "NOTIFIED"),
    }
    if source == CONTROLS:
        filters["ComplianceStatus"] = _equals("FAILED")
    if controls:
        filters["ComplianceSecurityControlId"] = [_pattern(control) for control in controls]
    if severities:
        filters["SeverityLabel"] = _equals(*severities)
    return filters


def _equals(*values: str) -> list[dict[str, str]]:
    return [{"Value": str(value), "Comparison": "EQUALS"} for value in values]


def _pattern(control: str) -> dict[str, str]:
    """A pattern of a header: what is before its first ``*``."""
    begins, wild, _ = control.partition("*")
    return {"Value": begins, "Comparison": "PREFIX" if wild else "EQUALS"}


def at_of(raw: Mapping[str, Any]) -> "At":
    """Where a sweep goes on. Raises Malformed."""
    try:
        at = At(**raw)
    except TypeError:
        raise Malformed("at", "is not where a sweep can go on") from None
    numbers = (at.query, at.pages, at.findings)
    if not isinstance(at.token, str) or not all(type(n) is int and n >= 0 for n in numbers):
        raise Malformed("at", "is not where a sweep can go on")
    return at


@dataclass(frozen=True)
class At:
    """How far a sweep has read."""

    query: int = 0  # which of the queries
    token: str = ""  # of its next response
    pages: int = 0  # that were written
    findings: int = 0  # in them
