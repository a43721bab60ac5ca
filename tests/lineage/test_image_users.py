"""Who runs an image: by digest, by tag, in an older version; and what is said to be unknown."""

from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from cordon.clients import AwsClients
from cordon.lineage import image_users as module
from cordon.lineage.image_users import Image, User, users_of
from cordon.lineage.walk import TIME
from embedded.backends import image_users
from tests.actions.scenario import PLACE, account, stub
from tests.actions.scenario_images import (
    COMPONENT,
    DIGEST,
    ENDPOINT,
    EXACT,
    HERE,
    MODEL,
    OTHER_DIGEST,
    OTHER_EXACT,
    REPOSITORY,
    RUNTIME,
    URI,
    image,
    model,
    of_each_kind,
    runtime,
)

DUAL_STACK = URI.replace("dkr.ecr.", "dkr-ecr.").replace("amazonaws.com", "on.aws") + ":1.0"
IMAGE = Image(PLACE, REPOSITORY, DIGEST)


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients


def never() -> bool:
    return False


def found(aws: AwsClients, expired: Callable[[], bool] = never) -> dict[str, str]:
    read = users_of(IMAGE, aws, expired)
    assert (read.unread, read.truncated) == ((), ())
    return {user.arn: user.how for user in read.users}


def test_each_kind_is_found_and_who_runs_it_comes_first(aws: AwsClients) -> None:
    of_each_kind(aws)
    users = found(aws)
    assert users == {
        ENDPOINT: "runs it",
        COMPONENT: "runs it",
        RUNTIME: "names it by digest in version 1",
        MODEL: "names it by tag",
    }
    assert next(iter(users)) == ENDPOINT


@pytest.mark.parametrize(
    ("reference", "how"),
    [
        (EXACT, "names it by digest"),
        (f"{URI}:1.0@{DIGEST}", "names it by digest"),
        (f"{URI}:1.0@{OTHER_DIGEST}", ""),
        (f"{URI}:1.0", "names it by tag"),
        (f"{URI}:2.0", ""),
        (URI, ""),  # the tag latest, which it has not
        (f"{URI}x:1.0", ""),
        (URI.replace("us-east-1", "us-west-2") + ":1.0", ""),
        (URI.replace(PLACE.account, "444455556666") + ":1.0", ""),
        (URI.replace("dkr.ecr", "dkr.ecr-fips") + ":1.0", "names it by tag"),
        (DUAL_STACK, "names it by tag"),
        (f"public.ecr.aws/{REPOSITORY}:1.0", ""),
        ("registry.example.com/team/scorer:1.0", ""),
        ("scorer", ""),
    ],
)
def test_reference_names_the_image_or_another(aws: AwsClients, reference: str, how: str) -> None:
    image(aws)
    model(aws, reference)
    assert found(aws) == ({MODEL: how} if how else {})


def test_reference_without_a_tag_means_latest(aws: AwsClients) -> None:
    image(aws, tag="latest")
    model(aws, URI)
    assert found(aws) == {MODEL: "names it by tag"}


def test_tag_that_moved_to_another_image_names_it_no_more(aws: AwsClients) -> None:
    image(aws)
    model(aws, f"{URI}:1.0")
    image(aws, OTHER_DIGEST)
    assert found(aws) == {}


def test_image_that_ecr_has_no_more_is_still_run(aws: AwsClients) -> None:
    """Inspector closes the finding; the endpoint runs on."""
    image_users.endpoint("live", HERE, [image_users.deployed(f"{URI}:1.0", EXACT)])
    assert found(aws) == {ENDPOINT: "runs it"}


def test_shadow_variant_and_pending_deployment_count(aws: AwsClients) -> None:
    image(aws)
    ours = [image_users.deployed(EXACT)]
    image_users.endpoint("live", HERE, [], shadow=ours)
    image_users.endpoint("soon", HERE, [image_users.deployed(OTHER_EXACT)], pending=ours)
    assert found(aws) == {
        ENDPOINT: "runs it",
        PLACE.arn("sagemaker", "endpoint/soon"): "is being given it",
    }


@pytest.mark.parametrize(
    ("images", "serves", "how"),
    [
        ([OTHER_EXACT, EXACT], {"DEFAULT": "2"}, "names it by digest"),
        ([EXACT, OTHER_EXACT], {"DEFAULT": "2", "prod": "1"}, "names it by digest in version 1"),
        ([EXACT, OTHER_EXACT], {"DEFAULT": "2"}, ""),  # an old version that nobody can call
    ],
)
def test_runtime_runs_what_its_endpoints_run(
    aws: AwsClients, images: list[str], serves: dict[str, str], how: str
) -> None:
    image(aws)
    runtime(*images, serves=serves)
    assert found(aws) == ({RUNTIME: how} if how else {})


def test_what_is_deleted_meanwhile_is_left_out(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_each_kind(aws)
    said = {"Code": "ValidationException", "Message": 'Could not find endpoint "live".'}

    def describe(**_: str) -> None:
        raise ClientError({"Error": said}, "DescribeEndpoint")

    monkeypatch.setattr(aws.client("sagemaker"), "describe_endpoint", describe, raising=False)
    assert ENDPOINT not in found(aws)
    said["Message"] = "something else is wrong"
    with pytest.raises(ClientError, match="something else"):
        users_of(IMAGE, aws, never)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ecr", "DescribeImages"),
        ("sagemaker", "ListModels"),
        ("sagemaker", "DescribeEndpoint"),
        ("bedrock-agentcore-control", "ListAgentRuntimeEndpoints"),
    ],
)
def test_what_may_not_be_read_is_said(aws: AwsClients, service: str, operation: str) -> None:
    of_each_kind(aws)
    stub(aws, service, operation, lambda _: "AccessDeniedException")
    read = users_of(IMAGE, aws, never)
    assert {(one.what.split(" ")[0], one.why) for one in read.unread} == {
        (operation, "access is denied")
    }


def test_time_that_is_over_is_said_and_what_was_found_stays(aws: AwsClients) -> None:
    of_each_kind(aws)
    looks = iter([False] * 2)  # the list of endpoints, and what is said of each
    read = users_of(IMAGE, aws, lambda: next(looks, True))
    assert read.users == (User(ENDPOINT, "runs it"),)
    assert read.truncated == (TIME,)


def test_more_than_the_most_is_said(aws: AwsClients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_USERS", 2)
    of_each_kind(aws)
    read = users_of(IMAGE, aws, never)
    assert (len(read.users), read.truncated) == (2, (module.USERS,))
