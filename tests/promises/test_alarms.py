"""Each alarm rings for the fault that it names, and is silent before.

The emulated account has no CloudWatch. What its services would have counted is counted here from
what happened: ``COUNTED`` says how, metric by metric. What it cannot play has its reason in
``NOT_PLAYED``. The metrics and their dimensions: tests/architecture/test_alarms.py.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from moto.sqs.models import sqs_backends

from console.playbook_blocks import blocks
from console.playbook_blocks.alarms import alarms as alarms_of
from console.playbook_blocks.block import Block
from console.playbooks import playbooks
from cordon.memory.decisions import Verb
from embedded.event_patterns import matches
from embedded.journal import Dropped, ExecutionEnded, Invoked, Retained
from tests.architecture.stack import ROOT
from tests.examples import QUARANTINE, TAG, event, function_of, samples
from tests.metric_filters import datum
from tests.promises.test_warnings import changes
from tests.promises.world import HOME, World, chosen

NAME = "guardduty_public_access"
BULK = "securityhub_sagemaker_1"
BLOCKS = blocks(playbooks(ROOT))
BY_ITSELF = "what fails of a queue's batch comes back by itself: FailedBulkWaiting counts it"
NO_QUOTA = "the emulated account has no quota of concurrency"
Metric = Mapping[str, Any]
Fault = Callable[[World], None]


def only_bulk(block: Block) -> bool:
    """Does everything come to it by its queue?"""
    return all(one.bulk for one in block.triggers)


def sample(block: Block, *, bulk: bool) -> str:
    """The first sample that comes to a playbook by this lane."""
    patterns = [one.pattern for one in block.triggers if one.bulk is bulk]
    for name in samples(block.name):
        if any(matches(pattern, event(name)) for pattern in patterns):
            return name
    raise LookupError(f"no sample comes to {block.name} by this lane")


# ---- what is counted ----


def named(metric: Metric) -> str:
    """The value of its only dimension."""
    ((dimension),) = metric["Dimensions"]
    return str(dimension["Value"])


def waiting(world: World, metric: Metric) -> list[float]:
    (queue,) = (q for q in world.account.queues.values() if q.name == named(metric))
    return [float(len(world.account.event_delivery.messages(queue)))]


def oldest(world: World, metric: Metric) -> list[float]:
    queue = sqs_backends[HOME[0]][HOME[1]].queues[named(metric)]
    now = world.account.now.timestamp()
    return [now - int(message.sent_timestamp or 0) / 1000 for message in queue._messages]


def errors(world: World, metric: Metric) -> list[float]:
    invoked = world.account.journal.of(Invoked)
    name = {f.name: logical for logical, f in world.account.functions.items()}[named(metric)]
    return [1.0 for one in invoked if one.function == name and one.error]


def undelivered(world: World, metric: Metric) -> list[float]:
    """Lambda's record of an invocation is lost; it names the function."""
    lost = (one.body for one in world.account.journal.of(Dropped))
    records = [json.loads(body) for body in lost]
    arns = [r.get("requestContext", {}).get("functionArn", "") for r in records]
    return [1.0 for arn in arns if named(metric) in arn.split(":")]


def unkept(world: World, metric: Metric) -> list[float]:
    """An event is lost between its rule and the dead letters."""
    rule = next(r for r in world.account.stack.of("AWS::Events::Rule") if named(metric) in r.arn)
    targets = [target["Arn"] for target in rule.properties["Targets"]]
    lost = world.account.journal.of(Dropped)
    return [1.0 for one in lost if any(f"on {target};" in one.reason for target in targets)]


def ended(status: str) -> Callable[[World, Metric], list[float]]:
    def count(world: World, _: Metric) -> list[float]:
        return [1.0 for one in world.account.journal.of(ExecutionEnded) if one.status == status]

    return count


def given_up(world: World, _: Metric) -> list[float]:
    return [1.0 for _ in world.account.journal.of(Retained)]


def never(_: World, __: Metric) -> list[float]:
    """Of what the emulated account does not play."""
    return []


COUNTED: dict[tuple[str, str], Callable[[World, Metric], list[float]]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): waiting,
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): oldest,
    ("AWS/Lambda", "Errors"): errors,
    ("AWS/Lambda", "Throttles"): never,
    ("AWS/Lambda", "IteratorAge"): never,
    ("AWS/Lambda", "AsyncEventsDropped"): never,
    ("AWS/Lambda", "DestinationDeliveryFailures"): undelivered,
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"): given_up,
    ("AWS/Events", "InvocationsFailedToBeSentToDlq"): unkept,
    ("AWS/States", "ExecutionsFailed"): ended("FAILED"),
    ("AWS/States", "ExecutionsTimedOut"): ended("TIMED_OUT"),
    ("AWS/States", "ExecutionsAborted"): ended("ABORTED"),
}


def logged(world: World, name: str) -> list[float]:
    """What the metric filters of a metric make of what was logged."""
    filters = [r.properties for r in world.account.stack.unbuilt if "FilterPattern" in r.properties]
    found = [f for f in filters if f["MetricTransformations"][0]["MetricName"] == name]
    groups = {
        logical: function.properties["LoggingConfig"]["LogGroup"]
        for logical, function in world.account.stack.resources.items()
        if function.type == "AWS::Lambda::Function"
    }
    return [
        value
        for one in world.account.journal.of(Invoked)
        for line in one.log.splitlines()
        for f in found
        if f["LogGroupName"] == groups[one.function] and (value := datum(f, line)) is not None
    ]


def alarms(world: World) -> dict[str, Mapping[str, Any]]:
    """By name, without the stack's."""
    made = (r.properties for r in world.account.stack.unbuilt if r.type == "AWS::CloudWatch::Alarm")
    return {str(one["AlarmName"]).removeprefix("cordon-"): one for one in made}


def rings(world: World, name: str) -> bool:
    """Is it on: would any datum, or the last of them where it looks at the least, be too much?"""
    alarm = alarms(world)[name]
    if alarm.get("Namespace") == "Cordon":
        data = logged(world, alarm["MetricName"])
    else:
        metrics = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
        data = [
            value
            for metric in metrics or [alarm]
            for value in COUNTED[metric["Namespace"], metric["MetricName"]](world, metric)
        ]
    if alarm.get("Statistic") == "Minimum":
        last = data[-alarm["EvaluationPeriods"] :]
        return len(last) == alarm["EvaluationPeriods"] and min(last) > int(alarm["Threshold"])
    return any(value > int(alarm["Threshold"]) for value in data)


# ---- the faults ----


def rule_reaches_no_function(world: World) -> None:
    world.without_policy(function_of(QUARANTINE))
    world.send(event(NAME))


def playbook_cannot_read(world: World) -> None:
    world.stage(event(NAME))
    with world.denied(function_of(QUARANTINE), "dynamodb:BatchGetItem"):
        world.account.deliver(event(NAME))


def bulk_playbook_cannot_read(world: World) -> None:
    world.stage(event(BULK))
    with world.denied(function_of(TAG), "dynamodb:BatchGetItem"):
        world.account.deliver(event(BULK), patience=timedelta(hours=2))


def bus_takes_nothing(minutes: int) -> Fault:
    def fault(world: World) -> None:
        world.stage(event(NAME))
        with world.denied("ReportCases", "events:PutEvents"):
            until = world.account.now + timedelta(minutes=minutes)
            world.account.deliver(event(NAME), patience=timedelta(minutes=minutes))
            world.account.clock.move_to(until)

    return fault


def reporter_cannot_read(world: World) -> None:
    world.stage(event(NAME))
    with world.denied("ReportCases", "dynamodb:BatchGetItem"):
        world.account.deliver(event(NAME), patience=timedelta(hours=2))


def bulk_is_not_polled(block: Block) -> Fault:
    def fault(world: World) -> None:
        one = event(sample(block, bulk=True))
        world.account.set_mapping(f"{block.logical}Queue", enabled=False)
        world.stage(one)
        world.account.deliver(one)
        world.account.advance(timedelta(minutes=16), schedules="last")

    return fault


def cannot_read(block: Block) -> Fault:
    def fault(world: World) -> None:
        one = event(sample(block, bulk=False))
        world.stage(one)
        with world.denied(block.logical, "dynamodb:BatchGetItem"):
            world.account.deliver(one, patience=timedelta(hours=2))

    return fault


def workflow_may_not_invoke(world: World) -> None:
    role = world.account.stack.resources["WorkflowRole"].arn.rsplit("/", 1)[-1]
    statement = {"Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.send(event(NAME))
    world.account.client("iam").put_role_policy(
        RoleName=role, PolicyName="denied", PolicyDocument=document
    )
    world.account.runtime.forget()
    world.operator.decide(world.case(), Verb.RELEASE, why="the test releases")
    world.account.settle(patience=timedelta(hours=1))


def dead_letters_may_not_be_sent(function: str) -> Fault:
    def fault(world: World) -> None:
        with world.denied(function, "sqs:SendMessage"):
            nonsense = {"detail-type": "GuardDuty Finding", "source": "aws.guardduty"}
            made = world.account.functions[function]
            world.account.event_delivery.invoke_later(made, nonsense)
            world.account.settle(patience=timedelta(hours=1))

    return fault


def schedule_reaches_nobody(function: str) -> Fault:
    def fault(world: World) -> None:
        world.without_policy(function, "UndeliveredEvents")
        world.account.advance(timedelta(minutes=61))

    return fault


def bulk_reaches_nobody(block: Block) -> Fault:
    def fault(world: World) -> None:
        world.without_policy(block.queue, "UndeliveredEvents")
        world.send(event(sample(block, bulk=True)))

    return fault


def warning_reaches_nobody(world: World) -> None:
    world.without_policy("AlertsTopic", "UndeliveredEvents")
    world.account.deliver(changes(world)["SourcesSilenced"][0])


def budget_is_used_up(world: World) -> None:
    world.set("budget", 0)
    world.send(event(NAME))


def mode_is_nonsense(world: World) -> None:
    world.set(f"modes.{QUARANTINE.name}", "nonsense")
    world.send(event(NAME))


def settings_past_the_desk(world: World) -> None:
    world.set("master_switch", "off")
    world.account.advance(timedelta(seconds=70), schedules="last")


def release_from_security_hub(world: World) -> None:
    world.send(event(NAME))
    world.account.deliver(chosen("CordonRelease", world.finding(world.case())))


def stream_is_off(world: World) -> None:
    world.account.set_mapping("ReportCasesStream", enabled=False)
    world.account.advance(timedelta(minutes=31))


def question_is_not_sent(world: World) -> None:
    with world.denied("ReportCases", "sns:Publish"):
        world.stage(event(NAME))
        world.account.deliver(event(NAME), patience=timedelta(0))
        world.account.advance(timedelta(minutes=21))


def incidents_are_not_listed(world: World) -> None:
    with world.denied("ReconcileCases", "ssm:DescribeOpsItems"):
        world.account.advance(timedelta(minutes=6))


def digest_may_not_be_written(world: World) -> None:
    with world.denied("DigestEvidence", "s3:PutObject"):
        world.account.advance(timedelta(days=1), schedules="last")


def of_playbooks() -> dict[str, Fault]:
    """The alarms that each playbook brings, but for its throttles."""
    found: dict[str, Fault] = {}
    for block in BLOCKS:
        possible = {
            "Errors": cannot_read(block),
            "EventsDropped": dead_letters_may_not_be_sent(block.logical),
            "BulkWaitsLong": bulk_is_not_polled(block),
            "BulkEventsDropped": bulk_reaches_nobody(block),
        }
        brought = dict(alarms_of(block))
        if only_bulk(block):
            del possible["Errors"]
        named = {f"{block.logical}{name}": fault for name, fault in possible.items()}
        found |= {name: fault for name, fault in named.items() if name in brought}
    return found


PLAYED: dict[str, Fault] = {
    "UndeliveredFindingsWaiting": rule_reaches_no_function,
    "FailedFindingsWaiting": playbook_cannot_read,
    "FailedBulkWaiting": bulk_playbook_cannot_read,
    "FailedReportsWaiting": bus_takes_nothing(90),
    "ReportsWaitLong": bus_takes_nothing(17),
    "RecordsGivenUp": reporter_cannot_read,
    "ReportErrors": reporter_cannot_read,
    "WorkflowsFailed": workflow_may_not_invoke,
    **of_playbooks(),
    "PeopleEventsDropped": schedule_reaches_nobody("ReconcileCases"),
    "SetupEventsDropped": schedule_reaches_nobody("Setup"),
    "WarningsDropped": warning_reaches_nobody,
    "HeldBack": budget_is_used_up,
    "SettingsRefused": mode_is_nonsense,
    "SettingsChangedWithoutEvidence": settings_past_the_desk,
    "ReporterBehind": stream_is_off,
    "ReconcileErrors": incidents_are_not_listed,
    "DigestErrors": digest_may_not_be_written,
}
ELSEWHERE = ("ReleaseRefused", "QuestionsNotReported")  # below: they need another deployment
NOT_PLAYED = {
    "StreamBehind": "the emulated stream is read at once, or not at all: it has no age",
    "ReportThrottles": NO_QUOTA,
    **{f"{block.logical}Throttles": NO_QUOTA for block in BLOCKS},
    **{f"{block.logical}Errors": BY_ITSELF for block in BLOCKS if only_bulk(block)},
    "TrustFellBack": "the emulated account speaks no TLS: see tests/test_trust.py",
}


def test_every_alarm_is_played_or_says_why_not(world: World) -> None:
    assert sorted([*PLAYED, *ELSEWHERE, *NOT_PLAYED]) == sorted(alarms(world))


@pytest.mark.drawn(1 / 12)
@pytest.mark.parametrize("name", PLAYED)
def test_alarm_rings_for_its_fault(world: World, name: str) -> None:
    world.account.advance(timedelta(minutes=31))
    assert [one for one in alarms(world) if rings(world, one)] == []
    PLAYED[name](world)
    assert rings(world, name)


@pytest.mark.world("enforce", ReleaseFromSecurityHub="false")
def test_release_that_is_refused_rings(world: World) -> None:
    assert not rings(world, "ReleaseRefused")
    release_from_security_hub(world)
    assert rings(world, "ReleaseRefused")


@pytest.mark.world("approve")
def test_question_that_nobody_was_informed_of_rings(world: World) -> None:
    assert not rings(world, "QuestionsNotReported")
    question_is_not_sent(world)
    assert rings(world, "QuestionsNotReported")


@pytest.mark.drawn(1 / 12)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block.name))
def test_event_that_a_rule_loses_rings_for_its_playbook(world: World, block: Block) -> None:
    """Between a rule and its dead letters: the metric that EventBridge has of each rule."""
    bulk = only_bulk(block)
    world.without_policy(block.queue if bulk else block.logical, "UndeliveredEvents")
    world.send(event(sample(block, bulk=bulk)))
    assert rings(world, f"{block.logical}EventsDropped")
