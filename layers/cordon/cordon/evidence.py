"""What we can prove: a chain of write-once objects per case.

Each object carries the sha256 of the one before, so that a missing, altered or reordered entry
shows. The bucket's Object Lock keeps them; ``IfNoneMatch`` keeps a retry from writing over one.
Key: ``<account>/<case>/<seq>.json``, ``seq`` in six digits from 000001.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cordon.clock import now, sleep, to_iso
from cordon.errors import CaptureMismatch
from cordon.finding import canonical_json

MAX_ENTRIES = 999_999
CONFLICT = "ConditionalRequestConflict"  # another write of the key at this moment: try again


@dataclass(frozen=True)
class ChainEnd:
    """The end of a case's chain: how many entries, and the sha256 of the last one."""

    seq: int = 0
    hash: str = ""


@dataclass(frozen=True)
class EntryRef:
    """One entry: its key, and the sha256 of its bytes."""

    key: str
    sha256: str


class Evidence:
    """The evidence of one case. ``link`` is where its chain ends as far as we know.

    ``left`` are the entries beyond it that ``write`` came upon: a dead attempt's last words.
    """

    def __init__(self, s3: Any, bucket: str, account: str, case: str, link: ChainEnd) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = f"{account}/{case}"
        self._case = case
        self.link = link
        self.orphaned: list[Mapping[str, Any]] = []

    def write(self, stage: str, content: Mapping[str, Any]) -> EntryRef:
        """Append one entry. Raises the ClientError of s3:PutObject; then nothing may go on.

        An entry that a dead attempt left behind is kept and chained to, never written over.
        """
        while self.link.seq < MAX_ENTRIES:
            key = f"{self._folder}/{self.link.seq + 1:06d}.json"
            body = self._entry(stage, content)
            refused = self._put(key, body)
            if refused == CONFLICT:
                sleep(0.1)
                continue
            if refused:
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                self.orphaned.append(json.loads(body))
            self._advance(body)
            if not refused:
                return EntryRef(key, self.link.hash)
        raise OverflowError(f"case {self._case} has more than {MAX_ENTRIES} evidence entries")

    def read(self, key: str, sha256: str) -> Mapping[str, Any]:
        """The entry of this key, of any case. Raises CaptureMismatch where it is not this one."""
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        if hashlib.sha256(body).hexdigest() != sha256:
            raise CaptureMismatch(f"{key} is not the entry that the hold names")
        entry: Mapping[str, Any] = json.loads(body)
        return entry

    def _entry(self, stage: str, content: Mapping[str, Any]) -> bytes:
        entry = {
            "case": self._case,
            "seq": self.link.seq + 1,
            "stage": stage,
            "at": to_iso(now()),
            "previous": self.link.hash,
            "content": content,
        }
        return canonical_json(entry).encode()

    def _put(self, key: str, body: bytes) -> str:
        """The code by which S3 refused to write over what is there; "" where it wrote."""
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code in ("PreconditionFailed", CONFLICT):
                return code
            raise
        return ""

    def _advance(self, body: bytes) -> None:
        self.link = ChainEnd(self.link.seq + 1, hashlib.sha256(body).hexdigest())


def chain_fault(entries: Sequence[bytes]) -> str:
    """Where a chain read back from the bucket does not hold; "" when it does.

    ``entries`` are the objects' bytes in the order of their keys.
    """
    previous = ""
    for number, body in enumerate(entries, 1):
        entry = json.loads(body)
        if entry["seq"] != number or entry["previous"] != previous:
            return f"entry {number} does not follow the one before"
        previous = hashlib.sha256(body).hexdigest()
    return ""
