"""The routes of the HTTP APIs of a template, and which of them a request has.

API Gateway developer guide: "Create routes for HTTP APIs in API Gateway".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from embedded.functions import Function, Runtime
from embedded.stack import Resource, Stack, Unresolved

STAGE = "$default"
LONGEST = 30_000  # milliseconds that an integration may take, and the default


@dataclass(frozen=True)
class Route:
    """A route of an API. ``key`` is "POST /approve", or "$default"."""

    key: str
    signed: bool  # AuthorizationType AWS_IAM
    function: Function
    longest: int  # milliseconds

    @property
    def path(self) -> str:
        """The path with its variables, "" for $default."""
        return self.key.partition(" ")[2]

    def variables(self, method: str, path: str) -> dict[str, str] | None:
        """The path's variables if the route matches, else None."""
        if self.key == "$default":
            return {}
        wanted = self.key.partition(" ")[0]
        found = self._pattern().fullmatch(path) if wanted in (method, "ANY") else None
        return found.groupdict() if found else None

    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(\{\w+\+?\})", self.path)
        return re.compile("".join(_part(one) for one in parts))

    def rank(self) -> tuple[bool, bool, int, bool]:
        """Whole paths before variables, those before greedy ones, a method before ANY."""
        variables = self.path.count("{")
        return (
            self.key == "$default",
            "+}" in self.path,
            variables,
            self.key.startswith("ANY "),
        )


def _part(text: str) -> str:
    if not text.startswith("{"):
        return re.escape(text)
    name, anything = text.strip("{}+"), ".+" if text.endswith("+}") else "[^/]+"
    return f"(?P<{name}>{anything})"


@dataclass(frozen=True)
class Api:
    """An HTTP API of the template with its stage."""

    logical: str
    id: str
    domain: str
    routes: tuple[Route, ...]
    log_group: str  # name, "" without an access log
    log_format: str


def apis_of(stack: Stack, runtime: Runtime) -> dict[str, Api]:
    """The HTTP APIs of a stack by logical id. Raises Unresolved for what is not played here."""
    return {r.logical: _api(r, stack, runtime) for r in stack.of("AWS::ApiGatewayV2::Api")}


def _api(resource: Resource, stack: Stack, runtime: Runtime) -> Api:
    if resource.properties.get("ProtocolType") != "HTTP":
        raise Unresolved(f"{resource.logical}: only HTTP APIs are played here")
    stage = _stage(resource, stack)
    logs = stage.properties.get("AccessLogSettings", {})
    place = stack.place
    return Api(
        resource.logical,
        resource.physical,
        f"{resource.physical}.execute-api.{place.region}.{place.suffix}",
        tuple(sorted(_routes(resource, stack, runtime), key=Route.rank)),
        log_group_of(stage),
        str(logs.get("Format", "")),
    )


def _stage(api: Resource, stack: Stack) -> Resource:
    found = _of_api("AWS::ApiGatewayV2::Stage", api, stack)
    deployed = [one for one in found if str(one.properties.get("AutoDeploy")).lower() == "true"]
    if len(found) != 1 or found != deployed or found[0].properties["StageName"] != STAGE:
        raise Unresolved(f"{api.logical}: one stage, {STAGE}, with AutoDeploy is played here")
    return found[0]


def log_group_of(stage: Resource) -> str:
    """The name of a stage's log group, "" without an access log."""
    arn = str(stage.properties.get("AccessLogSettings", {}).get("DestinationArn", ""))
    return arn.removesuffix(":*").split(":", 6)[-1]


def _of_api(kind: str, api: Resource, stack: Stack) -> list[Resource]:
    return [one for one in stack.of(kind) if one.properties["ApiId"] == api.physical]


def _routes(api: Resource, stack: Stack, runtime: Runtime) -> Iterator[Route]:
    integrations = {
        f"integrations/{one.physical}": one
        for one in _of_api("AWS::ApiGatewayV2::Integration", api, stack)
    }
    for resource in _of_api("AWS::ApiGatewayV2::Route", api, stack):
        properties = resource.properties
        kind = properties.get("AuthorizationType", "NONE")
        if kind not in ("NONE", "AWS_IAM"):
            raise Unresolved(f"{resource.logical}: {kind} authorization is not played here")
        target = integrations.get(properties.get("Target", ""))
        if target is None:
            raise Unresolved(f"{resource.logical}: its target is no integration of its API")
        longest = int(target.properties.get("TimeoutInMillis", LONGEST))
        yield Route(properties["RouteKey"], kind == "AWS_IAM", _target(target, runtime), longest)


def _target(integration: Resource, runtime: Runtime) -> Function:
    properties = integration.properties
    kind = (properties.get("IntegrationType"), properties.get("PayloadFormatVersion"))
    if kind != ("AWS_PROXY", "2.0"):
        raise Unresolved(f"{integration.logical}: only AWS_PROXY with format 2.0 is played here")
    uri = str(properties["IntegrationUri"])
    arn = uri.partition("/functions/")[2].removesuffix("/invocations") or uri
    function = runtime.find(arn)
    if function is None:
        raise Unresolved(f"{integration.logical}: no such function: {arn}")
    return function
