"""Each verb's example on a stack that is deleted, or whose account refuses each call.

What is deleted leaves its table and its evidence. No verb ends with a traceback.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from typer.testing import CliRunner, Result

from console import cli
from console.options import ROOT
from console.stack import NotPossible, Outputs, Stack
from cordon.statuses import Status
from embedded.template import load
from tests.actions.scenario import account
from tests.examples import QUARANTINE, path_of
from tests.memory.table import NAME, create
from tests.reporting.cases import CASE, a_case
from tests.verbs import verbs

VERBS = {name: one for name, one in verbs() if "region" in {p.name for p in one.params}}
AS_TYPED = {
    "NAME": QUARANTINE.name,
    "event.json": str(path_of("securityhub_s3_2")),
    "7c98": CASE,
    "2027-Q1": "2026-Q4",
}
MORE = {"plan": "--live", "evidence case": "--live", "stop": "--direct", "explain": CASE}
DECIDES = ("approve", "reject", "release", "retry", "contain", "redeliver")
OF_THE_ACCOUNT = ("lineage", "coverage")  # they read no stack, or say that there is none


@pytest.fixture(scope="module")
def deleted() -> Iterator[Stack]:
    with account() as aws:
        create(aws.client("dynamodb"))
        aws.client("s3").create_bucket(Bucket="evidence")
        left = {"CasesTableName": NAME, "EvidenceBucket": "evidence"}
        stack = Stack(aws.client, Outputs(left, "it is deleted"), deleted=True, name="cordon")
        stack.cases(QUARANTINE.name).open(a_case(Status.AWAITING_APPROVAL))
        yield stack


def run(name: str, stack: Stack) -> Result:
    """The verb's example, and what it reads only with an option, on this stack."""
    (example,) = [one for one in (VERBS[name].epilog or "").split("`") if one.startswith("cordon")]
    words = [AS_TYPED.get(one, one) for one in shlex.split(example)[1:]]
    words += [MORE[name]] if name in MORE else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "named", lambda *_: stack)
        return CliRunner().invoke(cli.app, words, input="y\n")


@dataclass
class Refusing:
    """A client of any service: each call of it fails so, and each page of a paginator."""

    error: Exception

    def __getattr__(self, operation: str) -> Any:
        return self._fails if operation != "get_paginator" else lambda _: self

    def _fails(self, **_: Any) -> Any:
        raise self.error

    def paginate(self, **_: Any) -> Iterator[Any]:
        raise self.error
        yield


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeAnything")
ERRORS = (
    DENIED,
    ClientError({"Error": {"Code": "ExpiredToken", "Message": "no"}}, "DescribeAnything"),
    ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "DescribeAnything"),
    EndpointConnectionError(endpoint_url="https://x"),
    ReadTimeoutError(endpoint_url="https://x"),
)
OUTPUTS = {
    name: f"arn:aws:sns:us-east-1:111122223333:{name}"
    for name in load((ROOT / "template.yaml").read_text())["Outputs"]
}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("name", sorted(set(VERBS) - set(OF_THE_ACCOUNT)))
@pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
def test_each_verb_says_what_the_account_refuses(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    client = Refusing(error)

    def desk(*_: Any) -> Any:
        raise error

    outputs = Outputs(OUTPUTS, "it was deployed by another version")
    stack = Stack(lambda *_, **__: client, outputs, desk=desk, stack_id="a:a:a:b:c:d/x", name="x")
    done = run(name, stack)
    is_said = (SystemExit, NotPossible, ClientError, BotoCoreError, TimeoutError, type(None))
    assert isinstance(done.exception, is_said), (done.exception, done.output)
    assert done.exit_code != 0 or name in ("attest", "explain", "plan", "sweep"), done.output


@pytest.mark.parametrize("name", sorted(set(VERBS) - set(OF_THE_ACCOUNT)))
def test_each_verb_does_what_is_left_or_says_that_it_is_deleted(
    name: str, deleted: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(name, deleted)
    assert isinstance(done.exception, SystemExit | NotPossible | None), done.exception
    if name in DECIDES:
        assert "put back manually what `cordon evidence` shows" in str(done.exception)
