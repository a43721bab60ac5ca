"""A CloudWatch alarm changed its state: ``aws.cloudwatch``, "CloudWatch Alarm State Change".

Source: CloudWatch User Guide, "Alarm events and EventBridge". The kind names the metric:
``cloudwatch:AWS/Bedrock/Guardrails:InvocationsIntervened``, of several the first whose values the
alarm looks at, or that its expression names: of ``tokens / invocations`` the tokens. An alarm that
names none (composite, or of a query) is ``cloudwatch:Alarm``. ALARM is a finding, OK passes it, and
INSUFFICIENT_DATA says neither.

An alarm names no principal: a metric does not know who called. Its dimensions may name resources
by their ARNs. Required: ``alarmName``, and the envelope's account, Region and time.
"""

import re
from functools import partial

from cordon.finding import Fact, Finding, Place, Resource, ResourceRole, State
from cordon.sources import facts, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, readable, unique

SOURCE = "cloudwatch"
NO_METRIC = "Alarm"
ALARM, OK = "ALARM", "OK"
_STATES = {ALARM: State.ACTIVE, OK: State.PASSED}
_NAME = 255  # PutMetricAlarm: AlarmName
_WORDS = 64
_EXPRESSION = 2048  # PutMetricAlarm: MetricDataQuery Expression


def read(envelope: Field, digest: str) -> Finding:
    """The finding in an event: one change of one alarm."""
    detail = envelope["detail"]
    place = places.place(envelope["account"], envelope["region"])
    name = detail["alarmName"].identifier(_NAME) or detail["alarmName"].malformed("is missing")
    alarm = Resource("AWS::CloudWatch::Alarm", name, place, place.arn(SOURCE, f"alarm:{name}"))
    now, metrics = detail["state"], _metrics(detail)
    state = now["value"].text(_WORDS)
    first, last = times.first_and_last((), (now["timestamp"], envelope["time"]))
    return Finding(
        id=alarm.arn,
        source=SOURCE,
        channel=SOURCE,
        type=_type(metrics),
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(state, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=unique([alarm, *(r for m in metrics for r in _dimensions(m, place))]),
        principal=None,
        title=text.one_line(f"Alarm {name} is {state or 'in no state'}", text.TITLE),
        description=_reason(now),
        detail_sha256=digest,
        facts=facts.stated({Fact.STATUS: lambda: state}),
    )


def _metrics(detail: Field) -> list[Field]:
    """The metrics, first those whose values the alarm looks at and not only computes with."""
    queries = readable(detail["configuration"]["metrics"].items, required=False)
    named = [query for query in queries if readable(partial(_named, query), required=False)]
    computed = _expressions(sorted(queries, key=_only_computed_with))
    looked_at = sorted(named, key=lambda query: (_only_computed_with(query), _at(query, computed)))
    return [query["metricStat"]["metric"] for query in looked_at]


def _only_computed_with(query: Field) -> bool:
    return not query["returnData"].value


def _expressions(queries: list[Field]) -> str:
    """All expressions, in this order."""
    each = (partial(lambda one: [one["expression"].text(_EXPRESSION)], one) for one in queries)
    return " ".join(said for one in each for said in readable(one, required=False))


def _at(query: Field, expressions: str) -> int:
    """Where the metric is first named: what a rate is divided by comes last."""
    name = query["id"].value
    found = re.search(rf"\b{re.escape(name)}\b", expressions) if isinstance(name, str) else None
    return found.start() if found else len(expressions)


def _named(query: Field) -> list[str]:
    metric = query["metricStat"]["metric"]
    both = metric["namespace"].if_any(shapes.NAMESPACE), metric["name"].if_any(shapes.METRIC)
    return list(both) if all(both) else []


def _type(metrics: list[Field]) -> str:
    return next((f"{m['namespace'].value}:{m['name'].value}" for m in metrics), NO_METRIC)


def _dimensions(metric: Field, place: Place) -> list[Resource]:
    given = metric["dimensions"].value
    fields = [metric["dimensions"][key] for key in given] if isinstance(given, dict) else []
    arns = (field for field in fields if field.if_any(shapes.ARN))
    return [
        found for arn in arns for found in readable(partial(_by_arn, arn, place), required=False)
    ]


def _by_arn(arn: Field, place: Place) -> list[Resource]:
    return [from_arn(arn, place, role=ResourceRole.RELATED)]


def _reason(now: Field) -> str:
    said = readable(lambda: [now["reason"].text(text.DESCRIPTION)], required=False)
    return "".join(said)
