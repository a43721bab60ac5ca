"""`cordon lineage`: a tree for people, JSON for programs, and no text that a terminal obeys."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from console import lineage as command
from console.cli import app
from console.stack import NotPossible
from cordon.lineage import Found, Unread
from cordon.lineage.walk import Read

BUCKET = "arn:aws:s3:::acme-data"
HOSTILE = "s3://acme-data/\x1b[31m[bold]\u202edata"
KNOWN = {
    BUCKET: Read([Found("arn:aws:sagemaker:us-east-1:1:artifact/d", "DataSet", HOSTILE)]),
    "arn:aws:sagemaker:us-east-1:1:artifact/d": Read(
        [Found("arn:j", "job", "arn:aws:sagemaker:us-east-1:1:training-job/j")],
        [Unread("ListX\nnot read: forged", "access is denied")],
    ),
}


class Known:
    """A reader that has these, in place of AWS."""

    def __init__(self, *_: Any) -> None:
        pass

    def read(self, these: Sequence[Found]) -> Sequence[Read]:
        return [KNOWN.get(one.id, Read()) for one in these]


class Caller:
    """Who calls: the only call beside the reader's."""

    def __init__(self, *_: Any) -> None:
        pass

    def client(self, _service: str) -> "Caller":
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/a/b"}


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "AwsReader", Known)
    monkeypatch.setattr(command, "AwsClients", Caller)


def test_tree_has_names_as_text_and_says_what_is_not_known() -> None:
    ended = CliRunner().invoke(app, ["lineage", BUCKET])
    assert ended.exit_code == 3
    assert "training-job/j" in ended.stdout
    assert "[bold]" in ended.stdout
    assert not {"\x1b", "\u202e"} & set(ended.output)
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == [
        "not read",
        "Only account 123456789012, us-east-1 was read. Copies that were made outside of jobs of "
        "SageMaker and Bedrock are not seen.",
    ]


def test_json_has_the_path_to_each() -> None:
    ended = CliRunner().invoke(
        app, ["lineage", BUCKET, "--output", "json", "--region", "us-east-1"]
    )
    said = json.loads(ended.stdout)
    assert [node["path"] for node in said["nodes"]][1] == [
        BUCKET,
        "arn:aws:sagemaker:us-east-1:1:artifact/d",
        "arn:j",
    ]
    assert (len(said["unread"]), said["truncated"], said["region"]) == (1, [], "us-east-1")


def test_rows_are_the_nodes_of_the_document() -> None:
    """What was not read is said beside them, and in the exit status."""
    document = CliRunner().invoke(app, ["lineage", BUCKET, "--output", "json"])
    ended = CliRunner().invoke(app, ["lineage", BUCKET, "--output", "jsonl"])
    assert list(map(json.loads, ended.stdout.splitlines())) == json.loads(document.stdout)["nodes"]
    assert ended.exit_code == 3 and "not read" in ended.stderr


def test_what_is_no_start_is_said() -> None:
    ended = CliRunner().invoke(app, ["lineage", "acme-data"])
    assert isinstance(ended.exception, NotPossible)


def test_what_aws_refuses_rises_to_be_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of every command, with the exit status of AWS's refusals (tests/console)."""
    denied = ClientError({"Error": {"Code": "ExpiredToken", "Message": ""}}, "GetCallerIdentity")

    def refused(*_: Any) -> Any:
        raise denied

    monkeypatch.setattr(command, "AwsClients", refused)
    ended = CliRunner().invoke(app, ["lineage", BUCKET, "--region", "us-east-1"])
    assert ended.exception is denied
