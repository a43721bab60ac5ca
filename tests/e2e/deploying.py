"""``sam deploy`` of a built template into an emulated account."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from embedded.template import load
from tests.e2e.waiting import HANGS

ROOT = Path(__file__).parents[2]


def sam_deploy(template: Path, keys: Mapping[str, str], *options: str) -> str:
    """What the CLI printed, with these variables in its environment and no others of AWS;
    AssertionError where it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= {**keys, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
    with _in_json(template) as path:
        command = [
            *(sys.executable, "-m", "samcli", "deploy"),
            *("--template-file", str(path)),
            *("--config-file", str(ROOT / "samconfig.toml")),  # else sought beside the template
            *("--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"),
            *options,
        ]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANGS
        )
    if ran.returncode:
        raise AssertionError(f"sam deploy failed:\n{ran.stdout[-4000:]}\n{ran.stderr[-2000:]}")
    return ran.stdout


@contextmanager
def _in_json(template: Path) -> Iterator[Path]:
    """The template as it is, in JSON beside it: the CLI reads it several times in a deployment,
    and YAML of this size takes it two seconds of CPU each time."""
    written = json.dumps(load(template.read_text()))
    with NamedTemporaryFile("w", dir=template.parent, suffix=".json") as file:
        file.write(written)
        file.flush()
        yield Path(file.name)
