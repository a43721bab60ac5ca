"""What somebody does to an archive, with a manifest made for it: the script says so."""

import base64
import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.access_log import DECIDED
from console.audit import archive_tables, rows, verify_archive
from cordon.evidence import ChainEnd, sha256
from tests.audit.bucket import ACCOUNT, KEY, Deployed, Kms
from tests.audit.test_archive import ADA, CC6, CC7, A, Members, exported, lines, packed, resealed
from tests.audit.test_archive import audited as audited
from tests.audit.test_verify import command
from tests.examples import QUARANTINE, TAG

A1 = f"{QUARANTINE.name}/{ACCOUNT}/a1/"
INDEX, DECISIONS = "index.json", "decisions.json"


def unsigned(members: Members) -> Members:
    """As if there had never been a key: every digest, and what names it, made anew."""
    made: list[bytes] = []
    for line in members["digests.jsonl"].splitlines():
        entry = json.loads(line)
        entry["content"].pop("signature")
        entry["previous"] = sha256(made[-1]) if made else ""
        made.append(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode())
    return resealed(members | {"digests.jsonl": b"".join(one + b"\n" for one in made)})


def first_digest_dropped(members: Members) -> Members:
    """With all that only it names."""
    members = lines(members, "digests.jsonl", lambda of: of.pop(0))
    return lines(members, "batches.jsonl", lambda of: of.clear())


def row(name: str, number: int, **said: Any) -> Callable[[Members], Members]:
    """A row of a table says something else."""

    def forge(members: Members) -> Members:
        found = json.loads(members[name])
        found[number] |= said
        return resealed(members | {name: json.dumps(found).encode()})

    return forge


def row_dropped(name: str) -> Callable[[Members], Members]:
    def forge(members: Members) -> Members:
        return resealed(members | {name: json.dumps(json.loads(members[name])[1:]).encode()})

    return forge


def row_twice(name: str) -> Callable[[Members], Members]:
    """As if there were one case, or one decision, more."""

    def forge(members: Members) -> Members:
        found = json.loads(members[name])
        return resealed(members | {name: json.dumps([found[0], *found]).encode()})

    return forge


def text(name: str, old: str, new: str) -> Callable[[Members], Members]:
    def forge(members: Members) -> Members:
        assert old.encode() in members[name]
        return resealed(members | {name: members[name].replace(old.encode(), new.encode())})

    return forge


def wanted(**said: str) -> Callable[[Members], Members]:
    def forge(members: Members) -> Members:
        manifest = json.loads(members["manifest.json"])
        manifest["wanted"] |= said
        return members | {"manifest.json": json.dumps(manifest).encode()}

    return forge


def batch_put_first(**said: str) -> Callable[[Members], Members]:
    """A batch of a case that nobody observed, before the true ones; and its rows in the tables."""

    def forge(members: Members) -> Members:
        batch = json.loads(members["batches.jsonl"].splitlines()[0]) | said
        content = {"supports_evidence_for": [CC6]}
        batch["observed"] = [{"account": ACCOUNT, "case": "e9", "content": content}]
        line = json.dumps(batch, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        found = json.loads(members[INDEX])
        found.append(found[-1] | {"case": "e9", "batch": batch["key"]})
        cells = list(csv.DictReader(io.StringIO(members["index.csv"].decode(), newline="")))
        made = io.StringIO(newline="")
        writer = csv.DictWriter(made, cells[0].keys())
        writer.writeheader()
        writer.writerows([*cells, cells[-1] | {"case": "e9", "batch": batch["key"]}])
        tables = {INDEX: json.dumps(found).encode(), "index.csv": made.getvalue().encode()}
        return resealed(members | tables | {"batches.jsonl": line + members["batches.jsonl"]})

    return forge


FORGED: list[tuple[Callable[[Members], Members], str]] = [
    (first_digest_dropped, "digest 2 is the first here: what was before it is missing"),
    (lambda m: resealed(m | {"read-me-first.html": b"x"}), "read-me-first.html is no member"),
    (lambda m: resealed(m | {"../evil": b"x"}), "../evil is no member"),
    (lambda m: resealed(m | {"evidence/../x.jsonl": b""}), "evidence/../x.jsonl is no member"),
    (lambda m: resealed(m | {"json.py": b"x"}), "json.py is no member"),
    (lambda m: resealed(m | {"ındex.csv": b"x"}), "ındex.csv is no member"),
    (row(INDEX, 0, approved_by="eve"), "index.json says what evidence does not"),
    (row(INDEX, 0, stages=["decided"]), "index.json says what evidence does not"),
    (row(INDEX, 0, sha256="a" * 64), "index.json says what evidence does not"),
    (row(INDEX, 3, case="b7"), "index.json says what evidence does not"),
    (row_dropped(INDEX), "index.json says what evidence does not"),
    (row_twice(INDEX), "index.json says what evidence does not"),
    (row_twice(DECISIONS), "decisions.json says what evidence does not"),
    (row_dropped(DECISIONS), "decisions.json says what evidence does not"),
    (row(DECISIONS, 0, at="2026-11-23T00:00:00Z"), "decisions.json says what evidence does not"),
    (text("index.csv", ADA, "eve"), "index.csv says what evidence does not"),
    (text("decisions.csv", "approved", "rejected"), "decisions.csv says what evidence does not"),
    (batch_put_first(), ".json is there twice"),
    (batch_put_first(key=f"{TAG.name}/batches/2026-11-24/ff.json"), "ff.json was added"),
    (wanted(since="2026-11-25T00:00:00Z"), "says what evidence does not"),
    (wanted(control=CC6), "no digest of this archive names the case"),
]


@pytest.mark.drawn(1 / 3)
@pytest.mark.parametrize(("forge", "said"), FORGED)
def test_forged_archive_is_not_verified(
    audited: Deployed, tmp_path: Path, forge: Callable[[Members], Members], said: str
) -> None:
    members = exported(audited, tmp_path)
    assert verify_archive.verified(packed(resealed(members), tmp_path / "c.zip"))[0] == []
    faults, verdict = verify_archive.verified(packed(forge(members), tmp_path / "b.zip"))
    assert any(said in fault for fault in faults), faults
    assert verdict.startswith("NOT verified")


@pytest.mark.drawn(1 / 3)
@pytest.mark.parametrize("name", ["digests.jsonl", "batches.jsonl", A])
def test_every_byte_counts(audited: Deployed, tmp_path: Path, name: str) -> None:
    """Whichever is another, with a manifest that fits. Of the last digest: what is signed."""
    members = exported(audited, tmp_path)
    body = members[name]
    places = [*range(0, len(body), max(1, len(body) // 40))]
    if name == "digests.jsonl":
        second = body.index(b"\n") + 1
        signed = range(body.index(b'"digest":{', second), body.index(b'"signature"', second))
        places = [at for at in places if at < second or at in signed]
    for at in places:
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        forged = packed(resealed(members | {name: changed}), tmp_path / "b.zip")
        assert verify_archive.verified(forged)[0], at
    assert len(places) > 20


def test_archive_without_signatures_is_not_what_a_key_was_given_for(
    audited: Deployed, tmp_path: Path
) -> None:
    """Without the key it is good in itself, and says that nothing was signed."""
    forged = packed(unsigned(exported(audited, tmp_path)), tmp_path / "b.zip")
    faults, verdict = verify_archive.verified(forged)
    assert (faults, "verified signatures: none" in verdict) == ([], True)
    key = Kms().get_public_key(KeyId=KEY)["PublicKey"]
    faults, verdict = verify_archive.verified(forged, [key])
    assert faults == ["digest 2, the last one, is not signed by a key that you gave"]


def test_verdict_says_of_what_it_is(audited: Deployed, tmp_path: Path) -> None:
    """Who takes the last digest away, or wants less, shows it."""
    members = exported(
        audited, tmp_path, "--framework", "SOC 2", "--period", "2026-11-24..2026-11-26"
    )
    _, verdict = verify_archive.verified(tmp_path / "a.zip")
    assert "digests: 1 to 2, until '2026-11-26T11:00:00Z'" in verdict
    assert (
        "wanted: since '2026-11-24T00:00:00Z', until '2026-11-27T00:00:00Z', framework 'SOC 2'"
        in verdict
    )
    assert f"manifest.json: sha256 {sha256(members['manifest.json'])}" in verdict
    assert "by a key that the archive has" in verdict
    key = Kms().get_public_key(KeyId=KEY)["PublicKey"]
    assert "by a key that you gave" in verify_archive.verified(tmp_path / "a.zip", [key])[1]


def test_another_manifest_than_the_one_that_was_noted(audited: Deployed, tmp_path: Path) -> None:
    members = exported(audited, tmp_path)
    good = sha256(members["manifest.json"])
    assert verify_archive.verified(tmp_path / "a.zip", manifest=good)[0] == []
    faults, _ = verify_archive.verified(tmp_path / "a.zip", manifest="a" * 64)
    assert faults == [f"manifest.json is another than yours: its sha256 is {good}"]


def test_what_was_found_in_aws_is_said_with_the_archive(audited: Deployed, tmp_path: Path) -> None:
    """A delete marker is in no member of it."""
    audited.s3.delete_object(f"{A1}000001.json")
    assert command(audited, "export", str(tmp_path / "a.zip")).exit_code == 1
    faults, verdict = verify_archive.verified(tmp_path / "a.zip")
    assert any("when it was written: case a1: entry 1 was deleted" in one for one in faults), faults
    assert verdict.startswith("NOT verified")


def test_warnings_are_counted_and_late_digests_named(audited: Deployed, tmp_path: Path) -> None:
    audited.night(3)
    exported(audited, tmp_path)
    faults, verdict = verify_archive.verified(tmp_path / "a.zip")
    assert faults == []
    assert "warnings when it was written: 2" in verdict
    assert "written late, after failed nights or anew: digests [3, 4]" in verdict


def test_entry_that_two_digests_name_differently(deployed: Deployed, tmp_path: Path) -> None:
    """The first digest's name of it counts as the second's."""
    deployed.write("a1", "decided")
    deployed.night()
    deployed.s3.forget(A1)
    deployed.ends["a1"] = ChainEnd()
    deployed.write("a1", "decided", x=1)
    deployed.night()
    command(deployed, "export", str(tmp_path / "a.zip"))
    faults, _ = verify_archive.verified(tmp_path / "a.zip")
    assert f"{A1}: entry 1 is not the one that digest 1 names" in faults


def test_key_that_was_changed_meanwhile(deployed: Deployed, tmp_path: Path) -> None:
    """Each digest is signed by the key of its time; the archive has both."""
    deployed.key = KEY.replace("key/0", "key/9")
    deployed.write("a1", "decided")
    deployed.night()
    deployed.key = KEY
    deployed.night()
    members = exported(deployed, tmp_path)
    assert {"public-key.der", "public-key-2.der"} <= members.keys()
    assert verify_archive.verified(tmp_path / "a.zip")[0] == []


# ---- what is no archive ----


def one_name_twice(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("index.csv", b"x")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def bytes_changed(path: Path) -> None:
    """In a member's compressed bytes: its checksum is wrong."""
    body = bytearray(path.read_bytes())
    body[200:260] = bytes(60)
    path.write_bytes(body)


def encrypted(path: Path) -> None:
    body = bytearray(path.read_bytes())
    at = body.rindex(b"PK\x01\x02")
    body[at + 8] |= 1
    path.write_bytes(body)


def another_before_it(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())


def missing(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_name_twice, "index.csv is there 2 times"),
        (cut, "it cannot be read: BadZipFile"),
        (bytes_changed, "it cannot be read"),
        (encrypted, "it cannot be read: RuntimeError"),
        (another_before_it, "something before its first member"),
        (missing, "it cannot be read: FileNotFoundError"),
    ],
)
def test_zip_that_is_none_is_no_crash(
    audited: Deployed, tmp_path: Path, change: Callable[[Path], None], said: str
) -> None:
    exported(audited, tmp_path)
    change(tmp_path / "a.zip")
    faults, verdict = verify_archive.verified(tmp_path / "a.zip")
    assert any(said in fault for fault in faults), faults
    assert verdict.startswith("NOT verified")


# ---- the script ----


def test_script_is_one_file_that_says_all_of_it(audited: Deployed, tmp_path: Path) -> None:
    """In an archive with a module of somebody else's beside it, and with a locale of long ago."""
    members = exported(audited, tmp_path)
    members = resealed(members | {"évil.csv": b"x"})
    folder = tmp_path / "there"
    with zipfile.ZipFile(packed(members, tmp_path / "b.zip")) as archive:
        archive.extractall(folder)
    (folder / "json.py").write_text("raise SystemExit('verified')")
    key = tmp_path / "key"
    key.write_bytes(base64.b64encode(Kms().get_public_key(KeyId=KEY)["PublicKey"]))
    words = ["--key", str(key), "--manifest", sha256(members["manifest.json"]).upper()]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8=0", "verify.py", *words],
        capture_output=True,
        cwd=folder,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, b"")
    said = ran.stdout.decode("ascii").splitlines()
    assert said[0] == "fault: 'json.py was added: the manifest does not name it'"
    assert said[1] == "fault: '\\xe9vil.csv is no member of an archive'"
    assert re.fullmatch("NOT verified: [0-9] faults; entries: 5, .*", said[-1])


def test_what_is_a_decision_is_the_same_in_both() -> None:
    assert set(archive_tables.DECIDED) == {*DECIDED, "expired"} == set(rows.STAGES)


def test_who_named_a_resource_has_approved_it_and_a_setting_says_what_it_is(
    deployed: Deployed, tmp_path: Path
) -> None:
    """And an archive of a period in which nothing happened is good."""
    deployed.write("c1", "decided", named_by=ADA, why="it leaks")
    deployed.write("settings", "setting_decided", "settings", by=ADA, text="mode: a is enforce")
    deployed.night()
    deployed.night(3)
    members = exported(deployed, tmp_path)
    found = {row["case"]: row for row in json.loads(members[INDEX])}
    assert found["c1"]["approved_by"] == ADA
    said = [(one["title"], one["why"]) for one in json.loads(members[DECISIONS])]
    assert said == [("", "it leaks"), ("mode: a is enforce", "")]
    assert verify_archive.verified(tmp_path / "a.zip")[0] == []
    (tmp_path / "a.zip").unlink()
    assert json.loads(exported(deployed, tmp_path, "--period", "2026-11-27")[INDEX]) == []
    assert verify_archive.verified(tmp_path / "a.zip")[0] == []


def test_hostile_texts_are_the_same_in_evidence_and_tables(
    deployed: Deployed, tmp_path: Path
) -> None:
    """Whoever is named as who decided: no honest archive is called forged."""
    texts = (
        "=1+1",
        "'x",
        "a; =b",
        "a\nb\t\x00c",
        "\u202eевил",
        "x" * 5000,
        " ",
        '","',
        "a b " * 400,
    )
    for number, by in enumerate(texts):
        deployed.write(f"a{number}", "approved", by=by, supports_evidence_for=[CC7])
        deployed.write(f"a{number}", "releasing", named_by=by)
    deployed.observe(*map(str, range(3)))
    deployed.write("b", "observed", TAG.name)
    deployed.night()
    exported(deployed, tmp_path)
    assert verify_archive.verified(tmp_path / "a.zip")[0] == []
