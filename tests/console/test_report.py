"""The page of a report: hostile text stays text, and nothing runs but the page's own script."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from console.report import of_case, page, sums
from console.report.data import Flag
from console.stack import NotPossible
from cordon.actions.s3 import DenyBucketAccess
from cordon.memory.cases import ActionStatus
from cordon.playbook import Plan
from cordon.statuses import Status
from tests.console.report_samples import (
    COVERAGE,
    HOSTILE,
    a_report,
    an_entry,
    bare,
    contained,
    every_status,
    hostile_entry,
    tagged_case,
    with_lineage,
)
from tests.examples import HEADERS
from tests.make import DEPLOYMENT, NOON, PLACE
from tests.reporting.cases import a_case, with_results

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(written)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        last = self.found[-1][0] if self.found else ""
        if last in ("script", "style") and data.strip():
            self.raw.append((last, data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def lines(written: str) -> list[dict[str, Any]]:
    found = re.search(r'id="lines">(.*?)</script>', written, re.DOTALL)
    assert found
    return list(json.loads(found[1]))


def block(written: str, number: int = 0) -> list[dict[str, Any]]:
    found = re.search(rf'id="block-{number}">(.*?)</script>', written)
    assert found
    return list(json.loads(gzip.decompress(base64.b64decode(found[1]))))


# ---- the page ----


def test_hostile_text_is_text_wherever_it_is_put() -> None:
    hostile = with_lineage(hostile_entry())
    written = page.html(a_report(hostile, an_entry(), coverage=COVERAGE))
    good = page.html(a_report(an_entry(), an_entry(), coverage=COVERAGE))
    elements, expected = Elements(written), Elements(good)
    names = [name for name, _ in elements.found]
    assert [name for name in names if name != "td"] == [
        name for name, _ in expected.found if name != "td"
    ]
    for _, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert HOSTILE not in written and "window.broken = 1</script>" not in written
    assert not CONTROL.search(written), ascii(CONTROL.search(written))
    line = lines(written)[0]
    assert line["title"].startswith("</script><script>window.broken = 1</script><img src=x")
    said = json.dumps(block(written)[0], ensure_ascii=False)
    assert "<img src=x onerror" in said and not CONTROL.search(said)


def test_policy_names_the_script_and_the_style_that_are_there() -> None:
    elements = Elements(page.html(a_report(an_entry())))
    (policy,) = (one["content"] for one in elements.all("meta") if "http-equiv" in one)
    assert policy and "unsafe" not in policy and policy.startswith("default-src 'none';")
    running = [data for tag, data in elements.raw if tag == "script" and '"use strict"' in data]
    (style,) = (data for tag, data in elements.raw if tag == "style")
    assert len(running) == 1
    for directive, inline in (("script-src", running[0]), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    executable = [one for one in elements.all("script") if "type" not in one]
    assert len(executable) == 1


def test_page_refers_to_nothing_outside_of_itself() -> None:
    elements = Elements(page.html(a_report(*every_status(), coverage=COVERAGE)))
    links = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in ("src", "href", "action", "data", "poster", "srcset", "background")
    ]
    assert links and all(str(value).startswith("#") for value in links)
    (style,) = (data for tag, data in elements.raw if tag == "style")
    assert "url(" not in style and "@import" not in style


@pytest.mark.parametrize("count", [1, page.BLOCK, page.BLOCK + 1])
def test_each_case_is_at_its_place_of_its_block(count: int) -> None:
    written = page.html(a_report(*map(bare, range(count))))
    assert [one["id"] for one in lines(written)] == [f"{n:016x}" for n in range(count)]
    for number in {0, count - 1}:
        details = block(written, number // page.BLOCK)[number % page.BLOCK]
        assert details["no_evidence"] == str(number)


def test_same_report_is_the_same_file() -> None:
    report = a_report(*every_status(), coverage=COVERAGE)
    assert page.html(report) == page.html(report)


def test_file_of_json_has_the_data(tmp_path: Path) -> None:
    report = a_report(with_lineage(hostile_entry()), coverage=COVERAGE)
    page.write(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(
        json.dumps(report.to_json())
    )
    assert report.to_json()["entries"][0]["id"] == f"{0xBAD:016x}"


def test_coverage_says_where_a_parameter_is_needed_and_what_is_not_covered() -> None:
    written = page.html(a_report(an_entry(), coverage=COVERAGE))
    assert '<td class="yes">2†</td>' in written
    assert "† quarantine_it: where CallsQuarantine is set" in written
    assert "none: nothing is there" in written
    assert "<b>supports evidence for</b> the controls that its playbook names" in written
    assert "SOC 2 CC6.1" in written and "SOC 2 CC1.1" not in written
    assert "No account was looked at" in written


def test_exemptions_name_owner_and_expiry() -> None:
    written = page.html(a_report(an_entry()))
    assert "<td>Ada</td>" in written and "<td>2027-01-31T00:00:00Z</td>" in written
    assert "<td>ended 2027-01-31T00:00:00Z</td>" in written
    unknown = page.html(replace(a_report(), exemptions=None))
    assert 'id="exemptions"' not in unknown
    assert "The settings have none." in page.html(replace(a_report(), exemptions=()))


def test_file_that_cannot_be_written_is_not_possible(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match="the report is not written"):
        page.write(a_report(), tmp_path / "no" / "folder.html")


# ---- what is counted ----


def test_tiles_count_what_people_look_for() -> None:
    failed = with_results(tagged_case(Status.RELEASING), ActionStatus.FAILED)
    entries = (
        *every_status(),
        replace(an_entry(Status.AWAITING_APPROVAL), opened="2026-11-01T00:00:00Z", age="26d"),
        of_case.entry(failed, an_entry().details),
    )
    counts = {tile.name: (tile.count, tile.note) for tile in sums.tiles(entries, closed=True)}
    assert counts["waiting"] == ("2", "for approval; the oldest is 26d old")
    assert counts["failed"][0] == "3"  # failed, partly contained, an undo that failed
    assert counts["released"][0] == "2"  # released, reopened
    held = sum(Flag.HELD in one.flags for one in entries)
    assert counts["held"][0] == str(held) and held > 3
    (*_, released) = sums.tiles(entries, closed=False)
    assert (released.count, released.chooses) == ("–", "")


def test_outcomes_fill_the_bar_of_the_playbook_with_most_cases() -> None:
    few = replace(an_entry(), playbook="other")
    most, other = sums.bars(a_report(*every_status(), few))
    assert (most.count, other.count) == (len(Status), 1)
    assert sum(one.width for one in most.segments) == pytest.approx(sums.WIDTH, abs=0.1)
    assert other.segments[0].width == pytest.approx(sums.WIDTH / len(Status), abs=0.1)
    assert other.words == "1 contained"
    assert "2 awaiting" not in most.words and "1 awaiting approval" in most.words


@pytest.mark.parametrize(
    ("seconds", "column"),
    [(0, "< 10 s"), (9, "< 10 s"), (10, "< 1 min"), (3_600, "< 1 day"), (86_400, "≥ 1 day")],
)
def test_time_is_in_its_column(seconds: int, column: str) -> None:
    found = sums.times(a_report(replace(an_entry(), seconds=seconds)))
    assert found and [one.name for one in found.columns if one.count] == [column]


def test_only_what_was_contained_in_its_first_round_has_a_time() -> None:
    later: dict[str, Any] = {"contained_at": NOON.replace(minute=1)}
    details = an_entry().details
    assert of_case.entry(a_case(**later), details).seconds == 60
    for case in (a_case(), a_case(round=2, **later), a_case(Status.TAGGED, **later)):
        assert of_case.entry(case, details).seconds is None
    assert sums.times(a_report(an_entry())) is None


# ---- one case ----


def test_what_evidence_says_is_shown_where_it_is_verified() -> None:
    details = an_entry().details
    assert details.chain and details.chain.verified and details.no_evidence == ""
    assert [one.follows for one in details.chain.links] == [True, True]
    assert details.chain.links[1].previous == details.chain.links[0].sha256
    assert [one.what for one in details.timeline] == ["captured", "contained"]
    assert '+    "cordon:case"' in "\n".join(details.differences[0].lines)
    assert details.supports == HEADERS[a_case().playbook].controls


@pytest.mark.parametrize("number", [1, 2])
def test_link_that_was_changed_is_seen_and_nothing_of_it_is_believed(number: int) -> None:
    case = tagged_case()
    copy = contained(case)
    versions = [
        replace(
            one,
            body=(one.body or b"").replace(b"ada", b"forged").replace(b"contained", b"escalated"),
        )
        if copy.number(one.key) == number
        else one
        for one in copy.versions
    ]
    broken = replace(copy, versions=tuple(versions))
    details = of_case.details(case, HEADERS[case.playbook], DEPLOYMENT, broken)
    assert details.chain and not details.chain.verified and details.chain.faults
    assert "NOT verified" in details.chain.verdict
    assert [one.follows for one in details.chain.links] == [True, number == 2]
    assert details.differences == () and details.no_evidence == of_case.NOT_VERIFIED
    assert "forged" not in json.dumps([part.lines for part in details.sections])


def test_entry_that_is_missing_breaks_the_chain() -> None:
    case = tagged_case()
    copy = contained(case)
    details = of_case.details(case, None, None, replace(copy, versions=copy.versions[1:]))
    assert details.chain and [one.follows for one in details.chain.links] == [False]


def test_entry_that_is_none_has_its_place() -> None:
    case = tagged_case()
    copy = contained(case)
    first, last = copy.versions
    found = of_case.chain_of(replace(copy, versions=(replace(first, body=b"[]"), last)))
    assert [(one.stage, one.follows) for one in found.links] == [
        ("no entry", False),
        ("contained", False),
    ]


def test_without_evidence_the_case_says_why() -> None:
    case = a_case()
    details = of_case.details(case, HEADERS[case.playbook], DEPLOYMENT, "unknown: x")
    assert (details.chain, details.no_evidence) == (None, "unknown: x")
    assert any(part.heading == "What is so" for part in details.sections)


def test_who_is_exempt_is_by_changed_resource() -> None:
    deny = DenyBucketAccess(PLACE, "b", ("writes",), ("arn:aws:iam::111122223333:role/BreakGlass",))
    case = replace(a_case(), plan=Plan((deny,)))
    (part,) = of_case.details(case, None, None, "unknown").exempt
    assert (part.heading, part.lines) == ("arn:aws:s3:::b", deny.exempt)


def test_no_colour_says_that_a_person_is_not_needed() -> None:
    tones = {status: an_entry(status).tone for status in Status}
    assert {tones[Status.ESCALATED], tones[Status.AWAITING_APPROVAL]} == {"wait"}
    assert {tones[Status.FAILED], tones[Status.PARTLY_CONTAINED]} == {"bad"}
    assert [one for one, tone in tones.items() if tone == "good"] == [
        Status.CONTAINED,
        Status.RELEASED,
    ]


def test_held_back_is_said() -> None:
    assert an_entry(Status.OBSERVED, held_back=True).status == "observed, held back"
