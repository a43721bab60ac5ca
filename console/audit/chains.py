"""One chain against the digests: is what the bucket holds what they name?"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from console.audit.ledger import Ledger, Mention, Named
from console.evidence import Copy, Fault, batch_at, copied, verify
from cordon.concurrency import gather
from cordon.errors import EvidenceFault
from cordon.evidence import Chain, ChainEnd, entry_at, sha256
from cordon.memory.cases import Observed

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

    ``since`` and ``until``: where the first digest begins, and where the last one ends.
    """

    s3: Any
    bucket: str
    ledger: Ledger
    until: str
    since: str = ""

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
            for one, (body, since) in zip(some, read, strict=True):
                yield one, body, list(map(Fault, _object_faults(one, body, len(since))))

    def added(self, progress: Callable[[], None] = lambda: None) -> Iterator[Fault]:
        """What was written in the time of the digests, and none of them names."""
        known = ""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        for page in pages:
            progress()
            for one in page.get("Versions", ()):
                key = str(one["Key"])
                written = f"{one['LastModified']:%FT%TZ}"
                if key.startswith("digests/") or not self.since < written <= self.until:
                    continue
                folder, name = key.rpartition("/")[::2]
                chain = _chain(folder)
                if chain is None or not name.removesuffix(".json").isdigit():
                    if not self.ledger.names(key):
                        yield Fault(f"{key} was added: no digest names it")
                elif chain.folder != known and not self.ledger.mentions(chain):
                    yield Fault(f"{chain.folder} was added: no digest names this case")
                    known = chain.folder

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
        observed = Observed(key, first["previous"], _position(batch or b"", copy.chain))
        return replace(copy, observed=observed, batch=batch, after_batch=since)


def _chain(folder: str) -> Chain | None:
    parts = folder.split("/")
    return Chain(*parts) if len(parts) == 3 and parts[1] != "batches" else None


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
        if body is not None and sha256(body) != one.sha256:
            yield Fault(f"entry {one.seq} is not the one that digest {one.digest} names")


def _object_faults(one: Named, body: bytes | None, since: int) -> Iterator[str]:
    by = f"digest {one.digest}" if one.digest else "a case's first entry"
    if body is None:
        yield f"{one.key} is missing: {by} names it"
    elif sha256(body) != one.sha256:
        yield f"{one.key} is not the one that {by} names"
    if since:
        yield f"{one.key} was deleted or written over: it has several versions"
    if not one.is_batch:
        yield f"{one.key} is none of ours: digest {one.digest} names it as it was found"
