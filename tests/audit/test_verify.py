"""``cordon evidence verify`` finds whatever is missing, changed, added or chained anew."""

import json
from collections.abc import Callable
from functools import partial

import pytest
from typer.testing import CliRunner, Result

from console import cli
from console.stack import NotPossible, Stack
from cordon.digesting.digest import chain_of
from cordon.evidence import sha256
from tests.audit.bucket import ACCOUNT, KEY, Deployed
from tests.examples import QUARANTINE, TAG

DIGEST_1, DIGEST_2 = (chain_of(ACCOUNT).key(number) for number in (1, 2))
A1, B1 = f"{QUARANTINE.name}/{ACCOUNT}/a1/", f"{TAG.name}/{ACCOUNT}/b1/"


@pytest.fixture
def audited(deployed: Deployed) -> Deployed:
    """Two days: a case that goes on, one that was observed first, one of the second day."""
    deployed.key = KEY
    deployed.write("a1", "captured")
    deployed.write("a1", "contained")
    deployed.observe("b1", "b2")
    deployed.night()
    deployed.write("a1", "released")
    deployed.write("b1", "captured", TAG.name)
    deployed.write("a2", "captured")
    deployed.night()
    return deployed


def command(deployed: Deployed, *words: str) -> Result:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stack, "named", lambda *_: deployed.stack)
        return CliRunner().invoke(cli.app, ["evidence", *words])


def last(deployed: Deployed) -> str:
    return sha256(deployed.s3.keys[DIGEST_2][0].body or b"")


def test_what_was_written_is_verified(audited: Deployed) -> None:
    ran = command(audited, "verify")
    assert (ran.exit_code, ran.exception) == (0, None), ran.output
    assert ran.stderr.splitlines() == [
        "evidence verified: 3 chains, 2 digests, digests until 2026-11-26T11:00:00Z, the last is 2,"
        f" sha256 {last(audited)}; verified signatures: 2"
    ]


def test_rows_say_what_is_verified_or_each_fault(audited: Deployed) -> None:
    ran = command(audited, "verify", "-o", "json")
    (one,), (said,) = json.loads(ran.stdout), ran.stderr.splitlines()
    assert one == {"found": "verified", "text": said, "not_shown": ""}
    audited.write("a2", "released")
    (later,) = json.loads(command(audited, "verify", "-o", "json").stdout)
    assert later["not_shown"].startswith("1 entry newer than the last digest")
    changed(audited)
    ran = command(audited, "verify", "-o", "json")
    faults = json.loads(ran.stdout)
    assert ran.exit_code == 1 and {one["found"] for one in faults} == {"fault"}
    assert [f"fault: {one['text']}" for one in faults] == [
        line for line in ran.stderr.splitlines() if line.startswith("fault: ")
    ]


def test_since_a_day_the_digests_from_then_on(audited: Deployed) -> None:
    """What came before may have ended: its digest is not looked for."""
    audited.s3.forget(DIGEST_1)
    ran = command(audited, "verify", "--since", "2026-11-26")
    assert (ran.exit_code, ran.exception) == (0, None), ran.output
    assert ran.stderr.splitlines() == [
        "evidence verified: 3 chains, 1 digest from 2026-11-25T11:00:00Z on, digests until"
        f" 2026-11-26T11:00:00Z, the last is 2, sha256 {last(audited)}; verified signatures: 1"
    ]
    assert "digests 1 to 1 are missing" in command(audited, "verify").stderr


def test_since_a_day_of_which_the_digest_is_missing(audited: Deployed) -> None:
    audited.s3.forget(DIGEST_1)
    ran = command(audited, "verify", "--since", "2026-11-25")
    assert ran.exit_code == 1
    assert "digest 2 begins at 2026-11-25T11:00:00Z: none says" in ran.stderr


def test_since_finds_what_was_added_since(audited: Deployed) -> None:
    for day, case in ((24, "dd1"), (26, "dd2")):
        key = f"{QUARANTINE.name}/{ACCOUNT}/{case}/000001.json"
        audited.s3.put_object(Key=key, Body=b"{}")
        audited.s3.keys[key][0].at = audited.s3.keys[DIGEST_2][0].at.replace(day=day, hour=10)
    ran = command(audited, "verify", "--since", "2026-11-26")
    assert ran.exit_code == 1
    assert "/dd2/" in ran.stderr and "/dd1/" not in ran.stderr  # a hash may have either


@pytest.mark.parametrize("words", [("--since", "Monday"), ("--since", "2999-01-01")])
def test_since_is_a_day_that_has_come(audited: Deployed, words: tuple[str, ...]) -> None:
    refused = command(audited, "verify", *words).exception
    assert isinstance(refused, NotPossible) and "--since" in str(refused)


def changed(deployed: Deployed) -> None:
    deployed.s3.replace(f"{A1}000002.json", lambda said: said["content"].update(x=1))


def missing(deployed: Deployed) -> None:
    deployed.s3.forget(f"{A1}000002.json")


def last_missing(deployed: Deployed) -> None:
    deployed.s3.forget(f"{A1}000003.json")


def whole_case_missing(deployed: Deployed) -> None:
    deployed.s3.forget(f"{QUARANTINE.name}/{ACCOUNT}/a2/")


def hidden(deployed: Deployed) -> None:
    deployed.s3.delete_object(f"{A1}000001.json")


def added(deployed: Deployed) -> None:
    """Between two digests, by whoever can set the clock back: or a digest was made without it."""
    first = deployed.s3.keys[f"{A1}000003.json"][0]
    entry = json.loads(first.body or b"") | {"seq": 4, "key": f"{A1}000004.json"}
    entry["previous"] = sha256(first.body or b"")
    deployed.s3.put_object(Key=entry["key"], Body=json.dumps(entry).encode())
    deployed.s3.keys[entry["key"]][0].at = first.at


def case_added(deployed: Deployed) -> None:
    version = deployed.s3.keys[f"{A1}000001.json"][0]
    deployed.s3.keys[f"{QUARANTINE.name}/{ACCOUNT}/a3/000001.json"] = [version]


def object_added(deployed: Deployed) -> None:
    deployed.s3.keys["notes.txt"] = [deployed.s3.keys[f"{A1}000001.json"][0]]


def rechained(deployed: Deployed) -> None:
    """The first entry says something else, and all that follow name what is before them now."""
    deployed.s3.replace(f"{A1}000001.json", lambda said: said["content"].update(x=1))
    for number in (2, 3):
        before = deployed.s3.keys[f"{A1}{number - 1:06d}.json"][0].body or b""
        key = f"{A1}{number:06d}.json"
        deployed.s3.replace(key, partial(dict.update, previous=sha256(before)))


def batch_changed(deployed: Deployed) -> None:
    (key,) = (key for key in deployed.s3.keys if "/batches/" in key)
    deployed.s3.replace(key, lambda said: said["observed"].pop())


def batch_missing(deployed: Deployed) -> None:
    deployed.s3.forget(f"{TAG.name}/batches/")


def digest_changed(deployed: Deployed) -> None:
    deployed.s3.replace(DIGEST_1, lambda said: said["content"]["digest"]["chains"].pop())


def digest_missing(deployed: Deployed) -> None:
    deployed.s3.forget(DIGEST_1)


def last_digest_missing(deployed: Deployed) -> None:
    """Nothing follows on it. It is seen when it is due."""
    deployed.s3.forget(DIGEST_2)
    deployed.s3.now = deployed.s3.now.replace(day=28)


def digests_rechained(deployed: Deployed) -> None:
    """A case is deleted, and both digests made anew, by who cannot sign."""
    deployed.s3.forget(f"{QUARANTINE.name}/{ACCOUNT}/a2/")
    deployed.s3.replace(DIGEST_2, lambda said: said["content"]["digest"]["chains"].pop(1))


def signature_missing(deployed: Deployed) -> None:
    deployed.s3.replace(DIGEST_2, lambda said: said["content"].pop("signature"))


def gap(deployed: Deployed) -> None:
    later = {"since": "2026-11-25T12:00:00Z"}
    deployed.s3.replace(DIGEST_2, lambda said: said["content"]["digest"].update(later))


FAULTS: list[tuple[Callable[[Deployed], None], str]] = [
    (changed, "case a1: entry 2 is not the one that digest 1 names"),
    (missing, "case a1: entry 2 is missing: digest 2 names 3 entries"),
    (last_missing, "case a1: entry 3 is missing: digest 2 names 3 entries"),
    (whole_case_missing, "case a2: entry 1 is missing: digest 2 names 1 entry"),
    (hidden, "case a1: entry 1 was deleted: delete marker"),
    (added, "case a1: entry 4 was added, 2026-11-25T12:00:00Z: no digest names it"),
    (case_added, f"{QUARANTINE.name}/{ACCOUNT}/a3/ was added: no digest names this case"),
    (object_added, "notes.txt was added: no digest names it"),
    (rechained, "case a1: entry 2 is not the one that digest 1 names"),
    (batch_changed, "is not the one that digest 1 names"),
    (batch_missing, "is missing: digest 1 names it"),
    (digest_changed, "digest 2 does not follow digest 1: it names another"),
    (digest_missing, "digests 1 to 1 are missing"),
    (last_digest_missing, "no digest is of what came after 2026-11-25T11:00:00Z"),
    (digests_rechained, f"digest 2 is not signed by {KEY}"),
    (signature_missing, "digest 2 is not signed, and earlier ones are"),
    (gap, "digest 2 does not begin where digest 1 ends"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_fault_is_found(audited: Deployed, fault: Callable[[Deployed], None], said: str) -> None:
    fault(audited)
    ran = command(audited, "verify")
    assert ran.exit_code == 1, ran.output
    assert said in ran.stderr
    assert "evidence NOT verified" in ran.stderr.splitlines()[-1]


def test_what_is_newer_than_the_last_digest_is_no_fault(audited: Deployed) -> None:
    audited.write("a1", "reopened")
    audited.write("a9", "captured")
    ran = command(audited, "verify")
    assert ran.exit_code == 0, ran.stderr
    assert "1 entry newer than the last digest: not looked at here" in ran.stderr


def test_without_a_digest_nothing_is_claimed(deployed: Deployed) -> None:
    deployed.write("a1", "captured")
    ran = command(deployed, "verify")
    assert "there is no digest yet" in str(ran.exception)


def test_signature_whose_key_may_not_be_read_is_unknown(
    audited: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.audit.stack_audit.StackAudit._public_key", lambda *_: None)
    ran = command(audited, "verify")
    assert ran.exit_code == 0, ran.stderr
    assert "verified signatures: none" in ran.stderr
    assert f"warning: the signatures by {KEY} are not verified" in ran.stderr
