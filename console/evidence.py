"""Is a case's evidence what was written? Verified from all that the bucket holds of it.

``verify`` is pure: it takes a ``Copy``, which ``copied`` makes from the bucket and ``folder_copy``
from a folder that was written earlier (console/evidence_folder.py).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from cordon.clock import from_iso
from cordon.errors import EvidenceFault
from cordon.evidence import MAX_ENTRIES, Chain, ChainEnd, entry_at, sha256
from cordon.memory.cases import Observed
from cordon.memory.settings import KEY as SETTINGS
from cordon.sources.text import one_line

NAME = re.compile(r"(?!000000)[0-9]{6}\.json")
CLOCKS = timedelta(hours=25)  # between two clocks; an attempt ends within 15 minutes
AFTER_THE_END = (
    "{} after the end that {} names: written by an attempt that has not ended, or forged"
)
NOTHING_YET = (
    "there is no entry, and {} names none: its first attempt has not ended, or both were emptied"
)


@dataclass(frozen=True)
class Version:
    """One version of one key, as s3:ListObjectVersions names it; a delete marker has no body."""

    key: str
    version_id: str
    body: bytes | None
    modified: str = ""  # stamp


@dataclass(frozen=True)
class Copy:
    """All that the bucket holds below a case's prefix, and the end that its row named.

    The settings have such a chain too; their row is that of the settings.

    Versions of one key come newest first, as S3 lists them.
    """

    chain: Chain
    end: ChainEnd
    versions: tuple[Version, ...]
    observed: Observed | None = None  # the batch's object that the chain begins with
    batch: bytes | None = None  # its bytes; None where it is missing
    after_batch: tuple[Version, ...] = ()  # what came to its key since, without the bytes
    named_by: str = ""  # "digest 12", where that is what names the end

    @property
    def row(self) -> str:
        """What names the end, in words."""
        if self.named_by:
            return self.named_by
        return "the row of the settings" if self.chain.playbook == SETTINGS else "the case's row"

    @cached_property
    def entries(self) -> dict[int, bytes]:
        """The bytes by number. Of several versions the first written: it is the one under lock."""
        written = [v for v in self.versions if v.body is not None]
        return {n: v.body or b"" for v in written if (n := self.number(v.key))}

    @property
    def bodies(self) -> list[bytes]:
        """The entries' bytes in the order of their numbers."""
        return [body for _, body in sorted(self.entries.items())]

    def number(self, key: str) -> int:
        """Which entry a key is; 0 where it is none of this case."""
        folder, name = key[: len(self.chain.folder)], key[len(self.chain.folder) :]
        ours = folder == self.chain.folder and NAME.fullmatch(name)
        return int(name[:6]) if ours else 0


@dataclass(frozen=True)
class Fault:
    """What is wrong, in one line. ``warning`` where an honest attempt may have left it so."""

    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{'warning' if self.warning else 'fault'}: {one_line(self.text, 1000)}"


def copied(
    s3: Any, bucket: str, chain: Chain, end: ChainEnd, observed: Observed | None = None
) -> Copy:
    """What the bucket holds now. Read the case's row first: an entry may be written meanwhile.

    Needs s3:ListBucketVersions and s3:GetObjectVersion; a ClientError rises.
    """
    found: list[Version] = []
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=chain.folder)
    for page in pages:
        found += [_read(s3, bucket, one) for one in page.get("Versions", ())]
        found += [_version(one, None) for one in page.get("DeleteMarkers", ())]
    versions = tuple(sorted(found, key=lambda version: version.key))
    batch, after_batch = batch_at(s3, bucket, observed.key) if observed else (None, ())
    return Copy(chain, end, versions, observed, batch.body if batch else None, after_batch)


def batch_at(s3: Any, bucket: str, key: str) -> tuple[Version | None, tuple[Version, ...]]:
    """The batch's object as it was first written, None where it is missing; and what came since."""
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)
    *again, first = [v for v in listed.get("Versions", ()) if v["Key"] == key] or [None]
    markers = [m for m in listed.get("DeleteMarkers", ()) if m["Key"] == key]
    since = (*(_version(v, b"") for v in again), *(_version(m, None) for m in markers))
    return (_read(s3, bucket, first) if first else None), since


def _read(s3: Any, bucket: str, one: Mapping[str, Any]) -> Version:
    got = s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    return _version(one, bytes(got["Body"].read()))


def _version(one: Mapping[str, Any], body: bytes | None) -> Version:
    return Version(one["Key"], one["VersionId"], body, f"{one['LastModified']:%Y-%m-%dT%H:%M:%SZ}")


def verify(copy: Copy) -> list[Fault]:
    """Everything that is wrong with the copy; nothing where it is what was written.

    Nothing means: entries 1 to ``copy.end.seq``, each once, unhidden, of this case and in its
    place, each naming the sha256 of the one before, and the last being the one the row names. No
    more, and no less.
    """
    return [
        *map(Fault, _start(copy)),
        *map(Fault, _names(copy)),
        *map(Fault, _missing(copy)),
        *map(Fault, _several(copy)),
        *map(Fault, _no_entries(copy)),
        *map(Fault, _links(copy)),
        *map(Fault, _times(copy)),
        *map(Fault, _end(copy)),
        *_after(copy),
    ]


def verdict(copy: Copy, found: Sequence[Fault]) -> str:
    """The one line that a person believes."""
    faults = sum(not one.warning for one in found)
    if found:
        warnings = len(found) - faults
        return f"evidence NOT verified: {counted(faults, 'fault')}, {counted(warnings, 'warning')}"
    begun = f" after the decision in {copy.observed.key}" if copy.observed else ""
    return f"evidence verified: {counted(copy.end.seq, 'entry')}{begun}, as {copy.row} says"


def counted(number: int, what: str) -> str:
    """``1 entry``, ``2 entries``."""
    many = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else many}"


def _start(copy: Copy) -> Iterator[str]:
    """The batch's object is the one that the row names, and has this case at its place."""
    if copy.observed is None:
        return
    named = f"the batch {copy.observed.key}, where the case's decision is recorded,"
    if copy.batch is None:
        yield f"{named} is missing"
    elif sha256(copy.batch) != copy.observed.sha256:
        yield f"{named} is not the one that the case's row names: its sha256 is another"
    elif not _records(copy.batch, copy.observed.position, copy.chain):
        yield f"{named} has another case at place {copy.observed.position}"
    for one in copy.after_batch:
        again = "was deleted: delete marker" if one.body is None else "was written over: version"
        yield f"{named} {again} {one.version_id}, {one.modified}"


def _records(batch: bytes, position: int, chain: Chain) -> bool:
    """Does the batch record this case at this place?"""
    try:
        said = json.loads(batch.decode())
        record = said["observed"][position]
        owner = (said["playbook"], record["account"], record["case"])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return False
    return owner == (chain.playbook, chain.account, chain.case)


def _names(copy: Copy) -> Iterator[str]:
    strange = (v.key for v in copy.versions if not copy.number(v.key))
    yield from (f"{key} is the name of no entry of this case" for key in dict.fromkeys(strange))


def _missing(copy: Copy) -> Iterator[str]:
    """Every gap below the row's end or below the last entry there is, each in one line."""
    if not 0 <= copy.end.seq <= MAX_ENTRIES:
        yield f"{copy.row} names {copy.end.seq} entries, which no chain can have"
        return
    for before, after in pairwise([0, *sorted(copy.entries), copy.end.seq + 1]):
        if after - before > 1:
            rows = f"{copy.row} names {counted(copy.end.seq, 'entry')}"
            yield f"{_said(before + 1, after - 1)} missing: {rows}"


def _said(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _several(copy: Copy) -> Iterator[str]:
    """Each key was written once, and nobody deletes."""
    by_key: dict[str, list[Version]] = {}
    for version in copy.versions:
        by_key.setdefault(version.key, []).append(version)
    for key, versions in by_key.items():
        what = f"entry {number}" if (number := copy.number(key)) else key
        markers = [v for v in versions if v.body is None]
        if len(versions) - len(markers) > 1:
            ids = ", ".join(v.version_id for v in versions if v.body is not None)
            yield f"{what} has {len(versions) - len(markers)} versions, and one was written: {ids}"
        yield from (
            f"{what} was deleted: delete marker {v.version_id}, {v.modified}" for v in markers
        )


def _no_entries(copy: Copy) -> Iterator[str]:
    """Bodies that are no entry, or another's."""
    for number, body in sorted(copy.entries.items()):
        if fault := _fault(copy, number, body):
            yield f"entry {number} {fault}"


def _fault(copy: Copy, number: int, body: bytes) -> str:
    if b"\n" in body:
        return "is of several lines, and Cordon writes one"
    try:
        entry_at(copy.chain.key(number), body)
    except EvidenceFault as fault:
        return str(fault)
    return ""


def _links(copy: Copy) -> Iterator[str]:
    """Each entry names the sha256 of the one before; the first names none."""
    for number, body in sorted(copy.entries.items()):
        before = copy.entries.get(number - 1)
        if _fault(copy, number, body) or (before is None and number > 1):
            continue  # said already
        previous = entry_at(copy.chain.key(number), body)["previous"]
        begin = copy.observed.sha256 if copy.observed else ""
        if previous != (sha256(before) if before is not None else begin):
            follows = f"does not follow entry {number - 1}" if before is not None else "is no first"
            yield f"entry {number} {follows}: it names {previous or 'nothing'} before it"


def _times(copy: Copy) -> Iterator[str]:
    """Who decided when is what the entry says: S3 says it too, and its clock nobody sets."""
    for version in {v.key: v for v in copy.versions if v.body is not None}.values():
        if (number := copy.number(version.key)) and (wrong := wrong_time(version)):
            yield f"entry {number} {wrong}"


def wrong_time(version: Version) -> str:
    """What is wrong with the moment that an entry or a batch says it is of; "" where nothing is."""
    try:
        said = json.loads(version.body or b"")["at"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""  # it is none: that is said elsewhere
    try:
        far = version.modified and abs(from_iso(version.modified) - from_iso(said)) > CLOCKS
    except (ValueError, TypeError, AttributeError, OverflowError):
        far = True
    by = f", and S3 has written it {version.modified}" if version.modified else ""
    return f"says that it is of {said}{by}" if far else ""


def _end(copy: Copy) -> Iterator[str]:
    """The last entry is the one that the row names: a chain made anew has another."""
    last = copy.entries.get(copy.end.seq)
    if last is not None and sha256(last) != copy.end.hash:
        yield (
            f"entry {copy.end.seq} is not the one that {copy.row} names: its sha256 is"
            f" {sha256(last)}, the row's is {copy.end.hash or 'empty'}"
        )
    begin = copy.observed.sha256 if copy.observed else ""
    if copy.end.seq == 0 and copy.end.hash != begin:
        yield f"{copy.row} names no entry, and the sha256 {copy.end.hash}"


def _after(copy: Copy) -> Iterator[Fault]:
    """What an honest attempt leaves until its row is written, and what a forger may add."""
    if copy.end == ChainEnd() and not copy.versions and copy.observed is None:
        yield Fault(NOTHING_YET.format(copy.row), warning=True)
    after = sorted(number for number in copy.entries if number > copy.end.seq)
    for first, last in _runs(after):
        yield Fault(AFTER_THE_END.format(_said(first, last), copy.row), warning=True)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers that follow each other, as first and last."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
