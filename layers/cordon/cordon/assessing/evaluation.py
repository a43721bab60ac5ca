"""One resource, and how a rule found it.

Source: AWS Config API Reference, "Evaluation", "PutEvaluations" (a type of at most 256 characters,
an id of at most 768, an annotation of at most 256; INSUFFICIENT_DATA is not taken).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cordon.sources.text import one_line

ACCOUNT = "AWS::::Account"
ANNOTATION = 256


class Compliance(StrEnum):
    """What a rule may report."""

    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True)
class Evaluation:
    """One resource: its type (CloudFormation's), what Config knows it by, and how it is."""

    type: str
    id: str
    compliance: Compliance
    annotation: str = ""

    @property
    def resource(self) -> tuple[str, str]:
        """What it is about."""
        return self.type, self.id

    def to_json(self, at: datetime) -> dict[str, Any]:
        """As PutEvaluations takes it. Whatever a resource says of itself is bounded here."""
        noted = one_line(self.annotation, ANNOTATION)
        return {
            "ComplianceResourceType": self.type,
            "ComplianceResourceId": self.id,
            "ComplianceType": str(self.compliance),
            "OrderingTimestamp": at,
            **({"Annotation": noted} if noted else {}),
        }


@dataclass(frozen=True)
class Unread:
    """A resource that could not be read: what was reported of it before stays as it is."""

    type: str
    id: str
    why: str

    @property
    def resource(self) -> tuple[str, str]:
        """What it is about."""
        return self.type, self.id


@dataclass(frozen=True)
class Unlisted:
    """Types whose resources could not be listed: what was reported of them before stays."""

    types: str  # how they begin
    why: str


Found = Iterator[Evaluation | Unread | Unlisted]
