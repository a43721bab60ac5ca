"""How replays and plans are shown: a row for each change, and a policy by its statements."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from console import plan_page, replay_page
from console.differences import statements
from console.event_files import ReplayEvent
from console.run import PlaybookOutcome, Run
from cordon.settings import Mode
from cordon.statuses import Status
from tests.examples import QUARANTINE, path_of, plan_beside
from tests.make import BUCKET, a_finding
from tests.reporting.cases import a_case

OTHER = replace(BUCKET, name="other", arn="arn:aws:s3:::other")
ALLOW = {"Sid": "Own", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["a"]}
DENY = {
    "Sid": "CordonDeny",
    "Effect": "Deny",
    "Principal": {"AWS": ["a", "b", "c", "d", "e"]},
    "NotAction": "s3:Get*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "true"}},
}
BEFORE = {"policy": json.dumps({"Statement": [ALLOW]}), "tags": {}, "rules": ["x" * 99, "on"]}
CONTAINED = {
    "policy": json.dumps({"Statement": [ALLOW, DENY]}),
    "tags": {"a": "b"},
    "rules": ["x" * 99, "off"],
}


def a_run(name: str = "an/event.json", **changes: Any) -> Run:
    outcome = PlaybookOutcome(QUARANTINE.name, "contained", "mode is enforce", "", "enforce")
    given: dict[str, Any] = {
        "findings": [a_finding()],
        "rules": ("ARule",),
        "outcomes": [outcome],
        "cases": [a_case()],
        "before": {"s3": {"bucket": BEFORE}, "ssm": {}},
        "contained": {"s3": {"bucket": CONTAINED}, "ssm": {"oi-1": "a report"}},
    }
    return Run(ReplayEvent(Path(name)), Mode.ENFORCE, **(given | changes))


def shown(*runs: Run, width: int = 0, details: bool = True, full: bool = False) -> str:
    more: dict[str, Any] = {"width": width, "force_terminal": True, "color_system": None}
    out = Console(file=io.StringIO(), **(more if width else {}))
    replay_page.show(runs, total=None, details=details, full=full, out=out)
    assert isinstance(out.file, io.StringIO)
    said = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", out.file.getvalue()).replace("\r", "\n")
    lines = [line for line in said.split("\n") if not line.startswith("replay ")]  # progress
    return "\n".join(filter(str.strip, lines)) + "\n"


def test_each_change_is_a_row_with_what_came_of_it() -> None:
    """Reports are no change; a property that is not what it was after the release is one."""
    released = {"s3": {"bucket": BEFORE | {"tags": {"z": "left"}}}}
    rows = [
        line.split("\t") for line in shown(a_run(released=released)).splitlines() if "\t" in line
    ]
    assert rows == [
        ["s3 bucket policy", "a policy", "+1 −0 statements", "as before"],
        ["s3 bucket rules", "a list", "+1 −1 lines", "as before"],
        ["s3 bucket tags a", "absent", "b", "as before"],
        ["s3 bucket tags z", "absent", "as before", "left"],
    ]


def test_policy_is_a_difference_of_statements_or_of_every_line() -> None:
    said = shown(a_run())
    assert (
        "+ s3 bucket policy CordonDeny: Deny all but s3:Get* to a, b, c and 2 more on * if"
        " aws:SecureTransport\n" in said
    )
    assert 's3 bucket rules "on" → "off"\n' in said
    assert "Own" not in said
    full = shown(a_run(), full=True)
    assert '+      "Sid": "CordonDeny"' in full and '"e"' in full


@pytest.mark.parametrize("width", [0, 80, 120])
def test_one_event_says_what_who_and_by_whom(width: int) -> None:
    ignored = PlaybookOutcome("other", "ignored", "it does not handle it", "", "enforce")
    run = a_run()
    run.outcomes.append(ignored)
    said = shown(run, width=width)
    if width:
        assert max(len(line.rstrip()) for line in said.splitlines()) <= width
    words = " ".join(said.split())
    assert "handled by quarantine".replace("quarantine", QUARANTINE.name[:10]) in words
    assert "ignored by other: it does not handle it" in words
    assert "who the finding names nobody" in words
    assert a_case().id in words and "arn:aws:s3:::training-data" in words


def test_one_event_is_about_twenty_lines_at_80_columns() -> None:
    """Four properties of one resource, a policy among them: the resource is said once."""
    ignored = PlaybookOutcome(
        "other", "ignored", f"other does not handle {a_finding().kind}", "", ""
    )
    tags = {
        "tags": {f"cordon:{n}": "c" for n in range(2)},
        "rules": ["on" * 99, *["off"] * 2, "end"],
    }
    run = a_run(
        before={"s3": {"bucket": BEFORE | {"rules": ["on" * 99, *["on"] * 2, "end"]}}},
        contained={"s3": {"bucket": CONTAINED | tags}},
    )
    run.outcomes.append(ignored)
    lines = shown(run, width=80).splitlines()
    assert len(lines) <= 20
    assert all(len(one.rstrip()) <= 80 for one in lines)
    assert sum("s3 bucket" in line for line in lines) == 1
    assert (
        'rules "on" → "off", 2 times' in lines
        and "ignored by    other: does not handle this kind" in [line.rstrip() for line in lines]
    )
    full = " ".join(shown(run, width=80, full=True).split())
    assert f"other does not handle {a_finding().kind}" in full


def test_a_statement_on_the_resource_itself_is_on_it() -> None:
    arn = "arn:aws:s3:::bucket"
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    assert statements(None, {"Statement": deny}, ("s3", "bucket")) == ["+ Deny s3:* on it"]
    assert statements(None, {"Statement": deny}, ("s3", "other")) == [
        f"+ Deny s3:* on {arn}, {arn}/*"
    ]


def test_many_events_are_a_line_each_in_groups_with_their_sum() -> None:
    trouble = a_run("b/failed.json", troubles=["went wrong " + "y" * 200])
    runs = [a_run(f"a/{'long' * 30}{n}.json") for n in range(4)]
    nobody = a_run("b/two.json", outcomes=[], cases=[])
    lines = shown(*runs, nobody, width=80, details=False).splitlines()
    assert lines[0] == "a" and lines[5] == "b"
    assert all(len(line) <= 80 and line.startswith("✔") for line in (*lines[1:5], lines[6]))
    assert [line.split() for line in lines[-4:-1]] == [
        ["playbook", "outcome", "events"],
        ["nobody", "ignored", "1"],
        [QUARANTINE.name, "contained", "4"],
    ]
    assert lines[-1].startswith("5 of 5 events ended as they should, in ")
    failed = shown(trouble, nobody, width=80, details=False)
    assert "y" * 200 in "".join(failed.split())


def test_plan_is_in_words() -> None:
    sample = "guardduty_ransomware_delete"
    printed = plan_beside(sample) | {
        "event": str(path_of(sample)),
        "rules": ["A"],
        "mode": "approve",
    }
    out = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    plan_page.show(printed, out)
    assert isinstance(out.file, io.StringIO)
    said = out.file.getvalue()
    assert max(map(len, said.splitlines())) <= 80
    words = " ".join(said.split())
    assert f"{QUARANTINE.name}, in mode approve: contained: mode is enforce" in words
    assert "adds statements to the bucket's policy that deny access" in words
    assert "shuts out everybody" in words
    assert "{" not in words


def test_changes_that_ended_alike_are_one_line() -> None:
    words = " ".join(shown(a_run(), width=80).split())
    (resource,) = {action.resource for action in a_case().plan.actions}
    names = ", ".join(result.action for result in a_case().results)
    assert f"{names}: done and verified" in words
    full = " ".join(shown(a_run(), full=True).split())
    assert f"on {resource}: done and verified" in full
    two = replace(a_finding(), resources=(*a_finding().resources, OTHER))
    named = " ".join(shown(a_run(findings=[two])).split())
    assert f"{names} on {resource}: done and verified" in named
    assert words.count("done and verified") == 1
    planned = shown(a_run(cases=[a_case(Status.AWAITING_APPROVAL)]))
    assert planned.count("Planned: ") == 1 and f"Planned: {names}\n" in planned


def test_rules_are_said_where_none_delivers_it_and_in_full() -> None:
    assert "ARule" not in shown(a_run()) and "ARule" in shown(a_run(), full=True)
    assert "none matches this event" in shown(a_run(rules=()))
