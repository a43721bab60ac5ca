"""The file: one HTML page that reaches nothing, and runs nothing but its own script.

Its policy names that script and its style by their sha256, and allows nothing else: no inline
handler, no style attribute, no request. The list is JSON in a data block, and so are the cases, 64
a block, compressed: most are never opened. The script shows both as text; everything else is
escaped by jinja2. ``tojson`` escapes ``<``, ``>``, ``&`` and ``'``, and a compressed block has none
of them, so no text ends a block.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from console.coverage.page import listed, risk
from console.report import sums
from console.report.data import Entry, Report
from console.stack import NotPossible

TEMPLATES = Path(__file__).parent / "templates"
BLOCK = 64  # cases whose details are one data block: it is parsed when one of them is opened
MARK = "†"
WITHOUT_SCRIPT = 200  # cases that are listed where no script may run
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none';"
    " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def write(report: Report, to: Path) -> None:
    """Write the file, over one that is there: the data where it is named ``.json``, else the page.

    Raises NotPossible where it cannot be written.
    """
    written = json.dumps(report.to_json(), indent=1) if to.suffix == ".json" else html(report)
    try:
        to.write_text(written, encoding="utf-8")
    except OSError as why:
        raise NotPossible(f"the report is not written: {why}") from None


def html(report: Report) -> str:
    """The page."""
    script, style = ((TEMPLATES / name).read_text() for name in ("page.js", "page.css"))
    policy = POLICY.format(script=_source(script), style=_source(style))
    return _template().render(
        report=report,
        policy=policy,
        script=Markup(script),  # our own file, named by its sha256
        style=Markup(style),
        lines=[_line(one) for one in report.entries],
        blocks=list(_blocks(report.entries)),
        block=BLOCK,
        without_script=report.entries[:WITHOUT_SCRIPT],
        bars=sums.bars(report),
        times=sums.times(report),
        matrix=_matrix(report),
        where=_where(report),
        versions=_versions(report),
        counts=_counts(report),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


def _source(text: str) -> str:
    """As a policy names an inline script or style. Source: W3C, "Content Security Policy"."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _line(entry: Entry) -> dict[str, Any]:
    """What the list needs; what is empty is left out."""
    return {name: value for name, value in vars(entry).items() if name != "details" and value}


def _blocks(entries: Sequence[Entry]) -> Iterator[str]:
    """The details of some cases each: JSON, gzip, base64. The same cases make the same block."""
    for begin in range(0, len(entries), BLOCK):
        details = [one.details for one in entries[begin : begin + BLOCK]]
        written = json.dumps(details, default=vars, separators=(",", ":"))
        yield base64.b64encode(gzip.compress(written.encode(), mtime=0)).decode()


def _matrix(report: Report) -> list[dict[str, Any]]:
    """The newest risks, and for each playbook how many samples show that it handles one."""
    if report.coverage is None:
        return []
    modes = {one["name"]: one["recommended_mode"] for one in report.coverage["playbooks"]}
    return [
        {
            "risk": risk(row, modes)[0],
            "none": row["none"],
            "cells": {
                one["playbook"]: f"{len(one['samples'])}{MARK if one['where'] else ''}"
                for one in row["by"]
            },
        }
        for row in listed(report.coverage)
    ]


def _where(report: Report) -> list[str]:
    """Which parameter must be set for what has the mark."""
    if report.coverage is None:
        return []
    marked = {
        (one["playbook"], one["where"])
        for row in listed(report.coverage)
        for one in row["by"]
        if one["where"]
    }
    return [
        f"{MARK} {playbook}: where {parameter} is set" for playbook, parameter in sorted(marked)
    ]


def _versions(report: Report) -> dict[str, str]:
    """Of each framework."""
    rows = report.coverage["versions"] if report.coverage else ()
    return {one["framework"]: one["version"] for one in rows}


def _counts(report: Report) -> dict[str, int]:
    """How many cases of the report each playbook has."""
    counts: dict[str, int] = {}
    for one in report.entries:
        counts[one.playbook] = counts.get(one.playbook, 0) + 1
    return counts
