"""What was deleted is put back as people decided it: as the deployment found it, or by the desk."""

from datetime import timedelta
from typing import Any

import pytest

from console.staging.baseline import BUCKET, THEIRS, baseline_of
from cordon.baseline import GUARDRAIL, LOGGING, Baseline, from_row
from cordon.finding import Place
from cordon.memory import setup_found
from cordon.memory.cases import ActionStatus
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from tests.examples import event, folder_of
from tests.promises.test_settings_commands import done
from tests.promises.world import HOME, PLAYBOOKS, Refused, World, logged

DELETED, REPLACED = (
    "cloudtrail_invocation_logging_deleted",
    "cloudtrail_invocation_logging_replaced",
)
ENFORCED = "cloudtrail_enforced_guardrail_replaced"
PLACE = Place(HOME[2], HOME[0], HOME[1])
TO_A_BUCKET = {"s3Config": {"bucketName": BUCKET}, "textDataDeliveryEnabled": True}
ELSEWHERE = {"s3Config": {"bucketName": THEIRS}, "textDataDeliveryEnabled": False}


def log(world: World, config: Any) -> None:
    s3 = world.account.client("s3")
    for name in (BUCKET, THEIRS):
        s3.create_bucket(Bucket=name)
    bedrock = world.account.client("bedrock")
    bedrock.put_model_invocation_logging_configuration(loggingConfig=config)


def logged_to(world: World) -> Any:
    bedrock = world.account.client("bedrock")
    return bedrock.get_model_invocation_logging_configuration().get("loggingConfig")


def delete(world: World) -> None:
    world.account.client("bedrock").delete_model_invocation_logging_configuration()


def known(world: World) -> Baseline:
    return from_row(world.settings["baseline"])


def test_first_baseline_is_the_deployments_and_every_later_one_a_persons(world: World) -> None:
    assert known(world).documents == {LOGGING: None, GUARDRAIL: None}
    log(world, TO_A_BUCKET)
    world.account.client("dynamodb").delete_item(**world.settings_row)
    world.account.custom_resource("Settings", "Create")
    first = known(world)
    assert first.of(LOGGING) == TO_A_BUCKET
    assert first.by.startswith("CloudFormation, ")

    log(world, ELSEWHERE)
    world.account.custom_resource("Settings", "Update")
    world.account.advance(timedelta(hours=1), schedules="last")
    assert known(world) == first
    found = setup_found.read(world.operator.table)["baseline"]
    assert (
        found
        == "the account differs from it in model invocation logging: look at `cordon baseline`"
    )

    shown = done(world, "baseline")
    assert THEIRS in shown and BUCKET in shown
    sha256 = shown.rpartition("cordon baseline take ")[2].strip()
    assert "the account was so at" in done(world, "baseline", "take", sha256)
    taken = known(world)
    assert taken.of(LOGGING) == ELSEWHERE
    assert taken.by.endswith("user/ada")


def test_what_was_deleted_is_put_back_and_stays_and_we_hear_nothing_of_ourselves(
    world: World,
) -> None:
    """Also where GuardDuty has found it too: two cases, and nothing more to change."""
    world.send(event(DELETED))
    document = baseline_of(PLACE).of(LOGGING)
    assert logged_to(world) == document
    after = world.state
    world.account.deliver(event("guardduty_bedrock_logging_disabled"))
    assert world.state == after
    first, second = world.cases
    assert first.status is second.status is Status.CONTAINED

    ours = event(REPLACED)
    ours["detail"]["requestParameters"] = {"loggingConfig": document}
    issuer = ours["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]
    role = world.account.functions[PLAYBOOKS[folder_of(DELETED)]].role
    issuer |= {"arn": role, "userName": role.rpartition("/")[2]}
    reasons = [said["reason"] for said in logged(world.account.deliver(ours), "ignored")]
    assert any("Cordon's own role" in reason for reason in reasons)
    assert len(world.cases) == 2

    world.release(first)
    released = world.release(second)
    assert released.status is Status.RELEASED
    assert [one.status for one in released.results] == [ActionStatus.KEPT]
    assert world.state == after
    assert world.troubles == []


def test_what_sets_the_baseline_is_recorded_and_what_does_not_is_a_question(world: World) -> None:
    world.stage(event(REPLACED))
    same = event(REPLACED)
    same["detail"]["requestParameters"] = {"loggingConfig": baseline_of(PLACE).of(LOGGING)}
    world.account.deliver(same)
    case = world.case()
    assert case.status is Status.OBSERVED
    assert case.reason == "the call set model invocation logging as the baseline has it"


def test_what_was_approved_of_another_baseline_is_not_carried_out(world: World) -> None:
    world.send(event(REPLACED))
    case, before = world.case(), world.state
    assert case.status is Status.AWAITING_APPROVAL
    other = Baseline({**baseline_of(PLACE).documents, LOGGING: TO_A_BUCKET})
    world.set("baseline", other.to_row())
    why = "the baseline is no longer what restore_invocation_logging puts back"
    with pytest.raises(Refused, match=why):
        world.approve(case)
    world.decide(case, Verb.APPROVE)  # it was changed after the desk had looked
    world.proceed(case)
    assert world.case().status is Status.EXPIRED
    assert why in world.case().decided_why
    assert world.state == before


def test_guardrail_of_the_baseline_is_enforced_again_once_approved(world: World) -> None:
    world.send(event(ENFORCED))
    assert world.case().status is Status.AWAITING_APPROVAL
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED
    (enforced,) = world.state["guardrails"].values()
    assert enforced["guardrailVersion"] == "2"


@pytest.mark.parametrize("row", [None, {"invocation_logging": "?"}])
def test_without_a_baseline_it_is_an_incident_with_what_the_call_was_given(
    world: World, row: Any
) -> None:
    world.stage(event(REPLACED))
    world.set("baseline", row or Baseline({LOGGING: None, GUARDRAIL: None}).to_row())
    before = logged_to(world)
    world.account.deliver(event(REPLACED))
    case = world.case()
    assert case.status is Status.ESCALATED
    assert THEIRS in case.plan.manual_step
    assert "there is no baseline" in case.plan.manual_step
    (incident,) = world.account.snapshot()["ssm"].values()
    assert incident["Status"] == "Open"
    assert logged_to(world) == before
