"""What runs an image is tagged; nobody, and what is not known, are two things."""

import pytest
from botocore.exceptions import EndpointConnectionError

from cordon.actions import NothingToChange, Refused, Undone
from cordon.actions.image_users import TagImageUsers
from cordon.clients import AwsClients
from embedded.backends import image_users
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_images import (
    ENDPOINT,
    EXACT,
    HERE,
    OTHER_EXACT,
    REPOSITORY,
    RUNTIME,
    TAG,
    image,
    model,
    of_each_kind,
    read,
    runtime,
)


def test_image_that_nobody_runs_needs_nobody(aws: AwsClients) -> None:
    image(aws)
    model(aws, OTHER_EXACT)
    runtime(OTHER_EXACT)
    for look in (TAG.capture, TAG.look):
        with pytest.raises(NothingToChange, match="is known to run"):
            look(aws)


def test_nobody_that_was_found_is_not_nobody_where_something_was_not_read(aws: AwsClients) -> None:
    image(aws)
    stub(aws, "sagemaker", "ListEndpoints", lambda _: "AccessDeniedException")
    for look in (TAG.capture, TAG.look):
        with pytest.raises(
            Refused, match=r"not everything was read.*ListEndpoints: access is denied"
        ):
            look(aws)


def test_region_without_agentcore_is_no_reason_to_call_a_person(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    image(aws)

    def absent(**_: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://bedrock-agentcore-control")

    client = aws.client("bedrock-agentcore-control")
    monkeypatch.setattr(client, "list_agent_runtimes", absent, raising=False)
    with pytest.raises(NothingToChange, match="the service is not there, or cannot be reached"):
        TAG.capture(aws)


def test_people_read_who_runs_it_and_how_that_is_known(aws: AwsClients) -> None:
    of_each_kind(aws)
    stub(aws, "bedrock-agentcore-control", "ListTagsForResource", lambda _: "AccessDeniedException")
    written = TAG.apply(aws, TAG.capture(aws), None)
    said = TAG.note(written)
    assert "found: 4; endpoint/live runs it; " in said
    assert "runtime/helper-0123456789 names it by digest in version 1" in said
    assert "not tagged: runtime/helper-0123456789 (ListTagsForResource: access is denied)" in said
    assert TAG.key in read(aws)[ENDPOINT]
    assert TAG.key not in read(aws)[RUNTIME]
    assert "endpoint/live runs it" in TAG.look(aws)
    assert "stops nothing" in TAG.caution


def test_endpoint_that_is_deleted_is_not_in_the_way_of_the_release(aws: AwsClients) -> None:
    of_each_kind(aws)
    captured = TAG.capture(aws)
    written = TAG.apply(aws, captured, None)
    image_users.delete_endpoint("live", HERE)
    TAG.verify(aws, captured, written)
    undone = TAG.undo(aws, captured, written)
    assert undone.state is Undone.RESTORED
    TAG.verify_undone(aws, undone.left or {})
    assert not any(TAG.key in tags for tags in read(aws).values())


def test_two_images_of_one_endpoint_have_a_tag_each(aws: AwsClients) -> None:
    image(aws)
    both = [image_users.deployed(EXACT), image_users.deployed(OTHER_EXACT)]
    image_users.endpoint("live", HERE, both)
    other = TagImageUsers(PLACE, REPOSITORY, OTHER_EXACT.partition("@")[2], TAG.cases)
    held = [(one, one.capture(aws)) for one in (TAG, other)]
    written = [one.apply(aws, captured, None) for one, captured in held]
    assert {TAG.key, other.key} == read(aws)[ENDPOINT].keys()
    TAG.undo(aws, held[0][1], written[0])
    assert read(aws)[ENDPOINT].keys() == {other.key}


def test_long_name_of_a_repository_is_for_a_person_only_where_it_is_run(aws: AwsClients) -> None:
    long = TagImageUsers(PLACE, "x" * 120, TAG.digest, TAG.cases)
    with pytest.raises(NothingToChange):
        long.capture(aws)
    reference = EXACT.replace(REPOSITORY, long.repository)
    image_users.endpoint("live", HERE, [image_users.deployed(reference)])
    with pytest.raises(Refused, match="too long for a tag's key"):
        long.capture(aws)
