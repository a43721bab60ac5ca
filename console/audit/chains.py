"""One chain against the digests: is what the bucket holds what they name?"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

from console.audit.ledger import Ledger, Mention, Named
from console.evidence import NAME, Copy, Fault, Version, batch_at, copied, verify, wrong_time
from cordon.clock import from_iso
from cordon.concurrency import gather
from cordon.digesting.digest import chain_of
from cordon.errors import EvidenceFault
from cordon.evidence import Chain, ChainEnd, entry_at, sha256
from cordon.memory.cases import Observed

DUE = timedelta(hours=49)  # a digest is of a day, and written in the night after it
AT_ONCE = 32  # chains in memory


@dataclass(frozen=True)
class Checked:
    """A chain up to the last end that a digest names, and what is wrong with it."""

    copy: Copy
    faults: tuple[Fault, ...]
    later: int = 0  # entries that are newer than the last digest: the next one names them

    def of_case(self) -> Iterator[Fault]:
        """The faults, each with the case's name."""
        return (Fault(f"case {self.copy.chain.case}: {f.text}", f.warning) for f in self.faults)


@dataclass(frozen=True)
class Checker:
    """What the chains of a stack are checked with.

    ``since`` and ``until``: where the first digest begins, and where the last one ends. ``begun``:
    when the first was written. All are stamps.
    """

    s3: Any
    bucket: str
    ledger: Ledger
    until: str
    since: str
    begun: str
    account: str  # whose digests these are

    def all(self) -> Iterator[Checked]:
        """Every chain that a digest names, in the order of their keys."""
        chains = self.ledger.chains()
        while some := [(c, self.ledger.mentions(c)) for c in islice(chains, AT_ONCE)]:
            yield from gather(*(partial(self._read, *one) for one in some))

    def objects(self) -> Iterator[tuple[Named, bytes | None, list[Fault]]]:
        """Every batch, and whatever else a digest names, with its bytes."""
        objects = self.ledger.objects()
        while some := list(islice(objects, AT_ONCE)):
            read = gather(*(partial(batch_at, self.s3, self.bucket, one.key) for one in some))
            for one, (first, since) in zip(some, read, strict=True):
                faults = list(map(Fault, _object_faults(one, first, len(since))))
                yield one, first.body if first else None, faults

    def added(self) -> Iterator[Fault]:
        """What was written in the time of the digests, and none of them names."""
        known, earliest = "/", self.begun  # no folder of a key ends so
        for key, written in self._objects():
            earliest = min(earliest, written)
            folder, name = key.rpartition("/")[::2]
            if not self.since < written <= self.until or folder == known or self._named(key):
                continue
            if folder.count("/") == 2 and NAME.fullmatch(name):
                known = folder
                yield Fault(f"{folder}/ was added: no digest names this case")
            else:
                yield Fault(f"{key} was added: no digest names it")
        if self.since == "" and from_iso(self.begun) - from_iso(earliest) > DUE:
            text = f"the first digest was written {self.begun}, and evidence {earliest}: there was"
            yield Fault(f"{text} none before, or somebody has deleted it", warning=True)

    def _objects(self) -> Iterator[tuple[str, str]]:
        """Key and stamp of each version of whatever is no digest of this account."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        for page in pages:
            for one in page.get("Versions", ()):
                if not one["Key"].startswith(chain_of(self.account).folder):
                    yield str(one["Key"]), f"{one['LastModified']:%FT%TZ}"

    def _named(self, key: str) -> bool:
        """Is it looked at because a digest names it, or the chain in whose folder it lies?"""
        folder = key.removesuffix(key.rpartition("/")[2])
        return self.ledger.has(folder) or self.ledger.names(key)

    def _read(self, chain: Chain, mentions: Sequence[Mention]) -> Checked:
        last = max(mentions, key=lambda one: (one.digest, one.seq))
        copy = copied(self.s3, self.bucket, chain, ChainEnd(last.seq, last.sha256))
        beyond = [v for v in copy.versions if copy.number(v.key) > last.seq]
        later = sum(v.modified > self.until for v in beyond)
        added = [
            Fault(f"entry {copy.number(v.key)} was added, {v.modified}: no digest names it")
            for v in beyond
            if v.modified <= self.until
        ]
        within = tuple(v for v in copy.versions if copy.number(v.key) <= last.seq)
        copy = self._begun(replace(copy, versions=within, named_by=f"digest {last.digest}"))
        found = [*verify(copy), *added, *_rechained(copy, mentions[:-1])]
        return Checked(copy, tuple(found), later)

    def _begun(self, copy: Copy) -> Copy:
        """With the batch in which the case was observed before its first entry, if it was."""
        body = copy.entries.get(1)
        try:
            first = entry_at(copy.chain.key(1), body or b"")
        except EvidenceFault:
            return copy
        if not first["previous"]:
            return copy
        key = self.ledger.key_of(first["previous"]) or str(first.get("batch", ""))
        if not key.startswith(f"{copy.chain.playbook}/batches/"):
            return copy
        batch, since = batch_at(self.s3, self.bucket, key)
        body = batch.body if batch else None
        observed = Observed(key, first["previous"], _position(body or b"", copy.chain))
        return replace(copy, observed=observed, batch=body, after_batch=since)


def _no_batch(body: bytes) -> str:
    """Why these bytes are no batch as ``cordon.evidence.write_batch`` writes it; "" if they are."""
    try:
        said = json.loads(body)
        texts = all(isinstance(said[name], str) for name in ("key", "at", "playbook"))
        known = all(isinstance(one["content"], dict) for one in said["observed"])
    except (ValueError, KeyError, TypeError, RecursionError):
        texts = known = False
    return "" if texts and known and b"\n" not in body else "is no batch as Cordon writes it"


def _position(batch: bytes, chain: Chain) -> int:
    """Where a batch has the case; -1 where it has not."""
    try:
        cases = [one["case"] for one in json.loads(batch)["observed"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return -1
    return cases.index(chain.case) if chain.case in cases else -1


def _rechained(copy: Copy, mentions: Iterable[Mention]) -> Iterator[Fault]:
    """Earlier ends: a chain that was made anew has others."""
    for one in mentions:
        body = copy.entries.get(one.seq)
        if body is None and one.seq > copy.end.seq:  # what is missing before the end is said
            yield Fault(f"entry {one.seq} is missing: digest {one.digest} names it")
        elif body is not None and sha256(body) != one.sha256:
            yield Fault(f"entry {one.seq} is not the one that digest {one.digest} names")


def _object_faults(one: Named, first: Version | None, since: int) -> Iterator[str]:
    body = first.body if first else None
    by = f"digest {one.digest}" if one.digest else "a case's first entry"
    if body is None:
        yield f"{one.key} is missing: {by} names it"
    elif sha256(body) != one.sha256:
        yield f"{one.key} is not the one that {by} names"
    if one.is_batch and first and (wrong := wrong_time(first) or _no_batch(body or b"")):
        yield f"{one.key} {wrong}"
    if since:
        yield f"{one.key} was deleted or written over: it has several versions"
    if not one.is_batch:
        yield f"{one.key} is none of ours: digest {one.digest} names it as it was found"
