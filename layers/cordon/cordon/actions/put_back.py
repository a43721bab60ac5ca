"""Put back what was deleted or replaced: settings of which the baseline has the whole document.

None of these is undone: that would take away again what people decided (``kept_because``). So none
restores what it captured, and each document is a target of its own: two cases with two baselines
do not wait for one another, and the later one is what shows.

captured  ``{"document": document | None}``: what was there, None for nothing; of the guardrail also
          ``configId``, which names the configuration that a Put changes
written   ``{"document": document}``: the document of the baseline

Sources: Amazon Bedrock API Reference, "PutModelInvocationLoggingConfiguration",
"GetModelInvocationLoggingConfiguration", "PutEnforcedGuardrailConfiguration" (with a configId it
changes that configuration), "ListEnforcedGuardrailsConfiguration", "GetGuardrail"; Amazon Bedrock
User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3" (its destinations are of
the same account and Region; the role that Bedrock assumes for CloudWatch Logs).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Json, NotVerified, Refused, Undone, UndoResult
from cordon.actions.enforced_guardrail import (
    EVERY_MODEL,
    NOT_FOUND,
    READ_GUARDRAILS,
    SETTINGS,
    listed_configurations,
)
from cordon.actions.grants import STATE, Grant, Statement
from cordon.baseline import GUARDRAIL, LOGGING, Baseline, Document
from cordon.clients import AwsClients, error_code
from cordon.finding import canonical_json

AGAIN = "an undo would take away what the baseline has; whoever wants that does it themselves"
_LOGGING = Statement(
    "RestoreInvocationLogging",
    "*",
    f"Bedrock has one such configuration a Region, and no ARN for it; {STATE}",
)
_LOG_ROLE = Statement(
    "PassInvocationLogRole",
    "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${InvocationLogRole}",
    "Bedrock writes to CloudWatch Logs by the role that the configuration names",
    {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
)
_GUARDRAIL = Statement(
    "RestoreEnforcedGuardrail",
    "*",
    f"AWS has one such configuration a Region, and no ARN for it; {STATE}",
)


def invocation_logging(bedrock: Any) -> Document | None:
    """The configuration as it is; None where invocations are not logged."""
    response = bedrock.get_model_invocation_logging_configuration()
    return response.get("loggingConfig") or None


def enforced_guardrails(bedrock: Any) -> list[tuple[str, Document]]:
    """The id and the document of each that this account enforces: AWS lists one at most."""
    names = ("guardrailArn", *SETTINGS, "inputTags")
    return [
        (one["configId"], {name: one[name] for name in names if name in one})
        for one in listed_configurations(bedrock)
    ]


def enforced_guardrail(bedrock: Any) -> Document | None:
    """The one document; None where none is enforced, or several are, which nobody can put back."""
    found = enforced_guardrails(bedrock)
    return found[0][1] if len(found) == 1 else None


@dataclass(frozen=True)
class PutBack(Action):
    """Base: a whole document is put back as the baseline has it, and stays."""

    document: Mapping[str, Any]
    replaced: bool = False  # by another document, which somebody may have meant

    family: ClassVar[str] = "baseline"
    kept_because: ClassVar[str] = AGAIN
    only_at_home: ClassVar[bool] = True  # the baseline is of the stack's own account and Region
    part: ClassVar[str]  # of the baseline

    def read(self, aws: AwsClients) -> Document | None:
        """The document as it is. May raise Refused."""
        raise NotImplementedError

    def put(self, aws: AwsClients, current: Json | None) -> None:
        """Write the document. ``current``: as in ``apply``."""
        raise NotImplementedError

    @property
    def target(self) -> str:
        digest = hashlib.sha256(canonical_json(self.document).encode()).hexdigest()
        return f"{self.part}:{self.resource}:{digest[:16]}"

    @property
    def only_by_a_person(self) -> bool:
        return self.replaced

    def is_outdated(self, baseline: Baseline | None) -> bool:
        document = baseline.of(self.part) if baseline else None
        return canonical_json(document) != canonical_json(self.document)

    def combine(self, other: Self) -> Self:
        return replace(self, replaced=self.replaced or other.replaced)

    def capture(self, aws: AwsClients) -> Json:
        return {"document": self.read(aws)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        self.put(aws, current)
        return {"document": self.document}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        if not self._is_so(shown := self.read(aws)):
            wanted = canonical_json(self.document)
            raise NotVerified(f"{self.resource} is {canonical_json(shown)}, not {wanted}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        if self._is_so(captured["document"]):
            same = "it was as the baseline says before: nothing of it was to be changed"
            return UndoResult(Undone.KEPT, same)
        try:
            now = "" if self._is_so(self.read(aws)) else "; a reading shows something else now"
        except Refused as refused:
            now = f"; {refused}"
        return UndoResult(Undone.KEPT, f"{self.kept_because}{now}")

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        raise NotVerified(f"{self.resource}: nothing is undone")

    def _is_so(self, shown: Document | None) -> bool:
        return canonical_json(shown) == canonical_json(self.document)


@dataclass(frozen=True)
class RestoreInvocationLogging(PutBack):
    """Configure the logging of model invocations as the baseline has it."""

    part: ClassVar[str] = LOGGING
    grants: ClassVar[tuple[Grant, ...]] = (
        _LOGGING.allows(
            "bedrock:GetModelInvocationLoggingConfiguration",
            "bedrock:PutModelInvocationLoggingConfiguration",
        ),
        _LOG_ROLE.allows("iam:PassRole"),
    )

    @property
    def resource(self) -> str:
        return self.place.arn("bedrock", "model-invocation-logging")

    @property
    def in_words(self) -> str:
        return f"logs model invocations again, as the baseline says: {_destinations(self.document)}"

    @property
    def caution(self) -> str:
        return "prompts and responses are delivered there from then on; storing them is charged"

    def read(self, aws: AwsClients) -> Document | None:
        return invocation_logging(aws.client("bedrock"))

    def put(self, aws: AwsClients, current: Json | None) -> None:
        bedrock = aws.client("bedrock")
        bedrock.put_model_invocation_logging_configuration(loggingConfig=self.document)


@dataclass(frozen=True)
class RestoreEnforcedGuardrail(PutBack):
    """Enforce the guardrail of the baseline again, its version, and for the same models."""

    part: ClassVar[str] = GUARDRAIL
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_GUARDRAILS.allows("bedrock:GetGuardrail"),
        _GUARDRAIL.allows(
            "bedrock:ListEnforcedGuardrailsConfiguration",
            "bedrock:PutEnforcedGuardrailConfiguration",
        ),
    )

    @property
    def resource(self) -> str:
        return str(self.document["guardrailArn"])

    @property
    def only_by_a_person(self) -> bool:
        """Every model call of the account passes it: as with ``EnforceGuardrail``."""
        return True

    @property
    def in_words(self) -> str:
        return (
            f"makes model calls of the account in {self.place.region} pass version "
            f"{self.document['guardrailVersion']} of the guardrail again, as the baseline says"
        )

    @property
    def caution(self) -> str:
        return (
            "what is enforced now is replaced, also what a case has enforced after a prompt "
            "injection. AWS charges for each text unit that the guardrail reads"
        )

    @property
    def shuts_out(self) -> str:
        return (
            "whoever calls models that guardrails do not support (embedding models), and whoever "
            "lacks bedrock:ApplyGuardrail on this guardrail: their model calls fail"
        )

    def read(self, aws: AwsClients) -> Document | None:
        return self._listed(aws)[1]

    def capture(self, aws: AwsClients) -> Json:
        self._require_ready(aws)
        config, document = self._listed(aws)
        return {"document": document, "configId": config}

    def put(self, aws: AwsClients, current: Json | None) -> None:
        """One that was deleted meanwhile is made anew."""
        bedrock = aws.client("bedrock")
        config = self._listed(aws)[0] if current is None else current["configId"]
        settings = {name: self.document[name] for name in SETTINGS if name in self.document}
        wanted = {"guardrailIdentifier": self.resource, **settings}
        try:
            bedrock.put_enforced_guardrail_configuration(
                **({"configId": config} if config else {}), guardrailInferenceConfig=wanted
            )
        except ClientError as error:
            if not config or error_code(error) != NOT_FOUND:
                raise
            bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=wanted)

    def _is_so(self, shown: Document | None) -> bool:
        """Without models it names all of them (API Reference)."""
        if shown is None:
            return False
        whole = [{"modelEnforcement": EVERY_MODEL, **one} for one in (shown, self.document)]
        first, second = ({name: one.get(name) for name in _NAMES} for one in whole)
        return canonical_json(first) == canonical_json(second)

    def _require_ready(self, aws: AwsClients) -> None:
        """Raises Refused unless the version is there: else every model call would fail."""
        version = self.document["guardrailVersion"]
        named = f"version {version} of {self.resource}, which the baseline has,"
        try:
            found = aws.client("bedrock").get_guardrail(
                guardrailIdentifier=self.resource, guardrailVersion=version
            )
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise
            raise Refused(f"{named} does not exist: every model call would fail") from error
        if found["status"] != "READY":
            raise Refused(f"{named} is {found['status']}, not READY: model calls could fail")

    def _listed(self, aws: AwsClients) -> tuple[str, Document | None]:
        """The configuration's id and document; "" and None where none is enforced."""
        found = enforced_guardrails(aws.client("bedrock"))
        if len(found) > 1:
            raise Refused(f"{len(found)} guardrails are enforced here: a person must choose one")
        return found[0] if found else ("", None)


_NAMES = ("guardrailArn", *SETTINGS)


def _destinations(document: Document) -> str:
    """Where prompts and responses go."""
    bucket = document.get("s3Config", {}).get("bucketName", "")
    group = document.get("cloudWatchConfig", {}).get("logGroupName", "")
    said = [f"to the bucket {bucket}"] if bucket else []
    said += [f"to the log group {group}"] if group else []
    return ", ".join(said) or "without a destination that is known here"
