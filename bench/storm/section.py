"""``python -m bench storm``: the storms, simulated and played, and their section of the page."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bench import sections
from bench.storm import scenarios, times
from bench.storm.numbers import Numbers, read
from bench.storm.played import Played, play
from bench.storm.quotas import TABLE
from bench.storm.reporter import AWAITING, CONTAINED, OBSERVED
from bench.storm.scenarios import Result, seconds
from console.account import ROOT
from tests.examples import QUARANTINE, TAG

FINDINGS, COPIES = 100, 100
INTRODUCTION = (
    "What many findings at the same time do to one stack. The first tables are a simulation "
    "(`bench/storm/`), not measured on AWS: events, queues, the table's stream, functions and the "
    "calls that services throttle, with the template's own numbers, AWS's quotas and the times "
    "below. Each threat arrives three times: from its service and as two copies from Security Hub. "
    f"Four fifths of the bulk are `{TAG.name}`'s, one fifth `{QUARANTINE.name}`'s; everything "
    "is in enforce. Seconds are counted from the arrival of a finding. *Reported*: Security Hub, "
    "the original, the incident, the message and the event say what was decided. What is over "
    "budget *awaits approval* (threats) or is *held back* (controls). `reconcile_cases` is not in "
    "it: what is held back is taken up later."
)
TARGETS = (
    "Targets: nothing lost and no dead letter; each threat contained or put to a person; threats "
    "reported within 10 s (p99) in the hour and 120 s in the five seconds; with the bulk, threats "
    "contained as fast as without it (p99, a tenth more at most); the bulk done ten minutes after "
    "it arrived."
)

WHAT_IF_SAYS = (
    "### What if\nTen minutes of that hour, and the five seconds, with a budget of 10,000. AWS "
    "names no rate of OpsCenter, nor of changes of IAM and of buckets: those are assumed."
)


def section(
    numbers: Numbers,
    results: Sequence[Result],
    sensitive: Sequence[tuple[str, Result]],
    played: Played | None,
) -> str:
    """The section of docs/performance.md."""
    parts = [
        f"## Storm\n`python -m bench storm --write` ({sections.machine()}). {INTRODUCTION}",
        sections.table(HEAD, [_row(result) for result in results], texts=2),
        sections.table(SPREADS, [row for result in results for row in _spreads(result)], texts=3),
        TARGETS,
        *_faults(results),
        WHAT_IF_SAYS,
        sections.table(WHAT_IF, [_what_if(*one) for one in sensitive], texts=2),
        *([_played(played)] if played else []),
        _sources(numbers),
    ]
    return "\n\n".join(parts)


HEAD = (
    "Storm", "Budget", "threats contained", "awaiting approval", "merely observed",
    "controls contained", "held back", "lost", "dead letters", "deepest queue",
)  # fmt: skip
SPREADS = ("Storm", "Budget", "Seconds", "p50", "p99", "longest")
WHAT_IF = (
    "If", "Storm", "contained, p99", "reported, p99", "bulk done, longest",
    "bulk reported, longest", "lost", "dead letters", "targets",
)  # fmt: skip


def _row(result: Result) -> tuple[str, ...]:
    storm = result.storm
    threats = [case.status for case in result.threats]
    controls = [case.status for case in result.controls]
    counts = (
        threats.count(CONTAINED),
        threats.count(AWAITING),
        threats.count(OBSERVED),
        controls.count(CONTAINED),
        controls.count(OBSERVED),
        storm.lost,
        storm.dead.total(),
        storm.deepest,
    )
    return (result.name, f"{result.budget:,}", *(f"{count:,}" for count in counts))


def _spreads(result: Result) -> list[tuple[str, ...]]:
    spreads = {
        "threats contained": result.contained,
        "threats reported": result.reported,
        "bulk done": result.done,
        "bulk reported": result.bulk_reported,
    }
    return [
        (result.name, f"{result.budget:,}", what, *(seconds(s, p) for p in ("p50", "p99", "most")))
        for what, s in spreads.items()
        if s is not None
    ]


def _what_if(what: str, result: Result) -> tuple[str, ...]:
    return (
        what,
        result.name,
        seconds(result.contained, "p99"),
        seconds(result.reported, "p99"),
        seconds(result.done, "most"),
        seconds(result.bulk_reported, "most"),
        str(result.storm.lost),
        str(result.storm.dead.total()),
        "missed" if result.faults() else "met",
    )


def _faults(results: Sequence[Result]) -> list[str]:
    """A sentence for each target that is missed."""
    lines = [
        f"* {result.name}, budget {result.budget:,}: {fault}"
        for result in results
        for fault in result.faults()
    ]
    return ["Missed:\n\n" + "\n".join(lines)] if lines else ["All are met."]


def _played(played: Played) -> str:
    effects = ", ".join(f"{count} × `{name}`" for name, count in sorted(played.effects.items()))
    faults = list(played.faults())
    return (
        f"### Played\n{played.deliveries:,} deliveries of {played.findings} findings, with the "
        "deployed code in an embedded account: each finding many times, in random order, as it was "
        f"and as its service updates it. {played.cases} cases, {played.contained} contained, "
        f"{played.incidents} incidents, {played.holds} holds, {sum(played.effects.values())} "
        f"changes of resources for {played.planned} planned ({effects}); evidence chains that do "
        f"not hold: {played.broken_chains}. Then everything was released: {played.released} cases, "
        f"{played.holds_left} holds left, and the account "
        f"{'as it was before' if played.restored else 'NOT as it was before'}. "
        f"What went wrong: {'; '.join(faults) or 'nothing'}."
    )


def _sources(numbers: Numbers) -> str:
    stream, reports = numbers.stream, numbers.reports
    quotas = [
        (
            q.name,
            f"{q.rate:,g}",
            f"{q.burst:,g}" if q.burst else "",
            q.unit,
            _page(q.assumed, q.page),
        )
        for q in TABLE
    ]
    lanes = [
        (
            name,
            f"{q.batch} in {q.window:g} s",
            f"{q.concurrency}",
            f"{q.visibility:g} s",
            f"{q.receives}",
        )
        for name, q in {**numbers.queues, "ReportCases": reports}.items()
    ]
    return "\n\n".join(
        (
            "### With which numbers\nThe template's: the stream is read in batches of "
            f"{stream.batch} in {stream.window:g} s by {stream.lanes} lanes a shard; what a "
            f"service throttles waits {reports.delay:g} s. It has {times.SHARDS} shards (assumed: "
            "a new table takes 4,000 units a second, a partition 1,000).",
            sections.table(("Queue of", "batch", "concurrency", "visibility", "receives"), lanes),
            "Quotas. What is *assumed* is said by no page, or only for large Regions.",
            sections.table(("Quota", "rate", "burst", "unit", "page"), quotas),
            "Times: processor time by the sections Cost, Cold start and Warm, at the function's "
            "share of a vCPU, and",
            sections.table(("What", "time", "source"), times.rows(), texts=3),
        )
    )


def _page(assumed: bool, page: str) -> str:
    return f"*assumed*; {page}" if assumed else page


def main(
    findings: Annotated[int, typer.Option(help="To be played; 0: only simulate.")] = FINDINGS,
    copies: Annotated[int, typer.Option(help="How often each finding is delivered.")] = COPIES,
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """Storms of findings: simulated with AWS's quotas, and played in an embedded account."""
    numbers = read(ROOT)
    results = scenarios.all_results(numbers)
    sensitive = list(scenarios.sensitivities(numbers))
    played = play(findings, copies) if findings else None
    text = section(numbers, results, sensitive, played)
    typer.echo(text)
    if write:
        sections.write("storm", text)
    missed = any(result.faults() for result in results)
    if missed or (played and list(played.faults())):
        raise typer.Exit(1)
