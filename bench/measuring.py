"""Runs a package as its function would be run, with recorded answers in place of AWS."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INSIDE = HERE / "inside"
REFS = re.compile(r"I +refs: +([\d,]+)")
CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
CREDENTIALS = {  # as Lambda sets them
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}


@dataclass(frozen=True)
class Package:
    """A built layer and a built function's folder, and who runs them."""

    layer: Path  # what is /opt/python on Lambda
    function: Path  # /var/task
    python: Path  # the runtime's interpreter

    def environment(self, recorded: Path, port: int) -> dict[str, str]:
        """The function's, with its endpoint here. The file system is read-only, as on Lambda."""
        given: Mapping[str, str] = self.told(recorded)["environment"]
        paths = (INSIDE, self.function, self.layer)
        return {
            "PATH": os.environ["PATH"],
            **CREDENTIALS,
            **given,
            "AWS_DEFAULT_REGION": given["AWS_REGION"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "BENCH_RECORDED": str(recorded),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": ":".join(map(str, paths)),
        }

    def told(self, recorded: Path) -> dict[str, Any]:
        """What was recorded: event, arn, environment, answers."""
        return dict(json.loads(recorded.read_text()))

    def run(self, recorded: Path, events: int, *, counts: bool = False) -> dict[str, Any]:
        """Import the handler and give it the event so often; what it told."""
        command = [str(self.python), str(INSIDE / "first_event.py"), str(events)]
        with answering(recorded) as port:
            said = _output(command + ["counts"] * counts, self.environment(recorded, port))
        told: dict[str, Any] = json.loads(said.splitlines()[-1])
        return told

    def instructions(self, recorded: Path, events: int) -> int:
        """Instructions of the same, from the interpreter's start to its end."""
        command = [str(self.python), str(INSIDE / "first_event.py"), str(events)]
        with answering(recorded) as port:
            return counted(command, self.environment(recorded, port))


def counted(command: list[str], environment: Mapping[str, str]) -> int:
    """Instructions of a command, by cachegrind. It must end well."""
    ran = subprocess.run(
        [*CACHEGRIND, *command], env=dict(environment), capture_output=True, text=True
    )
    found = REFS.search(ran.stderr)
    if ran.returncode or found is None:
        raise RuntimeError(f"{' '.join(command)}:\n{ran.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    ran = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return ran.stdout


@contextmanager
def answering(recorded: Path) -> Iterator[int]:
    """A process that answers as recorded, as long as it is needed; its port."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "aws_stub.py"), str(recorded)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
