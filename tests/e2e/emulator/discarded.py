"""What Lambda discards of a stream goes to the mapping's destination, with the rights of the
function's role (Retain discarded records for a DynamoDB event source, Lambda developer guide)."""

import dataclasses
import datetime
import json
import sys
import time
import uuid
from typing import Any

import control
import ministack.core.lambda_runtime as runtime
from botocore.exceptions import ClientError

SHARD = "shardId-00000000000000000000-00000001"

Record = dict[str, Any]


def made(record: Record) -> float:
    """When the change was made, in seconds since 1970."""
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@dataclasses.dataclass(frozen=True)
class Batch:
    """Discarded records, and why."""

    records: list[Record]
    condition: str
    invocations: int
    config: dict[str, Any]  # of the function

    def deliver(self, mapping: dict[str, Any], account: str, region: str) -> None:
        """To the destination, where the mapping has one."""
        on_failure = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
        arn = on_failure.get("Destination", "")
        try:
            if ":s3:" in arn:
                self._store(arn.rpartition(":")[2], mapping["UUID"], region)
            elif arn:
                self._send(arn, account, region)
        except ClientError as error:  # on AWS only a metric says so
            name = self.config["FunctionName"]
            sys.stderr.write(f"a discarded batch of {name} is lost: {error}\n")

    def _store(self, bucket: str, mapping: str, region: str) -> None:
        """The whole of it, payload included."""
        now, s3 = datetime.datetime.now(datetime.UTC), self._client("s3", region)
        moment = now.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S")
        s3.head_bucket(Bucket=bucket)
        key = f"aws/lambda/{mapping}/{SHARD}/{moment}-{uuid.uuid4()}"
        body = {**self._said(), "payload": json.dumps({"Records": self.records})}
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(body))

    def _send(self, arn: str, account: str, region: str) -> None:
        """To a queue or topic, which hear where the records are, not what they are."""
        body = json.dumps(self._said())
        if ":sns:" in arn:
            self._client("sns", region).publish(TopicArn=arn, Message=body)
            return
        owner = control.client("sqs", region, account)
        url = owner.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        self._client("sqs", region).send_message(QueueUrl=url, MessageBody=body)

    def _client(self, service: str, region: str) -> Any:
        given = runtime.execution_credentials(self.config)
        secret, token = given["AWS_SECRET_ACCESS_KEY"], given["AWS_SESSION_TOKEN"]
        return control.client(service, region, given["AWS_ACCESS_KEY_ID"], secret, token)

    def _said(self) -> dict[str, Any]:
        """The invocation record."""
        first, last = self.records[0], self.records[-1]
        responded = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
        return {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.config["FunctionArn"],
                "condition": self.condition,
                "approximateInvokeCount": self.invocations,
            },
            **({"responseContext": responded} if self.invocations else {}),
            "version": "1.0",
            "timestamp": _moment(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": SHARD,
                "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _moment(made(first)),
                "approximateArrivalOfLastRecord": _moment(made(last)),
                "batchSize": len(self.records),
                "streamArn": first["eventSourceARN"],
            },
        }
