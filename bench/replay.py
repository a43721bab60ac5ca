"""Measures the replay of many events: the cost of an event, and how it depends on their number.

The events are those of ``events/``, repeated with other ids and other names of buckets, roles and
users. A new process replays each count like ``cordon replay``. The measure is processor time and
not wall time, because other work may run on the machine.
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
from console.event_files import event_files, events_in
from console.expected import home_of
from console.replay import Replay
from cordon.finding import Finding, Malformed
from cordon.sources import read

ROOT = Path(__file__).parent.parent
COUNTS = (10, 100, 1_000, 10_000)
RENAMED_TYPES = ("AWS::S3::Bucket", "AWS::IAM::Role", "AWS::IAM::User")
BROKEN = "broken"  # the folder of events that no parser reads: their plan is beside them alone
REGION = "us-east-1"  # most samples are in this Region


def day(count: int) -> Iterator[str]:
    """This many events, each as one JSON text. Every call returns the same events."""
    samples = list(_samples())
    texts = (changed(s, n) for n in range(count // len(samples) + 1) for s in samples)
    return islice(texts, count)


def _samples() -> Iterator[dict[str, Any]]:
    for path in event_files([ROOT / "events"]):
        event = json.loads(path.read_text())
        if home_of(event).region == REGION and path.parent.name != BROKEN:
            yield event


def changed(event: dict[str, Any], number: int) -> str:
    """The event on one line, with the ids and names of round ``number``."""
    text = json.dumps(event)
    ids, names = [str(event["id"])], set[str]()
    try:
        finding = read(event)
    except Malformed:
        pass
    else:
        ids.append(finding.id)
        names = _names(finding)
    for id in ids:
        text = text.replace(id, f"{id[:-5]}{number:05x}")
    for name in sorted(names, key=len, reverse=True):
        word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        text = re.sub(word, f"{name}-{number:05x}", text)
    return text


def _names(finding: Finding) -> set[str]:
    return {r.name for r in finding.resources if r.type in RENAMED_TYPES}


@dataclass(frozen=True)
class Measured:
    """The cost of a replay."""

    events: int
    cpu: float  # seconds, of all processes
    main: int  # peak memory of the process that distributes the events, MB
    worker: int  # peak memory of the largest worker, MB; 0 if the main process replays
    problems: int  # events that did not end as expected


def measure(count: int) -> Measured:
    """Replay this many events in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.jsonl"
        with path.open("w") as lines:
            lines.writelines(f"{text}\n" for text in day(count))
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            return pool.submit(_replayed, path, count).result()


def _replayed(path: Path, count: int) -> Measured:
    runs = Replay(ROOT).all(events_in([path]))
    # A line has no expectation beside it that would say that no parser reads it.
    problems = sum(bool(run.troubles) and not run.only_unreadable for run in runs)
    own, children = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return Measured(count, cpu, _megabytes(own.ru_maxrss), _megabytes(children.ru_maxrss), problems)


def _megabytes(peak: int) -> int:
    """Linux counts in KB, macOS in bytes."""
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def section(measured: list[Measured]) -> str:
    """The section of docs/performance.md."""
    previous = [None, *measured]
    rows = [_row(current, last) for current, last in zip(measured, previous, strict=False)]
    head = ("Events", "CPU, s", "per event, s", "each additional, s", "main, MB", "worker, MB")
    problems = sum(m.problems for m in measured)
    return (
        f"## Replay\n`python -m bench replay --write` ({sections.machine()}). Processor time of "
        "all processes, including their start. Memory is the peak of the process that distributes "
        "the events and of the largest worker. *Each additional*: the cost of one event beyond "
        f"the row above. Events that did not end as expected: {problems}.\n\n"
        + sections.table(head, rows)
    )


def _row(current: Measured, last: Measured | None) -> tuple[str, ...]:
    additional = (current.cpu - last.cpu) / (current.events - last.events) if last else None
    return (
        f"{current.events:,}",
        f"{current.cpu:.0f}",
        f"{current.cpu / current.events:.3f}",
        "" if additional is None else f"{additional:.3f}",
        str(current.main),
        str(current.worker or ""),
    )


def main(
    most: Annotated[
        int, typer.Option(help="The largest count; 10000 needs a quarter of an hour.")
    ] = 1000,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """Replay of 10, 100, 1,000 and 10,000 events: time and memory."""
    text = section([measure(count) for count in COUNTS if count <= most])
    typer.echo(text)
    if write:
        sections.write("replay", text)
