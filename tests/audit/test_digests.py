"""A digest names all that was written since the last one, and nothing else."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cordon.digesting.digest import chain_of
from cordon.errors import EvidenceFault
from cordon.evidence import sha256
from tests.audit.bucket import ACCOUNT, KEY, START, Deployed
from tests.examples import QUARANTINE, TAG

CC7 = "SOC 2 CC7.3"


def digest(deployed: Deployed, number: int) -> dict[str, Any]:
    (version,) = deployed.s3.keys[chain_of(ACCOUNT).key(number)]
    return dict(json.loads(version.body or b"")["content"]["digest"])


def test_each_chain_is_named_with_its_end(deployed: Deployed) -> None:
    deployed.write("a1", "captured", supports_evidence_for=[CC7])
    chain = deployed.write("a1", "contained")
    assert deployed.night().to_json() == {
        "digests": 1,
        "chains": 1,
        "objects": 0,
        "signed": False,
        "until": "2026-11-25T11:00:00Z",
    }
    assert digest(deployed, 1) == {
        "since": "",
        "until": "2026-11-25T11:00:00Z",
        "objects": [],
        "chains": [
            {
                "playbook": QUARANTINE.name,
                "account": ACCOUNT,
                "case": "a1",
                "first": 1,
                "seq": 2,
                "sha256": sha256(deployed.s3.keys[chain.key(2)][0].body or b""),
                "stages": ["captured", "contained"],
                "controls": [CC7],
            }
        ],
    }


def test_a_batch_is_named_with_its_cases(deployed: Deployed) -> None:
    ref = deployed.observe("b1", "b2", controls=(CC7,))
    deployed.night()
    cases = [{"case": one, "account": ACCOUNT, "controls": [CC7]} for one in ("b1", "b2")]
    named = {"key": ref.key, "sha256": ref.sha256, "cases": cases}
    assert digest(deployed, 1)["objects"] == [named]


def test_periods_follow_on_each_other(deployed: Deployed) -> None:
    deployed.write("a1", "captured", supports_evidence_for=[CC7])
    deployed.night()
    deployed.write("a1", "released")
    deployed.write("a2", "observed")
    deployed.night()
    first, second = digest(deployed, 1), digest(deployed, 2)
    assert second["since"] == first["until"]
    assert [(c["case"], c["first"], c["seq"]) for c in second["chains"]] == [
        ("a1", 2, 2),
        ("a2", 1, 1),
    ]
    assert second["chains"][0]["controls"] == [CC7]  # of its first entry


def test_what_was_written_a_moment_ago_waits(deployed: Deployed) -> None:
    """A put may not have ended: the next digest has it."""
    deployed.s3.now += timedelta(hours=23)
    deployed.write("a1", "captured")
    deployed.night(days=0)
    assert digest(deployed, 1)["chains"] == []
    deployed.night()
    assert [one["case"] for one in digest(deployed, 2)["chains"]] == ["a1"]


def test_nothing_is_written_twice(deployed: Deployed) -> None:
    deployed.night()
    assert deployed.night(days=0).digests == 0


def test_a_day_without_evidence_has_its_digest(deployed: Deployed) -> None:
    deployed.night()
    assert deployed.night().digests == 1


def test_missed_nights_are_made_up_for_day_by_day(deployed: Deployed) -> None:
    deployed.night()
    deployed.s3.now += timedelta(days=1)
    deployed.write("a1", "captured")
    assert deployed.night(days=2).digests == 3
    assert [len(digest(deployed, number)["chains"]) for number in (2, 3, 4)] == [0, 1, 0]


def test_delete_marker_and_second_version_hide_nothing(deployed: Deployed) -> None:
    chain = deployed.write("a1", "captured")
    body = deployed.s3.keys[chain.key(1)][0].body or b""
    deployed.s3.put_object(Key=chain.key(1), Body=b"{}")
    deployed.s3.delete_object(chain.key(1))
    deployed.night()
    assert digest(deployed, 1)["chains"][0]["sha256"] == sha256(body)


def test_what_is_no_entry_is_named_all_the_same(deployed: Deployed) -> None:
    key = f"{TAG.name}/{ACCOUNT}/a1/000001.json"
    deployed.s3.put_object(Key=key, Body=b"\xff")
    deployed.night()
    assert digest(deployed, 1)["objects"] == [{"key": key, "sha256": sha256(b"\xff"), "cases": []}]


def test_a_first_entry_that_is_missing_stops_no_digest(deployed: Deployed) -> None:
    deployed.write("a1", "captured", supports_evidence_for=[CC7])
    deployed.night()
    chain = deployed.write("a1", "released")
    deployed.s3.forget(chain.key(1))
    deployed.night()
    assert digest(deployed, 2)["chains"][0]["controls"] == []


def test_nothing_is_chained_to_what_is_no_digest(deployed: Deployed) -> None:
    deployed.night()
    key = chain_of(ACCOUNT).key(1)
    deployed.s3.replace(key, lambda said: said["content"].pop("digest"))
    with pytest.raises(EvidenceFault, match="is no digest"):
        deployed.night()


def test_of_two_runs_one_writes(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other finds its number taken, and does not write behind it."""
    put = deployed.s3.put_object
    began: list[int] = []

    def twice(**given: Any) -> None:
        if not began:
            began.append(1)
            deployed.night(days=0)
        put(**given)

    monkeypatch.setattr(deployed.s3, "put_object", twice)
    deployed.s3.now = START + timedelta(days=1)
    assert deployed.night(days=0).digests == 0
    assert list(deployed.s3.keys) == [chain_of(ACCOUNT).key(1)]


def test_controls_of_anybody_are_bounded(deployed: Deployed) -> None:
    deployed.write("a1", "captured", supports_evidence_for=["x\n" * 500, 7, *map(str, range(900))])
    deployed.night()
    (line,) = digest(deployed, 1)["chains"]
    assert len(line["controls"]) == 200
    assert max(map(len, line["controls"])) <= 100


def test_with_a_key_it_is_signed(deployed: Deployed) -> None:
    deployed.key = KEY
    assert deployed.night().signed
    entry = json.loads(deployed.s3.keys[chain_of(ACCOUNT).key(1)][0].body or b"")
    assert entry["content"]["signature"]["key"] == KEY
