"""People decide at one desk, in the whole stack: by its API, and nothing past it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from console import access_log
from console.settings_commands import stop_directly
from cordon.deciding.custom_actions import REVIEWER
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.functions import InvocationResult
from embedded.http_api import HttpResponse
from tests.examples import QUARANTINE, event, function_of
from tests.promises.policies import user
from tests.promises.world import HOME, World, chosen

NAME = "guardduty_public_access"
BULK = "securityhub_s3_2"
pytestmark = pytest.mark.world("approve")


def waiting(world: World) -> Case:
    world.send(event(NAME))
    return world.case()


def sends(world: World, by: str, verb: str, body: Mapping[str, Any]) -> HttpResponse:
    response = world.account.request("POST", f"/{verb}", dict(body), caller=by)
    world.account.settle()
    return response


def approval(case: Case) -> dict[str, str]:
    return {"case": case.id, "plan": case.plan_hash}


def forged(world: World, case: Case, by: str, **context: Any) -> InvocationResult:
    """What whoever may invoke the function can write: an event as if by the API."""
    api = world.account.stack.outputs["DeskUrl"].split("//")[1].split(".")[0]
    said = {"apiId": api, "requestId": "forged=", "http": {"sourceIp": "203.0.113.7"}}
    named = {"authorizer": {"iam": {"userArn": by, "accessKey": "AKIAFORGED"}}}
    request = {
        "routeKey": "POST /approve",
        "requestContext": {**said, **named, **context},
        "body": json.dumps(approval(case)),
    }
    outcome = world.account.invoke("DecideCases", request)
    world.account.settle()
    return outcome


def faults(world: World) -> list[str]:
    operator = world.operator
    return [str(one) for one in access_log.compared(operator.evidence_copy(world.case()), operator)]


# ---- what is decided, and what is left of it ----


def test_who_approved_is_named_by_aws_and_known_to_the_access_log(world: World) -> None:
    case, ada = waiting(world), user(world, "ada", "approver")
    response = sends(world, ada, "approve", approval(case))
    assert (response.status, response.body["person"]) == (200, ada)
    assert world.case().status is Status.CONTAINED
    (approved,) = (one for one in world.evidence(case) if one["stage"] == "approved")
    (seen,) = approved["content"]["witnesses"]
    assert (seen["by"], seen["source_ip"]) == (ada, "203.0.113.7")
    assert seen["invocation"] and seen["request"]
    assert faults(world) == []
    assert world.refused == []


def test_a_forged_request_is_carried_out_and_found(world: World) -> None:
    """Who may invoke the desk may approve, in whatever name: its API's log does not know it."""
    case, boss = waiting(world), f"arn:aws:iam::{HOME[0]}:user/the.boss"
    assert not forged(world, case, boss).failed
    assert world.case().status is Status.CONTAINED
    (fault,) = faults(world)
    assert "the access log does not know the request forged= of" in fault


def test_the_id_of_anothers_request_does_not_hide_it(world: World) -> None:
    """A request of the boss there is, with this very verb; it led to another invocation."""
    case, boss = waiting(world), user(world, "boss", "approver")
    real = sends(world, boss, "approve", {"case": case.id, "plan": "0" * 64})
    assert real.status == 409
    (line,) = access_lines(world)
    forged(world, case, boss, requestId=line["requestId"])
    assert world.case().status is Status.CONTAINED
    (fault,) = faults(world)
    assert "was used a second time" in fault


def access_lines(world: World) -> list[dict[str, Any]]:
    found = world.account.client("logs").filter_log_events(
        logGroupName=world.account.stack.outputs["DeskLog"]
    )
    return [json.loads(one["message"]) for one in found["events"]]


def test_a_request_of_another_api_is_refused(world: World) -> None:
    case = waiting(world)
    outcome = forged(world, case, f"arn:aws:iam::{HOME[0]}:user/x", apiId="other")
    assert json.loads(outcome.payload)["statusCode"] == 403
    assert world.case() == case


@pytest.mark.parametrize(
    "command", [{"do": "approve"}, {"cordon": {"do": "approve"}}, {"Records": []}]
)
def test_nothing_but_to_stop_is_invoked_directly(world: World, command: dict[str, Any]) -> None:
    case = waiting(world)
    assert world.account.invoke("DecideCases", {**command, "case": case.id}).failed
    assert world.case() == case


def test_stop_directly(world: World) -> None:
    said = stop_directly(world.operator, observe=False)
    assert "it is written who did it" in said["says"]
    assert world.settings["master_switch"] == "off"
    assert "AWS names no person" in world.settings["changed_by"]


@pytest.mark.world("approve", TwoApprovers="true")
def test_two_people_approve(world: World) -> None:
    case = waiting(world)
    ada, bob = (user(world, name, "approver") for name in ("ada", "bob"))
    assert sends(world, ada, "approve", approval(case)).body["complete"] is False
    assert world.case().status is Status.AWAITING_APPROVAL
    assert sends(world, ada, "approve", approval(case)).status == 403
    assert sends(world, bob, "approve", approval(case)).body["complete"] is True
    assert world.case().status is Status.CONTAINED
    (approved,) = (one for one in world.evidence(case) if one["stage"] == "approved")
    assert [one["by"] for one in approved["content"]["witnesses"]] == [ada, bob]
    assert faults(world) == []


def test_resource_is_contained_by_its_arn(world: World) -> None:
    world.stage(event(NAME))
    (bucket,) = world.state["s3"]
    ada = user(world, "ada", "approver")
    body = {
        "resource": f"arn:aws:s3:::{bucket}",
        "playbook": QUARANTINE.name,
        "why": "it leaks",
    }
    response = sends(world, ada, "contain", body)
    assert response.status == 200, response.body
    case = world.case()
    assert (case.id, case.status) == (response.body["case"], Status.CONTAINED)
    assert case.decided_by == ada
    content = world.evidence(case)[0]["content"]
    assert (content["named_by"], content["why"]) == (ada, "it leaks")
    assert faults(world) == []


def test_failed_changes_are_tried_again(world: World) -> None:
    case, ada = waiting(world), user(world, "ada", "approver")
    with world.denied(function_of(QUARANTINE), "s3:PutBucketPublicAccessBlock"):
        sends(world, ada, "approve", approval(case))
    assert world.case().failed or world.case().status is Status.CONTAINED
    if world.case().failed:
        assert sends(world, ada, "retry", {"case": case.id}).status == 200
    assert world.case().status is Status.CONTAINED


def test_rejected_at_the_desk(world: World) -> None:
    case, ada = waiting(world), user(world, "ada", "approver")
    before = world.state
    sends(world, ada, "reject", {"case": case.id, "why": "a website"})
    assert world.case().status is Status.REJECTED
    assert world.state == before
    assert faults(world) == []


# ---- custom actions ----


def test_contain_chosen_in_security_hub_is_for_a_person(world: World) -> None:
    world.set(f"modes.{QUARANTINE.name}", "observe")
    world.send(event("custom_action_contain_s3_8"))
    assert world.case().status is Status.AWAITING_APPROVAL
    assert world.refused == []


@pytest.mark.world("enforce")
def test_release_chosen_in_security_hub_names_nobody(world: World) -> None:
    world.send(event(BULK))
    case = world.case()
    assert case.status is Status.CONTAINED
    world.account.deliver(chosen("CordonRelease", event(BULK)["detail"]["findings"][0]))
    assert world.case().status is Status.REOPENED
    assert world.case().decided_by == REVIEWER
    (fault,) = faults(world)[:1]
    assert fault.startswith("warning") and "by no API" in fault
    assert world.refused == []


@pytest.mark.world("enforce", ReleaseFromSecurityHub="false")
def test_release_from_security_hub_may_be_switched_off(world: World) -> None:
    world.send(event(BULK))
    world.account.deliver(chosen("CordonRelease", event(BULK)["detail"]["findings"][0]))
    assert world.case().status is Status.CONTAINED


# ---- redelivery ----


@pytest.mark.world("enforce")
def test_dead_letters_of_a_function_are_handled_after_all(world: World) -> None:
    ada = user(world, "ada", "operator")
    with world.denied(function_of(QUARANTINE), "dynamodb:BatchGetItem"):
        world.send(event(NAME))
    assert world.cases == []
    done = sends(world, ada, "redeliver", {"queue": "FailedInvocations"})
    assert (done.status, done.body["redelivered"], done.body["left"]) == (200, 1, 0)
    assert world.case().status is Status.CONTAINED


@pytest.mark.world("enforce")
def test_dead_letters_of_a_queue_are_handled_after_all(world: World) -> None:
    ada = user(world, "ada", "operator")
    with world.denied(function_of(QUARANTINE), "dynamodb:BatchGetItem"):
        world.send(event(BULK))
    assert world.cases == []
    done = sends(world, ada, "redeliver", {"queue": "FailedBulkEvents"})
    assert (done.status, done.body["redelivered"], done.body["left"]) == (200, 1, 0)
    assert world.case().status is Status.CONTAINED


# ---- the role ----


def test_only_the_desk_and_setup_prove_settings(world: World) -> None:
    """No playbook's role writes below settings/. The first entry is the deployment's."""
    bucket = world.account.stack.outputs["EvidenceBucket"]
    operator = user(world, "ada", "operator")
    assert (
        sends(world, operator, "settings", {"change": {"do": "budget", "cases": 3}}).status == 200
    )
    listed = world.account.client("s3").list_objects_v2(Bucket=bucket, Prefix="settings/")
    assert [one["Key"] for one in listed["Contents"]] == [
        f"settings/{HOME[0]}/settings/{number}.json" for number in ("000001", "000002")
    ]
    assert world.refused == []


def test_a_waiting_case_is_not_decided_by_its_row_alone(world: World) -> None:
    """The decision's row is the desk's; a round that it is not about says nothing."""
    case = waiting(world)
    world.decide(case, Verb.APPROVE, round=2)
    world.proceed(case)
    assert world.case().status is Status.AWAITING_APPROVAL
