"""Which stacks there are, their events, and those of parameters."""

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount
from embedded.authorization import needs
from embedded.journal import Invoked
from embedded.place import Place
from embedded.required_permission import RequiredPermission

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Ear:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ear
      Handler: ear.handler
      Runtime: python3.13
      Environment: {Variables: {STACK: !Ref AWS::StackId}}
      Events:
        Stack:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.cloudformation]
              detail: {stack-id: [!Ref AWS::StackId]}
        Parameter:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [aws.ssm], detail: {name: [/a/b]}}
"""
OTHER = "arn:aws:cloudformation:us-east-1:111122223333:stack/other/1"


@pytest.fixture
def account(tmp_path: Path) -> Any:
    (tmp_path / "ear").mkdir()
    (tmp_path / "ear" / "ear.py").write_text("def handler(event, _):\n    return event\n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    with EmbeddedAccount(tmp_path / "template.yaml", stack="mine") as entered:
        yield entered


def heard(account: EmbeddedAccount) -> list[dict[str, Any]]:
    account.settle()
    details = [r.result["detail"] for r in account.journal.records if isinstance(r, Invoked)]
    account.journal.records.clear()
    return details


def test_id_ends_with_a_uuid_and_is_the_functions(account: EmbeddedAccount) -> None:
    assert re.fullmatch(r"arn:aws:.*:stack/mine/[0-9a-f]{8}(-[0-9a-f]{4}){3}-.*", account.stack.id)
    assert account.functions["Ear"].environment["STACK"] == account.stack.id


def test_built_stack_is_complete_and_others_are_as_they_are_said_to_be(
    account: EmbeddedAccount,
) -> None:
    cloudformation = account.client("cloudformation")

    def status(name: str) -> str:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    assert status("mine") == status(account.stack.id) == "CREATE_COMPLETE"
    account.set_stack_status("DELETE_IN_PROGRESS", OTHER)
    assert status("other") == "DELETE_IN_PROGRESS"
    assert len(cloudformation.describe_stacks()["Stacks"]) == 2
    account.set_stack_status("DELETE_COMPLETE", OTHER)
    assert status(OTHER) == "DELETE_COMPLETE"
    account.set_stack_status("", account.stack.id)
    for unknown in ("other", account.stack.id):
        with pytest.raises(ClientError, match=r"ValidationError.*does not exist"):
            status(unknown)


def test_events_of_stacks_and_parameters(account: EmbeddedAccount) -> None:
    account.set_stack_status("UPDATE_COMPLETE")
    account.set_stack_status("UPDATE_COMPLETE", OTHER)
    (detail,) = heard(account)
    assert detail["stack-id"] == account.stack.id
    assert detail["status-details"]["status"] == "UPDATE_COMPLETE"
    ssm = account.client("ssm")
    ssm.put_parameter(Name="/a/b", Value="1", Type="String")
    ssm.put_parameter(Name="/a/b", Value="2", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/a/c", Value="1", Type="String")
    ssm.get_parameter(Name="/a/b")
    with pytest.raises(ClientError):
        ssm.put_parameter(Name="/a/b", Value="3", Type="String")
    ssm.delete_parameter(Name="/a/b")
    assert [one["operation"] for one in heard(account)] == ["Create", "Update", "Delete"]


@pytest.mark.parametrize(
    ("service", "operation", "params", "resource"),
    [
        ("cloudformation", "DescribeStacks", {"StackName": OTHER}, OTHER),
        ("ssm", "DeleteParameter", {"Name": "/a/b"}, "parameter/a/b"),
        ("securityhub", "DeleteActionTarget", {"ActionTargetArn": "arn:aws:x"}, "hub/default"),
    ],
)
def test_permissions(service: str, operation: str, params: Any, resource: str) -> None:
    place = Place("111122223333", "us-east-1")
    wanted = resource if resource.startswith("arn:") else place.arn(service, resource)
    known: Any = None
    found = needs(service, service, operation, params, place, known)
    assert found == [RequiredPermission(f"{service}:{operation}", wanted)]
