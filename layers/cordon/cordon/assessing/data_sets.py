"""SageMaker's lineage leads from a model to a data set.

Lineage has what SageMaker's own jobs were given. A model from elsewhere, also one of AWS's own, has
none there, and is found: where its data came from, nothing here says.

The rule is periodic, although Config records models: when one is made its lineage may not be there
yet.

Sources: Amazon SageMaker AI Developer Guide, "Amazon SageMaker AI-Created Tracking Entities",
"Querying Lineage Entities"; Amazon SageMaker AI API Reference, "ListModels", "ListArtifacts" (by
a whole SourceUri), "QueryLineage" (Ascendants, at most ten steps).
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError, PaginationError

from cordon.actions.sagemaker import is_deleted
from cordon.assessing.evaluation import Compliance, Evaluation, Found
from cordon.assessing.request import Request
from cordon.clients import AwsClients

RULE = "cordon-sagemaker-model-has-traceable-dataset"
TYPE = "AWS::SageMaker::Model"
DATA_SET = "DataSet"
MOST_DEPTH = 10


def assess(aws: AwsClients, _: Request) -> Found:
    """Every model, and whether its lineage has a data set."""
    sagemaker = aws.client("sagemaker")
    for page in sagemaker.get_paginator("list_models").paginate():
        for one in page["Models"]:
            arn = one["ModelArn"]
            if _has_data_set(sagemaker, arn):
                yield Evaluation(TYPE, arn, Compliance.COMPLIANT)
                continue
            said = "SageMaker's lineage leads from it to no data set"
            yield Evaluation(TYPE, arn, Compliance.NON_COMPLIANT, said)


def _has_data_set(sagemaker: Any, model: str) -> bool:
    return any(True for _ in data_sets_of(sagemaker, model))


def data_sets_of(sagemaker: Any, arn: str) -> Iterator[str]:
    """The lineage's data sets that a model or a version of one was made of, by their ARNs."""
    pages = sagemaker.get_paginator("list_artifacts").paginate(SourceUri=arn)
    artifacts = [one["ArtifactArn"] for page in pages for one in page["ArtifactSummaries"]]
    for artifact in artifacts:
        yield from _data_sets_above(sagemaker, artifact)


def _data_sets_above(sagemaker: Any, artifact: str) -> Iterator[str]:
    more: dict[str, str] = {}
    while True:
        try:
            page = sagemaker.query_lineage(
                StartArns=[artifact],
                Direction="Ascendants",
                IncludeEdges=False,
                Filters={"Types": [DATA_SET]},
                MaxDepth=MOST_DEPTH,
                **more,
            )
        except ClientError as error:
            if is_deleted(error):  # since it was listed
                return
            raise
        vertices = page.get("Vertices", ())
        yield from (vertex["Arn"] for vertex in vertices if vertex.get("Type") == DATA_SET)
        if not (token := page.get("NextToken")):
            return
        if more.get("NextToken") == token:  # as botocore's paginators, which have none for this
            raise PaginationError(message=f"QueryLineage of {artifact}: a page leads to itself")
        more = {"NextToken": token}
