"""``python -m bench cold`` measures and prints a section of docs/performance.md.

Several in one command: ``python -m bench path cost warm``. Options follow the name they belong to.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import typer

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "cordon"), str(ROOT / "functions"), str(ROOT)]

from bench import cold, console_start, cost, path, replay, report, warm  # noqa: E402  (needs the paths above)
from bench.storm import backlog  # noqa: E402
from bench.storm import section as storm  # noqa: E402

SECTIONS: dict[str, Callable[..., None]] = {
    "cold": cold.main,
    "path": path.main,
    "cost": cost.main,
    "warm": warm.main,
    "replay": replay.main,
    "storm": storm.main,
    "report": report.main,
    "console": console_start.main,
    "sweep": backlog.main,
}
app = typer.Typer(no_args_is_help=True, add_completion=False)
app.callback()(lambda: None)
for name, main in SECTIONS.items():
    app.command(name)(main)


def commands(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """One command for each section's name, with the options after it."""
    starts = [place for place, word in enumerate(words) if word in SECTIONS] or [0]
    for start, end in zip([0, *starts[1:]], [*starts[1:], len(words)], strict=True):
        yield words[start:end]


if __name__ == "__main__":
    for command in commands(sys.argv[1:]):
        try:
            app(command)
        except SystemExit as ended:
            if ended.code:
                raise
