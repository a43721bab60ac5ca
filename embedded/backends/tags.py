"""One keeper of tags for the services whose tag APIs moto lacks or gets wrong.

A resource that moto knows keeps its tags where moto has them, so that both see the same. What
moto cannot create is made to exist with ``exists``; any other ARN is unknown and refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from embedded.backends.registry import Refusal, Where, tables

Tags = dict[str, str]
MOST = 50  # a resource's own tags; those AWS sets (aws:…) are not counted


@dataclass(frozen=True)
class Holder:
    """Where the tags of one resource lie."""

    read: Callable[[], Tags]
    write: Callable[[Tags], object]


Finder = Callable[[Where, str], Holder | None]


@dataclass(frozen=True)
class Service:
    """One service's limits and error codes, and how to find a resource of it in moto."""

    name: str  # botocore service name
    kinds: tuple[str, ...]  # beginnings of the resource part of its taggable ARNs
    find: Finder
    unknown: Callable[[str], Refusal]
    too_many: Callable[[str], Refusal]


SERVICES: dict[str, Service] = {}


def serves(service: Service) -> Service:
    """Make a service known."""
    SERVICES[service.name] = service
    return service


def exists(arn: str, where: Where, tags: Mapping[str, str] | None = None) -> None:
    """Make a resource that moto cannot create. Existing tags are kept.

    Raises ValueError if no service here has taggable resources of that type.
    """
    service_of(arn)
    _made(where).setdefault(arn, dict(tags or {}))


def forget(arn: str, where: Where) -> None:
    """Remove the resource that ``exists`` made."""
    _made(where).pop(arn, None)


def known(arn: str, where: Where) -> bool:
    """Whether the resource exists, here or in moto."""
    return _holder(service_of(arn), arn, where) is not None


def taggable(arn: str) -> bool:
    """Whether a service of ours tags ARNs of this kind."""
    return _service_of(arn) is not None


def service_of(arn: str) -> Service:
    """The service that tags this ARN. Bedrock and its agents share ``bedrock`` in their ARNs."""
    service = _service_of(arn)
    if service is None:
        raise ValueError(f"no service of ours tags {arn}")
    return service


def _service_of(arn: str) -> Service | None:
    _, _, prefix, _, _, resource = arn.split(":", 5)
    for service in SERVICES.values():
        if _prefix(service.name) == prefix and resource.startswith(service.kinds):
            return service
    return None


def _prefix(service: str) -> str:
    return {"bedrock-agent": "bedrock", "bedrock-agentcore-control": "bedrock-agentcore"}.get(
        service, service
    )


def read(service: Service, arn: str, where: Where) -> Tags:
    """The tags of a resource."""
    return _required(service, arn, where).read()


def add(service: Service, arn: str, where: Where, tags: Mapping[str, str]) -> Tags:
    """Set tags; a key that is there gets the new value. Gives all tags."""
    _not_reserved(tags)
    holder = _required(service, arn, where)
    merged = {**holder.read(), **tags}
    if sum(not key.startswith("aws:") for key in merged) > MOST:
        raise service.too_many(arn)
    holder.write(merged)
    return merged


def remove(service: Service, arn: str, where: Where, keys: list[str]) -> None:
    """Take tags away; keys that are not there do no harm."""
    _not_reserved(keys)
    holder = _required(service, arn, where)
    holder.write({k: v for k, v in holder.read().items() if k not in keys})


def _not_reserved(keys: Any) -> None:
    if any(key.lower().startswith("aws:") for key in keys):
        raise Refusal("ValidationException", "Tag keys must not start with aws:")


def _required(service: Service, arn: str, where: Where) -> Holder:
    _, partition, _, region, account, resource = arn.split(":", 5)
    if (partition, region, account) != (where.partition, where.region, where.account):
        raise Refusal("AccessDeniedException", f"not authorized on {arn}", 403)
    holder = _holder(service, arn, where) if resource.startswith(service.kinds) else None
    if holder is None:
        raise service.unknown(arn)
    return holder


def _holder(service: Service, arn: str, where: Where) -> Holder | None:
    made = _made(where)
    if arn in made:
        return Holder(lambda: dict(made[arn]), lambda tags: made.update({arn: tags}))
    return service.find(where, arn)


def everything() -> dict[str, Tags]:
    """The tags of every resource made by ``exists``, by ARN, wherever it is."""
    found = {arn: dict(tags) for table in tables("resources") for arn, tags in table.items()}
    return dict(sorted(found.items()))


def _made(where: Where) -> dict[str, Tags]:
    return where.table("resources")
