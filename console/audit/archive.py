"""Writes an archive for an auditor: evidence as it lies in the bucket, and what it says.

::

    overview.html          for people
    index.csv, index.json  a row for each case
    decisions.csv, .json   who decided what
    evidence/<playbook>.jsonl   every entry, a line each, with exactly the bytes of the bucket
    batches.jsonl          the objects in which cases were only observed, likewise
    digests.jsonl          the digests of the period, likewise
    public-key.der         of the key that signed them, where one did; public-key-2.der …
    manifest.json          the sha256 of each of these, and what was wanted
    verify.py              verifies all of it, with Python alone

One member is written at a time, and rows wait in temporary files: memory does not grow with the
number of cases. What is no entry of ours, and so may have a line's end in it, is not copied.
"""

import csv
import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from console.audit import overview, rows, verify_archive
from console.audit.chains import Checked
from console.audit.stack_audit import StackAudit
from console.evidence import Fault, counted
from console.options import version
from console.tables import Row, csv_cell
from cordon.clock import now, to_iso
from cordon.errors import EvidenceFault
from cordon.evidence import entry_at, sha256

INDEX = (
    "case",
    "account",
    "playbook",
    "region",
    "kind",
    "severity",
    "title",
    "resources",
    "mode",
    "reason",
    "controls",
    "frameworks",
    "cordon",
    "first",
    "last",
    "stages",
    "last_stage",
    "approved_by",
    "rejected_by",
    "released_by",
    "entries",
    "sha256",
    "verified",
    "faults",
    "batch",
)
DECISIONS = (
    "at",
    "decision",
    "case",
    "playbook",
    "title",
    "resources",
    "by",
    "why",
    "plan",
    "requests",
    "entry",
)
ONLY_EVIDENCE = (
    "Whether what Cordon has written was true: whoever may deploy in that account can change what"
    " writes it.",
    "What was written after the end of the last digest: the next digest names it.",
    "What else the tables say, as titles, resources, controls, versions, reasons, plans, first and"
    " last moments, and overview.html: the script compares it with the manifest only, which nobody"
    " has signed. Evidence has it too.",
)
NOT_SIGNED = (
    "That nobody with the right to delete evidence has made the digests anew: no signature of them"
    " was verified. Compare the last digest's sha256 with one that you noted before."
)
BY_PART = re.compile(r"^from console\.audit\.(archive_\w+) import .*$", re.MULTILINE)


def script() -> str:
    """It is one file, made of ours: each import of a part is replaced by the part."""
    whole = Path(verify_archive.__file__)

    def part(found: re.Match[str]) -> str:
        return whole.with_name(f"{found[1]}.py").read_text().split('"""', 2)[2].strip()

    return BY_PART.sub(part, whole.read_text())


@dataclass
class Summary:
    """What was written."""

    cases: int = 0
    observed: int = 0
    entries: int = 0
    decisions: int = 0
    faults: list[Fault] = field(default_factory=list)


class _Rows:
    """Rows in a temporary file, until their member of the archive is begun."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._file = file
        self._columns = columns

    def add(self, row: Row) -> None:
        self._file.write(json.dumps(row) + "\n")

    def all(self) -> Iterator[Row]:
        self._file.seek(0)
        return map(json.loads, self._file)

    def json(self) -> Iterator[str]:
        """A list, a row in a line."""
        yield "["
        for number, row in enumerate(self.all()):
            yield f"{',' if number else ''}\n{json.dumps(row)}"
        yield "\n]\n"

    def csv(self) -> Iterator[str]:
        """A line of names, then a row in a line; no cell is a formula."""
        line = io.StringIO()
        writer = csv.writer(line)
        for cells in self._cells():
            writer.writerow(cells)
            yield line.getvalue()
            line.seek(0)
            line.truncate()

    def _cells(self) -> Iterator[Sequence[str]]:
        yield self._columns
        for row in self.all():
            yield [csv_cell(row.get(name)) for name in self._columns]


class _Members:
    """The members of the zip, each with its size and sha256."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.hashes: dict[str, Mapping[str, Any]] = {}

    @contextmanager
    def open(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Write its bytes. One at a time."""
        hashed, size = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as file:

            def write(part: bytes) -> None:
                nonlocal size
                file.write(part)
                hashed.update(part)
                size += len(part)

            yield write
        self.hashes[name] = {"sha256": hashed.hexdigest(), "bytes": size}

    def add(self, name: str, parts: Iterator[str] | Iterator[bytes]) -> None:
        """A whole member."""
        with self.open(name) as write:
            for part in parts:
                write(part.encode() if isinstance(part, str) else part)


@dataclass
class Archive:
    """Writes one. ``progress`` is called with how many cases there are, and after each."""

    audit: StackAudit
    progress: Callable[[int, int], None]
    summary: Summary = field(default_factory=Summary)

    def write(self, file: IO[bytes]) -> str:
        """Write it all; the manifest's sha256. Raises NotPossible: no digest is of the period."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as first,
            tempfile.TemporaryFile("w+", encoding="utf-8") as second,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            index, decisions = _Rows(first, INDEX), _Rows(second, DECISIONS)
            members = _Members(archive)
            members.add(verify_archive.DIGESTS, (d.body + b"\n" for d in self.audit.read()))
            self._evidence(members, index, decisions)
            members.add(verify_archive.BATCHES, self._batches(index))
            self.summary.faults += self.audit.faults()
            for name, of in (("index", index), ("decisions", decisions)):
                members.add(f"{name}.csv", of.csv())
                members.add(f"{name}.json", of.json())
            for number, key in enumerate(self.audit.public_keys().values(), 1):
                members.add(f"public-key{f'-{number}' if number > 1 else ''}.der", iter([key]))
            members.add("overview.html", overview.page(self._facts(), self._limits(), index.all()))
            members.add("verify.py", iter([script()]))
            manifest = json.dumps(self._manifest(members), indent=1).encode() + b"\n"
            archive.writestr(verify_archive.MANIFEST, manifest)
        return sha256(manifest)

    def _evidence(self, members: _Members, index: _Rows, decisions: _Rows) -> None:
        """Chains come by playbook: each has a member."""
        total, done = len(self.audit.ledger), 0
        self.progress(total, 0)
        chains = self.audit.checker.all()
        checked = next(chains, None)
        while checked is not None:
            playbook = checked.copy.chain.playbook
            with members.open(f"evidence/{playbook}.jsonl") as write:
                while checked is not None and checked.copy.chain.playbook == playbook:
                    self._chain(checked, write, index, decisions)
                    done += 1
                    self.progress(total, done)
                    checked = next(chains, None)

    def _chain(
        self, checked: Checked, write: Callable[[bytes], None], index: _Rows, decisions: _Rows
    ) -> None:
        copy = checked.copy
        for number, body in sorted(copy.entries.items()):
            try:
                entry_at(copy.chain.key(number), body)
            except EvidenceFault:
                continue  # among the faults
            if b"\n" in body:
                continue
            write(body + b"\n")
            self.summary.entries += 1
        self.summary.faults += checked.of_case()
        if copy.observed:  # in a batch that may be older than the period
            begun = {
                "key": copy.observed.key,
                "sha256": copy.observed.sha256,
                "cases": [copy.chain],
            }
            self.audit.ledger.object(begun, 0)
        for row in rows.decisions(copy, self.audit.wanted):
            decisions.add(row)
            self.summary.decisions += 1
        if rows.is_of(copy, self.audit.wanted):
            index.add(rows.case(copy, checked.faults))
            self.summary.cases += copy.chain.playbook != rows.SETTINGS

    def _batches(self, index: _Rows) -> Iterator[bytes]:
        for one, body, faults in self.audit.checker.objects():
            self.summary.faults += faults
            if body is None or not one.is_batch or b"\n" in body:
                continue
            yield body + b"\n"
            for row in self.audit.observed(body, one.key):
                index.add(row)
                self.summary.observed += 1

    def _facts(self) -> dict[str, Any]:
        wanted, digests = self.audit.wanted, self.audit.digests
        period = f"{wanted.since} to {min(wanted.until or self.audit.until, self.audit.until)}"
        faults = sum(not one.warning for one in self.summary.faults)
        return {
            "stack": self.audit.stack.name,
            "account": digests.account,
            "period": period if wanted.since else f"until {self.audit.until}",
            "framework": wanted.framework or "all",
            "control": wanted.control or "all",
            "playbook": wanted.playbook or "all",
            "cases": counted(self.summary.cases, "case"),
            "only observed": counted(self.summary.observed, "case"),
            "decisions": counted(self.summary.decisions, "decision"),
            "digests": f"{digests.read}; verified signatures: {digests.signed or 'none'}",
            "last digest": f"{digests.last.number}, sha256 {sha256(digests.last.body)}"
            if digests.last
            else "",
            "verified": "yes" if not faults else f"NO: {counted(faults, 'fault')}",
            "written at": to_iso(now()),
            "written by": f"cordon {version()}",
        }

    def _limits(self) -> list[str]:
        signed = self.audit.digests.signed
        return [*ONLY_EVIDENCE, *([] if signed else [NOT_SIGNED])]

    def _manifest(self, members: _Members) -> dict[str, Any]:
        return {
            "facts": self._facts(),
            "limits": self._limits(),
            "wanted": dict(self.audit.wanted.to_json()),
            "faults": [str(one) for one in self.summary.faults],
            "members": members.hashes,
        }
