"""How Lambda invokes a function asynchronously: it accepts the event, tries, and tries again.

Lambda developer guide: "Error handling for asynchronous invocation". ``destinations`` sends what
comes of it.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from embedded.destinations import Destinations
from embedded.functions import Function, InvocationResult, Runtime
from embedded.journal import Dropped, Journal
from embedded.scheduler import Clock

RETRY_DELAYS = (60, 120)  # seconds before the second and third try


@dataclass
class _Pending:
    """An invocation that Lambda has accepted."""

    function: Function
    event: Any
    since: datetime
    due: datetime
    attempt: int = 1


@dataclass
class AsynchronousInvocations:
    """Those that Lambda has accepted and not ended."""

    runtime: Runtime
    clock: Clock
    journal: Journal
    destinations: Destinations
    _pending: deque[_Pending] = field(default_factory=deque)

    def begin(self) -> None:
        """Nothing is accepted yet."""
        self._pending.clear()

    def accept(self, function: Function, event: Any) -> None:
        """Lambda responds before the function runs."""
        now = self.clock.now
        self._pending.append(_Pending(function, event, now, now))

    def work(self) -> bool:
        """Run one that is due now. False if none is."""
        due = next((p for p in self._pending if p.due <= self.clock.now), None)
        if due is None:
            return False
        self._pending.remove(due)
        self._run(due)
        return True

    def moments(self) -> list[datetime]:
        """When each is due."""
        return [p.due for p in self._pending]

    def _run(self, one: _Pending) -> None:
        outcome = self.runtime.invoke(one.function, one.event, attempt=one.attempt)
        if not outcome.failed:
            self._send_record(one, outcome, one.function.on_success, "Success")
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
        self._send_record(one, outcome, function.on_failure, "RetriesExhausted")
        if function.dead_letters:
            attributes = {"ErrorCode": "200", "ErrorMessage": outcome.error[:1024]}
            self.destinations.send(
                function, function.dead_letters, json.dumps(one.event), outcome.error, attributes
            )

    def _send_record(
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
        self.destinations.send(one.function, arn, json.dumps(record), outcome.error, {})
