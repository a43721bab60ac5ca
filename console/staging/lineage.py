"""Stages what SageMaker and Bedrock made of a bucket's data, where Macie found it sensitive."""

from collections.abc import Iterator
from itertools import pairwise

from console.staging.notes import OWN_TAGS, Note
from cordon.finding import Finding, Resource
from embedded import backends
from embedded.backends import agent_aliases, customization, lineage, tags

AGENT, BASE = "AGENTDATA1", "KBOFDATA01"
JOB, DEPLOYMENT, IMPORTED = "0a1b2c3d4e5f", "5f4e3d2c1b0a", "a0b1c2d3e4f5"
ENTITIES = (  # one made of the one before: the entity, its type, and what it stands for
    ("artifact/data", "DataSet", ""),
    (
        "experiment-trial-component/train-aws-training-job",
        "SageMakerTrainingJob",
        "training-job/train",
    ),
    ("artifact/model", "Model", "model/scorer"),
    ("action/deployed", "ModelDeployment", "endpoint/scorer"),
    ("context/scorer", "Endpoint", "endpoint/scorer"),
)


def stage_descendants(bucket: Resource, finding: Finding) -> Iterator[Note]:
    """A job with its endpoint, a custom model with its deployment, one imported, and an agent."""
    if not finding.matches("macie:SensitiveData:*"):
        return
    where = backends.here(bucket.place.account, bucket.place.region)
    if backends.known(where.arn("sagemaker", "artifact/data"), where):
        yield Note(False, f"what was made of {bucket.name}: exists already")
        return
    data = f"s3://{bucket.name}/train/"
    entities = [
        lineage.entity(name, type, where.arn("sagemaker", source) if source else data, where)
        for name, type, source in ENTITIES
    ]
    for one, made in pairwise(entities):
        lineage.made_of(one, made, where)
    _, model = customization.job(JOB, where, reads=f"s3://{bucket.name}/tune.jsonl")
    customization.deployed(DEPLOYMENT, model, where)
    customization.imported(IMPORTED, where, reads=f"s3://{bucket.name}/weights/")
    base = customization.base(BASE, where, bucket=bucket.arn)
    agent_aliases.make(AGENT, where, where.arn("iam", "role/agent", region=""), {}, OWN_TAGS)
    customization.uses(AGENT, where, base=BASE)
    tags.add(tags.service_of(base), base, where, OWN_TAGS)
    yield Note(True, f"{bucket.name}: an endpoint, two models and an agent were made of its data")
