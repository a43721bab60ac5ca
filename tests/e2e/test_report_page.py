"""The report's page in a real browser: Debian's chromium, headless, which reaches no network.

Skipped where there is no chromium, and axe-core's test where there is no npm.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from console.audit import overview
from console.coverage.report import report as covered
from console.report import page as report_page
from console.report.data import Report
from cordon.statuses import Status
from tests.console.report_samples import (
    HOSTILE,
    a_report,
    an_entry,
    bare,
    every_status,
    hostile_entry,
    with_lineage,
)
from tests.e2e.account import ROOT
from tests.e2e.waiting import HANGS
from tests.examples import HEADERS

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
AXE = ROOT / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
# No sandbox, since tests may run as root; the others keep it from looking for Google's hosts.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
MILLISECONDS = 1000 * HANGS
expect.set_options(timeout=MILLISECONDS)
pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).exists(), reason="there is no chromium: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(OPTIONS), timeout=MILLISECONDS
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with all that one can have, hostile texts among it."""
    entries = (*every_status(), with_lineage(hostile_entry()))
    return _write(
        a_report(*entries, coverage=covered(ROOT)), tmp_path_factory.mktemp("report") / "all.html"
    )


def _write(report: Report, to: Path) -> Path:
    report_page.write(report, to)
    return to


class Opened:
    """The page, and whatever it complains of or wants to reach."""

    def __init__(self, context: BrowserContext, file: Path, fragment: str = "") -> None:
        context.set_default_timeout(MILLISECONDS)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.goto(f"file://{file}{fragment}")

    @property
    def lines(self) -> Locator:
        """Those of the list."""
        return self.page.locator("#list > li")

    @property
    def shown(self) -> list[str]:
        """The ids in the list, as it is now."""
        return list(self.page.locator("#list .id code").all_inner_texts())

    def open(self, id: str) -> Locator:
        """Open a case by its line, and wait for what is behind it."""
        line = self.lines.filter(has_text=id)
        line.locator("summary").first.click()
        line.locator(".parts").wait_for()
        return line


def opened(browser: Browser, file: Path, fragment: str = "", **how: Any) -> Opened:
    return Opened(browser.new_context(**{**DESK, **how}), file, fragment)


def test_hostile_text_runs_nothing_and_nothing_is_reached(browser: Browser, written: Path) -> None:
    seen = opened(browser, written)
    line = seen.open(f"{0xBAD:016x}")
    assert "</script><script>window.broken = 1" in line.inner_text()
    line.locator("text=In words").click()
    assert seen.page.evaluate("window.broken") is None
    assert seen.page.locator("#list img, #list script").count() == 0
    assert seen.complaints == []
    assert [one.url for one in seen.requests] == [f"file://{written}"]


ATTACK = """() => {
  const script = document.createElement("script");
  try { script.textContent = "window.broken = 1"; document.body.append(script); } catch {}
  const link = document.createElement("a");
  try { link.setAttribute("onclick", "window.broken = 1"); } catch {}
  document.body.append(link);
  link.click();
  const image = document.createElement("img");
  image.src = "https://example.com/x.png";
  document.body.append(image);
  try { document.body.innerHTML = "<b>x</b>"; } catch {}
}"""


def test_policy_lets_nothing_else_run(browser: Browser, written: Path) -> None:
    """As an attacker would whose text had become markup after all."""
    seen = opened(browser, written)
    with (
        seen.page.expect_event("requestfailed"),
        seen.page.expect_console_message(lambda said: "Content Security Policy" in said.text),
    ):
        seen.page.evaluate(ATTACK)
    assert seen.page.evaluate("window.broken") is None
    assert seen.page.locator("#list").count() == 1
    assert [one.failure for one in seen.requests if one.url.startswith("http")] == ["csp"]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make .browser/.ready")
@pytest.mark.parametrize(
    "how", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"]
)
def test_axe_finds_nothing(browser: Browser, written: Path, how: dict[str, Any]) -> None:
    seen = opened(browser, written, **how)
    seen.open(f"{0xBAD:016x}")
    for summary in seen.page.locator("details.card > summary").all():
        summary.click()
    seen.page.evaluate(AXE.read_text())
    found = seen.page.evaluate("axe.run({resultTypes: ['violations']})")
    assert len(found["passes"]) > 20
    named = {
        one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in found["violations"]
    }
    assert named == {}


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_width_makes_the_page_scroll_sideways(
    browser: Browser, written: Path, width: int
) -> None:
    seen = opened(browser, written, viewport={"width": width, "height": 740})
    seen.open(f"{0xBAD:016x}")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark(browser: Browser, written: Path) -> None:
    brightness = [
        sum(
            map(
                int,
                opened(browser, written, color_scheme=scheme).page.evaluate(
                    "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g)"
                ),
            )
        )
        for scheme in ("light", "dark")
    ]
    assert brightness[0] > 600 and brightness[1] < 150


def test_filters_tiles_and_order(browser: Browser, written: Path) -> None:
    seen = opened(browser, written)
    everything = len(seen.shown)
    assert everything == len(Status) + 1
    tile = seen.page.locator("[data-chooses=waiting]")
    tile.click()
    assert len(seen.shown) == 1 and tile.get_attribute("aria-pressed") == "true"
    assert seen.page.locator("#count").inner_text().startswith(f"1 of {everything}")
    tile.click()
    assert len(seen.shown) == everything
    seen.page.get_by_role("combobox", name="Status").select_option("failed")
    expect(seen.lines).to_have_count(1)
    seen.page.get_by_role("button", name="Reset").click()
    expect(seen.lines).to_have_count(everything)
    seen.page.get_by_role("searchbox").fill("BAD")
    expect(seen.lines).to_have_count(1)
    assert seen.shown == [f"{0xBAD:016x}"]


def test_keyboard_is_enough(browser: Browser, written: Path) -> None:
    seen = opened(browser, written)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    seen.page.keyboard.press("Enter")
    for _ in range(12):
        seen.page.keyboard.press("Tab")
        if seen.page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    seen.page.keyboard.press("Enter")
    seen.page.locator("#list details[open] .parts").wait_for()


def test_a_case_is_opened_by_its_address(browser: Browser, written: Path) -> None:
    seen = opened(browser, written, f"#case={0xBAD:016x}")
    assert seen.shown == [f"{0xBAD:016x}"]
    seen.page.locator("#list .parts").wait_for()
    seen.page.locator("#filters select[name=status]").select_option("contained")
    seen.page.goto(f"file://{written}#case={2:016x}")  # in the page that is open
    seen.page.locator("#list .parts").wait_for()
    assert seen.shown == [f"{2:016x}"]
    seen.page.goto(f"file://{written}#coverage")
    assert seen.shown == [f"{2:016x}"]
    assert seen.complaints == []


def test_chain_says_what_follows_and_what_does_not(browser: Browser, tmp_path: Path) -> None:
    entry = an_entry()
    assert entry.details.chain
    first, last = entry.details.chain.links
    broken = replace(
        entry.details.chain, verified=False, links=(first, replace(last, follows=False))
    )
    entry = replace(entry, details=replace(entry.details, chain=broken))
    seen = opened(browser, _write(a_report(entry), tmp_path / "one.html"))
    seen.page.locator(".chain").wait_for()
    begins, then = seen.page.locator(".chain li").all_inner_texts()
    assert "✔ begins the chain" in begins
    assert "✘ does NOT follow the entry before it" in then


def test_many_cases_are_listed_a_hundred_at_a_time(browser: Browser, tmp_path: Path) -> None:
    file = _write(a_report(*map(bare, range(10_000))), tmp_path / "many.html")
    seen = opened(browser, file)
    assert len(seen.shown) == 100
    seen.page.get_by_role("button", name="Show 100 more").click()
    assert len(seen.shown) == 200
    focused = "[...document.querySelectorAll('#list summary')].indexOf(document.activeElement)"
    assert seen.page.evaluate(focused) == 100
    seen.page.get_by_role("searchbox").fill(f"{9_999:016x}")
    expect(seen.lines).to_have_count(1)
    seen.page.locator("#list summary").click()
    seen.page.locator("#list .body", has_text="9999").wait_for()


def test_print_has_every_table(browser: Browser, written: Path) -> None:
    seen = opened(browser, written)
    closed = "document.querySelectorAll('details.card:not([open])').length"
    before = seen.page.evaluate(closed)
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (before > 5, seen.page.evaluate(closed)) == (True, 0)
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert seen.page.evaluate(closed) == before
    seen.page.emulate_media(media="print")
    assert not seen.page.locator("#filters").is_visible()


def test_without_script_the_cases_are_listed(browser: Browser, written: Path) -> None:
    seen = opened(browser, written, java_script_enabled=False)
    table = seen.page.locator("#cases table")
    assert table.is_visible()
    assert table.locator("tr").count() == len(Status) + 2
    assert not seen.page.locator("#filters").is_visible()


# ---- the overview of an archive ----


@pytest.fixture(scope="module")
def of_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile texts wherever a text may be, and a case as long as one can be."""
    long = {
        "case": "a" * 16,
        "first": "2026-11-24T12:00:00Z",
        "last": "2026-11-24T12:00:00Z",
        "last_stage": "partly_contained",
        "playbook": max(HEADERS, key=len),
        "severity": "INFORMATIONAL",
        "resources": [f"arn:aws:s3:::{'b' * 60}"] * 3,
        "controls": ["NIST.800-53.r5 AC-3"] * 12,
        "approved_by": f"arn:aws:sts::111122223333:assumed-role/{'c' * 60}/ada",
        "verified": "yes",
    }
    rows: list[dict[str, Any]] = [
        dict.fromkeys(overview.SHOWN, HOSTILE),
        {"title": HOSTILE, **long},
    ]
    to = tmp_path_factory.mktemp("archive") / "overview.html"
    to.write_text("".join(overview.page({"stack": HOSTILE}, [HOSTILE], rows)))
    return to


@pytest.mark.parametrize(
    "how", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"]
)
def test_overview_runs_nothing_and_reaches_nothing(
    browser: Browser, of_archive: Path, how: dict[str, Any]
) -> None:
    seen = opened(browser, of_archive, **how)
    assert seen.page.evaluate("window.broken") is None
    assert seen.page.locator("script, img, a").count() == 0
    assert (seen.complaints, [one.url for one in seen.requests]) == ([], [f"file://{of_archive}"])
    width = (how.get("viewport") or DESK["viewport"])["width"]
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "scroll"
    if AXE.exists():
        seen.page.evaluate(AXE.read_text())
        found = seen.page.evaluate("axe.run({resultTypes: ['violations']})")
        assert [one["id"] for one in found["violations"]] == []


def test_overview_prints_every_column(browser: Browser, of_archive: Path) -> None:
    """A4 across is 1,123 pixels of CSS."""
    seen = opened(browser, of_archive, viewport={"width": 1040, "height": 700})
    table = "document.querySelector('.scroll table').getBoundingClientRect().right"
    assert seen.page.evaluate(table) > 1040  # on a screen it scrolls
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate(table) <= 1040
