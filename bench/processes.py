"""Pairs of processes, one after the other, so that a busy machine slows both of them alike."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Command:
    """A process that prints JSON in its last line, with ``seconds``."""

    words: Sequence[str]
    environment: Mapping[str, str]
    folder: Path

    def run(self) -> dict[str, Any]:
        """What it prints. RuntimeError if it fails."""
        process = subprocess.run(
            [*self.words],
            env=dict(self.environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if process.returncode:
            raise RuntimeError(f"{' '.join(self.words)}:\n{process.stderr[-3000:]}")
        result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
        return result


@contextmanager
def serving(script: Path, *words: str) -> Iterator[int]:
    """Run a server that prints its port and serves until its input ends. Yields the port."""
    server = subprocess.Popen(
        [sys.executable, str(script), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


def interleaved(number: int, *measures: Callable[[], float]) -> list[tuple[float, ...]]:
    """Each measure in turn, ``number`` times."""
    return [tuple(measure() for measure in measures) for _ in range(number)]


def medians(rows: Sequence[tuple[float, ...]]) -> list[tuple[float, float]]:
    """By column: the median, and the median of its ratios to the first column of the same row."""
    columns = list(zip(*rows, strict=True))
    return [
        (
            statistics.median(column),
            statistics.median(a / b for a, b in zip(column, columns[0], strict=True)),
        )
        for column in columns
    ]
