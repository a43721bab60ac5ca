"""Scenarios of managed knowledge bases: without a policy, and with one that shares it."""

import json
from collections.abc import Callable
from typing import Any

from cordon.actions.knowledge_bases import DenyKnowledgeBase
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import customization, knowledge_bases
from tests.actions.scenario import PLACE, Scenario

HERE = backends.here(PLACE.account, PLACE.region)
ID = "KBMANAGED1"
DENY = DenyKnowledgeBase(PLACE, ID)


def policy(sid: str) -> str:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "bedrock:Retrieve",
        "Resource": DENY.resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=1)


def made(text: str = "", type: str = "MANAGED") -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        customization.base(ID, HERE, bucket="arn:aws:s3:::acme-docs", type=type)
        if text:
            put(aws, text)

    return prepare


def put(aws: AwsClients, text: str) -> None:
    aws.client("bedrock-agent").put_resource_policy(resourceArn=DENY.resource, policy=text)


def read(aws: AwsClients) -> Any:
    return knowledge_bases.policy_of(DENY.resource, HERE)


def statement_added(aws: AwsClients) -> None:
    document = json.loads(read(aws))
    manual = json.loads(policy("WrittenManually"))["Statement"]
    put(aws, json.dumps({**document, "Statement": [*manual, *document["Statement"]]}))


def manual_statements(text: Any) -> Any:
    return [s for s in json.loads(text)["Statement"] if s["Sid"] == "WrittenManually"]


SCENARIOS = tuple(
    Scenario(
        name,
        DENY,
        DENY,
        prepare=made(text),
        read=read,
        tamper=statement_added,
        missing=lambda _: knowledge_bases.delete(ID, HERE),
        theirs=manual_statements,
    )
    for name, text in (("without-policy", ""), ("shared", policy("Partner")))
)
