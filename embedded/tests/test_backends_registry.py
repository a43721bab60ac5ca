"""The registry: whose account, only under moto, in and out by the service's model."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.handlers import BUILTIN_HANDLERS
from moto import mock_aws
from moto.core.models import botocore_stubber

from embedded import backends
from embedded.backends import registry

OURS, THEIRS, REGION = "123456789012", "210987654321", "eu-west-1"


@cache
def session() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret", region_name=REGION)


@cache
def client(service: str) -> Any:
    return session().client(service)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    session()
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


def opened(ssm: Any) -> str:
    given = {"Title": "t", "Description": "d", "Source": "example"}
    return str(ssm.create_ops_item(**given)["OpsItemArn"])


@pytest.fixture
def respond(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Implement ssm GetOpsItem with whatever a test wants."""

    def backend(result: Any) -> Any:
        def function(params: registry.Params, where: registry.Where) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setitem(registry.IMPLEMENTED, ("ssm", "GetOpsItem"), function)
        return client("ssm").get_ops_item(OpsItemId="oi-000000000000")

    return backend


def test_the_default_account_is_motos() -> None:
    assert opened(client("ssm")).split(":")[4] == OURS


def test_the_environment_names_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", THEIRS)
    assert opened(client("ssm")).split(":")[4] == THEIRS


def test_an_assumed_role_has_its_accounts_state() -> None:
    role = client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{THEIRS}:role/example/member", RoleSessionName="example-1"
    )["Credentials"]
    theirs = session().client(
        "ssm",
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    assert opened(theirs).split(":")[4] == THEIRS
    assert client("ssm").describe_ops_items()["OpsItemSummaries"] == []
    assert len(theirs.describe_ops_items()["OpsItemSummaries"]) == 1


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")],
)
def test_regions_and_partitions_share_nothing(region: str, partition: str) -> None:
    arn = opened(session().client("ssm", region_name=region))
    assert arn.startswith(f"arn:{partition}:ssm:{region}:")
    here = client("ssm").describe_ops_items()["OpsItemSummaries"]
    assert len(here) == (1 if region == REGION else 0)


def test_a_reset_forgets_everything() -> None:
    opened(client("ssm"))
    backends.reset()
    assert client("ssm").describe_ops_items()["OpsItemSummaries"] == []
    opened(client("ssm"))
    botocore = mock_aws(config={"core": {"reset_boto3_session": False}})
    botocore.reset()
    assert client("ssm").describe_ops_items()["OpsItemSummaries"] == []


def test_backends_are_silent_without_moto(monkeypatch: pytest.MonkeyPatch, respond: Any) -> None:
    monkeypatch.setattr(botocore_stubber, "enabled", False)
    sent: list[str] = []

    def refuse_to_leave(**_: Any) -> None:
        sent.append("would leave")
        raise ConnectionError

    ssm = session().client("ssm")
    ssm.meta.events.register("before-send", refuse_to_leave)
    with pytest.raises(ConnectionError):
        ssm.get_ops_item(OpsItemId="oi-000000000000")
    assert sent == ["would leave"]


def test_a_guard_on_the_call_comes_first() -> None:
    ssm = session().client("ssm")

    def guard(**_: Any) -> Any:
        raise PermissionError

    ssm.meta.events.register("before-call", guard)
    with pytest.raises(PermissionError):
        opened(ssm)


def test_installing_twice_hooks_once() -> None:
    before = len(BUILTIN_HANDLERS)
    backends.install()
    assert len(BUILTIN_HANDLERS) == before


def test_two_functions_for_one_operation_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        backends.implements("ssm", "GetOpsItem")(lambda params, where: {})


def test_botocore_still_validates_the_request() -> None:
    with pytest.raises(ParamValidationError):
        client("ssm").create_ops_item(Title=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"OpsItem": {"Title": 1}},
        {"OpsItem": {"Unknown": "x"}},
        {"Opsitem": {}},
        {"OpsItem": {"Status": "Finished"}},
        {"OpsItem": {"OpsItemId": "oi-1"}},
        {"OpsItem": {"Priority": 6}},
        {"OpsItem": {"Title": "t" * 1025}},
        {"OpsItem": {"CreatedTime": "2026-11-24T06:00:00Z"}},
        {"OpsItem": {"CreatedTime": datetime(2026, 11, 24)}},
        {"OpsItem": {"OperationalData": {"k" * 129: {"Value": "v"}}}},
        {"OpsItem": {"RelatedOpsItems": [{}]}},
    ],
)
def test_wrong_backend_stops_the_run(respond: Any, wrong: Any) -> None:
    with pytest.raises(backends.BadResponse):
        respond(wrong)


def test_response_has_a_clients_form(respond: Any) -> None:
    made = datetime(2026, 11, 24, tzinfo=UTC)
    given = {"OpsItem": {"Title": "t", "CreatedTime": made}}
    got = respond(given)
    assert got["OpsItem"] == given["OpsItem"]
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    got["OpsItem"]["Title"] = "changed"
    assert given["OpsItem"]["Title"] == "t"


def test_a_refusal_has_its_modelled_class(respond: Any) -> None:
    ssm = client("ssm")
    with pytest.raises(ssm.exceptions.OpsItemNotFoundException) as caught:
        respond(backends.Refusal("OpsItemNotFoundException", "no such item", Extra="x"))
    assert caught.value.response["Error"]["Message"] == "no such item"
    assert caught.value.response["Extra"] == "x"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_unmodelled_code_stops_the_run(respond: Any) -> None:
    with pytest.raises(backends.BadResponse):
        respond(backends.Refusal("NoSuchBucket", "of another service"))


def test_the_modelled_status_is_used() -> None:
    with pytest.raises(ClientError) as caught:
        client("securityhub").get_findings()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 401


def test_every_backend_is_in_the_model() -> None:
    for service, operation in registry.IMPLEMENTED.keys() | registry.CHECKS.keys():
        names = client(service).meta.service_model.operation_names
        assert operation in (*names, "*"), (service, operation)
