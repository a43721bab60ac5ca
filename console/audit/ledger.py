"""What the digests say, on disk: so memory does not grow with the number of cases.

SQLite keeps a database without a name in a temporary file, and deletes it when it is closed
(sqlite.org, "Temporary databases").
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cordon.evidence import Chain

SCHEMA = """
create table mention (
  folder text, seq int, sha256 text, digest int, playbook text, account text, case_id text,
  wanted int,
  primary key (folder, seq, digest)
) without rowid;
create table object (key text primary key, sha256 text, digest int, batch int) without rowid;
create index by_sha256 on object (sha256);
"""


@dataclass(frozen=True)
class Mention:
    """A digest names the end that a chain had then."""

    seq: int
    sha256: str
    digest: int  # its number


@dataclass(frozen=True)
class Named:
    """An object that is no entry of a chain, as a digest names it."""

    key: str
    sha256: str
    digest: int
    is_batch: bool


class Ledger:
    """What the digests that were read say."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Delete it."""
        self._db.close()

    def chain(self, line: Mapping[str, Any], digest: int, wanted: bool) -> None:
        """A digest's line about a chain. A chain is wanted where one of its lines is."""
        names = (str(line["playbook"]), str(line["account"]), str(line["case"]))
        row = (Chain(*names).folder, int(line["seq"]), str(line["sha256"]), digest, *names, wanted)
        self._db.execute("insert or ignore into mention values (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def object(self, line: Mapping[str, Any], digest: int) -> None:
        """A digest's line about a batch, or about what is no entry; 0 is no digest."""
        row = (str(line["key"]), str(line["sha256"]), digest, bool(line["cases"]))
        self._db.execute("insert or ignore into object values (?, ?, ?, ?)", row)

    def __len__(self) -> int:
        """How many chains are wanted."""
        counted = "select count(distinct folder) from mention where wanted"
        return int(self._db.execute(counted).fetchone()[0])

    def chains(self) -> Iterator[Chain]:
        """Those that are wanted, in the order of their keys."""
        found = self._db.execute(
            "select distinct folder, playbook, account, case_id from mention where wanted"
            " order by folder"
        )
        return (Chain(*names) for _, *names in found)

    def mentions(self, chain: Chain) -> list[Mention]:
        """The oldest first."""
        found = self._db.execute(
            "select seq, sha256, digest from mention where folder = ? order by digest, seq",
            (chain.folder,),
        )
        return [Mention(*row) for row in found]

    def has(self, folder: str) -> bool:
        """Does a digest name the chain that lies in this folder, which ends with a slash?"""
        found = self._db.execute("select 1 from mention where folder = ? limit 1", (folder,))
        return found.fetchone() is not None

    def objects(self) -> Iterator[Named]:
        """In the order of their keys."""
        found = self._db.execute("select key, sha256, digest, batch from object order by key")
        return (Named(key, sha, digest, bool(batch)) for key, sha, digest, batch in found)

    def names(self, key: str) -> bool:
        """Does a digest name this object?"""
        found = self._db.execute("select 1 from object where key = ?", (key,))
        return found.fetchone() is not None

    def key_of(self, sha256: str) -> str:
        """Where the object with this sha256 lies; "" where no digest names one."""
        found = self._db.execute("select key from object where sha256 = ?", (sha256,)).fetchone()
        return str(found[0]) if found else ""
