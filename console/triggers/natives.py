"""The rules for the events of services other than GuardDuty, Macie, Config and Security Hub.

The kinds, and what of an event says so, are those of the parsers in ``cordon.sources``: state
changes of SageMaker and Bedrock, Glue Data Quality, CloudWatch alarms, Inspector, Access Analyzer,
AWS Health. Their severity is the parser's, but for Inspector's, which is in the event.
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from console.triggers import spelling
from console.triggers.heard import Heard
from cordon.sources import access_analyzer, alarm, data_quality, health, inspector
from cordon.sources.state_change import STATE_CHANGES, StateChange

Rule = tuple[str, Mapping[str, Any]]  # its name within the playbook, and its pattern


def direct(heard: Heard) -> Iterator[Rule]:
    """What invokes the function: threats, and changes that somebody waits for."""
    for (source, detail_type), change in STATE_CHANGES.items():
        types = heard.of(source.removeprefix("aws."))
        if any(_may_be(change, type) for type in types):
            states = _states(change, types)
            yield f"{change.resource}State", event(source, detail_type, states)
    if alarms := heard.of(alarm.SOURCE):
        yield (
            "Alarm",
            event("aws.cloudwatch", "CloudWatch Alarm State Change", _alarms(heard, alarms)),
        )
    if codes := {*heard.of(health.SOURCE), *heard.of(health.SOURCE, high=True)}:
        of = {} if "*" in codes else {"eventTypeCode": _natives(codes)}
        yield "HealthEvent", event("aws.health", "AWS Health Event", of)


def bulk(heard: Heard) -> Iterator[Rule]:
    """What comes by the queue: how a resource is."""
    if types := heard.of(data_quality.SOURCE):
        yield "DataQualityRule", _data_quality(heard, types)
    yield from _access(heard)
    if vulnerable := _inspected(heard):
        status = [inspector.ACTIVE, *([inspector.CLOSED] if heard.passed else [])]
        detail = {"status": status, **either(vulnerable)}
        yield "InspectorRule", event("aws.inspector2", "Inspector2 Finding", detail)


def event(source: str, detail_type: str, detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pattern of one detail-type. A pattern must have no empty object."""
    within = {"detail": detail} if detail else {}
    return {"source": [source], "detail-type": [detail_type], **within}


def either(patterns: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """One of these: the only one as it is, as ``$or`` wants two at least; {} where one is {}."""
    if {} in patterns:
        return {}
    return patterns[0] if len(patterns) == 1 else {"$or": patterns}


def _natives(types: Iterable[str]) -> list[Any]:
    return [spelling.native(type) for type in sorted(types)]


# ---- state changes ----


def _may_be(change: StateChange, pattern: str) -> bool:
    """May such an event be of a type that the pattern matches?"""
    resource, slash, state = pattern.partition("/")
    if not slash:
        return fnmatchcase(change.resource, resource)
    return bool(change.state) and resource == change.resource and bool(state)


def _states(change: StateChange, types: tuple[str, ...]) -> Mapping[str, Any]:
    """Which states; {} where it has none, or any counts."""
    own = [type.partition("/") for type in types if _may_be(change, type)]
    if not change.state or any(not slash and "*" in name for name, slash, _ in own):
        return {}
    states = [state for _, slash, state in own if slash]
    if "*" in states and len(states) == len(own):
        return {change.state: [{"exists": True}]}
    if "*" in states:
        return {}
    absent = [{"exists": False}] if len(states) < len(own) else []
    return {change.state: [*_natives(states), *absent]}


# ---- alarms ----


def _alarms(heard: Heard, types: tuple[str, ...]) -> Mapping[str, Any]:
    """Its state, and one of its metrics: which one gave the kind, only the exact gate knows."""
    states = [alarm.ALARM, *([alarm.OK] if heard.passed else [])]
    return {"state": {"value": states}, **either([_metric(type) for type in types])}


def _metric(pattern: str) -> Mapping[str, Any]:
    namespace, colon, name = pattern.partition(":")
    if pattern == alarm.NO_METRIC:
        metric: Mapping[str, Any] = {"name": [{"exists": False}]}
    elif not colon:
        metric = {"namespace": [spelling.native(namespace)]}
    else:
        named = {} if name == "*" else {"name": [spelling.native(name)]}
        metric = {"namespace": [namespace], **named}
    return (
        {} if pattern == "*" else {"configuration": {"metrics": {"metricStat": {"metric": metric}}}}
    )


# ---- what comes by the queue ----


def _data_quality(heard: Heard, types: tuple[str, ...]) -> Mapping[str, Any]:
    results = [data_quality.FAILED, *([data_quality.PASSED] if heard.passed else [])]
    contexts = [
        context
        for type, context in data_quality.CONTEXTS.items()
        if any(fnmatchcase(type, pattern) for pattern in types)
    ]
    detail = {"state": results, "context": {"contextType": contexts}}
    return event("aws.glue-dataquality", "Data Quality Evaluation Results Available", detail)


def _access(heard: Heard) -> Iterator[Rule]:
    """A rule for each detail-type. Of High ones, those that our parser makes High."""
    kinds, high = (heard.of(access_analyzer.SOURCE, high=h) for h in (False, True))
    names = {
        access_analyzer.EXTERNAL: "ExternalAccessRule",
        access_analyzer.INTERNAL: "InternalAccessRule",
        access_analyzer.UNUSED: "UnusedAccessRule",
    }
    for detail_type, name in names.items():
        own = [v for v in access_analyzer.VARIANTS if v.detail_type == detail_type]
        wanted = [
            variant
            for variant in own
            if _matches(variant.type, kinds)
            or (variant.severity().urgent and _matches(variant.type, high))
        ]
        if wanted:
            over = access_analyzer.OVER if heard.passed else ()
            detail = {
                "status": [access_analyzer.ACTIVE, *over],
                wanted[0].member: [variant.value for variant in wanted],
            }
            yield name, event("aws.access-analyzer", detail_type, detail)


def _inspected(heard: Heard) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    if types := heard.of(inspector.SOURCE):
        found.append(_vulnerability(types))
    if high := heard.of(inspector.SOURCE, high=True):
        found.append({"severity": ["HIGH", "CRITICAL"], **_vulnerability(high)})
    return [*found, *([{"severity": ["CRITICAL"]}] if heard.critical else [])]


def _vulnerability(patterns: tuple[str, ...]) -> Mapping[str, Any]:
    """Inspector's own word for each; one that no spelling is known for is that word."""
    if "*" in patterns:
        return {}
    known = [native for native, type in inspector.TYPES.items() if _matches(type, patterns)]
    return {"type": [*known, *(spelling.native(p) for p in patterns if "/" not in p)]}


def _matches(type: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(type, pattern) for pattern in patterns)
