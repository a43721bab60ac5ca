"""People of the deployed account: who decides, under docs/policies, and where they see cases."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.account import ACCOUNT, NAME, ROOT, Account

HEARD = ("messages-heard", "events-heard")
SEND = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
ANYBODY = json.dumps({"Version": "2012-10-17", "Statement": [SEND]})
FOLDER = ROOT / "docs" / "policies"


def trust() -> str:
    """The trust policy of a role that the account's owner assumes."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    principal = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | principal]})


def role(account: Account, name: str, *policies: str) -> str:
    """The ARN of a new role with these policies of docs/policies."""
    iam = account.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]["Arn"]
    for one in policies:
        document = json.dumps(policy(account, one))
        iam.put_role_policy(RoleName=name, PolicyName=one, PolicyDocument=document)
    return arn


def policy(account: Account, name: str) -> dict[str, Any]:
    """A policy of docs/policies, with the names of this stack."""
    outputs = account.stack.outputs
    names = {
        "partition": "aws",
        "region": account.region,
        "account": ACCOUNT,
        "stack": NAME,
        "table": outputs["CasesTableName"],
        "bucket": outputs["EvidenceBucket"],
        "api": outputs["DeskUrl"].rpartition("/")[2],
        "log": outputs["DeskLog"],
        "digest key": account.parameters.get("DigestKey", ""),
    }
    text = (FOLDER / f"{name}.json").read_text()
    for placeholder, value in names.items():
        text = text.replace(f"<{placeholder}>", value)
    return dict(json.loads(text))


@dataclass(frozen=True)
class Heard:
    """Two queues that somebody has: of the messages of the topic, and of the events on the bus."""

    account: Account
    messages_at: str
    events_at: str

    def messages(self) -> list[dict[str, str]]:
        """Subject and text of what came since the last call, in order."""
        bodies = self._taken(self.messages_at)
        return [{"subject": _subject(one), "text": one["Message"]} for one in bodies]

    def events(self) -> list[dict[str, Any]]:
        """The details of what came since the last call, in order."""
        return [one["detail"] for one in self._taken(self.events_at)]

    def _taken(self, url: str) -> list[dict[str, Any]]:
        sqs, found = self.account.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for one in got:
                found.append(json.loads(one["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return found


def _subject(one: dict[str, Any]) -> str:
    """A rule's message has none; the emulator makes one up."""
    said = str(one["Subject"])
    return "" if said == "EventBridge Notification" else said


@contextmanager
def hearing(account: Account) -> Iterator[Heard]:
    """What the topic and the bus bring while it lasts."""
    sqs, sns, events = (account.client(service) for service in ("sqs", "sns", "events"))
    urls = [
        sqs.create_queue(QueueName=name, Attributes={"Policy": ANYBODY})["QueueUrl"]
        for name in HEARD
    ]
    arns = [f"arn:aws:sqs:{account.region}:{ACCOUNT}:{name}" for name in HEARD]
    topic = account.stack.outputs["AlertsTopic"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[0])
    pattern = {"source": ["cordon"], "detail-type": ["Cordon Case Status Change"]}
    events.put_rule(Name=HEARD[1], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=HEARD[1], Targets=[{"Id": "heard", "Arn": arns[1]}])
    try:
        yield Heard(account, *urls)
    finally:
        events.remove_targets(Rule=HEARD[1], Ids=["heard"])
        events.delete_rule(Name=HEARD[1])
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        for url in urls:
            sqs.delete_queue(QueueUrl=url)
