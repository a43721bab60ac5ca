"""The tests' side of the emulated account: start it, deploy into it, use it and look.

Everything that a user or AWS would do goes through the SAM CLI or an ordinary boto3 client of the
emulator's endpoint. What only a test may ask goes through ``/_cordon/…`` (emulator/control.py).
"""

import json
import os
import random
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from console.desk import DeskResponse, Send
from console.playbook_blocks.block import calls_parameter, mode_parameter
from console.playbooks import playbooks
from console.stack import Stack
from console.staging.baseline import LOG_ROLE
from cordon.clock import to_iso
from cordon.memory.cases import Case
from cordon.memory.reported import Reported, ReportedRows
from cordon.memory.table import encode, row_of
from cordon.sources.custom_action import digits_of
from cordon.sources.own_finding import id_of
from embedded.place import Place
from embedded.snapshot import detection, snapshot
from tests.e2e.deploying import sam_deploy
from tests.e2e.http_requests import Response, signed
from tests.e2e.waiting import HANGS, until

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".e2e" / "bin" / "python"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
ACCOUNT, REGION, NAME = "111122223333", "us-east-1", "cordon"
BREAK_GLASS = f"arn:aws:iam::{ACCOUNT}:role/BreakGlass"  # as in replay (console/expected.py)
MODES = tuple(mode_parameter(playbook.name) for playbook in playbooks(ROOT))
CALLS = tuple(calls_parameter(one.name) for one in playbooks(ROOT) if one.optional)
PORTS = range(20_000, 32_000)  # below those that Linux gives to who connects to somebody
KINDS = ("invocations", "messages", "executions", "records", "requests")


@contextmanager
def emulator(log: Path) -> Iterator["Account"]:
    """A fresh account, on a port of its own, until the context is left."""
    port = _free_port()
    command = [str(PYTHON), str(Path(__file__).parent / "emulator"), str(port)]
    environment = {**os.environ, "TMPDIR": str(log.parent)}  # it is killed, and tidies nothing up
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process,
    ):
        try:
            account = Account(f"http://127.0.0.1:{port}")
            until(
                lambda: process.poll() is not None or account.alive(process.pid),
                f"the emulator does not start: {log}",
            )
            assert process.poll() is None, f"the emulator has ended: {log}"
            yield account
        finally:
            process.kill()


def _free_port() -> int:
    """One that nobody listens at, and that nobody is given while the emulator starts."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Account:
    """One emulated AWS account, and the stack in it that the test is about."""

    endpoint: str
    region: str = REGION
    name: str = NAME  # of the stack

    def client(self, service: str, region: str = "") -> Any:
        """An ordinary client, with the credentials of the account's owner."""
        return _client(self.endpoint, service, region or self.region, ACCOUNT, "test", "")

    def as_role(self, role: str, service: str) -> Any:
        """A client with a session of a role (ARN)."""
        given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        key = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return _client(self.endpoint, service, self.region, *key)

    def as_key(self, key: str, service: str, secret: str = "test") -> Any:
        """A client with a long-term access key, or of another account's owner (its 12 digits)."""
        return _client(self.endpoint, service, self.region, key, secret, "")

    # ---- deploying ----

    def deploy(
        self,
        mode: str = "",
        *more: str,
        modes: Mapping[str, str] = MappingProxyType({}),
        template: Path | None = None,
        **parameters: str,
    ) -> str:
        """``sam deploy`` of the built template, as it is, with these options ``more``, every
        playbook in this mode but for those that ``modes`` names. Waits until all is still. Returns
        what the CLI printed; AssertionError where it fails."""
        every = dict.fromkeys(MODES, mode) | dict.fromkeys(CALLS, "true") if mode else {}
        every |= {"InvocationLogRole": LOG_ROLE} if mode else {}
        others = {mode_parameter(playbook): one for playbook, one in modes.items()}
        given = {"BreakGlassRoles": BREAK_GLASS, **every, **others, **parameters}
        overrides = [f"{key}={value}" for key, value in given.items()]
        said = sam_deploy(
            template or BUILT,
            {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_ACCESS_KEY_ID": ACCOUNT,
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": self.region,
            },
            *("--stack-name", self.name, "--region", self.region),
            *more,
            *("--parameter-overrides", *overrides),
        )
        self.__dict__.pop("stack", None)
        self.settle()
        return said

    def delete(self) -> None:
        """Delete the stack, as ``sam delete`` or the console would."""
        cloudformation = self.client("cloudformation")
        cloudformation.delete_stack(StackName=self.name)
        until(lambda: self._is_deleted(cloudformation), "the stack is not deleted")

    def _is_deleted(self, cloudformation: Any) -> bool:
        stacks = cloudformation.list_stacks()["StackSummaries"]
        states = [s["StackStatus"] for s in stacks if s["StackName"] == self.name]
        if any(state.endswith("FAILED") for state in states):
            raise AssertionError(f"the stack is at {states}")
        return all(state == "DELETE_COMPLETE" for state in states)

    @cached_property
    def stack(self) -> Stack:
        """The deployed stack, as an operator sees it."""
        found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found["Outputs"]}
        return Stack(self.client, outputs, desk=self.desk())

    @property
    def parameters(self) -> dict[str, str]:
        """With which the stack was deployed."""
        found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}

    @property
    def stack_id(self) -> str:
        """AWS::StackId."""
        found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return str(found[0]["StackId"])

    def desk(
        self,
        role: str | None = None,
        session: str = "test",
        *,
        signer: Credentials | None = None,
    ) -> Send:
        """Sends requests to the stack's desk, signed as ``request`` does it."""

        def send(verb: str, body: Mapping[str, Any]) -> DeskResponse:
            path, said = f"/{verb}", dict(body)
            response = self.request("POST", path, said, role, session=session, signer=signer)
            return DeskResponse(response.status, response.body)

        return send

    def physical(self, logical: str) -> str:
        """The name or URL of a resource of the stack."""
        named = {"StackName": self.name, "LogicalResourceId": logical}
        found = self.client("cloudformation").describe_stack_resource(**named)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    @property
    def resources(self) -> dict[str, str]:
        """The physical ids of the stack's resources, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        listed = (
            one
            for page in pages.paginate(StackName=self.name)
            for one in page["StackResourceSummaries"]
        )
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}

    # ---- doing ----

    def stage(self, event: Mapping[str, Any]) -> list[str]:
        """Make the resources that the event's finding names, in the state it describes."""
        made: list[str] = self._ask("stage", event=event, account=ACCOUNT, region=self.region)[
            "made"
        ]
        return made

    def put(self, event: Mapping[str, Any], **more: Any) -> None:
        """Put the event on the default bus, and wait until all is still."""
        self.put_only(event, **more)
        self.settle()

    def put_only(self, event: Mapping[str, Any], **more: Any) -> None:
        """Put the event on the default bus, with ``more`` of PutEvents' entry: the ``Time``."""
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "Resources": [self._of_this_stack(arn) for arn in event["resources"]],
            **more,
        }
        response = self.client("events").put_events(Entries=[entry])
        assert response["FailedEntryCount"] == 0, response

    def _of_this_stack(self, arn: str) -> str:
        """A sample's custom action has the digits of replay's stack."""
        digits = digits_of(self.stack_id)
        return re.sub(r"(:action/custom/(?:Contain|Release))[0-9a-f]{8}$", rf"\g<1>{digits}", arn)

    def set(self, setting: str, value: Any) -> None:
        """Change a setting by a plain command: ``master_switch``, ``modes.close_database``."""
        placed = {f"#p{number}": part for number, part in enumerate(setting.split("."))}
        self.client("dynamodb").update_item(
            TableName=self.stack.outputs["CasesTableName"],
            Key={"id": {"S": "settings"}},
            UpdateExpression=f"SET {'.'.join(placed)} = :value",
            ExpressionAttributeNames=placed,
            ExpressionAttributeValues={":value": encode(value)},
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The row of the settings."""
        table, key = self.stack.outputs["CasesTableName"], {"id": {"S": "settings"}}
        return dict(row_of(self.client("dynamodb").get_item(TableName=table, Key=key)["Item"]))

    @contextmanager
    def denied(self, function: str, *actions: str) -> Iterator[None]:
        """While it lasts, the role of a function (logical id) may not do this."""
        iam, role = self.client("iam"), self.physical(f"{function}Role")
        statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
        yield
        iam.delete_role_policy(RoleName=role, PolicyName="denied")

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        role: str | None = None,
        *,
        session: str = "test",
        signer: Credentials | None = None,
        service: str = "execute-api",
    ) -> Response:
        """A request to the account's only HTTP API, or where there are several to the stack's, as
        curl would send it: signed (SigV4) by the account's owner, by a session of a role (ARN), or
        by who is given."""
        first, *others = self.client("apigatewayv2").get_apis()["Items"]
        url = self.stack.outputs["DeskUrl"] if others else first["ApiEndpoint"]
        if role:
            named = {"RoleArn": role, "RoleSessionName": session}
            given = self.client("sts").assume_role(**named)["Credentials"]
            key = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
            signer = Credentials(*key)
        by = signer or Credentials(ACCOUNT, "test")
        return signed(method, url + path, body, by, service, self.region)

    def tick(self, rule: str) -> None:
        """Let a rule with a schedule fire (logical id), and wait until all is still. AssertionError
        where it is switched off."""
        self.tick_only(self.physical(rule))
        self.settle()

    def tick_only(self, name: str) -> None:
        """Let a rule with a schedule fire, by its own name."""
        assert self._ask("tick", rule=name, account=ACCOUNT, region=self.region)["fired"], name

    def age(self, bucket: str, by: timedelta) -> None:
        """Let all that lies in a bucket have been written so much earlier, as S3 dates it."""
        self._ask("age", bucket=bucket, seconds=by.total_seconds())

    def cold(self) -> None:
        """End every warm function."""
        self._ask("cold")

    def settle(self, seconds: float = HANGS) -> None:
        """Wait until no function runs, no message or record waits for one, and no execution goes
        on."""
        until(self._still, lambda: f"not still: {self._ask('still')}", seconds)

    def _still(self) -> bool:
        """Twice, and nothing began in between. What goes from a queue to a function and on may be
        missed once by who looks at one after the other, but then it began meanwhile."""
        first, second = self._ask("still"), self._ask("still")
        looks = (look[kind] for look in (first, second) for kind in KINDS)
        return first["begun"] == second["begun"] and not any(looks)

    def checkpoint(self) -> None:
        """Remember the account as it is."""
        self._ask("checkpoint")

    def restore(self) -> None:
        """Back to the checkpoint."""
        self._ask("restore")

    # ---- looking ----

    def cases(self) -> list[Case]:
        """Every case."""
        return list(self.stack.all_cases())

    def case(self) -> Case:
        """The only case."""
        (only,) = self.cases()
        return only

    def state(self, *arns: str) -> dict[str, Any]:
        """All that can be contained, as it is; of AI resources those that are named."""
        buckets = [b["Name"] for b in self.client("s3").list_buckets()["Buckets"]]
        roles = self.client("iam").get_paginator("list_roles").paginate(PathPrefix="/cordon/")
        own = {role["RoleName"] for page in roles for role in page["Roles"]}
        own |= {name for name in buckets if name.startswith(("aws-sam-cli-managed-", "cordon-"))}
        shown = snapshot(self.client, own, Place(ACCOUNT, self.region))
        switched = detection(self.client, own, ("cloudtrail", "config", "guardduty"))
        tags = {a: self.tags(a) for a in arns}
        return {"s3": shown["s3"], "iam": shown["iam"], "tags": tags, "detection": switched}

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of an AI resource; a data source has those of its knowledge base."""
        arn = arn.partition("/data-source/")[0]
        service = arn.split(":")[2]
        if service == "sagemaker":
            listed = self.client(service).list_tags(ResourceArn=arn)["Tags"]
            return {tag["Key"]: tag["Value"] for tag in listed}
        name = {"bedrock": "bedrock-agent", "bedrock-agentcore": "bedrock-agentcore-control"}
        found: dict[str, str] = self.client(name[service]).list_tags_for_resource(resourceArn=arn)[
            "tags"
        ]
        return found

    def reported(self, case: Case) -> Reported:
        """What people were last shown of a case."""
        name = (case.playbook, case.id)
        return ReportedRows(self.stack.table).get([name])[name]

    def informed(self, case: Case, at: datetime) -> None:
        """Make it so that people were informed of a case's question at that moment: functions run
        on the real clock, and a test cannot wait for hours. The question is as old."""
        for key, name in (
            (f"reported#{case.playbook}#{case.id}", "informed_at"),
            (f"case#{case.playbook}#{case.id}", "question_at"),
        ):
            self.client("dynamodb").update_item(
                TableName=self.stack.outputs["CasesTableName"],
                Key={"id": {"S": key}},
                UpdateExpression=f"SET {name} = :at",
                ExpressionAttributeValues={":at": {"S": to_iso(at)}},
            )
        self.settle()

    def incidents(self) -> list[dict[str, Any]]:
        """The OpsItems, whole, oldest first."""
        ssm = self.client("ssm")
        every = {"Key": "Status", "Values": ["Open", "Resolved"], "Operator": "Equal"}
        listed = ssm.describe_ops_items(OpsItemFilters=[every])["OpsItemSummaries"]
        items = [ssm.get_ops_item(OpsItemId=one["OpsItemId"])["OpsItem"] for one in listed]
        return sorted(items, key=lambda item: str(item["CreatedTime"]))

    def finding(self, identifier: str) -> dict[str, Any]:
        """A finding of Security Hub, whole."""
        wanted = {"Id": [{"Value": identifier, "Comparison": "EQUALS"}]}
        (found,) = self.client("securityhub").get_findings(Filters=wanted)["Findings"]
        return dict(found)

    def finding_of(self, case: Case) -> dict[str, Any]:
        """Our own finding of a case, whole."""
        place = case.finding.place
        return self.finding(id_of(self.stack_id, place, case.playbook, case.id))

    def evidence(self, case: Case) -> list[str]:
        """The stages of a case's evidence, in order; their chain must hold."""
        entries, fault = self.stack.evidence(case)
        assert not fault, fault
        return [json.loads(entry)["stage"] for entry in entries]

    def holds(self) -> dict[str, Any]:
        """The hold rows, by target."""
        table = self.stack.outputs["CasesTableName"]
        rows = self.client("dynamodb").scan(TableName=table)["Items"]
        named = {row["id"]["S"]: row for row in rows if row["id"]["S"].startswith("hold#")}
        return {key.split("#", 2)[2]: row for key, row in named.items()}

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """The messages of a queue (logical id), which stay in it."""
        url = self.physical(queue)
        limits = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        got = self.client("sqs").receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], **limits
        )
        found: list[dict[str, Any]] = got.get("Messages", [])
        return found

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """What the roles requested of IAM, in order: principal, action, resource, refused."""
        found: list[dict[str, Any]] = self._ask("calls", since=since)
        return found

    @property
    def lacks(self) -> list[str]:
        """What was requested of the emulator and it does not play, in words."""
        said = self._ask("still")
        return [*said["gaps"], *said["lacks"]]

    def alive(self, process: int) -> bool:
        """Does the emulator respond, and not another at its port?"""
        try:
            return bool(self._ask("still")["process"] == process)
        except (urllib.error.URLError, ConnectionError):
            return False

    def _ask(self, what: str, **details: Any) -> Any:
        request = urllib.request.Request(
            f"{self.endpoint}/_cordon/{what}", data=json.dumps(details).encode()
        )
        with urllib.request.urlopen(request, timeout=HANGS) as response:
            return json.load(response)


@cache
def _client(endpoint: str, service: str, region: str, key: str, secret: str, token: str) -> Any:
    made = boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=HANGS,
            read_timeout=HANGS,
        ),
    )
    if service == "s3control":  # its endpoint rules put the account before 127.0.0.1
        made.meta.events.register("before-send", _without_account)
    return made


def _without_account(request: Any, **_: Any) -> None:
    request.url = request.url.replace(f"//{ACCOUNT}.", "//")
