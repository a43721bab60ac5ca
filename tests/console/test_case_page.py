"""A case's page: what is so and what to do, in every status, and what evidence adds to it."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from botocore.exceptions import ClientError, ReadTimeoutError
from rich.console import Console
from typer.testing import CliRunner

from console import case_evidence, case_page, cli, page
from console.case_evidence import ONLY_DIGEST, Written
from console.evidence import Copy, Version
from console.stack import Stack
from cordon.actions import Action, policy_text
from cordon.actions.iam import RevokeRoleSessions
from cordon.actions.s3 import DenyBucketAccess
from cordon.actions.s3.deny_statements import denials
from cordon.evidence import Chain, ChainEnd
from cordon.memory.cases import ActionStatus, Case
from cordon.playbook import Plan
from cordon.reporting.texts import MEANINGS, advice
from cordon.statuses import CLOSED, Status
from tests.examples import HEADERS
from tests.make import DEPLOYMENT, PLACE, a_finding
from tests.reporting.cases import CASE, SCP_DENIAL, a_case, refused_block, with_results

EXEMPT = ("arn:aws:iam::111122223333:role/BreakGlass",)
DENY = DenyBucketAccess(PLACE, "training-data", ("writes",), EXEMPT)
BASE = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Sid": "Own", "Effect": "Allow", "Action": "s3:*"}]}
)
MERGED = policy_text.merge(BASE, denials(PLACE, "training-data", DENY.levels, EXEMPT, ""))


def shown(case: Case, written: Any = (), width: int = 0) -> str:
    """The page, in a pipe or in a terminal of this width."""
    more = {"width": width, "force_terminal": True, "color_system": None} if width else {}
    out = Console(file=io.StringIO(), **more)  # type: ignore[arg-type]
    found = case_page.sections(case, HEADERS[case.playbook], DEPLOYMENT, written)
    page.show(case_page.head(case), found, out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def copy_of(*stages: tuple[str, Mapping[str, Any]]) -> Copy:
    chain = Chain("p", "111122223333", CASE)
    bodies = [
        json.dumps({"stage": stage, "at": f"2026-11-24T12:0{n}:00Z", "content": content}).encode()
        for n, (stage, content) in enumerate(stages)
    ]
    versions = (Version(chain.key(n), "v", body, "") for n, body in enumerate(bodies, 1))
    return Copy(chain, ChainEnd(), tuple(versions))


def evidence_of(action: Action, before: Any, wrote: Any) -> list[Written]:
    """What evidence says of a case with this one change."""
    case = replace(a_case(), plan=Plan((action,)))
    one = {"target": action.target, "captured": before}
    ended = {"target": action.target, "written": wrote}
    copy = copy_of(("captured", {"changes": [one]}), ("contained", {"changes": [ended]}))
    return case_evidence.changes(case, copy)


@pytest.mark.parametrize("status", Status)
def test_first_lines_say_what_is_so_and_what_to_do(status: Status) -> None:
    lines = shown(a_case(status)).splitlines()
    assert lines[0].startswith(CASE) and MEANINGS[status].headline in lines[0]
    assert MEANINGS[status].truth in lines[2]
    if said := advice(a_case(status)):
        assert " ".join(said.split()) in lines[4]
    assert ("Who is shut out" in lines) == (status not in CLOSED)


def test_question_has_all_that_is_decided_by() -> None:
    case = replace(a_case(Status.AWAITING_APPROVAL), plan=Plan((DENY,)))
    said = shown(case)
    assert f"Approve: cordon approve {CASE} --plan {case.plan_hash}" in said
    assert "Time to decide: Until 4 hours after" in said
    assert "If it is approved or contained: arn:aws:s3:::training-data: everybody" in said


def test_failure_is_whole_and_named_first() -> None:
    said = shown(refused_block())
    assert "What failed" in said and SCP_DENIAL in said
    assert f"cordon retry {CASE}" in said


def test_undo_that_waits_says_until_when() -> None:
    waits = with_results(a_case(Status.RELEASING), ActionStatus.WAITING, "an undo would do harm")
    waits = replace(
        waits, results=tuple(replace(r, not_before="2026-11-25T00:00:00Z") for r in waits.results)
    )
    assert "Cordon goes on at 2026-11-25T00:00:00Z" in shown(waits)


@pytest.mark.parametrize("width", [80, 120])
def test_no_terminal_cuts_or_obeys(width: int) -> None:
    case = a_case(finding=a_finding(title="[red]x[/red]\x1b[31m " + "y" * 300))
    said = shown(case, width=width)
    assert max(map(len, said.splitlines()[1:])) <= width
    assert case.plan_hash in said and "\x1b[31m" not in said
    assert said.replace("\n", "").replace(" ", "").count("y" * 300) == 2  # head, and finding


def test_policy_is_shown_as_a_difference_where_it_is_what_was_written() -> None:
    wrote = {"policy": policy_text.digest(MERGED), "base": "x", "form": "merged"}
    (one,) = evidence_of(DENY, {"policy": BASE}, wrote)
    (section,) = case_page.difference([one])
    assert "written 2026-11-24T12:01:00Z" in section.heading
    added = "\n".join(line[1:] for line in section.lines if line.startswith("+"))
    assert '"Sid": "CordonDenyWrites"' in added and EXEMPT[0] in added
    assert not [line for line in section.lines if line.startswith("-") and "Own" in line]
    page = shown(a_case(), [one])
    assert "arn:aws:s3:::training-data policy: +3 −0 statements" in page
    assert "\n+ CordonDenyWrites: Deny all but s3:Get*, s3:List* to * on arn:aws:s3:::t" in page


def test_policy_that_is_another_is_not_guessed() -> None:
    """Two cases hold the bucket, or a person changed it: the digest is of another policy."""
    (one,) = evidence_of(DENY, {"policy": BASE}, {"policy": "0" * 64, "base": "x"})
    (section,) = case_page.difference([one])
    assert ONLY_DIGEST in "\n".join(section.lines)
    assert "CordonDenyWrites" not in "\n".join(section.lines)


def test_tags_that_were_not_written_are_not_missing() -> None:
    action = a_case().plan.actions[-1]
    assert action.name().startswith("tag")
    (one,) = evidence_of(action, {"tags": {"a": "b"}}, {"tags": {"c": "d"}, "base": {"c": None}})
    assert one.after == {"tags": {"a": "b", "c": "d"}}


def test_denial_of_sessions_says_until_when_it_stays() -> None:
    action = RevokeRoleSessions(PLACE, "trainer")
    wrote = {"before": "2026-11-24T12:00:00Z", "policy": "{}", "base": None}
    (one,) = evidence_of(action, {"policy": None, "deny_all": False, "ways_in": {}}, wrote)
    assert one.until == datetime(2026, 11, 25, tzinfo=UTC)
    case = replace(a_case(), results=())
    with time_machine.travel(datetime(2026, 11, 24, 13, tzinfo=UTC), tick=False):
        assert "trainer: not before 2026-11-25T00:00:00Z" in shown(case, [one])
    with time_machine.travel(datetime(2026, 11, 25, 1, tzinfo=UTC), tick=False):
        assert "No undo has to wait" in shown(case, [one])
    assert "not known whether an undo must wait" in shown(
        case, [replace(one, after=None, until=None)]
    )


def test_attempt_that_has_not_said_what_it_wrote_is_not_taken_for_an_earlier_one() -> None:
    one = {"target": DENY.target, "captured": {"policy": BASE}}
    wrote = {"target": DENY.target, "written": {"policy": policy_text.digest(MERGED)}}
    stages = [("captured", {"changes": [one]}), ("contained", {"changes": [wrote]})]
    case = replace(a_case(Status.CONTAINING), plan=Plan((DENY,)))
    assert case_evidence.changes(case, copy_of(*stages))[0].after is not None
    (again,) = case_evidence.changes(case, copy_of(*stages, stages[0]))
    assert (again.before, again.after) == ({"policy": BASE}, None)


@pytest.mark.parametrize(
    ("status", "ended", "says"),
    [
        (Status.CONTAINED, "verified", "arn:aws:s3:::training-data: everybody"),
        (Status.CONTAINING, None, "Perhaps, it is not verified: arn:aws"),
        (Status.FAILED, "failed", "Perhaps, it is not verified: arn:aws"),
        (Status.CONTAINING, "waiting", "Perhaps, it is not verified: arn:aws"),
        (Status.RELEASING, "waiting", "arn:aws:s3:::training-data: everybody"),
        (Status.RELEASING, "restored", "Nobody, by these changes."),
        (Status.PARTLY_CONTAINED, "refused", "Nobody, by these changes."),
        (Status.AWAITING_APPROVAL, None, "If it is approved or contained: arn:aws"),
    ],
)
def test_who_is_shut_out_follows_how_each_change_ended(
    status: Status, ended: str | None, says: str
) -> None:
    case = replace(a_case(status), plan=Plan((DENY,)), results=())
    if ended:
        case = with_results(case, ActionStatus(ended))
    lines = shown(case).splitlines()
    assert lines[lines.index("Who is shut out") + 1].startswith(says)


# ---- the command ----


class Shown:
    """A stack with one case, whose evidence the caller may read or not."""

    deployment = DEPLOYMENT

    def __init__(self, copy: Copy | None) -> None:
        self.copy = copy

    def case(self, case: str) -> Case:
        return a_case()

    def evidence_copy(self, case: Case) -> Copy:
        if self.copy is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectVersions")
        return self.copy


def show(monkeypatch: pytest.MonkeyPatch, copy: Copy | None, *words: str) -> Any:
    monkeypatch.setattr(Stack, "named", lambda *_: Shown(copy))
    return CliRunner().invoke(cli.app, ["show", CASE, *words])


def test_reader_learns_what_only_evidence_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    said = show(monkeypatch, None)
    assert said.exit_code == 0
    assert "unknown: your credentials may not read evidence" in said.stdout
    assert isinstance(show(monkeypatch, None, "--diff").exception, ClientError)


def test_evidence_that_cannot_be_reached_keeps_nobody_from_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeout = Mock(side_effect=ReadTimeoutError(endpoint_url="https://s3"))
    monkeypatch.setattr(Shown, "evidence_copy", timeout)
    said = show(monkeypatch, None)
    assert said.exit_code == 0
    assert "unknown: evidence was not read: AWS cannot be reached" in said.stdout


def test_timeline_and_entries_are_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = copy_of(
        ("captured", {"decision": {"verdict": "contain", "reason": "mode is enforce"}}),
        ("releasing", {"by": "ada\x1b[31m", "why": "a website"}),
    )
    said = show(monkeypatch, copy, "--timeline", "--evidence")
    first, second, one, _ = said.stdout.splitlines()
    assert first == "2026-11-24T12:00:00Z captured contain: mode is enforce"
    assert second == "2026-11-24T12:01:00Z releasing by ada[31m, a website"
    assert one.startswith("1 ") and one.endswith(copy.chain.key(1))
    assert said.exit_code == 1 and "evidence NOT verified" in said.stderr  # no entry of a chain


def test_what_unverified_evidence_says_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    (action, *_) = a_case().plan.actions
    forged = {"target": action.target, "captured": {"x": "forged"}, "written": {"x": "y"}}
    copy = copy_of(("captured", {"changes": [forged]}), ("contained", {"changes": [forged]}))
    said = show(monkeypatch, copy)
    assert "unknown: the evidence is not verified" in said.stdout
    assert "forged" not in said.stdout
    assert show(monkeypatch, copy, "--diff").exit_code == 1


@pytest.mark.parametrize("wrote", [{}, {"before": 1, "policy": "{}"}])
def test_evidence_of_another_form_is_not_read(wrote: Any) -> None:
    with pytest.raises(case_evidence.NotAsWritten):
        evidence_of(RevokeRoleSessions(PLACE, "trainer"), {"policy": None}, wrote)
