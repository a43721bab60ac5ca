"""Replay of many events: what an event costs, and whether that depends on how many there are.

The events are those of ``events/``, again and again, each time with other ids and other names
of buckets, roles and users. Each count is replayed by a process of its own, as ``cordon replay``
does it; processor time, not time on the clock, since other work may be going on.
"""

import json
import multiprocessing
import re
import resource
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import sections
from console.expected import home_of
from console.replay import Replay, event_files, events_in
from cordon.finding import Finding, Malformed
from cordon.sources import read

ROOT = Path(__file__).parent.parent
COUNTS = (10, 100, 1_000, 10_000)
NAMED = ("AWS::S3::Bucket", "AWS::IAM::Role", "AWS::IAM::User")
REGION = "us-east-1"  # where most samples are: a recorded day is one of a Region


def day(count: int) -> Iterator[str]:
    """That many events, one JSON text each; the same ones every time."""
    samples = list(_samples())
    texts = (changed(s, n) for n in range(count // len(samples) + 1) for s in samples)
    return islice(texts, count)


def _samples() -> Iterator[dict[str, Any]]:
    for path in event_files([ROOT / "events"]):
        event = json.loads(path.read_text())
        if home_of(event).region == REGION:
            yield event


def changed(event: dict[str, Any], number: int) -> str:
    """The event on one line, with other ids and names: those of the ``number``-th round."""
    text = json.dumps(event)
    ids, names = [str(event["id"])], set[str]()
    try:
        finding = read(event)
    except Malformed:
        pass
    else:
        ids.append(finding.id)
        names = _names(finding)
    for one in ids:
        text = text.replace(one, f"{one[:-5]}{number:05x}")
    for name in sorted(names, key=len, reverse=True):
        whole = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        text = re.sub(whole, f"{name}-{number:05x}", text)
    return text


def _names(finding: Finding) -> set[str]:
    return {one.name for one in finding.resources if one.type in NAMED}


@dataclass(frozen=True)
class Measured:
    """What the replay of ``events`` took."""

    events: int
    cpu: float  # seconds, of all processes
    main: int  # peak of memory, MB: the process that gives the events out
    worker: int  # and the largest of those that replay them; 0 where the first one does
    troubles: int  # events that did not end as they should


def measure(count: int) -> Measured:
    """Replay that many events in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.jsonl"
        with path.open("w") as lines:
            lines.writelines(f"{text}\n" for text in day(count))
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            return pool.submit(_replayed, path, count).result()


def _replayed(path: Path, count: int) -> Measured:
    troubles = sum(bool(run.troubles) for run in Replay(ROOT).all(events_in([path])))
    own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    return Measured(count, cpu, _megabytes(own.ru_maxrss), _megabytes(others.ru_maxrss), troubles)


def _megabytes(peak: int) -> int:
    """Linux counts in KB, macOS in bytes."""
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def section(measured: list[Measured]) -> str:
    """As docs/performance.md shows it."""
    before = [None, *measured]
    rows = [_row(one, earlier) for one, earlier in zip(measured, before, strict=False)]
    head = ("Events", "CPU, s", "per event, s", "each further, s", "main, MB", "worker, MB")
    troubles = sum(one.troubles for one in measured)
    return (
        f"## Replay\n`python -m bench replay --write` ({sections.machine()}). Processor time of "
        "all processes, their start included. Memory is the most that was held, by the process "
        "that hands the events out and by the largest that replays them. *Each further*: what one "
        f"event costs beyond the row above. Events that did not end as they should: {troubles}.\n\n"
        + sections.table(head, rows)
    )


def _row(one: Measured, earlier: Measured | None) -> tuple[str, ...]:
    further = (one.cpu - earlier.cpu) / (one.events - earlier.events) if earlier else None
    return (
        f"{one.events:,}",
        f"{one.cpu:.0f}",
        f"{one.cpu / one.events:.3f}",
        "" if further is None else f"{further:.3f}",
        str(one.main),
        str(one.worker or ""),
    )


def main(
    most: Annotated[
        int, typer.Option(help="The largest count; 10000 takes a quarter hour.")
    ] = 1000,
    write: Annotated[bool, typer.Option(help="Into docs/performance.md.")] = False,
) -> None:
    """Replay of 10, 100, 1,000 and 10,000 events: time and memory."""
    text = section([measure(count) for count in COUNTS if count <= most])
    typer.echo(text)
    if write:
        sections.write("replay", text)
