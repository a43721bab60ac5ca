"""How EventBridge, SQS and Lambda deliver an event to its function.

EventBridge: "How EventBridge retries delivering events", "Using dead-letter queues". Lambda:
"Error handling for asynchronous invocation", "Handling errors for an SQS event source". Streams
are read in ``streams``. The template's policies decide whether a service may send: queue policy,
Lambda permission, the target's role.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded import event_patterns, policy_evaluation
from embedded.functions import Function, InvocationResult, Runtime
from embedded.iam_guard import IamDirectory, queue_policies
from embedded.input_transformers import target_input
from embedded.journal import DeadLettered, Dropped, Journal, Published, Retained, RuleMatched
from embedded.scheduler import Clock
from embedded.streams import Discarded, StreamDelivery, is_stream
from embedded.streams import invocation_record as discarded_record
from embedded.streams import object_key as discarded_key
from embedded.template import Resource, Stack, Unresolved

RETRY_DELAYS = (60, 120)  # seconds before the second and third try of an asynchronous invocation
MILLISECOND = timedelta(milliseconds=1)  # moto shows a message after its moment, not at it
Clients = Callable[[str], Any]
Allowed = Callable[[str, str, str], bool]  # role ARN, action, resource: what IAM decides now


@dataclass(frozen=True)
class Target:
    """Where a rule sends what it matches."""

    id: str
    arn: str
    role: str  # ARN, "" where the target's own policy decides
    raw: Mapping[str, Any]

    @property
    def dead_letters(self) -> str:
        """ARN of the queue for what could not be delivered, "" where there is none."""
        return str(self.raw.get("DeadLetterConfig", {}).get("Arn", ""))


@dataclass(frozen=True)
class Rule:
    """A rule of the template."""

    logical: str
    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[Target, ...]
    enabled: bool
    bus: str = "default"

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the rule is on and its pattern matches."""
        return self.matches_flat(event_patterns.flat(event))

    def matches_flat(self, event: event_patterns.Leaves) -> bool:
        """``matches`` for a flat event."""
        return self.enabled and event_patterns.matches_flat(self.pattern, event)


@dataclass(frozen=True)
class Queue:
    """A queue of the template."""

    logical: str
    name: str
    arn: str
    url: str
    redrive: str = ""  # ARN of its dead-letter queue
    receives: int = 0  # maxReceiveCount


@dataclass(frozen=True)
class SourceMapping:
    """An event source mapping from a queue to a function."""

    logical: str
    queue: Queue
    function: Function
    batch: int
    partial: bool  # ReportBatchItemFailures
    filters: tuple[Mapping[str, Any], ...] = ()
    enabled: bool = True


@dataclass
class _Pending:
    """An asynchronous invocation that Lambda has accepted."""

    function: Function
    event: Any
    since: datetime
    due: datetime
    attempt: int = 1


def rules_of(stack: Stack) -> dict[str, Rule]:
    """The rules of a stack, patterns checked."""
    return {
        r.logical: _rule(r) for r in stack.of("AWS::Events::Rule") if "EventPattern" in r.properties
    }


def scheduled_rules_of(stack: Stack) -> dict[str, Rule]:
    """The rules of a stack that fire by time."""
    rules = stack.of("AWS::Events::Rule")
    return {r.logical: _rule(r) for r in rules if "ScheduleExpression" in r.properties}


def _rule(resource: Resource) -> Rule:
    properties = resource.properties
    targets = (
        Target(t["Id"], t["Arn"], t.get("RoleArn", ""), t) for t in properties.get("Targets", [])
    )
    return Rule(
        logical=resource.logical,
        name=resource.physical,
        arn=resource.arn,
        pattern=properties.get("EventPattern", {}),
        targets=tuple(targets),
        enabled=properties.get("State", "ENABLED") != "DISABLED",
        bus=properties.get("EventBusName", "default"),
    )


def queues_of(stack: Stack) -> dict[str, Queue]:
    """The queues of a stack."""
    return {r.logical: _queue(r) for r in stack.of("AWS::SQS::Queue")}


def _queue(resource: Resource) -> Queue:
    redrive = resource.properties.get("RedrivePolicy", {})
    return Queue(
        logical=resource.logical,
        name=resource.physical.rsplit("/", 1)[-1],
        arn=resource.arn,
        url=resource.physical,
        redrive=redrive.get("deadLetterTargetArn", ""),
        receives=int(redrive.get("maxReceiveCount", 0)),
    )


class Permissions:
    """Whether AWS services may reach queues, functions and topics of the stack."""

    def __init__(self, stack: Stack) -> None:
        self._place = stack.place
        self._policies: dict[str, list[policy_evaluation.Policy]] = {}
        for resource in stack.of("AWS::SNS::TopicPolicy"):
            for arn in resource.properties["Topics"]:
                self._add(arn, resource.properties["PolicyDocument"])
        for resource in stack.of("AWS::Lambda::Permission"):
            self._add(*_permission(resource.properties, stack))

    def _add(self, arn: str, policy: policy_evaluation.Policy) -> None:
        self._policies.setdefault(arn, []).append(policy)

    def service(self, principal: str, action: str, arn: str, source: str) -> bool:
        """Whether a service may use a resource on behalf of ``source`` (an ARN)."""
        request = self._request(principal, action, arn, source)
        policies = policy_evaluation.Policies(identity=[], resource=self._of(arn))
        return policy_evaluation.decide(request, policies) is policy_evaluation.Decision.ALLOWED

    def role(self, role: str, action: str, arn: str) -> bool:
        """Whether a role may use a resource."""
        directory = IamDirectory(self._place.account, self._place.partition)
        request = self._request(role, action, arn, "")
        policies = policy_evaluation.Policies(
            identity=[p for _, p in directory.policies_of(role)], resource=self._of(arn)
        )
        return policy_evaluation.decide(request, policies) is policy_evaluation.Decision.ALLOWED

    def assumable(self, role: str, service: str, source: str) -> bool:
        """Whether a service may assume a role for one of its resources (an ARN)."""
        trust = IamDirectory(self._place.account, self._place.partition).trust_of(role)
        if trust is None:
            return False
        request = self._request(service, "sts:AssumeRole", role, source)
        return (
            policy_evaluation.decide(request, policy_evaluation.Policies([], resource=[trust]))
            is policy_evaluation.Decision.ALLOWED
        )

    def _of(self, arn: str) -> list[policy_evaluation.Policy]:
        """The policies on a resource: a queue's as it is now, others as the template has them."""
        return queue_policies(arn) if ":sqs:" in arn else self._policies.get(arn, [])

    def _request(
        self, principal: str, action: str, arn: str, source: str
    ) -> policy_evaluation.Request:
        """With the keys of a service that calls for a resource of its own, or of a role.

        Source: IAM User Guide, "AWS global condition context keys": aws:SourceArn and
        aws:SourceAccount come from service principals only.
        """
        context = {"aws:PrincipalAccount": self._place.account, "aws:SecureTransport": "true"}
        if source:
            context |= {"aws:SourceArn": source, "aws:SourceAccount": self._place.account}
        else:
            context["aws:PrincipalArn"] = principal
        context["aws:PrincipalIsAWSService"] = "true" if source else "false"
        return policy_evaluation.Request(principal, action, arn, context)


def _permission(
    properties: Mapping[str, Any], stack: Stack
) -> tuple[str, policy_evaluation.Policy]:
    """A Lambda permission as the resource policy statement it becomes."""
    name = str(properties["FunctionName"])
    arn = name if name.startswith("arn:") else stack.place.arn("lambda", f"function:{name}")
    conditions = {}
    if "SourceArn" in properties:
        conditions["ArnLike"] = {"aws:SourceArn": properties["SourceArn"]}
    if "SourceAccount" in properties:
        conditions["StringEquals"] = {"aws:SourceAccount": properties["SourceAccount"]}
    principal = str(properties["Principal"])
    kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    statement = {
        "Effect": "Allow",
        "Principal": {kind: principal},
        "Action": properties["Action"],
        "Resource": arn,
        "Condition": conditions,
    }
    return arn, {"Statement": [statement]}


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
    mappings: tuple[SourceMapping, ...] = field(init=False)
    streams: StreamDelivery = field(init=False)
    _pending: deque[_Pending] = field(default_factory=deque)
    _events: deque[tuple[Mapping[str, Any], str]] = field(default_factory=deque)
    _rested: set[str] = field(default_factory=set)
    _off: set[str] = field(default_factory=set)  # logical ids of mappings
    _reasons: dict[str, str] = field(default_factory=dict)  # by message id
    _came_from: dict[str, str] = field(default_factory=dict)  # message id -> queue ARN

    def __post_init__(self) -> None:
        self.rules = rules_of(self.stack)
        self.scheduled = scheduled_rules_of(self.stack)
        self.queues = queues_of(self.stack)
        self.permissions = self._may = Permissions(self.stack)
        self.mappings = tuple(self._mappings())
        self.streams = StreamDelivery(
            self.stack, self.runtime, self.clock, self.journal, self._discarded
        )

    def begin(self) -> None:
        """From now on things are delivered. What a deployment left over is not."""
        self._pending.clear()
        self._events.clear()
        self._off = {one.logical for one in self.mappings if not one.enabled}
        self.streams.begin()

    def set_mapping(self, logical: str, *, enabled: bool) -> None:
        """Switch an event source mapping on or off. Raises LookupError for an unknown one."""
        if logical in self.streams.readers:
            self.streams.readers[logical].enabled = enabled
        elif logical not in {one.logical for one in self.mappings}:
            raise LookupError(logical)
        elif enabled:
            self._off.discard(logical)
        else:
            self._off.add(logical)

    def _mappings(self) -> Iterator[SourceMapping]:
        by_arn = {q.arn: q for q in self.queues.values()}
        for resource in self.stack.of("AWS::Lambda::EventSourceMapping"):
            properties = resource.properties
            if is_stream(properties["EventSourceArn"]):
                continue
            function = self.runtime.find(str(properties["FunctionName"]))
            queue = by_arn.get(properties["EventSourceArn"])
            if function is None or queue is None:
                raise Unresolved(f"{resource.logical}: only queues, tables and functions here")
            patterns = properties.get("FilterCriteria", {}).get("Filters", [])
            yield SourceMapping(
                resource.logical,
                queue,
                function,
                batch=int(properties.get("BatchSize", 10)),
                partial="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
                filters=tuple(json.loads(p["Pattern"]) for p in patterns),
                enabled=str(properties.get("Enabled", True)).lower() == "true",
            )

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
        for queued in self.mappings:
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
        matched = RuleMatched(rule.logical, str(event.get("id", "")), _arns(rule.targets))
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
        action = _ACTIONS[service]
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
            self._dead_letter(
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
        url = self._url(target.arn)
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

    def _url(self, arn: str) -> str:
        place = self.stack.place
        return f"https://sqs.{place.region}.{place.suffix}/{arn.split(':')[4]}/{arn.split(':')[5]}"

    # ---- Lambda, asynchronously ----

    def invoke_later(self, function: Function, event: Any) -> None:
        """Lambda accepts an event: it responds before the function runs."""
        now = self.clock.now
        self._pending.append(_Pending(function, event, now, now))

    def _run_pending(self, one: _Pending) -> None:
        outcome = self.runtime.invoke(one.function, one.event, attempt=one.attempt)
        if not outcome.failed:
            self._send_to_destination(one, outcome, one.function.on_success, "Success")
        elif not self._retry(one):
            self._give_up(one, outcome)

    def _retry(self, one: _Pending) -> bool:
        if one.attempt > one.function.retries:
            return False
        delay = RETRY_DELAYS[min(one.attempt, len(RETRY_DELAYS)) - 1]
        due = self.clock.now + timedelta(seconds=delay)
        if due - one.since > timedelta(seconds=one.function.max_age):
            return False
        self._pending.append(_Pending(one.function, one.event, one.since, due, one.attempt + 1))
        return True

    def _give_up(self, one: _Pending, outcome: InvocationResult) -> None:
        function = one.function
        if not function.on_failure and not function.dead_letters:
            self.journal.write(Dropped(function.arn, json.dumps(one.event), outcome.error))
        self._send_to_destination(one, outcome, function.on_failure, "RetriesExhausted")
        if function.dead_letters:
            attributes = {"ErrorCode": "200", "ErrorMessage": outcome.error[:1024]}
            self._send_as_function(
                function, function.dead_letters, json.dumps(one.event), outcome.error, attributes
            )

    def _send_to_destination(
        self, one: _Pending, outcome: InvocationResult, arn: str, condition: str
    ) -> None:
        """Send the invocation record to a destination (Lambda developer guide, Destinations)."""
        if not arn:
            return
        record = {
            "version": "1.0",
            "timestamp": self.clock.now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "requestContext": {
                "requestId": f"embedded-{len(self.journal)}",
                "functionArn": f"{one.function.arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": one.attempt,
            },
            "requestPayload": one.event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                **({"functionError": "Unhandled"} if outcome.failed else {}),
            },
            "responsePayload": json.loads(outcome.payload),
        }
        self._send_as_function(one.function, arn, json.dumps(record), outcome.error, {})

    def _send_as_function(
        self,
        function: Function,
        arn: str,
        body: str,
        reason: str,
        attributes: Mapping[str, str],
    ) -> None:
        """Lambda sends under the function's own role. If that is refused, the event is lost."""
        service = arn.split(":")[2]
        if not self._may.role(function.role, _ACTIONS[service], arn):
            why = f"{reason}; and its role may not {_ACTIONS[service]} on {arn}"
            self.journal.write(Dropped(arn, body, why))
        elif service == "sqs":
            self._dead_letter(arn, body, reason, attributes)
        elif service == "sns":
            self.client("sns").publish(TopicArn=arn, Message=body)
        else:
            raise Unresolved(f"{function.logical}: destinations of {service} are not built here")

    def _dead_letter(self, arn: str, body: str, reason: str, attributes: Mapping[str, str]) -> None:
        sent = self.client("sqs").send_message(
            QueueUrl=self._url(arn),
            MessageBody=body,
            MessageAttributes={
                k: {"DataType": "String", "StringValue": v} for k, v in attributes.items() if v
            },
        )
        self._reasons[sent["MessageId"]] = reason

    # ---- DynamoDB to Lambda: what is given up ----

    def _discarded(self, given_up: Discarded) -> None:
        """Send discarded records to the mapping's destination, under the function's role."""
        mapping, now = given_up.mapping, self.clock.now
        request = f"00000000-0000-4000-a000-{len(self.journal):012x}"
        record = discarded_record(given_up, now, request)
        if not mapping.on_failure:
            self.journal.write(Dropped(mapping.stream, json.dumps(record), given_up.reason))
        elif mapping.on_failure.split(":")[2] != "s3":
            self._send_as_function(
                mapping.function, mapping.on_failure, json.dumps(record), given_up.reason, {}
            )
        else:
            reader = self.streams.readers[mapping.logical]
            event = json.dumps(reader.event(given_up.records))
            body = json.dumps({**record, "payload": event})
            self._retain(given_up, discarded_key(mapping, now, request), body)

    def _retain(self, given_up: Discarded, key: str, body: str) -> None:
        """Write an object. If that is refused, the records are lost."""
        bucket, role = given_up.mapping.on_failure, given_up.mapping.function.role
        where = f"{bucket}/{key}"
        needs = [("s3:PutObject", where), ("s3:ListBucket", bucket), *self._encrypts(bucket)]
        refused = [action for action, arn in needs if not self.allowed(role, action, arn)]
        if refused:
            reason = f"{given_up.reason}; and its role may not {', '.join(refused)}"
            self.journal.write(Dropped(where, body, reason))
            return
        self.client("s3").put_object(Bucket=bucket.rsplit(":", 1)[-1], Key=key, Body=body.encode())
        self.journal.write(Retained(where, body, given_up.reason))

    def _encrypts(self, bucket: str) -> list[tuple[str, str]]:
        """A bucket with a key of the account needs that key too."""
        found = self.client("s3").get_bucket_encryption(Bucket=bucket.rsplit(":", 1)[-1])
        rules = found["ServerSideEncryptionConfiguration"]["Rules"]
        defaults = (rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules)
        keys = (str(one["KMSMasterKeyID"]) for one in defaults if one.get("KMSMasterKeyID"))
        arns = (
            k if k.startswith("arn:") else self.stack.place.arn("kms", f"key/{k}") for k in keys
        )
        return [("kms:GenerateDataKey", arn) for arn in arns]

    # ---- SQS to Lambda ----

    def _poll(self, one: SourceMapping) -> bool:
        """Receive one batch and invoke the function with it. False if nothing is visible."""
        if one.logical in self._off or not self.messages(one.queue):
            return False
        sqs = self.client("sqs")
        messages = sqs.receive_message(
            QueueUrl=one.queue.url,
            MaxNumberOfMessages=min(one.batch, 10),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return False
        wanted = [m for m in messages if _passes(m, one.filters)]
        failed = self._batch(one, wanted) if wanted else set()
        for message in messages:
            if message["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=one.queue.url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _batch(self, one: SourceMapping, messages: list[dict[str, Any]]) -> set[str]:
        """Invoke the function; return the ids of the messages that stay in the queue."""
        everything = {m["MessageId"] for m in messages}
        records = {"Records": [_record(m, one.queue) for m in messages]}
        outcome = self.runtime.invoke(
            one.function, records, attempt=int(messages[0]["Attributes"]["ApproximateReceiveCount"])
        )
        for name in everything:
            self._reasons[name] = outcome.error or "reported as failed"
            self._came_from[name] = one.queue.arn
        if outcome.failed:
            return everything
        return _reported(json.loads(outcome.payload), everything) if one.partial else set()

    def _visible_at(self) -> datetime | None:
        """When the first message of a mapped queue becomes visible."""
        from moto.sqs.models import sqs_backends

        place, moments = self.stack.place, []
        backend = sqs_backends[place.account][place.region]
        for one in (m for m in self.mappings if m.logical not in self._off):
            queue = backend.queues.get(one.queue.name)
            for message in queue._messages if queue else []:
                moments.append(max(message.visible_at, message.delayed_until))
        if not moments:
            return None
        return datetime.fromtimestamp(min(moments) / 1000, UTC) + MILLISECOND

    # ---- driving ----

    def work(self) -> bool:
        """Do one thing that is due now. False if nothing is."""
        if self._events:
            self.put(*self._events.popleft())
            return True
        due = next((p for p in self._pending if p.due <= self.clock.now), None)
        if due is not None:
            self._pending.remove(due)
            self._run_pending(due)
            return True
        if self.streams.work():
            return True
        worked = any(self._poll(one) for one in self.mappings)
        self.note_dead_letters()
        return worked

    def next_moment(self) -> datetime | None:
        """When the next thing is due. None if nothing waits."""
        moments = [p.due for p in self._pending]
        if visible := self._visible_at():
            moments.append(visible)
        if batch := self.streams.next_moment():
            moments.append(batch)
        return min(moments, default=None)

    def note_dead_letters(self) -> None:
        """Journal the messages that reached a dead-letter queue since the last check."""
        for queue in self.dead_letter_queues():
            for name, body in self.messages(queue):
                if name not in self._rested:
                    self._rested.add(name)
                    reason = self._reasons.get(name, "maxReceiveCount")
                    self.journal.write(DeadLettered(queue.arn, body, reason))

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
        from moto.sqs.models import sqs_backends

        place = self.stack.place
        found = sqs_backends[place.account][place.region].queues[queue.name]
        return [(m.id, m.body) for m in found._messages]

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

    def name_sources(self, params: Mapping[str, Any], messages: Iterable[dict[str, Any]]) -> None:
        """Add to dead letters what moto does not: the queue that gave each up, where requested.

        Source: Amazon SQS API Reference, "ReceiveMessage", DeadLetterQueueSourceArn.
        """
        wanted = {*params.get("AttributeNames", ()), *params.get("MessageSystemAttributeNames", ())}
        if not wanted & {"All", "DeadLetterQueueSourceArn"}:
            return
        here = str(params["QueueUrl"])
        for message in messages:
            source = self._came_from.get(message["MessageId"], "")
            if any(q.arn == source and self._url(q.redrive) == here for q in self._redriven()):
                message.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = source

    def _redriven(self) -> list[Queue]:
        return [queue for queue in self.queues.values() if queue.redrive]

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
        source = self._came_from.get(message["MessageId"])
        sources = [q for q in self.queues.values() if q.redrive == queue.arn]
        home = next((q for q in sources if q.arn == source), sources[0] if sources else None)
        if home is None:
            raise Unresolved(f"nothing names {queue.logical} as its dead-letter queue")
        self.client("sqs").send_message(QueueUrl=home.url, MessageBody=message["Body"])


def _arns(targets: Iterable[Target]) -> tuple[str, ...]:
    return tuple(t.arn for t in targets)


def _passes(message: Mapping[str, Any], filters: tuple[Mapping[str, Any], ...]) -> bool:
    if not filters:
        return True
    try:
        body = json.loads(message["Body"])
    except ValueError:
        body = message["Body"]
    return any(event_patterns.matches(f, {"body": body}) for f in filters)


def _record(message: Mapping[str, Any], queue: Queue) -> dict[str, Any]:
    """An SQS record as Lambda passes it to a function (Lambda developer guide, SQS)."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message["Attributes"]),
        "messageAttributes": {
            k: {"stringValue": v.get("StringValue"), "dataType": v["DataType"]}
            for k, v in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": queue.arn.split(":")[3],
    }


def _reported(result: Any, everything: set[str]) -> set[str]:
    """Partial batch response; a malformed one fails the whole batch (Lambda developer guide)."""
    failures = (result or {}).get("batchItemFailures") or []
    names = {str(f.get("itemIdentifier")) if isinstance(f, Mapping) else "" for f in failures}
    return names if names <= everything else everything


_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "states": "states:StartExecution",
}
_SENDERS: dict[str, Callable[[EventDelivery, Rule, Target, str], str]] = {
    "lambda": EventDelivery._to_lambda,
    "sqs": EventDelivery._to_queue,
    "sns": EventDelivery._to_topic,
    "states": EventDelivery._to_machine,
}
