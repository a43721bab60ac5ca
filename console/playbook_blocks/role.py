"""The role of a playbook: its own rows, its evidence, its log, and what its actions need.

What it may do to resources is declared by the actions (``cordon.actions.grants``); here is only
what every playbook has. Conditions on keys: DynamoDB Developer Guide, "Using IAM policy conditions
for fine-grained access control"; docs/decisions/0012.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from console.playbook_blocks.block import Block
from cordon.actions.grants import Grant
from cordon.playbook import Playbook

Statement = dict[str, Any]
TABLE = {"Fn::GetAtt": ["CasesTable", "Arn"]}
LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def role(block: Block, description: str) -> dict[str, Any]:
    """The resource, of type AWS::IAM::Role."""
    playbook = block.playbook
    policies: list[Any] = [{"Ref": "PlaybookPolicy"}, {"Ref": "ProtectedPolicy"}]
    if not all(action.only_at_home for action in playbook.actions):  # the rest remains there
        members = {"Ref": "MemberAccountsPolicy"}
        policies.append({"Fn::If": ["HasMembers", members, {"Ref": "AWS::NoValue"}]})
    document = {"Version": "2012-10-17", "Statement": list(_statements(block))}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Path": "/cordon/",
            "Description": description,
            "AssumeRolePolicyDocument": LAMBDA,
            "ManagedPolicyArns": policies,
            "Policies": [
                {"PolicyName": playbook.name.replace("_", "-"), "PolicyDocument": document}
            ],
        },
    }


def _statements(block: Block) -> Iterator[Statement]:
    playbook = block.playbook
    yield from _memory(playbook)
    yield {
        "Sid": "WriteLog",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {"Fn::GetAtt": [f"{block.logical}LogGroup", "Arn"]},
    }
    yield {
        "Sid": "WriteEvidence",
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": f"${{EvidenceBucket.Arn}}/{playbook.name}/*"},
        "Condition": {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    if playbook.actions:  # it wakes itself for a change that needs minutes
        yield {
            "Sid": "StartWorkflow",
            "Effect": "Allow",
            "Action": "states:StartExecution",
            "Resource": {"Ref": "Workflow"},
        }
    if block.bulk:
        yield {
            "Sid": "ConsumeBulkQueue",
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": {"Fn::GetAtt": [block.queue, "Arn"]},
        }
    used = [grant for a in playbook.actions for grant in (*a.grants, *a.looked_up)]
    yield from _of_actions(used)


def _memory(playbook: Playbook) -> Iterator[Statement]:
    """Its own rows, what people decided of its cases, and the holds of its actions' families."""
    name = playbook.name
    begins = {action.held() for action in playbook.actions}
    wider = {one for one in begins for other in begins if one != other and one.startswith(other)}
    holds = [f"hold#{begin}*" for begin in sorted(begins - wider)]
    own = [f"{kind}#{name}#*" for kind in ("case", "plan", "passed")]
    read = [f"{kind}#{name}#*" for kind in ("reported", "budget", "decision")]
    yield _rows("ReadMemory", "dynamodb:BatchGetItem", [*own, *read, "settings", *holds])
    yield _rows("WriteCases", "dynamodb:PutItem", own)
    update = [f"plan#{name}#*", f"budget#{name}#*", *holds]
    yield _rows("UpdateMemory", "dynamodb:UpdateItem", update)
    if holds:
        yield _rows("DeleteHolds", "dynamodb:DeleteItem", holds)


def _rows(sid: str, action: str, keys: list[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": action,
        "Resource": TABLE,
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }


def _of_actions(grants: Iterable[Grant]) -> Iterator[Statement]:
    """One statement each, with the permissions of all actions that name it.

    Raises ValueError where two statements have one name.
    """
    known: dict[str, Grant] = {}
    for grant in grants:
        sid = grant.statement.sid
        before = known.setdefault(sid, grant)
        if before.statement != grant.statement:
            raise ValueError(f"two statements are named {sid}")
        permissions = sorted({*before.permissions, *grant.permissions})
        known[sid] = Grant(grant.statement, tuple(permissions))
    for grant in known.values():
        yield _statement(grant)


def _statement(grant: Grant) -> Statement:
    first, *more = grant.permissions
    made: Statement = {
        "Sid": grant.statement.sid,
        "Effect": "Allow",
        "Action": [first, *more] if more else first,
        "Resource": substituted(grant.statement.resource),
    }
    if grant.statement.condition:
        made["Condition"] = substituted(grant.statement.condition)
    return made


def substituted(value: Any) -> Any:
    """Texts with pseudo parameters as ``Fn::Sub``, one that is nothing else as ``Ref``."""
    match value:
        case str() if "${" in value:
            name = value[2:-1]
            whole = value == f"${{{name}}}" and "$" not in name
            return {"Ref": name} if whole else {"Fn::Sub": value}
        case dict():
            return {key: substituted(inner) for key, inner in value.items()}
        case list():
            return [substituted(inner) for inner in value]
    return value
