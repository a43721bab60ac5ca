"""Verifies an archive that `cordon evidence export` has written. It needs Python, and nothing else.

    python3 verify.py                     in the unpacked archive
    python3 verify.py ARCHIVE.zip         without unpacking it
    python3 verify.py --key KEY           with the public key (DER) that you have from AWS yourself:
                                          aws kms get-public-key --query PublicKey

It ends with 0 where all is as it was written, and with 1 where anything is not, which it says.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

MANIFEST, DIGESTS, BATCHES = "manifest.json", "digests.jsonl", "batches.jsonl"
KEY = "public-key.der"
CHAIN = re.compile(r"([a-z_]+/[0-9]{12}/[0-9a-z]+/)([0-9]{6})\.json")
# EMSA-PKCS1-v1_5 of SHA-256: what is before the hash (RFC 8017, section 9.2, note 1).
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
OF_RSA = bytes.fromhex("06092a864886f70d010101")  # rsaEncryption (RFC 8017, appendix A.1)


def matches(wanted: Mapping[str, str], playbook: str, controls: list[str]) -> bool:
    """Is a case of these controls wanted? What is empty is no condition."""
    framework, control = wanted.get("framework", ""), wanted.get("control", "")
    return (
        wanted.get("playbook", "") in ("", playbook)
        and (not framework or any(one.startswith(f"{framework} ") for one in controls))
        and (not control or control in controls)
    )


# ---- a signature of RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2.2) ----


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is this the signature of the message by the key, which is in DER as KMS gives it?"""
    modulus, exponent = _rsa(public_key)
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus:
        return False
    found = pow(number, exponent, modulus).to_bytes(size, "big")
    hashed = SHA256_INFO + hashlib.sha256(message).digest()
    return found == b"\x00\x01" + b"\xff" * (size - 3 - len(hashed)) + b"\x00" + hashed


def _rsa(public_key: bytes) -> tuple[int, int]:
    """Modulus and exponent of a SubjectPublicKeyInfo (RFC 5280). Raises ValueError."""
    outer, _ = _der(public_key, 0x30)
    algorithm, rest = _der(outer, 0x30)
    if not algorithm.startswith(OF_RSA):
        raise ValueError("the public key is no RSA key")
    bits, _ = _der(rest, 0x03)
    both, _ = _der(bits[1:], 0x30)
    modulus, rest = _der(both, 0x02)
    exponent, _ = _der(rest, 0x02)
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of a value with this tag, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("the public key is not in DER")
    size, start = data[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size], data[start + size :]


def signed_bytes(entry: Mapping[str, Any]) -> bytes:
    """What the signature of a digest's entry is over."""
    signed = {
        "number": entry["seq"],
        "previous": entry["previous"],
        "digest": entry["content"]["digest"],
    }
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


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
        files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return sorted(p.relative_to(folder).as_posix() for p in files)

    def open(self, name: str) -> IO[bytes]:
        """Its bytes. Raises KeyError or OSError where it is missing."""
        if self._zip is not None:
            return self._zip.open(name)
        return ((self._folder or Path()) / name).open("rb")

    def lines(self, name: str) -> Iterator[bytes]:
        """Each line without its end."""
        with self.open(name) as file:
            for line in file:
                yield line.removesuffix(b"\n")


class Verification:
    """What is found: faults, and what was counted."""

    def __init__(self, archive: Archive, key: bytes | None) -> None:
        self.archive = archive
        self.key = key
        self.faults: list[str] = []
        self.expected: dict[str, dict[int, tuple[str, int]]] = {}  # folder → seq → sha256, digest
        self.wanted: set[str] = set()  # folders
        self.batches: dict[str, str] = {}  # key → sha256, as digests say
        self.known: set[str] = set()  # sha256 of the batches that are there
        self.signed = self.digests = self.entries = self.chains = 0

    def run(self) -> None:
        """Look at everything."""
        with self.archive.open(MANIFEST) as file:
            manifest = json.load(file)
        self._members(manifest["members"])
        if self.key is None and KEY in manifest["members"]:
            with self.archive.open(KEY) as file:
                self.key = file.read()
        self._digests(manifest["wanted"])
        self._batches()
        for name in sorted(manifest["members"]):
            if name.startswith("evidence/"):
                self._evidence(name)
        self.faults += [f"the whole case {folder} is missing" for folder in sorted(self.wanted)]

    def _members(self, members: Mapping[str, Mapping[str, Any]]) -> None:
        names = self.archive.names()
        for name in sorted({*names, *members}):
            if names.count(name) > 1:
                self.faults.append(f"{name} is there {names.count(name)} times")
            if name == MANIFEST:
                continue
            if name not in members:
                self.faults.append(f"{name} was added: the manifest does not name it")
            elif name not in names:
                self.faults.append(f"{name} is missing")
            elif self._hash(name) != members[name]["sha256"]:
                self.faults.append(f"{name} was changed: its sha256 is not the manifest's")

    def _hash(self, name: str) -> str:
        found = hashlib.sha256()
        with self.archive.open(name) as file:
            while part := file.read(1 << 20):
                found.update(part)
        return found.hexdigest()

    def _digests(self, wanted: Mapping[str, str]) -> None:
        """Each follows on the one before, and names what must be there."""
        before: tuple[str, Mapping[str, Any]] | None = None
        for line in self.archive.lines(DIGESTS):
            entry = json.loads(line)
            digest, number = entry["content"]["digest"], entry["seq"]
            if before is not None:
                sha256, last = before
                follows = (entry["previous"], number, digest["since"])
                if follows != (sha256, last["seq"] + 1, last["content"]["digest"]["until"]):
                    self.faults.append(f"digest {number} does not follow digest {last['seq']}")
            self._signature(entry)
            self.digests += 1
            self._expect(digest, number, wanted)
            before = hashlib.sha256(line).hexdigest(), entry

    def _signature(self, entry: Mapping[str, Any]) -> None:
        signature = entry["content"].get("signature")
        if signature is None:
            if self.signed:
                self.faults.append(f"digest {entry['seq']} is not signed, and earlier ones are")
        elif self.key is not None:
            value = bytes.fromhex(signature["value"])
            if is_signed(self.key, signed_bytes(entry), value):
                self.signed += 1
            else:
                self.faults.append(f"digest {entry['seq']} is not signed by this key")

    def _expect(self, digest: Mapping[str, Any], number: int, wanted: Mapping[str, str]) -> None:
        for line in digest["chains"]:
            folder = f"{line['playbook']}/{line['account']}/{line['case']}/"
            self.expected.setdefault(folder, {})[line["seq"]] = (line["sha256"], number)
            if matches(wanted, line["playbook"], line["controls"]):
                self.wanted.add(folder)
        for one in digest["objects"]:
            playbook = one["key"].partition("/")[0]
            if any(matches(wanted, playbook, case["controls"]) for case in one["cases"]):
                self.batches[one["key"]] = one["sha256"]

    def _batches(self) -> None:
        there: dict[str, str] = {}
        for line in self.archive.lines(BATCHES):
            there[json.loads(line)["key"]] = hashlib.sha256(line).hexdigest()
        self.known = set(there.values())
        for key, sha256 in sorted(self.batches.items()):
            if key not in there:
                self.faults.append(f"the batch {key} is missing")
            elif there[key] != sha256:
                self.faults.append(f"the batch {key} is not the one that the digest names")

    def _evidence(self, name: str) -> None:
        folder, number, before = "", 0, ""
        for line in self.archive.lines(name):
            entry, sha256 = json.loads(line), hashlib.sha256(line).hexdigest()
            place = CHAIN.fullmatch(entry["key"])
            if place is None or entry["seq"] != int(place[2]):
                self.faults.append(f"{name} has an entry that says its key is {entry['key']!r}")
                continue
            if place[1] != folder:
                self._end(folder, number)
                folder, number, before = place[1], 0, ""
                self.chains += 1
            number += 1
            self.entries += 1
            if entry["seq"] != number:
                self.faults.append(f"{folder}: entry {number} is missing")
                number = entry["seq"]
            elif entry["previous"] != before and not (
                number == 1 and entry["previous"] in self.known
            ):
                self.faults.append(f"{folder}: entry {number} does not follow on the one before")
            before = sha256
            self._named(folder, number, sha256)
        self._end(folder, number)

    def _named(self, folder: str, number: int, sha256: str) -> None:
        said = self.expected.get(folder, {}).get(number)
        if said is not None and said[0] != sha256:
            self.faults.append(
                f"{folder}: entry {number} is not the one that digest {said[1]} names"
            )

    def _end(self, folder: str, number: int) -> None:
        if not folder:
            return
        said = self.expected.get(folder, {})
        if folder not in self.wanted:
            self.faults.append(f"{folder}: no digest of this archive names the case")
        elif number < max(said):
            self.faults.append(f"{folder}: entries {number + 1} to {max(said)} are missing")
        elif number > max(said):
            self.faults.append(f"{folder}: entry {number} was added after the last digest")
        self.wanted.discard(folder)


def verified(archive: Archive, key: bytes | None) -> tuple[list[str], str]:
    """What is wrong with the archive, and the one line that a person believes."""
    found = Verification(archive, key)
    try:
        found.run()
    except (KeyError, ValueError, TypeError, AttributeError, OSError, RecursionError) as error:
        found.faults.append(f"the archive cannot be read: {type(error).__name__}: {error}")
    counted = (
        f"entries: {found.entries}, of chains: {found.chains}, batches: {len(found.known)},"
        f" digests: {found.digests}; verified signatures: {found.signed or 'none'}"
    )
    if found.faults:
        return found.faults, f"NOT verified: {len(found.faults)} faults; {counted}"
    return [], f"verified: {counted}"


def main() -> int:
    """The script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("archive", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", type=Path, help="public key of the digests, DER or base64 of it")
    given = parser.parse_args()
    key = None
    if given.key:
        key = given.key.read_bytes()
        key = key if key[:1] == b"0" else base64.b64decode(key)
    faults, said = verified(Archive(given.archive), key)
    for fault in faults:
        sys.stdout.write(f"fault: {fault!r}\n")
    sys.stdout.write(f"{said}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
