"""SageMaker's lineage leads from a model to a data set.

Lineage has what SageMaker's own jobs were given. A model from elsewhere, also one of AWS's own, has
none there, and is found: where its data came from, nothing here says.

The rule is periodic, although Config records models: when one is made its lineage may not be there
yet.

Sources: Amazon SageMaker AI Developer Guide, "Amazon SageMaker AI-Created Tracking Entities",
"Querying Lineage Entities"; Amazon SageMaker AI API Reference, "ListModels", "ListArtifacts" (by
a whole SourceUri), "QueryLineage" (Ascendants, at most ten steps).
"""

from typing import Any

from botocore.exceptions import ClientError

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
    pages = sagemaker.get_paginator("list_artifacts").paginate(SourceUri=model)
    artifacts = [one["ArtifactArn"] for page in pages for one in page["ArtifactSummaries"]]
    return any(_leads_to_data(sagemaker, artifact) for artifact in artifacts)


def _leads_to_data(sagemaker: Any, artifact: str) -> bool:
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
                return False
            raise
        if any(vertex.get("Type") == DATA_SET for vertex in page.get("Vertices", ())):
            return True
        if not (token := page.get("NextToken")):
            return False
        more = {"NextToken": token}
