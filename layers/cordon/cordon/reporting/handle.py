"""The handler of ``report_cases``: doorbells of the table's stream, and what is to be tried again.

A record of the stream only names a case; what it says of it is not looked at. What a projection
did not take goes to the queue as ``{"playbook", "case", "projection"}``, and from there comes back
here, alone, until it is shown or the dead-letter queue has it. ``reconcile_cases`` sends
``{"playbook", "case", "projection": "all", "anew": true}`` to the same queue. A record of the
settings goes there as ``{"settings": …}``: see ``memory.settings_change``.

Sources: AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", "Configuring partial
batch response with DynamoDB and Lambda", "Handling errors for an SQS event source in Lambda";
Amazon SQS API Reference, "SendMessageBatch" (10 entries).
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError

from cordon.clients import AwsClients, clients_for
from cordon.clock import now
from cordon.deployment import Deployment
from cordon.errors import EvidenceFault
from cordon.headers import headers
from cordon.memory.settings_change import SettingsChange
from cordon.playbook import Playbook
from cordon.reporting.projection import Failed, Name, by_id, in_parts
from cordon.reporting.run import ALL, HEARTBEAT, Reporter
from cordon.sources.text import one_line

NAMESPACE = "Cordon"
KEPT = timedelta(seconds=60)  # for a call that does not respond, for saving, and for the queue
MOST = 10  # entries of one SendMessageBatch
# What its function must be given, beside what every function is.
NEEDS = (
    "CORDON_APPROVAL_HOURS",
    "CORDON_EVIDENCE_BUCKET",
    "CORDON_EVIDENCE_DAYS",
    "CORDON_REPORTS_QUEUE",
    "CORDON_SECURITY_HUB",
    "CORDON_TOPIC",
    "CORDON_TWO_APPROVERS",
    "CORDON_DETECTIVE",
)
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Partial = dict[str, Any]  # {"batchItemFailures": [{"itemIdentifier": …}]}


@dataclass(frozen=True)
class Wanted:
    """One message of the queue."""

    name: Name
    projection: str
    anew: bool


def serve(functions: Path) -> Handler:
    """The handler, for the playbooks below this folder. Nothing is read before the first event."""
    return ReportHandler(functions, Logger(service="report_cases")).handle


class ReportHandler:
    """Distinguishes the two kinds of batches, and keeps what happened in logs and metrics."""

    def __init__(self, functions: Path, logger: Logger) -> None:
        self._functions = functions
        self._logger = logger

    @cached_property
    def _playbooks(self) -> Mapping[str, Playbook]:
        return headers(self._functions)

    def handle(self, event: dict[str, Any], context: Any) -> Partial:
        """One invocation. Raises ValueError for anything but a batch of one of the two."""
        self._logger.clear_state()
        self._logger.append_keys(request=context.aws_request_id)
        deployment = Deployment.from_environment(needs=NEEDS)
        aws = clients_for(deployment.account, deployment.region)
        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        reporter = Reporter(self._playbooks, deployment, aws.client, now() + left - KEPT)
        records = event["Records"]
        sources = {record["eventSource"] for record in records}
        if sources == {"aws:dynamodb"}:
            failures = self._stream(records, reporter, deployment, aws)
        elif sources == {"aws:sqs"}:
            failures = self._queue(records, reporter, deployment, aws)
        else:
            raise ValueError(f"neither a stream's batch nor a queue's: {sorted(sources)}")
        _measure("SecondsToReported", MetricUnit.Seconds, reporter.seconds)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failures]}

    def _stream(
        self,
        records: Sequence[Mapping[str, Any]],
        reporter: Reporter,
        deployment: Deployment,
        aws: AwsClients,
    ) -> list[str]:
        """The sequence numbers of what was neither shown nor sent to the queue."""
        rung = {r["dynamodb"]["SequenceNumber"]: _named(r) for r in records}
        changes = {r["dynamodb"]["SequenceNumber"]: SettingsChange.of_record(r) for r in records}
        names = [name for name in rung.values() if name is not None]
        failed = reporter.report(name for name in names if name != HEARTBEAT)
        self._say(failed)
        if HEARTBEAT in names:
            reporter.heartbeat()
            _measure("Heartbeat", MetricUnit.Count, [1])
        bodies = [
            {"playbook": one.playbook, "case": one.case, "projection": one.projection}
            for one in failed
        ]
        unsent = {
            (bodies[n]["playbook"], bodies[n]["case"]) for n in self._send(bodies, deployment, aws)
        }
        changed = [(number, one.to_json()) for number, one in changes.items() if one is not None]
        not_looked_at = self._send([body for _, body in changed], deployment, aws)
        again = [number for number, name in rung.items() if name in unsent]
        return again + [changed[n][0] for n in not_looked_at]

    def _queue(
        self,
        records: Sequence[Mapping[str, Any]],
        reporter: Reporter,
        deployment: Deployment,
        aws: AwsClients,
    ) -> list[str]:
        """The ids of the messages whose projection still fails. They come back by themselves.

        That takes the queue's visibility timeout, and no other report waits behind these: so it
        is patient with a service that throttles.
        """
        messages: dict[str, Wanted] = {}
        changes: dict[str, SettingsChange] = {}
        unreadable = []
        for record in records:
            try:
                raw = json.loads(record["body"])
                if "settings" in raw:
                    changes[record["messageId"]] = SettingsChange.of_message(raw["settings"])
                else:
                    messages[record["messageId"]] = _wanted(raw)
            except (ValueError, KeyError, TypeError) as error:
                why = one_line(repr(error), 300)
                self._logger.error("message cannot be read", extra={"error": why})
                unreadable.append(str(record["messageId"]))
        failed: set[tuple[Name, str]] = set()
        for anew in (True, False):
            wanted = [message for message in messages.values() if message.anew is anew]
            only = _projections(wanted)
            names = (message.name for message in wanted)
            still = reporter.report(names, anew=anew, only=only, patient=True)
            self._say(still)
            failed |= {((one.playbook, one.case), one.projection) for one in still}
        left = [id for id, message in messages.items() if _fails(message, failed)]
        unknown = [id for id, change in changes.items() if not self._look(change, deployment, aws)]
        return unreadable + left + unknown

    def _look(self, change: SettingsChange, deployment: Deployment, aws: AwsClients) -> bool:
        """Say it where no evidence accounts for the change. False where nobody could look."""
        try:
            proven = change.is_proven(aws.client("s3"), deployment)
        except (ClientError, BotoCoreError, EvidenceFault) as error:
            self._logger.error("evidence not read", extra={"error": one_line(str(error), 500)})
            return False
        if not proven:
            claimed = {"changed_by": change.changed_by, "changed_at": change.changed_at}
            extra = {"settings_without_evidence": True, "says_of_itself": claimed}
            self._logger.error(
                "the settings were changed, and no evidence says by whom", extra=extra
            )
        return True

    def _say(self, failed: Sequence[Failed]) -> None:
        counts: dict[str, int] = {}
        for one in failed:
            counts[one.projection] = counts.get(one.projection, 0) + 1
            self._logger.warning(
                "not reported",
                extra={
                    "playbook": one.playbook,
                    "case": one.case,
                    "projection": one.projection,
                    "error": one_line(one.error, 500),
                },
            )
        for projection, count in counts.items():
            _measure("NotReported", MetricUnit.Count, [count], projection=projection)

    def _send(
        self, bodies: Sequence[Mapping[str, Any]], deployment: Deployment, aws: AwsClients
    ) -> list[int]:
        """Which of these the queue did not take: the stream must bring them again."""
        unsent: list[int] = []
        for part in in_parts(range(len(bodies)), MOST, MOST, lambda _: 1):
            try:
                refused = _sent(
                    [bodies[n] for n in part], deployment.reports_queue, aws.client("sqs")
                )
            except (ClientError, BotoCoreError) as error:
                self._logger.error("queue failed", extra={"error": one_line(str(error), 500)})
                unsent += part
            else:
                unsent += [part[n] for n in refused]
        return unsent


def _named(record: Mapping[str, Any]) -> Name | None:
    """The case of a record; None where its key is no case's."""
    kind, _, rest = record["dynamodb"]["Keys"]["id"]["S"].partition("#")
    playbook, _, case = rest.partition("#")
    return (playbook, case) if kind == "case" and case else None


def _wanted(raw: Mapping[str, Any]) -> Wanted:
    """A message of the queue. Raises ValueError, KeyError or TypeError where it is none."""
    texts = [raw[name] for name in ("playbook", "case", "projection")]
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("playbook, case and projection must be texts")
    playbook, case, projection = texts
    return Wanted((playbook, case), projection, raw.get("anew") is True)


def _projections(wanted: Sequence[Wanted]) -> dict[Name, set[str]]:
    """The projections of each case that is not wanted as a whole."""
    whole = {message.name for message in wanted if message.projection == ALL}
    only: dict[Name, set[str]] = {}
    for message in wanted:
        if message.name not in whole:
            only.setdefault(message.name, set()).add(message.projection)
    return only


def _fails(message: Wanted, failed: Collection[tuple[Name, str]]) -> bool:
    if message.projection == ALL:
        return any(name == message.name for name, _ in failed)
    return (message.name, message.projection) in failed or (message.name, ALL) in failed


def _sent(bodies: Sequence[Mapping[str, Any]], queue: str, sqs: Any) -> list[int]:
    """Which of these the queue did not take."""
    entries = [{"Id": str(n), "MessageBody": json.dumps(body)} for n, body in enumerate(bodies)]
    response = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    return [int(id) for id in by_id(response.get("Failed", ()))]


def _measure(name: str, unit: MetricUnit, values: Sequence[float], **dimensions: str) -> None:
    """One metric with each of these values."""
    for value in values:
        with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
            for dimension, text in dimensions.items():
                metric.add_dimension(dimension, text)
