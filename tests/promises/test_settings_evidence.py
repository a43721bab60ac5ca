"""A change of the settings that no evidence accounts for rings; the desk's and setup's do not."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.settings import StackSettings
from cordon import clients
from cordon.evidence import ChainEnd, Evidence
from cordon.memory import settings as settings_row
from embedded.journal import Invoked
from tests.examples import QUARANTINE, REVOKE, TAG
from tests.promises.test_settings_commands import EXEMPT, SITE, done, run
from tests.promises.world import HOME, World

A_MINUTE = timedelta(seconds=70)  # the queue's delay, and its batching window
BUCKET = "arn:aws:s3:::acme-bucket"


def logged_lines(world: World) -> list[dict[str, Any]]:
    """All that the reporter has logged."""
    invoked = (i for i in world.account.journal.of(Invoked) if i.function == "ReportCases")
    return [json.loads(line) for i in invoked for line in i.log.splitlines()]


def lines(world: World, message: str) -> int:
    """How often the reporter has logged this."""
    return sum(line.get("message") == message for line in logged_lines(world))


def rung(world: World) -> list[dict[str, Any]]:
    """The lines that the alarm counts, once everything has been looked at."""
    world.account.settle()
    world.account.advance(A_MINUTE, schedules="last")
    return [line for line in logged_lines(world) if line.get("settings_without_evidence")]


def stop_directly(world: World) -> None:
    assert not world.account.invoke("DecideCases", {"do": "stop"}).failed


def end_two_exemptions(world: World) -> None:
    for playbook in (QUARANTINE.name, TAG.name):
        words = ("--playbook", playbook, "--owner", "Ada", "--reason", "x", "--until", "2027-01-31")
        done(world, "exempt", "add", SITE, *words)
    done(world, "exempt", "remove", SITE)
    assert world.settings["exemptions"] == {}


def deploy_again(world: World) -> None:
    known = list(world.account.stack.resources["Settings"].properties["Protected"])
    modes = {"brand_new": "approve", "another": "observe"}
    changes = {"Modes": modes, "Budgets": {"brand_new": "5"}, "Protected": [*known, BUCKET]}
    world.account.custom_resource("Settings", "Update", properties=changes)
    assert BUCKET in world.settings["protected"]


HONEST: dict[str, Callable[[World], Any]] = {
    "nothing but the deployment": lambda _: None,
    "mode": lambda w: done(w, "mode", QUARANTINE.name, "approve"),
    "budget": lambda w: done(w, "budget", "5"),
    "budget of a playbook": lambda w: done(w, "budget", "0", "--playbook", REVOKE.name),
    "protect": lambda w: done(w, "protect", "add", SITE),
    "unprotect": lambda w: (done(w, "protect", "add", SITE), done(w, "protect", "remove", SITE)),
    "exempt": lambda w: done(w, "exempt", "add", SITE, *EXEMPT, "--until", "2027-01-31"),
    "two exemptions end": end_two_exemptions,
    "stop and start": lambda w: (done(w, "stop"), done(w, "start")),
    "stop directly": stop_directly,
    "a template with more": deploy_again,
    "a note of setup's": lambda w: w.set("other_home", "cordon-2"),
}


@pytest.mark.parametrize("what", HONEST)
def test_who_changed_the_settings_is_in_evidence(world: World, what: str) -> None:
    HONEST[what](world)
    assert rung(world) == []
    copy, faults = StackSettings.of(world.operator).evidence()
    assert faults == []
    assert copy.end.seq >= 1


def delete(world: World) -> None:
    world.account.client("dynamodb").delete_item(**world.settings_row)


def change_and_back(world: World) -> None:
    world.set(f"modes.{REVOKE.name}", "observe")
    world.set(f"modes.{REVOKE.name}", "enforce")


def with_an_end_of_another(world: World) -> None:
    """A chain's end that is right, for settings that it does not name."""
    end = settings_row.evidence_end(world.settings)
    row = {**world.settings, "master_switch": "off", "evidence_count": end.seq}
    world.operator.table.put(row)


def without_an_end(world: World) -> None:
    world.set("budget", 9)
    world.set("evidence_count", "none")


def with_an_entry_that_follows_none(world: World) -> None:
    """It says what the row is, and names another entry before it than the one there is."""
    world.set("budget", 9)
    decided = settings_row.entries_hash(world.settings)
    s3, bucket = world.account.client("s3"), world.account.stack.outputs["EvidenceBucket"]
    forged = Evidence(s3, bucket, settings_row.chain_of(HOME[0]), ChainEnd(1, "ab" * 32))
    forged.write("setting_decided", {"after": [decided]})


DISHONEST: dict[str, tuple[Callable[[World], Any], int]] = {
    "a mode": (lambda w: w.set(f"modes.{QUARANTINE.name}", "observe"), 1),
    "a stop": (lambda w: w.set("master_switch", "off"), 1),
    "an entry that is none": (lambda w: w.set("mastr_switch", "off"), 1),
    "changed, and changed back": (change_and_back, 1),
    "deleted": (delete, 1),
    "with a good end of the chain": (with_an_end_of_another, 1),
    "with no end of the chain": (without_an_end, 2),
    "with an entry that follows none": (with_an_entry_that_follows_none, 1),
}


@pytest.mark.parametrize("what", DISHONEST)
def test_change_past_the_desk_rings(world: World, what: str) -> None:
    change, times = DISHONEST[what]
    change(world)
    assert len(rung(world)) == times


def test_settings_past_the_desk_are_not_verified(world: World) -> None:
    world.set(f"modes.{QUARANTINE.name}", "observe")
    _, faults = StackSettings.of(world.operator).evidence()
    assert [str(one) for one in faults] == [
        "fault: the settings are not what entry 1 says: somebody changed them past the desk"
    ]
    done(world, "budget", "5")  # what is there now is in evidence again
    copy, faults = StackSettings.of(world.operator).evidence()
    assert (copy.end.seq, faults) == (2, [])


def test_an_older_row_with_its_end_is_not_verified(world: World) -> None:
    """The alarm does not see it: what the row says was so, once. The command does."""
    before = world.settings
    done(world, "mode", QUARANTINE.name, "observe")
    world.operator.table.put(before)
    assert rung(world) == []
    _, faults = StackSettings.of(world.operator).evidence()
    assert [one.warning for one in faults] == [True]
    assert "entry 2 is after the end that the row of the settings names" in str(faults[0])


def test_evidence_that_cannot_be_read_now_is_read_again(world: World) -> None:
    """A throttled bucket is no reason to ring, nor to forget."""
    left = [2]

    def throttle(**_: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "slow down"}}, "GetObject")

    events = clients._own(HOME[1]).client("s3").meta.events
    events.register("provide-client-params.s3.GetObject", throttle)
    world.set("master_switch", "off")
    assert len(rung(world)) == 1
    assert left == [0]
    assert lines(world, "evidence not read") == 2


def test_a_letter_says_only_what_the_row_said(world: World) -> None:
    world.set("changed_by", f"arn:aws:iam::{HOME[0]}:user/ada\nforged line")
    world.set("master_switch", "off")
    (line,) = rung(world)
    assert "\n" not in line["says_of_itself"]["changed_by"]


def test_command_verifies_the_settings(world: World) -> None:
    done(world, "budget", "5")
    result = run(world, "evidence", "settings", "--live", policy="auditor")
    assert (result.exit_code, result.exception) == (0, None), result.output
    verified = "evidence verified: 2 entries, as the row of the settings says"
    assert verified in result.stderr.replace("\n", " ")


def test_command_says_what_was_changed_past_the_desk(world: World) -> None:
    world.set("budget", 5)
    result = run(world, "evidence", "settings", policy="auditor")
    assert result.exit_code == 1
    assert "evidence NOT verified: 1 fault" in result.stderr
