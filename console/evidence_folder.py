"""A case's evidence in a folder: written by ``cordon evidence CASE --to``, verified without AWS.

``000001.json`` is the first version of entry 1 that was written, with exactly its bytes;
``000001.2.json`` a further one. ``case.json`` has what the entries cannot say of themselves: whose
they are, where the case's row said that they end, and every version and delete marker that the
bucket listed. What lies in such a folder is untrusted: whatever is wrong with it is one line.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from console.evidence import Copy, Fault, Version
from cordon.clock import now, to_iso
from cordon.evidence import Chain, ChainEnd
from cordon.memory.cases import Observed

LISTING = "case.json"
BATCH = "batch.json"  # the object in which the case was observed, where there is one
NAME = re.compile(r"[0-9]{6}(\.[0-9]{1,6})?\.json")
MOST_BYTES = 64 * 1024 * 1024  # of one file: far more than any entry has
ONLY_A_COPY = (
    "Checked against the case's row as it was when this folder was written, {}. Not shown here:"
    " whether the row and the bucket are the same now, and whether somebody who may write this"
    " folder has written the entries and case.json anew. `cordon evidence {}` compares with AWS."
)


class NotACopy(Exception):
    """The folder cannot be verified at all; the text says why."""


def write(copy: Copy, folder: Path) -> None:
    """Write all of it. Raises FileExistsError where the folder has something in it already."""
    folder.mkdir(parents=True, exist_ok=True)
    if next(folder.iterdir(), None) is not None:
        raise FileExistsError(f"{folder} is not empty: an older copy must not mix with this one")
    versions = []
    for version, name in _named(copy):
        if version.body is not None:
            (folder / name).write_bytes(version.body)
        versions.append(
            {
                "key": version.key,
                "version_id": version.version_id,
                "modified": version.modified,
                "file": name if version.body is not None else None,
            }
        )
    listing = {
        "playbook": copy.chain.playbook,
        "account": copy.chain.account,
        "case": copy.chain.case,
        "end": {"seq": copy.end.seq, "hash": copy.end.hash},
        "copied_at": to_iso(now()),
        "versions": versions,
        "observed": asdict(copy.observed) if copy.observed else None,
        "after_batch": [_since(one) for one in copy.after_batch],
    }
    if copy.batch is not None:
        (folder / BATCH).write_bytes(copy.batch)
    (folder / LISTING).write_text(json.dumps(listing, indent=1) + "\n")


def _since(one: Version) -> dict[str, Any]:
    """A further version of the batch's object, or a delete marker of it."""
    deleted = one.body is None
    return {"version_id": one.version_id, "modified": one.modified, "deleted": deleted}


def _named(copy: Copy) -> Iterator[tuple[Version, str]]:
    """Each version with its file's name. What is no entry's key gets a number of its own."""
    strange, seen = 900_000, dict[str, int]()
    numbers: dict[str, int] = {}
    for version in copy.versions:
        if version.key not in numbers:
            strange += not copy.number(version.key)
            numbers[version.key] = copy.number(version.key) or strange
    for version in reversed(copy.versions):  # the first written first
        if version.body is not None:
            seen[version.key] = seen.get(version.key, 0) + 1
        times = seen.get(version.key, 0)
        yield version, f"{numbers[version.key]:06d}{'' if times < 2 else f'.{times}'}.json"


def read(folder: Path) -> tuple[Copy, list[Fault], str]:
    """(what was copied, what is wrong with the folder itself, what it cannot show).

    Raises NotACopy where case.json is missing or no listing: then nothing can be compared.
    """
    listing = _listing(folder)
    files, faults = _files(folder)
    listed = {one["file"] for one in listing["versions"] if one["file"] is not None}
    faults += [Fault(f"the file {f} is not in case.json") for f in sorted(files.keys() - listed)]
    faults += [Fault(f"the file {f} is missing") for f in sorted(listed - files.keys())]
    versions = [
        Version(one["key"], one["version_id"], files.get(one["file"]), one["modified"])
        for one in reversed(listing["versions"])
        if one["file"] is None or one["file"] in files
    ]
    chain = Chain(listing["playbook"], listing["account"], listing["case"])
    end = ChainEnd(listing["end"]["seq"], listing["end"]["hash"])
    limits = ONLY_A_COPY.format(listing["copied_at"], chain.case)
    observed = Observed(**listing["observed"]) if listing.get("observed") else None
    batch = _bytes(folder / BATCH) if observed else None
    since = tuple(_after(observed.key, listing.get("after_batch", ()))) if observed else ()
    whole = batch if isinstance(batch, bytes) else None
    return Copy(chain, end, tuple(versions), observed, whole, since), faults, limits


def _after(key: str, listed: Sequence[Mapping[str, Any]]) -> Iterator[Version]:
    for one in listed:
        body = None if one["deleted"] else b""
        yield Version(key, one["version_id"], body, one["modified"])


def _listing(folder: Path) -> dict[str, Any]:
    body = _bytes(folder / LISTING)
    if isinstance(body, Fault):
        raise NotACopy(f"{body.text}: without it nothing says where the chain ends")
    try:
        listing = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise NotACopy(f"{LISTING} is not JSON") from None
    if not _is_listing(listing):
        raise NotACopy(f"{LISTING} is not what `cordon evidence CASE --to FOLDER` writes")
    return dict(listing)


def _is_listing(listing: Any) -> bool:
    texts = ("playbook", "account", "case", "copied_at")
    return (
        isinstance(listing, Mapping)
        and all(isinstance(listing.get(name), str) for name in texts)
        and _is_end(listing.get("end"))
        and isinstance(listing.get("versions"), list)
        and all(map(_is_version, listing["versions"]))
        and _is_observed(listing.get("observed"))
        and isinstance(listing.get("after_batch", []), list)
        and all(map(_is_since, listing.get("after_batch", [])))
    )


def _is_since(one: Any) -> bool:
    texts = ("version_id", "modified")
    return (
        isinstance(one, Mapping)
        and all(isinstance(one.get(name), str) for name in texts)
        and isinstance(one.get("deleted"), bool)
    )


def _is_observed(observed: Any) -> bool:
    """Where the case was observed in a batch; None where it was not."""
    return observed is None or (
        isinstance(observed, Mapping)
        and observed.keys() == {"key", "sha256", "position"}
        and all(isinstance(observed[name], str) for name in ("key", "sha256"))
        and type(observed["position"]) is int
        and 0 <= observed["position"] < 10**6
    )


def _is_end(end: Any) -> bool:
    return (
        isinstance(end, Mapping)
        and type(end.get("seq")) is int
        and abs(end["seq"]) < 10**12
        and isinstance(end.get("hash"), str)
    )


def _is_version(one: Any) -> bool:
    texts = ("key", "version_id", "modified")
    if not isinstance(one, Mapping) or not all(isinstance(one.get(name), str) for name in texts):
        return False
    file = one.get("file")
    return file is None or (isinstance(file, str) and NAME.fullmatch(file) is not None)


def _files(folder: Path) -> tuple[dict[str, bytes], list[Fault]]:
    files: dict[str, bytes] = {}
    faults = []
    for path in sorted(folder.iterdir()):
        if path.name in (LISTING, BATCH):
            continue
        if not NAME.fullmatch(path.name):
            faults.append(Fault(f"the file {_shown(path)} is no entry's name"))
        elif isinstance(body := _bytes(path), Fault):
            faults.append(body)
        else:
            files[path.name] = body
    return files, faults


def _bytes(path: Path) -> bytes | Fault:
    """The bytes of an ordinary file. A link, a device or a pipe is not opened: it might not end."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return Fault(f"{_shown(path)} is no ordinary file")
        if status.st_size > MOST_BYTES:
            return Fault(f"{_shown(path)} has {status.st_size} bytes: too many for an entry")
        return path.read_bytes()
    except OSError as error:
        return Fault(f"{_shown(path)} cannot be read: {error.strerror}")


def _shown(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")
