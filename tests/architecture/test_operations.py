"""The layer's botocore data has exactly the operations that the code calls, unchanged.

These tests compare the data with botocore's, tests/test_generated.py the list with the source. In
tests/promises every function runs with this data only, which shows that the data is sufficient.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import Session

from console.operations import deployed, operations, services
from prune_botocore import listed, prune
from tests.architecture.pruned import LISTED, WHOLE, data, session
from tests.architecture.stack import ROOT

CODE = deployed(ROOT)
REGIONS = ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1")
VOLATILE = {"Authorization", "X-Amz-Date", "amz-sdk-invocation-id"}
PARAMETERS = {
    "AccountId": "111122223333",
    "Bucket": "some-bucket",
    "ResourceArn": "arn:aws:s3:::some-bucket",
    "resourceArn": "arn:aws:bedrock:us-east-1:111122223333:agent/A",
}
LISTED_OPERATIONS = {(s, name) for s, names in listed(LISTED).items() for name in names}
SERVICES = sorted(listed(LISTED))


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return session(data(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def botocores() -> Session:
    return session(WHOLE)


def test_every_service_has_a_call() -> None:
    assert services(CODE) == {service for service, _ in operations(CODE)}


def test_every_form_of_call_is_found(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        "service: str = 'bedrock'\n"
        "aws.client('sts').assume_role()\n"
        "s3 = aws.client('s3')\n"
        "s3.put_object()\n"
        "self._dynamodb.get_item()\n"
        "hub.get_findings()\n"
        "aws.client(self.service).tag_resource()\n"
        "ssm.get_paginator('describe_ops_items')\n"
        "re.search('iam')\n"
    )
    assert operations([code]) == {
        ("bedrock", "TagResource"),
        ("dynamodb", "GetItem"),
        ("s3", "PutObject"),
        ("securityhub", "GetFindings"),
        ("ssm", "DescribeOpsItems"),
        ("sts", "AssumeRole"),
    }


def test_unknown_operation_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="PutObjekt"):
        prune({"s3": {"PutObjekt"}}, WHOLE, tmp_path)


def test_code_uses_no_waiter() -> None:
    """The data has no waiters."""
    assert not [path for path in CODE if "get_waiter" in path.read_text()]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("service", SERVICES)
def test_kept_operations_are_unchanged(service: str, layers: Session, botocores: Session) -> None:
    kept, original = layers.get_service_model(service), botocores.get_service_model(service)
    assert set(kept.operation_names) == listed(LISTED)[service]
    assert kept.metadata == original.metadata
    for name in kept.operation_names:
        assert definition(kept.operation_model(name)) == definition(
            original.operation_model(name)
        ), name
    assert paginators(layers, service) == paginators(botocores, service)
    for region in REGIONS:
        assert endpoints(layers, service, region) == endpoints(botocores, service, region)


def definition(operation: OperationModel) -> dict[str, Any]:
    """Everything that botocore reads to write a request and to parse a response."""
    shapes = [operation.input_shape, operation.output_shape, *operation.error_shapes]
    return {
        "http": operation.http,
        "auth": (operation.auth_type, operation.resolved_auth_type),
        "context": (operation.static_context_parameters, operation.operation_context_parameters),
        "checksum": operation.http_checksum,
        "endpoint": operation.endpoint,
        "shapes": [dict(walk(shape)) for shape in shapes if shape is not None],
    }


def walk(shape: Shape) -> Iterator[tuple[str, Any]]:
    """Every shape below this one, by name, with its traits and its members."""
    seen: set[str] = set()
    pending = [shape]
    while pending:
        current = pending.pop()
        if current.name in seen:
            continue
        seen.add(current.name)
        parts = members(current)
        pending += parts.values()
        inner = {key: (part.name, part.serialization) for key, part in parts.items()}
        yield current.name, (current.type_name, current.serialization, current.metadata, inner)


def members(shape: Shape) -> dict[str, Shape]:
    if shape.type_name == "structure":
        return dict(shape.members)
    if shape.type_name == "list":
        return {"member": shape.member}
    return {"key": shape.key, "value": shape.value} if shape.type_name == "map" else {}


def paginators(from_session: Session, service: str) -> dict[str, Any]:
    model = from_session.get_component("data_loader").load_service_model(service, "paginators-1")
    return {k: v for k, v in model["pagination"].items() if k in listed(LISTED)[service]}


def endpoints(at: Session, service: str, region: str) -> tuple[Any, ...]:
    """The Region's data for ``AwsClients.has_service`` and for the legacy resolver."""
    partition = at.get_partition_for_region(region)
    prefix = at.get_service_model(service).endpoint_prefix
    resolver = at._get_internal_component("endpoint_resolver")
    return (
        at.get_available_regions(service, partition),
        resolver.construct_endpoint(prefix, region, partition),
    )


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(("service", "operation"), sorted(LISTED_OPERATIONS))
def test_requests_equal_those_with_all_data(
    service: str, operation: str, layers: Session, botocores: Session
) -> None:
    sent = [request(at, service, operation) for at in (layers, botocores)]
    assert sent[0] == sent[1]


def request(at: Session, service: str, operation: str) -> dict[str, Any]:
    """The request of an operation with its required parameters. The response is a stub."""
    client = at.create_client(
        service, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )
    model: ServiceModel = client.meta.service_model
    parameters = example(model.operation_model(operation).input_shape)
    token = model.operation_model(operation).idempotent_members
    parameters |= dict.fromkeys(token, "0" * 32)  # else botocore makes one by chance
    sent: dict[str, Any] = {}

    def respond(request: Any, **_: Any) -> AWSResponse:
        headers = {k: v for k, v in request.headers.items() if k not in VOLATILE}
        body = request.body.read() if hasattr(request.body, "read") else request.body
        sent.update(url=request.url, body=body, headers=headers)
        xml = f"<Response><{operation}Result/></Response>"
        text = xml if model.protocol in ("query", "rest-xml") else "{}"
        return AWSResponse(request.url, 200, {}, _Raw(text.encode()))

    client.meta.events.register_first(f"before-send.{model.service_id.hyphenize()}", respond)
    client._make_api_call(operation, parameters)
    client.close()
    return sent


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: Any) -> bytes:
        body, self._body = self._body, b""
        return body


def example(shape: Shape | None, name: str = "") -> Any:
    """A valid value for the shape, with its required members."""
    if isinstance(shape, StructureShape):
        keys = shape.required_members or list(shape.members)[:1] * shape.is_tagged_union
        return {key: example(shape.members[key], key) for key in keys}
    if shape is None:
        return {}
    if shape.type_name == "list":
        return [example(shape.member)]
    if shape.type_name == "map":
        return {example(shape.key): example(shape.value)}
    if name in PARAMETERS:
        return PARAMETERS[name]
    enum = getattr(shape, "enum", ())  # of a text
    text = enum[0] if enum else "a" * max(1, int(shape.metadata.get("min", 1)))
    return {
        "integer": 1,
        "long": 1,
        "double": 1.0,
        "boolean": True,
        "blob": b"bytes",
        "timestamp": datetime(2026, 11, 24, tzinfo=UTC),
    }.get(shape.type_name, text)
