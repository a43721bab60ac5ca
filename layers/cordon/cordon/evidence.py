"""What we can prove: a chain of write-once objects per case.

Each object carries the sha256 of the one before, so that a missing, altered or reordered entry
shows. The bucket's Object Lock keeps them; ``IfNoneMatch``, which its policy requires of every put,
keeps a retry from writing over one. Key: ``<playbook>/<account>/<case>/<seq>.json``, ``seq`` in six
digits from 000001. The playbook comes first: in a policy ``*`` crosses slashes, so only a prefix
can say which role writes where.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from cordon.clock import now, sleep, to_iso
from cordon.errors import EvidenceFault
from cordon.finding import canonical_json

MAX_ENTRIES = 999_999
CONFLICT = "ConditionalRequestConflict"  # another write of the key at this moment: try again


@dataclass(frozen=True)
class Chain:
    """Whose evidence it is, and so where it lies. The account is the finding's."""

    playbook: str
    account: str
    case: str

    @property
    def folder(self) -> str:
        """The prefix of its keys, with the last slash."""
        return f"{self.playbook}/{self.account}/{self.case}/"

    def key(self, number: int) -> str:
        """The key of an entry, counted from 1."""
        return f"{self.folder}{number:06d}.json"


@dataclass(frozen=True)
class ChainEnd:
    """The end of a case's chain: how many entries, and the sha256 of the last one."""

    seq: int = 0
    hash: str = ""


@dataclass(frozen=True)
class EntryRef:
    """One entry, named so that no other can take its place: its key, and its sha256 in hex."""

    key: str
    sha256: str


@dataclass(frozen=True)
class Draft:
    """An entry that is about to be written."""

    stage: str
    content: Mapping[str, Any]
    body: bytes
    ref: EntryRef


class Evidence:
    """The evidence of one case. ``link`` is where its chain ends as far as we know.

    ``batch`` is the key of the object in which it was observed before its first entry, if it was.
    ``first`` is what the content of the first entry has, whichever that is: by its controls the
    case is found (``cordon.digesting``). ``orphaned`` are the entries beyond ``link`` that
    ``write`` came upon: a dead attempt's last words.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        chain: Chain,
        link: ChainEnd,
        batch: str = "",
        first: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._chain = chain
        self._batch = batch
        self._first = first
        self.link = link
        self.orphaned: list[Mapping[str, Any]] = []
        self._read: dict[str, dict[str, Any]] = {}

    def draft(self, stage: str, content: Mapping[str, Any]) -> Draft:
        """The next entry, with its name: so a hold can name the object while it is written."""
        body = self._entry(stage, content)
        key = self._chain.key(self.link.seq + 1)
        return Draft(stage, content, body, EntryRef(key, sha256(body)))

    def write(self, stage: str, content: Mapping[str, Any]) -> EntryRef:
        """Append one entry. As ``put``."""
        return self.put(self.draft(stage, content))

    def put(self, draft: Draft) -> EntryRef:
        """Append one entry. Raises the ClientError of s3:PutObject; then nothing may go on.

        An entry that a dead attempt left behind is kept and chained to, never written over: then
        the name is another than the draft's. Returns what was written, for a hold to name.
        """
        body = draft.body
        while self.link.seq < MAX_ENTRIES:
            key = self._chain.key(self.link.seq + 1)
            refused = self._put(key, body)
            if refused == CONFLICT:
                sleep(0.1)
                continue
            there = self._get(key) if refused else body
            self._advance(there)
            if there == body:  # written now, or by a try whose response was lost
                return EntryRef(key, self.link.hash)
            self._keep_orphan(key, there)
            body = self._entry(draft.stage, draft.content)
        raise OverflowError(f"case {self._chain.case} has more than {MAX_ENTRIES} evidence entries")

    def begin(self, stage: str, content: Mapping[str, Any]) -> bool:
        """Write the next entry; False where there is one: then nothing is written.

        ``put`` would chain to what is there, and so vouch for it. As ``put`` it raises ClientError.
        """
        draft = self.draft(stage, content)
        if self._put(draft.ref.key, draft.body):
            return False
        self._advance(draft.body)
        return True

    def read(self, key: str, sha256: str) -> dict[str, Any]:
        """The entry that a hold names; of any playbook and case. As ``read_entry``."""
        return read_entry(self._s3, self._bucket, EntryRef(key, sha256))

    def backwards(self) -> Iterator[dict[str, Any]]:
        """The entries of this case from the end to the first, each by the hash that the next names.

        Raises EvidenceFault where one is not what was written.
        """
        named = self.link.hash
        for number in range(self.link.seq, 0, -1):
            ref = EntryRef(self._chain.key(number), named)
            if ref.key not in self._read:
                self._read[ref.key] = read_entry(self._s3, self._bucket, ref)
            entry = self._read[ref.key]
            yield entry
            named = entry["previous"]

    def _entry(self, stage: str, content: Mapping[str, Any]) -> bytes:
        number = self.link.seq + 1
        entry = {
            "playbook": self._chain.playbook,
            "account": self._chain.account,
            "case": self._chain.case,
            "key": self._chain.key(number),
            "seq": number,
            "stage": stage,
            "at": to_iso(now()),
            "previous": self.link.hash,
            "content": content if number > 1 else {**self._first, **content},
            **({"batch": self._batch} if self._batch and number == 1 else {}),
        }
        return canonical_json(entry).encode()

    def _put(self, key: str, body: bytes) -> str:
        """The code by which S3 refused to write over what is there; "" where it wrote."""
        try:
            _put_new(self._s3, self._bucket, key, body)
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code in ("PreconditionFailed", CONFLICT):
                return code
            raise
        return ""

    def _get(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _keep_orphan(self, key: str, body: bytes) -> None:
        """What is no entry of ours is chained to all the same: ``cordon evidence`` names it."""
        try:
            self.orphaned.append(entry_at(key, body))
        except EvidenceFault:
            return

    def _advance(self, body: bytes) -> None:
        self.link = ChainEnd(self.link.seq + 1, sha256(body))


def write_batch(
    s3: Any, bucket: str, playbook: str, records: Sequence[Mapping[str, Any]]
) -> EntryRef:
    """One object for what was decided of a delivered batch: ``<playbook>/batches/<day>/<id>.json``.

    ``records``: ``{"case", "account", "content"}`` of each, in an order that the rows name. Raises
    the ClientError of s3:PutObject.
    """
    key = f"{playbook}/batches/{now():%Y-%m-%d}/{uuid.uuid4().hex}.json"
    batch = {"playbook": playbook, "key": key, "at": to_iso(now()), "observed": list(records)}
    body = canonical_json(batch).encode()
    _put_new(s3, bucket, key, body)
    return EntryRef(key, sha256(body))


def _put_new(s3: Any, bucket: str, key: str, body: bytes) -> None:
    """Never over what is there: the bucket's policy denies every other put."""
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType="application/json",
        ChecksumAlgorithm="SHA256",
        IfNoneMatch="*",
    )


def sha256(body: bytes) -> str:
    """The sha256 of an object's bytes, in hex."""
    return hashlib.sha256(body).hexdigest()


_TEXTS = ("playbook", "account", "case", "key", "stage", "at", "previous")


def entry_at(key: str, body: bytes) -> dict[str, Any]:
    """The entry in these bytes, if it is one, and the one that belongs at this key.

    Raises EvidenceFault.
    """
    entry = _parsed(body)
    if entry["key"] != key:
        raise EvidenceFault(f"says that its key is {entry['key']}")
    owner = Chain(entry["playbook"], entry["account"], entry["case"])
    if owner.key(entry["seq"]) != key:
        raise EvidenceFault(
            f"says that it is entry {entry['seq']} of {owner.playbook} in account {owner.account}"
            f" for case {owner.case}"
        )
    return entry


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(body.decode())
    except UnicodeDecodeError:
        raise EvidenceFault("is not UTF-8") from None
    except (ValueError, RecursionError):
        raise EvidenceFault("is not JSON") from None
    if not isinstance(entry, dict):
        raise EvidenceFault("is JSON, and no entry: not an object")
    wrong = [name for name in _TEXTS if not isinstance(entry.get(name), str)]
    wrong += [] if type(entry.get("seq")) is int else ["seq"]  # True is 1, and no number
    wrong += [] if isinstance(entry.get("content"), dict) else ["content"]
    if wrong:
        raise EvidenceFault(f"is JSON, and no entry: without a good {', '.join(wrong)}")
    return entry


def read_entry(s3: Any, bucket: str, ref: EntryRef) -> dict[str, Any]:
    """The entry that ``ref`` names; another playbook's too. One s3:GetObject.

    Raises EvidenceFault where the object is missing, where its bytes have another sha256, and where
    the entry names another key or case than the one it lies at. Any other ClientError rises.
    """
    try:
        body = bytes(s3.get_object(Bucket=bucket, Key=ref.key)["Body"].read())
    except ClientError as error:
        raise _unreadable(ref, error) from error
    if sha256(body) != ref.sha256:
        raise EvidenceFault(
            f"evidence {ref.key} has the sha256 {sha256(body)}, and {ref.sha256} was written"
        )
    try:
        return entry_at(ref.key, body)
    except EvidenceFault as fault:
        raise EvidenceFault(f"evidence {ref.key} {fault}") from None


def next_entry(s3: Any, bucket: str, key: str, previous: str) -> tuple[dict[str, Any], str] | None:
    """The entry at this key and its sha256, where it follows the one with the sha256 ``previous``.

    None where there is none, or what lies there is not it. Any other ClientError rises.
    """
    try:
        body = bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        entry = entry_at(key, body)
    except ClientError as error:
        _unreadable(EntryRef(key, ""), error)
        return None
    except EvidenceFault:
        return None
    return (entry, sha256(body)) if entry["previous"] == previous else None


def _unreadable(ref: EntryRef, error: ClientError) -> EvidenceFault:
    """S3 says NoSuchKey only to who may list the bucket; our roles may not, and get 403.

    Source: S3 API Reference, "GetObject", Permissions.
    """
    code = str(error.response["Error"]["Code"])
    if code == "NoSuchKey":
        return EvidenceFault(f"evidence {ref.key} is missing")
    if code in ("AccessDenied", "403"):
        return EvidenceFault(f"evidence {ref.key} is missing, or may not be read: {code}")
    raise error
