"""What somebody does who may write and delete evidence for good, and cannot sign: it is said."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.audit import verify_archive
from cordon.digesting.digest import chain_of
from cordon.evidence import ChainEnd
from tests.audit.bucket import ACCOUNT, KEY, Deployed
from tests.audit.test_verify import command
from tests.examples import QUARANTINE, TAG

FOLDER = f"{QUARANTINE.name}/{ACCOUNT}/a1/"
OTHERS_KEY = KEY.replace(ACCOUNT, "999999999999")


@pytest.fixture
def audited(deployed: Deployed) -> Deployed:
    """Three signed nights: a case of three entries, another one, a batch."""
    deployed.key = KEY
    for stage in ("decided", "approved", "contained"):
        deployed.write("a1", stage)
    deployed.observe("b1")
    deployed.night()
    deployed.write("a2", "decided")
    deployed.night()
    deployed.night()
    return deployed


def shorter(deployed: Deployed) -> None:
    """The case is made anew with fewer entries, and the next digest names its new end."""
    deployed.s3.forget(FOLDER)
    deployed.ends["a1"] = ChainEnd()
    deployed.write("a1", "decided")
    deployed.night()


def beside_the_digests(deployed: Deployed) -> None:
    deployed.s3.put_object(Key="digests/notes/000001.json", Body=b"{}")
    deployed.night()


def no_digest_is_signed(deployed: Deployed) -> None:
    """All digests are made anew, without the key."""
    deployed.s3.forget("digests/")
    deployed.s3.forget(f"{QUARANTINE.name}/{ACCOUNT}/a2/")
    deployed.key = ""
    deployed.night(0)
    deployed.key = KEY


def signed_by_another_key(deployed: Deployed) -> None:
    """With a key of their own account, which anybody may read."""
    deployed.s3.forget("digests/")
    deployed.s3.forget(f"{QUARANTINE.name}/{ACCOUNT}/a2/")
    deployed.key = OTHERS_KEY
    deployed.night(0)
    deployed.key = KEY


def at_another_time(deployed: Deployed) -> None:
    """An approval that says it is of another quarter."""
    deployed.write("a3", "approved", at="2026-05-01T00:00:00Z")
    key = f"{QUARANTINE.name}/{ACCOUNT}/a3/000001.json"
    deployed.s3.replace(key, lambda said: said.update(at="2026-05-01T00:00:00Z"))
    deployed.night()


FAULTS: list[tuple[Callable[[Deployed], None], str]] = [
    (shorter, "case a1: entry 3 is missing: digest 1 names it"),
    (beside_the_digests, "digests/notes/000001.json was added: no digest names it"),
    (no_digest_is_signed, f"digest 1, the last one, is not signed by DigestKey, {KEY}"),
    (signed_by_another_key, f"digest 1, the last one, is not signed by DigestKey, {KEY}"),
    (at_another_time, "case a3: entry 1 says that it is of 2026-05-01T00:00:00Z"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_fault_is_found(audited: Deployed, fault: Callable[[Deployed], None], said: str) -> None:
    assert command(audited, "verify").exit_code == 0
    fault(audited)
    ran = command(audited, "verify")
    assert ran.exit_code == 1, ran.output
    assert said in ran.stderr


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ((1, 2, 3), "the first digest was written 2026-11-28T12:00:00Z, and evidence 2026-11-24T"),
        ((2, 3), "digest 2 was written 2026-11-28T12:00:00Z, and is of what came until 2026-11-26"),
    ],
)
def test_digests_that_the_function_made_anew_are_late(
    audited: Deployed, lost: tuple[int, ...], said: str
) -> None:
    """The function signs them: it cannot know that there were others."""
    for number in lost:
        audited.s3.forget(chain_of(ACCOUNT).key(number))
    audited.s3.forget(f"{QUARANTINE.name}/{ACCOUNT}/a2/")
    audited.night()
    ran = command(audited, "verify")
    assert ran.exit_code == 0, ran.output
    assert f"warning: {said}" in ran.stderr


def test_digest_that_was_noted_is_compared(audited: Deployed) -> None:
    ran = command(audited, "verify")
    assert "warning" not in ran.stderr
    noted = ran.stderr.partition("the last is ")[2].partition(";")[0].replace(", sha256 ", ":")
    assert noted.startswith("3:")
    audited.night()
    assert command(audited, "verify", "--noted", noted).exit_code == 0
    ran = command(audited, "verify", "--noted", f"3:{'a' * 64}")
    assert (ran.exit_code, "digest 3 is not the one that was noted" in ran.stderr) == (1, True)
    ran = command(audited, "verify", "--noted", f"9:{'a' * 64}")
    assert (ran.exit_code, "digest 9, which was noted, is missing" in ran.stderr) == (1, True)
    assert "--noted" in str(command(audited, "verify", "--noted", "3").exception)


def test_what_a_digest_names_is_not_said_to_be_named_by_none(audited: Deployed) -> None:
    """One fault, and a true one: it is none of ours."""
    key = f"{TAG.name}/{ACCOUNT}/zz/1.json"
    audited.s3.put_object(Key=key, Body=b"{}")
    audited.night()
    ran = command(audited, "verify")
    assert (ran.exit_code, "was added" in ran.stderr) == (1, False)
    assert f"{key} is none of ours: digest 4 names it as it was found" in ran.stderr


def test_case_that_a_digest_names_was_not_added(audited: Deployed) -> None:
    """Whatever its name is."""
    chain = audited.write("c/d", "decided", "a/b")
    audited.night()
    ran = command(audited, "verify")
    assert (ran.exit_code, "was added" in ran.stderr) == (0, False), ran.stderr
    assert "a/b" in chain.folder


@pytest.mark.parametrize(
    "said",
    [{"at": None}, {"playbook": 1}, {"observed": [{"case": "z", "account": "1"}, 7]}, {"at": "x"}],
)
def test_batch_that_is_none_is_a_fault(
    audited: Deployed, tmp_path: Path, said: dict[str, Any]
) -> None:
    """Somebody has written it before the night, and the digest names it."""
    ref = audited.observe("b9")
    audited.s3.replace(ref.key, lambda batch: batch.update(said))
    if "observed" in said:  # the digest must call it a batch
        audited.s3.replace(ref.key, lambda batch: batch["observed"].pop())
    audited.night()
    ran = command(audited, "verify")
    assert (ran.exit_code, f"fault: {ref.key} " in ran.stderr) == (1, True), ran.stderr
    assert command(audited, "export", str(tmp_path / "a.zip")).exit_code == 1
    faults, _ = verify_archive.verified(tmp_path / "a.zip")
    assert faults and not any("cannot be read" in fault for fault in faults), faults


def test_batch_speaks_only_for_the_playbook_that_wrote_it(audited: Deployed) -> None:
    ref = audited.observe("b9")
    audited.s3.replace(ref.key, lambda said: said.update(playbook=QUARANTINE.name))
    audited.night()
    rows = json.loads(command(audited, "cases", "-o", "json").stdout)
    assert [row["playbook"] for row in rows if row["case"] == "b9"] == [TAG.name]


def test_control_that_is_misspelled_is_refused(audited: Deployed) -> None:
    """Nothing was found of it: that is no fact about the quarter."""
    named = QUARANTINE.controls[0]
    for verb in ("cases", "decisions"):
        found = command(audited, verb, "--control", named)
        assert (found.exit_code, found.exception) == (0, None), found.output
        refused = str(command(audited, verb, "--control", named.replace(" ", "  ", 1)).exception)
        assert refused.endswith(f"and no playbook does: {named}")


def test_entry_of_the_last_second_of_a_period_is_in_it(deployed: Deployed) -> None:
    """S3 has written it in the next: the digest that names it is that of the next day."""
    deployed.s3.now = deployed.s3.now.replace(day=25, hour=0, minute=20)
    deployed.night(0)
    deployed.s3.now = deployed.s3.now.replace(hour=23, minute=59, second=59)
    chain = deployed.write("a1", "approved", by="ada")
    deployed.s3.keys[chain.key(1)][0].at += timedelta(seconds=2)
    deployed.s3.now = deployed.s3.now.replace(day=26, hour=0, minute=20)
    deployed.night(0)
    deployed.night()
    for verb in ("cases", "decisions"):
        found: Any = json.loads(
            command(deployed, verb, "--period", "2026-11-25", "-o", "json").stdout
        )
        assert [one["case"] for one in found] == ["a1"], verb
        found = json.loads(command(deployed, verb, "--period", "2026-11-26", "-o", "json").stdout)
        assert found == [], verb
