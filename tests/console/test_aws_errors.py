"""What AWS refuses is one line with what to do, by kind, and no traceback."""

import re
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
from console.exits import MEANINGS
from console.stack import NotPossible, Stack

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
    assert len(capsys.readouterr().err.splitlines()) == 1


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
    rows = dict(re.findall(r"^\| (\d) \| (.+) \|$", page, re.MULTILINE))
    assert rows == {str(status): meaning for status, meaning in MEANINGS.items()}
    assert cli.app.info.epilog and all(one in cli.app.info.epilog for one in MEANINGS.values())
