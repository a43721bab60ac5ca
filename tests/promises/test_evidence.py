"""What ``cordon evidence`` says of a deployed case: verified only where it is."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import cli
from console.evidence import verify
from console.stack import Stack
from cordon import VERSION
from cordon.finding import Fact, Finding
from cordon.frameworks import VERSIONS, framework_of
from cordon.lifecycle import stage
from cordon.memory.cases import Case
from tests.examples import HEADERS, event, folder_of, function_of
from tests.promises.world import World

PUBLIC = "guardduty_anonymous_access"
SAMPLES = (
    PUBLIC,
    "guardduty_privilege_escalation",
    "securityhub_sagemaker_1",
    "guardduty_root_credential_usage",
)


def evidence(world: World, case: Case, *words: str) -> Result:
    """``cordon evidence CASE``, by an operator of this stack."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stack, "named", lambda *_: world.operator)
        return CliRunner().invoke(cli.app, ["evidence", case.id, *words])


def last(world: World, case: Case) -> tuple[Any, dict[str, Any]]:
    """A client that no policy binds, and where the case's last entry lies."""
    bucket = world.account.stack.outputs["EvidenceBucket"]
    key = world.operator.evidence_copy(case).chain.key(case.evidence_end.seq)
    return world.account.client("s3"), {"Bucket": bucket, "Key": key}


@pytest.mark.world("observe")
@pytest.mark.parametrize("name", SAMPLES)
def test_an_observed_case_is_verified(world: World, name: str) -> None:
    _all_verified(world, name)


@pytest.mark.world("approve")
@pytest.mark.parametrize("name", SAMPLES)
def test_case_awaiting_approval_is_verified(world: World, name: str) -> None:
    _all_verified(world, name)


@pytest.mark.world("enforce")
@pytest.mark.parametrize("name", SAMPLES)
def test_a_contained_case_is_verified(world: World, name: str) -> None:
    _all_verified(world, name)


@pytest.mark.world("enforce")
def test_the_first_entry_says_the_controls_whichever_it_is(world: World) -> None:
    """An attempt that could write none has left its case to whoever releases it."""
    world.stage(event(PUBLIC))
    with world.denied(function_of(HEADERS[folder_of(PUBLIC)]), "s3:PutObject"):
        world.account.deliver(event(PUBLIC))
    assert world.evidence(world.case()) == []
    world.account.advance(timedelta(hours=1), schedules="none")
    case = world.release(world.case())
    first, *others = world.evidence(case)
    assert first["stage"] == "releasing"
    controls = [*HEADERS[case.playbook].controls]
    assert first["content"]["supports_evidence_for"] == controls != []
    assert not any("supports_evidence_for" in one["content"] for one in others)


def _all_verified(world: World, name: str) -> None:
    """The row names every entry, or the object written for the whole batch."""
    world.send(event(name))
    assert world.cases
    for case in world.cases:
        assert case.evidence_end.seq > 0 or case.observed
        copy = world.operator.evidence_copy(case)
        assert verify(copy) == []
        if not case.observed:  # else its record is in the object of the whole batch
            _says_what_it_is_evidence_for(case, json.loads(copy.bodies[0])["content"])


def _says_what_it_is_evidence_for(case: Case, decided: dict[str, Any]) -> None:
    header = HEADERS[case.playbook]
    assert decided["supports_evidence_for"] == list(header.controls)
    assert decided["cordon"] == VERSION
    assert decided["frameworks"].items() <= VERSIONS.items()
    assert {framework_of(control) for control in header.controls} == set(decided["frameworks"])
    assert [one["law"] for one in decided["periods_of_laws"]] == [c.law for c in header.clocks]
    finding = Finding.from_json(decided["finding"])
    assert decided["serves"] == header.serves
    assert decided["defence_layer"] == header.layer_of(finding)
    assert decided["lifecycle_stage"] == stage(finding)
    assert decided["ai_workload"] == finding.fact(Fact.WORKLOAD)


@pytest.mark.world("enforce")
def test_a_case_is_shown_and_verified(world: World) -> None:
    world.send(event(PUBLIC))
    case = world.case()
    ran = evidence(world, case)
    assert ran.exit_code == 0
    count = case.evidence_end.seq
    assert f"evidence verified: {count} entries, as the case's row says" in ran.output
    assert ran.stdout.count('"stage"') == count


@pytest.mark.world("enforce")
def test_a_case_without_its_last_entry_is_not_verified(world: World) -> None:
    """A3. First hidden, which anybody sees who lists versions; then missing."""
    world.send(event(PUBLIC))
    case = world.case()
    s3, where = last(world, case)
    version = s3.head_object(**where)["VersionId"]
    s3.delete_object(**where)
    hidden = evidence(world, case)
    assert hidden.exit_code == 1
    assert f"fault: entry {case.evidence_end.seq} was deleted: delete marker" in hidden.stderr
    s3.delete_object(**where, VersionId=version, BypassGovernanceRetention=True)
    lost = evidence(world, case)
    assert lost.exit_code == 1
    assert f"fault: entry {case.evidence_end.seq} is missing: the case's row names" in lost.stderr
    assert "evidence verified" not in hidden.output + lost.output


@pytest.mark.world("enforce")
def test_an_overwritten_entry_is_not_verified(world: World) -> None:
    world.send(event(PUBLIC))
    case = world.case()
    s3, where = last(world, case)
    s3.put_object(**where, Body=s3.get_object(**where)["Body"].read())
    ran = evidence(world, case)
    assert ran.exit_code == 1
    assert "has 2 versions, and one was written" in ran.stderr


@pytest.mark.world("enforce")
def test_entry_after_the_end_warns_until_chained(world: World) -> None:
    world.send(event(PUBLIC))
    case = world.case()
    s3, where = last(world, case)
    copy = world.operator.evidence_copy(case)
    number = case.evidence_end.seq + 1
    entry = json.loads(copy.bodies[-1]) | {"seq": number, "key": copy.chain.key(number)}
    entry["previous"] = case.evidence_end.hash
    s3.put_object(Bucket=where["Bucket"], Key=entry["key"], Body=json.dumps(entry).encode())
    ran = evidence(world, case)
    assert ran.exit_code == 3
    assert f"warning: entry {number} is after the end that the case's row names" in ran.stderr
    assert "evidence verified" not in ran.output
    released = world.release(case)
    assert verify(world.operator.evidence_copy(released)) == []


@pytest.mark.world("enforce")
def test_unreadable_entry_hides_no_other_entry(world: World) -> None:
    world.send(event(PUBLIC))
    case = world.case()
    s3, where = last(world, case)
    key = world.operator.evidence_copy(case).chain.key(case.evidence_end.seq + 1)
    s3.put_object(Bucket=where["Bucket"], Key=key, Body=b"\xff[")
    ran = evidence(world, case)
    assert ran.exit_code == 1
    assert ran.stdout.count('"stage"') == case.evidence_end.seq
    assert f"entry {case.evidence_end.seq + 1} cannot be shown as JSON" in ran.stderr
    assert f"fault: entry {case.evidence_end.seq + 1} is not UTF-8" in ran.stderr
