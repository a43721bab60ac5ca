"""A stack: what is left of a template when it is resolved."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.place import Place


class Unresolved(ValueError):
    """The template contains something that cannot be resolved without AWS."""


@dataclass(frozen=True)
class Resource:
    """One resource of the stack, its properties free of intrinsics."""

    logical: str
    type: str
    properties: Mapping[str, Any]
    physical: str  # what Ref gives
    arn: str  # "" where the type has none


@dataclass(frozen=True)
class Code:
    """Where a function's code lies in the working tree."""

    folder: Path
    handler: str


@dataclass(frozen=True, eq=False)
class Stack:
    """A template, resolved for one account, Region and set of parameters. Not to be changed."""

    name: str
    place: Place
    parameters: Mapping[str, str]
    resources: Mapping[str, Resource]
    unbuilt: tuple[Resource, ...]  # on the list of types that the embedded account ignores
    code: Mapping[str, Code]  # by logical id of the function
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """AWS::StackId."""
        return stack_id(self.place, self.name)

    def of(self, *types: str) -> list[Resource]:
        """The resources of these types, in the template's order."""
        return [r for r in self.resources.values() if r.type in types]


def stack_id(place: Place, name: str) -> str:
    """AWS::StackId: as AWS has it, with a UUID at its end. Here the name alone decides it."""
    return place.arn("cloudformation", f"stack/{name}/{uuid.uuid5(uuid.NAMESPACE_DNS, name)}")
