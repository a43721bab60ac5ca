"""The roads on which the desk makes every call that it can."""

import json

from moto.iam.models import iam_backends

from cordon.statuses import Status
from tests.examples import QUARANTINE, TAG, event, function_of
from tests.promises.policies import policy
from tests.promises.world import HOME, PLAYBOOKS, World

SSO_PATH = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
SSO_ROLE = "AWSReservedSSO_Approver_0123456789abcdef"


def decided(world: World) -> None:
    """A person of Identity Center approves, then releases."""
    iam = world.account.client("iam")
    iam.create_role(RoleName=SSO_ROLE, Path=SSO_PATH, AssumeRolePolicyDocument="{}")
    document = json.dumps(policy(world, "approver"))
    role = iam_backends[HOME[0]][HOME[2]].get_role(SSO_ROLE)  # only AWS may change such a role
    role.put_policy("approver", document)
    ada = f"arn:aws:sts::{HOME[0]}:assumed-role/{SSO_ROLE}/ada"
    world.set(f"modes.{QUARANTINE.name}", "approve")
    world.send(event("guardduty_public_access"))
    case = world.case()
    body = {"case": case.id, "plan": case.plan_hash}
    response = world.account.request("POST", "/approve", body, caller=ada)
    assert response.body["person"] == ada
    world.account.settle()
    assert world.case().status is Status.CONTAINED
    assert world.release(world.case()).status is Status.REOPENED


def changed_settings(world: World) -> None:
    """Entries are changed; the row forgets where its evidence ends; then Cordon is stopped."""
    world.operator.request("settings", {"change": {"do": "budget", "cases": 3}})
    world.account.client("dynamodb").update_item(
        **world.settings_row, UpdateExpression="REMOVE evidence_count, evidence_hash"
    )
    world.operator.request("stop", {})
    assert world.settings["evidence_count"] == 3  # the first is the deployment's


def invoked(world: World) -> None:
    """Dead letters of every function go back to it."""
    sqs, queue = world.account.client("sqs"), world.account.queues["FailedInvocations"].url
    one = event("guardduty_sample")
    for logical in PLAYBOOKS.values():
        arn = world.account.functions[logical].arn
        record = {"requestContext": {"functionArn": f"{arn}:$LATEST"}, "requestPayload": one}
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))
    done = world.operator.request("redeliver", {"queue": "FailedInvocations"})
    assert done["redelivered"] == len(PLAYBOOKS)
    world.account.settle()


def redelivered(world: World) -> None:
    """Dead letters of every queue go back to it."""
    sqs, queues = world.account.client("sqs"), world.account.queues
    body = json.dumps(event("securityhub_s3_5"))
    bulk = [queue.arn for name, queue in queues.items() if name.endswith("BulkQueue")]
    for arn in bulk:
        target = {"DataType": "String", "StringValue": arn}
        sqs.send_message(
            QueueUrl=queues["UndeliveredEvents"].url,
            MessageBody=body,
            MessageAttributes={"TARGET_ARN": target},
        )
    report = json.dumps({"playbook": QUARANTINE.name, "case": "0" * 16, "projection": "all"})
    sqs.send_message(QueueUrl=queues["FailedReports"].url, MessageBody=report)
    sqs.send_message(QueueUrl=queues["FailedBulkEvents"].url, MessageBody=body)
    done = {
        name: world.operator.request("redeliver", {"queue": name})
        for name in ("UndeliveredEvents", "FailedReports", "FailedBulkEvents")
    }
    assert [one["redelivered"] for one in done.values()] == [len(bulk), 1, 0]
    world.account.settle()


def given_up_by_a_queue(world: World) -> None:
    """A message that nobody can read goes back to the queue that gave it up, and again."""
    sqs, queues = world.account.client("sqs"), world.account.queues
    sqs.send_message(QueueUrl=queues[f"{function_of(TAG)}BulkQueue"].url, MessageBody="no JSON")
    world.account.settle()
    done = world.operator.request("redeliver", {"queue": "FailedBulkEvents"})
    assert done["redelivered"] == 1
    world.account.settle()
    assert world.account.messages("FailedBulkEvents") == ["no JSON"]


def given_up_by_the_stream(world: World) -> None:
    """What the reporter gave up of the table's stream is redelivered."""
    row = f"case#{QUARANTINE.name}#{'0' * 16}"
    records = [{"dynamodb": {"Keys": {"id": {"S": row}}}}]
    world.account.client("s3").put_object(
        Bucket=world.account.stack.resources["FailedRecords"].physical,
        Key="aws/lambda/mapping/shard/2026/11/24/2026-11-24T12.00.00-a",
        Body=json.dumps({"payload": json.dumps({"Records": records})}).encode(),
    )
    done = world.operator.request("redeliver", {"queue": "FailedRecords"})
    assert (done["redelivered"], done["left"]) == (1, 0)
    world.account.settle()


DESK_ROADS = (
    decided,
    changed_settings,
    invoked,
    redelivered,
    given_up_by_a_queue,
    given_up_by_the_stream,
)
