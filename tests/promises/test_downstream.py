"""A bucket and category is one case, its incident has the paths; a release untags all of it."""

import pytest

from cordon.statuses import Status
from embedded.backends import tags
from tests.examples import event
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
