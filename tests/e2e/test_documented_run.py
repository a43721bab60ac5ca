"""The commands of our pages about a deployed stack, run as they are written.

Those on events alone run where pages are made of them. What another test runs is in ``ELSEWHERE``.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console import cli
from cordon.statuses import CLOSED, Status
from tests.console.test_documented_commands import lines
from tests.e2e.account import ACCOUNT, Account
from tests.e2e.test_playbooks import PUBLIC, staged
from tests.examples import folder_of

BUCKET = "acme-by-arn"
QUESTIONS = (PUBLIC, "guardduty_tor", "macie_public", "guardduty_ransomware_delete")
GIVEN = {  # a placeholder, or a moment that has not come yet
    "ARN": f"arn:aws:s3:::{BUCKET}",
    "FOLDER": "copy",
    "DIR": "copy",
    "X": "cordon",
    "2027-Q1": "2026-Q4",
}
ELSEWHERE = {
    r'"\$@"': "of a shell's function",
    r"(explain|plan|replay) ": "made pages, tests/docs/test_commands.py",
    r"lineage ": "tests/lineage/test_command.py",
    r"sweep": "tests/promises/test_sweep.py",
    r"redeliver": "tests/promises/test_dead_letters.py",
    r"retry": "tests/promises/test_desk.py",
    r"baseline take": "tests/promises/test_baseline.py",
    r".*\bd2b9c23ee24faa8a": "docs/one-case.md is made of a run",
    r"evidence (verify$|verify q1|export)": "needs a night's digest: tests/promises/test_audit.py",
    r"evidence .*--live": "tests/e2e/test_people.py",
    r"report .*--live": "tests/coverage/test_live.py",
}


def here() -> Iterator[list[str]]:
    """The words of each line that is run here."""
    for line in lines():
        if not any(re.match(pattern, line) for pattern in ELSEWHERE):
            yield [GIVEN.get(word, word) for word in shlex.split(line)]


def case_for(account: Account, verb: str, questions: Iterator[str]) -> str:
    """A case that the verb is for, by its id."""
    wanted = {
        "approve": {Status.AWAITING_APPROVAL},
        "reject": {Status.AWAITING_APPROVAL},
        "release": {Status.CONTAINED},
    }.get(verb, set(Status) - CLOSED)
    found = [case for case in account.cases() if case.status in wanted]
    if not found and verb == "release":
        waiting = account.stack.case(case_for(account, "approve", questions))
        account.stack.decide(waiting, "approve", waiting.plan_hash)
        account.settle()
    elif not found:
        account.put(staged(account, next(questions)))
    return found[0].id if found else case_for(account, verb, questions)


def test_each_command_of_our_pages_runs_as_it_is_written(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": account.region,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    account.set(f"modes.{folder_of(PUBLIC)}", "approve")
    account.client("s3").create_bucket(Bucket=BUCKET)
    questions, wrong, ran = iter(QUESTIONS), [], 0

    def run(words: list[str]) -> None:
        done = CliRunner().invoke(cli.app, words, input="y\n")
        if done.exit_code:
            wrong.append((words, done.exit_code, repr(done.exception), done.output[-300:]))

    run(["evidence", case_for(account, "evidence", questions), "--to", "copy"])
    for words in here():
        given = [case_for(account, words[0], questions) if one == "CASE" else one for one in words]
        run(given)
        if words[0] == "stop":
            run(["start"])
        account.settle()
        ran += 1
    assert (wrong, ran > 25) == ([], True)
