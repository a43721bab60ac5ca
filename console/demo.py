"""`cordon demo`: Cordon at work on five findings, in an AWS account that an emulator plays here.

The account is that of the end-to-end tests (``tests/e2e/account.py``), in an environment of its
own. It is no AWS account: docs/emulators.md says what it plays, and what it does not.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from console import case_list, page, tables
from console.exits import Exit
from console.options import ROOT
from console.stack import NotPossible
from console.tables import Column
from cordon.memory.cases import Case
from cordon.settings import Mode
from cordon.statuses import Status

if TYPE_CHECKING:
    from tests.e2e.account import Account

out = Console()
errors = Console(stderr=True)

FINDINGS: Mapping[str, Mode] = {  # sample below events/ → the mode that its playbook is given
    "guardduty_anonymous_access": Mode.APPROVE,
    "guardduty_cost_harvesting": Mode.ENFORCE,
    "guardduty_persistence": Mode.OBSERVE,
    "guardduty_root_credential_usage": Mode.ENFORCE,
    "securityhub_sagemaker_1": Mode.ENFORCE,
}
CAME = (
    Column("mode", whole=True),
    Column("status", whole=True),
    Column("case", whole=True),
    Column("finding", of=lambda row: row["title"]),
)
NEEDED = (ROOT / ".e2e" / "bin" / "python", ROOT / ".aws-sam" / "build" / "template.yaml")
NO_AWS = (
    "An emulator plays an AWS account on this machine. It is not AWS:",
    "docs/emulators.md says what it plays, and what it does not.",
    "The template is deployed unchanged, with the SAM CLI; its roles are enforced.",
)
PROGRAM = ".venv/bin/cordon"


def demo(output: tables.OUTPUT = tables.Output.TABLE) -> None:
    """Deploy into an emulated account on this machine, and let Cordon respond to five findings.

    No AWS account is needed, and none is used. It says what to type next, and keeps the account
    until you press Enter, or input ends; then nothing of it is left. With --output the five cases
    are rows, and all else is on standard error.
    """
    missing = [str(path.relative_to(ROOT)) for path in NEEDED if not path.exists()]
    if missing:
        raise NotPossible(
            f"{' and '.join(missing)}: not there. make demo makes them, and starts it"
        )
    began, to = time.monotonic(), out if output is tables.Output.TABLE else errors
    with _account() as account:
        page.lines(NO_AWS, to)
        cases = _played(account, lambda said: _step(began, said, to))
        page.lines(["", "What came of them"], to, style="bold")
        tables.write([_row(*one) for one in cases], CAME, output, out)
        out.file.flush()  # a program reads them before Enter
        page.lines(["", "What to type next, in another terminal, in this folder"], to, style="bold")
        page.lines(next_commands(account.endpoint, account.region, [c for _, c in cases]), to)
        page.lines(["", f"{_seconds(began)}  Enter ends it: nothing of the account is left."], to)
        if sys.stdin is not None:  # closed, it has ended
            sys.stdin.readline()


@contextmanager
def _account() -> Iterator["Account"]:
    """An emulated account, until the context is left, however that comes."""
    from tests.e2e.account import emulator

    def ended(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, ended)
    with tempfile.TemporaryDirectory(prefix="cordon-demo-") as folder:
        try:
            with emulator(Path(folder) / "log") as account:
                yield account
        except (AssertionError, subprocess.TimeoutExpired) as why:
            page.lines(str(why).splitlines(), errors)
            raise typer.Exit(Exit.NOT_POSSIBLE) from None


def _played(account: "Account", step: Callable[[str], None]) -> list[tuple[Mode, Case]]:
    """The stack is deployed, and each finding has come; the cases, with their playbooks' modes."""
    step("the account is there; sam deploy of the built template")
    account.client("securityhub").enable_security_hub()
    samples = {next(ROOT.glob(f"events/*/{name}.json")): mode for name, mode in FINDINGS.items()}
    modes = {path.parent.name: str(mode) for path, mode in samples.items()}
    account.deploy(modes=modes)
    step(f"the stack {account.name} is deployed; five findings come")
    cases: list[tuple[Mode, Case]] = []
    for path, mode in samples.items():
        event = json.loads(path.read_text())
        account.stage(event)
        account.put(event)
        known = {case.id for _, case in cases}
        cases += [(mode, case) for case in account.cases() if case.id not in known]
        step(f"{event['detail-type']}: {path.stem}")
    return cases


def _row(mode: Mode, case: Case) -> dict[str, Any]:
    return {"mode": str(mode), **case_list.row(case)}


def next_commands(endpoint: str, region: str, cases: Sequence[Case]) -> list[str]:
    """Each as a shell reads it: whose account, and then a case's way there and back."""
    first = {case.status: case.id for case in reversed(cases)}
    waiting, held = first[Status.AWAITING_APPROVAL], first[Status.CONTAINED]
    return [
        "unset AWS_PROFILE AWS_SESSION_TOKEN",
        f"export AWS_ENDPOINT_URL={endpoint} AWS_REGION={region}",
        "export AWS_ACCESS_KEY_ID=111122223333 AWS_SECRET_ACCESS_KEY=test",
        f"{PROGRAM} cases",
        f"{PROGRAM} show {waiting}",
        f"{PROGRAM} approve {waiting} --wait",
        f"{PROGRAM} release {held} --wait",
        f"{PROGRAM} show {held} --timeline",
        f"{PROGRAM} evidence {held}",
    ]


def _step(began: float, said: str, to: Console) -> None:
    page.lines([f"{_seconds(began)}  {said}"], to)


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:4.0f} s"


COMMANDS = {demo: "cordon demo"}
