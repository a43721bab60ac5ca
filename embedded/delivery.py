"""How EventBridge, SQS and Lambda deliver an event to its function.

EventBridge is here: "How EventBridge retries delivering events", "Using dead-letter queues". Lambda
reads its sources in ``queue_delivery`` and ``streams``, and tries what it accepted in
``asynchronous``. The template's policies decide whether a service may send: queue policy, Lambda
permission, the target's role.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from embedded import event_patterns
from embedded.asynchronous import AsynchronousInvocations
from embedded.clients import Clients
from embedded.dead_letters import DeadLetters
from embedded.destinations import Allowed, Destinations
from embedded.functions import Function, Runtime
from embedded.input_transformers import target_input
from embedded.journal import Dropped, Journal, Published, RuleMatched
from embedded.queue_delivery import QueueDelivery, queue_mappings
from embedded.queues import Queue, messages_in, queues_of, url_of
from embedded.rules import Rule, Target, rules_of, scheduled_rules_of
from embedded.scheduler import Clock
from embedded.service_permissions import SENDS, Permissions
from embedded.stack import Stack, Unresolved
from embedded.streams import StreamDelivery


@dataclass
class EventDelivery:
    """Delivers events to targets and messages to functions until nothing is left to do."""

    stack: Stack
    runtime: Runtime
    clock: Clock
    journal: Journal
    client: Clients
    allowed: Allowed
    rules: Mapping[str, Rule] = field(init=False)
    scheduled: Mapping[str, Rule] = field(init=False)
    queues: Mapping[str, Queue] = field(init=False)
    permissions: Permissions = field(init=False)
    dead_letters: DeadLetters = field(init=False)
    streams: StreamDelivery = field(init=False)
    from_queues: QueueDelivery = field(init=False)
    _asynchronous: AsynchronousInvocations = field(init=False)
    _events: deque[tuple[Mapping[str, Any], str]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.rules = rules_of(self.stack)
        self.scheduled = scheduled_rules_of(self.stack)
        self.queues = queues_of(self.stack)
        place, runtime, clock = self.stack.place, self.runtime, self.clock
        self.permissions = self._may = Permissions(self.stack)
        self.dead_letters = DeadLetters(place, self.journal, self.client, self.queues)
        destinations = Destinations(
            place, clock, self.journal, self.client, self._may, self.allowed, self.dead_letters
        )
        self._asynchronous = AsynchronousInvocations(runtime, clock, self.journal, destinations)
        mappings = queue_mappings(self.stack, runtime, self.queues.values())
        self.from_queues = QueueDelivery(mappings, place, runtime, self.client, self.dead_letters)
        self.streams = StreamDelivery(
            self.stack, runtime, clock, self.journal, destinations.discard
        )

    def begin(self) -> None:
        """From now on things are delivered. What a deployment left over is not."""
        self._events.clear()
        self._asynchronous.begin()
        self.from_queues.begin()
        self.streams.begin()

    def set_mapping(self, logical: str, *, enabled: bool) -> None:
        """Switch an event source mapping on or off. Raises LookupError for an unknown one."""
        if logical in self.streams.readers:
            self.streams.readers[logical].enabled = enabled
        else:
            self.from_queues.set_mapping(logical, enabled=enabled)

    def check_roles(self) -> None:
        """Raise Unresolved where a role cannot be assumed, or cannot read its function's source.

        Lambda and Step Functions refuse these when the stack is deployed.
        """
        users = [(f.role, "lambda", f.arn) for f in self.runtime.functions.values()]
        machines = self.stack.of("AWS::StepFunctions::StateMachine")
        users += [(m.properties["RoleArn"], "states", m.arn) for m in machines]
        for role, service, arn in users:
            if not self._may.assumable(role, f"{service}.amazonaws.com", arn):
                raise Unresolved(f"{service} cannot assume {role} for {arn}")
        for function, action, arn in self._reads():
            if not self._may.role(function.role, action, arn):
                raise Unresolved(f"{function.logical}: its role lacks {action} on {arn}")

    def _reads(self) -> Iterator[tuple[Function, str, str]]:
        """What the roles of functions must be allowed to read their sources."""
        for queued in self.from_queues.mappings:
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                yield queued.function, f"sqs:{action}", queued.queue.arn
        for streamed in self.streams.mappings:
            for action in ("GetRecords", "GetShardIterator", "DescribeStream"):
                yield streamed.function, f"dynamodb:{action}", streamed.stream
            yield streamed.function, "dynamodb:ListStreams", "*"  # the action has no resource

    # ---- EventBridge ----

    def put_later(self, event: Mapping[str, Any], bus: str = "default") -> None:
        """Accept an event; rules see it when the running call has ended."""
        self._events.append((event, bus))

    def put(self, event: Mapping[str, Any], bus: str = "default") -> list[Rule]:
        """Send an event to every rule that matches it."""
        leaves = event_patterns.flat(event)
        matched = [r for r in self.rules.values() if r.bus == bus and r.matches_flat(leaves)]
        for rule in matched:
            self._send_to_all(rule, event)
        return matched

    def put_scheduled(self, rule: Rule) -> None:
        """Send a scheduled rule's own event to its targets; no other rule sees it."""
        place = self.stack.place
        event = {
            "version": "0",
            "id": f"00000000-0000-4000-b000-{len(self.journal):012x}",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": place.account,
            "time": self.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": place.region,
            "resources": [rule.arn],
            "detail": {},
        }
        self._send_to_all(rule, event)

    def _send_to_all(self, rule: Rule, event: Mapping[str, Any]) -> None:
        targets = tuple(target.arn for target in rule.targets)
        matched = RuleMatched(rule.logical, str(event.get("id", "")), targets)
        self.journal.write(matched)
        for target in rule.targets:
            self._send(rule, target, event)

    def _send(self, rule: Rule, target: Target, event: Mapping[str, Any]) -> None:
        body = target_input(target.raw, event, rule.arn)
        refused = self._refused(rule, target)
        if not refused:
            refused = _SENDERS[target.arn.split(":")[2]](self, rule, target, body)
        if refused:
            self._undelivered(rule, target, event, refused)

    def _refused(self, rule: Rule, target: Target) -> str:
        """Why the target may not be reached, "" where it may."""
        service = target.arn.split(":")[2]
        if service not in _SENDERS:
            raise Unresolved(f"{rule.logical}: targets of {service} are not delivered to here")
        action = SENDS[service]
        if target.role:
            allowed = self._may.role(target.role, action, target.arn)
        else:
            allowed = self._may.service("events.amazonaws.com", action, target.arn, rule.arn)
        return "" if allowed else f"NO_PERMISSIONS: EventBridge may not {action} on {target.arn}"

    def _undelivered(
        self, rule: Rule, target: Target, event: Mapping[str, Any], reason: str
    ) -> None:
        body, arn = json.dumps(event), target.dead_letters
        if not arn:
            self.journal.write(Dropped(target.arn, body, reason))
        elif not self._may.service("events.amazonaws.com", "sqs:SendMessage", arn, rule.arn):
            self.journal.write(Dropped(arn, body, f"{reason}; and its queue's policy refuses it"))
        else:
            code, _, message = reason.partition(": ")
            self.dead_letters.send(
                arn,
                body,
                reason,
                {
                    "RULE_ARN": rule.arn,
                    "TARGET_ARN": target.arn,
                    "ERROR_CODE": code,
                    "ERROR_MESSAGE": message,
                    "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
                    "RETRY_ATTEMPTS": "0",
                },
            )

    def _to_lambda(self, _rule: Rule, target: Target, body: str) -> str:
        function = self.runtime.find(target.arn)
        if function is None:
            return f"RESOURCE_NOT_FOUND: {target.arn}"
        self.invoke_later(function, json.loads(body))
        return ""

    def _to_queue(self, _rule: Rule, target: Target, body: str) -> str:
        url = url_of(target.arn, self.stack.place)
        group = target.raw.get("SqsParameters", {}).get("MessageGroupId")
        extra = {"MessageGroupId": group} if group else {}
        self.client("sqs").send_message(QueueUrl=url, MessageBody=body, **extra)
        return ""

    def _to_topic(self, _rule: Rule, target: Target, body: str) -> str:
        self.client("sns").publish(TopicArn=target.arn, Message=body)
        self.journal.write(Published(target.arn, "", body))
        return ""

    def _to_machine(self, rule: Rule, target: Target, body: str) -> str:
        name = f"{len(self.journal):06d}_{rule.logical}"[:80]
        self.client("stepfunctions").start_execution(
            stateMachineArn=target.arn, name=name, input=body
        )
        return ""

    # ---- Lambda, asynchronously ----

    def invoke_later(self, function: Function, event: Any) -> None:
        """Lambda accepts an event: it responds before the function runs."""
        self._asynchronous.accept(function, event)

    # ---- driving ----

    def work(self) -> bool:
        """Do one thing that is due now. False if nothing is."""
        if self._events:
            self.put(*self._events.popleft())
            return True
        if self._asynchronous.work() or self.streams.work():
            return True
        worked = self.from_queues.work()
        self.dead_letters.note(self.dead_letter_queues())
        return worked

    def next_moment(self) -> datetime | None:
        """When the next thing is due. None if nothing waits."""
        due = (self.from_queues.next_moment(), self.streams.next_moment())
        moments = [*self._asynchronous.moments(), *(one for one in due if one is not None)]
        return min(moments, default=None)

    def dead_letter_queues(self) -> list[Queue]:
        """The queues that are a dead-letter queue or failure destination of something."""
        functions = self.runtime.functions.values()
        named = {q.redrive for q in self.queues.values()}
        named |= {a for f in functions for a in (f.dead_letters, f.on_failure)}
        named |= {one.on_failure for one in self.streams.mappings}
        named |= {t.dead_letters for r in self._all_rules() for t in r.targets}
        return [q for q in self.queues.values() if q.arn in named]

    def messages(self, queue: Queue) -> list[tuple[str, str]]:
        """(message id, body) of what is in a queue, visible or not, oldest first."""
        return [(m.id, m.body) for m in messages_in(queue, self.stack.place)]

    def redeliver(self, queue: Queue) -> int:
        """Send every message of a dead-letter queue to its original target.

        One that comes back by that stays: it is not sent again.
        """
        sqs, found = self.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            found.extend(messages)
        for message in found:
            self._redeliver_one(queue, message)
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        return len(found)

    def _redeliver_one(self, queue: Queue, message: Mapping[str, Any]) -> None:
        body = json.loads(message["Body"])
        attributes = message.get("MessageAttributes", {})
        if "TARGET_ARN" in attributes:
            arn = attributes["TARGET_ARN"]["StringValue"]
            rule = self._rule_of(attributes["RULE_ARN"]["StringValue"])
            target = next(t for t in rule.targets if t.arn == arn)
            self._send(rule, target, body)
        elif "requestPayload" in body:
            function = self.runtime.find(body["requestContext"]["functionArn"])
            assert function is not None
            self.invoke_later(function, body["requestPayload"])
        else:
            self._redrive(queue, message, body)

    def _rule_of(self, arn: str) -> Rule:
        return next(r for r in self._all_rules() if r.arn == arn)

    def _all_rules(self) -> list[Rule]:
        return [*self.rules.values(), *self.scheduled.values()]

    def _redrive(self, queue: Queue, message: Mapping[str, Any], body: Any) -> None:
        """Back to its source queue, or to the function whose DeadLetterConfig names this one."""
        owners = [f for f in self.runtime.functions.values() if f.dead_letters == queue.arn]
        if owners and "ErrorCode" in message.get("MessageAttributes", {}):
            self.invoke_later(owners[0], body)
            return
        url = self.dead_letters.source_of(queue, message).url
        self.client("sqs").send_message(QueueUrl=url, MessageBody=message["Body"])


_SENDERS: dict[str, Callable[[EventDelivery, Rule, Target, str], str]] = {
    "lambda": EventDelivery._to_lambda,
    "sqs": EventDelivery._to_queue,
    "sns": EventDelivery._to_topic,
    "states": EventDelivery._to_machine,
}
