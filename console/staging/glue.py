"""Stages tables of the Data Catalog with the bucket of their data, and jobs of Glue."""

from collections.abc import Iterator
from typing import Any

from console.staging.detection import SHUT
from console.staging.notes import OWN_TAGS, Client, Note, exists
from cordon.finding import Finding, Resource

BUCKET = "acme-training-data"


def stage_table(resource: Resource, _: Finding, client: Client) -> Iterator[Note]:
    """Create the table, with its data in a bucket that has its owner's tags."""
    place = resource.place
    database, table = resource.name.split("/")
    glue = client("glue", place.region, place.account)
    named = {"DatabaseName": database, "Name": table}
    if exists(glue.get_table, "EntityNotFoundException", **named):
        yield Note(False, f"table {resource.name}: exists already")
        return
    if not exists(glue.get_database, "EntityNotFoundException", Name=database):
        glue.create_database(DatabaseInput={"Name": database})
    location = f"s3://{BUCKET}/{table}/"
    given = {"Name": table, "StorageDescriptor": {"Location": location}}
    glue.create_table(DatabaseName=database, TableInput=given)
    _bucket(client("s3", place.region, place.account), place.region)
    yield Note(True, f"table {resource.name}, with its data in {location}")


def stage_job(resource: Resource, _: Finding, client: Client) -> Iterator[Note]:
    """Create the job with its owner's tags."""
    place = resource.place
    glue = client("glue", place.region, place.account)
    if exists(glue.get_job, "EntityNotFoundException", JobName=resource.name):
        yield Note(False, f"job {resource.name}: exists already")
        return
    role, script = place.arn("iam", "role/glue", region=""), {"Name": "glueetl"}
    glue.create_job(Name=resource.name, Role=role, Command=script, Tags=OWN_TAGS)
    yield Note(True, f"job {resource.name}, with two of its owner's tags")


def _bucket(s3: Any, region: str) -> None:
    if exists(s3.head_bucket, "404", Bucket=BUCKET):
        return
    where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=BUCKET, **({} if region == "us-east-1" else where))
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=SHUT)  # as S3 makes it
    listed = [{"Key": key, "Value": value} for key, value in OWN_TAGS.items()]
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": listed})
