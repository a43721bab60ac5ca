"""What runs which container image: SageMaker's endpoints, of which moto knows no image, and its
inference components, which moto lacks.

Sources: the service model of ``sagemaker``; that a name which is not there is a ValidationException
is seen in the field, and moto says so too. Models, repositories and images are moto's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from embedded.backends import tags
from embedded.backends.pages import page
from embedded.backends.registry import (
    NotOurs,
    Params,
    Refusal,
    Response,
    Where,
    implements,
)
from embedded.backends.times import now

ENDPOINTS, COMPONENTS = "image-endpoints", "image-components"
PAGE = 10  # where the caller names no size
Images = Sequence[Mapping[str, str]]  # DeployedImage


def deployed(specified: str, resolved: str = "") -> dict[str, str]:
    """One image as SageMaker says it: as it was specified, and what that was resolved to."""
    return {"SpecifiedImage": specified, **({"ResolvedImage": resolved} if resolved else {})}


def endpoint(
    name: str,
    where: Where,
    images: Images,
    *,
    shadow: Images = (),
    pending: Images = (),
    own_tags: Mapping[str, str] | None = None,
) -> str:
    """An endpoint that runs these images; its ARN."""
    arn = where.arn("sagemaker", f"endpoint/{name}")
    where.table(ENDPOINTS)[name] = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": name,
        "CreationTime": now(),
        "LastModifiedTime": now(),
        "EndpointStatus": "Updating" if pending else "InService",
        "ProductionVariants": [_variant("live", images)],
        **({"ShadowProductionVariants": [_variant("shadow", shadow)]} if shadow else {}),
        **({"PendingDeploymentSummary": _pending(name, pending)} if pending else {}),
    }
    tags.exists(arn, where, own_tags)
    return arn


def component(
    name: str, where: Where, image: Mapping[str, str], own_tags: Mapping[str, str] | None = None
) -> str:
    """An inference component that runs this image; its ARN."""
    arn = where.arn("sagemaker", f"inference-component/{name}")
    where.table(COMPONENTS)[name] = {
        "InferenceComponentName": name,
        "InferenceComponentArn": arn,
        "EndpointName": "shared",
        "EndpointArn": where.arn("sagemaker", "endpoint/shared"),
        "CreationTime": now(),
        "LastModifiedTime": now(),
        "Specification": {"Container": {"DeployedImage": dict(image)}},
    }
    tags.exists(arn, where, own_tags)
    return arn


def delete_endpoint(name: str, where: Where) -> None:
    """Delete one that ``endpoint`` made."""
    tags.forget(where.table(ENDPOINTS).pop(name)["EndpointArn"], where)


def _variant(name: str, images: Images) -> dict[str, Any]:
    return {"VariantName": name, "DeployedImages": [dict(one) for one in images]}


def _pending(name: str, images: Images) -> dict[str, Any]:
    return {"EndpointConfigName": name, "ProductionVariants": [_variant("live", images)]}


@implements("sagemaker", "ListEndpoints")
def list_endpoints(params: Params, where: Where) -> Response:
    """Those of ``endpoint``, and moto's where there are none."""
    found = list(where.table(ENDPOINTS).values())
    if not found:
        raise NotOurs
    named = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
    listed, more = page([{n: one[n] for n in named} for one in found], params, "NextToken", PAGE)
    return {"Endpoints": listed, **more}


@implements("sagemaker", "DescribeEndpoint")
def describe_endpoint(params: Params, where: Where) -> Response:
    """With the images that it runs."""
    if params["EndpointName"] not in where.table(ENDPOINTS):
        raise NotOurs
    return dict(where.table(ENDPOINTS)[params["EndpointName"]])


@implements("sagemaker", "ListInferenceComponents")
def list_inference_components(params: Params, where: Where) -> Response:
    """All of them, whatever endpoint they are of."""
    found = [
        {name: value for name, value in one.items() if name != "Specification"} | _IN_SERVICE
        for one in where.table(COMPONENTS).values()
    ]
    listed, more = page(
        [{**one, "VariantName": "live"} for one in found], params, "NextToken", PAGE
    )
    return {"InferenceComponents": listed, **more}


@implements("sagemaker", "DescribeInferenceComponent")
def describe_inference_component(params: Params, where: Where) -> Response:
    """With the image that it runs."""
    name = params["InferenceComponentName"]
    if name not in where.table(COMPONENTS):
        raise Refusal("ValidationException", f"Could not find inference component '{name}'.")
    return {**where.table(COMPONENTS)[name], **_IN_SERVICE}


_IN_SERVICE = {"InferenceComponentStatus": "InService"}
