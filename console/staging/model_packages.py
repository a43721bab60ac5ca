"""Stages versions of models: approved by somebody, with no approved model card."""

from console.staging.notes import Note
from cordon.finding import Finding, Resource
from embedded import backends
from embedded.backends import model_packages

PACKAGE = "AWS::SageMaker::ModelPackage"
APPROVED = ("config:cordon-model-package-*", "desk:*")  # what says or supposes that it is approved
DESCRIPTION = "Approved by its owner after validation"


def is_approved(resource: Resource, finding: Finding) -> bool:
    """Is it a version whose approval a finding is about?"""
    version = resource.name.rpartition("/")[2].isdecimal()
    return resource.type == PACKAGE and version and finding.matches(*APPROVED)


def stage_model_package(resource: Resource) -> Note:
    """The version, in the registry, Approved and without a card."""
    where = backends.here(resource.place.account, resource.place.region)
    if model_packages.is_there(resource.arn, where):
        return Note(False, f"{resource.arn}: exists already")
    group, _, version = resource.name.rpartition("/")
    model_packages.make(group, int(version), where, approval="Approved", description=DESCRIPTION)
    return Note(True, f"{resource.arn}, approved and without a model card")
