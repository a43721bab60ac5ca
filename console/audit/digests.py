"""The chain of digests: read one by one, and verified on the way."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from console.audit.archive_signature import is_signed, signed_bytes
from console.audit.verify_archive import LATE
from console.evidence import NAME, Fault
from cordon.clock import from_iso, to_iso
from cordon.digesting.digest import chain_of
from cordon.errors import EvidenceFault
from cordon.evidence import entry_at, sha256

STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
LINES = ("playbook", "account", "case", "sha256")  # texts of a digest's line about a chain


@dataclass(frozen=True)
class Digest:
    """One digest, as it lies in the bucket."""

    number: int
    body: bytes
    entry: Mapping[str, Any]
    written: datetime  # by the clock of S3

    @property
    def content(self) -> Mapping[str, Any]:
        """What it says."""
        return dict(self.entry["content"]["digest"])

    @property
    def until(self) -> str:
        """The end of its period (stamp)."""
        return str(self.content["until"])

    @property
    def signer(self) -> str:
        """The ARN of the key that it says it is signed by; "" where it is not signed."""
        signature = self.entry["content"].get("signature")
        return str(signature.get("key", "")) if isinstance(signature, Mapping) else ""


@dataclass
class Digests:
    """The digests of a stack. ``faults`` grow while they are read.

    ``public_key`` gives the key of a signature's ARN, in DER; None where it may not be known.
    ``noted`` are sha256 by number, which somebody keeps who trusts nobody here.
    """

    s3: Any
    bucket: str
    account: str
    key: str = ""  # ARN of the key that shall sign
    public_key: Callable[[str], bytes | None] = lambda _: None
    noted: Mapping[int, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    read: int = 0
    signed: int = 0
    numbers: set[int] = field(default_factory=set)
    first: Digest | None = None
    last: Digest | None = None
    unknown_keys: set[str] = field(default_factory=set)

    def since(self, moment: datetime | None) -> Iterator[Digest]:
        """Those that may say something of ``moment`` or later, the oldest first.

        A digest is written after its period, so one that was written before says nothing of it.
        """
        for number, body, written in self._bodies(moment):
            digest = self._digest(number, body, written)
            if digest is None:
                continue
            self._follows(digest)
            self._signature(digest)
            self._late(digest)
            if self.noted.get(number) not in (None, sha256(body)):
                self._fault(f"digest {number} is not the one that was noted")
            if moment is not None and self.first is None:
                self._begins(digest, to_iso(moment))
            self.read += 1
            self.numbers.add(number)
            self.first = self.first or digest
            self.last = digest
            yield digest

    def _bodies(self, since: datetime | None) -> Iterator[tuple[int, bytes, datetime]]:
        """Number, bytes and moment of each, the first version: it is the one under lock.

        Those before ``since`` may have ended, or are passed over whatever became of them.
        """
        before, begun = 0, False
        for number, versions in self._listed():
            written = [v for v in versions if "Size" in v]  # a delete marker has none
            first = written[-1] if written else None
            if since is not None and not begun and (first is None or first["LastModified"] < since):
                continue
            if number != before + 1 and (begun or since is None):
                self._fault(f"digests {before + 1} to {number - 1} are missing")
            before, begun = number, True
            if len(versions) > 1 or first is None:
                self._fault(f"digest {number} was deleted or written over: it has several versions")
            if first is not None:
                named = {name: first[name] for name in ("Key", "VersionId")}
                got = self.s3.get_object(Bucket=self.bucket, **named)
                yield number, bytes(got["Body"].read()), first["LastModified"]

    def _listed(self) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
        """Each number with its versions and delete markers, the newest first."""
        folder = chain_of(self.account).folder
        pages = self.s3.get_paginator("list_object_versions")
        found: list[Mapping[str, Any]] = []
        for page in pages.paginate(Bucket=self.bucket, Prefix=folder):
            found += [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        found.sort(key=lambda one: str(one["Key"]))
        for key, versions in groupby(found, key=lambda one: str(one["Key"])):
            name = key.removeprefix(folder)
            if NAME.fullmatch(name):
                yield int(name[:6]), list(versions)
            else:
                self._fault(f"{key} is the name of no digest")

    def _digest(self, number: int, body: bytes, written: datetime) -> Digest | None:
        if b"\n" in body:
            self._fault(f"digest {number} is of several lines, and Cordon writes one")
            return None
        try:
            entry = entry_at(chain_of(self.account).key(number), body)
        except EvidenceFault as fault:
            self._fault(f"digest {number} {fault}")
            return None
        if not _is_digest(entry["content"].get("digest")):
            self._fault(f"digest {number} says nothing that a digest says")
            return None
        return Digest(number, body, entry, written)

    def _follows(self, digest: Digest) -> None:
        said, number = digest.entry["previous"], digest.number
        if self.last is None or self.last.number != number - 1:
            if number == 1 and said:
                self._fault("digest 1 is no first: it names one before it")
            return
        if said != sha256(self.last.body):
            self._fault(f"digest {number} does not follow digest {number - 1}: it names another")
        if digest.content["since"] != self.last.until:
            self._fault(f"digest {number} does not begin where digest {number - 1} ends")

    def _begins(self, digest: Digest, moment: str) -> None:
        """The first one that is read says something of the moment, or there is none that does."""
        begin = digest.content["since"]
        if begin > moment:
            text = f"digest {digest.number} begins at {begin}: none says what was written from"
            self._fault(f"{text} {moment} on")

    def _signature(self, digest: Digest) -> None:
        """Once one is signed, all that follow are."""
        signature, number = digest.entry["content"].get("signature"), digest.number
        if signature is None:
            if self.signed:
                self._fault(f"digest {number} is not signed, and earlier ones are")
            return
        try:
            arn, value = str(signature["key"]), bytes.fromhex(signature["value"])
        except (KeyError, TypeError, ValueError):
            self._fault(f"digest {number} has a signature that cannot be read")
            return
        if arn != self.key:
            text = f"digest {number} is signed by {arn}, and DigestKey is {self.key or 'empty'}"
            self.faults.append(Fault(text, warning=True))
        known = self.public_key(arn)
        if known is None:
            self.unknown_keys.add(arn)
            return
        try:
            signed = is_signed(known, signed_bytes(digest.entry), value)
        except ValueError:  # it is no RSA key
            signed = False
        if signed:
            self.signed += 1
        else:
            self._fault(f"digest {number} is not signed by {arn}: its signature is of another text")

    def _late(self, digest: Digest) -> None:
        """Who may delete digests has the function make them anew, which signs them: but later."""
        if digest.written > from_iso(digest.until) + LATE:
            text = (
                f"digest {digest.number} was written {to_iso(digest.written)}, and is of what came"
                f" until {digest.until}: nights had failed, or it is not the first that was written"
            )
            self.faults.append(Fault(text, warning=True))

    def _fault(self, text: str) -> None:
        self.faults.append(Fault(text))


def _is_digest(digest: Any) -> bool:
    """Has it the form that ``cordon.digesting`` writes?"""
    return (
        isinstance(digest, Mapping)
        and all(_is_stamp(digest.get(name)) for name in ("since", "until"))
        and digest["until"] != ""
        and isinstance(digest.get("chains"), list)
        and all(map(_is_chain, digest["chains"]))
        and isinstance(digest.get("objects"), list)
        and all(map(_is_object, digest["objects"]))
    )


def _is_stamp(value: Any) -> bool:
    return isinstance(value, str) and (value == "" or STAMP.fullmatch(value) is not None)


def _is_chain(line: Any) -> bool:
    return (
        isinstance(line, Mapping)
        and all(isinstance(line.get(name), str) for name in LINES)
        and type(line.get("seq")) is int
        and _are_texts(line.get("controls"))
        and _are_texts(line.get("stages"))
    )


def _is_object(line: Any) -> bool:
    return (
        isinstance(line, Mapping)
        and all(isinstance(line.get(name), str) for name in ("key", "sha256"))
        and isinstance(line.get("cases"), list)
        and all(
            isinstance(one, Mapping)
            and all(isinstance(one.get(name), str) for name in ("case", "account"))
            and _are_texts(one.get("controls"))
            for one in line["cases"]
        )
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
