"""What was made of a bucket's data: both halves, and what keeps one from reading them."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from cordon.clients import AwsClients
from cordon.lineage import AwsReader, Lineage, descendants, start_of
from cordon.lineage.walk import TIME
from embedded import backends
from embedded.backends import agent_aliases, customization, lineage
from tests.actions.scenario import PLACE, account, stub

HERE = backends.here(PLACE.account, PLACE.region)
BUCKET = "arn:aws:s3:::acme-data"
OUTPUT = "s3://acme-output/model.tar.gz"
ROLE = "arn:aws:iam::123456789012:role/agent"


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        yield clients


def never() -> bool:
    return False


def read(aws: AwsClients, start: str = BUCKET, expired: Callable[[], bool] = never) -> Lineage:
    return descendants(start_of(start), AwsReader(aws, PLACE, expired), expired)


def found(one: Lineage) -> dict[str, list[str]]:
    """Each resource, with those on the way to it; all without the beginning of their ARNs."""
    return {
        _short(node.found.resource): [_short(step.resource) for step in one.path(node)[1:-1]]
        for node in one.nodes
    }


def _short(arn: str) -> str:
    return arn.split(":", 5)[-1]


def train(where: backends.Where = HERE) -> list[str]:
    """A data set → a training job → its output → a model → an endpoint. The entities' ARNs."""
    entities = [
        lineage.entity("artifact/d1", "DataSet", "s3://acme-data/train/", where),
        lineage.entity(
            "experiment-trial-component/t1",
            "SageMakerTrainingJob",
            where.arn("sagemaker", "training-job/t1"),
            where,
        ),
        lineage.entity("artifact/o1", "Model", OUTPUT, where),
        lineage.entity("artifact/m1", "Model", where.arn("sagemaker", "model/m1"), where),
        lineage.entity("context/e1", "Endpoint", where.arn("sagemaker", "endpoint/e1"), where),
    ]
    for source, destination in pairwise(entities):
        lineage.made_of(source, destination, where)
    return entities


def test_both_halves_are_followed_and_meet(aws: AwsClients) -> None:
    train()
    lineage.entity("artifact/other", "DataSet", "s3://acme-data-2/train/", HERE)
    _job, model = customization.job("aaaaaaaaaaaa", HERE, reads="s3://acme-data/tune.jsonl")
    customization.job("bbbbbbbbbbbb", HERE, reads="s3://acme-data-2/tune.jsonl")
    throughput = customization.bought("cccccccccccc", model, HERE)
    customization.deployed("dddddddddddd", model, HERE)
    customization.imported("eeeeeeeeeeee", HERE, reads="s3://acme-output/")
    customization.base("KBAAAAAAAA", HERE, bucket=BUCKET)
    customization.base("KBBBBBBBBB", HERE, bucket=f"{BUCKET}-2")
    for agent in ("AGENTAAAAA", "AGENTBBBBB", "AGENTCCCCC"):
        agent_aliases.make(agent, HERE, ROLE, {"ALIASAAAAA": "live"})
    customization.uses("AGENTAAAAA", HERE, base="KBAAAAAAAA", version="1")
    customization.uses("AGENTBBBBB", HERE, model=throughput)
    customization.uses("AGENTCCCCC", HERE, base="KBBBBBBBBB")
    said = read(aws)
    tuned = ["model-customization-job/amazon.nova-lite-v1:0/aaaaaaaaaaaa"]
    custom = "custom-model/amazon.nova-lite-v1:0/aaaaaaaaaaaa"
    assert found(said) == {
        "artifact/d1": [],
        "training-job/t1": ["artifact/d1"],
        "artifact/o1": ["artifact/d1", "training-job/t1"],
        "model/m1": ["artifact/d1", "training-job/t1", "artifact/o1"],
        "endpoint/e1": ["artifact/d1", "training-job/t1", "artifact/o1", "model/m1"],
        "imported-model/eeeeeeeeeeee": ["artifact/d1", "training-job/t1", "artifact/o1"],
        tuned[0]: [],
        custom: tuned,
        "provisioned-model/cccccccccccc": [*tuned, custom],
        "custom-model-deployment/dddddddddddd": [*tuned, custom],
        "agent/AGENTBBBBB": [*tuned, custom, "provisioned-model/cccccccccccc"],
        "knowledge-base/KBAAAAAAAA": [],
        "agent/AGENTAAAAA": ["knowledge-base/KBAAAAAAAA"],
    }
    assert (said.unread, said.truncated) == ((), ())


def test_circle_and_deleted_entity_and_other_region_do_not_break_it(aws: AwsClients) -> None:
    entities = train()
    lineage.made_of(entities[-1], entities[0], HERE)
    lineage.delete(entities[2], HERE)
    abroad = "arn:aws:sagemaker:eu-west-1:123456789012:artifact/far"
    lineage.made_of(entities[1], abroad, HERE)
    said = read(aws)
    assert list(found(said)) == [
        *("artifact/d1", "training-job/t1", "artifact/far", "artifact/o1"),
        *("model/m1", "endpoint/e1"),
    ]
    assert [(one.what, one.why.partition(",")[0]) for one in said.unread] == [
        (abroad, "it is of another account or Region")
    ]


def test_what_one_query_has_last_is_queried_again_where_it_is_near(aws: AwsClients) -> None:
    """What follows is not shown ten steps from one data set; it is one of the bucket itself too."""
    far = [lineage.entity(f"artifact/f{n}", "Model", f"s3://other/{n}", HERE) for n in range(9)]
    first = lineage.entity("artifact/a", "DataSet", "s3://acme-data/a", HERE)
    near = lineage.entity("artifact/z", "DataSet", "s3://acme-data/z", HERE)
    after = lineage.entity("artifact/after", "Model", "s3://other/after", HERE)
    for n in range(20):  # so that the two are not queried at the same time
        lineage.entity(f"artifact/b{n}", "DataSet", f"s3://acme-data/{n}", HERE)
    for source, destination in pairwise([first, *far, near, after]):
        lineage.made_of(source, destination, HERE)
    assert found(read(aws))["artifact/after"] == ["artifact/z"]


@pytest.mark.parametrize(
    ("service", "operation", "code", "why"),
    [
        ("sagemaker", "ListArtifacts", "AccessDeniedException", "access is denied"),
        ("sagemaker", "DescribeContext", "ThrottlingException", "throttles"),
        ("bedrock", "ListModelCustomizationJobs", "AccessDeniedException", "access is denied"),
    ],
)
def test_what_may_not_be_read_is_said_and_the_rest_is_read(
    aws: AwsClients, service: str, operation: str, code: str, why: str
) -> None:
    train()
    customization.base("KBAAAAAAAA", HERE, bucket=BUCKET)
    stub(aws, service, operation, lambda _: code)
    said = read(aws)
    assert "knowledge-base/KBAAAAAAAA" in found(said)
    assert [one.what.split()[0] for one in said.unread] == [operation]
    assert why in said.unread[0].why


def test_unexpected_error_is_no_statement_about_lineage(aws: AwsClients) -> None:
    stub(aws, "bedrock", "ListImportedModels", lambda _: "InternalServerException")
    with pytest.raises(Exception, match="InternalServerException"):
        read(aws)


def test_thousands_of_jobs_end_with_the_time(aws: AwsClients) -> None:
    for n in range(100):
        customization.job(f"{n:012}", HERE, reads="s3://acme-data/")
    calls: list[Any] = []
    stub(aws, "bedrock", "GetModelCustomizationJob", lambda params: calls.append(params))
    said = read(aws, expired=lambda: bool(calls))
    assert len(said.nodes) == len(calls) < 100
    assert TIME in {*said.truncated, *(one.why for one in said.unread)}


@pytest.mark.parametrize(
    "arn", ["acme-data", "arn:aws:s3:::acme/key", "arn:aws:ec2:us-east-1::x/y"]
)
def test_what_has_no_lineage_is_no_start(arn: str) -> None:
    with pytest.raises(ValueError, match=r"ARN|neither"):
        start_of(arn)
