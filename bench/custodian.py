"""Cloud Custodian and Cordon block and tag the same kind of bucket, on the same moto server.

Custodian 0.9.53 has no mode for GuardDuty's findings about buckets (``guard-duty`` takes accounts,
instances and users), and ``hub-finding`` refuses a bucket's ARN because it names no account. So its
event is the one that CloudTrail sends of the same call (mode ``cloudtrail``).
"""

import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import boto3

from bench.measuring import HERE, INSIDE, Package, counted
from bench.packages import ROOT, WORK
from bench.path import renamed
from bench.processes import Command, interleaved, medians, serving
from bench.recorded_answers import Recorded, first_event, new_account
from tests.examples import QUARANTINE

ACCOUNT, REGION, KEY = "111122223333", "us-east-1", "AKIAEXAMPLE"
ENVIRONMENT, REQUIREMENTS = WORK / "custodian", HERE / "custodian.txt"
TAG = {"containment": "quarantined"}
ACTIONS = ["set-public-block", {"type": "tag", "tags": TAG}]
_numbers = count()


def install() -> Path:
    """Custodian's interpreter, in an environment of its own."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        uv = str(ROOT / ".uv" / "bin" / "uv")
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(ENVIRONMENT)]
        fill = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python)]
        subprocess.run(make, check=True)
        subprocess.run([*fill, "--compile-bytecode", "-r", str(REQUIREMENTS)], check=True)
    return python


@dataclass(frozen=True)
class Server:
    """An account on moto's server."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a client's process."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(WORK),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
        }

    def client(self, service: str) -> Any:
        """A client of it."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEY,
            aws_secret_access_key="secret",
        )

    def make_buckets(self, number: int) -> list[str]:
        """New buckets, whose public access is not blocked."""
        names = [f"bench-{next(_numbers)}" for _ in range(number)]
        for name in names:
            self.client("s3").create_bucket(Bucket=name)
            self.client("s3").delete_public_access_block(Bucket=name)
        return names

    def check(self, buckets: Sequence[str]) -> None:
        """Are they all blocked, and tagged?"""
        s3 = self.client("s3")
        for name in buckets:
            block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
            if not all(block.values()) or not s3.get_bucket_tagging(Bucket=name)["TagSet"]:
                raise RuntimeError(f"{name} is not blocked and tagged")


@dataclass(frozen=True)
class Cordon:
    """Cordon's function, with a table, a bucket for evidence and a topic on the server."""

    package: Package
    server: Server
    arn: str
    environment: Mapping[str, str]

    @classmethod
    def deployed(cls, package: Package, server: Server, recorded: Recorded) -> "Cordon":
        """With what the stack has, and the settings of a new account in mode enforce."""
        names, client = recorded.environment, server.client
        table = names["CORDON_TABLE"]
        client("dynamodb").create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        client("dynamodb").put_item(TableName=table, Item=settings_row())
        client("s3").create_bucket(Bucket=names["CORDON_EVIDENCE_BUCKET"])
        client("securityhub").enable_security_hub()
        topic = client("sns").create_topic(Name="alerts")["TopicArn"]
        return cls(package, server, recorded.arn, {**names, "CORDON_TOPIC": topic})

    def command(self, events: int) -> tuple[Command, list[str]]:
        """The process with so many events, and their buckets."""
        event = first_event(QUARANTINE.name)
        bucket = event["detail"]["resource"]["s3BucketDetails"][0]["name"]
        buckets = self.server.make_buckets(events)
        given = {
            "moment": datetime.now(UTC).isoformat(),
            "arn": self.arn,
            "environment": self.environment,
            "events": [renamed(event, bucket, name) for name in buckets],
        }
        path = WORK / "cordon-events.json"
        path.write_text(json.dumps(given))
        words = [str(self.package.python), "-S", str(INSIDE / "first_event.py"), str(events)]
        environment = self.package.environment(path, self.server.port)
        return Command(words, environment, WORK), buckets


@dataclass(frozen=True)
class Custodian:
    """Custodian's Lambda handler with one policy. ``best``: with the settings that save most."""

    python: Path
    server: Server
    best: bool

    @property
    def policy(self) -> dict[str, Any]:
        """Its config.json."""
        heard = {"source": "s3.amazonaws.com", "event": "PutBucketAcl"}
        mode = {"type": "cloudtrail", "events": [{**heard, "ids": "requestParameters.bucketName"}]}
        policy = {"name": "block", "resource": "aws.s3", "mode": mode, "actions": ACTIONS}
        if not self.best:
            return {"policies": [policy], "execution-options": {}}
        policy["query"] = [{"augment-keys": "none"}]
        return {"policies": [policy], "execution-options": {"account_id": ACCOUNT}}

    def command(self, events: int) -> tuple[Command, list[str]]:
        """The process with so many events, and their buckets."""
        folder = WORK / f"custodian-{'best' if self.best else 'default'}"
        folder.mkdir(exist_ok=True)
        buckets = self.server.make_buckets(events)
        (folder / "config.json").write_text(json.dumps(self.policy))
        (folder / "events.json").write_text(json.dumps([trail_event(name) for name in buckets]))
        words = [str(self.python), str(INSIDE / "custodian_events.py"), "events.json", str(events)]
        quiet = {"C7N_DEBUG_EVENT": "no"} if self.best else {}
        return Command(words, self.server.environment | quiet, folder), buckets


Tool = Cordon | Custodian


def seconds(tool: Tool, events: int) -> float:
    """Processor time of one warm event. RuntimeError where a bucket is not blocked and tagged."""
    command, buckets = tool.command(events)
    result = command.run()
    tool.server.check(buckets)
    return float(result["seconds"]) / (events - 1)


def instructions(tool: Tool) -> float:
    """Of one warm event: what two events more take."""
    counts = []
    for events in (4, 2):
        command, buckets = tool.command(events)
        counts.append(counted([*command.words], command.environment, command.folder))
        tool.server.check(buckets)
    return (counts[0] - counts[1]) / 2


def pulled(python: Path) -> float:
    """Processor time of ``custodian run``, the mode that a policy has if it names none: its start
    too, since each run is a process. In an account with this one bucket."""
    with serving(HERE / "moto_server.py") as port:
        server = Server(port)
        buckets = server.make_buckets(1)
        path = WORK / "policy.json"
        path.write_text(
            json.dumps({"policies": [{"name": "block", "resource": "aws.s3", "actions": ACTIONS}]})
        )
        options = ["--cache-period", "0", "-s", str(WORK / "custodian-output")]
        words = [str(python.with_name("custodian")), "run", *options, str(path)]
        before = _children()
        subprocess.run(words, env=server.environment, check=True, capture_output=True)
        spent = _children() - before
        server.check(buckets)
    return spent


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def trail_event(bucket: str) -> dict[str, Any]:
    """CloudTrail's event of the call that GuardDuty's finding is about."""
    source, name = "s3.amazonaws.com", "PutBucketAcl"
    detail = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "userName": "mlops-anna"},
        "eventTime": "2026-11-16T10:25:41Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": {"bucketName": bucket, "Host": "s3.amazonaws.com"},
        "responseElements": None,
    }
    return {
        **first_event(QUARANTINE.name),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3",
        "detail": detail,
    }


def settings_row() -> Mapping[str, Any]:
    """The row that setup writes, with a budget for all that is measured."""
    with new_account(first_event(QUARANTINE.name)) as account:
        named = {"TableName": account.stack.outputs["CasesTableName"]}
        row = account.client("dynamodb").get_item(**named, Key={"id": {"S": "settings"}})["Item"]
    return {**row, "budget": {"N": "10000"}}


def compare(
    package: Package, recorded: Recorded, pairs: int, events: int
) -> tuple[list[tuple[float, float]], list[float]]:
    """Cordon; Custodian by default, at its best, and pulled: seconds, and × Cordon's.

    And the instructions of all but the last.
    """
    python = install()
    with serving(HERE / "moto_server.py") as port:
        server = Server(port)
        cordon = Cordon.deployed(package, server, recorded)
        default, best = Custodian(python, server, False), Custodian(python, server, True)
        rows = interleaved(
            pairs,
            lambda: seconds(cordon, events),
            lambda: seconds(default, events),
            lambda: seconds(best, events),
            lambda: pulled(python),
        )
        counts = [instructions(tool) for tool in (cordon, default, best)]
    return medians(rows), counts
