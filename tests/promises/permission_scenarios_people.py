"""The roads on which the reporter and the reconciler make every call that they can."""

import json
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError
from moto.kms.models import kms_backends

from cordon.statuses import Status
from embedded.journal import Called
from tests.examples import QUARANTINE, event
from tests.promises.world import World

PUBLIC = "guardduty_public_access"
COPY = "securityhub_guardduty_anonymous_access"
CONTROL = "securityhub_s3_8_per_standard"
DIGEST_KEY = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"


def shown(world: World) -> None:
    """A case is contained, shown anew as the daily check does, and released."""
    world.send(event(PUBLIC))
    case = world.case()
    body = {"playbook": case.playbook, "case": case.id, "projection": "all", "anew": True}
    world.account.client("sqs").send_message(
        QueueUrl=world.account.queues["Reports"].url, MessageBody=json.dumps(body)
    )
    world.account.settle()
    assert world.release(world.case()).status is Status.REOPENED
    for name in (COPY, CONTROL):
        world.send(event(name))


def not_shown_at_once(world: World) -> None:
    """OpsCenter does not take an incident: the case waits in the queue."""
    left = [{"Error": {"Code": "InternalServerError", "Message": "later"}}]

    def fail(call: Called) -> None:
        if call.operation == "CreateOpsItem" and left:
            error: Any = left.pop()
            raise ClientError(error, call.operation)

    world.account.after_call(fail)
    world.send(event(PUBLIC))
    assert world.reported(world.case()).version == world.case().version


def settings_past_the_desk(world: World) -> None:
    """Somebody writes the row of the settings: the reporter looks for evidence of it."""
    world.set("budget", 9)
    world.account.settle()
    world.account.advance(timedelta(minutes=2), schedules="last")


def too_late(world: World) -> None:
    """Nobody decides in time; a person resolves the incident of what was for them."""
    world.set(f"modes.{QUARANTINE.name}", "approve")
    world.send(event(PUBLIC))
    world.account.advance(timedelta(hours=5), schedules="last")
    assert world.case().status is Status.EXPIRED


def not_rung_for(world: World) -> None:
    """The stream does not move: what people were not shown is rung for by the queue."""
    world.account.set_mapping("ReportCasesStream", enabled=False)
    world.send(event(PUBLIC))
    world.account.advance(timedelta(minutes=30))
    assert world.reported(world.case()).version == world.case().version


def with_digest_key(world: World, spec: str = "RSA_2048") -> None:
    """Let the key be there; no call makes one of a given id."""
    made = world.account.client("kms").create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    keys = kms_backends[world.account.place.account][world.account.place.region].keys
    keys[DIGEST_KEY.rpartition("/")[2]] = keys.pop(made["KeyMetadata"]["KeyId"])


def digested(world: World) -> None:
    """A case is in the digest of a night, its release in that of the next; both are signed."""
    with_digest_key(world)
    world.send(event(PUBLIC))
    world.account.advance(timedelta(days=1), schedules="last")
    world.release(world.case())
    world.account.advance(timedelta(days=1), schedules="last")
    keys = world.account.client("s3").list_objects_v2(
        Bucket=world.account.stack.outputs["EvidenceBucket"], Prefix="digests/"
    )
    assert keys["KeyCount"] == 2


REPORTER_ROADS = (shown, not_shown_at_once, settings_past_the_desk)
RECONCILER_ROADS = (too_late, not_rung_for)
DIGEST_ROADS = (digested,)
