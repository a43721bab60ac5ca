"""Sets the scene for a finding: its resources, in the bad state the finding describes.

    staged = stage(finding, account.client)

Everything is made in the embedded account, in the account and Region the finding names. What
exists already is left as it is, so that staging again changes nothing. Each bucket, role and AI
resource also gets a policy statement, rule or tags of its owner's, so that one sees whether a
containment leaves them alone and a release brings them back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from console.staging.buckets import FOREIGN, stage_bucket
from console.staging.hub import stage_hub
from console.staging.identities import stage_role, stage_user
from console.staging.notes import OWN_TAGS, Client, Note
from cordon.finding import Finding, Place, Resource
from embedded import backends
from embedded.backends import tags

__all__ = ["FOREIGN", "OWN_TAGS", "Client", "Staged", "stage"]

OTHER_BUCKETS = {
    "AWS::S3Express::DirectoryBucket": "directory buckets are not embedded",
    "AWS::S3Tables::TableBucket": "table buckets are not embedded",
    "AWS::S3Vectors::VectorBucket": "vector buckets are not embedded",
}
AI = ("AWS::SageMaker::", "AWS::Bedrock::", "AWS::BedrockAgentCore::")


@dataclass(frozen=True)
class Staged:
    """What a finding's scene consists of, in words."""

    made: tuple[str, ...]  # what was not there before
    left: tuple[str, ...]  # what was there already, or cannot be staged, and why


def stage(finding: Finding, client: Client, *, home: Place | None = None) -> Staged:
    """Make the finding's resources exist, in the state it describes. Safe to call again.

    ``home`` is where Security Hub gathers findings (the deployment's account and Region), when it
    is not where the finding is. Raises the ClientError of a call that AWS would refuse as well:
    the finding cannot be true.
    """
    notes = [
        note for resource in finding.resources for note in _resource(resource, finding, client)
    ]
    for place in dict.fromkeys((finding.place, home or finding.place)):
        notes += stage_hub(finding, place, client)
    return Staged(
        tuple(note.text for note in notes if note.made),
        tuple(note.text for note in notes if not note.made),
    )


def _resource(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    if resource.type == "AWS::S3::Bucket":
        yield from stage_bucket(resource, finding, client)
    elif resource.type == "AWS::IAM::Role":
        yield from stage_role(resource, finding, client)
    elif resource.type == "AWS::IAM::User":
        yield from stage_user(resource, finding, client)
    elif resource.type in OTHER_BUCKETS:
        yield Note(False, f"{resource.name}: {OTHER_BUCKETS[resource.type]}")
    elif resource.type.startswith(AI):
        yield _ai_resource(resource)
    elif resource.type != "AWS::IAM::AccessKey":  # keys are staged with their user
        yield Note(False, f"{resource.type} {resource.name}: not staged, no playbook acts on it")


def _ai_resource(resource: Resource) -> Note:
    if not resource.arn:
        return Note(False, f"{resource.type} {resource.name}: the finding has no ARN of it")
    arn = resource.arn.partition("/data-source/")[0]  # tags are those of its knowledge base
    if not tags.taggable(arn):
        return Note(False, f"{arn}: a kind that has no tags")
    where = backends.here(resource.place.account, resource.place.region)
    if backends.known(arn, where):
        return Note(False, f"{arn}: is there already")
    backends.exists(arn, where, OWN_TAGS)
    return Note(True, f"{arn}, with two tags of its owner's")
