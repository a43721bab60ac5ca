"""Puts bucket policies, and finds out which statements of one S3 accepts.

S3 has no trial run: a policy is put, or refused. A put that is refused changes nothing.
Sources: Amazon S3 API Reference, "PutBucketPolicy", "Error responses"; Amazon S3 User Guide,
"Blocking public access to your Amazon S3 storage" (BlockPublicPolicy refuses a public policy with
AccessDenied); IAM User Guide, "AWS JSON policy elements: Principal" (a deleted principal).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions import policy_text
from cordon.clients import error_code

# A principal that was just made, or a block that was just lifted: S3 learns of it within seconds.
DELAYS = (1.0, 2.0, 4.0)
LIMIT = 20 * 1024  # bytes of one bucket policy (Amazon S3 User Guide, "Bucket policies")
MOST_PUTS = 60  # for one policy: each takes about a tenth of a second
CONFLICT = "OperationAborted"  # another change of the bucket goes on
NOT_ALLOWED = ("explicit deny", "policy allows the")  # in messages about the right to put at all


@dataclass(frozen=True)
class Refusal:
    """Why S3 does not take a policy. Without an ``error`` it was not put: it is too long."""

    message: str
    error: ClientError | None = None

    @property
    def access_denied(self) -> bool:
        """A public policy where those are blocked, or no right to put any."""
        return self.error is not None and error_code(self.error) == "AccessDenied"

    @property
    def names_block(self) -> bool:
        """Does S3 say that a public access block is why?"""
        return self.access_denied and "BlockPublicPolicy" in self.message


TOO_LONG = Refusal(f"it does not fit into {LIMIT} bytes")
NOT_TRIED = Refusal(f"S3 refused so many others that it was not tried ({MOST_PUTS} puts)")


@dataclass
class Accepted:
    """The numbers of the statements that are in the policy now, and why the others are not."""

    kept: frozenset[int] = frozenset()
    refused: dict[int, Refusal] = field(default_factory=dict)

    def reasons(self, policy: str) -> str:
        """The statements that are not in the policy, and all that S3 says of them."""
        by_message: dict[str, list[int]] = {}
        for number, refusal in sorted(self.refused.items()):
            by_message.setdefault(refusal.message, []).append(number)
        return "; ".join(
            f"{policy_text.listed(policy_text.names(policy, chosen))} ({message})"
            for message, chosen in by_message.items()
        )


@dataclass(frozen=True)
class PolicyOf:
    """The policy of one bucket. ``bucket`` are the parameters that name it."""

    s3: Any
    bucket: Mapping[str, str]

    def put(
        self, text: str, delays: tuple[float, ...] = DELAYS, *, block_was_lifted: bool = False
    ) -> Refusal | None:
        """Put a policy. Why S3 does not take it, or None. Tried again, with delays (seconds).

        A block is waited for only where it was lifted. Raises the ClientError of any other failure;
        also where nobody lets us put a policy.
        """
        if policy_text.size(text) > LIMIT:
            return TOO_LONG
        for delay in (*delays, None):
            try:
                self.s3.put_bucket_policy(**self.bucket, Policy=text)
                return None
            except ClientError as error:
                refusal = _refusal(error)
            waits = refusal.names_block and block_was_lifted
            if delay is None or (refusal.access_denied and not waits):
                break
            clock.sleep(delay)
        if refusal.error is not None and error_code(refusal.error) == CONFLICT:
            raise refusal.error
        return refusal

    def put_widest(
        self, base: str, text_of: Callable[[frozenset[int]], str], whole: Refusal
    ) -> Accepted:
        """Put the policy with every statement of the base that S3 accepts, each Deny first.

        ``text_of`` is the policy with the statements of these numbers; ``whole`` is why S3 does not
        take it with all. It only ever grows: what is in it stays while more is tried.
        """
        every = frozenset(policy_text.numbers(base))
        accepted, puts = Accepted(), 0
        waiting = [group for group in reversed(_by_size(base, text_of)) if group]
        while waiting:
            group = waiting.pop()
            wanted = accepted.kept.union(group)
            refusal: Refusal | None = whole
            if puts >= MOST_PUTS:
                refusal = NOT_TRIED
            elif accepted.kept or wanted != every:
                puts += policy_text.size(text_of(wanted)) <= LIMIT
                refusal = self.put(text_of(wanted), delays=())
            if refusal is None:
                accepted.kept = wanted
            elif len(group) == 1:
                accepted.refused.update(dict.fromkeys(group, refusal))
            else:
                waiting.extend(_halves(base, group))
        return accepted


def _refusal(error: ClientError) -> Refusal:
    """What S3 says, where it is about this policy. Raises all other errors."""
    code, message = error_code(error), str(error.response["Error"].get("Message", ""))
    if code not in ("AccessDenied", "MalformedPolicy", CONFLICT):
        raise error
    if code == "AccessDenied" and any(words in message for words in NOT_ALLOWED):
        raise error
    return Refusal(f"{code}: {message}", error)


def _by_size(base: str, text_of: Callable[[frozenset[int]], str]) -> tuple[list[int], list[int]]:
    """The statements that fit into one policy, each Deny first, and the others."""
    fits: list[int] = []
    for number in policy_text.denies_first(base):
        if policy_text.size(text_of(frozenset((*fits, number)))) <= LIMIT:
            fits.append(number)
    return fits, [number for number in policy_text.denies_first(base) if number not in fits]


def _halves(base: str, group: list[int]) -> tuple[list[int], list[int]]:
    """Two parts of a group; the one to try first comes last. A Deny is tried before an Allow."""
    denying = policy_text.denies(base)
    denies = [number for number in group if number in denying]
    others = [number for number in group if number not in denying]
    if denies and others:
        return others, denies
    middle = len(group) // 2
    return group[middle:], group[:middle]
