"""Plain boto3 that makes the calls of a recorded event, one after the other, and nothing else.

    python plain_calls.py CALLS.json TIMES     (as first_event.py EVENTS)

CALLS.json: ``{"service", "method", "params", "error"}`` of each call; ``{"bytes": text}`` is bytes.
Prints ``{"seconds"}``: processor time of all times but the first, which makes the clients.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import_module("recorded_moment")  # S3 Control's host resolves to this machine
import boto3  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402


def main(calls: list[dict[str, Any]], times: int) -> float:
    """Processor seconds of all times but the first, which makes the clients."""
    clients = {call["service"]: boto3.client(call["service"]) for call in calls}
    bound = [
        (getattr(clients[call["service"]], call["method"]), call["params"], call.get("error"))
        for call in calls
    ]
    start = 0.0
    for number in range(times):
        if number == 1:
            start = time.process_time()
        for method, params, expected in bound:
            try:
                method(**params)
            except ClientError as error:
                if error.response["Error"]["Code"] != expected:
                    raise
    return time.process_time() - start


def as_sent(value: Any) -> Any:
    """The parameters as they were given."""
    return value["bytes"].encode() if set(value) == {"bytes"} else value


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(), object_hook=as_sent)
    sys.stdout.write(json.dumps({"seconds": main(given, int(sys.argv[2]))}) + "\n")
