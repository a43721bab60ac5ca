"""What AWS refuses is one line with what to do, by kind, and no traceback."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from console import cli
from console.aws_errors import explained
from console.exits import MEANINGS, Exit
from console.stack import NotPossible, NotTaken, Stack

ROOT = Path(__file__).parents[2]
ADA = "User: arn:aws:iam::111122223333:user/ada is not authorized to perform: "


def refusal(code: str, message: str = "", operation: str = "Query") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            refusal("AccessDeniedException", f"{ADA}dynamodb:Query on resource: arn:x"),
            "missing is dynamodb:Query: docs/policies/approver.json, docs/policies/auditor.json, "
            "docs/policies/reader.json",
        ),
        (refusal("AccessDenied", "Access Denied", "ListObjectVersions"), "s3:ListBucketVersions"),
        (
            refusal("AccessDenied", f"{ADA}dynamodb:Query with an explicit deny in a policy"),
            "denies it explicitly",
        ),
        (refusal("AccessDenied", f"{ADA}iam:PassRole"), "no ready policy has it"),
        (refusal("AccessDenied", "no"), "deciding.md#who-may-decide"),
        (refusal("ExpiredToken"), "have expired"),
        (refusal("UnrecognizedClientException"), "does not know your credentials"),
        (refusal("ThrottlingException"), "wait a minute"),
        (refusal("ResourceNotFoundException"), "--stack, --region"),
        (refusal("InternalError", "we are sorry"), "Query: InternalError: we are sorry"),
        (boto.NoCredentialsError(), "aws configure"),
        (boto.ProfileNotFound(profile="x"), "list-profiles"),
        (boto.UnauthorizedSSOTokenError(), "aws sso login"),
        (boto.NoRegionError(), "AWS_REGION"),
        (boto.EndpointConnectionError(endpoint_url="https://x"), "is the Region right"),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), "is there a network"),
        (boto.SSLError(endpoint_url="https://x", error="e"), "AWS_CA_BUNDLE"),
        (boto.ParamValidationError(report="r"), "ParamValidationError"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_error_is_one_line_with_what_to_do(error: Any, says: str) -> None:
    said = explained(error)
    assert says in said
    assert "\n" not in said


def test_hostile_message_is_escaped() -> None:
    assert "\x1b" not in explained(refusal("AccessDenied", "\x1b[31m\nx"))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refusal("ExpiredToken"), 4),
        (boto.NoCredentialsError(), 4),
        (TimeoutError("rows not read"), 4),
        (NotPossible("no"), 2),
        (NotTaken("no response"), 4),
        (OSError(28, "No space left on device"), 70),
        (ValueError("Invalid endpoint: nonsense"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_command_ends_with_its_status_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Any, status: int
) -> None:
    def named(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(Stack, "named", named)
    monkeypatch.setattr("sys.argv", ["cordon", "cases"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == status
    assert len(capsys.readouterr().err.splitlines()) == (status != Exit.ENDED)


def test_fault_says_where_it_is_and_is_shown_to_whoever_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: dict[str, str]()["x"])
    monkeypatch.setattr("sys.argv", ["cordon", "cases"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert "\n" not in said.rstrip("\n")
    assert "a fault of Cordon: KeyError: 'x' (test_aws_errors.py:" in said
    monkeypatch.setenv(cli.TRACEBACK, "1")
    with pytest.raises(KeyError):
        cli.main()


def test_endpoint_that_is_no_url_is_no_fault_of_cordon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    monkeypatch.setattr("sys.argv", ["cordon", "cases", "--region", "eu-west-3"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert "Invalid endpoint: nonsense" in said and "AWS_ENDPOINT_URL" in said
    assert "fault of Cordon" not in said


def described(**stack: Any) -> Stack:
    """What is found of a stack that DescribeStacks describes so."""
    cloudformation = boto3.client("cloudformation", region_name="eu-west-3")
    session: Any = SimpleNamespace(client=lambda _: cloudformation)
    common = {
        "StackName": "x",
        "StackId": "arn:x",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
    }
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", {"Stacks": [{**common, **stack}]})
        return Stack.named("x", session)


@pytest.mark.parametrize("outputs", [{}, {"Outputs": [{"OutputKey": "X", "OutputValue": "y"}]}])
def test_stack_of_something_else_is_none_of_cordons(outputs: dict[str, Any]) -> None:
    with pytest.raises(
        NotPossible, match=r"x in eu-west-3 \(REVIEW_IN_PROGRESS\) has not the outp"
    ):
        described(StackStatus="REVIEW_IN_PROGRESS", **outputs)


def test_output_that_a_stack_does_not_have_is_said() -> None:
    """Of a stack of an earlier version, whatever the command is."""
    names = ("CasesTableName", "EvidenceBucket")
    outputs = [{"OutputKey": name, "OutputValue": name} for name in names]
    found = described(StackStatus="CREATE_COMPLETE", Outputs=outputs)
    with pytest.raises(NotPossible, match="no output AlertsTopic: it was deployed by another vers"):
        found.account.upper()


DEVICES = ("> /dev/full", "<&- >&- 2>&-", "> /dev/full 2> /dev/full", "2>&-")


@pytest.mark.drawn(1 / 4)
@pytest.mark.parametrize("words", ["playbooks", "--help", "explain -", "nonsense"])
@pytest.mark.parametrize("devices", DEVICES)
def test_a_full_or_closed_output_is_no_traceback(words: str, devices: str) -> None:
    line = f'"{sys.executable}" "{ROOT}/console" {words} {devices}'
    done = subprocess.run(
        line, shell=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr
    assert words == "nonsense" or len(done.stderr.splitlines()) <= 1  # its usage is beside it
    assert done.returncode != 120
    if "full" in devices and words in ("playbooks", "--help"):
        assert done.returncode == Exit.FAILED


@pytest.mark.parametrize(
    ("listing", "says"),
    [
        ("AccessDenied", "Whether one was deleted is unknown"),
        ("", "nor was one deleted in the last 90 days"),
    ],
)
def test_stack_that_is_not_there_names_the_region(listing: str, says: str) -> None:
    """Also where the ready policies, which allow no list of stacks, keep it from being known."""
    cloudformation = boto3.client("cloudformation", region_name="eu-west-3")
    session: Any = SimpleNamespace(client=lambda _: cloudformation)
    with Stubber(cloudformation) as stub:
        missing = "Stack with id cordon does not exist"
        stub.add_client_error("describe_stacks", "ValidationError", missing)
        if listing:
            stub.add_client_error("list_stacks", listing)
        else:
            stub.add_response("list_stacks", {"StackSummaries": []})
        with pytest.raises(NotPossible, match="no stack cordon in eu-west-3") as why:
            Stack.named("cordon", session)
    assert says in str(why.value)


def test_page_and_help_have_every_exit_status() -> None:
    page = (ROOT / "docs" / "operating" / "commands.md").read_text()
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert rows == {str(status): meaning for status, meaning in MEANINGS.items()}
    assert cli.app.info.epilog and all(one in cli.app.info.epilog for one in MEANINGS.values())


def test_each_status_that_the_code_names_is_in_the_table() -> None:
    """Whatever a verb ends with by a number of its own, as `lineage` does."""
    code = "\n".join(one.read_text() for one in (ROOT / "console").rglob("*.py"))
    named = {int(one) for one in re.findall(r"typer.Exit\((\d+)", code)}
    assert {1} <= named
    assert named | {int(one) for one in Exit} <= MEANINGS.keys()
