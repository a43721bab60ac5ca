"""Does a control's resource belong to an AI workload, as the operator named them?

A name is a tag, ``team=mlops``, or an ARN with wildcards. Tags are those that the finding states of
its resources: what it leaves out, nothing here reads. Only the operator's own name is kept, never a
text of the finding.

Sources: AWS Security Hub API Reference, "Resource" (Tags: a map, as they were when the finding was
processed); OCSF schema 1.6, object "key_value_object" (name, with value or values).
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial

from cordon.finding import Finding, ResourceRole
from cordon.sources.field import Field
from cordon.sources.resources import readable

ARN = "arn:"


def workload(raw: Field, finding: Finding, names: Sequence[str]) -> str:
    """The first of these names that fits; "" for none, and of what is no control of a service."""
    if not names or finding.source != "securityhub" or not finding.is_control:
        return ""
    tags = {
        tag for item in _resources(raw) for tag in readable(partial(_tags, item), required=False)
    }
    arns = [one.arn for one in finding.resources if one.role is ResourceRole.TARGET and one.arn]
    fits = (
        name
        for name in names
        if name in tags or (name.startswith(ARN) and any(fnmatchcase(arn, name) for arn in arns))
    )
    return next(fits, "")


def _resources(raw: Field) -> tuple[Field, ...]:
    """Of ASFF or of OCSF."""
    return (*raw["Resources"].items(), *raw["resources"].items())


def _tags(item: Field) -> list[str]:
    """Each tag of a resource as ``key=value``."""
    if item["Tags"].present:
        tags = item["Tags"].value
        return [f"{key}={value}" for key, value in tags.items()] if isinstance(tags, dict) else []
    return [
        f"{tag['name'].value}={value}" for tag in item["tags"].items() for value in _values(tag)
    ]


def _values(tag: Field) -> list[object]:
    values = tag["values"].value
    return values if isinstance(values, list) else [tag["value"].value]
