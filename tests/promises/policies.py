"""People of the stack's account under the policies in docs/policies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3

from console.desk import DeskResponse
from console.ready_policies import COVERAGE
from console.stack import Stack
from tests.promises.permission_scenarios_people import DIGEST_KEY
from tests.promises.world import ROOT, World

FOLDER = ROOT / "docs" / "policies"
LONGEST_INLINE = 2048  # of a user, all together (IAM User Guide, "IAM and AWS STS quotas")
LOOK = ROOT / "docs" / COVERAGE
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def policy(world: World, name: str) -> dict[str, Any]:
    """A policy of docs/policies, with the names of this stack; or ``policy``, of coverage."""
    outputs, place = world.account.stack.outputs, world.account.place
    names = {
        "partition": place.partition,
        "region": place.region,
        "account": place.account,
        "stack": world.account.stack.name,
        "table": outputs["CasesTableName"],
        "bucket": outputs["EvidenceBucket"],
        "api": outputs["DeskUrl"].split("//")[1].split(".")[0],
        "failed records": outputs["FailedRecords"],
        "log": outputs["DeskLog"],
        "sweep": outputs["Sweep"].rpartition(":")[2],
        "digest key": DIGEST_KEY,
    }
    text = (LOOK if name == LOOK.stem else FOLDER / f"{name}.json").read_text()
    for placeholder, value in names.items():
        text = text.replace(f"<{placeholder}>", value)
    return dict(json.loads(text))


def user(world: World, name: str, *policies: str, without: str = "") -> str:
    """The ARN of a new user with these policies, but for one statement."""
    iam = world.account.client("iam")
    arn = str(iam.create_user(UserName=name)["User"]["Arn"])
    texts = {}
    for one in policies:
        document = policy(world, one)
        document["Statement"] = [s for s in document["Statement"] if s["Sid"] != without]
        texts[one] = json.dumps(document, separators=(",", ":"))
    fits = sum(map(len, texts.values())) <= LONGEST_INLINE
    for one, text in texts.items():
        if fits:
            iam.put_user_policy(UserName=name, PolicyName=one, PolicyDocument=text)
        else:
            made = iam.create_policy(PolicyName=f"{name}-{one}", PolicyDocument=text)
            iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
    return arn


@contextmanager
def commands(world: World, arn: str) -> Iterator[Stack]:
    """The operator's commands as this user: what they read and what they send is theirs."""

    def send(verb: str, body: Any) -> DeskResponse:
        with world.account.acting(""):
            response = world.account.request("POST", f"/{verb}", dict(body), caller=arn)
        return DeskResponse(response.status, response.body)

    with world.account.acting(arn):
        yield replace(world.operator, client=boto3.client, desk=send)
