"""Stages images of ECR, and what runs them: endpoint, component, model, an agent's old version."""

import json
from collections.abc import Iterator
from typing import Any

from console.staging.notes import OWN_TAGS, Client, Note, exists
from cordon.finding import IMAGE_ARN, Finding, Resource
from embedded import backends
from embedded.backends import agentcore, image_users

TAG = "1.8.2"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
RUNTIME = "runtime/acme_helper-0123456789"


def stage_image(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    """The image by a tag; it is run by an endpoint, and named by a model and an agent runtime."""
    place = resource.place
    match = IMAGE_ARN.fullmatch(resource.arn)
    if match is None or place.account != finding.place.account:
        yield Note(False, f"{resource.name}: no image of the finding's account")
        return
    repository, digest = match.groups()
    ecr = client("ecr", place.region, place.account)
    named = {"repositoryName": repository}
    if exists(ecr.describe_images, "RepositoryNotFoundException", **named):
        yield Note(False, f"image {resource.name}: exists already")
        return
    ecr.create_repository(**named)
    ecr.put_image(**named, imageManifest=json.dumps(MANIFEST), imageTag=TAG, imageDigest=digest)
    _run(
        f"{place.account}.dkr.ecr.{place.region}.amazonaws.com/{repository}",
        digest,
        resource,
        client,
    )
    yield Note(
        True,
        f"image {resource.name}: an endpoint, a component, a model and an agent runtime have it",
    )


def _run(uri: str, digest: str, resource: Resource, client: Client) -> None:
    where = backends.here(resource.place.account, resource.place.region)
    tagged, exact = f"{uri}:{TAG}", f"{uri}@{digest}"
    image_users.endpoint(
        "acme-live", where, [image_users.deployed(tagged, exact)], own_tags=OWN_TAGS
    )
    other = f"{uri}@sha256:{'0' * 64}"
    image_users.endpoint("acme-next", where, [image_users.deployed(tagged, other)])
    image_users.component("acme-part", where, image_users.deployed(tagged, exact), OWN_TAGS)
    sagemaker: Any = client("sagemaker", where.region, where.account)
    role = where.arn("iam", "role/inference", region="")
    sagemaker.create_model(
        ModelName="acme-model", ExecutionRoleArn=role, PrimaryContainer={"Image": tagged}
    )
    arn = where.arn("bedrock-agentcore", RUNTIME)
    agentcore.make(arn, where, role, OWN_TAGS, [exact, other], {"DEFAULT": "2", "prod": "1"})
