"""From the bus to an outcome: every source, nothing twice, and nothing lost."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cordon.deciding.custom_actions import REVIEWER
from cordon.statuses import Status
from tests.e2e.account import Account
from tests.e2e.people import role
from tests.e2e.test_playbooks import state
from tests.examples import (
    NOBODY,
    QUARANTINE,
    TAG,
    event,
    folder_of,
    function_of,
    path_of,
    samples,
)

PUBLIC = "guardduty_anonymous_access"
CONTROL = "securityhub_sagemaker_1"
QUEUES = ("UndeliveredEvents", "FailedInvocations", "FailedBulkEvents", "FailedReports", "Reports")
SOURCES = {
    "GuardDuty": "guardduty_public_access",
    "Macie": "macie_public",
    "Config": "config_bucket_public_read",
    "Config, of AI": "config_sagemaker_notebook_direct_internet",
    "Security Hub": "securityhub_s3_2",
    "Security Hub, of AI": "securityhub_sagemaker_2",
    "Security Hub, of root": "securityhub_iam_4",
    "Security Hub's copy": "securityhub_guardduty_resource_credentials",
    "Security Hub V2": "ocsf_s3_8",
    "Security Hub V2's copy": "ocsf_guardduty_anonymous_access",
    "a custom action": "custom_action_contain_sagemaker_2",
}

# ---- each source ----


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_reaches_its_playbook(account: Account, source: str) -> None:
    one = event(SOURCES[source])
    account.stage(one)
    account.put(one)
    case = account.case()
    assert case.playbook == folder_of(SOURCES[source])
    assert case.status in (Status.CONTAINED, Status.TAGGED, Status.ESCALATED)
    assert nothing_dead(account)


def nothing_dead(account: Account) -> bool:
    """Are all four dead-letter queues empty, and no report waits to be made?"""
    return not any(account.messages(queue) for queue in QUEUES)


def test_the_custom_action_releases(account: Account) -> None:
    """On our own finding of the case, as Security Hub sends it."""
    one = event("securityhub_s3_2")
    account.stage(one)
    before = state(account, one)
    account.put(one)
    chosen = event("custom_action_release_s3_8")
    chosen["detail"]["findings"] = [plain(account.finding_of(account.case()))]
    account.put(chosen)
    assert account.case().status is Status.REOPENED
    assert account.case().decided_by == REVIEWER
    assert state(account, one) == before


def plain(finding: dict[str, Any]) -> dict[str, Any]:
    """A finding as an event carries it."""
    return dict(json.loads(json.dumps(finding, default=str)))


def test_passing_resource_is_untagged(account: Account) -> None:
    one = event(CONTROL)
    account.stage(one)
    before = state(account, one)
    account.put(one)
    assert account.case().status is Status.TAGGED
    account.put(event(f"{CONTROL}_passed"))
    assert account.case().status is Status.RELEASED
    assert state(account, one) == before


def test_unhandled_events_are_ignored(account: Account) -> None:
    """Nothing is requested of AWS, and nothing is written."""
    texts = [path_of(name).read_text() for name in samples(NOBODY)]
    assert len(texts) > 30
    before, calls_before = account.state(), len(account.calls())
    for text in texts:
        own = re.sub(r"cordon-(\w+Role)-\w{12}", lambda role: account.physical(role[1]), text)
        account.put_only(json.loads(own))
    account.settle()
    calls = account.calls(calls_before)
    assert [call for call in calls if not call["action"].startswith("logs:")] == []
    assert account.cases() == []
    assert account.state() == before
    assert nothing_dead(account)


# ---- nothing twice ----


@pytest.mark.parametrize("name", [PUBLIC, CONTROL])
def test_delivered_again_is_done_once(account: Account, name: str) -> None:
    one = event(name)
    account.stage(one)
    account.put(one)
    case, seen = account.case(), state(account, one)
    account.put(one)
    assert account.case() == case
    assert state(account, one) == seen
    assert len(account.incidents()) == (1 if name == PUBLIC else 0)


@pytest.mark.parametrize("name", [PUBLIC, CONTROL])
def test_delivered_at_the_same_time_is_done_once(account: Account, name: str) -> None:
    one = event(name)
    account.stage(one)
    before = state(account, one)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(account.put_only, [one] * 3))
    account.settle()
    case = account.case()
    assert case.status in (Status.CONTAINED, Status.TAGGED, Status.ESCALATED)
    assert len(account.holds()) == len(case.plan.actions)
    assert account.evidence(case)[0] == "captured"
    assert len(account.incidents()) == (1 if name == PUBLIC else 0)
    assert nothing_dead(account)
    account.stack.release(case, "to see that it was captured once")
    account.settle()
    assert state(account, one) == before


# ---- nothing lost ----


def test_unreadable_event_is_kept(account: Account) -> None:
    one = event(PUBLIC)
    del one["detail"]["id"]
    account.put(one)
    records = [json.loads(message["Body"]) for message in account.messages("FailedInvocations")]
    assert {record["responsePayload"]["errorType"] for record in records} == {"Malformed"}
    assert {record["requestContext"]["approximateInvokeCount"] for record in records} == {3}
    assert [without_id(record["requestPayload"]) for record in records] == [without_id(one)] * 2
    assert account.cases() == []


def without_id(one: dict[str, Any]) -> dict[str, Any]:
    """An event without what EventBridge says of each delivery."""
    return {k: v for k, v in one.items() if k in ("source", "detail-type", "detail", "resources")}


def test_failed_queued_event_is_kept(account: Account) -> None:
    one = event(CONTROL)
    del one["detail"]["findings"][0]["AwsAccountId"]
    account.put(one)
    (message,) = account.messages("FailedBulkEvents")
    assert without_id(json.loads(message["Body"])) == without_id(one)
    assert account.cases() == []


@pytest.mark.refused("dynamodb:BatchGetItem")
def test_failed_finding_is_handled_when_invoked_again(account: Account) -> None:
    one = event(PUBLIC)
    account.stage(one)
    with account.denied(function_of(QUARANTINE), "dynamodb:*"):
        account.put(one)
    assert account.cases() == []
    (record,) = drained(account, "FailedInvocations")
    assert "AccessDenied" in record["responsePayload"]["errorMessage"]
    account.client("lambda").invoke(
        FunctionName=record["requestContext"]["functionArn"],
        InvocationType="Event",
        Payload=json.dumps(record["requestPayload"]),
    )
    account.settle()
    assert account.case().status in (Status.CONTAINED, Status.TAGGED)
    assert nothing_dead(account)


@pytest.mark.refused("dynamodb:BatchGetItem")
def test_failed_bulk_is_handled_after_it_is_redelivered(account: Account) -> None:
    """By the desk, which alone may send to the queue beside its rules."""
    one = event(CONTROL)
    account.stage(one)
    with account.denied(function_of(TAG), "dynamodb:*"):
        account.put(one)
    assert account.cases() == []
    assert len(account.messages("FailedBulkEvents")) == 1
    eve = account.desk(role(account, "Eve", "operator"))
    said = eve("redeliver", {"queue": "FailedBulkEvents"})
    account.settle()
    assert (said.status, said.body["redelivered"], said.body["left"]) == (200, 1, 0)
    assert account.case().status in (Status.CONTAINED, Status.TAGGED)
    assert nothing_dead(account)


def test_undelivered_event_is_handled_later(account: Account) -> None:
    """Somebody took the rule's permission to invoke the function away."""
    one = event(PUBLIC)
    account.stage(one)
    function, rule = (
        account.physical(function_of(QUARANTINE)),
        account.physical(f"{function_of(QUARANTINE)}GuardDuty"),
    )
    lost = permission(account, function, rule)
    account.client("lambda").remove_permission(FunctionName=function, StatementId=lost["Sid"])
    account.put(one)
    assert account.cases() == []
    (message,) = account.messages("UndeliveredEvents")
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == lost["Condition"]["ArnLike"]["AWS:SourceArn"]
    assert function in attributes["TARGET_ARN"]
    account.client("lambda").add_permission(
        FunctionName=function,
        StatementId=lost["Sid"],
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=attributes["RULE_ARN"],
    )
    (event_again,) = drained(account, "UndeliveredEvents")
    account.client("lambda").invoke(
        FunctionName=attributes["TARGET_ARN"],
        InvocationType="Event",
        Payload=json.dumps(event_again),
    )
    account.settle()
    assert account.case().status in (Status.CONTAINED, Status.TAGGED)
    assert nothing_dead(account)


def permission(account: Account, function: str, rule: str) -> dict[str, Any]:
    """The statement that lets a rule invoke a function."""
    policy = json.loads(account.client("lambda").get_policy(FunctionName=function)["Policy"])
    (found,) = [s for s in policy["Statement"] if json.dumps(s).count(f"rule/{rule}")]
    return dict(found)


def drained(account: Account, queue: str) -> list[dict[str, Any]]:
    """The bodies of a queue's messages, which are taken out of it."""
    url, sqs = account.physical(queue), account.client("sqs")
    taken = account.messages(queue)
    for message in taken:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in taken]
