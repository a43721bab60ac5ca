"""Responds with what the request's body says, or with the event itself."""

import json


def handler(event, context):
    wanted = json.loads(event.get("body") or "{}")
    if "raise" in wanted:
        raise ValueError(wanted["raise"])
    return wanted.get("return", {"event": event})
