"""What an auditor wants to see: a period, and a framework, a control or a playbook."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from typing import Annotated

import typer

from console.audit.verify_archive import matches
from console.options import PLAYBOOK
from console.stack import NotPossible, headers, playbook_names
from cordon.clock import from_iso, now, to_iso
from cordon.frameworks import VERSIONS, framework_of

QUARTER = re.compile(r"([0-9]{4})-?Q([1-4])", re.IGNORECASE)
DIGEST = re.compile(r"([0-9]{1,6}):([0-9a-fA-F]{64})")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE = timedelta(days=1)
PERIOD = Annotated[
    str, typer.Option(help="2027-Q1, 2027-01-31, or two days with .. between; whole days, UTC.")
]
FRAMEWORK = Annotated[str, typer.Option(help="Only of this framework: `SOC 2`.")]
SINCE = Annotated[str, typer.Option(help="Only what came from this day on: 2027-01-31, UTC.")]
NOTED = Annotated[
    list[str] | None,
    typer.Option(
        help="A digest that you noted, its number and sha256: 12:ab34… Is it the same? Repeatable."
    ),
]
CONTROL = Annotated[str, typer.Option(help="Only of this control: `SOC 2 CC7.3`.")]
__all__ = [
    "CONTROL",
    "FRAMEWORK",
    "NOTED",
    "PERIOD",
    "PLAYBOOK",
    "SINCE",
    "Wanted",
    "from_day",
    "known_control",
    "noted_digests",
    "wanted",
]


@dataclass(frozen=True)
class Wanted:
    """What is empty is no condition. The period is from ``since`` on, and before ``until``."""

    since: str = ""  # stamps
    until: str = ""
    framework: str = ""
    control: str = ""
    playbook: str = ""

    def to_json(self) -> Mapping[str, str]:
        """For the manifest, and for ``verify_archive.matches``."""
        return dict(vars(self))

    def includes(self, playbook: str, controls: list[str]) -> bool:
        """Is a case of this playbook, which is evidence for these controls, wanted?"""
        return matches(self.to_json(), playbook, controls)

    def is_at(self, stamp: str) -> bool:
        """Is a moment in the period?"""
        return self.since <= stamp and (not self.until or stamp < self.until)


def wanted(period: str, framework: str, control: str, playbook: str) -> Wanted:
    """What a person says. Raises NotPossible: a name that there is not would find nothing."""
    if playbook and playbook not in playbook_names():
        raise NotPossible(f"there is no playbook {playbook}: {', '.join(playbook_names())}")
    if framework and framework not in VERSIONS:
        raise NotPossible(f"there is no framework {framework}: {', '.join(VERSIONS)}")
    if control and not framework_of(control):
        raise NotPossible(
            f"{control} is of no framework: it begins with one of {', '.join(VERSIONS)}"
        )
    since, until = _period(period)
    if since > to_iso(now()):
        raise NotPossible(f"--period {period} has not begun")
    return Wanted(since, until, framework, control, playbook)


def from_day(day: str) -> Wanted:
    """Everything from a day on; all there is where it is empty. Raises NotPossible."""
    if day and not DAY.fullmatch(day):
        raise NotPossible(f"--since {day} is no day: 2027-01-31")
    since = _stamp(day) if day else ""
    if since > to_iso(now()):
        raise NotPossible(f"--since {day} has not come")
    return Wanted(since)


def known_control(control: str) -> None:
    """Raises NotPossible where no playbook names it: that nothing was found may be a misspelling.

    A control of an earlier version is none of these, and is found in evidence of its time.
    """
    known = {one for header in headers().values() for one in header.controls}
    if control and control not in known:
        alike = [one for one in sorted(known) if _spelled(one) == _spelled(control)]
        of = alike or [one for one in sorted(known) if framework_of(one) == framework_of(control)]
        raise NotPossible(
            f"no evidence of the period names the control {control}, and no playbook does:"
            f" {', '.join(of)}"
        )


def _spelled(control: str) -> str:
    return "".join(control.casefold().split())


def noted_digests(texts: Sequence[str]) -> Mapping[int, str]:
    """What somebody noted of earlier digests: sha256 by number. Raises NotPossible."""
    found = [(text, DIGEST.fullmatch(text.strip())) for text in texts]
    for text, one in found:
        if one is None:
            raise NotPossible(f"--noted {text} is no digest: its number, a colon, its sha256")
    return {int(one[1]): one[2].lower() for _, one in found if one}


def _period(text: str) -> tuple[str, str]:
    if not text:
        return "", ""
    if quarter := QUARTER.fullmatch(text):
        year, first = int(quarter[1]), 3 * int(quarter[2]) - 2
        after = (year + 1, 1) if first == 10 else (year, first + 3)
        return _stamp(f"{year:04d}-{first:02d}-01"), _stamp("{:04d}-{:02d}-01".format(*after))
    begins, _, ends = text.partition("..")
    if not DAY.fullmatch(begins) or not DAY.fullmatch(ends or begins):
        raise NotPossible(
            f"--period {text} is no period: 2027-Q1, 2027-01-31, 2027-01-01..2027-01-31"
        )
    last = from_iso(_stamp(ends or begins))
    if last.year == MAXYEAR:
        raise NotPossible(f"--period {text} has not begun")
    since, until = _stamp(begins), to_iso(last + _ONE)
    if since >= until:
        raise NotPossible(f"--period {text} ends before it begins")
    return since, until


def _stamp(day: str) -> str:
    try:
        return to_iso(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    except ValueError:
        raise NotPossible(f"there is no day {day}") from None
