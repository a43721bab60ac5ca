"""Whoever misuses models is denied inference: what people read first, and what leads to nothing."""

import json
from typing import Any

import pytest

from console.playbook_blocks.block import calls_parameter
from cordon.statuses import Status
from embedded.journal import DeadLettered
from tests.examples import ESCALATE, RESTRICT, REVOKE, event
from tests.promises.world import Event, World, changed

COST = "guardduty_cost_harvesting"
INVOKED = "guardduty_anomalous_model_invocation"
AGREEMENT = "cloudtrail_model_agreement"
CALLS = (
    AGREEMENT,
    "cloudtrail_model_entitlement",
    "cloudtrail_use_case_for_models",
)
SEQUENCE = "guardduty_attack_sequence_iam"
DENY = "DenyInferencePolicy"


def attached(world: World, user: str = "rag-indexer") -> list[str]:
    listed = world.account.client("iam").list_attached_user_policies(UserName=user)
    return [policy["PolicyArn"] for policy in listed["AttachedPolicies"]]


def ours(world: World) -> str:
    return world.account.stack.resources[DENY].physical


# ---- what people read ----


@pytest.mark.world("approve")
def test_question_says_which_models_and_that_an_application_may_stop(world: World) -> None:
    world.send(event(COST))
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    (message,) = world.published
    text = message.message
    assert "anthropic.claude-sonnet-4-20250514-v1:0, amazon.nova-pro-v1:0" in text
    assert "counted 12000 times" in text
    assert "an application's own role is the usual principal" in text
    assert "stops the application's inference, and nothing else" in text
    assert "a call that has begun goes on until it ends" in text
    assert attached(world) == []
    world.approve(case)
    assert world.case().status is Status.CONTAINED
    assert attached(world) == [ours(world)]


def test_person_is_informed_where_iam_has_no_room(world: World) -> None:
    world.stage(event(COST))
    iam = world.account.client("iam")
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
        }
    )
    for number in range(10):
        made = iam.create_policy(PolicyName=f"own-{number}", PolicyDocument=document)
        iam.attach_user_policy(UserName="rag-indexer", PolicyArn=made["Policy"]["Arn"])
    world.account.deliver(event(COST))
    case = world.case()
    assert case.status is Status.FAILED
    assert "have the quota raised" in case.results[0].reason
    assert ours(world) not in attached(world)


def test_changed_policy_contains_nothing_and_is_refused(world: World) -> None:
    """Somebody made the policy deny less: a status must not say more than is true."""
    world.stage(event(COST))
    less = {"Effect": "Deny", "Action": "bedrock:InvokeFlow", "Resource": "*"}
    world.account.client("iam").create_policy_version(
        PolicyArn=ours(world),
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [less]}),
        SetAsDefault=True,
    )
    world.account.deliver(event(COST))
    case = world.case()
    assert case.status is not Status.CONTAINED
    assert "does not deny" in case.results[0].reason
    assert attached(world) == []


def test_cases_of_two_playbooks_on_one_user_undo_each_other_not(world: World) -> None:
    world.send(event(SEQUENCE))
    by_name = {case.playbook: world.in_time(case) for case in world.cases}
    assert by_name.keys() == {RESTRICT.name, REVOKE.name}
    assert attached(world, "mlops-ben") == [ours(world)]
    world.release(by_name[RESTRICT.name])
    assert attached(world, "mlops-ben") == []
    keys = world.account.client("iam").list_access_keys(UserName="mlops-ben")["AccessKeyMetadata"]
    assert {key["Status"] for key in keys} == {"Inactive"}


# ---- what leads to nothing ----


@pytest.mark.world("enforce", **{calls_parameter(RESTRICT.name): "false"})
@pytest.mark.parametrize("name", CALLS)
def test_calls_that_are_often_right_are_not_heard_by_default(world: World, name: str) -> None:
    world.stage(event(name))
    assert world.account.deliver(event(name)).rules == ()
    assert world.cases == []
    assert attached(world) == []


def refused(one: Event) -> Event:
    return changed(
        changed(one, "detail.errorCode", "AccessDenied"), "detail.responseElements", None
    )


def by_a_session(one: Event) -> Event:
    return changed(one, "detail.userIdentity.accessKeyId", "ASIAIOSFODNN7EXAMPLE")


def by_nobody(one: Event) -> Event:
    return changed(one, "detail.userIdentity", {"type": "IAMUser", "userName": "../../etc"})


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("change", [refused, by_a_session, by_nobody])
def test_call_that_failed_or_by_no_long_term_key_is_ignored(
    world: World, name: str, change: Any
) -> None:
    world.stage(event(name))
    world.account.deliver(change(event(name)))
    assert world.cases == []
    assert attached(world) == []
    assert world.troubles == []


@pytest.mark.parametrize("name", [COST, INVOKED, SEQUENCE])
@pytest.mark.parametrize(
    "change", [("detail.service.archived", True), ("detail.title", "[SAMPLE] a title")]
)
def test_archived_or_sample_is_ignored(world: World, name: str, change: tuple[str, Any]) -> None:
    world.stage(event(name))
    world.account.deliver(changed(event(name), *change))
    assert world.cases == []
    assert world.troubles == []


@pytest.mark.parametrize("name", [COST, INVOKED])
def test_principal_that_cannot_be_read_is_for_a_person(world: World, name: str) -> None:
    one = changed(event(name), "detail.resource.accessKeyDetails.userName", "a/../b")
    world.account.deliver(one)
    case = world.case()
    assert (case.playbook, case.status) == (ESCALATE.name, Status.ESCALATED)
    assert "names no principal that can be read" in case.plan.manual_step


@pytest.mark.parametrize("name", [COST, INVOKED, SEQUENCE, *CALLS])
def test_event_without_an_id_is_kept_for_a_person(world: World, name: str) -> None:
    broken = event(name)
    broken["detail"].pop("id" if "guardduty" in name else "eventID")
    world.account.deliver(broken)
    assert world.cases == []
    assert {dead.queue.rpartition(":")[2] for dead in world.account.journal.of(DeadLettered)}
