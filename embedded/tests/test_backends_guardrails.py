"""Guardrails that are there, and the one that an account enforces in a Region."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends
from embedded.backends import NotModelled, guardrails

HERE = backends.here("123456789012", "us-east-1")
CONFIG = {"guardrailIdentifier": "gr1", "guardrailVersion": "1"}


@cache
def client() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client("bedrock", region_name="us-east-1")


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        guardrails.is_there("gr1", "1", HERE)
        guardrails.is_there("gr1", "2", HERE)
        yield client()


def put(bedrock: Any, config: dict[str, Any], **more: str) -> str:
    made = bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=config, **more)
    return str(made["configId"])


def listed(bedrock: Any) -> list[dict[str, Any]]:
    return list(bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"])


def test_guardrail_is_found_by_id_and_arn_in_its_version(bedrock: Any) -> None:
    arn = HERE.arn("bedrock", "guardrail/gr1")
    for named in ("gr1", arn):
        found = bedrock.get_guardrail(guardrailIdentifier=named, guardrailVersion="1")
        assert (found["guardrailArn"], found["version"], found["status"]) == (arn, "1", "READY")
        assert found["contentPolicy"]["filters"] == [guardrails.PROMPT_ATTACKS]


@pytest.mark.parametrize("version", [{"guardrailVersion": "3"}, {}])
def test_version_that_is_not_there_is_not_found(bedrock: Any, version: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        bedrock.get_guardrail(guardrailIdentifier="gr1", **version)


def test_configuration_is_listed_as_put_changed_wholly_and_deleted(bedrock: Any) -> None:
    models = {"includedModels": ["ALL"], "excludedModels": ["amazon.titan-embed-text-v2:0"]}
    config = put(bedrock, {**CONFIG, "modelEnforcement": models})
    (now,) = listed(bedrock)
    assert (now["configId"], now["guardrailId"], now["owner"]) == (config, "gr1", "ACCOUNT")
    assert now["modelEnforcement"] == models
    assert put(bedrock, {**CONFIG, "guardrailVersion": "2"}, configId=config) == config
    (now,) = listed(bedrock)
    assert now["guardrailVersion"] == "2"
    assert "modelEnforcement" not in now
    assert list(guardrails.enforced()) == [config]
    bedrock.delete_enforced_guardrail_configuration(configId=config)
    assert listed(bedrock) == []


def test_what_is_not_there_cannot_be_named(bedrock: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        put(bedrock, {**CONFIG, "guardrailVersion": "9"})
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        put(bedrock, CONFIG, configId="abc")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        bedrock.delete_enforced_guardrail_configuration(configId="abc")
    assert listed(bedrock) == []


@pytest.mark.parametrize("version", ["DRAFT", "0"])
def test_only_a_number_is_a_version_to_enforce(bedrock: Any, version: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        put(bedrock, {**CONFIG, "guardrailVersion": version})


def test_what_aws_does_not_document_is_not_modelled(bedrock: Any) -> None:
    put(bedrock, CONFIG)
    with pytest.raises(NotModelled, match="a second"):
        put(bedrock, CONFIG)
    foreign = "arn:aws:bedrock:us-east-1:444455556666:guardrail/gr1"
    with pytest.raises(NotModelled, match="another account"):
        bedrock.get_guardrail(guardrailIdentifier=foreign, guardrailVersion="1")
    with pytest.raises(ClientError, match="ValidationException"):
        bedrock.list_enforced_guardrails_configuration(nextToken="x")
