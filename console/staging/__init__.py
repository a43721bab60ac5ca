"""Creates a finding's resources in the bad state that the finding describes.

    staged = stage(finding, account.client)

The resources are created in the embedded account, in the account and Region of the finding.
Existing resources do not change, so staging again changes nothing. Each bucket, role and AI
resource also gets its owner's policy statement, rule or tags. They show whether a containment
keeps the owner's settings and whether a release restores them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from console.staging.agents import is_agent, stage_agent
from console.staging.baseline import is_of_baseline, stage_baseline
from console.staging.buckets import FOREIGN, stage_bucket
from console.staging.detection import is_switched_off, stage_detection
from console.staging.glue import stage_job, stage_table
from console.staging.hub import stage_hub
from console.staging.identities import stage_owner, stage_role, stage_user
from console.staging.images import stage_image
from console.staging.lineage import stage_descendants
from console.staging.model_packages import is_approved, stage_model_package
from console.staging.notebooks import is_notebook, stage_notebook
from console.staging.notes import OWN_TAGS, Client, Note
from console.staging.objects import stage_object
from cordon import unsupported
from cordon.finding import Finding, Place, Resource
from cordon.sources.shapes import SERVICE_CREDENTIAL
from embedded import backends
from embedded.backends import tags

__all__ = ["FOREIGN", "OWN_TAGS", "Client", "Staged", "stage"]

STAGED_BY = {
    "AWS::S3::Bucket": stage_bucket,
    "AWS::IAM::Role": stage_role,
    "AWS::IAM::User": stage_user,
    "AWS::IAM::AccessKey": stage_owner,
    "AWS::ECR::Repository": stage_image,
    "AWS::Glue::Table": stage_table,
    "AWS::Glue::Job": stage_job,
}
OTHER_BUCKETS = {
    "AWS::S3Express::DirectoryBucket": "directory buckets are not embedded",
    "AWS::S3Tables::TableBucket": "table buckets are not embedded",
    "AWS::S3Vectors::VectorBucket": "vector buckets are not embedded",
}
AI = ("AWS::SageMaker::", "AWS::Bedrock::", "AWS::BedrockAgentCore::")


@dataclass(frozen=True)
class Staged:
    """What was created for a finding, as sentences."""

    made: tuple[str, ...]  # did not exist before
    left: tuple[str, ...]  # skipped: exists already, or cannot be staged, and why


def stage(finding: Finding, client: Client, *, home: Place | None = None) -> Staged:
    """Create the finding's resources in the state that it describes. Safe to call again.

    ``home`` is the account and Region where Security Hub aggregates findings (the deployment's), if
    that is not the finding's. Raises the ClientError of a call that AWS would refuse too: such a
    finding cannot be real.
    """
    notes = [
        note for resource in finding.resources for note in _resource(resource, finding, client)
    ]
    if is_of_baseline(finding):
        notes.append(stage_baseline(finding, client))
    notes += [
        note
        for bucket in unsupported.buckets(finding)
        for note in stage_descendants(bucket, finding)
    ]
    for place in dict.fromkeys((finding.place, home or finding.place)):
        notes += stage_hub(finding, place, client)
    return Staged(
        tuple(note.text for note in notes if note.made),
        tuple(note.text for note in notes if not note.made),
    )


def _resource(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    if resource.type in STAGED_BY:
        yield from STAGED_BY[resource.type](resource, finding, client)
    elif resource.type == "AWS::S3::Object" and unsupported.objects(finding):
        yield from stage_object(resource, finding, client)
    elif is_switched_off(resource, finding):
        yield stage_detection(resource, finding, client)
    elif is_agent(resource):
        yield stage_agent(resource, finding)
    elif is_notebook(resource):
        yield stage_notebook(resource)
    elif is_approved(resource, finding):
        yield stage_model_package(resource)
    else:
        yield from _other(resource)


def _other(resource: Resource) -> Iterator[Note]:
    if resource.type in OTHER_BUCKETS:
        yield Note(False, f"{resource.name}: {OTHER_BUCKETS[resource.type]}")
    elif resource.type.startswith(AI):
        yield _ai_resource(resource)
    elif resource.type != SERVICE_CREDENTIAL:  # it is staged with its user
        yield Note(
            False, f"{resource.type} {resource.name}: not staged, no playbook changes this type"
        )


def _ai_resource(resource: Resource) -> Note:
    if not resource.arn:
        return Note(False, f"{resource.type} {resource.name}: the finding has no ARN for it")
    arn = resource.arn.partition("/data-source/")[0]  # a data source has its knowledge base's tags
    if not tags.taggable(arn):
        return Note(False, f"{arn}: this type has no tags")
    where = backends.here(resource.place.account, resource.place.region)
    if backends.known(arn, where):
        return Note(False, f"{arn}: exists already")
    backends.exists(arn, where, OWN_TAGS)
    return Note(True, f"{arn}, with two of its owner's tags")
