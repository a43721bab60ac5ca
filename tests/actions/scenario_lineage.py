"""Scenarios of a bucket's lineage: a model of SageMaker, a knowledge base, and what has no tags."""

from typing import Any

from cordon.actions.descendants import TagDescendants
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import agent_aliases, customization, lineage, tags
from tests.actions.scenario import PLACE, Scenario
from tests.actions.scenario_tags import keyed

backends.install()  # before any session is made, which is in the first test

HERE = backends.here(PLACE.account, PLACE.region)
BUCKET = "acme-training-data"
TAG = TagDescendants(PLACE, BUCKET, ("0123456789abcdef",))
OTHER = TagDescendants(PLACE, BUCKET, ("fedcba9876543210",))
MODEL = PLACE.arn("sagemaker", "model/scorer")
BASE = PLACE.arn("bedrock", "knowledge-base/KBAAAAAAAA")
OWN = {"team": "fraud"}
Tags = dict[str, str]


def made(aws: AwsClients) -> None:
    """A data set of the bucket → a model; a knowledge base; an image, which has no tags."""
    bucket(aws)
    data = lineage.entity("artifact/d1", "DataSet", f"s3://{BUCKET}/train/", HERE)
    model = lineage.entity("artifact/m1", "Model", MODEL, HERE)
    image = lineage.entity("artifact/i1", "Image", "arn:aws:ecr:us-east-1:1:repository/r", HERE)
    for destination in (model, image):
        lineage.made_of(data, destination, HERE)
    customization.base("KBAAAAAAAA", HERE, bucket=TAG.resource)
    tag_model(aws, OWN)


def much_made(aws: AwsClients) -> None:
    """One of each kind: so that each call is made that the lineage may need."""
    bucket(aws)
    data = lineage.entity("artifact/d1", "DataSet", f"s3://{BUCKET}/train/", HERE)
    for name in ("action/a1", "context/c1", "experiment-trial-component/t1"):
        lineage.made_of(data, lineage.entity(name, "Other", MODEL, HERE), HERE)
    lineage.made_of(data, lineage.entity("artifact/m1", "Model", MODEL, HERE), HERE)
    customization.job("aaaaaaaaaaaa", HERE, reads=f"s3://{BUCKET}/tune.jsonl")
    customization.imported("bbbbbbbbbbbb", HERE, reads=f"s3://{BUCKET}/weights")
    customization.base("KBAAAAAAAA", HERE, bucket=TAG.resource)
    agent_aliases.make("AGENTAAAAA", HERE, "arn:aws:iam::123456789012:role/agent", {})


def bucket(aws: AwsClients) -> None:
    aws.client("s3").create_bucket(Bucket=BUCKET)
    listed = [{"Key": key, "Value": value} for key, value in OWN.items()]
    aws.client("s3").put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": listed})


def marked_before(aws: AwsClients) -> None:
    much_made(aws)
    tag_model(aws, {TAG.key: "by a person"})


def tag_model(aws: AwsClients, wanted: Tags) -> None:
    listed = [{"Key": key, "Value": value} for key, value in wanted.items()]
    aws.client("sagemaker").add_tags(ResourceArn=MODEL, Tags=listed)


def read(aws: AwsClients) -> dict[str, Tags]:
    """The tags of all of it, by the ARN's end."""
    found = {"bucket": keyed(aws.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"])}
    for arn in (PLACE.arn("sagemaker", "artifact/d1"), MODEL, BASE):
        if backends.known(arn, HERE):
            found[arn] = dict(sorted(tags.read(tags.service_of(arn), arn, HERE).items()))
    return found


def review_model(aws: AwsClients) -> None:
    tag_model(aws, {TAG.key: "reviewed"})


def theirs(state: Any) -> Any:
    return state.get(MODEL, {}).get(TAG.key)


SCENARIOS = [
    Scenario("marked-before", TAG, OTHER, marked_before, read, review_model, theirs=theirs),
    Scenario(
        "nothing-downstream",
        TAG,
        OTHER,
        bucket,
        read,
        tamper=lambda aws: aws.client("s3").put_bucket_tagging(
            Bucket=BUCKET, Tagging={"TagSet": [{"Key": TAG.key, "Value": "mine"}]}
        ),
        missing=lambda aws: aws.client("s3").delete_bucket(Bucket=BUCKET),
        theirs=lambda state: state["bucket"][TAG.key],
    ),
]
