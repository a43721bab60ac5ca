"""Enforce a guardrail on every model call of an account in one Region.

AWS keeps one such configuration an account and Region (``ListEnforcedGuardrailsConfiguration``
lists one at most), so one of another guardrail is never replaced: then nothing is enforced. One of
the same guardrail gets the version, and keeps which models it is for.

captured  ``{"enforced": entry | None}``: the configuration of this guardrail, None for none
written   ``{"enforced": entry, "base": entry | None}``: as it was set, and without our part
An *entry* is what PutEnforcedGuardrailConfiguration takes, with the ``configId`` that names it.

Sources: Amazon Bedrock API Reference, "PutEnforcedGuardrailConfiguration",
"ListEnforcedGuardrailsConfiguration", "GetGuardrail"; Amazon Bedrock User Guide, "Apply
cross-account safeguards with Amazon Bedrock Guardrails enforcements" (what it breaks) and "Detect
prompt attacks with Amazon Bedrock Guardrails".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Json, NotVerified, Refused, Undone, UndoResult
from cordon.actions.grants import STATE, Grant, Statement
from cordon.clients import AwsClients, error_code

GUARDRAIL_ID = re.compile(r"[a-z0-9]{1,64}")
VERSION = re.compile(r"[1-9][0-9]{0,7}")  # GuardrailNumericalVersion: DRAFT cannot be enforced
NOT_FOUND = "ResourceNotFoundException"
ALL = "ALL"
EVERY_MODEL = {"includedModels": [ALL], "excludedModels": []}
# No caller may leave its message untagged to go unseen; system prompts are the application's.
WHOLE_MESSAGES = {"system": "SELECTIVE", "messages": "COMPREHENSIVE"}
SETTINGS = ("guardrailVersion", "modelEnforcement", "selectiveContentGuarding")
Entry = Mapping[str, Any]

READ_GUARDRAILS = Statement(
    "ReadGuardrails",
    "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:guardrail/*",
    "a guardrail that blocks no prompt attack, or that would make calls fail, is not enforced",
    wide="the operator, or the baseline, names any guardrail of the account",
)
_ENFORCED = Statement(
    "EnforceGuardrails", "*", f"AWS has one such configuration a Region, and no ARN for it; {STATE}"
)


def listed_configurations(bedrock: Any) -> list[dict[str, Any]]:
    """What is enforced in this account and Region. A page that leads to itself is an error."""
    pages = bedrock.get_paginator("list_enforced_guardrails_configuration").paginate()
    return [one for page in pages for one in page["guardrailsConfig"]]


@dataclass(frozen=True)
class EnforceGuardrail(Action):
    """Enforce one numbered version of a guardrail of this account, which the operator named.

    ``resource`` is the guardrail: what is set has no ARN.
    """

    guardrail: str
    version: str

    family: ClassVar[str] = "guardrail"
    only_at_home: ClassVar[bool] = True  # the named guardrail is the stack's own
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_GUARDRAILS.allows("bedrock:GetGuardrail"),
        _ENFORCED.allows(
            "bedrock:DeleteEnforcedGuardrailConfiguration",
            "bedrock:ListEnforcedGuardrailsConfiguration",
            "bedrock:PutEnforcedGuardrailConfiguration",
        ),
    )

    def __post_init__(self) -> None:
        if not GUARDRAIL_ID.fullmatch(self.guardrail) or not VERSION.fullmatch(self.version):
            raise ValueError(f"not id:version: {self.guardrail[:64]!r}:{self.version[:8]!r}")

    @property
    def target(self) -> str:
        return f"enforced-guardrail:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("bedrock", f"guardrail/{self.guardrail}")

    @property
    def only_by_a_person(self) -> bool:
        return True

    @property
    def in_words(self) -> str:
        return (
            f"makes every model call of the account in {self.place.region} pass version "
            f"{self.version} of the guardrail; of messages the whole, of system prompts what is "
            "tagged. Where it is enforced already, it stays for the models that it is enforced for"
        )

    @property
    def caution(self) -> str:
        return (
            "it is not known here which models were called lately, nor who lacks "
            "bedrock:ApplyGuardrail: look before you approve. Applications that work now may stop. "
            "AWS charges for each text unit that the guardrail reads"
        )

    @property
    def shuts_out(self) -> str:
        return (
            "whoever calls models that guardrails do not support (embedding models), and whoever "
            "lacks bedrock:ApplyGuardrail on this guardrail: their model calls fail"
        )

    def combine(self, other: Self) -> Self:
        """The later version: two cases differ where the operator named another meanwhile."""
        return max(self, other, key=lambda one: int(one.version))

    def capture(self, aws: AwsClients) -> Json:
        self._require_fitting(aws)
        return {"enforced": self._alone(aws)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        shown = self._alone(aws) if current is None else current["enforced"]
        base = self._base(shown, captured, written)
        wanted = {
            "guardrailVersion": self.version,
            "modelEnforcement": base["modelEnforcement"] if base else EVERY_MODEL,
            "selectiveContentGuarding": (
                base["selectiveContentGuarding"] if base else WHOLE_MESSAGES
            ),
        }
        ours = shown or (written["enforced"] if written else None)
        return {"enforced": self._put(aws, ours, wanted), "base": base}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        self._verify(self._ours(aws), written["enforced"])

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Where we wrote, the base is put back whatever the reading says: it may be an old one."""
        listed, ours, base = self._listed(aws), written["enforced"], written["base"]
        shown = self._entry(listed)
        theirs = _whole(shown) not in map(_whole, (ours, base, captured["enforced"]))
        other = shown is None and bool(listed)  # of another guardrail, perhaps by our configId
        if theirs or other or (shown is None and base is not None):
            words = "changed" if shown else "replaced" if other else "deleted"
            reason = f"a person {words} the enforced configuration of {self.resource}"
            return UndoResult(Undone.DRIFTED, f"{reason}: it was not changed", {"enforced": shown})
        if base is None:
            self._delete(aws, ours["configId"])
            left = None
        else:
            left = self._put(aws, ours, base)
        if base == captured["enforced"]:
            return UndoResult(Undone.RESTORED, left={"enforced": left})
        reason = f"a person changed the enforced configuration of {self.resource} while it was held"
        kept = "it stays enforced" if left == ours else "only Cordon's part was removed"
        return UndoResult(Undone.DRIFTED, f"{reason}: {kept}", {"enforced": left})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        self._verify(self._ours(aws), left["enforced"])

    def note(self, written: Json) -> str:
        """For which models and texts it does not count: a person has set it so."""
        models, texts = (
            written["enforced"][name] or {}
            for name in ("modelEnforcement", "selectiveContentGuarding")
        )
        included, excluded = models.get("includedModels", [ALL]), models.get("excludedModels", [])
        said = [] if included == [ALL] else [f"only for {', '.join(included)}"]
        said += [f"not for {', '.join(excluded)}"] if excluded else []
        said += [] if texts.get("messages") == "COMPREHENSIVE" else ["of messages what is tagged"]
        return f"as it was set before: {'; '.join(said)}" if said else ""

    def _base(self, shown: Entry | None, captured: Json, written: Json | None) -> Entry | None:
        """The configuration without our part: as it was captured, or as a person made it since.

        Our part is the version; where there was none, the whole.
        """
        known: Entry | None = written["base"] if written else captured["enforced"]
        if shown is None:
            return None
        whole = {"modelEnforcement": EVERY_MODEL, "selectiveContentGuarding": WHOLE_MESSAGES}
        before = _whole(known) or whole
        if all((_whole(shown) or {})[name] == before[name] for name in whole):
            return known
        return {**shown, "guardrailVersion": known["guardrailVersion"]} if known else shown

    def _require_fitting(self, aws: AwsClients) -> None:
        """Raises Refused unless it exists, blocks prompt attacks, and lets other calls work."""
        named = f"version {self.version} of {self.resource}"
        try:
            found = aws.client("bedrock").get_guardrail(
                guardrailIdentifier=self.resource, guardrailVersion=self.version
            )
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise
            raise Refused(f"{named} does not exist: every model call would fail") from error
        if found["status"] != "READY":
            raise Refused(f"{named} is {found['status']}, not READY: model calls could fail")
        if "automatedReasoningPolicy" in found:
            raise Refused(f"{named} has an automated reasoning policy: model calls would fail")
        filters = found.get("contentPolicy", {}).get("filters", [])
        if not any(_blocks_attacks(one) for one in filters):
            raise Refused(f"{named} does not block prompt attacks with strength HIGH")

    def _alone(self, aws: AwsClients) -> Entry | None:
        """Our guardrail's entry. Raises Refused where another guardrail is enforced here."""
        listed = self._listed(aws)
        others = [one["guardrailArn"] for one in listed if one["guardrailArn"] != self.resource]
        if others:
            raise Refused(
                f"{others[0]} is enforced here already, and stays: let it block prompt attacks, or "
                "name it in EnforcedGuardrail"
            )
        if any("inputTags" in one and "selectiveContentGuarding" not in one for one in listed):
            raise Refused(f"how {self.resource} is enforced cannot be put back: it has inputTags")
        return self._entry(listed)

    def _ours(self, aws: AwsClients) -> Entry | None:
        return self._entry(self._listed(aws))

    def _entry(self, listed: list[dict[str, Any]]) -> Entry | None:
        ours = [one for one in listed if one["guardrailArn"] == self.resource]
        if not ours:
            return None
        return {
            "configId": ours[0]["configId"],
            "guardrailVersion": ours[0]["guardrailVersion"],
            "modelEnforcement": ours[0].get("modelEnforcement"),
            "selectiveContentGuarding": ours[0].get("selectiveContentGuarding"),
        }

    def _listed(self, aws: AwsClients) -> list[dict[str, Any]]:
        return listed_configurations(aws.client("bedrock"))

    def _put(self, aws: AwsClients, ours: Entry | None, wanted: Entry) -> Entry:
        """``ours``: the configuration that is changed. None, or one that is deleted, makes one."""
        bedrock = aws.client("bedrock")
        settings = {name: wanted[name] for name in SETTINGS if wanted[name] is not None}
        config = {"guardrailIdentifier": self.resource, **settings}
        try:
            named = {"configId": ours["configId"]} if ours else {}
            made = bedrock.put_enforced_guardrail_configuration(
                **named, guardrailInferenceConfig=config
            )
        except ClientError as error:
            if not ours or error_code(error) != NOT_FOUND:
                raise
            made = bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=config)
        return {"configId": made["configId"], **{name: wanted[name] for name in SETTINGS}}

    def _delete(self, aws: AwsClients, config: str) -> None:
        bedrock = aws.client("bedrock")
        try:
            bedrock.delete_enforced_guardrail_configuration(configId=config)
        except ClientError as error:
            if error_code(error) != NOT_FOUND:
                raise

    def _verify(self, shown: Entry | None, wanted: Entry | None) -> None:
        if _whole(shown) != _whole(wanted):
            raise NotVerified(f"{self.resource}: enforced is {shown}, expected {wanted}")


def _whole(entry: Entry | None) -> Entry | None:
    """With what it means where it names no models: all of them (API Reference)."""
    if entry is None:
        return None
    return {**entry, "modelEnforcement": entry["modelEnforcement"] or EVERY_MODEL}


def _blocks_attacks(filter: Mapping[str, Any]) -> bool:
    """Does this filter block what looks like a prompt attack? Without an action, it blocks."""
    return (
        filter["type"] == "PROMPT_ATTACK"
        and filter["inputStrength"] == "HIGH"
        and filter.get("inputAction", "BLOCK") == "BLOCK"
        and bool(filter.get("inputEnabled", True))
    )
