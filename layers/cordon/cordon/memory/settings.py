"""The settings: one row, which people write and every playbook reads with each case.

No playbook's role may write it. ``setup`` creates it with the stack; from then on it is the
people's, and a deployment only adds to it; but ``other_home`` is ``setup``'s, and people only
see it. A write changes one entry, and only where row and entry
are as they were read: what a person changed by a plain command, which leaves the version as it is,
is not overwritten either.

Every write is in evidence, a chain of its own: ``settings/<account>/settings/<number>.json``. An
entry names the sha256 of what people decided as the write leaves it (``after``): ``is_proven``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cordon.clock import now, to_iso
from cordon.errors import EvidenceFault
from cordon.evidence import Chain, ChainEnd, EntryRef, next_entry, read_entry, sha256
from cordon.finding import canonical_json
from cordon.memory.table import Cancelled, Row, Table, encode
from cordon.settings import MasterSwitch, Settings, parse

KEY = "settings"
OTHER_HOME = ("other_home",)  # no person's entry: ``setup`` alone writes it
ABSENT = "the settings row is not there: docs/operating/settings.md says how to write it anew"
# What a person made of it by a plain command keeps nobody from the next change.
_NO_COUNT = "attribute_not_exists(evidence_count) OR NOT attribute_type(evidence_count, :number)"
Path = tuple[str, ...]  # of an entry: ("master_switch",), ("modes", "close_database")
# What says of the row how it is kept, and decides nothing. The rest is what people decide.
BOOKKEEPING = frozenset(
    {"id", "version", "changed_at", "changed_by", "evidence_count", "evidence_hash", "other_home"}
)
MOST_AHEAD = 10  # entries after the one that a row names: of a stop, and of writes that lost a race


def settings_of(row: Row | None, playbooks: Iterable[str] = ()) -> Settings:
    """The settings of the row. Without a row nothing is decided but to observe.

    Absent never means the defaults: else to delete the row would start what a person has stopped.
    """
    if row is None:
        return Settings(switch=MasterSwitch.OBSERVE, unreadable=ABSENT)
    return parse(row, playbooks)


def read(table: Table) -> Row | None:
    """The row as it is now."""
    return table.get(KEY).get(KEY)


def chain_of(account: str) -> Chain:
    """Where the evidence of who changed the settings lies."""
    return Chain(KEY, account, KEY)


def create(table: Table, entries: Row, by: str, end: ChainEnd) -> bool:
    """Write the first row; False where there is one, which stays as it is."""
    row = {"id": KEY, **entries, "version": 1, "changed_at": to_iso(now()), "changed_by": by}
    row |= {"evidence_count": end.seq, "evidence_hash": end.hash}
    try:
        table.put(row, "attribute_not_exists(id)")
    except Cancelled:
        return False
    return True


def set_entry(
    table: Table, row: Row | None, path: Path, value: Any, by: str, end: ChainEnd | None = None
) -> None:
    """Set an entry of the row that was read. Raises Cancelled where somebody came first.

    ``end``, here and below: where the evidence of who changed the settings ends with this change.
    """
    name, *key = path
    if key and not isinstance((row or {}).get(name), Mapping):
        path, value = (name,), {key[0]: value}  # no map yet, or none that anybody understands
    _change(table, row, path, ", {} = :value", by, end, value=value)


def remove_entry(table: Table, row: Row, path: Path, by: str, end: ChainEnd | None = None) -> None:
    """Remove an entry of the row that was read. Raises Cancelled where somebody came first."""
    _change(table, row, path, " REMOVE {}", by, end)


def protect(
    table: Table, row: Row | None, patterns: Iterable[str], by: str, end: ChainEnd | None = None
) -> None:
    """Add to what is protected. Raises Cancelled where somebody came first."""
    _change(table, row, ("protected",), " ADD {} :value", by, end, value=frozenset(patterns))


def unprotect(table: Table, row: Row, pattern: str, by: str, end: ChainEnd | None = None) -> None:
    """Take a pattern from what is protected. Raises Cancelled where somebody came first."""
    _change(table, row, ("protected",), " DELETE {} :value", by, end, value=frozenset({pattern}))


def serve_instead(table: Table, other: str, row: Row, by: str) -> None:
    """Say who serves the account and Region instead of this stack; "" where this stack does.

    Raises Cancelled where somebody came first.
    """
    if other:
        set_entry(table, row, OTHER_HOME, other, by)
    else:
        remove_entry(table, row, OTHER_HOME, by)


def stop(table: Table, position: MasterSwitch, by: str) -> None:
    """Move the master switch in the safe direction, whatever the row is and whoever writes it.

    Nothing is read before. Who starts Cordon at the same moment notices by the entry.
    """
    table.update(
        KEY,
        "SET master_switch = :position, changed_at = :at, changed_by = :by",
        position=str(position),
        at=to_iso(now()),
        by=by,
    )


def evidence_end(row: Row | None) -> ChainEnd:
    """Where the row says that the evidence of who changed it ends."""
    match (row or {}).get("evidence_count"), (row or {}).get("evidence_hash"):
        case int(count), str(last):
            return ChainEnd(count, last)
    return ChainEnd()


def note_evidence(table: Table, end: ChainEnd) -> None:
    """Say where the evidence ends now. Raises Cancelled where it is known to end later."""
    table.update(
        KEY,
        "SET evidence_count = :count, evidence_hash = :hash",
        f"{_NO_COUNT} OR evidence_count < :count",
        number="N",
        count=end.seq,
        hash=end.hash,
    )


def entries_hash(row: Row | None) -> str:
    """The sha256 of what people decided in this row, in hex; the same in whatever order."""
    decided = {name: value for name, value in (row or {}).items() if name not in BOOKKEEPING}
    return sha256(canonical_json(_plain(decided)).encode())


def _plain(value: Any) -> Any:
    """JSON of whatever the row holds: a set is a sorted list, bytes are their digits."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return value.hex() if isinstance(value, bytes) else value


def with_entry(row: Row, path: Path, value: Any) -> Row:
    """The row as ``set_entry`` and ``protect`` leave it."""
    name, *key = path
    if not key:
        return {**row, name: value}
    before = row.get(name)
    return {**row, name: {**(before if isinstance(before, Mapping) else {}), key[0]: value}}


def without_entry(row: Row, path: Path) -> Row:
    """The row as ``remove_entry`` leaves it."""
    name, *key = path
    if not key:
        return {other: value for other, value in row.items() if other != name}
    return {**row, name: {k: v for k, v in row[name].items() if k != key[0]}}


def is_proven(s3: Any, bucket: str, account: str, end: ChainEnd, decided: str) -> bool:
    """Does the evidence say who made the row as it is?

    ``end``: what the row names. ``decided``: its ``entries_hash``. Looks at the entry that the row
    names, which must be the one with that sha256, and at those after it, each by the hash of the
    one before: to stop is written before its evidence. A ClientError but of a missing entry rises.
    EvidenceFault where the row names none and there is none: of a new stack it is written when the
    deployment has ended.
    """
    chain, named = chain_of(account), end.hash
    if end.seq:
        try:
            entry = read_entry(s3, bucket, EntryRef(chain.key(end.seq), end.hash))
        except EvidenceFault:
            return False
        if _leaves(entry, decided):
            return True
    for number in range(end.seq + 1, end.seq + 1 + MOST_AHEAD):
        found = next_entry(s3, bucket, chain.key(number), named)
        if found is None and number == 1:
            raise EvidenceFault("there is no evidence of the settings yet")
        if found is None:
            return False
        entry, named = found
        if _leaves(entry, decided):
            return True
    return False


def _leaves(entry: Mapping[str, Any], decided: str) -> bool:
    """Does the entry say that the row became so?"""
    after = entry["content"].get("after")
    return isinstance(after, list) and decided in after


def _version(row: Row | None) -> int:
    """The version that was read; 0 where a person made something else of it."""
    version = (row or {}).get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) else 0


def _change(
    table: Table,
    row: Row | None,
    path: Path,
    action: str,
    by: str,
    end: ChainEnd | None,
    **values: Any,
) -> None:
    names = {f"#p{number}": name for number, name in enumerate(path)}
    placed = ".".join(names)
    conditions, read = _as_read(row, path, placed)
    proven = ""
    if end is not None:
        proven = ", evidence_count = :count, evidence_hash = :hash"
        values |= {"count": end.seq, "hash": end.hash, "number": "N"}
        conditions.append(f"({_NO_COUNT} OR evidence_count <= :count)")
    table.update(
        KEY,
        f"SET version = :next, changed_at = :at, changed_by = :by{proven}{action.format(placed)}",
        " AND ".join(conditions),
        names=names,
        next=_version(row) + 1,
        at=to_iso(now()),
        by=by,
        **read,
        **values,
    )


def _as_read(row: Row | None, path: Path, placed: str) -> tuple[list[str], dict[str, Any]]:
    """The condition that the row, and in it the entry, are as they were read."""
    if row is None:
        return ["attribute_not_exists(id)"], {}
    before: Any = row
    for name in path:
        before = before.get(name, _NOTHING) if isinstance(before, Mapping) else _NOTHING
    expected = {":version": ("version", row.get("version", _NOTHING)), ":before": (placed, before)}
    conditions, values = ["attribute_exists(id)"], {}
    for value, (name, known) in expected.items():
        if known is _NOTHING:
            conditions.append(f"attribute_not_exists({name})")
        elif _encodable(known):
            conditions.append(f"{name} = {value}")
            values[value.removeprefix(":")] = known
    return conditions, values


_NOTHING = object()


def _encodable(value: Any) -> bool:
    """What only a person can have written, a list or a fraction, cannot be compared by us."""
    try:
        encode(value)
    except TypeError:
        return False
    return True
