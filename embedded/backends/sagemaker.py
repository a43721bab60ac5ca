"""SageMaker tags. moto appends a second entry for an existing key, and loses some resources.

AddTags models no errors. That an unknown ARN is a ValidationException was seen in the field
(amazon-sagemaker-feedback issue 108); its text, and the code for too many tags, are our guess.
"""

from collections.abc import Iterator
from typing import Any

from moto.sagemaker.models import sagemaker_backends

from embedded.backends import tags
from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.tags import Holder, Service

PAGE = 50


def _find(where: Where, arn: str) -> Holder | None:
    """moto's object with this ARN, in ``arn``, ``model_package_arn`` or the like."""
    backend = sagemaker_backends[where.account]
    if where.region not in backend:
        return None
    kind = arn.split(":", 5)[5].split("/")[0].replace("-", "_")
    for resource in _resources(backend[where.region]):
        if arn in (getattr(resource, "arn", ""), getattr(resource, f"{kind}_arn", "")):
            return _holder(resource)
    return None


def _resources(backend: Any) -> Iterator[Any]:
    for table in vars(backend).values():
        entries = list(table.values()) if isinstance(table, dict) else []
        for entry in entries:  # a model card is the list of its versions
            yield from entry if isinstance(entry, list) else [entry]


def _holder(resource: Any) -> Holder:
    return Holder(
        lambda: _pairs(resource.tags or []),
        lambda wanted: setattr(resource, "tags", _list(wanted)),
    )


def _pairs(listed: list[dict[str, str]]) -> tags.Tags:
    return {tag["Key"]: tag["Value"] for tag in listed}


def _list(wanted: tags.Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in wanted.items()]


SAGEMAKER = tags.serves(
    Service(
        "sagemaker",
        ("",),
        _find,
        lambda arn: Refusal("ValidationException", f"Could not find the resource {arn}"),
        lambda arn: Refusal("ResourceLimitExceeded", f"{arn} has {tags.MOST} tags"),
    )
)


@implements("sagemaker", "AddTags")
def add_tags(params: Params, where: Where) -> Response:
    """Responds with the tags of the request, merged into those there."""
    arn, wanted = params["ResourceArn"], _pairs(params["Tags"])
    return {"Tags": _list(tags.add(SAGEMAKER, arn, where, wanted))[:PAGE]}


@implements("sagemaker", "DeleteTags")
def delete_tags(params: Params, where: Where) -> Response:
    """Keys that are not there do no harm."""
    tags.remove(SAGEMAKER, params["ResourceArn"], where, params["TagKeys"])
    return {}


@implements("sagemaker", "ListTags")
def list_tags(params: Params, where: Where) -> Response:
    """In pages of 50, which the output model holds at most."""
    listed = _list(tags.read(SAGEMAKER, params["ResourceArn"], where))
    token = params.get("NextToken", "0")
    if not token.isascii() or not token.isdigit():
        raise Refusal("ValidationException", "NextToken is not one of ours")
    start = int(token)
    more = {"NextToken": str(start + PAGE)} if start + PAGE < len(listed) else {}
    return {"Tags": listed[start : start + PAGE], **more}
