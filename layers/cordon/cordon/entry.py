"""The Lambda handler: ``handler = serve(PLAYBOOK)``.

Three kinds of input arrive: an EventBridge event, a batch of queued events (SQS, with partial
batch responses), and a command of our own state machines (``{"cordon": {"do": …, "case": …}}``).
The result is a small dict: outcome, reason, case. Failures rise, so that Lambda, SQS and Step
Functions try again and keep what cannot be handled in a dead-letter queue.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from cordon.backlog import sweep_of
from cordon.bootstrap import Services, bootstrap
from cordon.clock import from_iso, now
from cordon.errors import Malformed, NotByQueue
from cordon.observed import ObservedBatch
from cordon.playbook import Playbook
from cordon.respond import respond
from cordon.sources import read
from cordon.sources.text import one_line
from cordon.statuses import Status
from cordon.workflow import run_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

NAMESPACE = "Cordon"
MARGIN = timedelta(seconds=3)  # after its timeout a function has surely ended
Handler = Callable[[dict[str, Any], Any], Any]


def serve(playbook: Playbook) -> Handler:
    """The Lambda handler of a playbook. Nothing is read or written before the first event."""
    return LambdaHandler(playbook, Logger(service=playbook.name)).handle


class LambdaHandler:
    """Distinguishes the three kinds of input, and keeps what happened in logs and metrics."""

    def __init__(self, playbook: Playbook, logger: Logger) -> None:
        self._playbook = playbook
        self._logger = logger

    def handle(self, event: dict[str, Any], context: Any) -> Any:
        """One invocation."""
        self._logger.clear_state()
        self._logger.append_keys(request=context.aws_request_id)
        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        services = bootstrap(self._playbook, context.invoked_function_arn, now() + left + MARGIN)
        if "Records" in event:
            return self._batch(event, context, services)
        if "cordon" in event:
            return self._command(event["cordon"], services)
        return self._event(event, services)

    def _batch(self, event: dict[str, Any], context: Any, services: Services) -> Any:
        # Imported here: with what it needs it makes every cold start a tenth longer, and threats,
        # which must be contained soon, do not come by a queue.
        from aws_lambda_powertools.utilities.batch import (
            BatchProcessor,
            EventType,
            process_partial_response,
        )

        batch = ObservedBatch()
        response = process_partial_response(
            event=event,
            record_handler=lambda record: self._queued(record, replace(services, batch=batch)),
            processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
            context=context,
        )
        for message, error in batch.commit(services).items():
            self._logger.error("event failed", extra={"error": one_line(repr(error), 300)})
            response["batchItemFailures"].append({"itemIdentifier": message})
        return response

    def _queued(self, record: "SQSRecord", services: Services) -> dict[str, Any]:
        if services.batch is not None:
            services.batch.message = record.message_id
        try:
            event = json.loads(record.body)
        except ValueError as error:
            raise Malformed("body", "the queued message is not JSON") from error
        try:
            return self._event(event, services, queued=True)
        except Exception as error:
            # The batch only reports which message failed; why must be said here.
            self._logger.error("event failed", extra={"error": one_line(repr(error), 300)})
            raise

    def _command(self, command: Mapping[str, Any], services: Services) -> dict[str, str]:
        self._logger.append_keys(case=str(command.get("case", "")), step=str(command.get("do", "")))
        result = run_step(command, services)
        self._logger.info("step done", extra=result)
        if "seen" in result:
            self._count(result["status"], result["mode"], from_iso(result["seen"]))
        return result

    def _event(self, event: Any, services: Services, *, queued: bool = False) -> dict[str, Any]:
        try:
            sweep, finding = sweep_of(event), read(event, services.deployment)
        except Malformed as malformed:
            self._logger.error("event cannot be read", extra={"field": malformed.field})
            raise
        self._logger.append_keys(finding=finding.id, kind=finding.kind)
        if queued and (finding.custom_action or not finding.is_compliance):
            raise NotByQueue(
                f"{finding.kind} by {finding.channel} came by a queue, where no rule sends it"
            )
        outcome = respond(finding, replace(services, sweep=sweep))
        fields = {k: v for k, v in outcome.to_json().items() if k != "outcome"}
        if sweep:
            fields["sweep"] = sweep
        self._logger.info(outcome.outcome, extra=fields)
        seen = None if sweep else finding.last_seen  # of the backlog it says nothing of our time
        self._count(outcome.outcome, outcome.mode, seen, recorded=outcome.recorded)
        return outcome.to_json()

    def _count(
        self, outcome: str, mode: str, seen: datetime | None, *, recorded: bool = False
    ) -> None:
        """Cases by outcome and mode; those that needed nobody; the seconds from the finding to what
        was verified.
        """
        measures = [("Cases", MetricUnit.Count, 1.0)]
        if recorded:
            measures.append(("Recorded", MetricUnit.Count, 1.0))
        if seen is not None and outcome in (Status.CONTAINED, Status.TAGGED):
            seconds = max((now() - seen).total_seconds(), 0)
            measures.append(("TimeToContain", MetricUnit.Seconds, seconds))
        for name, unit, value in measures:
            with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
                metric.add_dimension("playbook", self._playbook.name)
                metric.add_dimension("outcome", outcome)
                metric.add_dimension("mode", mode or "none")
