"""The digests and the evidence of a deployed stack, as its auditor may read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from console.audit import rows
from console.audit.chains import DUE, Checker
from console.audit.digests import Digest, Digests
from console.audit.ledger import Ledger
from console.audit.period import Wanted, known_control
from console.aws_errors import is_denied
from console.evidence import Fault
from console.stack import NotPossible, Stack
from console.tables import Row
from cordon.clock import from_iso, now, to_iso
from cordon.evidence import Chain

NONE_YET = (
    "there is no digest yet: the first is written in the night after the deployment. Until then"
    " `cordon evidence CASE` verifies each case by itself"
)


class StackAudit:
    """What the commands for auditors work with."""

    def __init__(self, stack: Stack, wanted: Wanted) -> None:
        self.stack = stack
        self.wanted = wanted
        self.ledger = Ledger()
        self.s3 = stack.client("s3")
        self.bucket = stack.outputs["EvidenceBucket"]
        key = stack.parameters.get("DigestKey", "")
        # Of a deleted stack no output says its account; its bucket is of the caller's.
        account = (
            stack.client("sts").get_caller_identity()["Account"] if stack.deleted else stack.account
        )
        self.digests = Digests(self.s3, self.bucket, account, key, self._public_key)
        self._keys: dict[str, bytes | None] = {}
        self._found = False  # is anything wanted in these digests?

    @classmethod
    @contextmanager
    def of(cls, stack: Stack, wanted: Wanted) -> Iterator["StackAudit"]:
        """Nothing of it is left on disk at the end."""
        audit = cls(stack, wanted)
        try:
            yield audit
        finally:
            audit.ledger.close()

    def read(self) -> Iterator[Digest]:
        """The digests of the period; the ledger gets what they say of what is wanted.

        Raises NotPossible where there is none.
        """
        moment = from_iso(self.wanted.since) if self.wanted.since else None
        for digest in self.digests.since(moment):
            for line in digest.content["chains"]:
                is_wanted = self.wanted.includes(line["playbook"], line["controls"])
                self._found |= is_wanted
                self.ledger.chain(line, digest.number, is_wanted)
            for line in digest.content["objects"]:
                if self._wants(line):
                    self._found = True
                    self.ledger.object(line, digest.number)
            yield digest
            # The next one too: what an entry says is of the last second, S3 wrote in the next.
            if self.wanted.until and digest.until > self.wanted.until:
                break
        if self.digests.last is None:
            raise NotPossible(NONE_YET if not moment else "there is no digest of this period")
        if not self._found:
            known_control(self.wanted.control)

    @cached_property
    def checker(self) -> Checker:
        """After ``read``."""
        first = self.digests.first
        begun = to_iso(first.written) if first else ""
        account = self.digests.account
        return Checker(self.s3, self.bucket, self.ledger, self.until, self.since, begun, account)

    @property
    def since(self) -> str:
        """From when on the digests that were read say something; "" where it is from the start."""
        return str(self.digests.first.content["since"]) if self.digests.first else ""

    @property
    def until(self) -> str:
        """Until when the digests say something."""
        return self.digests.last.until if self.digests.last else ""

    def faults(self) -> list[Fault]:
        """What is wrong with the digests themselves, after all were read."""
        unknown = (
            Fault(f"the signatures by {arn} are not verified: its public key is unknown", True)
            for arn in sorted(self.digests.unknown_keys)
        )
        wrong = (*self._not_by_the_key(), *self._not_read(), *self._overdue())
        return [*self.digests.faults, *unknown, *wrong]

    def _not_by_the_key(self) -> Iterator[Fault]:
        """The signature of the last digest is over all before it. Of a period that is over the key
        may have come later.
        """
        last, key = self.digests.last, self.digests.key
        if last and key and last.signer != key:
            text = f"digest {last.number}, the last one, is not signed by DigestKey, {key}"
            is_over = bool(self.wanted.until) and self.wanted.until <= to_iso(now())
            yield Fault(text, warning=is_over)

    def _not_read(self) -> Iterator[Fault]:
        first = self.digests.first
        for number in sorted(self.digests.noted):
            if first and number < first.number and self.wanted.since:
                yield Fault(f"digest {number}, which was noted, is older than what was looked at")
            elif number not in self.digests.numbers:
                yield Fault(f"digest {number}, which was noted, is missing")

    def _overdue(self) -> list[Fault]:
        """A stack whose digests have stopped says nothing more, and that must be said."""
        end = self.wanted.until or to_iso(now() - DUE)
        if self.until >= min(end, to_iso(now() - DUE)):
            return []
        text = f"no digest is of what came after {self.until}: what is missing of it is unknown"
        return [Fault(text)]

    def observed(self, batch: bytes, key: str) -> Iterator[Row]:
        """The cases of a batch that are wanted, and have no entry of their own."""
        for row in rows.observed(batch, key, self.wanted):
            if not self.ledger.mentions(Chain(row["playbook"], row["account"], row["case"])):
                yield row

    def public_keys(self) -> dict[str, bytes]:
        """Those that signatures were verified with, by ARN."""
        return {arn: key for arn, key in self._keys.items() if key is not None}

    def _wants(self, line: Any) -> bool:
        playbook = str(line["key"]).partition("/")[0]
        if not line["cases"]:
            return not (self.wanted.framework or self.wanted.control or self.wanted.playbook)
        return any(self.wanted.includes(playbook, one["controls"]) for one in line["cases"])

    def _public_key(self, arn: str) -> bytes | None:
        """None where the caller may not have it. Needs kms:GetPublicKey."""
        if arn not in self._keys:
            try:
                found = self.stack.client("kms").get_public_key(KeyId=arn)
                self._keys[arn] = bytes(found["PublicKey"])
            except ClientError as error:
                if not is_denied(error):
                    raise
                self._keys[arn] = None
        return self._keys[arn]
