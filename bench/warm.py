"""Compares the warm time of an event with plain boto3 that makes only the containing call.

Both use the emulator of tests/e2e, which responds over HTTP without network delay: the result is
the work, not the waiting.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import sections
from bench.recorded_answers import first_event
from tests.e2e.account import ACCOUNT, REGION, Account, emulator

ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def main(
    events: Annotated[int, typer.Option(help="Number of events, one after the other.")] = 30,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """The warm time of an event, compared with plain boto3."""
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder) / "log") as account:
        account.client("securityhub").enable_security_hub()
        account.deploy("enforce", BudgetPerHour="10000")
        text = section(measure(account, events), events)
    sections.write("warm", text) if write else typer.echo(text)


def measure(account: Account, events: int) -> list[tuple[float, float]]:
    """Pairs of seconds: (Cordon's function, plain boto3). The first pair is not counted."""
    sample = first_event("quarantine_bucket")
    bucket = sample["detail"]["resource"]["s3BucketDetails"][0]["name"]
    lambda_, s3 = account.client("lambda"), account.client("s3")
    function = account.physical("QuarantineBucket")
    pairs = []
    for number in range(events + 1):
        event = renamed(sample, bucket, f"cordon-{number}")
        account.stage(event)
        s3.create_bucket(Bucket=f"plain-{number}")
        s3.delete_public_access_block(Bucket=f"plain-{number}")
        start = time.perf_counter()
        response = lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
        cordon = time.perf_counter() - start
        result = json.loads(response["Payload"].read())
        if result.get("outcome") != "contained":
            raise RuntimeError(f"event {number}: {result}")
        start = time.perf_counter()
        s3.put_public_access_block(
            Bucket=f"plain-{number}",
            PublicAccessBlockConfiguration=ALL_BLOCKED,
            ExpectedBucketOwner=ACCOUNT,
        )
        pairs.append((cordon, time.perf_counter() - start))
        account.settle()
    return pairs[1:]


def renamed(event: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The same event for another finding and another bucket."""
    event_copy: dict[str, Any] = json.loads(json.dumps(event).replace(old, new))
    event_copy["detail"]["id"] = f"{new:0<32}".replace("-", "0")
    return event_copy


def section(pairs: list[tuple[float, float]], events: int) -> str:
    """The section of docs/performance.md."""
    cordon, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    steps = "plan, claim, capture, evidence, effect, verify, tags, incident, report"
    rows = [
        ("plain boto3, the effect alone: 1 call", f"{plain * 1000:.1f}", "1"),
        (f"`quarantine_bucket`, all of it: {steps}", f"{cordon * 1000:.0f}", f"{ratio:.0f}"),
    ]
    return f"""## Warm
`python -m bench warm --write` ({sections.machine()}). {events} findings about as many public
buckets in {REGION}. The deployed `quarantine_bucket` handles each in a warm function of the
emulator. After each, plain boto3 puts the same block on another bucket. The values are medians.

{sections.table(("", "ms", "×"), rows)}

The emulator responds from memory, so a call costs only work on both sides and no waiting. On AWS a
call waits about 10 to 30 ms, and the number of rounds in "Calls" matters.
"""
