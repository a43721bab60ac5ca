"""How long things take: measured on docs/performance.md, or assumed, each with its source.

Processor time is that of a whole vCPU, and a function has a share of one (1769 MB have a whole:
AWS Lambda Developer Guide, "Configure Lambda function memory").
"""

import re
from dataclasses import dataclass
from functools import cache
from random import Random

from bench.sections import PAGE
from bench.storm.quotas import QUOTAS

WHOLE = 1769  # MB
COLUMN = "CPU, ms"  # of the section Cost


@dataclass(frozen=True)
class Time:
    """Seconds, and who says so."""

    seconds: float
    what: str
    source: str


CALL = Time(0.008, "a call, half of them take less; one in a hundred takes 40 ms", "assumed")
SPREAD = 0.7  # of the logarithm
BUS = Time(0.5, "from the source to the function's queue, by EventBridge", "assumed")
SANDBOX = Time(0.4, "a new environment, before our code is imported", "assumed")
COPY = Time(60, "the copies of a finding come within this, spread evenly", "assumed")
SHOWN = Time(
    0.005,
    "of a vCPU, for a case in report_cases",
    "assumed: 2.4 ms measured without HTTP, in a batch of 100",
)
OPS_ITEM = Time(0.08, "a call of OpsCenter", "assumed")
IMPORTED = Time(0.15, "a call of Security Hub with up to 100 findings", "assumed")
ASSUMED = (CALL, BUS, SANDBOX, COPY, SHOWN, OPS_ITEM, IMPORTED)
# Of the stream, assumed: each partition of a new table has one.
SHARDS = int(QUOTAS["table writes"].rate / QUOTAS["partition writes"].rate)


@cache
def page(section: str) -> str:
    """The text of one section of docs/performance.md."""
    found = re.search(
        f"<!-- {section}: start -->(.*?)<!-- {section}: end -->", PAGE.read_text(), re.S
    )
    if found is None:
        raise ValueError(f"docs/performance.md has no section {section}")
    return found[1]


def table_row(section: str, *names: str) -> dict[str, str]:
    """The first row of a section whose first cells are these, by the heads of its columns."""
    head: list[str] = []
    for line in page(section).splitlines():
        cells = [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
        elif cells[: len(names)] == list(names):
            return dict(zip(head, cells, strict=True))
    raise ValueError(f"docs/performance.md, {section}, has no row {names}")


def _figure(text: str) -> float:
    return float(text.replace(",", ""))


def cpu(playbook: str, mode: str) -> float:
    """Seconds of a vCPU for a warm event (section Cost)."""
    return _figure(table_row("cost", playbook, mode)[COLUMN]) / 1000


def cold_cpu(playbook: str) -> float:
    """Seconds of a vCPU for the import and what is only done for a first event.

    Instructions of the section Cold start, at the instructions a second of the section Warm.
    """
    warm = table_row("warm", playbook)
    speed = _figure(warm["M instructions"]) / (_figure(warm["CPU, ms"]) / 1000)
    cold = table_row("cold start", f"{playbook}: import and first event")["M instructions"]
    return (_figure(cold) - _figure(warm["M instructions"])) / speed


def at(memory: int, seconds: float) -> float:
    """Of a whole vCPU, in a function with this memory."""
    return seconds * max(WHOLE / memory, 1)


def taken(rng: Random, time: Time = CALL) -> float:
    """How long it takes this time: around half of the calls take less than what is assumed."""
    return rng.lognormvariate(0, SPREAD) * time.seconds


def rows() -> list[tuple[str, ...]]:
    """For the page."""
    return [(one.what, f"{one.seconds:g} s", one.source) for one in ASSUMED]
