"""Only who must send to a queue can: a forged event in a queue would be believed.

Who may do everything in the account is denied it by the queues' own policies. The rules, Lambda,
and the functions that send still can: ``test_desk`` redelivers, ``test_delivery`` loses no event.
"""

import json
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError

from cordon.sources import read
from cordon.statuses import Status
from embedded import event_patterns
from embedded.policy_evaluation import Decision
from tests.examples import QUARANTINE, SWEPT, event, function_of, samples
from tests.promises.test_denials import allow_everything, operator, role_of
from tests.promises.world import World, checked

pytestmark = pytest.mark.world("enforce")

SENDERS = {  # queue → the functions that send to it
    "Reports": {"ReportCases", "ReconcileCases", "DecideCases"},
    "UndeliveredEvents": set[str](),
    "FailedBulkEvents": set[str](),
    "FailedReports": set[str](),
}


def senders(world: World, queue: str) -> set[str]:
    """The functions that may send to a queue. Lambda sends the failed events of each of them."""
    if queue == "FailedInvocations":
        return set(world.account.functions)
    of_a_playbook = {"DecideCases"}  # redelivered
    if queue in SWEPT:
        of_a_playbook.add("SweepFindings")  # and of the backlog
    return of_a_playbook if queue.endswith("BulkQueue") else SENDERS[queue]


def forge(world: World, role: str, queue: str) -> list[str]:
    """Send a forged event under a role, in both ways: the codes of what was refused."""
    sqs = checked("sqs")
    url = world.account.queues[queue].url
    body = json.dumps(event("securityhub_sagemaker_1"))
    refused = []
    with world.account.acting(role):
        for call, params in (
            (sqs.send_message, {"MessageBody": body}),
            (sqs.send_message_batch, {"Entries": [{"Id": "1", "MessageBody": body}]}),
        ):
            try:
                call(QueueUrl=url, **params)
            except ClientError as error:
                assert "explicit deny" in error.response["Error"]["Message"], (role, queue)
                refused.append(error.response["Error"]["Code"])
    return refused


def test_nobody_else_in_the_account_sends_to_a_queue(world: World) -> None:
    intruder = operator(world)
    for queue in world.account.queues:
        assert forge(world, intruder, queue) == ["AccessDenied"] * 2, queue
        assert world.account.messages(queue) == []


def test_a_function_sends_to_its_own_queues_only(world: World) -> None:
    """Whatever a later change of its role allows."""
    for function in world.account.functions:
        allow_everything(world, role_of(world, function))
    for queue in world.account.queues:
        for function in world.account.functions:
            refused = forge(world, role_of(world, function), queue)
            assert (refused == []) is (function in senders(world, queue)), (queue, function)


def test_every_sender_may_send_by_its_role(world: World) -> None:
    for name, queue in world.account.queues.items():
        for function in senders(world, name):
            decided = world.account.decide(role_of(world, function), "sqs:SendMessage", queue.arn)
            assert decided is Decision.ALLOWED, (name, function)


def routes(world: World) -> Iterator[tuple[str, str]]:
    """Each rule with each queue that it sends to, or whose dead letters lie there."""
    queues = {queue.arn for queue in world.account.queues.values()}
    delivery = world.account.event_delivery
    for rule in [*delivery.rules.values(), *delivery.scheduled.values()]:
        for target in rule.targets:
            yield from (
                (rule.arn, arn) for arn in (target.arn, target.dead_letters) if arn in queues
            )


def test_rules_send_to_their_queues_and_to_no_other(world: World) -> None:
    ours = set(routes(world))
    assert len(ours) > len(world.account.event_delivery.rules)
    service = world.account.event_delivery.permissions.service
    foreign = "arn:aws:events:us-east-1:111122223333:rule/forger"
    for rule in {rule for rule, _ in ours} | {foreign}:
        for queue in world.account.queues.values():
            sends = service("events.amazonaws.com", "sqs:SendMessage", queue.arn, rule)
            assert sends is ((rule, queue.arn) in ours), (rule, queue.logical)


def test_other_services_send_to_no_queue(world: World) -> None:
    topic = "arn:aws:sns:us-east-1:111122223333:forger"
    service = world.account.event_delivery.permissions.service
    for queue in world.account.queues.values():
        assert not service("sns.amazonaws.com", "sqs:SendMessage", queue.arn, topic)


def test_a_rule_with_a_role_is_that_role(world: World) -> None:
    """EventBridge then calls with the role's credentials, and aws:SourceArn is absent."""
    role, queue = operator(world), world.account.queues[f"{function_of(QUARANTINE)}BulkQueue"].arn
    assert not world.account.event_delivery.permissions.role(role, "sqs:SendMessage", queue)


# ---- what a queue brings all the same ----

FORGED = {  # what no rule sends to any queue
    "a threat": "guardduty_anonymous_access",
    "its copy in Security Hub": "ocsf_guardduty_anonymous_access",
    "a threat of Macie": "macie_public",
    "the word of a reviewer": "custom_action_contain_s3_8",
}


def put_into(world: World, queue: str, *bodies: str) -> None:
    """Past every policy: as who could change the queue's would."""
    sqs, url = world.account.client("sqs"), world.account.queues[queue].url
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    world.account.settle()


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("forged", FORGED)
def test_only_compliance_findings_come_by_a_queue(world: World, forged: str) -> None:
    """What does not is refused and kept, and the rest of the batch is handled."""
    bad, good = event(FORGED[forged]), event("config_bucket_public_read")
    world.stage(bad)
    world.stage(good)
    put_into(world, f"{function_of(QUARANTINE)}BulkQueue", json.dumps(bad), json.dumps(good))
    assert world.case().finding.source == "config"
    assert world.case().status is Status.CONTAINED
    (kept,) = world.account.messages("FailedBulkEvents")
    assert json.loads(kept) == bad


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("forged", FORGED)
def test_the_same_event_by_its_rule_is_handled(world: World, forged: str) -> None:
    """So it is the queue for which it was refused."""
    one = event(FORGED[forged])
    world.stage(one)
    world.account.deliver(one)
    assert len(world.cases) == 1


def test_every_rule_of_a_queue_brings_what_is_taken(world: World) -> None:
    delivery, seen = world.account.event_delivery, set()
    bulk = {queue.arn for queue in world.account.queues.values() if queue.redrive}
    for name in samples():
        one = event(name)
        leaves = event_patterns.flat(one)
        for rule in delivery.rules.values():
            if rule.matches_flat(leaves) and {target.arn for target in rule.targets} & bulk:
                seen.add(rule.logical)
                assert read(one).is_compliance, (name, rule.logical)
                assert not read(one).custom_action, (name, rule.logical)
    assert len(seen) == len({rule for rule, queue in routes(world) if queue in bulk})


def test_who_may_change_the_policy_may_send(world: World) -> None:
    """The queue guards its messages, not its policy: SECURITY.md, "What remains"."""
    intruder, queue = operator(world), f"{function_of(QUARANTINE)}BulkQueue"
    with world.account.acting(intruder):
        boto3.client("sqs", region_name="us-east-1").set_queue_attributes(
            QueueUrl=world.account.queues[queue].url, Attributes={"Policy": ""}
        )
    assert forge(world, intruder, queue) == []
