"""Deny access to a bucket by its policy, whoever allows it."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions import bucket_policy
from cordon.actions.action import Json, Refused, Undone, UndoResult
from cordon.actions.s3.deny_statements import DENY_LEVELS, NAMES_SOMEBODY, OUTSIDERS, SIDS, denials
from cordon.actions.s3.setting import BucketSetting, error_code
from cordon.clients import AwsClients

# PutBucketPolicy answers these where the base cannot stay beside our statements: it is public and
# public policies are blocked, or it names a principal that was deleted since.
BASE_NOT_TAKEN = ("AccessDenied", "MalformedPolicy")


@dataclass(frozen=True)
class DenyBucketAccess(BucketSetting):
    """Deny statements of ours in the bucket policy, beside what stands there.

    ``levels``: "outsiders" (other accounts, unless of ``organization``), "writes" (nothing is
    changed any more), "everyone"; at least one. ``exempt``: ARN patterns, as ``aws:PrincipalArn``
    shows them, that no statement denies: responders, break-glass and service-linked roles. Any
    account (``*``) in a pattern means the owner's.

    Where the policy with ours in it is longer than S3 takes, or S3 refuses it, ours stand alone
    and the original waits in the hold: ``wrote["form"]`` is "merged" or "replaced". S3's own
    lifecycle and replication are not stopped by a policy (``SuspendLifecycle``,
    ``SuspendReplication``). Root of the owner's account can always change the policy, and no
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
        """One spelling for one meaning, so that equal actions have equal hashes."""
        if not self.levels or not set(self.levels) <= DENY_LEVELS.keys():
            raise ValueError(f"levels: some of {sorted(DENY_LEVELS)}, not {self.levels!r}")
        object.__setattr__(self, "levels", tuple(sorted(set(self.levels))))
        object.__setattr__(self, "exempt", tuple(sorted(set(self.exempt))))
        if OUTSIDERS not in self.levels:  # says nothing then
            object.__setattr__(self, "organization", "")

    def combine(self, other: Self) -> Self:
        """All that either denies, to all but whom either exempts."""
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
            raise Refused(f"{self.resource}: its policy cannot be read ({error})") from error
        return captured

    def _ensure(self, aws: AwsClients, current: Any, base: Any) -> dict[str, Any]:
        self._require_exempt_principals()
        ours = denials(self.place, self.bucket, self.levels, self.exempt, self.organization)
        merged = bucket_policy.merge(base, ours)
        if self._put(aws, current, merged, base_may_be_refused=base is not None):
            return {self.setting: merged, "form": "merged"}
        alone = bucket_policy.replacement(base, ours)
        self._put(aws, current, alone, base_may_be_refused=False)
        return {self.setting: alone, "form": "replaced"}

    def without_ours(self, current: Any, base: Any) -> Any:
        return bucket_policy.unmerge(current, base, SIDS)

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            return super().undo(aws, captured, written)
        except ClientError as error:
            if error_code(error) != "MalformedPolicy":
                raise
            why = (
                f"S3 does not take the policy back ({_message(error)}); our statements are still in"
            )
            return UndoResult(
                Undone.DRIFTED, f"{why}: put the captured policy right and in place by hand"
            )

    def equal(self, one: Any, other: Any) -> bool:
        return bucket_policy.equal(one, other)

    def difference(self, current: Any, wanted: Any) -> str:
        missing = sorted({*bucket_policy.sids(wanted)} - {*bucket_policy.sids(current)})
        return f"the policy is not as written, missing statements: {', '.join(missing) or 'none'}"

    def read(self, aws: AwsClients) -> Any:
        try:
            answer = aws.client("s3").get_bucket_policy(**self._owned_bucket)
        except ClientError as error:
            if error_code(error) != "NoSuchBucketPolicy":
                raise
            return None
        return answer["Policy"]

    def write(self, aws: AwsClients, setting: Any) -> None:
        s3 = aws.client("s3")
        if setting is None:
            s3.delete_bucket_policy(**self._owned_bucket)
        else:
            s3.put_bucket_policy(**self._owned_bucket, Policy=setting)

    def _put(
        self, aws: AwsClients, current: Any, policy: str, *, base_may_be_refused: bool
    ) -> bool:
        """Is ``policy`` in place now? False where S3 does not take it and ``bear`` is set."""
        if self.equal(current, policy):
            return True
        if base_may_be_refused and bucket_policy.size(policy) > bucket_policy.LIMIT:
            return False
        try:
            self.write(aws, policy)
        except ClientError as error:
            if not base_may_be_refused or error_code(error) not in BASE_NOT_TAKEN:
                raise
            return False
        return True

    def _organization_with(self, other: Self) -> str:
        """Who is an outsider to either is one to both: two organizations leave none."""
        told = {a.organization for a in (self, other) if OUTSIDERS in a.levels}
        return told.pop() if len(told) == 1 else ""

    def _require_exempt_principals(self) -> None:
        if not self.exempt:
            raise Refused(f"{self.resource}: nobody would be exempt; name the responders' roles")
        wide = [pattern for pattern in self.exempt if not NAMES_SOMEBODY.fullmatch(pattern)]
        if wide:
            raise Refused(f"exempt {wide[0]!r} names no role or user; name those to be exempt")


def _message(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))
