"""Redelivers what the bucket ``FailedRecords`` keeps: records that ``ReportCases`` gave up.

Lambda keeps a batch of the table's stream as one object (Lambda Developer Guide, "Retaining
discarded records for a DynamoDB event source")::

    aws/lambda/<mapping>/<shard>/…                 {"payload": "<the event>", …}
    redelivered/aws/lambda/<mapping>/<shard>/…     that it was redelivered, by whom and when

A record is a doorbell, and old: the queue ``Reports`` gets the name of its case, and what the row
says then is shown. A change of the settings goes there as it was. No role of ours deletes an
object. One that was redelivered is marked, when the queue has all of it, and expires as it would.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cordon.clock import now, to_iso
from cordon.deciding.desk import Desk
from cordon.memory.settings_change import SettingsChange

KEPT = "aws/lambda/"
REDELIVERED = "redelivered/"
SELF_TEST = "case#self_test#"  # no case: the reconciler looks whether reports are made
ENTRIES = 10  # of one SendMessageBatch


class Unusable(Exception):
    """It stays where it is; the text says why."""


def waiting(s3: Any, bucket: str) -> Iterator[str]:
    """The keys of what was not redelivered yet, by mapping, then the oldest first."""
    marked = {key.removeprefix(REDELIVERED) for key in _keys(s3, bucket, REDELIVERED + KEPT)}
    return (key for key in _keys(s3, bucket, KEPT) if key not in marked)


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        yield from (one["Key"] for one in page.get("Contents", ()))


@dataclass(frozen=True)
class FailedRecords:
    """What the bucket keeps."""

    desk: Desk
    s3: Any  # a client

    @classmethod
    def of(cls, desk: Desk) -> "FailedRecords":
        """Those of this stack."""
        return cls(desk, desk.client("s3"))

    def waiting(self) -> Iterator[str]:
        """The keys of what was not redelivered yet."""
        return waiting(self.s3, self.desk.environment.failed_records)

    def redeliver(self, key: str, by: str) -> None:
        """Send all that an object keeps, then mark it. Raises Unusable, and it is not marked."""
        bucket = self.desk.environment.failed_records
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        messages = self._messages(body)
        for first in range(0, len(messages), ENTRIES):
            self._send(messages[first : first + ENTRIES])
        said = {"by": by, "at": to_iso(now()), "messages": len(messages)}
        self.s3.put_object(Bucket=bucket, Key=REDELIVERED + key, Body=json.dumps(said).encode())

    def _messages(self, body: bytes) -> list[str]:
        """What the queue gets of an object: each case once."""
        try:
            records = json.loads(json.loads(body)["payload"])["Records"]
            found = [message for record in records for message in self._of(record)]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unusable("an object keeps no records of the stream") from None
        return list(dict.fromkeys(json.dumps(message) for message in found))

    def _of(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        row = str(record["dynamodb"]["Keys"]["id"]["S"])
        change = SettingsChange.of_record(record)
        kind, playbook, case = f"{row}##".split("#")[:3]
        if change is not None:
            yield change.to_json()
        elif kind == "case" and playbook in self.desk.playbooks and case:
            yield {"playbook": playbook, "case": case, "projection": "all"}
        elif not row.startswith(SELF_TEST):
            raise Unusable("an object keeps a record of a row that is no case of ours")

    def _send(self, messages: list[str]) -> None:
        entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(messages)]
        queue = self.desk.environment.reports_queue
        response = self.desk.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
        if failed := response.get("Failed"):
            raise Unusable(f"the queue Reports did not take {len(failed)} messages of an object")
