"""``cordon contain ARN`` reaches whatever a playbook can contain, in every mode; it is undone."""

import json
from collections.abc import Iterator

import pytest

from console.staging import stage
from cordon import by_arn
from cordon.actions.bedrock_api_keys import DisableBedrockApiKeys
from cordon.errors import Refused
from cordon.memory.cases import ActionStatus
from cordon.playbook import Playbook
from cordon.sources.shapes import BEDROCK
from cordon.statuses import Status
from embedded.policy_evaluation import Decision
from embedded.required_permission import RequiredPermission
from tests.examples import HEADERS, folder_of
from tests.make import NOON
from tests.promises.test_by_arn import PLACE, named
from tests.promises.world import World

DETECTOR = "e20ae021059252ea36fff9f443c8fef1"
ARNS = {  # of each type that a header names
    "AWS::S3::Bucket": "arn:aws:s3:::acme-training-data",
    "AWS::IAM::Role": PLACE.arn("iam", "role/service/AgentRole", region=""),
    "AWS::IAM::User": PLACE.arn("iam", "user/mlops-ben", region=""),
    "AWS::BedrockAgentCore::Runtime": PLACE.arn("bedrock-agentcore", "runtime/help-0123456789"),
    "AWS::BedrockAgentCore::Gateway": PLACE.arn("bedrock-agentcore", "gateway/tool-0123456789"),
    "AWS::BedrockAgentCore::Memory": PLACE.arn("bedrock-agentcore", "memory/note-0123456789"),
    "AWS::Bedrock::Agent": PLACE.arn("bedrock", "agent/AGENT12345"),
    "AWS::Bedrock::AgentAlias": PLACE.arn("bedrock", "agent-alias/AGENT12345/ALIAS12345"),
    "AWS::Bedrock::KnowledgeBase": PLACE.arn("bedrock", "knowledge-base/KBMANAGED1"),
    "AWS::S3::Object": "arn:aws:s3:::acme-incoming/model.tar.gz",
    "AWS::CloudTrail::Trail": PLACE.arn("cloudtrail", "trail/acme-trail"),
    "AWS::GuardDuty::Detector": PLACE.arn("guardduty", f"detector/{DETECTOR}"),
    "AWS::SageMaker::ModelPackage": PLACE.arn("sagemaker", "model-package/acme-churn/7"),
    "AWS::SageMaker::NotebookInstance": PLACE.arn("sagemaker", "notebook-instance/research"),
    "AWS::KMS::Key": PLACE.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
}
ABLE = [(name, kind) for name, one in sorted(HEADERS.items()) for kind in one.by_arn]
PAUSE = HEADERS[folder_of("cloudtrail_runtime_shared")]


def staged(world: World, playbook: Playbook, arn: str) -> None:
    """The resource is there, as a finding about it would have it."""
    if arn == ARNS["AWS::S3::Object"]:  # no finding names a bucket by its object alone
        s3, (bucket, _, key) = world.account.client("s3"), arn.rpartition(":")[2].partition("/")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    stage(by_arn.finding_of(arn, playbook, PLACE, NOON), world.account.client)
    if DisableBedrockApiKeys in playbook.actions:  # a user has none by itself
        who = {"UserName": arn.rpartition("/")[2], "ServiceName": BEDROCK}
        world.account.client("iam").create_service_specific_credential(**who)


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(("playbook", "kind"), ABLE, ids=lambda part: part.rpartition("::")[2])
def test_each_kind_is_contained_by_its_arn_and_undone_or_stays_on(
    world: World, playbook: str, kind: str
) -> None:
    staged(world, HEADERS[playbook], ARNS[kind])
    if kind == "AWS::GuardDuty::Detector":  # no event says what of it was switched off
        world.account.client("guardduty").update_detector(DetectorId=DETECTOR, Enable=False)
    before = world.state
    world.set(f"modes.{playbook}", "observe")
    assert named(world, playbook, ARNS[kind]) == ""
    case = world.case()
    assert case.status is Status.CONTAINED
    contained = world.state
    assert contained != before
    released = world.release(case)
    if any(result.status is ActionStatus.KEPT for result in released.results):
        assert (released.status, world.state) == (Status.RELEASED, contained)  # it stays on
    elif released.status is Status.RELEASING:  # sessions are denied until the last has ended
        assert released.not_before is not None
    else:
        assert (released.status, world.state) == (Status.REOPENED, before)
    assert world.troubles == []


CALLER = "arn:aws:iam::{}:role/caller"


@pytest.fixture
def caller(world: World) -> Iterator[str]:
    """A role that may do everything."""
    iam, anybody = world.account.client("iam"), {"Effect": "Allow", "Action": "*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    trusting = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="caller", AssumeRolePolicyDocument=trusting)
    iam.put_role_policy(RoleName="caller", PolicyName="all", PolicyDocument=text)
    yield CALLER.format(PLACE.account)
    iam.delete_role_policy(RoleName="caller", PolicyName="all")
    iam.delete_role(RoleName="caller")


@pytest.mark.parametrize(
    ("kind", "action", "stays"),
    [
        ("BedrockAgentCore::Runtime", "InvokeAgentRuntime", "StopRuntimeSession"),
        (
            "BedrockAgentCore::Runtime",
            "InvokeAgentRuntimeWithWebSocketStream",
            "UpdateAgentRuntime",
        ),
        ("BedrockAgentCore::Gateway", "InvokeGateway", "UpdateGateway"),
        ("BedrockAgentCore::Memory", "CreateEvent", "ListEvents"),
        ("Bedrock::KnowledgeBase", "Retrieve", "UpdateKnowledgeBase"),
    ],
)
def test_what_is_paused_is_refused_and_then_allowed_again(
    world: World, caller: str, kind: str, action: str, stays: str
) -> None:
    arn, service = ARNS[f"AWS::{kind}"], ARNS[f"AWS::{kind}"].split(":")[2]
    staged(world, PAUSE, arn)

    def may(name: str) -> bool:
        need = RequiredPermission(f"{service}:{name}", arn)
        return world.account.guard.decide(caller, need) is Decision.ALLOWED

    assert may(action) and may(stays)
    named(world, PAUSE.name, arn)
    assert not may(action)
    assert may(stays)
    world.release(world.case())
    assert may(action) and may(stays)


def test_role_of_an_agent_is_denied_its_tools(world: World) -> None:
    """By the role's own ARN: two agents that share a role share the hold."""
    arn = ARNS["AWS::IAM::Role"]
    staged(world, PAUSE, arn)

    def may(action: str) -> bool:
        need = RequiredPermission(action, "*")
        return world.account.guard.decide(arn, need) is not Decision.DENIED

    assert may("bedrock:InvokeModel")
    named(world, PAUSE.name, arn)
    assert not may("bedrock:InvokeModel")
    assert not may("lambda:InvokeFunction")
    assert may("logs:PutLogEvents")
    world.release(world.case())
    assert may("bedrock:InvokeModel")


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        (PLACE.arn("bedrock", "agent-alias/AGENT12345/TSTALIASID"), "cannot contain"),
        (PLACE.arn("bedrock", "agent/../../agents"), "cannot contain"),
        (PLACE.arn("bedrock", "agent/AGENT 2345"), "cannot contain"),
        (PLACE.arn("bedrock", "knowledge-base/KBMANAGED1/data-source/DS"), "is AWS::"),
        (PLACE.arn("bedrock", "knowledge-base/KB*"), "cannot contain"),
        (PLACE.arn("bedrock-agentcore", "runtime/help-0123456789/endpoint/DEFAULT"), "is AWS::"),
        (PLACE.arn("bedrock-agentcore", "runtime/help"), "cannot contain"),
        (PLACE.arn("bedrock-agentcore", "runtime/help-0123456789*"), "cannot contain"),
        (PLACE.arn("bedrock-agentcore", 'gateway/"},{"a":"-0123456789'), "cannot contain"),
        (PLACE.arn("bedrock-agentcore", "browser-custom/web-0123456789"), "is AWS::"),
        (PLACE.arn("iam", "role/aws-service-role/x/AWSServiceRoleForX", region=""), "cannot"),
    ],
)
def test_hostile_and_other_arns_are_refused(resource: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        by_arn.finding_of(resource, PAUSE, PLACE, NOON)
