"""The baseline: how people decided that detection is set up, as whole documents.

What was deleted or replaced is put back as the baseline says, and nothing else is. ``setup`` writes
the first one into the settings row with the stack, from how the account is then; from then on only
the desk does. A part that was not set up then is None: nothing is put back of it.

A document is what the service's Put takes: of invocation logging its ``loggingConfig``; of the
enforced guardrail the entry that ListEnforcedGuardrailsConfiguration has of it, without its id,
moments and names (Amazon Bedrock API Reference).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cordon.finding import canonical_json

Document = Mapping[str, Any]
LOGGING, GUARDRAIL = "invocation_logging", "enforced_guardrail"
PARTS = {LOGGING: "model invocation logging", GUARDRAIL: "the enforced guardrail"}
MOST_OF_A_DOCUMENT = 16_384  # characters of its JSON: a row has 400 KB, and a plan has it too


@dataclass(frozen=True)
class Baseline:
    """The documents of one account and Region, with who set them and when."""

    documents: Mapping[str, Document | None]  # by part, each of ``PARTS``
    by: str = ""
    at: str = ""  # ISO 8601

    @property
    def sha256(self) -> str:
        """Of the documents alone, in hex: who takes them names what they saw."""
        return hashlib.sha256(canonical_json(self.documents).encode()).hexdigest()

    def of(self, part: str) -> Document | None:
        """The document of a part; None where nothing is put back."""
        return self.documents[part]

    def differs(self, other: "Baseline") -> tuple[str, ...]:
        """The parts whose documents differ."""
        pairs = {part: (self.of(part), other.of(part)) for part in PARTS}
        return tuple(
            part for part, (a, b) in pairs.items() if canonical_json(a) != canonical_json(b)
        )

    def to_row(self) -> dict[str, str]:
        """As a row keeps it: each document as the canonical JSON of it, "null" for none."""
        texts = {part: canonical_json(self.of(part)) for part in PARTS}
        return {**texts, "by": self.by, "at": self.at}


def from_row(raw: Any) -> Baseline:
    """The baseline behind ``to_row``. Raises ValueError with what is wrong."""
    if not isinstance(raw, Mapping):
        raise ValueError("is not a map")
    said = {name: raw.get(name, "") for name in ("by", "at")}
    if not all(isinstance(text, str) for text in said.values()):
        raise ValueError("does not say by whom and when as texts")
    return Baseline({part: _document(part, raw.get(part)) for part in PARTS}, **said)


def _document(part: str, text: Any) -> Document | None:
    if not isinstance(text, str) or len(text) > MOST_OF_A_DOCUMENT:
        raise ValueError(f"has no {part}, or one of more than {MOST_OF_A_DOCUMENT} characters")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"has a {part} that is not JSON") from None
    if document is not None and (not isinstance(document, dict) or not document):
        raise ValueError(f"has a {part} that is no JSON object, or an empty one")
    return None if document is None else {name: _fixed(one) for name, one in document.items()}


def _fixed(value: Any) -> Any:
    """Lists as tuples: so a plan of today equals the same plan that was read from its row."""
    match value:
        case list():
            return tuple(map(_fixed, value))
        case dict():
            return {name: _fixed(inner) for name, inner in value.items()}
    return value
