"""A resource that a person names, as a finding: so that it is planned and contained like any other.

There is no finding behind it, and its text says so. What must be true of the resource is not known:
it is contained because a person wants it.
"""

import hashlib
from datetime import datetime

from cordon.errors import Refused
from cordon.finding import (
    ARN,
    Finding,
    Place,
    Principal,
    Resource,
    ResourceRole,
    Severity,
    SeverityLabel,
    State,
)
from cordon.playbook import Playbook
from cordon.sources.arns import type_and_name
from cordon.sources.places import place_of
from cordon.sources.shapes import OTHER

SOURCE = "desk"
TYPE = "ContainByArn"
USER_TYPES = {"AWS::IAM::Role": "Role", "AWS::IAM::User": "IAMUser"}


def finding_of(resource: str, playbook: Playbook, home: Place, at: datetime) -> Finding:
    """The finding that a person's wish to contain this resource (its ARN) makes.

    ``home``: where the stack is; what the ARN leaves empty is taken from there. Raises Refused with
    what would be right.
    """
    kind, name = type_and_name(resource)
    if ARN.fullmatch(resource) is None or kind not in playbook.by_arn:
        kinds = ", ".join(playbook.by_arn) or "nothing"
        what = "an ARN of no kind that Cordon knows" if kind == OTHER else kind
        this = what if ARN.fullmatch(resource) else "no ARN"
        raise Refused(f"{playbook.name} contains by ARN: {kinds}; {resource} is {this}")
    place, user_type = place_of(resource, home), USER_TYPES.get(kind, "")
    role = ResourceRole.ACTOR if user_type else ResourceRole.TARGET
    principal = Principal(user_type, name, account=place.account) if user_type else None
    found = Finding(
        id=f"{SOURCE}/{resource}",
        source=SOURCE,
        channel=SOURCE,
        type=TYPE,
        severity=Severity("HIGH", SeverityLabel.HIGH),
        place=place,
        first_seen=at,
        last_seen=at,
        state=State.ACTIVE,
        sample=False,
        authored_by_aws=False,
        resources=(Resource(kind, name, place, resource, role),),
        principal=principal,
        title="A person named this resource to be contained",
        description="There is no finding behind it.",
        detail_sha256=hashlib.sha256(resource.encode()).hexdigest(),
    )
    if not playbook.targets(found):
        raise Refused(f"{playbook.name} cannot contain {resource}{_why(found, playbook)}")
    return found


def _why(finding: Finding, playbook: Playbook) -> str:
    why = playbook.unsupported(finding) if playbook.unsupported else None
    return f": {why.reason}. {why.manual_step}" if why else ""
