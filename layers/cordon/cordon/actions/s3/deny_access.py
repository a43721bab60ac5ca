"""Deny access to a bucket through its policy. A deny overrides every allow."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions import bucket_policy
from cordon.actions.action import Json, Refused, Undone, UndoResult
from cordon.actions.s3.deny_statements import (
    DENY_LEVELS,
    NAMES_A_PRINCIPAL,
    OUTSIDERS,
    SIDS,
    denials,
)
from cordon.actions.s3.setting import BucketSetting
from cordon.clients import AwsClients, error_code

# PutBucketPolicy fails with these if S3 rejects the base: it is public and public policies are
# blocked, or it names a principal that was deleted since.
BASE_REFUSED = ("AccessDenied", "MalformedPolicy")


@dataclass(frozen=True)
class DenyBucketAccess(BucketSetting):
    """Add Cordon's deny statements to the bucket policy.

    ``levels``, at least one: "outsiders" (other accounts, except those of ``organization``),
    "writes" (all changes), "everyone". ``exempt``: ARN patterns of ``aws:PrincipalArn`` that no
    statement denies: responder, break-glass and service-linked roles. The account ``*`` in a
    pattern means the owner's account.

    If the merged policy exceeds S3's limit, or S3 rejects it, Cordon's statements replace the
    policy and the hold keeps the original. ``written["form"]`` is "merged" or "replaced". A policy
    does not stop S3's own lifecycle and replication: see ``SuspendLifecycle`` and
    ``SuspendReplication``. Root of the owner's account can always change the policy, and no bucket
    policy reaches what CloudFront's edges have cached.
    Source: Amazon S3 API Reference, "PutBucketPolicy".
    """

    levels: tuple[str, ...]
    exempt: tuple[str, ...]
    organization: str = ""

    setting: ClassVar[str] = "policy"
    permissions: ClassVar[tuple[str, ...]] = (
        "s3:DeleteBucketPolicy",
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
    )

    @property
    def can_lock_out_owner(self) -> bool:
        return bool({"everyone", "writes"} & set(self.levels))

    def __post_init__(self) -> None:
        """Normalise the fields, so that equal actions have equal hashes."""
        if not self.levels or not set(self.levels) <= DENY_LEVELS.keys():
            raise ValueError(f"levels: expected some of {sorted(DENY_LEVELS)}, got {self.levels!r}")
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
        captured = super().capture(aws)
        try:
            bucket_policy.check(captured[self.setting])
        except bucket_policy.Unreadable as error:
            raise Refused(f"{self.resource}: the bucket policy cannot be read ({error})") from error
        return captured

    def _write_with_ours(self, aws: AwsClients, base: Any) -> dict[str, Any]:
        self._require_exempt_principals()
        added = denials(self.place, self.bucket, self.levels, self.exempt, self.organization)
        merged = bucket_policy.merge(base, added)
        if self._put(aws, merged, base_may_be_refused=base is not None):
            return {self.setting: merged, "form": "merged"}
        alone = bucket_policy.replacement(base, added)
        self._put(aws, alone, base_may_be_refused=False)
        return {self.setting: alone, "form": "replaced"}

    def without_ours(self, current: Any, base: Any) -> Any:
        return bucket_policy.unmerge(current, base, SIDS)

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            return super().undo(aws, captured, written)
        except ClientError as error:
            if error_code(error) != "MalformedPolicy":
                raise
            reason = f"S3 rejects the captured policy: {_message(error)}"
            return UndoResult(
                Undone.DRIFTED,
                f"{reason}. Cordon's deny statements are still in the bucket policy. "
                "Correct the captured policy and put it in place manually",
            )

    def equal(self, left: Any, right: Any) -> bool:
        return bucket_policy.equal(left, right)

    def difference(self, current: Any, wanted: Any) -> str:
        missing = sorted({*bucket_policy.sids(wanted)} - {*bucket_policy.sids(current)})
        names = ", ".join(missing) or "none"
        return f"the policy differs from the written one, missing statements: {names}"

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

    def _put(self, aws: AwsClients, policy: str, *, base_may_be_refused: bool) -> bool:
        """Put the policy. False if S3 rejects it and ``base_may_be_refused`` is set."""
        if base_may_be_refused and bucket_policy.size(policy) > bucket_policy.LIMIT:
            return False
        try:
            self.write(aws, policy)
        except ClientError as error:
            if not base_may_be_refused or error_code(error) not in BASE_REFUSED:
                raise
            return False
        return True

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


def _message(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))
