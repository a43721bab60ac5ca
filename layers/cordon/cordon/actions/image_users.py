"""Tag the models, endpoints and agents that run a container image.

A plan is pure, so it names the image; ``capture`` looks who runs it. The image itself is not
tagged: ECR tags repositories. In its nodes ``how`` says how each is known to run it. All else is
``cordon.actions.tag_found``.
"""

from dataclasses import dataclass
from typing import ClassVar

from cordon.actions.action import Json, NothingToChange, Refused
from cordon.actions.bedrock import TagAgentCore
from cordon.actions.grants import Grant, Statement
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag_found import Look, TagFound, bounded, cut, not_known, short
from cordon.clients import AwsClients
from cordon.lineage import IN_FUNCTION, within
from cordon.lineage.calls import NOT_THERE
from cordon.lineage.image_users import Image, users_of

VULNERABLE = "cordon:vulnerable:"  # and the image
SHOWN_OF_DIGEST = 12  # hexadecimal digits of a digest in a tag's key
_LISTS = Statement("ListImageUsers", "*", "who runs an image: lists name no resource")
_MODELS = Statement(
    "ReadImageUsers",
    "arn:${AWS::Partition}:sagemaker:*:${AWS::AccountId}:*",
    "which image a model or an endpoint runs",
    wide="any model or endpoint of the account may run the image",
)
_RUNTIMES = Statement(
    "ReadRuntimes",
    "arn:${AWS::Partition}:bedrock-agentcore:*:${AWS::AccountId}:runtime/*",
    "which image an agent runtime runs",
    wide="any runtime of the account may run the image",
)
_IMAGES = Statement(
    "ReadImageTags",
    "arn:${AWS::Partition}:ecr:*:${AWS::AccountId}:repository/*",
    "by which tags the image is known",
    wide="findings name an image of any repository",
)


@dataclass(frozen=True)
class TagImageUsers(TagFound):
    """Tag what runs an image with the cases that say that the image is vulnerable."""

    repository: str
    digest: str
    cases: tuple[str, ...]

    family: ClassVar[str] = "image"
    grants: ClassVar[tuple[Grant, ...]] = (
        *TagSageMaker.grants,
        *TagAgentCore.grants,
        _LISTS.allows(
            "bedrock-agentcore:ListAgentRuntimeEndpoints",
            "bedrock-agentcore:ListAgentRuntimes",
            "sagemaker:ListEndpoints",
            "sagemaker:ListInferenceComponents",
            "sagemaker:ListModels",
        ),
        _MODELS.allows(
            "sagemaker:DescribeEndpoint",
            "sagemaker:DescribeInferenceComponent",
            "sagemaker:DescribeModel",
        ),
        _RUNTIMES.allows("bedrock-agentcore:GetAgentRuntime"),
        _IMAGES.allows("ecr:DescribeImages"),
    )

    @property
    def target(self) -> str:
        return f"image:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("ecr", f"repository/{self.repository}/{self.digest}")

    @property
    def in_words(self) -> str:
        return (
            f"sets the tag {self.key} of the models, endpoints, inference components and agent"
            f" runtimes in {self.place.region} that run the image"
        )

    @property
    def caution(self) -> str:
        return (
            "what it tags is looked up when it is carried out; it stops nothing: whatever runs the"
            " image goes on"
        )

    @property
    def key(self) -> str:
        """The tag's key: no other image's hold writes it."""
        digits = self.digest.removeprefix("sha256:")[:SHOWN_OF_DIGEST]
        return f"{VULNERABLE}{self.repository}@{digits}"

    def look(self, aws: AwsClients) -> str:
        found = self._look(aws)
        users = bounded([f"{short(node['arn'])} {node['how']}" for node in found.nodes])
        return cut(f"at the time of this question: {users}")

    def _look(self, aws: AwsClients) -> Look:
        image = Image(self.place, self.repository, self.digest)
        found = users_of(image, aws, within(IN_FUNCTION))
        unread = [f"{one.what}: {one.why}" for one in found.unread]
        nodes = [{"arn": user.arn, "how": user.how} for user in found.users]
        if nodes:
            return Look(nodes, unread, found.truncated)
        if not found.truncated and all(one.why == NOT_THERE for one in found.unread):
            nobody = (
                "no endpoint, inference component, model or agent runtime of"
                f" {self.place.account} in {self.place.region} is known to run {self.resource}"
            )
            raise NothingToChange("; ".join([nobody, *unread]))  # AgentCore is not everywhere
        raise Refused(
            f"nobody was found that runs {self.resource}, but not everything was read: look who"
            f" runs it. {bounded([*unread, *found.truncated])}"
        )

    def _said(self, captured: Json) -> str:
        users = [f"{short(node['arn'])} {node['how']}" for node in captured["nodes"]]
        return cut(". ".join([f"found: {len(users)}; {bounded(users)}", *not_known(captured)]))
