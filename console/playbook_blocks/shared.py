"""The lists of template.yaml that have an item for each playbook, by the name of their section."""

from collections.abc import Callable, Sequence
from typing import Any

from console.playbook_blocks.block import Block
from cordon.actions.deny_policy import PURPOSES, Purpose
from cordon.settings import Mode

Blocks = Sequence[Block]


def _arn(name: str) -> Any:
    return {"Fn::GetAtt": [name, "Arn"]}


def _each(item: Callable[[Block], Any]) -> Callable[[Blocks], Any]:
    return lambda blocks: [item(block) for block in blocks]


def _each_with_a_queue(item: Callable[[Block], Any]) -> Callable[[Blocks], Any]:
    return lambda blocks: [item(block) for block in blocks if block.bulk]


def _parameters(blocks: Blocks) -> Any:
    return {
        block.mode_parameter: {
            "Type": "String",
            "Default": str(Mode.OBSERVE),
            "AllowedValues": [str(mode) for mode in Mode],
            "Description": f"Of {block.name}. observe plans and records; approve waits for a "
            "person's approval; enforce contains at once. We recommend "
            f"{block.playbook.recommended_mode}. Counts when the stack or the playbook is new; "
            "afterwards use cordon mode.",
        }
        for block in blocks
    }


def _with_optional(blocks: Blocks) -> list[Block]:
    return [block for block in blocks if block.heard.optional]


def _call_parameters(blocks: Blocks) -> Any:
    return {
        block.calls_parameter: {
            "Type": "String",
            "Default": "false",
            "AllowedValues": ["true", "false"],
            "Description": f"true - {block.name} also handles {_what_is_optional(block)}."
            f"{_of_one_region(block.heard.optional_calls)}",
        }
        for block in _with_optional(blocks)
    }


def _of_one_region(calls: tuple[str, ...]) -> str:
    """Where they are recorded: AWS CloudTrail User Guide, "CloudTrail concepts"."""
    of_iam = any(call.startswith("iam:") for call in calls)
    return " Those of IAM are recorded in us-east-1 only." if of_iam else ""


def _what_is_optional(block: Block) -> str:
    calls, states = block.heard.optional_calls, block.heard.optional_states.kinds
    recorded = "successful API calls that are often right, and that CloudTrail records here: "
    said = [f"{recorded}{', '.join(calls)}"] if calls else []
    changed = f"changes that are often right, as AWS's own events say: {', '.join(states)}"
    return "; and ".join([*said, *([changed] if states else [])])


def _call_conditions(blocks: Blocks) -> Any:
    return {
        block.calls_condition: {"Fn::Equals": [{"Ref": block.calls_parameter}, "true"]}
        for block in _with_optional(blocks)
    }


def _rules(blocks: Blocks) -> Any:
    """Short: one queue's policy names them all, and SQS takes 8,192 bytes."""
    rules = (block.rule(trigger) for block in blocks for trigger in block.triggers)
    return [{"Fn::Sub": f"arn:*:events:*:${{AWS::AccountId}}:rule/${{{rule}}}"} for rule in rules]


def _invoked_by_rules(blocks: Blocks) -> Any:
    """Logical ids: these functions reserve concurrency."""
    return [b.logical for b in blocks if any(not trigger.bulk for trigger in b.triggers)]


def _evidence(block: Block) -> Any:
    return {
        "Sid": f"Only{block.logical}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": f"${{EvidenceBucket.Arn}}/{block.name}/*"},
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": _arn(block.role)}},
    }


def _budgets(blocks: Blocks) -> Any:
    own = {block.name: block.playbook.budget for block in blocks}
    return {name: budget for name, budget in own.items() if budget is not None}


def _deny_policies(_: Blocks) -> Any:
    """Of every purpose that an action has. CloudFormation names them: CAPABILITY_IAM is enough."""
    return {
        purpose.logical: {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Path": "/cordon/",
                # Another path or description would make another policy: what the old one is
                # attached to could not be released any more.
                "Description": f"Cordon attaches it to deny {purpose.name.replace('_', ' ')}",
                "PolicyDocument": purpose.document,
            },
        }
        for purpose in PURPOSES
    }


def _name_of(purpose: Purpose) -> Any:
    """``purpose=name``: the name is what follows the path in the ARN."""
    name = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": purpose.logical}]}]}
    return {"Fn::Sub": [f"{purpose.name}=${{Name}}", {"Name": name}]}


SECTIONS: dict[str, Callable[[Blocks], Any]] = {
    "mode parameters": _parameters,
    "parameters of optional calls": _call_parameters,
    "names of parameters of optional calls": lambda blocks: [
        block.calls_parameter for block in _with_optional(blocks)
    ],
    "conditions of optional calls": _call_conditions,
    "names of mode parameters": _each(lambda block: block.mode_parameter),
    "role ARNs": _each(lambda block: _arn(block.role)),
    "roles": _each(lambda block: {"Ref": block.role}),
    "function ARNs": _each(lambda block: _arn(block.logical)),
    "functions": _each(lambda block: {"Ref": block.logical}),
    "functions by name": lambda blocks: {b.name: {"Ref": b.logical} for b in blocks},
    "names": _each(lambda block: block.name),
    "queue ARNs": _each_with_a_queue(lambda block: _arn(block.queue)),
    "queue ARNs of a sweep": lambda blocks: [_arn(b.queue) for b in blocks if b.swept],
    "queues by name": lambda blocks: {
        b.name: {"Fn::GetAtt": [b.queue, "QueueName"]} for b in blocks if b.bulk
    },
    "rules": _rules,
    "functions that rules invoke": _invoked_by_rules,
    "evidence prefixes": _each(lambda b: {"Fn::Sub": f"${{EvidenceBucket.Arn}}/{b.name}/*"}),
    "evidence statements": _each(_evidence),
    "modes": lambda blocks: {block.name: {"Ref": block.mode_parameter} for block in blocks},
    "budgets": _budgets,
    "deny policies": _deny_policies,
    "deny policies by purpose": lambda _: [_name_of(purpose) for purpose in PURPOSES],
    "ARNs of deny policies": lambda _: [{"Ref": purpose.logical} for purpose in PURPOSES],
}
