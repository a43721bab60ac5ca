"""Stages objects, in the version that a finding names, with their owner's tags."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from moto.s3.models import s3_backends

from console.staging.notes import OWN_TAGS, Client, Note, exists
from cordon.finding import Fact, Finding, Resource


def stage_object(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    """Put the object into its bucket, which is staged before it.

    The version is that of the finding's one object; an object of no version is put without
    versioning.
    """
    bucket, _, key = resource.arn.partition(":::")[2].partition("/")
    if not key:
        yield Note(False, f"object {resource.name}: its key is not known")
        return
    s3 = client("s3", resource.place.region, resource.place.account)
    if exists(s3.head_object, "404", Bucket=bucket, Key=key):
        yield Note(False, f"object {key} in {bucket}: exists already")
        return
    version = finding.fact(Fact.OBJECT_VERSION)
    if version:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = s3.put_object(Bucket=bucket, Key=key, Body=b"malware", Tagging=urlencode(OWN_TAGS))
    if version:
        _rename(bucket, key, made["VersionId"], version, resource)
    yield Note(True, f"object {key} in {bucket}, version {version or 'null'}, with its tags")


def _rename(bucket: str, key: str, _made: str, wanted: str, resource: Resource) -> None:
    """S3 names versions itself, so that the name is changed inside moto; so are the tags' keys."""
    backend: Any = s3_backends[resource.place.account][resource.place.partition]
    found = backend.get_object(bucket, key)
    tags = backend.tagger.get_tag_dict_for_resource(found.arn)
    found._version_id = wanted
    backend.put_object_tagging(found, tags)
