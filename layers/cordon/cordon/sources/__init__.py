"""Parsers: one module per service reads that service's events into a ``Finding``.

``read(event, home)`` parses one EventBridge event (decoded JSON). It selects the parser by
``source`` and ``detail-type``. It raises ``Malformed`` with the field's name, and
``UnsupportedEvent`` when no parser reads this kind of event.

``home`` is the stack that got the event. With it the envelope must come from an account that may
speak of the finding's (``places.check_sender``), and the finding says whether its place is
served. Without it (an offline look at an event) neither is known, and nothing may follow from it.

The kinds (``Finding.kind``) are regular, so that a rule can be made from each
(``console.triggers``): the source, a colon, and the source's own word for what was found. That is
GuardDuty's or Macie's type, a control's id, a managed rule; of Inspector and Access Analyzer the
type of the copy in Security Hub. A change is named with what was changed first:
``cloudtrail:service:Call``, ``sagemaker:Resource/State``, ``cloudwatch:Namespace:Metric``. Where an
event may say that something is over (an alarm is OK, data passes), that is ``Finding.state`` and no
part of the kind.

What must be readable depends on what may follow. A sample, an archived threat and a suppressed
finding are known by their own fields, and lead to no change: their resources may be anything.
In all others the resource that the finding is about must be readable. Every other resource, and
the actor, is left out where it is not: a finding about a bucket is not refused because the ARN of
an instance profile is nonsense, and a finding about credentials that nobody can read is for a
person.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

from cordon.finding import (
    MOST_OF_A_FACT,
    Fact,
    Finding,
    Malformed,
    UnsupportedEvent,
    canonical_json,
)
from cordon.sources.custom_action import name_of
from cordon.sources.field import Field
from cordon.sources.places import Home, check_sender, not_served

__all__ = ["read", "read_all"]

_SAGEMAKER = (
    "Notebook Instance",
    "Notebook Lifecycle Config",
    "Model Package",
    "Model Card",
    "Training Job",
    "Endpoint",
)
_BY_DETAIL = {  # source and detail-type: the parser's module, which reads the detail alone
    ("aws.guardduty", "GuardDuty Finding"): "guardduty",
    ("aws.macie", "Macie Finding"): "macie",
    ("aws.config", "Config Rules Compliance Change"): "config",
}
_BY_ENVELOPE = {  # the same, of events whose envelope says where or when
    ("aws.guardduty", "GuardDuty Malware Protection Object Scan Result"): "malware_scan",
    **{("aws.sagemaker", f"SageMaker {name} State Change"): "state_change" for name in _SAGEMAKER},
    ("aws.bedrock", "Model Customization Job State Change"): "state_change",
    ("aws.glue-dataquality", "Data Quality Evaluation Results Available"): "data_quality",
    ("aws.cloudwatch", "CloudWatch Alarm State Change"): "alarm",
    ("aws.inspector2", "Inspector2 Finding"): "inspector",
    ("aws.access-analyzer", "Access Analyzer Finding"): "access_analyzer",
    ("aws.access-analyzer", "Internal Access Finding"): "access_analyzer",
    ("aws.access-analyzer", "Unused Access Finding for IAM entities"): "access_analyzer",
    ("aws.health", "AWS Health Event"): "health",
}
_CALL = "AWS API Call via CloudTrail"  # whose source is that of the service which was called
_IMPORTED = ("aws.securityhub", "Security Hub Findings - Imported")
_CUSTOM = ("aws.securityhub", "Security Hub Findings - Custom Action")
_OCSF = ("aws.securityhub", "Findings Imported V2")
_KINDS = (*_BY_DETAIL, *_BY_ENVELOPE, _IMPORTED, _CUSTOM, _OCSF)
_FROM_ELSEWHERE = ("aws.securityhub", "aws.health")  # not only in the finding's own Region
_ACTION_NAME = 64


def read(event: object, home: Home | None = None) -> Finding:
    """The only finding of an event. Malformed if there are several: use ``read_all``."""
    findings = read_all(event, home)
    if len(findings) != 1:
        raise Malformed("detail.findings", f"has {len(findings)} findings, expected one")
    return findings[0]


def read_all(event: object, home: Home | None = None) -> tuple[Finding, ...]:
    """All findings of an event: at least one."""
    if not isinstance(event, dict):
        raise Malformed("event", "is not an object")
    envelope = Field("", event)
    kind = (envelope["source"].identifier(), envelope["detail-type"].identifier())
    findings = _findings(kind, envelope, home)
    if home is None:
        return findings
    regional = kind[0] not in _FROM_ELSEWHERE
    for finding in findings:
        check_sender(envelope, finding.place, home, regional=regional)
    return tuple(replace(f, served=not not_served(f.place, home)) for f in findings)


def _findings(kind: tuple[str, str], envelope: Field, home: Home | None) -> tuple[Finding, ...]:
    detail = envelope["detail"]
    if kind in _BY_DETAIL:
        if detail.value is None:
            detail.malformed("is missing")
        return (_parser(_BY_DETAIL[kind])(detail, _digest(detail.value)),)
    if kind in _BY_ENVELOPE or kind[1] == _CALL:
        return (_parser(_BY_ENVELOPE.get(kind, "cloudtrail"))(envelope, _digest(detail.value)),)
    if kind == _IMPORTED:
        parse = _parser("asff", channel="securityhub", custom_action="")
        return _read_each(detail, parse, home)
    if kind == _CUSTOM:
        name = name_of(_custom_action(envelope), home.stack if home else None)
        parse = _parser("asff", channel="custom_action", custom_action=name)
        return _read_each(detail, parse, home)
    if kind == _OCSF:
        return _read_each(detail, _parser("ocsf"), home)
    field = "detail-type" if any(kind[0] == source for source, _ in _KINDS) else "source"
    raise UnsupportedEvent(field, "is not one that Cordon reads")


def _parser(module: str, **more: str) -> Callable[[Field, str], Finding]:
    """A parser's ``read``. It is loaded for its first event: a function starts without the others.

    ``more``: what it takes beside the field and the digest.
    """
    read: Callable[..., Finding] = import_module(f"cordon.sources.{module}").read
    return partial(read, **more)


def _custom_action(envelope: Field) -> str:
    """The custom action's id from its ARN in ``resources``, because its name is free text.

    Source: Security Hub User Guide, "EventBridge event formats", custom action.
    """
    for resource in envelope["resources"].items():
        prefix, _, id = resource.identifier().partition(":action/custom/")
        if prefix and id:
            return id
    name = envelope["detail"]["actionName"]
    return name.text(_ACTION_NAME) or name.malformed("is missing")


def _read_each(
    detail: Field, parse: Callable[[Field, str], Finding], home: Home | None
) -> tuple[Finding, ...]:
    findings = detail["findings"].items()
    if not findings:
        detail["findings"].malformed("has no findings")
    names = home.ai_workloads if home else ()
    return tuple(
        _named(one, parse(one, _digest({**detail.value, "findings": [one.value]})), names)
        for one in findings
    )


def _named(raw: Field, finding: Finding, names: Sequence[str]) -> Finding:
    """The finding, with how the operator named the AI workload that it is about."""
    if not names:
        return finding
    from cordon.sources.workload import workload  # as a parser: only where it is needed

    if not (name := workload(raw, finding, names)):
        return finding
    return replace(finding, facts=(*finding.facts, (str(Fact.WORKLOAD), name[:MOST_OF_A_FACT])))


def _digest(detail: object) -> str:
    """The SHA-256 of the detail's canonical JSON. Each of several findings has its own."""
    try:
        return hashlib.sha256(canonical_json(detail).encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        raise Malformed("detail", "is not JSON, or is nested too deeply") from None
