"""Events through the fixture stack: delivery, roles, retries, dead letters."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded.account import EmbeddedAccount
from embedded.deployed_code import DeployedCode
from embedded.iam_guard import Caller, EmulatorBroken
from embedded.journal import Called, DeadLettered, Dropped, Invoked, RuleMatched
from embedded.policy_evaluation import Decision
from embedded.required_permission import Unmapped
from embedded.stack import Unresolved
from embedded.tests.example import (
    ANYTHING,
    BUCKET,
    STACK,
    START,
    blocked,
    changed,
    critical,
    edited,
    enter,
    remembered,
    stage,
)
from embedded.unsupported_calls import NotEmbedded


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with enter() as entered:
        stage(entered)
        yield entered


# ---- through a rule to a function under its role ----


def test_an_event_reaches_its_function(account: EmbeddedAccount) -> None:
    delivery = account.deliver(critical())
    assert delivery.rules == ("BlockPublic",)
    kinds = [type(r) for r in delivery.records]
    assert kinds == [RuleMatched, Called, Called, Invoked]
    assert [(c.service, c.operation, c.allowed) for c in delivery.calls] == [
        ("s3", "PutPublicAccessBlock", True),
        ("dynamodb", "PutItem", True),
    ]
    assert delivery.calls[0].actions == (
        ("s3:PutBucketPublicAccessBlock", f"arn:aws:s3:::{BUCKET}"),
    )
    assert delivery.invocations[0].result == {"done": 1}
    assert blocked(account)
    assert remembered(account) == [BUCKET]


def test_an_event_of_the_api_is_delivered_by_the_rules(account: EmbeddedAccount) -> None:
    (event,) = changed({"id": "a"})
    entry = {"Source": event["source"], "DetailType": "x", "Detail": json.dumps(event["detail"])}
    account.client("events").put_events(Entries=[entry])
    account.settle()
    assert remembered(account) == ["a"]


def test_an_event_without_a_rule_does_nothing(account: EmbeddedAccount) -> None:
    assert account.deliver({**critical(), "source": "aws.other"}).records == ()


def test_a_call_beyond_the_role_is_refused(account: EmbeddedAccount) -> None:
    stage(account, "other-1")
    delivery = account.deliver(critical("other-1"))
    refused = delivery.calls[0]
    assert (refused.operation, refused.allowed, refused.error) == (
        "PutPublicAccessBlock",
        False,
        "AccessDenied",
    )
    assert not blocked(account, "other-1")
    assert "not authorized to perform: s3:PutBucketPublicAccessBlock" in (
        delivery.invocations[0].error
    )


@pytest.mark.parametrize("action", ["s3:PutBucketPublicAccessBlock", "dynamodb:PutItem"])
def test_role_without_an_action_fails(action: str, tmp_path: Path) -> None:
    with enter(edited(tmp_path, action, "sns:Publish")) as account:
        stage(account)
        delivery = account.deliver(critical())
        assert [c.actions[0][0] for c in delivery.calls if not c.allowed] == [action] * 3
        assert account.messages("Failed")


def test_a_refusal_has_the_services_own_words(account: EmbeddedAccount) -> None:
    account.client("iam").delete_role_policy(
        RoleName=account.stack.resources["BlockRole"].physical, PolicyName="block"
    )
    delivery = account.deliver(critical())
    assert delivery.calls[0].error == "AccessDenied"
    delivery = account.deliver(critical(Ask=True))
    assert delivery.calls[0].error == "AccessDeniedException"


def test_a_bucket_policy_binds_functions_only(account: EmbeddedAccount) -> None:
    deny = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutBucketPublicAccessBlock",
                "Resource": f"arn:aws:s3:::{BUCKET}",
                "Condition": {
                    "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/responders/*"}
                },
            }
        ],
    }
    account.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(deny))
    delivery = account.deliver(critical())
    assert "explicit deny" in delivery.invocations[0].error
    assert not blocked(account)


def test_decide_judges_any_principal(account: EmbeddedAccount) -> None:
    role = account.functions["Block"].role
    put = "s3:PutBucketPublicAccessBlock"
    assert account.decide(role, put, "arn:aws:s3:::victim-9") is Decision.ALLOWED
    assert account.decide(role, put, "arn:aws:s3:::else") is Decision.NOT_ALLOWED


def test_an_unmapped_call_stops_the_run(account: EmbeddedAccount, tmp_path: Path) -> None:
    with pytest.raises(Unmapped):
        account.guard.call(
            caller_of(account), boto3.client("s3"), "SelectObjectContent", {}, lambda: None
        )


def caller_of(account: EmbeddedAccount) -> Caller:
    return Caller("Block", account.functions["Block"].role)


def test_an_unknown_api_stops_the_run(account: EmbeddedAccount) -> None:
    with pytest.raises(NotEmbedded):
        account.client("frauddetector").get_detectors()


def test_a_call_can_be_made_under_a_role(account: EmbeddedAccount) -> None:
    role, s3 = account.functions["Block"].role, boto3.client("s3", region_name="us-east-1")
    with account.acting(role):
        s3.delete_public_access_block(Bucket="victim-1")
        with pytest.raises(ClientError, match="not authorized to perform: s3:DeleteBucket"):
            s3.delete_bucket(Bucket="victim-1")
    s3.delete_bucket(Bucket="victim-1")
    assert [call.allowed for call in account.journal.of(Called)] == [True, False]


def test_a_function_sees_only_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("EXAMPLE_TABLE", "from outside")
    seen: dict[str, str] = {}
    with enter(code=DeployedCode(settings=("EXAMPLE_",))) as account:
        account.runtime._handlers["Block"] = lambda event, context: seen.update(os.environ)
        account.invoke("Block", {})
        assert seen["AWS_LAMBDA_FUNCTION_NAME"] == account.functions["Block"].name
        assert seen["TABLE"] == account.stack.resources["Memory"].physical
    assert "EXAMPLE_TABLE" not in seen
    assert seen["AWS_REGION"] == "eu-central-1"
    assert os.environ["EXAMPLE_TABLE"] == "from outside"


def test_journal_keeps_the_prints_of_a_function(
    account: EmbeddedAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    def handler(event: Any, context: Any) -> None:
        sys.stdout.write(f"{context.get_remaining_time_in_millis()} ms left\n")

    account.runtime._handlers["Block"] = handler
    assert account.invoke("Block", {}).text == "30000 ms left\n"
    assert account.journal.of(Invoked)[0].log == "30000 ms left\n"
    assert capsys.readouterr().out == ""


def test_a_result_must_be_json(account: EmbeddedAccount) -> None:
    account.runtime._handlers["Block"] = lambda event, context: {1, 2}
    assert account.invoke("Block", {}).error.startswith("Runtime.MarshalError")


def test_no_handler_swallows_an_emulator_error(account: EmbeddedAccount) -> None:
    def broken() -> None:
        raise ZeroDivisionError("inside moto")

    with pytest.raises(EmulatorBroken, match="s3 HeadBucket: ZeroDivisionError: inside moto"):
        account.client("iam").create_role(RoleName="admin", AssumeRolePolicyDocument=ANYTHING)
        account.client("iam").put_role_policy(
            RoleName="admin", PolicyName="all", PolicyDocument=ANYTHING
        )
        account.guard.call(
            Caller("Ask", "arn:aws:iam::111122223333:role/admin"),
            account.client("s3"),
            "HeadBucket",
            {"Bucket": BUCKET},
            broken,
        )


# ---- asynchronous retries, destinations, crashes ----


def test_a_failing_function_is_tried_three_times(
    account: EmbeddedAccount,
) -> None:
    delivery = account.deliver(critical(Fail="no"))
    assert [(i.attempt, i.error) for i in delivery.invocations] == [
        (1, "ValueError: no"),
        (2, "ValueError: no"),
        (3, "ValueError: no"),
    ]
    assert account.now == START + timedelta(seconds=180)
    (body,) = account.messages("Failed")
    record = json.loads(body)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == critical(Fail="no")
    assert record["responsePayload"]["errorType"] == "ValueError"
    (dead,) = account.journal.of(DeadLettered)
    assert dead.queue == account.queues["Failed"].arn
    assert dead.reason == "ValueError: no"


def test_dead_letters_are_redelivered(account: EmbeddedAccount, tmp_path: Path) -> None:
    role = account.stack.resources["BlockRole"].physical
    iam = account.client("iam")
    held = iam.get_role_policy(RoleName=role, PolicyName="block")["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName="block")
    account.deliver(critical())
    assert not blocked(account)
    iam.put_role_policy(RoleName=role, PolicyName="block", PolicyDocument=json.dumps(held))
    delivery = account.redeliver("Failed")
    assert [i.error for i in delivery.invocations] == [""]
    assert blocked(account)
    assert account.messages("Failed") == []


def test_an_event_without_a_destination_is_lost(tmp_path: Path) -> None:
    path = edited(tmp_path, "Action: sqs:SendMessage\n            Resource: !GetAtt Failed.Arn",
                  "Action: sqs:SendMessage\n            Resource: !GetAtt Work.Arn")  # fmt: skip
    with enter(path) as account:
        account.deliver(critical(Fail="no"))
        (lost,) = account.journal.of(Dropped)
        assert lost.where == account.queues["Failed"].arn
        assert account.messages("Failed") == []


def test_a_crash_keeps_effects_and_is_retried(account: EmbeddedAccount) -> None:
    account.crash_after(1)
    delivery = account.deliver(critical())
    first, second = delivery.invocations
    assert first.crashed
    assert first.error.startswith("Runtime.ExitError")
    assert [c.operation for c in delivery.calls] == [
        "PutPublicAccessBlock",
        "PutPublicAccessBlock",
        "PutItem",
    ]
    assert second.result == {"done": 1}
    assert account.now == START + timedelta(seconds=60)


def test_a_dead_sandbox_makes_no_more_calls(account: EmbeddedAccount) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def handler(event: Any, context: Any) -> None:
        s3 = boto3.client("s3", region_name="eu-central-1")
        with ThreadPoolExecutor(1) as pool:
            jobs = [pool.submit(s3.get_public_access_block, Bucket=BUCKET) for _ in range(3)]
        for job in jobs:
            job.result()

    stage(account, "victim-2")
    account.client("s3").put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    account.runtime._handlers["Block"] = handler
    account.crash_after(2)
    outcome = account.invoke("Block", {})
    assert outcome.crashed
    assert len(account.journal.of(Called)) == 2


# ---- SQS to Lambda ----


def test_only_the_bad_message_of_a_batch_returns(account: EmbeddedAccount) -> None:
    for event in changed({"id": "a"}, {"id": "b", "fail": True}, {"id": "c"}):
        account.event_delivery.put(event)
    account.settle()
    first, *others = account.journal.of(Invoked)
    assert [json.loads(r["body"])["id"] for r in first.event["Records"]] == ["a", "b", "c"]
    assert all(len(i.event["Records"]) == 1 for i in others)
    assert remembered(account) == ["a", "c"]
    assert len(others) == 2
    (dead,) = account.journal.of(DeadLettered)
    assert dead.queue == account.queues["Spoiled"].arn
    assert json.loads(dead.body) == {"id": "b", "fail": True}
    assert account.now == START + timedelta(seconds=3 * 180, milliseconds=3)
    assert account.messages("Work") == []


def test_a_mapping_of_a_queue_can_begin_switched_off(tmp_path: Path) -> None:
    with enter(
        edited(tmp_path, "BatchSize: 10", "BatchSize: 10\n            Enabled: false")
    ) as off:
        off.deliver(changed({"id": "a"})[0])
        assert off.journal.of(Invoked) == []
        assert len(off.messages("Work")) == 1


def test_a_record_has_the_form_of_lambda(account: EmbeddedAccount) -> None:
    (event,) = changed({"id": "a"})
    delivery = account.deliver(event)
    (record,) = delivery.invocations[0].event["Records"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == account.queues["Work"].arn
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert json.loads(record["body"]) == {"id": "a"}  # InputPath $.detail


@pytest.mark.parametrize(
    "response",
    [
        {"batchItemFailures": [{"itemIdentifier": "nobody"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": ["odd"]},
    ],
)
def test_malformed_response_fails_the_whole_batch(
    account: EmbeddedAccount, response: dict[str, Any]
) -> None:
    account.runtime._handlers["Bulk"] = lambda event, context: response
    for event in changed({"id": "a"}, {"id": "b"}):
        account.event_delivery.put(event)
    account.settle()
    assert len(account.messages("Spoiled")) == 2


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": []}])
def test_empty_response_is_success(account: EmbeddedAccount, response: Any) -> None:
    account.runtime._handlers["Bulk"] = lambda event, context: response
    account.deliver(changed({"id": "a"})[0])
    assert account.messages("Work") == []
    assert account.messages("Spoiled") == []


def test_spoiled_messages_return_to_their_queue(account: EmbeddedAccount) -> None:
    account.deliver(changed({"id": "b", "fail": True})[0])
    assert len(account.messages("Spoiled")) == 1
    account.runtime._handlers["Bulk"] = lambda event, context: None
    account.redeliver("Spoiled")
    assert account.messages("Spoiled") == []
    assert account.messages("Work") == []


def test_a_role_must_read_its_queue(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        "CodeUri: functions/bulk",
        "Role: !GetAtt BlockRole.Arn\n      CodeUri: functions/bulk",
    )
    with pytest.raises(Unresolved, match="its role lacks sqs:ReceiveMessage"), enter(path):
        pass


def test_a_service_must_assume_its_role(tmp_path: Path) -> None:
    path = edited(tmp_path, "{Service: states.amazonaws.com}", "{Service: ec2.amazonaws.com}")
    with pytest.raises(Unresolved, match="states cannot assume"), enter(path):
        pass


# ---- what EventBridge may not deliver ----


def test_a_refusing_queue_dead_letters_the_event(account: EmbeddedAccount) -> None:
    event = {"id": "r", "source": "refused", "detail": {}}
    account.deliver(event)
    assert account.messages("Failed") == []
    assert [json.loads(m) for m in account.messages("Undelivered")] == [event]
    (dead,) = account.journal.of(DeadLettered)
    assert dead.reason.startswith("NO_PERMISSIONS")


def test_a_rule_needs_permission_to_call(
    account: EmbeddedAccount,
) -> None:
    account.event_delivery._may._policies.pop(account.functions["Block"].arn)
    delivery = account.deliver(critical())
    assert delivery.invocations == []
    assert len(account.messages("Undelivered")) == 1
    account.event_delivery._may._add(
        account.functions["Block"].arn,
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]},
    )
    account.redeliver("Undelivered")
    assert blocked(account)


def test_endless_invocations_are_an_error(
    account: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.functions.MOST_AT_ONE_MOMENT", 5)
    for _ in range(5):
        account.invoke("Block", {"do": "ask"})
    with pytest.raises(EmulatorBroken, match="invoked 6 times, Block last"):
        account.invoke("Block", {"do": "ask"})
    account.advance(timedelta(seconds=1))
    account.invoke("Block", {"do": "ask"})


# ---- one account after another ----


def story() -> list[str]:
    with enter() as account:
        stage(account)
        account.deliver(critical())
        account.deliver(critical(Ask=True))
        account.deliver(changed({"id": "b", "fail": True})[0])
        account.advance(timedelta(hours=3))
        return [str(record) for record in account.journal]


def test_two_runs_have_the_same_journal() -> None:
    assert story() == story()


def test_an_account_leaves_nothing_behind() -> None:
    with enter() as first:
        stage(first)
        first.deliver(critical())
    with enter() as second:
        assert remembered(second) == []
        assert BUCKET not in second.snapshot()["s3"]


def test_second_account_at_a_time_is_refused(account: EmbeddedAccount) -> None:
    with pytest.raises(RuntimeError, match="entered already"), enter():
        pass


def test_names_follow_account_and_partition() -> None:
    with EmbeddedAccount(
        STACK / "template.yaml",
        account="999988887777",
        region="us-gov-west-1",
        partition="aws-us-gov",
        start=START,
    ) as account:
        account.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-gov-west-1"}
        )
        delivery = account.deliver(critical())
        assert delivery.calls[0].principal.startswith("arn:aws-us-gov:iam::999988887777:role/")
        assert blocked(account)


def test_a_new_setting_has_effect_at_once(account: EmbeddedAccount) -> None:
    account.set_parameter("/example/example/switch", "off")
    response = account.client("ssm").get_parameter(Name="/example/example/switch")
    assert response["Parameter"]["Value"] == "off"


def test_account_has_its_stack(account: EmbeddedAccount) -> None:
    assert set(account.functions) == {"Block", "Bulk"}
    assert set(account.rules) == {"BlockPublic", "ToWork", "ToRefused"}
    assert set(account.queues) == {"Work", "Spoiled", "Failed", "Undelivered"}
    assert account.machines["Ask"].definition["StartAt"] == "Wait"
    assert "block" in account.policies("Block")
    assert any(name.endswith("AWSLambdaBasicExecutionRole") for name in account.policies("Block"))
    assert account.functions["Block"].environment["TABLE"]
