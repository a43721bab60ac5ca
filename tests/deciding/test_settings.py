"""The settings are changed by people: looked at first, proven, and by two where it lets more."""

import json
import re
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from console.staging.baseline import baseline_of
from cordon.deciding.changes import covers_a_whole_kind
from cordon.deciding.desk import NotDecided, Response
from cordon.deciding.request import BadRequest, SetSettings, Stop
from cordon.deciding.set_settings import NOBODY, set_settings, stop
from cordon.evidence import entry_at, sha256
from cordon.memory import baseline_seen
from cordon.memory import settings as settings_row
from cordon.memory.decisions import Decisions
from cordon.memory.settings import settings_of
from tests.deciding.stand_ins import ADA, BOB, NAMES, Office, caller, refused
from tests.examples import QUARANTINE, REVOKE, function_of
from tests.make import ACCOUNT, PLACE

SEEN = baseline_of(PLACE)
NOT_CALLED = Mock(side_effect=AssertionError("it is only checked"))
SITE = "arn:aws:s3:::www-acme"
EXEMPT = {
    "do": "exempt",
    "resource": SITE,
    "playbook": QUARANTINE.name,
    "owner": "Ada",
    "reason": "web",
    "until": "2027-01-31",
}


def changes(office: Office, by: str = ADA, **change: Any) -> Response:
    return set_settings(SetSettings(change), caller(by), office.desk)


def checked(office: Office, by: str = ADA, **change: Any) -> str:
    """What is said of a change that is only looked at: nothing is written, no decision either."""
    before = office.settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Decisions, "save", NOT_CALLED)
        patch.setattr(office.bucket, "put_object", NOT_CALLED)
        body = set_settings(SetSettings(change, only_check=True), caller(by), office.desk).body
    assert office.settings == before
    assert body["complete"] is False and body["says"].startswith("nothing is changed yet")
    return str(body["says"])


def why_not(office: Office, by: str = ADA, **change: Any) -> str:
    """Why nothing was changed, nor written down as decided; who only checks it hears the same."""
    before, proven = office.settings, dict(office.bucket.objects)
    with pytest.raises((BadRequest, NotDecided)) as refusal:
        changes(office, by, **change)
    with pytest.raises(type(refusal.value), match=re.escape(str(refusal.value))):
        checked(office, by, **change)
    assert office.settings == before
    assert office.bucket.objects == proven
    return str(refusal.value)


def entries(office: Office) -> list[dict[str, Any]]:
    """The evidence of who changed the settings, which the row must name the end of."""
    found, last = [], ""
    for key, body in sorted(office.bucket.objects.items()):
        entry = entry_at(key, body)
        assert entry["previous"] == last
        found.append(entry)
        last = sha256(body)
    assert settings_row.evidence_end(office.settings).hash == last
    assert settings_row.evidence_end(office.settings).seq == len(found)
    return found


# ---- each change ----


@pytest.mark.parametrize(
    "change",
    [
        {"do": "mode", "playbook": QUARANTINE.name, "mode": "enforce"},
        {"do": "budget", "cases": 7},
        {"do": "protect", "resource": SITE},
        EXEMPT,
    ],
    ids=lambda change: str(change["do"]),
)
def test_it_says_that_it_changed_only_where_anything_is_another(
    office: Office, change: dict[str, Any]
) -> None:
    """Who entered it is in evidence all the same."""
    said = [changes(office, **change).body["says"] for _ in range(2)]
    assert said == ["changed; it counts from now on", "recorded; the settings were so before"]
    assert len(entries(office)) == 2


def test_change_is_made_and_who_made_it_is_in_evidence(office: Office) -> None:
    response = changes(office, do="mode", playbook=QUARANTINE.name, mode="enforce")
    assert (response.status, response.body["complete"]) == (200, True)
    row = office.settings
    assert row["modes"][QUARANTINE.name] == "enforce"
    assert (row["version"], row["changed_by"]) == (2, ADA)
    (entry,) = entries(office)
    assert entry["key"] == f"settings/{ACCOUNT}/settings/000001.json"
    content = entry["content"]
    assert content["by"] == ADA and content["row_version"] == 1
    assert content["change"] == {"do": "mode", "playbook": QUARANTINE.name, "mode": "enforce"}
    (seen,) = content["witnesses"]
    assert (seen["by"], seen["request"], seen["source_ip"]) == (ADA, "of-ada", "203.0.113.7")
    assert settings_of(row, NAMES).faults == ()


def test_each_change_is_the_next_entry(office: Office) -> None:
    changes(office, do="budget", cases=5)
    changes(office, BOB, do="budget", cases=7, playbook=REVOKE.name)
    assert [one["content"]["by"] for one in entries(office)] == [ADA, BOB]
    assert (office.settings["budget"], office.settings["budgets"]) == (5, {REVOKE.name: 7})


def test_exemption_is_set_replaced_and_ended(office: Office) -> None:
    for until in ("2027-01-31", "2027-02-28T00:00:00+01:00"):
        changes(office, **{**EXEMPT, "until": until})
    (one,) = office.settings["exemptions"].values()
    assert one == {
        "playbook": QUARANTINE.name,
        "resource": SITE,
        "owner": "Ada",
        "reason": "web",
        "expires": "2027-02-27T23:00:00Z",
    }
    changes(office, **{**EXEMPT, "playbook": "*"})
    changes(office, do="end_exemption", resource=SITE)
    assert office.settings["exemptions"] == {}
    assert len(entries(office)) == 4


def test_exemption_of_one_playbook_is_ended(office: Office) -> None:
    for playbook in ("*", QUARANTINE.name):
        changes(office, **{**EXEMPT, "playbook": playbook})
    changes(office, do="end_exemption", resource=SITE, playbook="*")
    (one,) = office.settings["exemptions"].values()
    assert one["playbook"] == QUARANTINE.name


def test_protection_is_added_and_ended(office: Office) -> None:
    before = office.settings["protected"]
    changes(office, do="protect", resource=SITE)
    assert office.settings["protected"] == before | {SITE}
    changes(office, do="unprotect", resource=SITE)
    assert office.settings["protected"] == before


def test_a_whole_kind_needs_force(office: Office) -> None:
    assert "--force" in why_not(office, do="protect", resource="arn:aws:s3:::*")
    changes(office, do="protect", resource="arn:aws:s3:::*", force=True)
    assert "arn:aws:s3:::*" in office.settings["protected"]


def test_baseline_is_what_setup_saw_and_the_person_named(office: Office) -> None:
    """Nobody sends a document; what setup saw since is not taken for what the person saw."""
    baseline_seen.save(office.desk.table, SEEN)
    changes(office, do="baseline", seen=SEEN.sha256)
    taken = settings_of(office.settings, NAMES).baseline
    assert taken == replace(SEEN, by=ADA, at="2026-11-24T12:00:00Z")
    (entry,) = entries(office)
    assert SEEN.sha256 in entry["content"]["text"]
    baseline_seen.save(office.desk.table, baseline_of(replace(PLACE, region="us-east-1")))
    assert "something else since" in why_not(office, BOB, do="baseline", seen=SEEN.sha256)
    office.desk.table.put({"id": baseline_seen.KEY, "invocation_logging": "no JSON"})
    assert "is not JSON" in why_not(office, BOB, do="baseline", seen=SEEN.sha256)


def test_row_that_was_deleted_is_written_anew(office: Office) -> None:
    office.desk.table.delete("settings", "attribute_exists(id)")
    for name in NAMES:
        changes(office, do="mode", playbook=name, mode="approve")
    changes(office, do="budget", cases=3)
    changes(office, do="start")
    assert settings_of(office.settings, NAMES).faults == ()
    entries(office)


@pytest.mark.parametrize("count", ["x", 9.5, frozenset({"a"})])
def test_what_a_person_made_of_the_row_keeps_nobody_from_a_change(
    office: Office, count: Any
) -> None:
    client = office.desk.table._dynamodb
    given = {"SS": ["a"]} if isinstance(count, frozenset) else {"S": str(count)}
    office.set(evidence_hash="ab")
    client.update_item(
        TableName="cordon",
        Key={"id": {"S": "settings"}},
        UpdateExpression="SET evidence_count = :x",
        ExpressionAttributeValues={":x": given},
    )
    changes(office, do="budget", cases=3)
    assert office.settings["budget"] == 3


# ---- what is refused ----


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "change.do"),
        ({"do": "stop"}, "change.do: must be one of mode, start, budget"),
        ({"do": "mode", "playbook": f"{QUARANTINE.name}s", "mode": "enforce"}, "must be one of"),
        ({"do": "mode", "playbook": QUARANTINE.name, "mode": "aprove"}, "change.mode"),
        ({"do": "mode", "playbook": QUARANTINE.name}, "change.mode"),
        ({"do": "start", "playbook": "x"}, "change.playbook: is not a field"),
        ({"do": "budget", "cases": -1}, "change.cases"),
        ({"do": "budget", "cases": True}, "change.cases"),
        ({"do": "budget", "cases": 200_000}, "0 to 100000"),
        ({"do": "budget", "cases": 5, "playbook": "all"}, "must be one of"),
        ({"do": "protect", "resource": "acme-bucket"}, "is not an ARN"),
        ({"do": "protect", "resource": "*"}, "is not an ARN"),
        ({"do": "protect", "resource": "arn:aws:s3:::a arn:aws:s3:::b"}, "is not an ARN"),
        ({"do": "unprotect", "resource": SITE}, "is not among"),
        ({**EXEMPT, "until": "2026-11-24"}, "has passed"),
        ({**EXEMPT, "until": "tomorrow"}, "is no date"),
        ({**EXEMPT, "reason": " "}, "change.reason"),
        ({**EXEMPT, "owner": "a\x1bb"}, "change.owner"),
        ({**EXEMPT, "playbook": "nobody*"}, "must be one of"),
        ({**EXEMPT, "resource": "arn:aws:iam::*:role/*"}, "--force"),
        ({"do": "end_exemption", "resource": SITE}, "there is no exemption"),
        ({"do": "backlog", "playbook": "all", "backlog": "observe"}, "must be one of"),
        ({"do": "backlog", "playbook": QUARANTINE.name, "backlog": "enforce"}, "observe, respond"),
        ({"do": "baseline"}, "change.seen"),
        ({"do": "baseline", "seen": SEEN.sha256}, "has not seen"),
    ],
)
def test_wrong_change_is_refused_before_anything_is_written(
    office: Office, change: dict[str, Any], why: str
) -> None:
    assert why in why_not(office, **change)


def test_nobody_of_cordon_changes_the_settings(office: Office) -> None:
    own = f"arn:aws:sts::{ACCOUNT}:assumed-role/cordon-{function_of(QUARANTINE)}Role-1A2B3C/x"
    assert "a role of Cordon" in why_not(office, own, do="start")


def test_a_change_that_cannot_be_proven_is_not_made(office: Office) -> None:
    before = office.settings

    def denied(**_: Any) -> None:
        raise refused("AccessDenied", "PutObject")

    office.bucket.put_object = denied  # type: ignore[method-assign]
    with pytest.raises(Exception, match="AccessDenied"):
        changes(office, do="budget", cases=5)
    assert office.settings == before


def test_of_two_at_once_one_changes(office: Office) -> None:
    """The second reads the row before the first writes it: by our desk, or by a plain command."""
    put, raced = office.bucket.put_object, [False]

    def another_first(**request: Any) -> None:
        if not raced[0]:
            raced[0] = True
            changes(office, BOB, do="mode", playbook=QUARANTINE.name, mode="observe")
        put(**request)

    office.bucket.put_object = another_first  # type: ignore[method-assign]
    with pytest.raises(NotDecided, match="at this moment"):
        changes(office, do="mode", playbook=QUARANTINE.name, mode="enforce")
    assert office.settings["modes"][QUARANTINE.name] == "observe"


def test_start_does_not_undo_a_stop_that_it_did_not_see(office: Office) -> None:
    office.set(master_switch="observe")
    put, raced = office.bucket.put_object, [False]

    def stopped_first(**request: Any) -> None:
        if not raced[0]:
            raced[0] = True
            stop(Stop(), caller(BOB), office.desk)
        put(**request)

    office.bucket.put_object = stopped_first  # type: ignore[method-assign]
    with pytest.raises(NotDecided):
        changes(office, do="start")
    assert office.settings["master_switch"] == "off"


# ---- two people ----

MORE: list[dict[str, Any]] = [
    {"do": "mode", "playbook": QUARANTINE.name, "mode": "enforce"},
    {"do": "start"},
    {"do": "budget", "cases": 11},
    {"do": "budget", "cases": 6, "playbook": REVOKE.name},
    {"do": "unprotect", "resource": "arn:aws:s3:::protected-*"},
    {"do": "end_exemption", "resource": "arn:aws:s3:::exempt"},
    {**EXEMPT, "resource": "arn:aws:s3:::exempt", "until": "2026-12-01"},
    {"do": "baseline", "seen": SEEN.sha256},
    {"do": "backlog", "playbook": QUARANTINE.name, "backlog": "respond"},
]
LESS: list[dict[str, Any]] = [
    {"do": "mode", "playbook": QUARANTINE.name, "mode": "observe"},
    {"do": "mode", "playbook": QUARANTINE.name, "mode": "approve"},
    {"do": "budget", "cases": 10},
    {"do": "budget", "cases": 5, "playbook": REVOKE.name},
    {"do": "protect", "resource": SITE},
    EXEMPT,
    {**EXEMPT, "resource": "arn:aws:s3:::exempt", "until": "2027-02-01"},
    {"do": "backlog", "playbook": QUARANTINE.name, "backlog": "observe"},
]


@pytest.fixture
def two(office: Office) -> Office:
    exempt = {k: v for k, v in EXEMPT.items() if k not in ("do", "until", "resource")}
    office.set(
        master_switch="observe",
        budgets={REVOKE.name: 5},
        exemptions={
            "x": {**exempt, "resource": "arn:aws:s3:::exempt", "expires": "2027-01-31T00:00:00Z"}
        },
    )
    baseline_seen.save(office.desk.table, SEEN)
    return office.deployed(two_approvers=True)


@pytest.mark.parametrize("change", MORE, ids=str)
def test_what_lets_cordon_do_more_needs_two(two: Office, change: dict[str, Any]) -> None:
    before = two.settings
    assert "a second person must make the same change" in checked(two, **change)
    first = changes(two, **change)
    assert first.body["complete"] is False and "second person" in first.body["says"]
    assert two.settings == before and not two.bucket.objects
    assert "two people" in why_not(two, **change)
    assert "it would count at once" in checked(two, BOB, **change)
    assert changes(two, BOB, **change).body["complete"] is True
    assert two.settings != before
    (entry,) = entries(two)
    assert [one["by"] for one in entry["content"]["witnesses"]] == [ADA, BOB]


@pytest.mark.parametrize("change", LESS, ids=str)
def test_less_is_one_persons(two: Office, change: dict[str, Any]) -> None:
    assert "it would count at once" in checked(two, **change)
    assert changes(two, **change).body["complete"] is True


def test_two_people_must_want_the_same(two: Office) -> None:
    changes(two, do="budget", cases=20)
    assert changes(two, BOB, do="budget", cases=21).body["complete"] is False


def test_what_one_wanted_counts_as_long_as_a_question_does(two: Office) -> None:
    changes(two, do="start")
    two.clock.passes(hours=4)
    assert changes(two, BOB, do="start").body["complete"] is False
    assert changes(two, do="start").body["complete"] is True


def test_what_two_wanted_once_does_not_count_twice(two: Office) -> None:
    for by in (ADA, BOB):
        changes(two, by, do="start")
    two.set(master_switch="off")
    assert changes(two, BOB, do="start").body["complete"] is False
    assert two.settings["master_switch"] == "off"


def test_a_mode_that_nobody_understands_is_observe(two: Office) -> None:
    two.set(modes={QUARANTINE.name: "enforced"})
    change = {"do": "mode", "playbook": QUARANTINE.name, "mode": "approve"}
    assert changes(two, **change).body["complete"] is False


# ---- stop ----


@pytest.mark.parametrize(("observe", "position"), [(False, "off"), (True, "observe")])
def test_stop(two: Office, observe: bool, position: str) -> None:
    response = stop(Stop(observe), caller(), two.desk)
    assert response.body["master_switch"] == two.settings["master_switch"] == position
    assert "it is written who did it" in response.body["says"]
    (entry,) = entries(two)
    assert entry["content"]["by"] == ADA


def test_stop_by_a_direct_invocation_names_nobody(office: Office) -> None:
    stop(Stop(), None, office.desk)
    assert office.settings["changed_by"] == NOBODY
    (entry,) = entries(office)
    assert entry["content"]["by"] == NOBODY and entry["content"]["witnesses"] == []


@pytest.mark.parametrize("by", ["", "x", f"arn:aws:sts::{ACCOUNT}:federated-user/a"])
def test_whoever_it_is_may_stop(office: Office, by: str) -> None:
    stop(Stop(), caller(by), office.desk)
    assert office.settings["master_switch"] == "off"


@pytest.mark.parametrize("broken", [{"version": "x"}, {"master_switch": "?"}, None])
def test_stop_goes_through_whatever_the_row_is(office: Office, broken: Any) -> None:
    office.desk.table.delete("settings", "attribute_exists(id)")
    if broken is not None:
        office.desk.table.put({"id": "settings", **broken})
    stop(Stop(), caller(), office.desk)
    assert office.settings["master_switch"] == "off"


def test_stop_goes_through_where_evidence_cannot_be_written(office: Office) -> None:
    def denied(**_: Any) -> None:
        raise refused("AccessDenied", "PutObject")

    office.bucket.put_object = denied  # type: ignore[method-assign]
    response = stop(Stop(), caller(), office.desk)
    assert response.status == 200 and office.settings["master_switch"] == "off"
    assert "could not be written who did it" in response.body["says"]
    assert "AccessDenied" in response.body["says"]


def test_evidence_of_a_stop_is_chained_also_beside_another_change(office: Office) -> None:
    put, raced = office.bucket.put_object, [False]

    def another_first(**request: Any) -> None:
        if not raced[0]:
            raced[0] = True
            changes(office, BOB, do="budget", cases=5)
        put(**request)

    office.bucket.put_object = another_first  # type: ignore[method-assign]
    stop(Stop(), caller(), office.desk)
    assert [one["content"]["by"] for one in entries(office)] == [BOB, ADA]
    assert (office.settings["master_switch"], office.settings["budget"]) == ("off", 5)


def test_a_whole_kind_is_recognised() -> None:
    kinds = ("s3:::*", "iam::*:role/*", "s3:*")
    assert all(covers_a_whole_kind(f"arn:aws:{kind}") for kind in kinds)
    assert not covers_a_whole_kind("arn:aws:iam::*:role/team/*")


def test_evidence_is_json_for_people(office: Office) -> None:
    changes(office, do="protect", resource=SITE)
    (body,) = office.bucket.objects.values()
    assert json.loads(body)["content"]["text"] == f"protected: {SITE}"
