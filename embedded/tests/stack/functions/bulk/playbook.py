"""Remembers each message; reports those that say so as failed."""

import json
import os

import boto3


def handler(event, context):
    table = boto3.client("dynamodb", region_name=os.environ["AWS_REGION"])
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            table.put_item(TableName=os.environ["TABLE"], Item={"id": {"S": body["id"]}})
    return {"batchItemFailures": failures}
