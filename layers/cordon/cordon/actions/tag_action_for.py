"""Selects the tag action for a resource by the service and type in its ARN. Pure.

The types are those that the Service Authorization Reference (SageMaker, Bedrock, Bedrock AgentCore)
lists for the service's tag actions. Other types are refused, with the manual step.
"""

import re
from collections.abc import Mapping

from cordon.actions.action import Refused
from cordon.actions.bedrock import TagAgentCore, TagBedrock, TagBedrockAgent
from cordon.actions.sagemaker import TagSageMaker
from cordon.actions.tag import TagByArn
from cordon.finding import ARN, Place


def _types(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SAGEMAKER = _types(
    """
    action algorithm app app-image-config artifact automl-job cluster cluster-scheduler-config
    code-repository compilation-job compute-quota context data-quality-job-definition device-fleet
    domain edge-deployment edge-packaging-job endpoint endpoint-config experiment experiment-trial
    experiment-trial-component feature-group flow-definition hub hub-content human-task-ui
    hyper-parameter-tuning-job image inference-component inference-experiment
    inference-recommendations-job labeling-job mlflow-app mlflow-tracking-server model
    model-bias-job-definition model-card model-explainability-job-definition model-package
    model-package-group model-quality-job-definition monitoring-schedule notebook-instance
    notebook-instance-lifecycle-config optimization-job partner-app pipeline processing-job project
    reserved-capacity space studio-lifecycle-config training-job training-plan transform-job
    user-profile workteam
    """
)
_BEDROCK = _types(
    """
    application-inference-profile async-invoke automated-reasoning-policy custom-model
    custom-model-deployment evaluation-job guardrail imported-model model-copy-job
    model-customization-job model-evaluation-job model-import-job model-invocation-job
    prompt-router provisioned-model
    """
)
_BEDROCK_AGENT = _types("agent agent-alias flow flow/alias knowledge-base prompt")
_AGENTCORE = _types(
    """
    browser-custom browser-profile code-interpreter-custom evaluator gateway memory
    online-evaluation-config runtime runtime/runtime-endpoint token-vault
    token-vault/apikeycredentialprovider token-vault/oauth2credentialprovider
    workload-identity-directory workload-identity-directory/workload-identity
    """
)
_ACTIONS: dict[str, tuple[tuple[frozenset[str], type[TagByArn]], ...]] = {
    "sagemaker": ((_SAGEMAKER | {"device-fleet/device"}, TagSageMaker),),
    "bedrock": ((_BEDROCK, TagBedrock), (_BEDROCK_AGENT, TagBedrockAgent)),
    "bedrock-agentcore": ((_AGENTCORE, TagAgentCore),),
}
TAG_ACTIONS = tuple(action for kinds in _ACTIONS.values() for _, action in kinds)
# Types whose third part is another name, not the type of a child resource
_NAMED_BY_PATH = _types(
    """
    agent-alias app custom-model hub-content model-customization-job model-package space
    user-profile
    """
)
_DATA_SOURCE = re.compile(r"(knowledge-base/[A-Za-z0-9]+)/data-source/[A-Za-z0-9]+")
_USE_OF_A_MODEL = (
    "has no tags; to stop its use, deny bedrock:InvokeModel* and bedrock-mantle:CreateInference"
)
# "CreateModelPackage" (SageMaker API Reference): a version uses its group's tags, and has none
_VERSION_OF_A_MODEL = re.compile(r"model-package/[^/]+/[0-9]+")
_NOT_TAGGABLE = {
    "foundation-model": _USE_OF_A_MODEL,
    "inference-profile": _USE_OF_A_MODEL,
    "default-prompt-router": _USE_OF_A_MODEL,
    "policy-engine": "has no tags; tag the gateways that use it",
    "browser": "is managed by AWS and has no tags; tag the runtime that uses it",
    "code-interpreter": "is managed by AWS and has no tags; tag the runtime that uses it",
}


def tag_action_for(place: Place, arn: str, tags: Mapping[str, tuple[str, ...]]) -> TagByArn:
    """The action that sets these tags (key → values) on a SageMaker, Bedrock or AgentCore resource.

    For a data source its knowledge base is tagged. Raises Refused if the resource cannot have tags,
    and ValueError if ``arn`` is not an ARN or not of ``place``.
    """
    match = ARN.fullmatch(arn)
    if not match:
        raise ValueError(f"arn: not an ARN: {arn!r}")
    source = _DATA_SOURCE.fullmatch(match["resource"])
    if source and match["service"] == "bedrock":
        return tag_action_for(place, arn.removesuffix(match["resource"]) + source[1], tags)
    if match["service"] == "sagemaker" and _VERSION_OF_A_MODEL.fullmatch(match["resource"]):
        raise Refused(f"{arn}: is a version of a model, which has no tags but its group's")
    kind = _kind(match["resource"])
    for kinds, action in _ACTIONS.get(match["service"], ()):
        if kind in kinds and match["region"] and match["account"] not in ("", "aws"):
            return action(place, arn, tags)
    advice = _NOT_TAGGABLE.get(
        kind.split("/")[0], "has no tags that Cordon can set; tag it manually"
    )
    raise Refused(f"{arn}: {advice}")


def _kind(resource: str) -> str:
    """``runtime/r-1/runtime-endpoint/e`` → ``runtime/runtime-endpoint``."""
    parts = resource.split("/")
    if len(parts) < 2 or not all(parts):
        return ""
    return parts[0] if parts[0] in _NAMED_BY_PATH else "/".join(parts[::2])
