"""Reads from the source which AWS operations the code calls: the list that the layer is built with.

``layers/cordon/prune_botocore.py`` reduces botocore's data to that list.

A client is recognised by its form: ``x.client("s3")``; a variable, ``s3 = x.client("s3")``; or a
parameter or attribute named after its service (``ssm``, ``self._dynamodb``), because this code
passes clients on with such names. ``x.client(self.service)`` means every service in a class
attribute ``service``.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name

NAMED = {
    "agentcore": "bedrock-agentcore-control",
    "agents": "bedrock-agent",
    "hub": "securityhub",
    "states": "stepfunctions",
}  # names that differ from the service's
BY_LIBRARIES = {
    ("s3", "CreateSession"),  # botocore: directory buckets
    ("s3", "HeadBucket"),  # botocore: redirects
}
HEAD = """\
# The AWS operations that this layer and its functions call. prune_botocore.py reduces botocore's
# data to them. Made from the code by `make playbooks`.
"""

Operation = tuple[str, str]  # ("s3", "PutObject")


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The list as it should be."""
    found = operations(deployed(root)) | BY_LIBRARIES
    text = HEAD + "".join(f"{service} {name}\n" for service, name in sorted(found))
    yield root / "layers" / "cordon" / "operations.txt", text


def deployed(root: Path) -> list[Path]:
    """The modules that run in AWS."""
    layer = (root / "layers" / "cordon").glob("cordon/**/*.py")
    return [*layer, *(root / "functions").glob("*/*.py")]


def operations(code: list[Path]) -> set[Operation]:
    """Every operation called in these modules."""
    reader = _Reader([ast.parse(path.read_text()) for path in code])
    return set(reader.found())


class _Reader:
    def __init__(self, modules: list[ast.Module]) -> None:
        self._modules = modules
        self._session = botocore.session.Session()
        self._methods: dict[str, dict[str, str]] = {}
        self._named = {
            str(node.value.value)
            for module in modules
            for node in ast.walk(module)
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "service"
            and isinstance(node.value, ast.Constant)
        }

    def found(self) -> Iterator[Operation]:
        for module in self._modules:
            for node in ast.walk(module):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=client, attr="get_paginator" | "get_waiter"),
                        args=[ast.Constant(value=str(method))],
                    ):
                        yield from self._called(client, method)
                    case ast.Attribute(value=client, attr=method):  # also one that is passed on
                        yield from self._called(client, method)

    def _called(self, client: ast.expr, method: str) -> Iterator[Operation]:
        for service in self._services(client):
            operation = self._operations(service).get(method)
            if operation is not None:
                yield service, operation

    def _services(self, client: ast.expr) -> set[str]:
        match client:
            case ast.Call(func=ast.Attribute(attr="client"), args=[ast.Constant(value=str(name))]):
                return {name}
            case ast.Call(func=ast.Attribute(attr="client"), args=[ast.Attribute(attr="service")]):
                return self._named
            case ast.Name(id=name) | ast.Attribute(attr=name):
                name = name.removeprefix("_")
                name = NAMED.get(name, name)
                return {name} & set(self._session.get_available_services())
        return set()

    def _operations(self, service: str) -> dict[str, str]:
        if service not in self._methods:
            model = self._session.get_service_model(service)
            self._methods[service] = {xform_name(name): name for name in model.operation_names}
        return self._methods[service]


def services(code: list[Path]) -> set[str]:
    """The services of the clients in the modules: ``x.client("s3")``, ``service = "bedrock"``."""
    names = set()
    for path in code:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="client"), args=[ast.Constant(value=str(name)), *_]
                ):
                    names.add(name)
                case ast.AnnAssign(
                    target=ast.Name(id="service"), value=ast.Constant(value=str(name))
                ):
                    names.add(name)
    return names
