"""A report of replayed events: each case, and a line for each event that led to none.

The runs go through while they are shown: of each only its lines are kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from console.evidence import Copy
from console.options import version
from console.replay_page import CHANGES, changes, led_to
from console.report import of_case, sums
from console.report.data import Details, Entry, Flag, Kind, Part, Report, Tile, text
from console.run import Run
from console.stack import headers
from cordon.clock import now, to_iso
from cordon.memory.cases import Case
from cordon.reporting import texts

EMBEDDED = (
    "Nothing of this happened on AWS: the events were replayed on an embedded account, made from"
    " template.yaml. How long a case took there says nothing of AWS."
)
MOST_CHANGES = 200  # of an event
NO_EVIDENCE = "unknown: the evidence of this case was not kept"


@dataclass
class Replayed:
    """What came of the runs so far."""

    entries: list[Entry] = field(default_factory=list)
    runs: int = 0
    failed: int = 0

    def through(self, runs: Iterable[Run]) -> Iterator[Run]:
        """The same runs, each taken down as it ends."""
        for run in runs:
            self.runs += 1
            self.failed += bool(run.troubles)
            self.entries += _entries(run)
            yield run

    def report(self) -> Report:
        """All that came of them."""
        entries = tuple(self.entries)
        wrong = Tile(
            Flag.TROUBLE,
            f"{self.failed:,}",
            f"of {self.runs:,} events did not end as they should",
            Flag.TROUBLE,
        )
        return Report(
            Kind.REPLAY,
            "Cordon: a replay",
            (("commands", f"version {version()}"), ("events", f"{self.runs:,}")),
            to_iso(now()),
            (EMBEDDED,),
            entries,
            (wrong, *sums.tiles(entries, closed=True)),
        )


def _entries(run: Run) -> Iterator[Entry]:
    found = [_of_case(run, case) for case in run.cases]
    for one in found or [_without_case(run, *led) for led in led_to(run)]:
        yield _with_troubles(run, _with_changes(run, one))


def _of_case(run: Run, case: Case) -> Entry:
    evidence: Copy | str = run.copies.get(case.id, NO_EVIDENCE)
    details = of_case.details(case, headers().get(case.playbook), None, evidence)
    return replace(of_case.entry(case, details, run.event.short), seconds=None)


def _without_case(run: Run, playbook: str, outcome: str) -> Entry:
    found = run.findings[0] if run.findings else None
    facts = (f"{name}: {value}" for name, value in texts.facts(found) if value) if found else ()
    why = (f"{one.playbook}: {one.reason}" for one in run.outcomes)
    parts = (Part("Finding", tuple(map(text, facts))), Part("Ignored by", tuple(map(text, why))))
    return Entry(
        id="",
        status=outcome,
        tone="quiet",
        flags=(),
        severity=str(found.severity.label) if found else "",
        playbook=playbook,
        account=found.place.account if found else "",
        region=found.place.region if found else "",
        title=text(found.title if found else run.unreadable or "; ".join(run.troubles)),
        kind=text(run.kind),
        resources=tuple(text(one.arn or one.name) for one in found.resources) if found else (),
        opened="",
        age="",
        event=text(run.event.short),
        details=Details(sections=tuple(one for one in parts if one.lines)),
    )


def _with_changes(run: Run, entry: Entry) -> Entry:
    """What the event changed, by whichever of its cases."""
    rows = changes(run)
    listed = [tuple(text(row[one.name]) for one in CHANGES) for row in rows[:MOST_CHANGES]]
    if len(rows) > MOST_CHANGES:
        listed.append((f"{len(rows) - MOST_CHANGES} more", "", "", ""))
    return replace(entry, details=replace(entry.details, changes=tuple(listed)))


def _with_troubles(run: Run, entry: Entry) -> Entry:
    """What did not end as it should, before all else."""
    if not run.troubles:
        return entry
    wrong = Part("What did not end as it should", tuple(map(text, run.troubles)))
    details = replace(entry.details, sections=(wrong, *entry.details.sections))
    flags = (*entry.flags, str(Flag.TROUBLE))
    return replace(entry, tone="bad", flags=flags, details=details)
