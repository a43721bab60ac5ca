"""What happened: one frozen form for every service's finding.

The dialects (``cordon.sources``) read an EventBridge event into a ``Finding``. Nothing
downstream looks at a raw event again. All text in it is bounded and free of control
characters, and is still hostile: whoever shows it escapes it for the place where it is shown.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cordon.clock import from_iso, to_iso
from cordon.errors import Malformed as Malformed
from cordon.errors import UnsupportedEvent as UnsupportedEvent

PARTITIONS = (
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-eusc",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
)
ARN = re.compile(
    rf"arn:(?P<partition>{'|'.join(PARTITIONS)}):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*)"
    r":(?P<account>[0-9]{12}|aws|):(?P<resource>[^\x00-\x1f\x7f-\x9f]+)"
)


class SeverityLabel(StrEnum):
    """ASFF severity labels, by rising severity (AWS Security Finding Format, Severity)."""

    INFORMATIONAL = "INFORMATIONAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class State(StrEnum):
    """Where a finding stands at its source."""

    ACTIVE = "active"
    PASSED = "passed"  # the control or rule is satisfied, or the subject is gone
    ARCHIVED = "archived"
    SUPPRESSED = "suppressed"
    NOT_EVALUATED = "undecided"  # the check could not be made: neither failing nor satisfied


class ResourceRole(StrEnum):
    """The part a resource plays in a finding."""

    TARGET = "target"  # what was reached, exposed or found noncompliant
    ACTOR = "actor"  # whose credentials did it
    RELATED = "related"


@dataclass(frozen=True)
class Place:
    """Where a resource lives. Taken from the finding and its ARNs, never from the envelope."""

    partition: str
    account: str  # 12 digits
    region: str

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN here; ``region=""`` for global services such as IAM."""
        where = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{where}:{self.account}:{resource}"


@dataclass(frozen=True)
class Severity:
    """As the source gave it, and normalised."""

    native: str  # "8.5", "Low", "HIGH": what the source wrote
    label: SeverityLabel
    score: int  # 0-100 (ASFF Severity.Normalized)


@dataclass(frozen=True)
class Resource:
    """One resource the finding names."""

    type: str  # CloudFormation type, "AWS::S3::Bucket"; "Other" where the source gives none
    name: str  # what the service's API takes: bucket, role, key id, notebook name
    place: Place
    arn: str = ""  # "" where there is none (an access key id)
    role: ResourceRole = ResourceRole.TARGET

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Resource":
        """The resource behind ``asdict``."""
        return cls(**{**raw, "place": Place(**raw["place"]), "role": ResourceRole(raw["role"])})


@dataclass(frozen=True)
class Principal:
    """Whose credentials were used."""

    user_type: str  # Root, IAMUser, AssumedRole, FederatedUser, AWSService, AWSAccount, ...
    name: str  # user or role name, without its path; "" where the source gives none
    id: str = ""  # principalId: AIDA…, AROA…:session
    access_key_id: str = ""  # AKIA… or ASIA…
    account: str = ""  # the account the credentials belong to, "" where unknown
    issuer: str = ""  # ARN of the role behind a session, "" where unknown


@dataclass(frozen=True)
class HubReference:
    """Names a finding in Security Hub (BatchUpdateFindings: FindingIdentifiers)."""

    id: str
    product_arn: str


@dataclass(frozen=True)
class Finding:
    """One finding, whatever service sent it."""

    id: str  # the native id: GuardDuty's or Macie's own also when it came through Security Hub
    source: str  # guardduty, macie, config, securityhub, or another AWS product's name
    channel: str  # guardduty, macie, config, securityhub, securityhub_v2, custom_action
    type: str  # GuardDuty or Macie type, control id ("S3.2"), Config rule name
    severity: Severity
    place: Place
    first_seen: datetime
    last_seen: datetime
    state: State
    sample: bool
    authored_by_aws: bool  # product ARN is exactly an AWS product's, or the native detail-type
    resources: tuple[Resource, ...]
    principal: Principal | None
    title: str
    description: str
    detail_sha256: str  # sha256 of the canonical JSON of the event's detail
    hub: HubReference | None = None  # where Security Hub keeps it, or would keep it
    workflow: str = ""  # Security Hub workflow status where it came with one
    custom_action: str = ""  # custom action name: a person chose this finding
    is_cordon_finding: bool = False  # product is ours: our own finding came back

    @property
    def kind(self) -> str:
        """What playbooks match on: ``guardduty:Policy:S3/BucketAnonymousAccessGranted``."""
        return f"{self.source}:{self.type}"

    def resources_of(self, type: str, *, role: ResourceRole | None = None) -> tuple[Resource, ...]:
        """The resources of one CloudFormation type, in the finding's order, each once."""
        found = (r for r in self.resources if r.type == type and role in (None, r.role))
        return tuple(dict.fromkeys(found))

    def to_json(self) -> dict[str, Any]:
        """The finding as memory and evidence keep it: its own fields, moments as text."""
        seen = {"first_seen": to_iso(self.first_seen), "last_seen": to_iso(self.last_seen)}
        return asdict(self) | seen

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Finding":
        """The finding behind ``to_json``."""
        severity, principal, hub = raw["severity"], raw["principal"], raw["hub"]
        return cls(
            **{
                **raw,
                "severity": Severity(**{**severity, "label": SeverityLabel(severity["label"])}),
                "place": Place(**raw["place"]),
                "first_seen": from_iso(raw["first_seen"]),
                "last_seen": from_iso(raw["last_seen"]),
                "state": State(raw["state"]),
                "resources": tuple(Resource.from_json(resource) for resource in raw["resources"]),
                "principal": Principal(**principal) if principal else None,
                "hub": HubReference(**hub) if hub else None,
            }
        )


def canonical_json(value: Any) -> str:
    r"""The one JSON spelling that hashes are taken of: sorted keys, no spaces, ASCII.

    >>> canonical_json({"b": 1, "a": "é"})
    '{"a":"\\u00e9","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
