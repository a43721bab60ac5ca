"""What happened: one frozen data class for the findings of every service.

The parsers in ``cordon.sources`` read an EventBridge event into a ``Finding``. No later code reads
the raw event. All text in a finding is bounded and free of control characters. It is still
hostile: the code that displays it must escape it for its output format.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
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

CONTROL = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}\.[0-9]{1,4}")  # a security control's id: S3.8
_OF_RESOURCES = ("securityhub", "config", "inspector", "access-analyzer", "glue-dataquality")
# Amazon Inspector User Guide, "Amazon EventBridge event schema": how a finding names an image
IMAGE_ARN = re.compile(
    r"arn:aws[a-z-]*:ecr:[^:]+:[0-9]{12}:repository/([^:@]+)/(sha256:[0-9a-f]{64})"
)
MALICIOUS_OBJECT = "Object:S3/MaliciousFile"  # GuardDuty's type, of a finding and of a scan alone
CLOCKS_DIFFER = timedelta(minutes=5)  # by no more than this between a source and us


class SeverityLabel(StrEnum):
    """ASFF severity labels, lowest first (AWS Security Finding Format, Severity)."""

    INFORMATIONAL = "INFORMATIONAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class State(StrEnum):
    """The state of a finding at its source."""

    ACTIVE = "active"
    PASSED = "passed"  # the control or rule is satisfied
    ARCHIVED = "archived"
    SUPPRESSED = "suppressed"
    NOT_EVALUATED = "undecided"  # the check could not run: neither failed nor passed


class ResourceRole(StrEnum):
    """The role of a resource in a finding (GuardDuty: ``resourceRole``)."""

    TARGET = "target"  # was attacked, exposed or noncompliant
    ACTOR = "actor"  # its credentials were used
    RELATED = "related"


@dataclass(frozen=True)
class Place:
    """Where a resource is: from the finding and its ARNs, never from the envelope."""

    partition: str
    account: str  # 12 digits
    region: str

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN in this place; ``region=""`` for global services such as IAM."""
        where = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{where}:{self.account}:{resource}"


@dataclass(frozen=True)
class Severity:
    """The severity from the source, and its normalised form."""

    native: str  # "8.5", "Low", "HIGH": the source's own value
    label: SeverityLabel

    @property
    def urgent(self) -> bool:
        """HIGH or CRITICAL: a part of the budget is kept for these."""
        return self.label in (SeverityLabel.HIGH, SeverityLabel.CRITICAL)

    @property
    def minor(self) -> bool:
        """LOW or INFORMATIONAL."""
        return self.label in (SeverityLabel.LOW, SeverityLabel.INFORMATIONAL)

    @property
    def critical(self) -> bool:
        """CRITICAL: of GuardDuty's findings only sequences are."""
        return self.label is SeverityLabel.CRITICAL


@dataclass(frozen=True)
class Resource:
    """One resource that the finding names."""

    type: str  # CloudFormation type, "AWS::S3::Bucket"; "Other" if the source gives none
    name: str  # as the service's API expects it: bucket, role, key id, notebook name
    place: Place
    arn: str = ""  # "" if there is none (an access key id)
    role: ResourceRole = ResourceRole.TARGET

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Resource":
        """The resource behind ``asdict``."""
        return cls(**{**raw, "place": Place(**raw["place"]), "role": ResourceRole(raw["role"])})


@dataclass(frozen=True)
class Principal:
    """Whose credentials were used."""

    user_type: str  # Root, IAMUser, AssumedRole, FederatedUser, AWSService, AWSAccount, ...
    name: str  # user or role name, without its path; "" if the source gives none
    id: str = ""  # principalId: AIDA…, AROA…:session
    access_key_id: str = ""  # AKIA… or ASIA…
    account: str = ""  # the account that the credentials belong to, "" if unknown
    issuer: str = ""  # ARN of the role behind a session, "" if unknown


class Fact(StrEnum):
    """What a source states beside the resources: the names that ``Finding.facts`` may have."""

    EVENT_NAME = "event_name"  # CloudTrail, GuardDuty: the API call
    PARAMETERS = "parameters"  # CloudTrail: what the call was given, for people
    REQUEST = "request"  # CloudTrail: sha256 of what the call was given, where it is a document
    SWITCHED_OFF = "switched_off"  # CloudTrail: what the call switched off, in words of ``facts``
    CREDENTIAL_OF = "credential_of"  # CloudTrail: the service that a new credential is for
    RULE = "rule"  # GuardDuty: the custom detection rule that found it
    SEQUENCE = "sequence"  # GuardDuty: ARN of the attack sequence that this finding is part of
    GUARDRAIL = "guardrail"  # GuardDuty: what a guardrail did of the attack, "blocked" or "passed"
    INVOCATIONS = "invocations"  # GuardDuty: how often models were invoked
    SCAN = "scan"  # Malware Protection: the result of the scan
    OBJECT_VERSION = "object_version"  # GuardDuty: of the one object that it names; none of "null"
    OBJECT_ETAG = "object_etag"  # GuardDuty: of that object, without quotes
    STATUS = "status"  # the state that a resource changed to
    APPROVAL = "approval"  # SageMaker: ModelApprovalStatus of a model package
    CHANGED = "changed"  # SageMaker: the fields of the model package that changed
    QUALITY = "quality"  # Glue: the score of the data
    IMAGE = "image"  # Inspector: digest of the container image
    WORKLOAD = "workload"  # Security Hub: as the operator named the AI workload of its resource


MOST_OF_A_FACT = 256  # characters
COPIES = ("securityhub", "securityhub_v2", "custom_action")  # channels by which a copy comes


@dataclass(frozen=True)
class HubReference:
    """Identifies a finding in Security Hub (BatchUpdateFindings: FindingIdentifiers)."""

    id: str
    product_arn: str


@dataclass(frozen=True)
class Finding:
    """One finding, from any service."""

    id: str  # the native id, also when GuardDuty's or Macie's finding came through Security Hub
    source: str  # guardduty, macie, config, securityhub, or another AWS product's name
    channel: str  # the source whose own event it is; securityhub, securityhub_v2, custom_action
    type: str  # GuardDuty or Macie type, control id ("S3.2"), managed Config rule, Resource/State
    severity: Severity
    place: Place
    first_seen: datetime
    last_seen: datetime
    state: State
    sample: bool
    authored_by_aws: bool  # the product ARN is an AWS product's, or the detail-type is native
    resources: tuple[Resource, ...]
    principal: Principal | None
    title: str
    description: str
    detail_sha256: str  # sha256 of the canonical JSON of the event's detail
    hub: HubReference | None = None  # the finding in Security Hub, whether or not it is there yet
    served: bool = True  # may the stack that got the event change things in its place?
    workflow: str = ""  # Security Hub workflow status; "" if the event has none
    user_fields: bool = False  # others have written UserDefinedFields, as this event has it
    custom_action: str = ""  # the custom action by which a person chose this finding
    is_cordon_finding: bool = False  # Cordon wrote this finding itself
    # When somebody last did what was found, if the source proves it: None for the state of a
    # resource (controls, Config, Access Analyzer, Inspector, sensitive data).
    activity: datetime | None = None
    denied: bool = False  # that activity was refused: it did nothing
    actors: tuple[
        Principal, ...
    ] = ()  # of an attack sequence, where there are several: all of them
    facts: tuple[tuple[str, str], ...] = ()  # by name, each at most 256 characters; hostile text

    def fact(self, name: Fact) -> str:
        """What the source states by this name; "" where it states nothing."""
        return dict(self.facts).get(name, "")

    @property
    def principals(self) -> tuple[Principal, ...]:
        """Everybody whose credentials were used, as far as the source names them."""
        return self.actors or ((self.principal,) if self.principal else ())

    def is_of_sequence(self, sequence: str) -> bool:
        """Is it this attack sequence, or does it say that it is a part of it? By id or ARN."""
        wanted = sequence.rpartition("/")[2]
        return bool(wanted) and wanted in (self.id, self.fact(Fact.SEQUENCE).rpartition("/")[2])

    @property
    def is_copy(self) -> bool:
        """Is it Security Hub's copy of a native finding? It may state fewer facts."""
        return self.source != "securityhub" and self.channel in COPIES

    def with_facts_of(self, native: "Finding") -> "Finding":
        """A copy, with the facts that it lacks and the native event states."""
        return replace(self, facts=tuple({**dict(native.facts), **dict(self.facts)}.items()))

    @property
    def kind(self) -> str:
        """The key that playbooks match: ``guardduty:Policy:S3/BucketAnonymousAccessGranted``."""
        return f"{self.source}:{self.type}"

    def matches(self, *kinds: str) -> bool:
        """Is its kind one of these? ``*`` allowed."""
        return _is_one_of(self.kind, kinds)

    @property
    def is_control(self) -> bool:
        """Does a control or a Config rule say it of a resource's state? All else is a threat."""
        by_hub = self.source == "securityhub" and CONTROL.fullmatch(self.type) is not None
        return by_hub or self.source == "config"

    @property
    def is_compliance(self) -> bool:
        """Does it say how a resource is, not what somebody did? Only these come by a queue."""
        return says_how_a_resource_is(self.source, self.type)

    @property
    def moment(self) -> datetime:
        """What its deliveries are put in order by: the activity, else when it was last seen."""
        return self.activity or self.last_seen

    def as_of(self, now: datetime) -> "Finding":
        """The finding without moments in the future: those are no moments."""
        latest = now + CLOCKS_DIFFER
        if max(self.last_seen, self.moment) <= latest:
            return self
        past = [
            at for at in (self.activity, self.last_seen, self.first_seen) if at and at <= latest
        ]
        last = max(past, default=now)
        activity = self.activity if self.activity in past else None
        return replace(
            self, first_seen=min(self.first_seen, last), last_seen=last, activity=activity
        )

    def resources_of(self, type: str, *, role: ResourceRole | None = None) -> tuple[Resource, ...]:
        """The resources of one CloudFormation type, in the finding's order, without duplicates."""
        matches = (r for r in self.resources if r.type == type and role in (None, r.role))
        return tuple(dict.fromkeys(matches))

    def to_json(self) -> dict[str, Any]:
        """The finding as memory and evidence keep it: its own fields, moments as text."""
        seen = {"first_seen": to_iso(self.first_seen), "last_seen": to_iso(self.last_seen)}
        activity = to_iso(self.activity) if self.activity else None
        return asdict(self) | seen | {"activity": activity}

    @property
    def images(self) -> tuple[Resource, ...]:
        """The container images in which Inspector found something."""
        found = self.source == "inspector"
        return tuple(one for one in self.resources if found and IMAGE_ARN.fullmatch(one.arn))

    @property
    def case_key(self) -> str:
        """What is one case: the finding's id, but for sensitive data its bucket and type.

        Macie sends a finding for each object (Macie User Guide, "Types of findings"), and Inspector
        one for each vulnerability of an image: those of one image are one case. A malicious
        object is one case, whether a finding or the scan itself says so; what is uploaded under its
        name afterwards is another.
        """
        buckets = self.resources_of("AWS::S3::Bucket")
        objects = self.resources_of("AWS::S3::Object")
        if self.kind == f"guardduty:{MALICIOUS_OBJECT}" and len(buckets) == len(objects) == 1:
            which = self.fact(Fact.OBJECT_VERSION) or self.fact(Fact.OBJECT_ETAG)
            named = f"{self.type}/{buckets[0].name}/{objects[0].name}"
            return f"{named}@{which}" if which else named
        if self.kind.startswith("macie:SensitiveData:") and len(buckets) == 1:
            return f"{self.type}/{buckets[0].name}"
        images = self.images
        return f"{self.type}/{images[0].arn}" if len(images) == 1 else self.id

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Finding":
        """The finding behind ``to_json``."""
        severity, principal, hub = raw["severity"], raw["principal"], raw["hub"]
        return cls(
            **{
                **raw,
                "severity": Severity(severity["native"], SeverityLabel(severity["label"])),
                "place": Place(**raw["place"]),
                "first_seen": from_iso(raw["first_seen"]),
                "last_seen": from_iso(raw["last_seen"]),
                "activity": from_iso(raw["activity"]) if raw.get("activity") else None,
                "state": State(raw["state"]),
                "resources": tuple(Resource.from_json(resource) for resource in raw["resources"]),
                "principal": Principal(**principal) if principal else None,
                "hub": HubReference(**hub) if hub else None,
                "actors": tuple(Principal(**actor) for actor in raw.get("actors", ())),
                "facts": tuple((name, said) for name, said in raw.get("facts", ())),
            }
        )


@lru_cache(maxsize=512)  # an event is compared with the same lists many times
def _is_one_of(kind: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def says_how_a_resource_is(source: str, type: str) -> bool:
    """Do findings of this source and type, or beginning of a type, say that?"""
    if source == "macie":
        return type.startswith("SensitiveData:")
    return source in _OF_RESOURCES


def canonical_json(value: Any) -> str:
    r"""The only JSON form used for hashes: sorted keys, no spaces, ASCII.

    >>> canonical_json({"b": 1, "a": "é"})
    '{"a":"\\u00e9","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
