"""docs/performance.md: each measurement has its section between two marks with its name."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def write(name: str, text: str) -> None:
    """Replace the section, or add it at the end if there is none."""
    begin, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    page = PAGE.read_text()
    section = f"{begin}\n{text.strip()}\n{end}"
    if begin in page:
        before, _, rest = page.partition(begin)
        after = rest.partition(end)[2]
        page = f"{before}{section}{after}"
    else:
        page = f"{page.rstrip()}\n\n{section}\n"
    PAGE.write_text(page)


def machine() -> str:
    """The date and machine of a measurement."""
    cores = os.cpu_count()
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{datetime.now(UTC):%Y-%m-%d}, {model}, {cores} cores, {platform.system()}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, texts: int = 1) -> str:
    """A Markdown table. The first ``texts`` columns are text, the others are figures."""
    marks = (*["---"] * texts, *["--:"] * (len(head) - texts))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))
