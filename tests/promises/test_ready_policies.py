"""Each verb's own example, run by a person who has its ready policies and nothing else.

A refused call is a failure, also where the verb calls a part *unknown* and goes on. To find the
stack (cloudformation:DescribeStacks) no emulator checks: every policy but *resources* has it.
"""

import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from console import cli
from console.desk import DeskResponse
from console.ready_policies import NEEDED
from console.stack import Stack
from cordon.memory.cases import Case
from cordon.statuses import Status
from embedded.journal import Called
from tests.examples import QUARANTINE, TAG, event, function_of, path_of
from tests.promises.permission_scenarios_people import with_digest_key
from tests.promises.policies import commands, user
from tests.promises.world import ROOT, World
from tests.verbs import verbs

VERBS = {name: one for name, one in verbs() if "region" in {p.name for p in one.params}}
PUBLIC, FAILS, REJECTED = "guardduty_public_access", "securityhub_sagemaker_1", "securityhub_s3_2"
AS_TYPED = {  # what an example calls something that this account calls otherwise
    "NAME": QUARANTINE.name,
    "event.json": str(path_of(REJECTED)),  # of a bucket that nothing contains
    "arn:aws:s3:::acme-data": "arn:aws:s3:::acme-model-artifacts",
    "2027-Q1": "2026-Q4",
}
MORE = {  # what a verb reads of the stack or the account only so
    "approve": ("--yes",),
    "contain": ("--yes",),
    "explain": ("7c98",),
    "plan": ("--live",),
    "report": ("--live",),
    "evidence case": ("--live",),
}


def test_every_verb_about_a_stack_names_its_policies() -> None:
    assert VERBS.keys() == NEEDED.keys()
    for name, files in NEEDED.items():
        assert files and all((ROOT / "docs" / one).is_file() for one in files)
        assert all(f"docs/{one}" in VERBS[name].epilog for one in files)


@pytest.mark.world("approve")
@pytest.mark.drawn(1 / 5)
def test_each_verb_runs_under_its_ready_policies(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with_digest_key(world, "ECC_NIST_P256")
    cases = {"": waiting(world, PUBLIC), "retry": waiting(world, FAILS)}
    with world.denied(function_of(TAG), "sagemaker:AddTags"):
        world.approve(cases["retry"])
    cases["reject"] = waiting(world, REJECTED)
    people: dict[tuple[str, ...], str] = {}
    for name in VERBS:
        if name == "evidence case":
            world.account.advance(timedelta(days=1), schedules="last")  # a digest is written
        needed = tuple(Path(one).stem for one in NEEDED[name])
        arn = people.setdefault(needed, "") or user(world, f"user{len(people)}", *needed)
        people[needed] = arn
        done = typed(world, arn, name, cases.get(name, cases[""]).id)
        assert done.exit_code in (0, 1) and isinstance(done.exception, SystemExit | None), (
            name,
            done.exception,
            done.output,
        )
        assert refused(world) == [], (name, done.output)
        assert "unknown: missing" not in done.output, (name, done.output)
    ended = {world.operator.case(one.id).status for one in cases.values()}
    assert ended == {Status.REOPENED, Status.REJECTED, Status.TAGGED}


def waiting(world: World, sample: str) -> Case:
    """The case of a sample, which awaits approval."""
    known = {case.id for case in world.cases}
    world.send(event(sample))
    (case,) = [one for one in world.cases if one.id not in known]
    assert case.status is Status.AWAITING_APPROVAL
    return case


def typed(world: World, arn: str, name: str, case: str) -> Result:
    """The verb's example as this person types it; what is decided is carried out at once."""
    example = VERBS[name].epilog.split("`")[1]
    words = [AS_TYPED.get(one, one) for one in (*shlex.split(example)[1:], *MORE.get(name, ()))]
    with commands(world, arn) as stack, pytest.MonkeyPatch.context() as patch:

        def send(verb: str, body: Any) -> DeskResponse:
            assert stack.desk is not None
            response = stack.desk(verb, body)
            with world.account.acting(""):
                world.account.settle()
            return response

        patch.setattr(Stack, "named", lambda *_: replace(stack, desk=send))
        if name == "lineage":  # it makes its clients as functions do, but of the whole of botocore
            session = boto3.session.Session()
            patch.setattr("cordon.clients._session", lambda: session)
        return CliRunner().invoke(cli.app, [case if one == "7c98" else one for one in words])


def refused(world: World) -> list[str]:
    """Calls of people that IAM refused, since the account began."""
    calls = (one for one in world.account.journal.of(Called) if not one.allowed)
    return [f"{one.service}:{one.operation}" for one in calls if ":user/" in one.caller]
