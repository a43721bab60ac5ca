"""What the rules on Bedrock and on lineage find, each right and wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from cordon.assessing import (
    bedrock_settings,
    data_sets,
    held_data,
    inference_profiles,
    model_packages,
    required_tags,
)
from cordon.assessing.evaluation import ACCOUNT, Evaluation, Found, Unlisted, Unread
from cordon.assessing.handler import RULES
from cordon.assessing.request import Request
from cordon.clients import AwsClients
from cordon.errors import Malformed
from cordon.sources.config import managed_rule
from embedded import backends
from embedded.backends import agentcore, guardrails, inventory, lineage, notebooks
from tests.actions.scenario import PLACE, stub
from tests.architecture.stack import raw, stack
from tests.architecture.test_template_rules import config, reached
from tests.examples import HEADERS, TAG, folder_of
from tests.make import NOON

HERE = backends.here(PLACE.account, PLACE.region)
REQUEST = Request("cordon-some-rule", "aws", PLACE.account, "a token", NOON, {})
RIGHT, WRONG = "COMPLIANT", "NON_COMPLIANT"


def said(found: Found) -> dict[str, str]:
    """What is said of each resource, by the end of its id."""
    every = list(found)
    assert all(isinstance(one, Evaluation) for one in every)
    return {
        one.id.rpartition("/")[2]: f"{one.compliance} {one.annotation}".strip()
        for one in every
        if isinstance(one, Evaluation)
    }


# Invocation logging


def log_to(aws: AwsClients, **destination: Any) -> None:
    aws.client("s3").create_bucket(Bucket="their-logs")
    config = {"textDataDeliveryEnabled": True, **destination}
    aws.client("bedrock").put_model_invocation_logging_configuration(loggingConfig=config)


def test_invocations_are_logged_or_not(aws: AwsClients) -> None:
    (found,) = bedrock_settings.assess_logging(aws, REQUEST)
    assert isinstance(found, Evaluation) and found.resource == (ACCOUNT, PLACE.account)
    is_off = {PLACE.account: f"{WRONG} Model invocations are not logged"}
    assert said(iter([found])) == is_off
    log_to(aws)  # a configuration without a destination
    assert said(bedrock_settings.assess_logging(aws, REQUEST)) == is_off
    log_to(aws, s3Config={"bucketName": "their-logs"})
    assert said(bedrock_settings.assess_logging(aws, REQUEST)) == {PLACE.account: RIGHT}


@pytest.mark.parametrize(
    "assess", [bedrock_settings.assess_logging, bedrock_settings.assess_guardrail]
)
def test_where_there_is_no_bedrock_nothing_is_wrong(
    aws: AwsClients, assess: Callable[[AwsClients, Request], Found], monkeypatch: Any
) -> None:
    monkeypatch.setattr(AwsClients, "has_service", lambda *_: False)
    request = replace(REQUEST, parameters={"guardrail": "abc:1"})
    (found,) = said(assess(aws, request)).values()
    assert found.startswith("NOT_APPLICABLE")


# The guardrail


def test_the_named_guardrail_is_the_enforced_one(aws: AwsClients) -> None:
    request = replace(REQUEST, parameters={"guardrail": "abcdefghijkl:2"})

    def enforced() -> str:
        return said(bedrock_settings.assess_guardrail(aws, request))[PLACE.account]

    assert enforced() == (f"{WRONG} Named is abcdefghijkl, version 2: no guardrail is enforced")
    for version in ("1", "2"):
        guardrails.is_there("abcdefghijkl", version, HERE)
        bedrock = aws.client("bedrock")
        known = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
        bedrock.put_enforced_guardrail_configuration(
            **({"configId": known[0]["configId"]} if known else {}),
            guardrailInferenceConfig={
                "guardrailIdentifier": "abcdefghijkl",
                "guardrailVersion": version,
            },
        )
        if version == "1":
            assert "enforced is arn:aws:bedrock:" in enforced()
    assert enforced() == RIGHT


@pytest.mark.parametrize("named", ["", "abc", "abc:", ":1"])
def test_a_guardrail_that_is_not_named_is_no_finding(aws: AwsClients, named: str) -> None:
    with pytest.raises(Malformed):
        list(
            bedrock_settings.assess_guardrail(
                aws, replace(REQUEST, parameters={"guardrail": named})
            )
        )


# Inference profiles


def profile(name: str, *regions: str) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    model = "foundation-model/anthropic.claude-v2"
    return {
        "inferenceProfileName": name,
        "inferenceProfileArn": HERE.arn("bedrock", f"application-inference-profile/{name}"),
        "inferenceProfileId": name,
        "models": [{"modelArn": f"arn:aws:bedrock:{one}::{model}"} for one in regions],
        "status": "ACTIVE",
        "type": "APPLICATION",
        "createdAt": at,
        "updatedAt": at,
    }


def test_profile_routes_to_allowed_regions_or_not(aws: AwsClients) -> None:
    inventory.are_there(
        "bedrock",
        "ListInferenceProfiles",
        HERE,
        profile("home", "eu-west-1"),
        profile("both", "eu-west-1", "eu-central-1"),
        profile("away", "us-west-2", "eu-west-1", "us-east-1"),
    )
    request = replace(REQUEST, parameters={"regions": "eu-west-1, eu-central-1"})
    assert said(inference_profiles.assess(aws, request)) == {
        "home": RIGHT,
        "both": RIGHT,
        "away": f"{WRONG} Routes to us-east-1, us-west-2: not allowed",
    }


def test_a_model_without_a_region_may_be_anywhere() -> None:
    """So a policy names the model of a global profile; the service's model has no such ARN."""
    models = ["arn:aws:bedrock:::foundation-model/a.b", "arn:aws:bedrock:eu-west-1::x"]
    assert inference_profiles.outside(models, ["eu-west-1"]) == ["any Region"]


def test_without_allowed_regions_nothing_is_judged(aws: AwsClients) -> None:
    with pytest.raises(Malformed, match="regions"):
        list(inference_profiles.assess(aws, replace(REQUEST, parameters={"regions": " , "})))


# Data sets


def a_model(aws: AwsClients, name: str) -> str:
    role = PLACE.arn("iam", "role/model", region="")
    image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/acme:1"
    aws.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": image}
    )
    return lineage.entity(f"artifact/{name}", "Model", HERE.arn("sagemaker", f"model/{name}"), HERE)


def test_lineage_leads_to_a_data_set_or_not(aws: AwsClients) -> None:
    traced, other = a_model(aws, "traced"), a_model(aws, "other")
    aws.client("sagemaker").create_model(
        ModelName="unknown",
        ExecutionRoleArn=PLACE.arn("iam", "role/model", region=""),
        PrimaryContainer={"Image": "acme:1"},
    )
    data = lineage.entity("artifact/d1", "DataSet", "s3://acme-data/train/", HERE)
    image = lineage.entity("artifact/i1", "Image", "acme:1", HERE)
    job = lineage.entity("experiment-trial-component/t1", "SageMakerTrainingJob", "arn:aws:x", HERE)
    lineage.made_of(data, job, HERE)
    lineage.made_of(job, traced, HERE)
    lineage.made_of(image, other, HERE)
    nothing = f"{WRONG} SageMaker's lineage leads from it to no data set"
    assert said(data_sets.assess(aws, REQUEST)) == {
        "traced": RIGHT,
        "other": nothing,
        "unknown": nothing,
    }


# Tags


def test_required_tags_are_there_or_named(aws: AwsClients) -> None:
    notebooks.make("right", HERE, {"owner": "ana", "scope": "3", "other": ""})
    notebooks.make("wrong", HERE, {"owner": " ", "scope": "3"})
    domain = aws.client("sagemaker").create_domain(
        DomainName="lab",
        AuthMode="IAM",
        DefaultUserSettings={},
        SubnetIds=["s"],
        VpcId="v",
        Tags=[{"Key": "owner", "Value": "ana"}],
    )["DomainArn"]
    agent = aws.client("bedrock-agent").create_agent(
        agentName="helper", agentResourceRoleArn="arn:aws:iam::123456789012:role/agent"
    )["agent"]["agentId"]
    request = replace(REQUEST, parameters={"tags": "owner,scope"})
    assert said(required_tags.assess(aws, request)) == {
        "right": RIGHT,
        "wrong": f"{WRONG} Without the tag owner",
        domain.rpartition("/")[2]: f"{WRONG} Without the tag scope",
        agent: f"{WRONG} Without the tag owner, scope",
    }


def test_required_tags_of_agentcore_are_there_or_named(aws: AwsClients) -> None:
    client = aws.client("bedrock-agentcore-control")
    role = PLACE.arn("iam", "role/service", region="")
    agentcore.make(
        HERE.arn("bedrock-agentcore", "runtime/shop-0123456789"), HERE, role, {"owner": "ana"}
    )
    gateway = client.create_gateway(
        name="tools", roleArn=role, protocolType="MCP", authorizerType="AWS_IAM"
    )["gatewayId"]
    memory = client.create_memory(name="m", eventExpiryDuration=30, tags={"owner": "ana"})["memory"]
    request = replace(REQUEST, parameters={"tags": "owner"})
    assert said(required_tags.assess(aws, request)) == {
        "shop-0123456789": RIGHT,
        gateway: f"{WRONG} Without the tag owner",
        memory["arn"].rpartition("/")[2]: RIGHT,
    }


def test_memory_that_another_resource_manages_is_not_judged(aws: AwsClients) -> None:
    client = aws.client("bedrock-agentcore-control")
    memory = client.create_memory(name="m", eventExpiryDuration=30)["memory"]["arn"]
    one = {"arn": memory, "createdAt": NOON, "updatedAt": NOON}
    managed = {**one, "managedByResourceArn": HERE.arn("bedrock-agentcore", "harness/h")}
    stub(aws, "bedrock-agentcore-control", "ListMemories", lambda _: {"memories": [managed]})
    request = replace(REQUEST, parameters={"tags": "owner"})
    assert said(required_tags.assess(aws, request)) == {}


def test_where_agentcore_cannot_be_reached_the_others_are_judged(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebooks.make("right", HERE, {"owner": "ana"})
    client = aws.client("bedrock-agentcore-control")

    def unreachable(_: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://agentcore")

    monkeypatch.setattr(client, "get_paginator", unreachable)
    found = list(required_tags.assess(aws, replace(REQUEST, parameters={"tags": "owner"})))
    assert [type(one) for one in found] == [Evaluation, Unlisted]


def test_tags_that_cannot_be_read_are_no_verdict(aws: AwsClients) -> None:
    notebooks.make("nb", HERE)
    request = replace(REQUEST, parameters={"tags": "owner"})
    codes = iter(("AccessDeniedException", "ResourceNotFound"))
    stub(aws, "sagemaker", "ListTags", lambda _: next(codes))
    (found,) = required_tags.assess(aws, request)
    assert isinstance(found, Unread)
    assert list(required_tags.assess(aws, request)) == []


# What the template makes of them, and who hears


def test_the_template_has_each_rule_by_its_name() -> None:
    rules = stack(full=True).of("AWS::Config::ConfigRule")
    assert {rule.properties["ConfigRuleName"] for rule in rules} == RULES.keys()
    assert stack().of("AWS::Config::ConfigRule") == []
    made = raw()["Resources"]
    for rule in rules:
        assert made[rule.logical]["DependsOn"] == "AssessResourcesPermission"
        (source,) = rule.properties["Source"]["SourceDetails"]
        assert source["MaximumExecutionFrequency"] == "TwentyFour_Hours"


HEARD_BY = {
    data_sets.RULE: {TAG.name},
    inference_profiles.RULE: {TAG.name},
    model_packages.RULE: {folder_of("config_model_package_without_card")},
    held_data.TAINTED_RULE: {folder_of("config_model_package_tainted")},
    held_data.LOW_QUALITY_RULE: {folder_of("config_model_package_low_quality")},
}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_who_hears_of_a_rule_by_its_name(rule: str) -> None:
    """By the template's rules, and by the exact gate; of the others Config's own event is all."""
    kind = f"config:{managed_rule(rule)}"
    exactly = {
        name
        for name, header in HEADERS.items()
        if any(fnmatchcase(kind, pattern) for pattern in header.handles)
    }
    assert reached(config(rule)) == exactly == HEARD_BY.get(rule, set())
