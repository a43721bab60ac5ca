"""``cordon evidence``: a good chain is verified, and nothing else is."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from console import cli, evidence_folder
from console.evidence import Copy, Version, verdict, verify
from console.stack import NotPossible
from cordon.evidence import Chain, ChainEnd, sha256
from cordon.finding import canonical_json
from tests.examples import QUARANTINE

CHAIN = Chain(QUARANTINE.name, "111122223333", "c0ffee")
OTHER = Chain(QUARANTINE.name, "111122223333", "decaf")
Entry = dict[str, Any]


def entry(number: int, previous: Any, chain: Chain = CHAIN, **more: Any) -> bytes:
    """The bytes of an entry."""
    whole: Entry = {
        "playbook": chain.playbook,
        "account": chain.account,
        "case": chain.case,
        "key": chain.key(number),
        "seq": number,
        "stage": "applied",
        "at": "2026-11-26T12:00:00Z",
        "previous": previous,
        "content": {"what": number},
    }
    return canonical_json(whole | more).encode()


def chained(length: int, **more: Any) -> list[bytes]:
    """The bytes of a good chain."""
    bodies: list[bytes] = []
    for number in range(1, length + 1):
        bodies.append(entry(number, sha256(bodies[-1]) if bodies else "", **more))
    return bodies


def version(number: int, body: bytes | None, version_id: str = "v1") -> Version:
    return Version(CHAIN.key(number), version_id, body, "2026-11-26T12:00:01Z")


def copy_of(bodies: list[bytes], row: int | None = None) -> Copy:
    """A bucket with these, and a row that names the first ``row`` of them, else all."""
    named = len(bodies) if row is None else row
    end = ChainEnd(named, sha256(bodies[named - 1])) if named else ChainEnd()
    return Copy(CHAIN, end, tuple(version(n, body) for n, body in enumerate(bodies, 1)))


def texts(copy: Copy) -> list[str]:
    return [str(one) for one in verify(copy)]


# ---- whatever is done to a good chain is named, and nothing is named of a good one ----

lengths = st.integers(1, 12)


@given(lengths)
def test_a_good_chain_is_verified(length: int) -> None:
    copy = copy_of(chained(length))
    assert verify(copy) == []
    counted = "1 entry" if length == 1 else f"{length} entries"
    assert verdict(copy, []) == f"evidence verified: {counted}, as the case's row says"


def faults(copy: Copy) -> list[str]:
    """What is said; never with the word that a person would believe."""
    found = verify(copy)
    assert found
    assert "evidence verified" not in verdict(copy, found)
    return [one.text for one in found if not one.warning]


@given(st.data(), lengths)
def test_any_deletion_is_named(data: st.DataObject, length: int) -> None:
    good = copy_of(chained(length))
    missing = data.draw(st.integers(0, length - 1))
    assert any(
        text.startswith(f"entry {missing + 1} is missing")
        for text in faults(
            replace(good, versions=good.versions[:missing] + good.versions[missing + 1 :])
        )
    )


@given(st.data(), lengths)
def test_any_insertion_is_named(data: st.DataObject, length: int) -> None:
    """An entry put between, and all after it renumbered and chained anew: the row knows."""
    good = copy_of(chained(length))
    at = data.draw(st.integers(1, length))
    contents: list[Any] = [{"what": number} for number in range(1, length + 1)]
    contents.insert(at - 1, {"what": "forged"})
    bodies: list[bytes] = []
    for number, content in enumerate(contents, 1):
        bodies.append(entry(number, sha256(bodies[-1]) if bodies else "", content=content))
    assert faults(replace(copy_of(bodies), end=good.end))


@given(st.data(), st.integers(2, 12))
def test_any_swap_is_named(data: st.DataObject, length: int) -> None:
    bodies = chained(length)
    good = copy_of(bodies)
    one, other = data.draw(
        st.lists(st.integers(0, length - 1), min_size=2, max_size=2, unique=True)
    )
    bodies[one], bodies[other] = bodies[other], bodies[one]
    said = faults(replace(copy_of(bodies), end=good.end))
    assert f"entry {one + 1} says that its key is {CHAIN.key(other + 1)}" in said


@given(st.data(), lengths)
def test_any_changed_byte_is_named(data: st.DataObject, length: int) -> None:
    bodies = chained(length)
    good = copy_of(bodies)
    which = data.draw(st.integers(0, length - 1))
    where = data.draw(st.integers(0, len(bodies[which]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != bodies[which][where]))
    bodies[which] = bodies[which][:where] + bytes([byte]) + bodies[which][where + 1 :]
    assert faults(replace(copy_of(bodies), end=good.end))


@given(st.data(), lengths, st.booleans())
def test_any_further_version_is_named(data: st.DataObject, length: int, newer: bool) -> None:
    good = copy_of(chained(length))
    at = data.draw(st.integers(0, length - 1))
    body = data.draw(st.sampled_from([b"{}", good.versions[at].body]))
    further = version(at + 1, body, "v2")
    both = (further, good.versions[at]) if newer else (good.versions[at], further)
    versions = good.versions[:at] + both + good.versions[at + 1 :]
    said = faults(replace(good, versions=versions))
    assert any(text.startswith(f"entry {at + 1} has 2 versions, and one was") for text in said)


@given(st.data(), lengths)
def test_any_delete_marker_is_named(data: st.DataObject, length: int) -> None:
    good = copy_of(chained(length))
    at = data.draw(st.integers(0, length - 1))
    versions = (*good.versions[:at], version(at + 1, None, "v2"), *good.versions[at:])
    marked = replace(good, versions=versions)
    assert faults(marked) == [f"entry {at + 1} was deleted: delete marker v2, 2026-11-26T12:00:01Z"]
    assert marked.bodies == good.bodies  # what lies under it can still be read


@given(st.integers(1, 12), lengths)
def test_any_chain_made_anew_is_named(length: int, row: int) -> None:
    """From scratch, and good in itself."""
    anew = copy_of(chained(length, at="2026-11-26T13:00:00Z"))
    faults(replace(anew, end=copy_of(chained(row)).end))


# ---- each fault in its words ----


def test_missing_last_entries_are_found() -> None:
    """A3: ten by the row, four in the bucket."""
    bodies = chained(10)
    cut = replace(copy_of(bodies), versions=copy_of(bodies[:4]).versions)
    assert texts(cut) == ["fault: entries 5 to 10 are missing: the case's row names 10 entries"]
    none = replace(cut, versions=())
    assert texts(none) == ["fault: entries 1 to 10 are missing: the case's row names 10 entries"]
    assert verdict(none, verify(none)) == "evidence NOT verified: 1 fault, 0 warnings"


def test_what_is_after_the_end_is_a_warning() -> None:
    later = copy_of(chained(6), row=4)
    assert texts(later) == [
        "warning: entries 5 to 6 are after the end that the case's row names: written by an attempt"
        " that has not ended, or forged"
    ]
    assert verdict(later, verify(later)) == "evidence NOT verified: 0 faults, 1 warning"


def test_what_is_after_the_end_and_does_not_follow_is_a_fault_too() -> None:
    bodies = chained(3)
    said = texts(copy_of([*bodies, entry(4, sha256(bodies[0]))], row=3))
    assert said[0].startswith("fault: entry 4 does not follow entry 3")
    assert said[1].startswith("warning: entry 4 is after the end")


def test_a_gap_after_the_end_is_a_fault() -> None:
    copy = copy_of(chained(5), row=2)
    gap = replace(copy, versions=(*copy.versions[:2], copy.versions[4]))
    assert "fault: entries 3 to 4 are missing: the case's row names 2 entries" in texts(gap)


def test_nothing_is_not_verified() -> None:
    empty = copy_of([])
    assert texts(empty)[0].startswith("warning: there is no entry, and the case's row names none")
    assert texts(replace(empty, end=ChainEnd(0, "ab"))) != []


def test_another_cases_entry_is_named() -> None:
    bodies = chained(2)
    theirs = entry(2, sha256(bodies[0]), OTHER)
    assert texts(copy_of([bodies[0], theirs])) == [
        f"fault: entry 2 says that its key is {OTHER.key(2)}"
    ]
    lying = entry(2, sha256(bodies[0]), OTHER, key=CHAIN.key(2))
    (said,) = texts(copy_of([bodies[0], lying]))
    assert said.endswith("for case decaf")


def test_a_first_entry_has_nothing_before_it() -> None:
    (said,) = texts(copy_of([entry(1, "ab")]))
    assert said == "fault: entry 1 is no first: it names ab before it"


@pytest.mark.parametrize(
    "name", ["0000001.json", "000000.json", "1.json", "x", "000001.json.bak", ""]
)
def test_a_name_that_is_no_entrys_is_named(name: str) -> None:
    copy = copy_of(chained(1))
    strange = Version(f"{CHAIN.folder}{name}", "v1", b"{}")
    said = texts(replace(copy, versions=(*copy.versions, strange)))
    assert said == [f"fault: {CHAIN.folder}{name} is the name of no entry of this case"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"1" * 10_000, "is not JSON"),
        (b"[]", "is JSON, and no entry: not an object"),
        (b"null", "is JSON, and no entry: not an object"),
        (b"{}", "is JSON, and no entry: without a good playbook, account"),
        (entry(1, "", seq=True), "is JSON, and no entry: without a good seq"),
        (entry(1, "", seq=1.0), "is JSON, and no entry: without a good seq"),
        (entry(1, "", seq=10**30), "says that it is entry 1000"),
        (entry(1, "", content=[]), "is JSON, and no entry: without a good content"),
        (entry(1, 7), "is JSON, and no entry: without a good previous"),
    ],
)
def test_what_is_no_entry_is_one_line(body: bytes, said: str) -> None:
    (line,) = texts(copy_of([body]))
    assert line.startswith(f"fault: entry 1 {said}")


@given(st.binary(max_size=40), lengths)
def test_no_bytes_raise(body: bytes, length: int) -> None:
    bodies = chained(length)
    bodies[-1] = body
    assert faults(replace(copy_of(bodies), end=copy_of(chained(length)).end))


def test_a_row_that_no_chain_can_have_is_named() -> None:
    for seq in (10**30, -1):
        said = texts(replace(copy_of(chained(1)), end=ChainEnd(seq, "ab")))
        assert any(f"names {seq} entries, which no chain can have" in line for line in said)


def test_hostile_text_is_one_line_without_commands() -> None:
    key = "\x1b[2J\nevidence verified: 9 entries"
    (line,) = texts(copy_of([entry(1, "", key=key)]))
    assert line.isprintable()


# ---- a folder ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good copy of three entries."""
    there = tmp_path / "copy"
    evidence_folder.write(copy_of(chained(3)), there)
    return there


def offline(folder: Path) -> tuple[int, list[str]]:
    """``cordon evidence verify FOLDER``: its exit status and what it said."""
    ran = CliRunner().invoke(cli.app, ["evidence", "verify", str(folder)])
    if isinstance(ran.exception, NotPossible):  # main says it, with status 2
        return 2, [str(ran.exception)]
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.output.splitlines()


def test_a_folder_is_verified_offline_and_says_what_it_cannot_show(folder: Path) -> None:
    status, said = offline(folder)
    assert status == 0
    assert said[0] == "evidence verified: 3 entries, as the case's row says"
    assert said[1].startswith("Checked against the case's row as it was when this folder was")
    assert "`cordon evidence c0ffee` compares with AWS" in said[1]
    assert (folder / "000002.json").read_bytes() == chained(3)[1]


def test_all_that_the_bucket_held_comes_back(tmp_path: Path) -> None:
    good = copy_of(chained(3), row=2)
    more = (
        version(1, b"{}", "v2"),
        *good.versions[:1],
        version(2, None, "v3"),
        *good.versions[1:],
        Version(f"{CHAIN.folder}x", "v9", b"x", "2026-11-26T12:00:01Z"),
        Version(f"{CHAIN.folder}y", "v9", None, "2026-11-26T12:00:01Z"),
    )
    whole = replace(good, versions=more)
    evidence_folder.write(whole, tmp_path)
    read, wrong, _ = evidence_folder.read(tmp_path)
    assert wrong == []
    assert read == whole
    assert verify(read) == verify(whole)


def test_an_older_copy_is_not_written_over(folder: Path) -> None:
    with pytest.raises(FileExistsError, match="is not empty"):
        evidence_folder.write(copy_of(chained(1)), folder)


def test_a_missing_file_and_one_too_many_are_named(folder: Path) -> None:
    (folder / "000002.json").unlink()
    (folder / "000004.json").write_bytes(b"{}")
    status, said = offline(folder)
    assert status == 1
    assert "fault: the file 000004.json is not in case.json" in said
    assert "fault: the file 000002.json is missing" in said
    assert "fault: entry 2 is missing: the case's row names 3 entries" in said


def test_a_changed_file_is_named(folder: Path) -> None:
    path = folder / "000003.json"
    path.write_bytes(path.read_bytes().replace(b"applied", b"imagine"))
    status, said = offline(folder)
    assert status == 1
    assert said[0].startswith("fault: entry 3 is not the one that the case's row names")


def test_what_is_after_the_end_has_a_status_of_its_own(tmp_path: Path) -> None:
    evidence_folder.write(copy_of(chained(3), row=2), tmp_path)
    assert offline(tmp_path)[0] == 3


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def linked(path: Path) -> None:
    shutil.copy(path.parent / "000001.json", path.parent.parent / "outside")
    path.symlink_to(path.parent.parent / "outside")


def piped(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [dangling, linked, piped, Path.mkdir])
def test_what_is_no_file_is_one_line(folder: Path, make: Any) -> None:
    path = folder / "000001.json"
    if make is linked:
        make(folder / "000004.json")
        path = folder / "000004.json"
    else:
        path.unlink()
        make(path)
    status, said = offline(folder)
    assert status == 1
    assert said[0] == f"fault: {path.name} is no ordinary file"


@pytest.mark.parametrize(
    "name", [b"9" * 200 + b".json", b"\xff\xfe.json", b"\x1b[2J.json", b"000001.json.x"]
)
def test_a_strange_name_is_one_line(folder: Path, name: bytes) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"{}")
    status, said = offline(folder)
    assert status == 1
    assert said[0].startswith("fault: the file ")
    assert said[0].endswith(" is no entry's name")
    assert said[0].isprintable()


LISTING: dict[str, Any] = {
    "playbook": "p",
    "account": "a",
    "case": "c",
    "copied_at": "t",
    "end": {"seq": 1, "hash": "h"},
    "versions": [],
}
VERSION = {"key": "k", "version_id": "v", "modified": "m", "file": None}
CHANGES: list[dict[str, Any]] = [
    {"case": 1},
    {"end": None},
    {"end": {"seq": "1", "hash": ""}},
    {"end": {"seq": 10**40, "hash": ""}},
    {"versions": {}},
    {"versions": [1]},
    {"versions": [VERSION | {"key": None}]},
    {"versions": [VERSION | {"file": "../outside"}]},
    {"versions": [VERSION | {"file": []}]},
]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        *(json.dumps(LISTING | change).encode() for change in CHANGES),
    ],
)
def test_a_listing_that_is_none_is_one_line(folder: Path, body: bytes) -> None:
    (folder / "case.json").write_bytes(body)
    status, said = offline(folder)
    assert status == 2
    assert len(said) == 1
    assert "case.json is not" in said[0]


def test_a_listing_of_the_shape_is_read(folder: Path) -> None:
    """The one above is refused for what was changed in it."""
    (folder / "case.json").write_text(json.dumps(LISTING | {"versions": [VERSION]}))
    assert offline(folder)[0] == 1


def test_a_folder_without_a_listing_says_so(folder: Path, tmp_path: Path) -> None:
    (folder / "case.json").unlink()
    assert "nothing says where the chain ends" in offline(folder)[1][0]
    assert offline(tmp_path / "nowhere")[0] == 2


def test_case_with_a_word_too_many_is_refused() -> None:
    assert CliRunner().invoke(cli.app, ["evidence", "c0ffee", "somewhere"]).exit_code == 2
