"""Selection of the parser, and events without one."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cordon import sources
from cordon.finding import Malformed, UnsupportedEvent, canonical_json
from cordon.sources import read
from tests.sources import samples


def test_parser_is_loaded_for_its_first_event() -> None:
    """A function starts without the others: each costs at every cold start."""
    code = (
        "import json, sys; from cordon.sources import read; read(json.load(sys.stdin));"
        "print([m for m in sys.modules if m.startswith('cordon.sources.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(samples.config()),
        env={"PYTHONPATH": str(Path(sources.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "cordon.sources.config" in loaded
    for other in ("guardduty", "macie", "asff", "ocsf", "inspector", "alarm", "cloudtrail"):
        assert f"cordon.sources.{other}'" not in loaded


@pytest.mark.parametrize(
    ("source", "detail_type", "field"),
    [
        ("aws.s3", "Object Created", "source"),
        ("cordon.guardduty", "GuardDuty Finding", "source"),
        ("aws.guardduty", "Macie Finding", "detail-type"),
        ("aws.securityhub", "Security Hub Insight Results", "detail-type"),
    ],
)
def test_other_events_are_unsupported(source: str, detail_type: str, field: str) -> None:
    with pytest.raises(UnsupportedEvent) as raised:
        read(samples.event(source, detail_type, {}))
    assert raised.value.field == field


@pytest.mark.parametrize("event", [None, [], "x", 1, {}, {"source": 1}])
def test_non_event_is_malformed(event: object) -> None:
    with pytest.raises(Malformed):
        read(event)


@pytest.mark.parametrize("detail", [None, [], "x"])
def test_missing_detail_is_malformed(detail: object) -> None:
    with pytest.raises(Malformed, match=r"^detail"):
        read({**samples.guardduty(), "detail": detail})


def test_digest_uses_the_canonical_detail() -> None:
    event = samples.guardduty()
    expected = hashlib.sha256(canonical_json(event["detail"]).encode()).hexdigest()
    assert read(event).detail_sha256 == expected
    reordered = {**event, "detail": dict(reversed(event["detail"].items()))}
    assert read(reordered).detail_sha256 == expected
    assert read(samples.guardduty(title="other")).detail_sha256 != expected


def test_deep_nesting_is_malformed() -> None:
    deep: object = []
    for _ in range(200_000):
        deep = [deep]
    event = samples.guardduty(unread=None)
    event["detail"]["unread"] = deep
    with pytest.raises(Malformed, match=r"^detail"):
        read(event)
    while isinstance(deep, list) and deep:  # otherwise freeing it recurses
        deep = deep.pop()


@pytest.mark.parametrize("title", ["\ud800", "a\u2028b", "\u202egnp.exe"])
def test_hostile_title_is_cleaned(title: str) -> None:
    assert read(samples.guardduty(title=title)).title in ("", "a b", "gnp.exe")


def test_titles_and_descriptions_are_bounded() -> None:
    finding = read(samples.guardduty(title="t" * 10_000, description="d " * 10_000))
    assert (len(finding.title), finding.title[-1]) == (256, "…")
    assert len(finding.description) <= 1024
