"""The rules for services' own events, for headers that there may be: coarse and exact agree.

Each sample, and each with other states, against headers that name its kind exactly, by a family,
and nearly. What the exact gate would handle, a rule brings, by its lane; and nothing of another
kind, but for alarms of several metrics, of which one gives the kind.
"""

import copy
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from console.triggers import Heard, Trigger, triggers
from console.triggers.rules import MOST_CHARACTERS, size
from cordon.finding import Finding, State
from cordon.sources import read
from embedded.event_patterns import check, flat, matches_flat
from tests.examples import event as sample
from tests.examples import path_of, samples

SOURCES = (
    "sagemaker",
    "bedrock",
    "glue-dataquality",
    "cloudwatch",
    "inspector",
    "access-analyzer",
    "health",
)
OTHER_STATES: dict[str, tuple[dict[str, Any], ...]] = {  # of the detail, by the file's beginning
    "sagemaker_model_package_a": (
        {"ModelApprovalStatus": "PendingManualApproval"},
        {"ModelApprovalStatus": None},
    ),
    "sagemaker_notebook": ({"NotebookInstanceStatus": "InService"},),
    "sagemaker_training": ({"TrainingJobStatus": "Failed"},),
    "bedrock": ({"jobStatus": "Failed"},),
    "glue_data_quality_failed": ({"state": "TOMORROW"},),
    "cloudwatch_guardrail_alarm.": ({"state": {"value": "INSUFFICIENT_DATA"}},),
    "health_credentials_exposed.": ({"eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE"},),
    "inspector_high": (
        {"severity": "CRITICAL"},
        {"severity": "LOW"},
        {"type": "NETWORK_REACHABILITY"},
        {"type": "CODE_VULNERABILITY"},
        {"status": "SUPPRESSED"},
    ),
    "access_analyzer_unused": ({"findingType": "UnusedPermission"}, {"status": "RESOLVED"}),
}
Event = dict[str, Any]


def variants() -> Iterator[Event]:
    for name in samples():
        path = path_of(name)
        event = json.loads(path.read_text())
        if read(event).source not in SOURCES:
            continue
        if event["source"] == "aws.securityhub":
            continue
        yield event
        for beginning, changes in OTHER_STATES.items():
            for change in changes if path.name.startswith(beginning) else ():
                other = copy.deepcopy(event)
                kept = {**other["detail"], **change}
                other["detail"] = {k: v for k, v in kept.items() if v is not None}
                yield other


@cache
def found() -> tuple[tuple[Finding, Any], ...]:
    """Each event's finding and its leaves."""
    return tuple((read(event), flat(event)) for event in variants())


def headers() -> Iterator[Heard]:
    kinds = sorted({finding.kind for finding, _ in found()})
    families = {f"{kind.partition(':')[0]}:*" for kind in kinds}
    families |= {f"{kind.partition('/')[0]}/*" for kind in kinds if kind.startswith("sagemaker:")}
    families |= {"cloudwatch:AWS/Bedrock*", "cloudwatch:AWS/Bedrock/Guardrails:*"}
    families |= {"sagemaker:Model*", "sagemaker:ModelPackage/App*", "health:AWS_RISK_*"}
    for kind in (*kinds, *sorted(families)):
        for passed in (False, True):
            yield Heard((kind,), passed=passed)
        yield Heard((), high=(kind,))
        yield Heard((f"{kind}X",)) if not kind.endswith("*") else Heard(kinds=(kind, kinds[0]))
    yield Heard((), critical=True)
    yield Heard(tuple(kinds), high=tuple(sorted(families)), critical=True, passed=True)


HEADERS = {str(n): header for n, header in enumerate(headers())}


def is_heard(finding: Finding, heard: Heard) -> bool:
    """As ``Playbook.hears`` and the gate say."""
    kinds = (*heard.kinds, *(heard.high if finding.severity.urgent else ()))
    closed = (State.PASSED, State.ARCHIVED) if heard.passed else ()
    of_kind = any(fnmatchcase(finding.kind, kind) for kind in kinds)
    critical = heard.critical and finding.severity.critical
    return (of_kind or critical) and finding.state in (State.ACTIVE, *closed)


@pytest.mark.parametrize("number", HEADERS)
def test_rules_bring_what_is_handled_by_its_lane(number: str) -> None:
    heard = HEADERS[number]
    made = triggers(heard)
    for finding, leaves in found():
        lanes = {one.bulk for one in made if matches_flat(one.pattern, leaves)}
        if is_heard(finding, heard):
            assert lanes == {finding.is_compliance}, (heard, finding.kind, finding.state)
        elif finding.state is State.ACTIVE:
            assert lanes == set(), (heard, finding.kind, finding.severity)


def made() -> Iterator[Trigger]:
    yield from triggers(HEADERS[str(len(HEADERS) - 1)])


@pytest.mark.parametrize("trigger", list(made()), ids=lambda one: one.name)
def test_eventbridge_takes_it(trigger: Trigger) -> None:
    check(trigger.pattern)
    assert size(trigger.pattern) <= MOST_CHARACTERS


def test_names_of_rules_differ() -> None:
    names = [one.name for one in made()]
    assert len(names) == len(set(names))


def test_kind_that_nothing_can_be_has_no_rule() -> None:
    assert triggers(Heard(("sagemaker:NotebookLifecycleConfig/Failed",))) == ()
    assert triggers(Heard(("access-analyzer:Nothing",))) == ()


def test_alarm_of_several_metrics_comes_for_each() -> None:
    """Only the exact gate knows which metric the kind has."""
    event = sample("cloudwatch_guardrail_alarm")
    metric = {"namespace": "AWS/Bedrock", "name": "Invocations", "dimensions": {}}
    query = {"id": "m2", "metricStat": {"metric": metric}, "returnData": False}
    event["detail"]["configuration"]["metrics"].append(query)
    (rule,) = triggers(Heard(("cloudwatch:AWS/Bedrock:Invocations",)))
    assert matches_flat(rule.pattern, flat(event))
    (other,) = triggers(Heard(("cloudwatch:AWS/Bedrock:InvocationsIntervened",)))
    assert not matches_flat(other.pattern, flat(event))  # both of one metric
