"""Tags of SageMaker, Bedrock, its agents, AgentCore and buckets: set, replaced, taken away."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from embedded import backends

OURS, REGION = "123456789012", "us-east-1"
HERE = backends.here(OURS, REGION)


@cache
def client(service: str) -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client(service, region_name=REGION)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


@dataclass(frozen=True)
class Api:
    """One service's three calls, in one form."""

    service: str
    arn: str
    unknown: str  # error codes
    full: str

    def add(self, arn: str | None = None, **tags: str) -> None:
        self.put(arn or self.arn, tags)

    def put(self, arn: str, tags: dict[str, str]) -> None:
        one, listed = client(self.service), [{"Key": k, "Value": v} for k, v in tags.items()]
        if self.service == "sagemaker":
            one.add_tags(ResourceArn=arn, Tags=listed)
        elif self.service == "s3control":
            one.tag_resource(AccountId=OURS, ResourceArn=arn, Tags=listed)
        elif self.service == "bedrock":
            low = [{"key": k, "value": v} for k, v in tags.items()]
            one.tag_resource(resourceARN=arn, tags=low)
        else:
            one.tag_resource(resourceArn=arn, tags=tags)

    def remove(self, *keys: str) -> None:
        one, listed = client(self.service), list(keys)
        if self.service == "sagemaker":
            one.delete_tags(ResourceArn=self.arn, TagKeys=listed)
        elif self.service == "s3control":
            one.untag_resource(AccountId=OURS, ResourceArn=self.arn, TagKeys=listed)
        elif self.service == "bedrock":
            one.untag_resource(resourceARN=self.arn, tagKeys=listed)
        else:
            one.untag_resource(resourceArn=self.arn, tagKeys=listed)

    def read(self, arn: str | None = None) -> dict[str, str]:
        one, arn = client(self.service), arn or self.arn
        if self.service == "sagemaker":
            pages = one.get_paginator("list_tags").paginate(ResourceArn=arn)
            return {t["Key"]: t["Value"] for page in pages for t in page["Tags"]}
        if self.service == "s3control":
            listed = one.list_tags_for_resource(AccountId=OURS, ResourceArn=arn)["Tags"]
            return {t["Key"]: t["Value"] for t in listed}
        if self.service == "bedrock":
            found = one.list_tags_for_resource(resourceARN=arn)["tags"]
            return {t["key"]: t["value"] for t in found}
        return dict(one.list_tags_for_resource(resourceArn=arn)["tags"])


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{OURS}:{resource}"


APIS = [
    Api(
        "sagemaker",
        arn("sagemaker", "model-package/group/1"),
        "ValidationException",
        "ResourceLimitExceeded",
    ),
    Api(
        "bedrock",
        arn("bedrock", "guardrail/abcdefghij12"),
        "ResourceNotFoundException",
        "TooManyTagsException",
    ),
    Api(
        "bedrock-agent",
        arn("bedrock", "agent-alias/ABCDEFGHIJ/KLMNOPQRST"),
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
    ),
    Api(
        "bedrock-agentcore-control",
        arn("bedrock-agentcore", "browser-custom/mine-abcdefghij"),
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
    ),
    Api("s3control", "arn:aws:s3:::name.with.dots", "NoSuchBucket", "TooManyTags"),
]
EVERY = pytest.mark.parametrize("api", APIS, ids=lambda api: api.service)


def make(api: Api) -> None:
    if api.service == "s3control":
        client("s3").create_bucket(Bucket=api.arn.split(":")[-1])
    else:
        backends.exists(api.arn, HERE)


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


@EVERY
def test_tagging_replaces_only_its_keys(api: Api) -> None:
    make(api)
    api.add(team="ml", status="open")
    api.add(status="held")
    assert api.read() == {"team": "ml", "status": "held"}
    api.remove("status", "never-there")
    assert api.read() == {"team": "ml"}


@EVERY
def test_an_unknown_resource_is_refused(api: Api) -> None:
    for call in (lambda: api.add(a="1"), lambda: api.remove("a"), lambda: api.read()):
        with pytest.raises(ClientError) as caught:
            call()
        assert code(caught) == api.unknown


@EVERY
def test_a_51st_tag_changes_nothing(api: Api) -> None:
    make(api)
    api.put(api.arn, {f"k{n}": "v" for n in range(40)})
    api.put(api.arn, {f"k{n}": "w" for n in range(50)})
    with pytest.raises(ClientError) as caught:
        api.add(more="v")
    assert code(caught) == api.full
    assert api.read() == {f"k{n}": "w" for n in range(50)}


@EVERY
@pytest.mark.parametrize(
    "tags", [{"k" * 129: "v"}, {"k": "v" * 257}, {"k": "new\nline;"}, {"aws:mine": "v"}, {"": "v"}]
)
def test_an_ill_formed_tag_is_refused(api: Api, tags: dict[str, str]) -> None:
    make(api)
    with pytest.raises((ClientError, ParamValidationError)) as caught:
        api.put(api.arn, tags)
    assert "Tag" in str(caught.value) or "tags" in str(caught.value)
    assert api.read() == {}


@EVERY
def test_the_longest_tag_is_accepted(api: Api) -> None:
    make(api)
    api.put(api.arn, {"k" * 128: "v" * 256, "a:b/c_d.e=f+g@h-i": "x y"})
    assert api.read()["a:b/c_d.e=f+g@h-i"] == "x y"


@pytest.mark.parametrize("service", ["sagemaker", "s3control"])
def test_tags_take_letters_of_any_script(service: str) -> None:
    api = next(api for api in APIS if api.service == service)
    make(api)
    api.put(api.arn, {"équipe": "数据"})
    assert api.read() == {"équipe": "数据"}


@pytest.mark.parametrize("api", APIS[:-1], ids=lambda api: api.service)
def test_another_account_or_region_is_denied(api: Api) -> None:
    for other in (api.arn.replace(OURS, "210987654321"), api.arn.replace(REGION, "eu-west-1")):
        with pytest.raises(ClientError) as caught:
            api.read(other)
        assert code(caught) == "AccessDeniedException"


def test_a_foreign_bucket_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "210987654321")
    client("s3").create_bucket(Bucket="theirs")
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    with pytest.raises(ClientError) as caught:
        APIS[-1].read("arn:aws:s3:::theirs")
    assert code(caught) == "AccessDenied"


def test_bucket_tags_are_shared_with_s3() -> None:
    make(APIS[-1])
    tagging = {"TagSet": [{"Key": "team", "Value": "ml"}]}
    client("s3").put_bucket_tagging(Bucket="name.with.dots", Tagging=tagging)
    APIS[-1].add(status="held")
    assert APIS[-1].read() == {"team": "ml", "status": "held"}
    found = client("s3").get_bucket_tagging(Bucket="name.with.dots")["TagSet"]
    assert {t["Key"] for t in found} == {"team", "status"}


def test_an_untaggable_type_cannot_be_staged() -> None:
    for resource in ("foundation-model/anthropic.claude", "inference-profile/us.x", "policy/x"):
        with pytest.raises(ValueError, match="no service"):
            backends.exists(arn("bedrock", resource), HERE)


def test_an_arn_of_another_type_is_missing() -> None:
    guardrail = arn("bedrock", "guardrail/abcdefghij12")
    backends.exists(guardrail, HERE)
    with pytest.raises(ClientError) as caught:
        APIS[2].read(guardrail)
    assert code(caught) == "ResourceNotFoundException"


def test_staging_twice_keeps_the_tags() -> None:
    backends.exists(APIS[0].arn, HERE, {"a": "1"})
    backends.exists(APIS[0].arn, HERE, {"a": "2"})
    assert APIS[0].read() == {"a": "1"}
    assert backends.known(APIS[0].arn, HERE)
    backends.forget(APIS[0].arn, HERE)
    assert not backends.known(APIS[0].arn, HERE)


def test_motos_sagemaker_resources_are_tagged() -> None:
    sagemaker = client("sagemaker")
    group = sagemaker.create_model_package_group(
        ModelPackageGroupName="g", Tags=[{"Key": "a", "Value": "1"}]
    )["ModelPackageGroupArn"]
    package = sagemaker.create_model_package(
        ModelPackageGroupName="g", ModelPackageDescription="d"
    )["ModelPackageArn"]
    feature = sagemaker.create_feature_group(
        FeatureGroupName="f",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="t",
        FeatureDefinitions=[{"FeatureName": "id", "FeatureType": "String"}],
        RoleArn=f"arn:aws:iam::{OURS}:role/r",
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://b"}},
        Tags=[{"Key": "a", "Value": "1"}],
    )["FeatureGroupArn"]
    model = sagemaker.create_model(
        ModelName="m", ExecutionRoleArn=f"arn:aws:iam::{OURS}:role/r", PrimaryContainer={}
    )["ModelArn"]
    api = APIS[0]
    for one in (group, package, feature, model):
        api.add(one, status="held", a="2")
        assert api.read(one)["status"] == "held"
        assert api.read(one)["a"] == "2"


def test_motos_agents_are_tagged() -> None:
    agent = client("bedrock-agent").create_agent(agentName="a", tags={"a": "1"})["agent"]
    APIS[2].add(agent["agentArn"], status="held")
    assert APIS[2].read(agent["agentArn"]) == {"a": "1", "status": "held"}
    memory = client("bedrock-agentcore-control").create_memory(
        name="m", eventExpiryDuration=30, tags={"a": "1"}
    )["memory"]
    APIS[3].add(memory["arn"], status="held")
    assert APIS[3].read(memory["arn"]) == {"a": "1", "status": "held"}
