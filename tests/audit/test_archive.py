"""``cordon evidence export``: an archive that proves itself, with Python alone."""

import csv
import io
import json
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from console.audit import verify_archive
from console.audit.archive import Archive
from console.audit.period import Wanted
from console.audit.stack_audit import StackAudit
from console.stack import NotPossible
from cordon.evidence import sha256
from tests.audit.bucket import ACCOUNT, KEY, Deployed
from tests.audit.test_verify import command
from tests.examples import QUARANTINE, TAG

CC7, CC6 = "SOC 2 CC7.3", "SOC 2 CC6.1"
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>'
ADA = f"arn:aws:iam::{ACCOUNT}:user/ada"
Members = dict[str, bytes]


@pytest.fixture
def audited(deployed: Deployed) -> Deployed:
    """Two days of two playbooks; a hostile title, a batch, an approval, a release."""
    deployed.key = KEY
    about: dict[str, Any] = {
        "finding": {"title": HOSTILE, "source": "macie", "type": "a"},
        "supports_evidence_for": [CC7],
        "plan_hash": "p1",
    }
    deployed.write("a1", "decided", QUARANTINE.name, **about)
    deployed.write("a1", "approved", by=ADA, why="+1", witnesses=[{"request": "r1"}])
    deployed.observe("b1", "b2", controls=(CC6,))
    deployed.night()
    deployed.write("a1", "releasing", by=ADA, why="over")
    deployed.write("b1", "captured", TAG.name, supports_evidence_for=[CC6])
    deployed.write("a2", "decided", supports_evidence_for=[])
    deployed.night()
    return deployed


def exported(deployed: Deployed, folder: Path, *words: str) -> Members:
    ran = command(deployed, "export", str(folder / "a.zip"), *words)
    assert (ran.exit_code, ran.exception) == (0, None), ran.output
    with zipfile.ZipFile(folder / "a.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_export_and_its_verification_are_rows(audited: Deployed, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    ran = command(audited, "export", str(archive), "-o", "json")
    (row,) = json.loads(ran.stdout)
    assert (row["file"], row["cases"], row["observed"]) == (str(archive), 3, 1)
    assert (row["entries"], row["decisions"], row["faults"]) == (5, 2, [])
    assert (row["bytes"], row["sha256"]) == (archive.stat().st_size, sha256(archive.read_bytes()))
    with zipfile.ZipFile(archive) as written:
        assert row["manifest_sha256"] == sha256(written.read("manifest.json"))
    assert row["verdict"] in ran.stderr
    (verified,) = json.loads(command(audited, "verify", str(archive), "-o", "json").stdout)
    assert verified["found"] == "verified" and verified["text"].startswith("verified: ")


def packed(members: Members, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


def index(members: Members) -> list[dict[str, Any]]:
    return list(json.loads(members["index.json"]))


def test_python_alone_verifies_it(audited: Deployed, tmp_path: Path) -> None:
    members = exported(audited, tmp_path)
    (tmp_path / "verify.py").write_bytes(members["verify.py"])
    isolated = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(tmp_path / "a.zip")]
    ran = subprocess.run(isolated, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        "verified: entries: 5, of chains: 3, batches: 1; verified signatures: 2, by a key that the"
        " archive has; digests: 1 to 2, until '2026-11-26T11:00:00Z', the last one's sha256"
        f" {sha256(members['digests.jsonl'].splitlines()[1])}; wanted: all; manifest.json: sha256"
        f" {sha256(members['manifest.json'])}\n"
    )


def test_unpacked_it_is_verified_too(audited: Deployed, tmp_path: Path) -> None:
    exported(audited, tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "there")
    ran = command(audited, "verify", str(tmp_path / "there"))
    assert ran.exit_code == 0, ran.output


def test_the_index_says_what_happened(audited: Deployed, tmp_path: Path) -> None:
    members = exported(audited, tmp_path)
    rows = {row["case"]: row for row in index(members)}
    assert {case: row["stages"] for case, row in rows.items()} == {
        "a1": ["decided", "approved", "releasing"],
        "a2": ["decided"],
        "b1": ["captured"],
        "b2": ["observed"],
    }
    assert (rows["a1"]["approved_by"], rows["a1"]["controls"]) == (ADA, [CC7])
    assert (rows["a1"]["kind"], rows["a2"]["kind"]) == ("macie:a", "")
    assert {row["verified"] for row in rows.values()} == {"yes"}
    decided = json.loads(members["decisions.json"])
    assert {one["title"] for one in decided} == {rows["a1"]["title"]} != {""}
    assert [(one["decision"], one["by"], one["plan"], one["requests"]) for one in decided] == [
        ("approved", ADA, "p1", ["r1"]),
        ("releasing", ADA, "p1", []),
    ]


def test_no_cell_is_a_formula_and_no_text_is_markup(audited: Deployed, tmp_path: Path) -> None:
    members = exported(audited, tmp_path)
    for name in ("index.csv", "decisions.csv"):
        cells = [c for row in csv.reader(io.StringIO(members[name].decode())) for c in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=HYPERLINK" in members["index.csv"].decode()
    page = members["overview.html"].decode()
    tags: set[str] = set()
    parser: Any = HTMLParser()
    parser.handle_starttag = lambda tag, _: tags.add(tag)
    parser.feed(page)
    assert "script" not in tags
    assert "&lt;script&gt;" in page
    assert not re.search(r"(src|href)=", page)


@pytest.mark.parametrize(
    ("words", "cases"),
    [
        (["--control", CC7], {"a1"}),
        (["--framework", "SOC 2"], {"a1", "b1", "b2"}),
        (["--playbook", TAG.name], {"b1", "b2"}),
        (["--period", "2026-11-24"], {"a1", "b1", "b2"}),
        (["--period", "2026-11-25"], {"a1", "b1", "a2"}),
        (["--period", "2026-11-25", "--framework", "SOC 2"], {"a1", "b1"}),
    ],
)
def test_only_what_is_wanted(
    audited: Deployed, tmp_path: Path, words: list[str], cases: set[str]
) -> None:
    members = exported(audited, tmp_path, *words)
    assert {row["case"] for row in index(members)} == cases
    ran = command(audited, "verify", str(tmp_path / "a.zip"))
    assert ran.exit_code == 0, ran.stderr
    listed = command(audited, "cases", "-o", "json", *words)
    assert {row["case"] for row in json.loads(listed.stdout)} == cases


def test_only_digests_of_the_period_are_read(audited: Deployed, tmp_path: Path) -> None:
    """The index: a quarter costs its digests, however old the stack is."""
    for _ in range(8):
        audited.night()
    members = exported(audited, tmp_path, "--period", "2026-11-30")
    assert 1 <= len(members["digests.jsonl"].splitlines()) <= 3
    assert index(members) == []


def test_batch_from_before_the_period_is_in_the_archive(deployed: Deployed, tmp_path: Path) -> None:
    """Where the case was observed: its first entry names it."""
    ref = deployed.observe("b1", "b2", controls=(CC6,))
    for _ in range(4):
        deployed.night()
    deployed.write("b1", "captured", TAG.name, supports_evidence_for=[CC6])
    deployed.night()
    members = exported(deployed, tmp_path, "--period", "2026-11-28")
    assert [json.loads(line)["key"] for line in members["batches.jsonl"].splitlines()] == [ref.key]
    assert [row["case"] for row in index(members)] == ["b1"]
    assert verify_archive.verified(tmp_path / "a.zip")[0] == []


def test_who_decided_what_is_listed(audited: Deployed) -> None:
    ran = command(audited, "decisions", "--period", "2026-11-25", "-o", "json")
    assert [(one["decision"], one["why"]) for one in json.loads(ran.stdout)] == [
        ("releasing", "over")
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["--period", "2026-13"],
        ["--period", "2026-02-30"],
        ["--period", "2026-11-25..2026-11-24"],
        ["--period", "2099-Q1"],
        ["--period", "9999-Q4"],
        ["--period", "9999-12-31"],
        ["--period", "0000-Q1"],
        ["--control", "CC7.3"],
        ["--framework", "SOC"],
        ["--playbook", "close_database"],
    ],
)
def test_what_would_find_nothing_is_refused(
    audited: Deployed, tmp_path: Path, words: list[str]
) -> None:
    ran = command(audited, "export", str(tmp_path / "a.zip"), *words)
    assert isinstance(ran.exception, NotPossible)
    assert (
        "there is no" in str(ran.exception)
        or "--period" in str(ran.exception)
        or ("is of no framework" in str(ran.exception))
    )
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(audited: Deployed, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("mine")
    ran = command(audited, "export", str(tmp_path / "a.zip"))
    assert "is there already" in str(ran.exception)
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_faults_of_the_bucket_are_in_the_archive(audited: Deployed, tmp_path: Path) -> None:
    audited.s3.forget(f"{QUARANTINE.name}/{ACCOUNT}/a1/000002.json")
    ran = command(audited, "export", str(tmp_path / "a.zip"))
    assert ran.exit_code == 1
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        rows = {row["case"]: row for row in json.loads(archive.read("index.json"))}
    assert rows["a1"]["verified"] == "no"
    assert "entry 2 is missing" in " ".join(rows["a1"]["faults"])
    again = command(audited, "verify", str(tmp_path / "a.zip"))
    assert again.exit_code == 1
    assert f"{QUARANTINE.name}/{ACCOUNT}/a1/: entry 2 is missing" in again.stderr


# ---- what somebody does to an archive ----

A = f"evidence/{QUARANTINE.name}.jsonl"


def resealed(members: Members) -> Members:
    """With a manifest that is made for it."""
    hashes = {
        name: {"sha256": sha256(body), "bytes": len(body)}
        for name, body in members.items()
        if name != "manifest.json"
    }
    manifest = json.loads(members["manifest.json"]) | {"members": hashes}
    return members | {"manifest.json": json.dumps(manifest).encode()}


def lines(members: Members, name: str, change: Callable[[list[bytes]], object]) -> Members:
    kept = members[name].splitlines(keepends=True)
    change(kept)
    return resealed(members | {name: b"".join(kept)})


def says_otherwise(of: list[bytes]) -> None:
    of[0] = of[0].replace(b'"why"', b'"WHY"').replace(CC7.encode(), CC6.encode())


FORGED: list[tuple[Callable[[Members], Members], str]] = [
    (lambda m: m | {"index.csv": b"x"}, "index.csv was changed"),
    (lambda m: m | {"more.txt": b"x"}, "more.txt was added"),
    (lambda m: {k: v for k, v in m.items() if k != "index.csv"}, "index.csv is missing"),
    (lambda m: lines(m, A, says_otherwise), "entry 2 does not follow on the one before"),
    (lambda m: lines(m, A, lambda of: of.pop(1)), "a1/: entry 2 is missing"),
    (lambda m: lines(m, A, lambda of: of.pop(2)), "a1/: entries 3 to 3 are missing"),
    (lambda m: lines(m, A, lambda of: of.pop()), "a2/ is missing"),
    (
        lambda m: lines(m, A, lambda of: of.append(of[3].replace(b"/a2/", b"/a3/"))),
        "a3/: no digest",
    ),
    (lambda m: lines(m, "batches.jsonl", lambda of: of.clear()), "the batch "),
    (lambda m: lines(m, "digests.jsonl", lambda of: of.pop()), "entry 3 was added"),
    (
        lambda m: lines(
            m, "digests.jsonl", lambda of: of.insert(0, of.pop(0).replace(CC7.encode(), b"x"))
        ),
        "digest 1 is not signed by a key that the archive has",
    ),
]


@pytest.mark.parametrize(("forge", "said"), FORGED)
def test_forged_archive_is_not_verified(
    audited: Deployed, tmp_path: Path, forge: Callable[[Members], Members], said: str
) -> None:
    members = exported(audited, tmp_path)
    faults, verdict = verify_archive.verified(packed(forge(members), tmp_path / "b.zip"))
    assert any(said in fault for fault in faults), faults
    assert verdict.startswith("NOT verified")


def test_another_key_does_not_verify_it(audited: Deployed, tmp_path: Path) -> None:
    members = exported(audited, tmp_path)
    key = members["public-key.der"]
    other = key[:40] + bytes([key[40] ^ 1]) + key[41:]
    faults, _ = verify_archive.verified(tmp_path / "a.zip", [other])
    said = ("digest 1", "digest 2", "digest 2, the last one,")
    assert faults == [f"{digest} is not signed by a key that you gave" for digest in said]
    assert verify_archive.verified(tmp_path / "a.zip", [other, key])[0] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"members": 1, "wanted": {}}'])
def test_no_manifest_is_no_crash(tmp_path: Path, body: bytes) -> None:
    faults, verdict = verify_archive.verified(packed({"manifest.json": body}, tmp_path / "b.zip"))
    assert faults
    assert verdict.startswith("NOT verified")


def test_memory_does_not_grow_with_the_cases(deployed: Deployed, tmp_path: Path) -> None:
    """Four times as many cases in the same memory; decision 53 has ten thousand."""
    peaks = []
    for cases in (40, 160):
        for number in range(cases):
            deployed.write(f"{cases}{number:05d}", "decided", what="x" * 2000)
        deployed.night()
        tracemalloc.start()
        with (
            StackAudit.of(deployed.stack, Wanted()) as audit,
            (tmp_path / f"{cases}.zip").open("xb") as file,
        ):
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            Archive(audit, lambda *_: None).write(file)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_settings_are_evidence_and_no_case(audited: Deployed, tmp_path: Path) -> None:
    audited.write("settings", "setting_changed", "settings", by=ADA)
    audited.night()
    ran = command(audited, "export", str(tmp_path / "a.zip"))
    assert "evidence verified: 3 cases, 1 only observed" in ran.stderr
    listed = command(audited, "cases")
    assert "evidence verified: 4 cases, and the settings" in listed.stderr


def test_who_decided_is_who_did_so_last(audited: Deployed) -> None:
    audited.write("c1", "decided")
    audited.write("c1", "rejected", by=ADA)
    audited.night()
    rows = command(audited, "cases", "-o", "table").stdout.splitlines()
    (rejected,) = [one for one in rows if one.startswith("c1")]
    assert ADA in rejected


def test_texts_of_a_list_are_separated_in_a_cell(audited: Deployed, tmp_path: Path) -> None:
    """Names of controls have blanks."""
    audited.write("d1", "decided", supports_evidence_for=[CC6, CC7])
    audited.night()
    cells = exported(audited, tmp_path)["index.csv"].decode()
    assert f"{CC6}; {CC7}" in cells
