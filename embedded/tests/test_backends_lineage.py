"""SageMaker's lineage: in pages, by whole URI, and what is not there."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded import backends
from embedded.backends import lineage

HERE = backends.here("123456789012", "us-east-1")


@cache
def client() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client("sagemaker", region_name="us-east-1")


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield client()


def test_every_page_together_has_each_vertex_and_edge_once(sagemaker: Any) -> None:
    arns = [lineage.entity(f"artifact/a{n}", "Model", f"s3://b/{n}", HERE) for n in range(4)]
    for source, destination in ((0, 1), (1, 2), (2, 3), (3, 1)):
        lineage.made_of(arns[source], arns[destination], HERE)
    query = {"StartArns": arns[:1], "Direction": "Descendants", "IncludeEdges": True}
    vertices: list[str] = []
    edges: list[tuple[str, str]] = []
    more: dict[str, Any] = {}
    while more != {"NextToken": None}:
        said = sagemaker.query_lineage(**query, MaxResults=2, **more)
        vertices += [one["Arn"] for one in said["Vertices"]]
        edges += [(one["SourceArn"], one["DestinationArn"]) for one in said["Edges"]]
        more = {"NextToken": said.get("NextToken")}
    assert vertices == arns[1:]
    assert sorted(edges) == [(arns[a], arns[b]) for a, b in ((0, 1), (1, 2), (2, 3), (3, 1))]
    found = sagemaker.list_artifacts(SourceUri="s3://b/2")["ArtifactSummaries"]
    assert [one["ArtifactArn"] for one in found] == [arns[2]]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_artifact(ArtifactArn=f"{arns[0]}-other")
