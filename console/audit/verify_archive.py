"""Verifies an archive that `cordon evidence export` has written. It needs Python, and nothing else.

    python3 -I verify.py                  in the unpacked archive
    python3 -I verify.py ARCHIVE.zip      without unpacking it
    python3 -I verify.py --key KEY        with the public key (DER) that you have from AWS yourself:
                                          aws kms get-public-key --query PublicKey
    python3 -I verify.py --manifest SHA256    that you had from who wrote the archive

It ends with 0 where all is as it was written, and with 1 where anything is not, which it says. An
archive of somebody else may have a script of somebody else: then take that of an archive which you
wrote yourself. With `-I` Python does not look for its own modules in the archive first.
"""

import argparse
import base64
import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from console.audit.archive_signature import is_signed, signed_bytes
from console.audit.archive_tables import COLUMNS, ChainRead, cell, decided_by, observed

MANIFEST, DIGESTS, BATCHES = "manifest.json", "digests.jsonl", "batches.jsonl"
TABLES = ("index.json", "index.csv", "decisions.json", "decisions.csv")
KEY = re.compile(r"public-key(-[0-9]+)?\.der")
EVIDENCE = re.compile(r"evidence/[a-z_]+\.jsonl")
OTHERS = re.compile(
    r"overview\.html|verify\.py|(digests|batches)\.jsonl|(index|decisions)\.(json|csv)"
)
MEMBERS = (KEY, EVIDENCE, OTHERS)
CHAIN = re.compile(r"([a-z_]+/[0-9]{12}/[0-9a-z]+/)([0-9]{6})\.json")
LATE = timedelta(hours=2)  # a digest is written minutes after its end


def matches(wanted: Mapping[str, str], playbook: str, controls: list[str]) -> bool:
    """Is a case of these controls wanted? What is empty is no condition."""
    framework, control = wanted.get("framework", ""), wanted.get("control", "")
    return (
        wanted.get("playbook", "") in ("", playbook)
        and (not framework or any(one.startswith(f"{framework} ") for one in controls))
        and (not control or control in controls)
    )


# ---- the archive ----


class Archive:
    """The members of a zip, or of the folder that it was unpacked into."""

    def __init__(self, path: Path) -> None:
        self._folder = path if path.is_dir() else None
        self._zip = None if path.is_dir() else zipfile.ZipFile(path)

    def names(self) -> list[str]:
        """Every member. One that is there twice is twice in the list."""
        if self._zip is not None:
            return [one.filename for one in self._zip.infolist() if not one.is_dir()]
        folder = self._folder or Path()
        files = (p for p in folder.rglob("*") if p.is_file())
        return sorted(p.relative_to(folder).as_posix() for p in files)

    def has_more(self) -> bool:
        """Is anything before the first member of the zip, or a comment? Others may read it."""
        if self._zip is None:
            return False
        return any(self._zip.comment) or min(i.header_offset for i in self._zip.infolist()) > 0

    def open(self, name: str) -> IO[bytes]:
        """Its bytes. Raises KeyError or OSError where it is missing."""
        if self._zip is not None:
            return self._zip.open(name)
        return ((self._folder or Path()) / name).open("rb")

    def read(self, name: str) -> bytes:
        """All of a small one."""
        with self.open(name) as file:
            return file.read()

    def lines(self, name: str) -> Iterator[bytes]:
        """Each line without its end."""
        with self.open(name) as file:
            for line in file:
                yield line.removesuffix(b"\n")

    def rows(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Those of a table, of which there are two: as JSON and as CSV."""
        with self.open(name) as file:
            if name.endswith(".json"):
                yield from json.load(file)
            else:
                csv.field_size_limit(1 << 30)
                with io.TextIOWrapper(file, "utf-8", newline="") as lines:
                    yield from csv.DictReader(lines)


class Verification:
    """What is found: faults, and what was counted."""

    def __init__(self, archive: Archive, keys: Sequence[bytes]) -> None:
        self.archive = archive
        self.keys = list(keys)
        self.by = "a key that you gave" if keys else "a key that the archive has"
        self.faults: list[str] = []
        self.notes: list[str] = []
        # folder → number → what digests name there, each its sha256 and the digest's number
        self.expected: dict[str, dict[int, list[tuple[str, int]]]] = {}
        self.wanted: dict[str, str] = {}
        self.cases: set[str] = set()  # folders of what is wanted
        self.batches: set[tuple[str, str]] = set()  # key and sha256, as digests say
        self.known: set[str] = set()  # sha256 of the batches that are there
        self.unnamed: dict[str, str] = {}  # sha256 → key of those that no digest names here
        self.said: dict[str, set[str]] = {
            "index": set(),
            "decisions": set(),
        }  # what tables must say
        self.signed = self.digests = self.entries = self.chains = 0

    def run(self, expected: str) -> None:
        """Look at everything. ``expected`` is the manifest's sha256, where it is known."""
        body = self.archive.read(MANIFEST)
        manifest, sha256 = json.loads(body), hashlib.sha256(body).hexdigest()
        if expected not in ("", sha256):
            self.faults.append(f"{MANIFEST} is another than yours: its sha256 is {sha256}")
        self.wanted = manifest["wanted"]
        wanted = ", ".join(f"{k} {v!a}" for k, v in self.wanted.items() if v) or "all"
        self._members(manifest["members"])
        self._written(manifest["faults"])
        if not self.keys:
            named = sorted(filter(KEY.fullmatch, manifest["members"]))
            self.keys = [self.archive.read(name) for name in named]
        last = self._digests(signed=self.by.endswith("gave"))
        self._batches()
        for name in sorted(manifest["members"]):
            if EVIDENCE.fullmatch(name):
                self._evidence(name)
        self.faults += [f"the whole case {folder} is missing" for folder in sorted(self.cases)]
        self.faults += [f"the batch {key} was added" for key in sorted(self.unnamed.values())]
        for name in TABLES:
            self._table(name)
        self.notes = [last, f"wanted: {wanted}", *self.notes, f"{MANIFEST}: sha256 {sha256}"]

    def _members(self, members: Mapping[str, Mapping[str, Any]]) -> None:
        names = self.archive.names()
        if self.archive.has_more():
            self.faults.append("the zip has something before its first member, or a comment")
        for name in sorted({one for one in names if names.count(one) > 1}):
            self.faults.append(f"{name} is there {names.count(name)} times")
        for name in sorted({*names, *members} - {MANIFEST}):
            if name not in members:
                self.faults.append(f"{name} was added: the manifest does not name it")
            elif not any(one.fullmatch(name) for one in MEMBERS):
                self.faults.append(f"{name} is no member of an archive")
            elif name not in names:
                self.faults.append(f"{name} is missing")
            elif self._hash(name) != members[name]["sha256"]:
                self.faults.append(f"{name} was changed: its sha256 is not the manifest's")

    def _written(self, faults: Sequence[str]) -> None:
        """What was found in AWS when the archive was written."""
        wrong = [one for one in faults if not one.startswith("warning: ")]
        self.faults += [f"when it was written: {one.removeprefix('fault: ')}" for one in wrong]
        if len(wrong) < len(faults):
            self.notes.append(f"warnings when it was written: {len(faults) - len(wrong)}")

    def _hash(self, name: str) -> str:
        found = hashlib.sha256()
        with self.archive.open(name) as file:
            while part := file.read(1 << 20):
                found.update(part)
        return found.hexdigest()

    def _digests(self, *, signed: bool) -> str:
        """Each follows on the one before, and names what must be there; which they are."""
        before: tuple[str, Mapping[str, Any]] | None = None
        first, late = 0, []
        for line in self.archive.lines(DIGESTS):
            entry, sha256 = json.loads(line), hashlib.sha256(line).hexdigest()
            digest, number = entry["content"]["digest"], entry["seq"]
            if before is None:
                first = number
                self._begins(number, entry["previous"], digest["since"])
            else:
                follows = (entry["previous"], number, digest["since"])
                if follows != (
                    before[0],
                    before[1]["seq"] + 1,
                    before[1]["content"]["digest"]["until"],
                ):
                    self.faults.append(f"digest {number} does not follow digest {before[1]['seq']}")
            verified = self._signature(entry)
            if moment(entry["at"]) > moment(digest["until"]) + LATE:
                late.append(number)
            self.digests += 1
            self._expect(digest, number)
            before = sha256, entry
        if before is None:
            self.faults.append("there is no digest: nothing says what must be there")
            return "digests: none"
        if signed and not verified:
            self.faults.append(f"digest {number}, the last one, is not signed by {self.by}")
        if late:
            self.notes.append(f"written late, after failed nights or anew: digests {late}")
        until = f"until {digest['until']!a}, the last one's sha256 {sha256}"
        return f"digests: {first} to {number}, {until}"

    def _begins(self, number: int, previous: str, since: str) -> None:
        """They begin with the period, or before it, or with the first one there is."""
        if number == 1 and (previous or since):
            self.faults.append("digest 1 is no first: it names one before it")
        elif number != 1 and since > self.wanted.get("since", ""):
            self.faults.append(f"digest {number} is the first here: what was before it is missing")

    def _signature(self, entry: Mapping[str, Any]) -> bool:
        signature, number = entry["content"].get("signature"), entry["seq"]
        if signature is None:
            if self.signed:
                self.faults.append(f"digest {number} is not signed, and earlier ones are")
            return False
        value, message = bytes.fromhex(signature["value"]), signed_bytes(entry)
        if not self.keys:
            return False
        verified = any(is_signed(key, message, value) for key in self.keys)
        if verified:
            self.signed += 1
        else:
            self.faults.append(f"digest {number} is not signed by {self.by}")
        return verified

    def _expect(self, digest: Mapping[str, Any], number: int) -> None:
        for line in digest["chains"]:
            folder = f"{line['playbook']}/{line['account']}/{line['case']}/"
            named = self.expected.setdefault(folder, {}).setdefault(line["seq"], [])
            named.append((line["sha256"], number))
            if matches(self.wanted, line["playbook"], line["controls"]):
                self.cases.add(folder)
        for one in digest["objects"]:
            playbook = one["key"].partition("/")[0]
            if any(matches(self.wanted, playbook, case["controls"]) for case in one["cases"]):
                self.batches.add((one["key"], one["sha256"]))

    def _batches(self) -> None:
        there: dict[str, str] = {}
        for line in self.archive.lines(BATCHES):
            batch = json.loads(line)
            key, sha256 = batch["key"], hashlib.sha256(line).hexdigest()
            if key in there:
                self.faults.append(f"the batch {key} is there twice")
            there[key] = sha256
            if (key, sha256) in self.batches:
                self._observed(batch)
            else:
                self.unnamed[sha256] = key
        self.known = set(there.values())
        for key, sha256 in sorted(self.batches):
            if key not in there:
                self.faults.append(f"the batch {key} is missing")
            elif there[key] != sha256:
                self.faults.append(f"the batch {key} is not the one that the digest names")

    def _observed(self, batch: Mapping[str, Any]) -> None:
        playbook = batch["key"].partition("/")[0]
        for folder, controls, row in observed(batch, playbook):
            wanted = matches(self.wanted, playbook, controls) and self._is_at(batch["at"])
            if wanted and folder not in self.expected:
                self.said["index"].add(row)

    def _evidence(self, name: str) -> None:
        chain = ChainRead("")
        for line in self.archive.lines(name):
            entry, sha256 = json.loads(line), hashlib.sha256(line).hexdigest()
            place = CHAIN.fullmatch(entry["key"])
            if place is None or entry["seq"] != int(place[2]):
                self.faults.append(f"{name} has an entry that says its key is {entry['key']!r}")
                continue
            if place[1] != chain.folder:
                self._end(chain)
                chain = ChainRead(place[1])
                self.chains += 1
            self.entries += 1
            number = chain.number + 1
            if entry["seq"] != number:
                self.faults.append(f"{chain.folder}: entry {number} is missing")
                number = entry["seq"]
            elif entry["previous"] != chain.sha256 and not (
                number == 1 and entry["previous"] in self.known
            ):
                self.faults.append(
                    f"{chain.folder}: entry {number} does not follow on the one before"
                )
            chain.add(number, sha256, entry)
            self._named(chain)
            if number == 1:  # a case that goes on may have begun in an earlier batch
                self.unnamed.pop(entry["previous"], None)
            if self._is_at(entry["at"]) and (by := decided_by(entry)):
                decision = (entry["at"], entry["stage"], entry["case"], by, entry["key"])
                self.said["decisions"].add(" ".join(decision))
        self._end(chain)

    def _is_at(self, stamp: str) -> bool:
        until = self.wanted.get("until", "")
        return self.wanted.get("since", "") <= stamp and (not until or stamp < until)

    def _named(self, chain: ChainRead) -> None:
        for sha256, digest in self.expected.get(chain.folder, {}).get(chain.number, ()):
            if sha256 != chain.sha256:
                entry = f"{chain.folder}: entry {chain.number}"
                self.faults.append(f"{entry} is not the one that digest {digest} names")

    def _end(self, chain: ChainRead) -> None:
        folder, number = chain.folder, chain.number
        if not folder:
            return
        last = max(self.expected.get(folder, {0: []}))
        if folder not in self.cases:
            self.faults.append(f"{folder}: no digest of this archive names the case")
        elif number < last:
            self.faults.append(f"{folder}: entries {number + 1} to {last} are missing")
        elif number > last:
            self.faults.append(f"{folder}: entry {number} was added after the last digest")
        self.cases.discard(folder)
        if any(map(self._is_at, chain.moments)):
            self.said["index"].add(chain.row())

    def _table(self, name: str) -> None:
        """Has it the rows that evidence has, each with what COLUMNS names?"""
        of = name.partition(".")[0]
        found, twice = set[str](), 0
        for row in self.archive.rows(name):
            columns = COLUMNS["observed" if row.get("batch") else of]
            said = " ".join(cell(row[one]) for one in columns)
            twice += said in found and not row.get("batch")  # a case may be twice in a batch
            found.add(said)
        wrong = len(found ^ self.said[of]) + twice
        if wrong:
            self.faults.append(f"{name} says what evidence does not, or less: {wrong} differences")


def moment(stamp: str) -> datetime:
    """Raises ValueError."""
    return datetime.fromisoformat(stamp.replace("Z", "+00:00"))


def verified(path: Path, keys: Sequence[bytes] = (), manifest: str = "") -> tuple[list[str], str]:
    """What is wrong with the archive, and the one line that a person believes.

    ``keys`` are public keys in DER, where the archive's own are not to be believed; ``manifest`` is
    the sha256 that its manifest must have.
    """
    found: Verification | None = None
    try:
        found = Verification(Archive(path), keys)
        found.run(manifest)
    except Exception as error:  # noqa: BLE001 whatever it is, the archive is not verified
        why = f"it cannot be read: {type(error).__name__}: {error}"
        return [*(found.faults if found else ()), why], "NOT verified"
    signed = f"{found.signed}, by {found.by}" if found.signed else "none"
    counted = (
        f"entries: {found.entries}, of chains: {found.chains}, batches: {len(found.known)};"
        f" verified signatures: {signed}; {'; '.join(found.notes)}"
    )
    if found.faults:
        return found.faults, f"NOT verified: {len(found.faults)} faults; {counted}"
    return [], f"verified: {counted}"


def main() -> int:
    """The script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("archive", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument(
        "--key", type=Path, action="append", help="a public key of the digests, DER or base64 of it"
    )
    parser.add_argument("--manifest", default="", help="the sha256 that manifest.json must have")
    given = parser.parse_args()
    bodies = [path.read_bytes() for path in given.key or ()]
    keys = [body if body[:1] == b"0" else base64.b64decode(body) for body in bodies]
    faults, said = verified(given.archive, keys, given.manifest.strip().lower())
    for fault in faults:
        sys.stdout.write(f"fault: {fault!a}\n")
    sys.stdout.write(f"{said}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
