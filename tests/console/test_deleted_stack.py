"""Each verb's example on a stack that is deleted, of which the table and the evidence are left."""

import shlex
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from console import cli
from console.stack import NotPossible, Outputs, Stack
from cordon.statuses import Status
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


@pytest.mark.parametrize("name", sorted(set(VERBS) - set(OF_THE_ACCOUNT)))
def test_each_verb_does_what_is_left_or_says_that_it_is_deleted(
    name: str, deleted: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setattr(Stack, "named", lambda *_: deleted)
    (example,) = [one for one in (VERBS[name].epilog or "").split("`") if one.startswith("cordon")]
    words = [AS_TYPED.get(one, one) for one in shlex.split(example)[1:]]
    words += [MORE[name]] if name in MORE else []
    done = CliRunner().invoke(cli.app, words, input="y\n")
    assert isinstance(done.exception, SystemExit | NotPossible | None), done.exception
    if name in DECIDES:
        assert "put back manually what `cordon evidence` shows" in str(done.exception)
