"""Custom resources: requests of CloudFormation to a function of the stack, and their responses.

The response is an HTTP PUT to the ResponseURL, which is served in this process: a connection of
urllib3 (so also of requests and botocore) to its host ends at a socket of ours, and no network is
used. Sources: AWS CloudFormation User Guide, "Custom resource request objects", "Custom resource
response objects".
"""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any, cast

import urllib3.util.connection

from embedded.functions import InvocationResult
from embedded.stack import Resource, Stack

HOST = "custom-resources.embedded"
MOST_BYTES = 4096  # of a response
PHYSICAL_ID_BYTES = 1024
SAME = ("StackId", "RequestId", "LogicalResourceId")  # in the response as in the request

Invoke = Callable[[str, Any], InvocationResult]  # function (ARN), event


class Failed(Exception):
    """The function reported FAILED, or nothing that CloudFormation understands."""


def custom_resources(stack: Stack) -> list[Resource]:
    """The custom resources of a stack, in the template's order."""
    return [resource for resource in stack.resources.values() if is_custom(resource.type)]


def is_custom(kind: str) -> bool:
    """``AWS::CloudFormation::CustomResource`` or ``Custom::…``."""
    return kind == "AWS::CloudFormation::CustomResource" or kind.startswith("Custom::")


def request(
    stack: Stack,
    resource: Resource,
    kind: str,
    *,
    physical: str = "",
    old: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request of CloudFormation: Create, Update (with the ``old`` properties), or Delete."""
    sent = {
        "RequestType": kind,
        "ResponseURL": f"http://{HOST}/{resource.logical}",
        "StackId": stack.id,
        "RequestId": f"{resource.logical}-{kind}",
        "ResourceType": resource.type,
        "LogicalResourceId": resource.logical,
        "ResourceProperties": as_text(resource.properties),
    }
    if kind != "Create":
        sent["PhysicalResourceId"] = physical
    return {**sent, "OldResourceProperties": as_text(old or {})} if kind == "Update" else sent


def as_text(value: Any) -> Any:
    """Properties as they are sent: every number and boolean is a text."""
    if isinstance(value, Mapping):
        return {name: as_text(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_text(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def send(sent: Mapping[str, Any], invoke: Invoke) -> str:
    """Send a request to its function; the physical id that it gave. Raises Failed, and why."""
    with serving() as responses:
        result = invoke(sent["ResourceProperties"]["ServiceToken"], sent)
    if not responses.bodies:
        raise Failed(f"{sent['LogicalResourceId']} did not respond. {result.error}".strip())
    return _physical_id(sent, responses.bodies[0])


def _physical_id(sent: Mapping[str, Any], body: bytes) -> str:
    logical = sent["LogicalResourceId"]
    if len(body) > MOST_BYTES:
        raise Failed(f"{logical}: a response of {len(body)} bytes")
    try:
        response = json.loads(body)
    except ValueError:
        raise Failed(f"{logical}: the response is no JSON") from None
    if any(response.get(key) != sent[key] for key in SAME):
        raise Failed(f"{logical}: the response is for another request")
    if response.get("Status") != "SUCCESS":
        raise Failed(f"{logical}: {response.get('Reason') or 'FAILED without a reason'}")
    physical = response.get("PhysicalResourceId", "")
    if not 0 < len(str(physical).encode()) <= PHYSICAL_ID_BYTES:
        raise Failed(f"{logical}: no physical id")
    return str(physical)


@dataclass
class Responses:
    """What was put to the ResponseURL, and the status of each."""

    bodies: list[bytes] = field(default_factory=list)  # those that were taken
    statuses: list[int] = field(default_factory=list)  # of the next PUTs; then 200
    types: list[str] = field(default_factory=list)  # the content types of all PUTs

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection until it is closed."""
        with connection:
            _Bucket(connection, (HOST, 0), cast("Any", self))


class _Bucket(BaseHTTPRequestHandler):
    """As S3 takes a PUT to a presigned URL."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mine = cast("Responses", self.server)
        mine.types.append(self.headers.get("Content-Type", ""))
        status = mine.statuses.pop(0) if mine.statuses else 200
        if status == 200:
            mine.bodies.append(body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@contextmanager
def serving() -> Iterator[Responses]:
    """Meanwhile the ResponseURL's host is served here."""
    responses = Responses()
    connect = urllib3.util.connection.create_connection

    def connected(address: tuple[str, int], *args: Any, **more: Any) -> socket.socket:
        if address[0] != HOST:
            return connect(address, *args, **more)
        ours, theirs = socket.socketpair()
        Thread(target=responses.serve, args=[ours], daemon=True).start()
        return theirs

    urllib3.util.connection.create_connection = connected
    try:
        yield responses
    finally:
        urllib3.util.connection.create_connection = connect
