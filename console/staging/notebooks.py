"""Stages SageMaker notebook instances: running, with root access and lifecycle configuration."""

from console.staging.notes import OWN_TAGS, Note
from cordon.finding import Resource
from embedded import backends
from embedded.backends import notebooks

NOTEBOOK = "AWS::SageMaker::NotebookInstance"
LIFECYCLE = "acme-on-start"


def is_notebook(resource: Resource) -> bool:
    """Does ``stage_notebook`` create it, with all that Cordon changes of it?"""
    return resource.type == NOTEBOOK and bool(resource.arn)


def stage_notebook(resource: Resource) -> Note:
    """Create it with its owner's tags. Its name has a capital letter, its ARN has none."""
    where = backends.here(resource.place.account, resource.place.region)
    if backends.known(resource.arn, where):
        return Note(False, f"{resource.arn}: exists already")
    notebooks.make(resource.name.capitalize(), where, OWN_TAGS, lifecycle=LIFECYCLE)
    return Note(True, f"{resource.arn}, running, with two of its owner's tags")
