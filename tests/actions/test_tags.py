"""Tags on AI resources, beyond the contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cordon.actions.action import NotVerified, Refused, ResourceDeleted, Undone
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag import TagByArn, is_made_of, tag_value
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_tags import APIS, CASE, HERE, KEY, SAGEMAKER, TAGS, Api

FULL = {f"k{i}": "" for i in range(50)}
ONE = {KEY: ("SageMaker.1",)}
OURS = {KEY: "SageMaker.1", CASE: "0123456789abcdef"}
LATER, STATUS = "cordon:later", "cordon:status"


@pytest.fixture(params=APIS, ids=lambda api: api.action.__name__)
def api(request: pytest.FixtureRequest) -> Api:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def action(api: Api) -> TagByArn:
    return api.action(PLACE, api.arn, TAGS)


class TestEveryService:
    def test_all_keys_are_set_by_one_call_and_others_stay(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({"team": "fraud", "empty": ""})(aws)
        with calls_made() as calls:
            captured = action.capture(aws)
            action.apply(aws, captured, None)
        assert len(calls) == 2, calls
        assert api.read_tags(aws) == {"team": "fraud", "empty": "", **OURS}
        assert captured == {"tags": {"team": "fraud", "empty": ""}}

    def test_all_keys_are_undone_by_one_reading_and_a_write_each_way(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({KEY: "mine"})(aws)
        captured = action.capture(aws)
        written = action.apply(aws, captured, None)
        with calls_made() as calls:
            undo = action.undo(aws, captured, written)
        assert len(calls) == 3, calls
        assert undo.left == {"tags": {KEY: "mine", CASE: None}}
        assert api.read_tags(aws) == {KEY: "mine"}

    def test_two_cases_share_one_tag(self, aws: AwsClients, api: Api, action: TagByArn) -> None:
        api.exists({})(aws)
        other = replace(action, tags={KEY: ("SageMaker.2", "SageMaker.1")})
        captured = action.capture(aws)
        written = other.combine(action).apply(aws, captured, action.apply(aws, captured, None))
        both = {**OURS, KEY: "SageMaker.1 SageMaker.2"}
        assert api.read_tags(aws) == both
        assert written == {"tags": both, "base": {KEY: None, CASE: None}}

    def test_key_that_no_case_wants_goes_back_and_others_stay(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({LATER: "mine", "team": "fraud"})(aws)
        captured = action.capture(aws)
        first = action.apply(aws, captured, None)
        other = replace(action, tags={LATER: ("x",), STATUS: ("y",)})
        both = action.combine(other).apply(aws, captured, first)
        assert api.read_tags(aws) == {**OURS, LATER: "x", STATUS: "y", "team": "fraud"}
        assert both["base"] == {KEY: None, CASE: None, LATER: "mine", STATUS: None}
        alone = action.apply(aws, captured, both)
        assert api.read_tags(aws) == {**OURS, LATER: "mine", "team": "fraud"}
        assert alone["tags"] == {**OURS, LATER: "mine", STATUS: None}
        action.verify(aws, captured, alone)
        assert action.undo(aws, captured, alone).state is Undone.RESTORED
        assert api.read_tags(aws) == {LATER: "mine", "team": "fraud"}

    def test_key_that_did_not_go_back_is_not_verified(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        other = replace(action, tags={LATER: ("x",)})
        both = other.combine(action).apply(aws, captured, None)
        alone = action.apply(aws, captured, both)
        other.combine(action).apply(aws, captured, None)
        with pytest.raises(NotVerified, match=f"tag {LATER} is 'x', not None"):
            action.verify(aws, captured, alone)

    def test_what_another_case_wants_too_is_not_verified_before_it_is_there(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        written = action.apply(aws, captured, None)
        with pytest.raises(NotVerified, match=LATER):
            action.combine(replace(action, tags={LATER: ("x",)})).verify(aws, captured, written)

    def test_new_key_of_another_case_keeps_a_persons_value(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        """They set it after the first case had captured all tags."""
        api.exists({LATER: "before"})(aws)
        captured = action.capture(aws)
        first = action.apply(aws, captured, None)
        api.write(aws.client(api.service), api.arn, {LATER: "theirs"})
        both = action.combine(replace(action, tags={LATER: ("x",)}))
        undo = both.undo(aws, captured, both.apply(aws, captured, first))
        assert undo.state is Undone.DRIFTED
        assert undo.reason == f"a person changed the tag {LATER}: now as that person left it"
        assert api.read_tags(aws) == {LATER: "theirs"}

    def test_second_case_restores_a_persons_value(
        self, aws: AwsClients, api: Api, action: TagByArn
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
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        """An attempt for both cases died between its write and its note (A7)."""
        api.exists({KEY: "mine"})(aws)
        captured = action.capture(aws)
        noted = action.apply(aws, captured, None)
        other = replace(action, tags={KEY: ("SageMaker.2",)})
        other.combine(action).apply(aws, captured, noted)
        both = other.combine(action)
        written = both.apply(aws, captured, noted)
        assert written["base"] == {KEY: "mine", CASE: None}
        assert both.undo(aws, captured, noted).state is Undone.RESTORED
        assert api.read_tags(aws) == {KEY: "mine"}

    def test_unnoted_key_of_another_case_is_no_persons(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        """The release undoes as everybody who wants or wanted the target."""
        api.exists({LATER: "mine"})(aws)
        captured = action.capture(aws)
        noted = action.apply(aws, captured, None)
        both = action.combine(replace(action, tags={LATER: ("x",), STATUS: ("y",)}))
        both.apply(aws, captured, noted)
        undo = both.undo(aws, captured, noted)
        assert (undo.state, undo.reason) == (Undone.RESTORED, "")
        assert api.read_tags(aws) == {LATER: "mine"}

    def test_each_persons_change_is_named_and_the_rest_goes_back(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        keys = {f"cordon:k{n}": ("v",) for n in range(7)}
        many = replace(action, tags={**keys, CASE: ("c",)})
        api.exists({})(aws)
        captured = many.capture(aws)
        written = many.apply(aws, captured, None)
        theirs = dict.fromkeys(keys, "theirs")
        api.write(aws.client(api.service), api.arn, theirs)
        undo = many.undo(aws, captured, written)
        assert undo.state is Undone.DRIFTED
        assert "cordon:k0, cordon:k1, cordon:k2, cordon:k3, cordon:k4, and 2 more" in undo.reason
        assert undo.left == {"tags": {**theirs, CASE: None}}
        assert api.read_tags(aws) == theirs

    def test_manually_removed_tag_is_drift(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({})(aws)
        absent = {"tags": {KEY: "SageMaker.1"}, "base": {KEY: None}}
        assert action.undo(aws, {"tags": {}}, absent).state is Undone.RESTORED
        assert action.undo(aws, {"tags": {KEY: ""}}, absent).state is Undone.DRIFTED
        assert api.read_tags(aws) == {}

    def test_persons_value_is_not_taken_for_a_part_of_the_one_that_went_back(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({LATER: "fraud team"})(aws)
        captured = action.capture(aws)
        both = action.combine(replace(action, tags={LATER: ("x",)}))
        alone = action.apply(aws, captured, both.apply(aws, captured, None))
        api.write(aws.client(api.service), api.arn, {LATER: "fraud"})
        assert action.undo(aws, captured, alone).state is Undone.DRIFTED
        assert api.read_tags(aws) == {LATER: "fraud"}

    def test_value_of_any_of_many_cases_is_no_persons(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        """More than one value can name: a dead attempt may have named those that it leaves out."""
        cases = [f"{n:016x}" for n in range(20)]
        api.exists({})(aws)
        captured = action.capture(aws)
        some = replace(action, tags={CASE: tuple(cases[15:])})
        every = replace(action, tags={CASE: tuple(cases)})
        written = every.apply(aws, captured, None)
        some.apply(aws, captured, None)
        assert every.undo(aws, captured, written).state is Undone.RESTORED
        assert api.read_tags(aws) == {}

    def test_what_goes_makes_room_for_what_comes(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        own = dict(list(FULL.items())[:49])
        api.exists(own)(aws)
        one, other = replace(action, tags=ONE), replace(action, tags={LATER: ("x",)})
        captured = one.capture(aws)
        written = one.apply(aws, captured, other.apply(aws, captured, None))
        assert api.read_tags(aws) == {**own, KEY: "SageMaker.1"}
        assert one.undo(aws, captured, written).state is Undone.RESTORED

    @pytest.mark.parametrize(("own", "excess"), [(49, 1), (50, 2)])
    def test_resource_without_room_is_refused_at_capture(
        self, aws: AwsClients, api: Api, action: TagByArn, own: int, excess: int
    ) -> None:
        api.exists(dict(list(FULL.items())[:own]))(aws)
        with pytest.raises(Refused) as refused:
            action.capture(aws)
        assert f"has {own} of at most 50 tags: remove {excess} to make" in str(refused.value)
        assert f"room for the tags {CASE}, {KEY}" in str(refused.value)

    @pytest.mark.parametrize("beside", [KEY, "aws:cloudformation:stack-id"])
    def test_existing_key_and_aws_tags_do_not_count(
        self, aws: AwsClients, api: Api, action: TagByArn, beside: str
    ) -> None:
        own = dict(list(FULL.items())[:49])
        api.exists({**own, beside: "there"})(aws)
        ours = {KEY: "there"} if beside == KEY else {}
        assert replace(action, tags=ONE).capture(aws) == {"tags": {**own, **ours}}

    def test_apply_refuses_a_resource_filled_since_capture(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        api.exists({})(aws)
        captured = action.capture(aws)
        backends.forget(api.arn, HERE)
        api.exists(FULL)(aws)
        with pytest.raises(Refused, match=f"no room for the tags {CASE}, {KEY}.* 50 tags"):
            action.apply(aws, captured, None)

    def test_apply_refuses_more_than_it_saw_room_for(
        self, aws: AwsClients, api: Api, action: TagByArn
    ) -> None:
        """Two cases fit alone, and not together: known before anything is written."""
        own = dict(list(FULL.items())[:48])
        api.exists(own)(aws)
        captured = action.capture(aws)
        both = action.combine(replace(action, tags={LATER: ("x",)}))
        with pytest.raises(Refused, match="remove 1 to make room"):
            both.apply(aws, captured, None)
        assert api.read_tags(aws) == own

    @pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "404"])
    def test_other_errors_are_raised(
        self, aws: AwsClients, api: Api, action: TagByArn, code: str
    ) -> None:
        for operation in ("ListTags", "ListTagsForResource", "AddTags", "TagResource"):
            if operation in aws.client(api.service).meta.service_model.operation_names:
                stub(aws, api.service, operation, lambda _: code)
        with pytest.raises(ClientError, match=code):
            action.capture(aws)
        with pytest.raises(ClientError, match=code):
            action.apply(aws, {"tags": {}}, None)
        with pytest.raises(ClientError, match=code):
            action.undo(aws, {"tags": {}}, {"tags": {KEY: "x"}, "base": {KEY: None}})


@contextmanager
def calls_made() -> Iterator[list[str]]:
    """The operations that are called within."""
    made: list[str] = []
    real = BaseClient._make_api_call

    def call(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        made.append(operation)
        return real(client, operation, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        yield made


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
            TagSageMaker(PLACE, SAGEMAKER.arn, ONE).capture(aws)

    @pytest.mark.parametrize("message", ["", "1 validation error detected: Value at 'tags'"])
    def test_other_validation_errors_are_raised(self, aws: AwsClients, message: str) -> None:
        self.fail_with(aws, message)
        with pytest.raises(ClientError):
            TagSageMaker(PLACE, SAGEMAKER.arn, ONE).capture(aws)

    def fail_with(self, aws: AwsClients, message: str) -> None:
        def respond(_: Any) -> None:
            error = {"Error": {"Code": "ValidationException", "Message": message}}
            raise ClientError(error, "ListTags")

        stub(aws, "sagemaker", "ListTags", respond)

    def test_reads_every_page(self, aws: AwsClients) -> None:
        """The list is one tag longer than a page: AWS's own tags do not count but are listed."""
        tags = {f"aws:cloudformation:{i}": "" for i in range(50)}
        SAGEMAKER.exists({**tags, KEY: "on the second page"})(aws)
        captured = TagSageMaker(PLACE, SAGEMAKER.arn, ONE).capture(aws)
        assert captured == {"tags": {KEY: "on the second page"}}


class TestValue:
    @pytest.mark.parametrize(
        ("value", "made"),
        [
            ("a", True),
            ("b a", True),
            ("a +2", True),
            ("a c", False),
            ("+2", False),
            ("", False),
            ("ab", False),
            (None, False),
        ],
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
        {"tags": {}},
        {"tags": ["k"]},
        {"tags": {"": ("v",)}},
        {"tags": {1: ("v",)}},
        {"tags": {"aws:status": ("v",)}},
        {"tags": {"AWS:status": ("v",)}},
        {"tags": {"a b": ("v",)}},
        {"tags": {"k" * 129: ("v",)}},
        {"tags": {"k": ("v",), "j": ()}},
        {"tags": {"k": ("",)}},
        {"tags": {"k": "v"}},
        {"tags": {"k": (1,)}},
    ],
)
def test_invalid_fields_are_rejected(change: dict[str, Any]) -> None:
    valid = TagSageMaker(PLACE, SAGEMAKER.arn, ONE)
    with pytest.raises(ValueError, match=f"^{next(iter(change))}:"):
        replace(valid, **change)
