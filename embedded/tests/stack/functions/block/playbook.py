"""Blocks public access of the finding's buckets; asks first when the finding says so."""

import json
import os

from cordon.clients import clients_for

BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def handler(event, context):
    clients = clients_for(os.environ["CORDON_ACCOUNT"], os.environ["AWS_REGION"])
    if event.get("do") == "ask":
        return {}
    if event.get("do") == "act":
        return contain(clients, event["bucket"], event["by"])
    for finding in event["detail"]["findings"]:
        if finding.get("Fail"):
            raise ValueError(finding["Fail"])
        bucket = finding["Bucket"]
        if finding.get("Ask"):
            clients.client("stepfunctions").start_execution(
                stateMachineArn=os.environ["WORKFLOW"],
                name=bucket,
                input=json.dumps({"function": context.invoked_function_arn, "bucket": bucket}),
            )
        else:
            contain(clients, bucket, "nobody")
    return {"done": len(event["detail"]["findings"])}


def contain(clients, bucket, by):
    clients.client("s3").put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=BLOCK
    )
    clients.client("dynamodb").put_item(
        TableName=os.environ["TABLE"], Item={"id": {"S": bucket}, "by": {"S": by}}
    )
    return {"contained": bucket, "by": by}
