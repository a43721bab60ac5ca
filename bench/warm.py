"""Warm time of an event against plain boto3 doing only the effect, beside each other.

Both against the emulator of tests/e2e, which answers over HTTP without a network's delay: what
shows is the work, not the waiting.
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

SHUT = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def main(
    events: Annotated[int, typer.Option(help="How many, one after the other.")] = 30,
    write: Annotated[bool, typer.Option(help="Into docs/performance.md.")] = False,
) -> None:
    """Warm time of an event, against plain boto3."""
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder) / "log") as account:
        account.client("securityhub").enable_security_hub()
        account.deploy("enforce", BudgetPerHour="10000")
        text = section(measure(account, events), events)
    sections.write("warm", text) if write else typer.echo(text)


def measure(account: Account, events: int) -> list[tuple[float, float]]:
    """Seconds of (our function, plain boto3), in pairs. The first pair only warms."""
    sample = first_event("quarantine_bucket")
    bucket = sample["detail"]["resource"]["s3BucketDetails"][0]["name"]
    lambda_, s3 = account.client("lambda"), account.client("s3")
    function = account.physical("QuarantineBucket")
    pairs = []
    for number in range(events + 1):
        event = renamed(sample, bucket, f"ours-{number}")
        account.stage(event)
        s3.create_bucket(Bucket=f"plain-{number}")
        s3.delete_public_access_block(Bucket=f"plain-{number}")
        began = time.perf_counter()
        answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
        ours = time.perf_counter() - began
        said = json.loads(answer["Payload"].read())
        if said.get("outcome") != "contained":
            raise RuntimeError(f"event {number}: {said}")
        began = time.perf_counter()
        s3.put_public_access_block(
            Bucket=f"plain-{number}",
            PublicAccessBlockConfiguration=SHUT,
            ExpectedBucketOwner=ACCOUNT,
        )
        pairs.append((ours, time.perf_counter() - began))
        account.settle()
    return pairs[1:]


def renamed(event: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The same event of another finding about another bucket."""
    made: dict[str, Any] = json.loads(json.dumps(event).replace(old, new))
    made["detail"]["id"] = f"{new:0<32}".replace("-", "0")
    return made


def section(pairs: list[tuple[float, float]], events: int) -> str:
    """The section of docs/performance.md."""
    ours, plain = (statistics.median(one) for one in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    steps = "plan, claim, capture, evidence, effect, read back, labels, incident, report"
    rows = [
        ("plain boto3, the effect alone: 1 call", f"{plain * 1000:.1f}", "1"),
        (f"`quarantine_bucket`, all of it: {steps}", f"{ours * 1000:.0f}", f"{ratio:.0f}"),
    ]
    return f"""## Warm
`python -m bench warm --write` ({sections.machine()}). {events} findings about as many public
buckets in {REGION}, each answered by the deployed `quarantine_bucket` in a warm function of the
emulator, each followed by plain boto3 putting the same public access block on another bucket;
medians.

{sections.table(("", "ms", "×"), rows)}

The emulator answers from memory, so that a call costs the work on its two sides and no waiting; on
AWS a call waits some 10 to 30 ms, and the rounds of "Calls" count.
"""
