"""Scenarios of a table's bucket, and of a Glue job, with and without tags."""

from typing import Any

from cordon.actions.dataset import LOW_QUALITY, TagDataset
from cordon.actions.glue_job import TagGlueJob
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, Scenario
from tests.actions.scenario_tags import keyed

backends.install()  # before any session is made, which is in the first test

BUCKET, MORE, DATABASE, TABLE = "acme-training-data", "acme-more-data", "acme", "customers"
TAG = TagDataset(PLACE, DATABASE, TABLE, ("0123456789abcdef",))
OTHER = TagDataset(PLACE, DATABASE, TABLE, ("fedcba9876543210",))
JOB = PLACE.arn("glue", "job/cleanse")
OWN = {"team": "fraud"}
TAG_JOB = TagGlueJob(PLACE, JOB, {LOW_QUALITY: ("0123456789abcdef",)})
OTHER_JOB = TagGlueJob(PLACE, JOB, {LOW_QUALITY: ("fedcba9876543210",)})
Tags = dict[str, str]


def table(aws: AwsClients, location: str, *more: str, **given: Any) -> None:
    """A table of which the first bucket exists, with its owner's tags."""
    glue, s3 = aws.client("glue"), aws.client("s3")
    storage = {"Location": location, "AdditionalLocations": list(more)}
    glue.create_database(DatabaseInput={"Name": DATABASE})
    glue.create_table(
        DatabaseName=DATABASE, TableInput={"Name": TABLE, "StorageDescriptor": storage, **given}
    )
    s3.create_bucket(Bucket=BUCKET)
    set_tags(aws, OWN)


def set_tags(aws: AwsClients, tags: Tags) -> None:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    aws.client("s3").put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": listed})


def in_a_bucket(aws: AwsClients) -> None:
    table(aws, f"s3://{BUCKET}/customers/")


def in_two_buckets(aws: AwsClients) -> None:
    table(aws, f"s3a://{BUCKET}/customers/", f"s3://{MORE}/2025/", f"s3://{BUCKET}/2026/")
    aws.client("s3").create_bucket(Bucket=MORE)
    set_tags(aws, {**OWN, TAG.key: "by a person"})


def read(aws: AwsClients) -> dict[str, Tags]:
    s3 = aws.client("s3")
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    return {name: _tags(s3, name) for name in names}


def _tags(s3: Any, bucket: str) -> Tags:
    try:
        return keyed(s3.get_bucket_tagging(Bucket=bucket)["TagSet"])
    except s3.exceptions.ClientError:
        return {}


def job(aws: AwsClients) -> None:
    command = {"Name": "glueetl"}
    aws.client("glue").create_job(Name="cleanse", Role="role/glue", Command=command, Tags=OWN)


def read_job(aws: AwsClients) -> Tags:
    found: Tags = aws.client("glue").get_tags(ResourceArn=JOB)["Tags"]
    return found


SCENARIOS = [
    Scenario(
        "one-bucket",
        TAG,
        OTHER,
        in_a_bucket,
        read,
        tamper=lambda aws: set_tags(aws, {**OWN, TAG.key: "mine"}),
        theirs=lambda state: state[BUCKET][TAG.key],
    ),
    Scenario(
        "two-buckets-one-marked",
        TAG,
        OTHER,
        in_two_buckets,
        read,
        tamper=lambda aws: set_tags(aws, {**OWN, TAG.key: "mine"}),
        theirs=lambda state: state[BUCKET][TAG.key],
    ),
    Scenario(
        "job",
        TAG_JOB,
        OTHER_JOB,
        job,
        read_job,
        tamper=lambda aws: aws.client("glue").tag_resource(
            ResourceArn=JOB, TagsToAdd={LOW_QUALITY: "mine"}
        ),
        missing=lambda aws: aws.client("glue").delete_job(JobName="cleanse"),
        theirs=lambda state: state[LOW_QUALITY],
    ),
]
