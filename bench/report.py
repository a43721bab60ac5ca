"""Measures how long a browser needs to open a report of many cases, by the browser's own clock.

The cases are made of the sample events and their plans; each has a chain of evidence of its own,
and all that a report shows of one but the differences. The page marks the moment when its list is
shown.
"""

import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, sync_playwright

from bench import sections
from console.coverage.report import report as covered
from console.event_files import event_files
from console.report import of_case, page, sums
from console.report.data import Chain, Entry, Kind, Link, Moment, Report
from console.stack import headers
from cordon.clock import now, to_iso
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.playbook import Plan
from cordon.sources import read_all
from cordon.statuses import Status

ROOT = Path(__file__).parent.parent
COUNTS = (100, 1_000, 10_000)
TIMES = 5  # each page is opened so often
MOST = 2.0  # seconds, for 10,000 cases
STAGES = ("captured", "contained", "releasing", "released")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
MARK = "performance.getEntriesByName('shown')[0].startTime / 1000"


@dataclass(frozen=True)
class Measured:
    """A report of so many cases."""

    cases: int
    megabytes: float
    written: float  # seconds of processor time
    opened: float  # seconds of the browser's clock, the median
    slowest: float
    processor: float  # seconds of the page's main thread, the median


def cases(count: int) -> Iterator[Entry]:
    """So many cases, each with its own id and its own evidence. Every call gives the same."""
    drawn = random.Random(count)
    for entry in islice(cycle(list(_samples())), count):
        opened = now() - timedelta(minutes=drawn.randrange(60 * 24 * 30))
        chain = Chain("evidence verified", True, (), tuple(_links(drawn)))
        details = replace(entry.details, chain=chain, timeline=tuple(_timeline(chain)))
        id, stamp = f"{drawn.getrandbits(64):016x}", to_iso(opened)
        yield replace(entry, id=id, opened=stamp, details=details)


def _samples() -> Iterator[Entry]:
    statuses = cycle(Status)
    for path in event_files([ROOT / "events"]):
        beside = json.loads(path.with_suffix(".plan.json").read_text())
        if not beside.get("plan") or not beside["plan"]["actions"]:
            continue
        finding, *_ = read_all(json.loads(path.read_text()))
        plan, status = Plan.from_json(beside["plan"]), next(statuses)
        results = tuple(
            ActionResult(one.name(), one.target, ActionStatus.VERIFIED) for one in plan.actions
        )
        case = Case(
            "0" * 16,
            beside["playbook"],
            finding,
            plan,
            plan.hash,
            status,
            "enforce",
            "contain",
            "mode is enforce",
            opened_at=now(),
            last_activity=now(),
            results=results,
        )
        header = headers()[case.playbook]
        yield of_case.entry(case, of_case.details(case, header, None, "unknown: measured without"))


def _links(drawn: random.Random) -> Iterator[Link]:
    previous = ""
    for number, stage in enumerate(STAGES, 1):
        digest = f"{drawn.getrandbits(256):064x}"
        yield Link(number, stage, to_iso(now()), digest, previous, follows=True)
        previous = digest


def _timeline(chain: Chain) -> Iterator[Moment]:
    return (Moment(link.at, link.stage, "contain: mode is enforce") for link in chain.links)


def measure(count: int, browser: Browser, coverage: dict[str, object]) -> Measured:
    """Write the report, and open it."""
    entries = tuple(cases(count))
    tiles = sums.tiles(entries, closed=True)
    report = Report(
        Kind.ACCOUNT, "Cordon", (), to_iso(now()), (), entries, tiles, (), coverage, {}, ""
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        began = time.process_time()
        page.write(report, file)
        written = time.process_time() - began
        opened, processor = zip(*(_opened(browser, file) for _ in range(TIMES)), strict=True)
        size = file.stat().st_size / 1e6
    times = (statistics.median(opened), max(opened), statistics.median(processor))
    return Measured(count, size, written, *times)


def _opened(browser: Browser, file: Path) -> tuple[float, float]:
    """Until the list was shown by the browser's clock, and the main thread's processor time.

    Source: Chrome DevTools Protocol, "Performance.enable" (threadTicks).
    """
    context = browser.new_context()
    try:
        shown = context.new_page()
        protocol = context.new_cdp_session(shown)
        protocol.send("Performance.enable", {"timeDomain": "threadTicks"})
        shown.goto(f"file://{file}")
        metrics = protocol.send("Performance.getMetrics")["metrics"]
        tasks = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
        return float(shown.evaluate(MARK)), float(tasks)
    finally:
        context.close()


def section(measured: list[Measured], browser: str) -> str:
    """The section of docs/performance.md."""
    rows = [
        (
            f"{one.cases:,}",
            f"{one.megabytes:.1f}",
            f"{one.written:.1f}",
            f"{one.opened:.2f}",
            f"{one.slowest:.2f}",
            f"{one.processor:.2f}",
        )
        for one in measured
    ]
    head = ("Cases", "file, MB", "written, s", "open, s", "slowest, s", "main thread, s")
    return (
        f"## Report\n`python -m bench report --write` ({sections.machine()}, chromium {browser},"
        " headless). How long the page of `cordon report` takes, with a chain of four entries of"
        " every case, and without differences."
        f" *Open*: from the start of the navigation until the list is shown, by the browser's own"
        f" clock, the median of {TIMES}; it must be below {MOST:.0f} s for 10,000 cases. *Written*:"
        " processor time of the command, without reading the cases. *Main thread*: its processor"
        " time, which other work on the machine changes little.\n\n" + sections.table(head, rows)
    )


def main(
    write: Annotated[bool, typer.Option(help="Write to docs/performance.md.")] = False,
) -> None:
    """A report of 100, 1,000 and 10,000 cases, opened in chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        typer.echo("there is no chromium: apt-get install chromium", err=True)
        raise typer.Exit(2)
    coverage = covered(ROOT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        measured = [measure(count, browser, coverage) for count in COUNTS]
        text = section(measured, browser.version)
        browser.close()
    typer.echo(text)
    if write:
        sections.write("report", text)
    if measured[-1].opened > MOST:
        raise typer.Exit(1)
