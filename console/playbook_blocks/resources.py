"""What a playbook has in template.yaml beside its function: role, log, rules, queue and counters.

All of it follows from the header. People write the function: its code, its memory, its time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from console.playbook_blocks.alarms import alarms
from console.playbook_blocks.block import Block
from console.playbook_blocks.role import role
from console.triggers import Trigger

Resources = dict[str, Any]
# EventBridge User Guide, "Retrying event delivery": what cannot be delivered in an hour is kept.
RETRIES = {"MaximumRetryAttempts": 24, "MaximumEventAgeInSeconds": 3600}
UNDELIVERED = {"Arn": {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}}
DESK, SWEEP = "DecideCasesRole", "SweepFindingsRole"  # they send to queues, beside the rules
COUNTED = {  # a field of the log line, and the alarm that counts it
    "HeldBack": "held_back",
    "SettingsRefused": "settings_refused",
    "TrustFellBack": "trust_fell_back",
}


def resources(block: Block, description: str) -> Resources:
    """By logical id, in the order in which one reads them."""
    log = {
        "LogGroupName": {"Fn::Sub": f"/cordon/${{AWS::StackName}}/{block.name}"},
        "RetentionInDays": {"Ref": "LogDays"},
    }
    found: Resources = {
        block.role: role(block, description),
        f"{block.logical}LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": log},
    }
    for trigger in block.triggers:
        if not trigger.bulk:
            found |= _direct(block, trigger)
    if block.bulk:
        found |= _queue(block)
    return found | dict(_counters(block.logical)) | dict(alarms(block))


def _direct(block: Block, trigger: Trigger) -> Resources:
    """A threat invokes the function, without a queue before it."""
    rule = block.rule(trigger)
    return {
        rule: _rule(trigger, "Function", block.logical, _state(block, trigger)),
        f"{rule}Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": block.logical},
                "Principal": "events.amazonaws.com",
                "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
            },
        },
    }


def _state(block: Block, trigger: Trigger) -> dict[str, Any]:
    """Off where the operator does not want these calls heard: they are often right."""
    on = {"Fn::If": [block.calls_condition, "ENABLED", "DISABLED"]}
    return {"State": on} if trigger.optional else {}


def _rule(
    trigger: Trigger, id: str, target: str, state: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            **(state or {}),
            "EventPattern": trigger.pattern,
            "Targets": [
                {
                    "Id": id,
                    "Arn": {"Fn::GetAtt": [target, "Arn"]},
                    "RetryPolicy": RETRIES,
                    "DeadLetterConfig": UNDELIVERED,
                }
            ],
        },
    }


def _queue(block: Block) -> Resources:
    """What comes in bulk waits in a queue, so that threats do not wait behind it."""
    queue = block.queue
    return {
        queue: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "SqsManagedSseEnabled": True,
                "MessageRetentionPeriod": 1209600,
                # Six times the function's timeout, and the batching window.
                "VisibilityTimeout": 400,
                "RedriveAllowPolicy": {"redrivePermission": "denyAll"},
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["FailedBulkEvents", "Arn"]},
                    "maxReceiveCount": 5,
                },
            },
        },
        **{block.rule(trigger): _rule(trigger, "Queue", queue) for trigger in block.bulk},
        f"{block.logical}Queue": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": block.logical},
                "EventSourceArn": {"Fn::GetAtt": [queue, "Arn"]},
                "BatchSize": 10,
                "MaximumBatchingWindowInSeconds": 5,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": 5},
            },
        },
        f"{queue}Policy": _queue_policy(block),
    }


def _queue_policy(block: Block) -> dict[str, Any]:
    """A rule could carry a forged event into a queue: it takes from its own rules only.

    Who has a policy of their own would need no Allow, and is denied; template.yaml says why, at the
    queues of dead letters. The desk redelivers, and a sweep sends the backlog.
    """
    arns = [{"Fn::GetAtt": [block.rule(one), "Arn"]} for one in block.bulk]
    senders = (DESK, SWEEP) if block.swept else (DESK,)
    only_its_rules = {
        "Sid": "OnlyItsRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": arns}},
    }
    only_tls = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    rule = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/*"
    only_its_senders = {
        "Sid": "OnlyItsSenders",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {
            "ArnNotLike": {
                "aws:SourceArn": {"Fn::Sub": rule},
                "aws:PrincipalArn": [{"Fn::GetAtt": [role, "Arn"]} for role in senders],
            }
        },
    }
    statements = [only_its_rules, only_its_senders, only_tls]
    document = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": block.queue}], "PolicyDocument": document},
    }


def _counters(logical: str) -> Iterator[tuple[str, Any]]:
    for metric, line in COUNTED.items():
        counted = {
            "MetricNamespace": "Cordon",
            "MetricName": {"Fn::Sub": f"${{AWS::StackName}}-{metric}"},
            "MetricValue": "1",
        }
        yield (
            f"{logical}{metric}",
            {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {
                    "LogGroupName": {"Ref": f"{logical}LogGroup"},
                    "FilterPattern": f"{{ $.{line} IS TRUE }}",
                    "MetricTransformations": [counted],
                },
            },
        )
