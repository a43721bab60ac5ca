"""Cloud Custodian's own Lambda handler, with events, in a folder that has its config.json.

    python custodian_events.py EVENTS.json TIMES

Prints ``{"seconds"}``: processor time of all events but the first.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from c7n import handler


class Context:
    """The parts of Lambda's context that Custodian reads."""

    aws_request_id = "00000000-0000-4000-8000-000000000001"
    function_name = "custodian-block"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:custodian-block"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """As at the start of an invocation."""
        return 60_000


def main(events: list[dict[str, Any]]) -> float:
    """Processor seconds of all events but the first."""
    start = 0.0
    for number, event in enumerate(events):
        if number == 1:
            start = time.process_time()
        if handler.dispatch_event(event, Context()) is not True:
            raise RuntimeError(f"event {number} was not handled")
    return time.process_time() - start


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())[: int(sys.argv[2])]
    sys.stdout.write("\n" + json.dumps({"seconds": main(given)}) + "\n")
