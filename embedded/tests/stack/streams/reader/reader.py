"""Reports bad rows, raises because of them, or ignores them: as HOW says."""

import os


def handler(event, context):
    bad = [
        one["dynamodb"]["SequenceNumber"]
        for one in event["Records"]
        if "bad" in one["dynamodb"].get("NewImage", {})
    ]
    if bad and os.environ["HOW"] == "raises":
        raise ValueError("a bad row")
    if os.environ["HOW"] == "reports":
        return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}
