"""Notebook instances: each call only from the statuses that AWS names; the rest is not modelled."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends
from embedded.backends import NotModelled, notebooks

OURS, REGION = "123456789012", "us-east-1"
HERE = backends.here(OURS, REGION)
NAME = "Lab-1"


@cache
def sagemaker() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client("sagemaker", region_name=REGION)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(NotebookInstanceName=NAME, **params)
    found = error.value.response["Error"]
    return f"{found['Code']}: {found['Message']}"


def status() -> str:
    shown = sagemaker().describe_notebook_instance(NotebookInstanceName=NAME)
    assert shown["NotebookInstanceArn"] == HERE.arn("sagemaker", "notebook-instance/lab-1")
    return str(shown["NotebookInstanceStatus"])


def test_each_change_is_only_from_the_statuses_that_aws_names() -> None:
    client = sagemaker()
    assert "RecordNotFound" in refused(client.describe_notebook_instance)
    notebooks.make(NAME, HERE, lifecycle="on-start")
    for call in (client.start_notebook_instance, client.update_notebook_instance):
        assert "Status (InService) not in ([Stopped, Failed])" in refused(call)
    client.stop_notebook_instance(NotebookInstanceName=NAME)
    assert "Status (Stopped) not in ([InService])" in refused(client.stop_notebook_instance)
    disabled = {"RootAccess": "Disabled", "DisassociateLifecycleConfig": True}
    client.update_notebook_instance(NotebookInstanceName=NAME, **disabled)
    shown = client.describe_notebook_instance(NotebookInstanceName=NAME)
    assert shown["RootAccess"] == "Disabled"
    assert "NotebookInstanceLifecycleConfigName" not in shown


def test_slow_notebook_passes_through_its_statuses() -> None:
    notebooks.make(NAME, HERE)
    notebooks.slow(NAME, HERE, readings=2)
    sagemaker().stop_notebook_instance(NotebookInstanceName=NAME)
    assert [status() for _ in range(3)] == ["Stopping", "Stopping", "Stopped"]


def test_list_has_pages_and_no_filter() -> None:
    for number in range(103):
        notebooks.make(f"Lab-{number}", HERE)
    pages = [*sagemaker().get_paginator("list_notebook_instances").paginate()]
    assert [len(page["NotebookInstances"]) for page in pages] == [100, 3]
    with pytest.raises(NotModelled):
        sagemaker().list_notebook_instances(NameContains="lab")


def test_platform_that_is_no_longer_supported_is_refused() -> None:
    notebooks.make(NAME, HERE, status="Stopped")
    update = sagemaker().update_notebook_instance
    assert "notebook-al2-v1" in refused(update, PlatformIdentifier="notebook-al2-v1")
    assert "ValidationException" in refused(update, PlatformIdentifier="windows")
