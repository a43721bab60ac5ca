"""The client's work for a warm event, against plain boto3 with the same calls, and Cloud Custodian.

Work is instructions and processor time, never waiting: what a call waits for is the same for all.
"""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench import custodian, packages, sections
from bench.measuring import INSIDE, Package, aws_stub, counted
from bench.packages import FUNCTIONS, WORK
from bench.processes import Command, interleaved
from bench.recorded_answers import Recorded, record
from tests.examples import QUARANTINE, TAG

COUNTED = 5  # warm events whose instructions are counted: they repeat within 0.1 %


@dataclass(frozen=True)
class SameCalls:
    """A playbook's function beside plain boto3 that makes the same calls, one after the other."""

    package: Package
    recorded: Path
    calls: Path

    @classmethod
    def of(cls, playbook: str, package: Package, recorded: Recorded) -> "SameCalls":
        """The calls are those of a second event in the same process."""
        path = recorded.write(WORK / f"{playbook}.json")
        calls = WORK / f"{playbook}-calls.json"
        both = cls(package, path, calls)
        calls.write_text(json.dumps(package.run(path, 2, calls=True)["calls"]))
        return both

    @property
    def number(self) -> int:
        """How many calls."""
        return len(json.loads(self.calls.read_text()))

    def cordon(self, events: int) -> tuple[str, ...]:
        """Its command."""
        return self._command("first_event.py", str(events))

    def plain(self, events: int) -> tuple[str, ...]:
        """Its command."""
        return self._command("plain_calls.py", str(self.calls), str(events))

    def seconds(self, command: tuple[str, ...], events: int) -> float:
        """Processor time of one warm event."""
        with aws_stub(self.recorded) as port:
            environment = self.package.environment(self.recorded, port)
            return float(Command(command, environment, WORK).run()["seconds"]) / (events - 1)

    def instructions(self, command: tuple[str, ...]) -> int:
        """Of the whole process."""
        with aws_stub(self.recorded) as port:
            return counted([*command], self.package.environment(self.recorded, port))

    def _command(self, script: str, *words: str) -> tuple[str, ...]:
        return (str(self.package.python), "-S", str(INSIDE / script), *words)


@dataclass(frozen=True)
class Warm:
    """A warm event beside the same calls."""

    playbook: str
    calls: int
    cordon: float  # instructions of one event
    plain: float
    seconds: float  # processor time of one event
    ratio: float  # of the processor times: the median of the pairs


def measure(playbook: str, package: Package, recorded: Recorded, pairs: int, events: int) -> Warm:
    """Pairs of processes, one after the other."""
    both = SameCalls.of(playbook, package, recorded)
    counts = [
        (both.instructions(command(COUNTED + 1)) - both.instructions(command(1))) / COUNTED
        for command in (both.cordon, both.plain)
    ]
    rows = interleaved(
        pairs,
        lambda: both.seconds(both.cordon(events), events),
        lambda: both.seconds(both.plain(events), events),
    )
    seconds = statistics.median(ours for ours, _ in rows)
    ratio = statistics.median(ours / plain for ours, plain in rows)
    return Warm(playbook, both.number, counts[0], counts[1], seconds, ratio)


def main(
    pairs: Annotated[int, typer.Option(help="Pairs of processes of each comparison.")] = 7,
    events: Annotated[int, typer.Option(help="Events of one process; the first is cold.")] = 21,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """The work of a warm event, against plain boto3 with the same calls and Cloud Custodian."""
    WORK.mkdir(exist_ok=True)
    built = packages.cordon()
    recorded = {playbook: record(playbook) for playbook in FUNCTIONS}
    warm = [
        measure(playbook, packages.package(built, playbook), recorded[playbook], pairs, events)
        for playbook in FUNCTIONS
    ]
    package = packages.package(built, QUARANTINE.name)
    compared = custodian.compare(package, recorded[QUARANTINE.name], pairs, min(events, 9))
    text = section(warm, *compared)
    sections.write("warm", text) if write else typer.echo(text)


def section(warm: list[Warm], others: list[tuple[float, float]], counts: list[float]) -> str:
    """The section of docs/performance.md."""
    rows = [
        (
            f"`{one.playbook}`",
            str(one.calls),
            f"{one.cordon / 1e6:.1f}",
            f"{one.plain / 1e6:.1f}",
            f"{one.cordon / one.plain:.2f}",
            f"{one.seconds * 1000:.0f}",
            f"{one.ratio:.2f}",
        )
        for one in warm
    ]
    head = ("Playbook", "calls", "M instructions", "plain boto3", "×", "CPU, ms", "× plain's CPU")
    names = (
        f"Cordon, `{QUARANTINE.name}`: block, tags, evidence",
        "Custodian, an event (`cloudtrail`), default settings",
        "Custodian, an event, its best settings",
        "Custodian, `custodian run` (the default mode) in an account with one bucket",
    )
    counted_too = [(f"{c / 1e6:,.0f}", f"{c / counts[0]:.1f}") for c in counts] + [("", "")]
    compared = [
        (name, *count, f"{seconds * 1000:.0f}", f"{ratio:.1f}")
        for name, count, (seconds, ratio) in zip(names, counted_too, others, strict=True)
    ]
    return f"""## Warm
`python -m bench warm --write` ({sections.machine()}). The client's work for an event in a
warm process, without the server's and without waiting. *Plain boto3* makes exactly the same calls
with the same parameters, by default clients, one after the other, and nothing else (target: 1.3
times). Instructions are counted by cachegrind. CPU time is user and system; processes alternate,
and the values are medians of them and of the pairs' ratios. `{TAG.name}` gets its event in a
batch of one.

{sections.table(head, rows)}

Plain boto3 builds its user agent anew for each call, and Cordon's is constant: that pays for the
plan, the policy and the evidence of a case.

### Cloud Custodian
Custodian 0.9.53 (`bench/custodian.txt`, in an environment of its own) blocks and tags a bucket on
the same moto server as Cordon, in turn. Each event is about a new bucket, and the bucket is looked
at afterwards. Custodian's event is the one that CloudTrail sends of the same call: its mode
`guard-duty` takes no buckets, and `hub-finding` refuses the ARN of a bucket. Its best settings are
`augment-keys: none`, `C7N_DEBUG_EVENT=no`, and `account_id` in the execution options. Target: at
most an eighth of its default.

{sections.table(("", "M instructions", "× Cordon", "CPU, ms", "× Cordon's CPU"), compared)}

The event's default reads ten configurations of the bucket, and makes its clients anew for each
event. `custodian run` is a process for each run: its start is in the time. Cordon's time has more
in it: the capture, evidence and verification. What `report_cases` does is not in it.
"""
