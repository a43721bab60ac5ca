"""Tags of AWS Glue's jobs: moto tags any ARN, whether it exists or not.

Source: AWS Glue API Reference, "TagResource", "UntagResource", "GetTags" (EntityNotFoundException).
The code for too many tags is our guess.
"""

from typing import Any

from moto.glue.models import glue_backends

from embedded.backends import tags
from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.tags import Holder, Service


def _find(where: Where, arn: str) -> Holder | None:
    backend: Any = glue_backends[where.account][where.region]
    if arn.rpartition(":job/")[2] not in backend.jobs:
        return None
    tagger = backend.tagger
    return Holder(
        lambda: tagger.get_tag_dict_for_resource(arn),
        lambda wanted: tagger.tags.update({arn: wanted}),
    )


GLUE = tags.serves(
    Service(
        "glue",
        ("job/",),
        _find,
        lambda arn: Refusal("EntityNotFoundException", f"{arn} does not exist"),
        lambda arn: Refusal("InvalidInputException", f"{arn} has {tags.MOST} tags"),
    )
)


def every() -> dict[str, tags.Tags]:
    """The tags of the jobs of all accounts and Regions, by ARN."""
    found: dict[str, tags.Tags] = {}
    for account in glue_backends.values():
        for backend in account.values():
            found |= _of_jobs(backend.tagger)
    return dict(sorted(found.items()))


def _of_jobs(tagger: Any) -> dict[str, tags.Tags]:
    return {arn: dict(own) for arn, own in tagger.tags.items() if ":job/" in arn}


@implements("glue", "TagResource")
def tag_resource(params: Params, where: Where) -> Response:
    """A key that is there gets the new value."""
    tags.add(GLUE, params["ResourceArn"], where, params["TagsToAdd"])
    return {}


@implements("glue", "UntagResource")
def untag_resource(params: Params, where: Where) -> Response:
    """Keys that are not there do no harm."""
    tags.remove(GLUE, params["ResourceArn"], where, params["TagsToRemove"])
    return {}


@implements("glue", "GetTags")
def get_tags(params: Params, where: Where) -> Response:
    """All of them: Glue has no pages here."""
    return {"Tags": tags.read(GLUE, params["ResourceArn"], where)}
