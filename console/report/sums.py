"""What is counted from the list of cases: the tiles, and the two plots with their geometry."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.report.data import Entry, Flag, Report, Tile

TONES = ("good", "wait", "bad", "quiet")  # the order in a bar
BOUNDS = (  # upper bounds in seconds, and the words of what is below
    (10, "< 10 s"),
    (60, "< 1 min"),
    (600, "< 10 min"),
    (3_600, "< 1 h"),
    (86_400, "< 1 day"),
)
LONGER = "≥ 1 day"
WIDTH = 1_000  # of a bar, in its own units


@dataclass(frozen=True)
class Segment:
    """A part of a bar."""

    tone: str
    x: float
    width: float


@dataclass(frozen=True)
class Bar:
    """How the cases of a playbook ended: the bar, and the same in words."""

    playbook: str
    count: int
    words: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Column:
    """How many cases took so long."""

    name: str
    count: int
    height: float  # of 100


@dataclass(frozen=True)
class Times:
    """How long it took until cases were contained."""

    columns: tuple[Column, ...]
    words: str


def tiles(entries: Sequence[Entry], *, closed: bool) -> tuple[Tile, ...]:
    """The four numbers. ``closed``: are closed cases among the entries?"""
    waiting = [one for one in entries if Flag.WAITING in one.flags]
    oldest = min(waiting, key=lambda one: one.opened, default=None)
    return (
        _tile(entries, Flag.HELD, "hold a change of a resource, or may"),
        _tile(
            entries,
            Flag.WAITING,
            f"for approval; the oldest is {oldest.age} old" if oldest else "for approval",
        ),
        _tile(entries, Flag.FAILED, "have a change or an undo that failed"),
        _tile(entries, Flag.RELEASED, "were released; rows of older ones have expired")
        if closed
        else Tile(Flag.RELEASED, "–", "closed cases were not looked at"),
    )


def _tile(entries: Iterable[Entry], flag: Flag, note: str) -> Tile:
    return Tile(flag, f"{sum(flag in one.flags for one in entries):,}", note, flag)


def bars(report: Report) -> tuple[Bar, ...]:
    """A bar for each playbook, the longest first; its length is its share of the longest."""
    by: dict[str, Counter[tuple[str, str]]] = {}
    for one in report.entries:
        by.setdefault(one.playbook, Counter())[one.tone, one.status] += 1
    most = max((sum(counts.values()) for counts in by.values()), default=1)
    found = (_bar(playbook, counts, most) for playbook, counts in by.items())
    return tuple(sorted(found, key=lambda bar: (-bar.count, bar.playbook)))


def _bar(playbook: str, counts: Counter[tuple[str, str]], most: int) -> Bar:
    segments, x = [], 0.0
    for tone in TONES:
        here = sum(count for (of, _), count in counts.items() if of == tone)
        if here:
            width = WIDTH * here / most
            segments.append(Segment(tone, round(x, 2), round(width, 2)))
            x += width
    listed = sorted(counts.items(), key=lambda one: (TONES.index(one[0][0]), -one[1], one[0][1]))
    words = ", ".join(f"{count:,} {status.replace('_', ' ')}" for (_, status), count in listed)
    return Bar(playbook, sum(counts.values()), words, tuple(segments))


def times(report: Report) -> Times | None:
    """The columns; None where no case has a time."""
    took = sorted(one.seconds for one in report.entries if one.seconds is not None)
    if not took:
        return None
    counts = Counter(_bucket(seconds) for seconds in took)
    most = max(counts.values())
    names = (*(name for _, name in BOUNDS), LONGER)
    columns = (Column(name, counts[name], round(100 * counts[name] / most, 2)) for name in names)
    cases = f"{len(took):,} cases that are" if len(took) > 1 else "1 case that is"
    words = (
        f"{cases} contained, in the first round: half of them within"
        f" {duration(statistics.median(took))}, the slowest after {duration(took[-1])}. Counted"
        " from the opening of the case to the end of its last attempt, the wait for an approval"
        " included."
    )
    return Times(tuple(columns), words)


def _bucket(seconds: int) -> str:
    return next((name for bound, name in BOUNDS if seconds < bound), LONGER)


def duration(seconds: float) -> str:
    """``42 s``, ``3.5 min``, ``1.2 h``, ``2.0 days``."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
