"""Scenarios of an image that an endpoint, a component, a model and an agent's old version run."""

import json
from typing import Any

from cordon.actions.image_users import TagImageUsers
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import agentcore, image_users, tags
from tests.actions.scenario import PLACE, Scenario

backends.install()  # before any session is made, which is in the first test

HERE = backends.here(PLACE.account, PLACE.region)
REPOSITORY, DIGEST, OTHER_DIGEST = "team/scorer", f"sha256:{'a1' * 32}", f"sha256:{'b2' * 32}"
URI = f"{PLACE.account}.dkr.ecr.{PLACE.region}.amazonaws.com/{REPOSITORY}"
EXACT, OTHER_EXACT = f"{URI}@{DIGEST}", f"{URI}@{OTHER_DIGEST}"
TAG = TagImageUsers(PLACE, REPOSITORY, DIGEST, ("0123456789abcdef",))
OTHER = TagImageUsers(PLACE, REPOSITORY, DIGEST, ("fedcba9876543210",))
ENDPOINT = PLACE.arn("sagemaker", "endpoint/live")
MODEL = PLACE.arn("sagemaker", "model/scorer")
COMPONENT = PLACE.arn("sagemaker", "inference-component/part")
RUNTIME = PLACE.arn("bedrock-agentcore", "runtime/helper-0123456789")
ROLE = PLACE.arn("iam", "role/inference", region="")
OWN = {"team": "fraud"}
Tags = dict[str, str]


def image(aws: AwsClients, digest: str = DIGEST, tag: str = "1.0") -> None:
    """An image of the repository, by a tag."""
    ecr, media = aws.client("ecr"), "application/vnd.oci.image.manifest.v1+json"
    if not ecr.describe_repositories()["repositories"]:
        ecr.create_repository(repositoryName=REPOSITORY)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "of": digest})
    named = {"repositoryName": REPOSITORY, "imageTag": tag, "imageDigest": digest}
    ecr.put_image(**named, imageManifest=manifest)


def model(aws: AwsClients, reference: str, name: str = "scorer") -> None:
    aws.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": reference}
    )


def runtime(*images: str, serves: Tags | None = None) -> None:
    agentcore.make(RUNTIME, HERE, ROLE, OWN, images, serves)


def of_each_kind(aws: AwsClients) -> None:
    """Each with the image, and one of each with another."""
    image(aws)
    image_users.endpoint("live", HERE, [image_users.deployed(f"{URI}:1.0", EXACT)], own_tags=OWN)
    image_users.endpoint("next", HERE, [image_users.deployed(f"{URI}:1.0", OTHER_EXACT)])
    image_users.component("part", HERE, image_users.deployed(f"{URI}:1.0", EXACT))
    image_users.component("rest", HERE, image_users.deployed(OTHER_EXACT))
    model(aws, f"{URI}:1.0")
    model(aws, OTHER_EXACT, "other")
    runtime(EXACT, OTHER_EXACT, serves={"DEFAULT": "2", "prod": "1"})


def marked_before(aws: AwsClients) -> None:
    of_each_kind(aws)
    tag_endpoint({TAG.key: "by a person"})


def tag_endpoint(wanted: Tags) -> None:
    tags.add(tags.service_of(ENDPOINT), ENDPOINT, HERE, wanted)


def read(_: AwsClients) -> dict[str, Tags]:
    arns = (ENDPOINT, COMPONENT, MODEL, RUNTIME)
    found = {arn: arn for arn in arns if backends.known(arn, HERE)}
    return {arn: dict(sorted(tags.read(tags.service_of(arn), arn, HERE).items())) for arn in found}


def theirs(state: Any) -> Any:
    return state[ENDPOINT][TAG.key]


SCENARIOS = [
    Scenario(
        "marked-before",
        TAG,
        OTHER,
        marked_before,
        read,
        tamper=lambda _: tag_endpoint({TAG.key: "reviewed"}),
        theirs=theirs,
    ),
]
