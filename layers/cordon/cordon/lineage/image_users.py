"""Who runs a container image: endpoints, inference components, models and AgentCore's runtimes.

Of an endpoint and of an inference component SageMaker says which digest runs. A model and a runtime
name their image as people wrote it: by digest, or by a tag, which may have been another image's
when it was pulled. Models made from a model package name no image: they are found by their
endpoints. What is pulled from another registry, Region or account is another image.

Sources: the service models of ``sagemaker`` (DeployedImage: the specified image, and the digest
that it was resolved to), ``bedrock-agentcore-control`` (ContainerConfiguration) and ``ecr``; Amazon
Bedrock AgentCore Developer Guide, "AgentCore Runtime versioning and endpoints" (an endpoint may run
an older version). Of what no longer exists SageMaker says "Could not find" in a
ValidationException, which its model does not list.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.finding import Place
from cordon.lineage.calls import Expired, once, pages
from cordon.lineage.walk import AT_ONCE, TIME, Unread

MOST_USERS = 500
USERS = f"more than {MOST_USERS} run it: the others are left out"
# ECR's hosts, also for FIPS and dual-stack (Amazon ECR User Guide, "Amazon ECR registries")
_HOST = re.compile(r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\..+")
_REFERENCE = re.compile(
    r"(?P<host>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
LATEST = "latest"  # what a reference without tag and digest means
BY_DIGEST, BY_TAG = "by digest", "by tag"


@dataclass(frozen=True)
class Image:
    """One image of a repository, in its registry."""

    place: Place
    repository: str
    digest: str  # sha256:…


@dataclass(frozen=True)
class User:
    """Who runs it, or names it, and how that is known."""

    arn: str
    how: str  # "runs it", "names it by tag"


@dataclass(frozen=True)
class Users:
    """All that was found, and all that is not known."""

    users: tuple[User, ...]
    unread: tuple[Unread, ...]
    truncated: tuple[str, ...]


def users_of(image: Image, aws: AwsClients, expired: Expired) -> Users:
    """Who runs the image in its account and Region; what runs it now comes first."""
    reader = _Reader(image, aws, expired)
    found: dict[str, User] = {}
    for user in reader.read():
        found.setdefault(user.arn, user)
    users = tuple(found.values())[:MOST_USERS]
    truncated = (*reader.truncated, *((USERS,) if len(found) > MOST_USERS else ()))
    return Users(users, tuple(dict.fromkeys(reader.unread)), tuple(dict.fromkeys(truncated)))


class _Reader:
    def __init__(self, image: Image, aws: AwsClients, expired: Expired) -> None:
        self._image = image
        self._aws = aws
        self._expired = expired
        self._tags: frozenset[str] = frozenset()
        self.unread: list[Unread] = []
        self.truncated: list[str] = []

    def read(self) -> Iterator[User]:
        self._tags = self._tags_of_image()
        if self._aws.has_service("sagemaker"):
            yield from self._endpoints()
            yield from self._components()
        if self._aws.has_service("bedrock"):  # botocore lists no Regions of AgentCore
            yield from self._runtimes()
        if self._aws.has_service("sagemaker"):
            yield from self._models()

    def _tags_of_image(self) -> frozenset[str]:
        """The tags that name it now; none where the image is deleted."""
        named = {"repositoryName": self._image.repository, "registryId": self._image.place.account}
        wanted = [{"imageDigest": self._image.digest}]
        said = self._once(self._aws.client("ecr").describe_images, **named, imageIds=wanted)
        details = said.get("imageDetails", [])
        return frozenset(tag for one in details for tag in one.get("imageTags", []))

    def _endpoints(self) -> Iterator[User]:
        sagemaker = self._aws.client("sagemaker")
        listed = self._pages(sagemaker.list_endpoints, "Endpoints", "NextToken")
        describe = partial(self._once, sagemaker.describe_endpoint)
        for one, said in self._each(listed, describe, EndpointName="EndpointName"):
            now = [*said.get("ProductionVariants", []), *said.get("ShadowProductionVariants", [])]
            coming = said.get("PendingDeploymentSummary", {})
            pending = [
                *coming.get("ProductionVariants", []),
                *coming.get("ShadowProductionVariants", []),
            ]
            if any(self._runs(image) for image in _deployed(now)):
                yield User(one["EndpointArn"], "runs it")
            elif any(self._runs(image) for image in _deployed(pending)):
                yield User(one["EndpointArn"], "is being given it")

    def _components(self) -> Iterator[User]:
        """What an endpoint runs that has models of its own accord."""
        sagemaker, name = self._aws.client("sagemaker"), "InferenceComponentName"
        listed = self._pages(
            sagemaker.list_inference_components, "InferenceComponents", "NextToken"
        )
        describe = partial(self._once, sagemaker.describe_inference_component)
        for one, said in self._each(listed, describe, InferenceComponentName=name):
            specified = [said.get("Specification", {}), *said.get("Specifications", [])]
            images = [each.get("Container", {}).get("DeployedImage", {}) for each in specified]
            if any(self._runs(image) for image in images):
                yield User(one["InferenceComponentArn"], "runs it")

    def _models(self) -> Iterator[User]:
        sagemaker = self._aws.client("sagemaker")
        listed = self._pages(sagemaker.list_models, "Models", "NextToken")
        describe = partial(self._once, sagemaker.describe_model)
        for one, said in self._each(listed, describe, ModelName="ModelName"):
            containers = [said.get("PrimaryContainer", {}), *said.get("Containers", [])]
            for how in filter(None, (self._named(each.get("Image", "")) for each in containers)):
                yield User(one["ModelArn"], f"names it {how}")

    def _runtimes(self) -> Iterator[User]:
        """In its newest version, and in each that an endpoint still runs."""
        listed = self._pages(
            self._aws.client("bedrock-agentcore-control").list_agent_runtimes,
            "agentRuntimes",
            "nextToken",
        )
        get = self._aws.client("bedrock-agentcore-control").get_agent_runtime
        describe = partial(self._once, get)
        for one, said in self._each(listed, describe, agentRuntimeId="agentRuntimeId"):
            newest, named = one["agentRuntimeVersion"], {"agentRuntimeId": one["agentRuntimeId"]}
            if how := self._named(_container(said)):
                yield User(one["agentRuntimeArn"], f"names it {how}")
                continue
            endpoints = self._pages(
                self._aws.client("bedrock-agentcore-control").list_agent_runtime_endpoints,
                "runtimeEndpoints",
                "nextToken",
                **named,
            )
            older = sorted({each.get("liveVersion", newest) for each in endpoints} - {newest})
            for version in older:
                said = self._once(get, **named, agentRuntimeVersion=version)
                if how := self._named(_container(said)):
                    yield User(one["agentRuntimeArn"], f"names it {how} in version {version}")
                    break

    def _runs(self, image: Mapping[str, str]) -> bool:
        """Is this the image that was resolved, or, where that is not said, the specified one?"""
        return bool(self._named(image.get("ResolvedImage") or image.get("SpecifiedImage", "")))

    def _named(self, reference: str) -> str:
        """How a reference names the image; "" where it names another."""
        match = _REFERENCE.fullmatch(reference)
        host = _HOST.fullmatch(match["host"]) if match else None
        if match is None or host is None:
            return ""
        here = (self._image.place.account, self._image.place.region, self._image.repository)
        if (host["account"], host["region"], match["repository"]) != here:
            return ""
        if match["digest"]:
            return BY_DIGEST if match["digest"] == self._image.digest else ""
        return BY_TAG if (match["tag"] or LATEST) in self._tags else ""

    def _each(
        self, listed: Sequence[Mapping[str, Any]], describe: Callable[..., Any], **named: str
    ) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """What is said of each that is listed, a few at a time, while there is time."""
        ((parameter, member),) = named.items()
        for begin in range(0, len(listed), AT_ONCE):
            if self._expired():
                self.truncated.append(TIME)
                return
            some = listed[begin : begin + AT_ONCE]
            said = gather(*(partial(describe, **{parameter: one[member]}) for one in some))
            yield from zip(some, said, strict=True)

    def _pages(
        self, call: Callable[..., Any], items: str, token: str, **named: Any
    ) -> list[Mapping[str, Any]]:
        if self._expired():
            self.truncated.append(TIME)
            return []
        listed, unread = pages(call, items, token, self._expired, **named)
        self.unread += unread
        return listed

    def _once(self, call: Callable[..., Any], **named: Any) -> Mapping[str, Any]:
        """What it says; {} where it is deleted, or not readable, which is said."""
        try:
            said = once(call, **named)
        except ClientError as error:
            if not _is_deleted(error):
                raise
            return {}
        if isinstance(said, Unread):
            self.unread.append(said)
            return {}
        return said or {}


def _is_deleted(error: ClientError) -> bool:
    code, message = error_code(error), error.response["Error"].get("Message", "")
    deleted = ("ImageNotFoundException", "RepositoryNotFoundException")
    return code in deleted or (code == "ValidationException" and "Could not find" in message)


def _deployed(variants: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, str]]:
    for variant in variants:
        yield from variant.get("DeployedImages", [])


def _container(runtime: Mapping[str, Any]) -> str:
    """The image of a runtime; "" for one that runs code of a bucket."""
    artifact = runtime.get("agentRuntimeArtifact", {})
    return str(artifact.get("containerConfiguration", {}).get("containerUri", ""))
