"""Data that failed its quality rules: where it lies is tagged, which stops nobody and says so."""

import pytest

from cordon.statuses import Status
from embedded.journal import DeadLettered
from tests.examples import event
from tests.promises.world import World

FAILED, PASSED = "glue_data_quality_failed", "glue_data_quality_succeeded"
KEY = "cordon:low-quality:acme_training/customers"


def bucket_tags(world: World) -> dict[str, str]:
    found = world.account.client("s3").get_bucket_tagging(Bucket="acme-training-data")["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


@pytest.mark.world("enforce")
def test_bucket_is_tagged_until_the_same_rules_pass(world: World) -> None:
    world.stage(event(FAILED))
    before = bucket_tags(world)
    world.account.deliver(event(FAILED))
    case = world.case()
    assert case.status is Status.TAGGED
    assert bucket_tags(world) == {**before, KEY: case.id}
    item = world.account.client("ssm").get_ops_item(OpsItemId=world.reported(case).ops_item)
    said = item["OpsItem"]["Description"].replace("\\", "")
    assert "The resource itself was not changed" in said
    assert "the table's data lies in s3://acme-training-data/customers/" in said
    assert "jobs go on to train on it" in said
    assert "contained" not in item["OpsItem"]["Title"]
    world.account.deliver(event(PASSED))
    assert world.case().status is Status.RELEASED
    assert bucket_tags(world) == before


@pytest.mark.world("enforce")
def test_result_that_cannot_be_read_is_kept_for_people(world: World) -> None:
    """Without the table's name nothing says which data it is about."""
    broken = event(FAILED)
    del broken["detail"]["context"]["tableName"]
    world.account.deliver(broken)
    assert world.cases == []
    assert {dead.queue.rpartition(":")[2] for dead in world.account.journal.of(DeadLettered)}


@pytest.mark.world("enforce")
def test_state_that_is_neither_failed_nor_passed_leads_to_nothing(world: World) -> None:
    undecided = event(FAILED)
    undecided["detail"]["state"] = "STOPPED"
    assert world.account.deliver(undecided).rules == ()
