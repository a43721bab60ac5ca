"""Every AWS call of this process comes through here, to the guard and then to moto.

Two operations are the account's own, since moto runs no code of ours: lambda:Invoke runs the real
handler, events:PutEvents delivers by the rules of the template.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

from botocore.response import StreamingBody

from embedded.delivery import EventDelivery
from embedded.functions import InvocationResult, Runtime
from embedded.iam_guard import UNGUARDED, Guard
from embedded.journal import Journal, Published
from embedded.scheduler import Scheduler
from embedded.service_events import ServiceEvents
from embedded.unsupported_calls import NotEmbedded


class Calls:
    """Intercepts the calls of one account."""

    def __init__(
        self,
        scheduler: Scheduler,
        guard: Guard,
        runtime: Runtime,
        event_delivery: EventDelivery,
        events: ServiceEvents,
        journal: Journal,
    ) -> None:
        self._scheduler = scheduler
        self._guard = guard
        self._runtime = runtime
        self._event_delivery = event_delivery
        self._events = events
        self._journal = journal

    def intercept(
        self, client: Any, operation: str, params: Mapping[str, Any], go: Callable[[], Any]
    ) -> Any:
        """Make a call; ``go`` is moto's part. Only calls of functions and machines are checked."""
        service = client.meta.service_model.service_name
        response = {
            ("lambda", "Invoke"): self._invoke,
            ("events", "PutEvents"): self._put_events,
        }.get((service, operation))
        go_on = (lambda: response(params)) if response else go
        caller = self._scheduler.owner
        if caller is None or getattr(client, UNGUARDED, False):
            result = go_on()
            self._events.called(service, operation, params)
            return result
        result = self._guard.call(caller, client, operation, params, go_on)
        self._events.called(service, operation, params)
        if (service, operation) == ("sqs", "ReceiveMessage"):
            self._event_delivery.dead_letters.name_sources(params, result.get("Messages", ()))
        for message in _published(service, operation, params, result):
            self._journal.write(message)
        return result

    def _invoke(self, params: Mapping[str, Any]) -> dict[str, Any]:
        function = self._runtime.find(str(params["FunctionName"]))
        if function is None:
            raise NotEmbedded(f"no such function here: {params['FunctionName']}")
        event = json.loads(_text(params.get("Payload") or "{}"))
        kind = params.get("InvocationType", "RequestResponse")
        if kind == "Event":
            self._event_delivery.invoke_later(function, event)
            return _invoke_response(202, InvocationResult("", failed=False))
        if kind == "DryRun":
            return _invoke_response(204, InvocationResult("", failed=False))
        return _invoke_response(200, self._runtime.invoke(function, event))

    def _put_events(self, params: Mapping[str, Any]) -> dict[str, Any]:
        entries = []
        for entry in params["Entries"]:
            event = self._events.event(entry)
            bus = str(entry.get("EventBusName", "default")).rsplit("/", 1)[-1]
            self._event_delivery.put_later(event, bus)
            entries.append({"EventId": event["id"]})
        return {"FailedEntryCount": 0, "Entries": entries, "ResponseMetadata": {}}


def _published(
    service: str, operation: str, params: Mapping[str, Any], result: Mapping[str, Any]
) -> Iterator[Published]:
    """The messages that a topic took by this call."""
    if (service, operation) == ("sns", "Publish"):
        entries = [params]
    elif (service, operation) == ("sns", "PublishBatch"):
        taken = {one["Id"] for one in result["Successful"]}
        entries = [one for one in params["PublishBatchRequestEntries"] if one["Id"] in taken]
    else:
        return
    topic = str(params.get("TopicArn", ""))
    for one in entries:
        yield Published(topic, str(one.get("Subject", "")), str(one["Message"]))


def _text(payload: Any) -> str:
    if hasattr(payload, "read"):
        payload = payload.read()
    return payload.decode() if isinstance(payload, bytes | bytearray) else str(payload)


def _invoke_response(status: int, outcome: InvocationResult) -> dict[str, Any]:
    """lambda:Invoke's response."""
    body = outcome.payload.encode()
    error = {"FunctionError": "Unhandled"} if outcome.failed else {}
    return {
        "StatusCode": status,
        "ExecutedVersion": "$LATEST",
        "Payload": StreamingBody(BytesIO(body), len(body)),
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "embedded", "HTTPHeaders": {}},
        **error,
    }
