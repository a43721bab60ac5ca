"""Blocks public access of the finding's buckets; waits for approval when the finding says so."""

import json
import os

import boto3

BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def handler(event, context):
    if event.get("do") == "ask":
        return {}
    if event.get("do") == "block":
        return contain(event["bucket"], event["by"])
    for finding in event["detail"]["findings"]:
        if finding.get("Fail"):
            raise ValueError(finding["Fail"])
        bucket = finding["Bucket"]
        if finding.get("Ask"):
            boto3.client("stepfunctions").start_execution(
                stateMachineArn=os.environ["WORKFLOW"],
                name=bucket,
                input=json.dumps({"function": context.invoked_function_arn, "bucket": bucket}),
            )
        else:
            contain(bucket, "nobody")
    return {"done": len(event["detail"]["findings"])}


def contain(bucket, by):
    boto3.client("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=BLOCK)
    boto3.client("dynamodb").put_item(
        TableName=os.environ["TABLE"], Item={"id": {"S": bucket}, "by": {"S": by}}
    )
    return {"contained": bucket, "by": by}
