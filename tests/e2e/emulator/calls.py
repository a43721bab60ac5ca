"""Calls that are authorised or carried out otherwise than on AWS."""

import functools
import json
import threading
from collections.abc import Iterator
from typing import Any

import ministack.core.iam_actions as iam_actions
import ministack.core.iam_evaluator as evaluator
from ministack.services import eventbridge, iam, sns

ENTRIES = "entries of PutEvents"  # their sources and detail types, on the way to ``enforce``


def install() -> None:
    """All repairs of this file."""
    rights_of_batches()
    large_batches()
    sources_of_events()
    recorders_by_name()
    how_something_is_signed()
    users_of_access_keys()
    times_of_events()


def rights_of_batches() -> None:
    """A batch of SNS or SQS needs a right of its own, which AWS does not have: PublishBatch needs
    sns:Publish, SendMessageBatch sqs:SendMessage (Actions, resources, and condition keys for Amazon
    SNS, and for Amazon SQS, service authorization reference)."""
    original = iam_actions.extract_iam_action

    @functools.wraps(original)
    def action(*request: Any) -> Any:
        found = original(*request)
        of_queues_or_topics = str(found).startswith(("sns:", "sqs:"))
        return found.removesuffix("Batch") if of_queues_or_topics else found

    iam_actions.extract_iam_action = action


def large_batches() -> None:
    """The messages of a PublishBatch may be 256 KB each; on AWS together (PublishBatch, SNS API
    reference)."""
    original = sns._publish_batch

    @functools.wraps(original)
    def publish(params: dict[str, Any]) -> Any:
        entries = sns._parse_batch_entries(params)
        sizes = [
            sns._message_payload_size(one.get("message", ""), one.get("message_attributes", {}))
            for one in entries
        ]
        if sum(sizes) > sns._SNS_MAX_PAYLOAD_BYTES:
            message = "The length of all the batch messages put together is more than the limit."
            return sns._error("BatchRequestTooLong", message, 400)
        return original(params)

    sns._publish_batch = publish


def sources_of_events() -> None:
    """events:source and events:detail-type are never supplied, so that a role that may put events
    of one source may put none (Using IAM policy conditions in Amazon EventBridge, EventBridge
    user guide). Each entry is judged by its own; one that is refused refuses the call."""
    context, enforce = iam_actions.request_tag_context, evaluator.enforce

    @functools.wraps(context)
    def with_entries(service: str, action: str, body: bytes, params: dict[str, Any]) -> Any:
        found = context(service, action, body, params)
        if action != "events:PutEvents":
            return found
        entries = json.loads(body)["Entries"]
        kinds = [(one.get("Source", ""), one.get("DetailType", "")) for one in entries]
        return {**found, ENTRIES: list(dict.fromkeys(kinds))}

    @functools.wraps(enforce)
    def each(*call: Any, service_context: dict[str, Any] | None = None, **more: Any) -> Any:
        given = dict(service_context or {})
        entries = given.pop(ENTRIES, None)
        if entries is None:
            return enforce(*call, service_context=service_context, **more)
        for source, kind in entries:
            keys = {**given, "events:source": source, "events:detail-type": kind}
            if denied := enforce(*call, service_context=keys, **more):
                return denied
        return None

    iam_actions.request_tag_context = with_entries
    evaluator.enforce = each


def recorders_by_name() -> None:
    """A call on a configuration recorder is authorised on no resource; on AWS on the recorder's
    (Actions, resources, and condition keys for AWS Config, service authorization reference), whose
    ARN ends with an id. Here the name stands for it."""
    original = iam_actions.extract_resource_arn

    @functools.wraps(original)
    def resource(service: str, *request: Any) -> Any:
        arn = original(service, *request)
        if service != "config" or arn != "*":
            return arn
        *_, body, _params, region, account = request
        said = json.loads(body or b"{}")
        names = [said.get("ConfigurationRecorderName"), *said.get("ConfigurationRecorderNames", ())]
        name = next(filter(None, names), "")
        place = f"arn:aws:config:{region}:{account}:configuration-recorder"
        return f"{place}/{name}/{name}" if name else arn

    iam_actions.extract_resource_arn = resource


def how_something_is_signed() -> None:
    """kms:SigningAlgorithm and kms:MessageType are never supplied, so that a role that may sign in
    one way may not sign at all (Actions, resources, and condition keys for AWS Key Management
    Service, service authorization reference)."""
    original = iam_actions.request_tag_context

    @functools.wraps(original)
    def context(service: str, action: str, body: bytes, params: dict[str, Any]) -> Any:
        found = original(service, action, body, params)
        if action != "kms:Sign":
            return found
        said = json.loads(body)
        kind = said.get("MessageType", "RAW")  # what KMS takes it for: Sign, KMS API reference
        return {**found, "kms:SigningAlgorithm": said["SigningAlgorithm"], "kms:MessageType": kind}

    iam_actions.request_tag_context = context


def users_of_access_keys() -> None:
    """GetAccessKeyLastUsed is authorised on no resource; on AWS on the user whose key it is
    (Actions, resources, and condition keys for AWS IAM, service authorization reference)."""
    original = iam_actions.extract_resource_arn

    @functools.wraps(original)
    def resource(service: str, *request: Any) -> Any:
        arn = original(service, *request)
        params, _region, account = request[-3:]
        if service != "iam" or iam_actions._query_param(params, "Action") != "GetAccessKeyLastUsed":
            return arn
        key = iam_actions._query_param(params, "AccessKeyId")
        name = (iam._access_keys.get_scoped(account, None, key) or {}).get("UserName", "")
        user = iam._users.get_scoped(account, None, name)
        return user["Arn"] if user else f"arn:aws:iam::{account}:user/{name}"

    iam_actions.extract_resource_arn = resource


def times_of_events() -> None:
    """An event's time is always that of its PutEvents; on EventBridge an entry may name another
    (PutEventsRequestEntry, EventBridge API reference)."""
    now, original, given = eventbridge._now_ts, eventbridge._put_events, threading.local()

    class Entries(list[dict[str, Any]]):
        """Each is handled at the time that it names."""

        def __iter__(self) -> Iterator[dict[str, Any]]:
            try:
                for entry in super().__iter__():
                    given.time = entry.get("Time")
                    yield entry
            finally:
                given.time = None

    @functools.wraps(original)
    def put(request: dict[str, Any], *more: Any, **others: Any) -> Any:
        return original(
            {**request, "Entries": Entries(request.get("Entries", ()))}, *more, **others
        )

    eventbridge._now_ts = lambda: getattr(given, "time", None) or now()
    eventbridge._put_events = put
