"""An application inference profile routes to allowed Regions only.

A profile that was made from one of AWS's cross-Region profiles has a model in each Region that it
may route to; where a model's ARN has no Region it may be anywhere. AWS's own profiles are no
resources of the account and are not evaluated: who may invoke by them, IAM and SCPs say.

Sources: Amazon Bedrock API Reference, "ListInferenceProfiles" (``models`` of a summary); Amazon
Bedrock User Guide, "Supported Regions and models for inference profiles".
"""

from collections.abc import Collection

from cordon.assessing.evaluation import Compliance, Evaluation, Found
from cordon.assessing.request import Request
from cordon.clients import AwsClients

RULE = "cordon-bedrock-inference-profile-in-allowed-regions"
TYPE = "AWS::Bedrock::ApplicationInferenceProfile"
ANYWHERE = "any Region"


def assess(aws: AwsClients, request: Request) -> Found:
    """Every application inference profile, and where its models are."""
    allowed = request.listed("regions")
    if not aws.has_service("bedrock"):
        return
    pages = (
        aws.client("bedrock")
        .get_paginator("list_inference_profiles")
        .paginate(typeEquals="APPLICATION")
    )
    for page in pages:
        for one in page["inferenceProfileSummaries"]:
            others = outside([model["modelArn"] for model in one["models"]], allowed)
            if not others:
                yield Evaluation(TYPE, one["inferenceProfileArn"], Compliance.COMPLIANT)
                continue
            said = f"Routes to {', '.join(others)}: not allowed"
            yield Evaluation(TYPE, one["inferenceProfileArn"], Compliance.NON_COMPLIANT, said)


def outside(models: Collection[str], allowed: Collection[str]) -> list[str]:
    """The Regions of these models that are not allowed, sorted.

    >>> outside(["arn:aws:bedrock:us-east-1::foundation-model/a.b"], ["eu-west-1"])
    ['us-east-1']
    """
    regions = {arn.split(":")[3] or ANYWHERE for arn in models}
    return sorted(regions - set(allowed))
