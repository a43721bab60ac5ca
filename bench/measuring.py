"""Runs a package like its function, with recorded responses in place of AWS."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import serving

HERE = Path(__file__).parent
INSIDE = HERE / "inside"
REFS = re.compile(r"I +refs: +([\d,]+)")
CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
CREDENTIALS = {  # the variables that Lambda sets
    "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}


@dataclass(frozen=True)
class Package:
    """A built layer, a built function's folder, and the interpreter."""

    layer: Path  # /opt/python on Lambda
    function: Path  # /var/task on Lambda
    python: Path  # the runtime's interpreter

    def environment(self, recorded: Path, port: int) -> dict[str, str]:
        """The function's variables, with the local endpoint. No files are written, as on Lambda."""
        own: Mapping[str, str] = self.invocation(recorded)["environment"]
        paths = (INSIDE, self.function, self.layer)
        return {
            "PATH": os.environ["PATH"],
            **CREDENTIALS,
            **own,
            "AWS_DEFAULT_REGION": own["AWS_REGION"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "BENCH_RECORDED": str(recorded),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": ":".join(map(str, paths)),
        }

    def invocation(self, recorded: Path) -> dict[str, Any]:
        """The recorded invocation: event, arn, environment, responses."""
        return dict(json.loads(recorded.read_text()))

    def run(
        self, recorded: Path, events: int, *, counts: bool = False, calls: bool = False
    ) -> dict[str, Any]:
        """Import the handler, pass it the event ``events`` times, and return its output.

        Without the interpreter's own packages (-S): Debian's has some that are not on Lambda.
        """
        command = [str(self.python), "-S", str(INSIDE / "first_event.py"), str(events)]
        with aws_stub(recorded) as port:
            words = [*command, *["counts"] * counts, *["calls"] * calls]
            output = _output(words, self.environment(recorded, port))
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        return result

    def instructions(self, recorded: Path, events: int) -> int:
        """The instructions of ``run``, from the start of the interpreter to its end."""
        command = [str(self.python), str(INSIDE / "first_event.py"), str(events)]
        with aws_stub(recorded) as port:
            return counted(command, self.environment(recorded, port))


def counted(command: list[str], environment: Mapping[str, str], folder: Path | None = None) -> int:
    """The instructions of a command, by cachegrind. RuntimeError if the command fails."""
    process = subprocess.run(
        [*CACHEGRIND, *command],
        env=dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    match = REFS.search(process.stderr)
    if process.returncode or match is None:
        raise RuntimeError(f"{' '.join(command)}:\n{process.stderr[-2000:]}")
    return int(match[1].replace(",", ""))


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    process = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(command)}:\n{process.stdout[-2000:]}{process.stderr[-2000:]}"
        )
    return process.stdout


@contextmanager
def aws_stub(recorded: Path) -> Iterator[int]:
    """Run the stub of AWS with recorded responses. Yields its port."""
    with serving(HERE / "aws_stub.py", str(recorded)) as port:
        yield port
