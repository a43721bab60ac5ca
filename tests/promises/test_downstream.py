"""A bucket and category is one case, its incident has the paths; a release untags all of it."""

import pytest

from cordon.statuses import Status
from embedded.backends import jobs, tags
from tests.examples import event
from tests.promises.permission_scenarios_jobs import run_jobs
from tests.promises.world import World

FIRST, SECOND = "macie_sensitive_data", "macie_sensitive_data_second_object"
KEY = "cordon:tainted:acme-training-data"


def tagged() -> set[str]:
    """The ends of the ARNs of what has the tag, beside the bucket."""
    return {arn.split(":", 5)[5] for arn, found in tags.everything().items() if KEY in found}


@pytest.mark.world("enforce")
def test_second_object_joins_the_case_whose_incident_has_the_paths(world: World) -> None:
    world.send(event(FIRST))
    world.account.deliver(event(SECOND))
    case = world.case()
    assert case.status is Status.TAGGED
    assert {"endpoint/scorer", "agent/AGENTDATA1", "imported-model/a0b1c2d3e4f5"} < tagged()
    (number,) = [world.reported(case).ops_item]
    item = world.account.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"]
    assert "knowledge-base/KBOFDATA01 → agent/AGENTDATA1" in item["Description"].replace("\\", "")
    assert "into line with the control" not in item["Description"]
    assert "training-job/train" in item["Description"]
    assert world.release(case).status is Status.REOPENED
    assert tagged() == set()


@pytest.mark.world("approve")
def test_approver_reads_which_command_has_what_would_be_tagged(world: World) -> None:
    """What it leads to is read after the approval: the question says how to see it before."""
    world.send(event(FIRST))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    assert tagged() == set()
    item = world.account.client("ssm").get_ops_item(OpsItemId=world.reported(case).ops_item)
    said = item["OpsItem"]["Description"].replace("\\", "")
    assert "cordon lineage arn:aws:s3:::acme-training-data --region us-east-1" in said
    world.approve(case)
    assert world.case().status is Status.TAGGED
    assert "endpoint/scorer" in tagged()


@pytest.mark.world("enforce", StopTrainingJobs="true")
def test_jobs_are_stopped_only_by_a_person_and_stay_so(world: World) -> None:
    """In enforce too: the question names those that run, and says that it cannot be undone."""
    running = run_jobs()
    world.send(event(FIRST))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    assert {jobs.every()[arn] for arn in running} == {"InProgress"} and tagged() == set()
    item = world.account.client("ssm").get_ops_item(OpsItemId=world.reported(case).ops_item)
    said = item["OpsItem"]["Description"].replace("\\", "")
    assert "it cannot be undone" in said
    assert all(arn.split(":", 5)[5] in case.reason for arn in running)
    world.approve(case)
    assert world.case().status is Status.CONTAINED  # after the time that one of them needs
    assert {jobs.every()[arn] for arn in running} == {"Stopped"}
    assert "endpoint/scorer" in tagged()
    assert world.release(world.case()).status is Status.REOPENED
    assert tagged() == set()
    assert {jobs.every()[arn] for arn in running} == {"Stopped"}
    kept = [one for one in world.case().results if one.action == "stop_jobs"]
    assert [one.status for one in kept] == ["kept"]


@pytest.mark.world("enforce", StopTrainingJobs="true")
def test_where_no_job_runs_the_case_is_tagged(world: World) -> None:
    world.send(event(FIRST))
    world.approve(world.case())
    assert world.case().status is Status.TAGGED
    assert "endpoint/scorer" in tagged()
    assert world.release(world.case()).status is Status.REOPENED
    assert tagged() == set()
