"""Deny access to a bucket through its policy. A deny overrides every allow.

written   as ``resource_policy`` says, and ``"form": "merged" | "replaced"``;
          ``"left_out": text`` where form is "replaced": which statements, and why
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions import policy_text
from cordon.actions.action import Json, NotYet, Refused
from cordon.actions.grants import Grant
from cordon.actions.policy_text import Statement
from cordon.actions.resource_policy import ResourcePolicy
from cordon.actions.s3.accepted import DELAYS, PolicyOf, Refusal
from cordon.actions.s3.deny_statements import (
    EVERYONE,
    LEVELS,
    NAMES_A_PRINCIPAL,
    OUTSIDERS,
    QUARANTINED,
    QUARANTINED_OBJECTS,
    SIDS,
    WRITES,
    denials,
)
from cordon.actions.s3.general_purpose import CONTAIN_BUCKETS, READ_BUCKETS
from cordon.actions.s3.public_access import BlockPublicAccess
from cordon.actions.s3.setting import BucketSetting
from cordon.clients import AwsClients, error_code

_TAGGED = f"objects that have the tag {QUARANTINED[0]} = {QUARANTINED[1]}"
WAIT_FOR_BLOCK = timedelta(hours=1)  # until a public policy is put again


@dataclass(frozen=True)
class DenyBucketAccess(ResourcePolicy, BucketSetting):
    """Add Cordon's deny statements to the bucket policy.

    ``levels``, at least one: "outsiders" (other accounts, except those of ``organization``),
    "writes" (all changes), "everyone", "quarantined_objects" (reading or tagging of objects that
    have the tag of ``TagObject``: where none has it, this denies nothing). ``exempt``: ARN patterns
    of ``aws:PrincipalArn`` that no statement denies: responder, break-glass and service-linked
    roles. The account ``*`` in a pattern means the owner's account.

    If the merged policy exceeds S3's limit, or S3 refuses it, a replacement takes its place:
    Cordon's statements, and every statement of the base that S3 takes beside them. A base that S3
    would not take again is refused before anything is changed. A public policy on a bucket whose
    own block refuses those is no such base: it is restored once that block is lifted.

    A policy does not stop S3's own lifecycle and replication: see ``SuspendLifecycle`` and
    ``SuspendReplication``. Root of the owner's account can always change the policy, and no bucket
    policy reaches what CloudFront's edges have cached.
    Source: Amazon S3 API Reference, "PutBucketPolicy".
    """

    levels: tuple[str, ...]
    exempt: tuple[str, ...]
    organization: str = ""

    sids: ClassVar[tuple[str, ...]] = SIDS
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_BUCKETS.allows("s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock"),
        CONTAIN_BUCKETS.allows("s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
    )

    @classmethod
    def held(cls) -> str:
        """Two playbooks write bucket policies: the rows of no other setting are theirs by that."""
        return f"{cls.family}#bucket-policy:"

    @property
    def in_words(self) -> str:
        if self.only_tagged:
            return f"adds a statement to the bucket's policy that denies reading {_TAGGED}"
        return "adds statements to the bucket's policy that deny access"

    @property
    def caution(self) -> str:
        """A freeze is no copy: Amazon S3 User Guide, "How S3 Versioning works"."""
        said = {
            QUARANTINED_OBJECTS: "whoever may tag objects there can now deny others to read them; "
            "replication goes on",
            WRITES: "the freeze brings nothing back: of what was overwritten or deleted before it "
            "S3 keeps older versions only where versioning was on (aws s3api get-bucket-versioning "
            f"--bucket {self.bucket}), and whoever is denied cannot switch it on during the freeze",
        }
        return "; ".join(said[level] for level in self.levels if level in said)

    @property
    def only_tagged(self) -> bool:
        return self.levels == (QUARANTINED_OBJECTS,)

    @property
    def shuts_out(self) -> str:
        return "; ".join(self._denied(level) for level in self.levels)

    def _denied(self, level: str) -> str:
        theirs = f" and outside the organization {self.organization}" if self.organization else ""
        who = {
            OUTSIDERS: f"principals outside the bucket's account{theirs}, and services that work"
            " for them: every access",
            WRITES: "everybody, this account's own people and workloads too: whatever changes an"
            " object or a setting of the bucket",
            EVERYONE: "everybody, this account's own people and workloads too: every access",
            QUARANTINED_OBJECTS: "everybody, this account's own people and workloads and AWS"
            f" services too: reading and tagging {_TAGGED}",
        }[level]
        exempt = f"the {len(self.exempt)} patterns of principals that the plan exempts"
        if level == QUARANTINED_OBJECTS:
            return f"{who}; but not {exempt}"
        return f"{who}; but not services that deliver logs, nor {exempt}"

    @property
    def can_lock_out_owner(self) -> bool:
        return bool({"everyone", "writes"} & set(self.levels))

    def __post_init__(self) -> None:
        """Normalise the fields, so that equal actions have equal hashes."""
        if not self.levels or not set(self.levels) <= set(LEVELS):
            raise ValueError(f"levels: expected some of {sorted(LEVELS)}, got {self.levels!r}")
        object.__setattr__(self, "levels", tuple(sorted(set(self.levels))))
        object.__setattr__(self, "exempt", tuple(sorted(set(self.exempt))))
        if OUTSIDERS not in self.levels:  # it has no meaning then
            object.__setattr__(self, "organization", "")

    def combine(self, other: Self) -> Self:
        """Denies what either action denies, and exempts what either exempts."""
        return replace(
            self,
            levels=(*self.levels, *other.levels),
            exempt=(*self.exempt, *other.exempt),
            organization=self._organization_with(other),
        )

    def capture(self, aws: AwsClients) -> Json:
        self._require_exempt_principals()
        return super().capture(aws)

    def note(self, written: Json) -> str:
        if written["form"] == "merged":
            return ""
        return (
            "the bucket policy was replaced, because S3 does not take all of it beside Cordon's "
            f"statements; until the release it is without: {written['left_out']}"
        )

    def _write_with_ours(
        self, aws: AwsClients, base: Any, shown: Any, *, first: bool
    ) -> dict[str, Any]:
        self._require_exempt_principals()
        policy = self._policy(aws)
        added = denials(self.place, self.bucket, self.levels, self.exempt, self.organization)
        merged = policy_text.merge(base, added)
        refusal = self._put(aws, policy, merged)
        # Refused because of a block that came since, and shown: then verify has the last word.
        if refusal is None or self.equal(shown, merged):
            return self._noted(merged, base, added, "merged")
        if base is None:
            raise refusal.error or Refused(f"{self.resource}: too many principals are exempt")
        if first and self.equal(shown, base):  # later it would take Cordon's statements out
            self._require_base_fits_again(aws, policy, base, refusal)
        return self._replace(policy, base, added, refusal)

    def _replace(
        self, policy: PolicyOf, base: str, added: Sequence[Statement], whole: Refusal
    ) -> dict[str, Any]:
        """Put a replacement. Raises the ClientError where S3 takes not even Cordon's statements."""

        def replacement(kept: frozenset[int]) -> str:
            return policy_text.replacement(base, added, kept)

        accepted = policy.put_widest(base, replacement, whole)
        if not accepted.kept and (refusal := policy.put(replacement(frozenset()))):
            raise refusal.error or Refused(f"{self.resource}: too many principals are exempt")
        written = self._noted(replacement(accepted.kept), base, added, "replaced")
        return {**written, "left_out": accepted.reasons(base)}

    def _noted(
        self, text: str, base: str | None, added: Sequence[Statement], form: str
    ) -> dict[str, Any]:
        return {**self.noted(text, base, added), "form": form}

    def _put(self, aws: AwsClients, policy: PolicyOf, text: str) -> Refusal | None:
        """Put a policy. Where the bucket's block is off, S3 may not know yet that it was lifted."""
        refusal = policy.put(text)
        if refusal is not None and refusal.access_denied and not refusal.names_block:
            clock.sleep(DELAYS[0])  # S3 says the same where a right is not in force yet
            refusal = policy.put(text)
        if refusal is None or not refusal.names_block or self._waits_for_block(aws, text, refusal):
            return refusal
        return policy.put(text, block_was_lifted=True)

    def _require_base_fits_again(
        self, aws: AwsClients, policy: PolicyOf, base: str, whole: Refusal
    ) -> None:
        """Put the base as it is, which changes nothing. Raises Refused if S3 does not take it."""
        refusal = policy.put(base, delays=()) if whole.error else policy.put(base)
        if refusal is None or self._waits_for_block(aws, base, refusal):
            return
        if refusal.error is not None and refusal.access_denied and not refusal.names_block:
            raise refusal.error
        raise Refused(
            f"{self.resource}: nothing was changed, because S3 would not take the bucket policy "
            f"back as it is ({refusal.message}). {_advice(base, refusal)}"
        )

    def _put_back(self, aws: AwsClients, base: Any) -> tuple[Any, str]:
        if base is None:
            self.write(aws, None)
            return None, ""
        policy = self._policy(aws)
        refusal = self._put(aws, policy, base)
        if refusal is None:
            return base, ""
        self._require_no_block(aws, base, refusal)
        return self._put_part_back(aws, policy, base, refusal)

    def _put_part_back(
        self, aws: AwsClients, policy: PolicyOf, base: str, whole: Refusal
    ) -> tuple[Any, str]:
        """Every statement of the base that S3 takes, without Cordon's."""

        def without_ours(kept: frozenset[int]) -> str:
            return policy_text.replacement(base, (), kept)

        accepted = policy.put_widest(base, without_ours, whole)
        if not accepted.kept and whole.error and whole.access_denied and not whole.names_block:
            raise whole.error  # nobody lets us put a policy
        left = policy_text.part(base, accepted.kept) if accepted.kept else None
        if not accepted.refused:
            left = base
        self.write(aws, left)  # with the base's own Id
        if not accepted.refused:
            return left, ""
        rest = "everything else of it is restored" if accepted.kept else "nothing else was in it"
        return left, (
            f"S3 refuses a part of the bucket policy that was there: {accepted.reasons(base)}; "
            f"{rest}. {_advice(base, whole)}"
        )

    def _require_no_block(self, aws: AwsClients, base: str, refusal: Refusal) -> None:
        """Raises NotYet while the bucket's own block refuses the public policy that was there."""
        if self._waits_for_block(aws, base, refusal):
            raise NotYet(
                clock.now() + WAIT_FOR_BLOCK,
                f"the public access block of {self.resource} refuses the public bucket policy that "
                f"was there ({refusal.message}). The bucket stays contained until the block is "
                "lifted: by the release of the case that holds it, or by whoever set it. Or put "
                "the policy that you want in place yourself, without Cordon's statements",
            )

    def _waits_for_block(self, aws: AwsClients, base: str, refusal: Refusal) -> bool:
        """Is it the bucket's own block that refuses a public base? No release lifts the account's.

        S3 does not always say so: then a statement for everybody is the sign.
        """
        if not refusal.names_block and not policy_text.open_to_everybody(base):
            return False
        block = BlockPublicAccess(self.place, self.bucket).read(aws) or {}
        return bool(block.get("BlockPublicPolicy"))

    def _drift(self, base: Any, captured: Json) -> str:
        """A principal that was deleted is S3's change. What is missing may be S3's refusal."""
        before = captured[self.setting]
        if base is None or before is None or self.equal(base, before):
            return super()._drift(base, captured)
        if policy_text.same_but_for_deleted(base, before):
            return f"principals that {self.target} names were deleted while it was held"
        absent = policy_text.missing(base, before)
        if absent is None:
            return super()._drift(base, captured)
        names = policy_text.listed(policy_text.names(before, absent))
        return (
            f"{self.target} is without {names}: a person took that out while it was held, or S3 "
            "refused it at an earlier try to restore it"
        )

    def read(self, aws: AwsClients) -> Any:
        try:
            response = aws.client("s3").get_bucket_policy(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "NoSuchBucketPolicy":
                raise
            return None
        return response["Policy"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        s3 = aws.client("s3")
        if setting is None:
            s3.delete_bucket_policy(**self._owned_bucket)
        else:
            s3.put_bucket_policy(**self._owned_bucket, Policy=setting)

    def _policy(self, aws: AwsClients) -> PolicyOf:
        return PolicyOf(aws.client("s3"), self._owned_bucket)

    def _organization_with(self, other: Self) -> str:
        """The organization that both actions exempt; "" if they name different ones."""
        organizations = {a.organization for a in (self, other) if OUTSIDERS in a.levels}
        return organizations.pop() if len(organizations) == 1 else ""

    def _require_exempt_principals(self) -> None:
        if not self.exempt:
            raise Refused(f"{self.resource}: no principal is exempt; name the responder roles")
        wide = [pattern for pattern in self.exempt if not NAMES_A_PRINCIPAL.fullmatch(pattern)]
        if wide:
            raise Refused(f"exempt {wide[0]!r} names no role or user; name each exempt principal")


def _advice(base: str, refusal: Refusal) -> str:
    """What a person must do, so that S3 takes the policy."""
    if refusal.names_block:
        public = policy_text.names(base, policy_text.open_to_everybody(base))
        which = f": {policy_text.listed(public)}" if public else ""
        return (
            "The account's public access block, or the organization's, refuses public policies. "
            f"Take out what makes it public{which}"
        )
    deleted = policy_text.deleted_principals(base)
    if deleted:
        ids = policy_text.listed([one for found in deleted.values() for one in found])
        where = policy_text.listed(policy_text.names(base, deleted))
        return f"It names principals that were deleted: take {ids} out of statement {where}"
    return "Correct these statements: a principal that they name may have been deleted"
