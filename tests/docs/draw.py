"""Draws the pictures of docs/pictures, in chromium: of an invented account, and a replayed case.

The account's cases are of sample events, with invented ends and times.

``PYTHONPATH=layers/cordon:functions python -m tests.docs.draw``. Look at them: no test does.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import time_machine
from playwright.sync_api import Page, sync_playwright
from typer.testing import CliRunner

from bench.report import OPTIONS, ROOT
from console import cli
from console.coverage.report import report as covered
from console.options import version
from console.report import of_case, page, sums
from console.report.data import Entry, Kind, Report
from cordon.clock import to_iso
from cordon.memory.cases import ActionStatus, Case
from cordon.playbook import Playbook
from cordon.sources import read_all
from cordon.statuses import CONTAIN_ENDED, Status
from tests.examples import HEADERS, event, path_of, plan_beside, samples
from tests.make import DEPLOYMENT
from tests.reporting.cases import a_case, with_results

PICTURES = ROOT / "docs" / "pictures"
MADE = datetime(2026, 11, 27, 22, 10, tzinfo=UTC)
WIDTH = 1100
COUNTS = (1, 1, 2, 2, 3, 4, 6)  # cases of a playbook
SECONDS = (4, 5, 6, 8, 9, 9, 21, 48, 170, 300, 3_200)  # until one was contained
ENDS = (Status.CONTAINED,) * 4 + (Status.AWAITING_APPROVAL,) * 2 + (Status.RELEASED,)
MALICIOUS = "guardduty_malicious_object"


def cases() -> Iterator[Case]:
    """Some of each playbook, the same with every call."""
    drawn = Random(20261127)
    for name, playbook in sorted(HEADERS.items()):
        some = [one for one in samples(name) if plan_beside(one).get("plan")]
        for sample in drawn.sample(some, min(len(some), drawn.choice(COUNTS))):
            yield _case(sample, playbook, drawn)


def _case(sample: str, playbook: Playbook, drawn: Random) -> Case:
    finding, *_ = read_all(event(sample))
    opened = MADE - timedelta(minutes=drawn.randrange(3 * 24 * 60))
    took = timedelta(seconds=drawn.choice(SECONDS))
    made = a_case(finding=finding, playbook=playbook)
    status = _status(made, drawn)
    ended = with_results(made, ActionStatus.VERIFIED) if status in CONTAIN_ENDED else made
    return replace(
        ended,
        id=f"{drawn.getrandbits(64):016x}",
        status=status,
        results=ended.results if status in CONTAIN_ENDED else (),
        opened_at=opened,
        last_activity=opened,
        contained_at=opened + took,
    )


def _status(case: Case, drawn: Random) -> Status:
    """How such a case may end."""
    if not case.plan.actions:
        return Status.ESCALATED
    if not any(action.contains for action in case.plan.actions):
        return Status.TAGGED
    return drawn.choice(ENDS)


def entry(case: Case) -> Entry:
    """As the page has it; evidence of an invented case is not there."""
    said = "evidence of a drawn case is not there"
    return of_case.entry(case, of_case.details(case, HEADERS[case.playbook], DEPLOYMENT, said))


def report(entries: tuple[Entry, ...]) -> Report:
    """The report of an account."""
    about = {
        "stack": "cordon",
        "account": "111122223333",
        "Region": "us-east-1",
        "commands": f"version {version()}",
    }
    return Report(
        Kind.ACCOUNT,
        "Cordon: cordon",
        tuple(about.items()),
        to_iso(MADE),
        (),
        entries,
        sums.tiles(entries, closed=True),
        (),
        covered(ROOT),
        {},
        "",
    )


def draw(opened: Page, account: Path, case: Path) -> None:
    """The numbers in a light page, then a case in a dark one."""
    opened.goto(f"file://{account}")
    opened.screenshot(path=PICTURES / "report.png")
    opened.emulate_media(color_scheme="dark")
    opened.goto(f"file://{case}")
    line = opened.locator("#list > li")
    line.locator(".parts").wait_for()
    box = line.bounding_box()
    above = box["y"] - 10 if box else 0
    opened.screenshot(
        path=PICTURES / "case.png",
        full_page=True,
        clip={"x": 0, "y": above, "width": WIDTH, "height": 700},
    )


def main() -> None:
    """Draw them."""
    with time_machine.travel(MADE, tick=False):
        made = report(tuple(map(entry, cases())))
    with tempfile.TemporaryDirectory() as folder:
        account, case = Path(folder, "account.html"), Path(folder, "case.html")
        page.write(made, account)
        words = ["replay", str(path_of(MALICIOUS)), "--mode", "enforce", "--report", str(case)]
        CliRunner().invoke(cli.app, words)
        _in_chromium(account, case)


def _in_chromium(account: Path, case: Path) -> None:
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        context = browser.new_context(viewport={"width": WIDTH, "height": 640})
        draw(context.new_page(), account, case)
        browser.close()


if __name__ == "__main__":
    main()
