"""Runs in place of the function: imports its handler as Lambda does and passes it events.

python first_event.py EVENTS           0: only the import; else the recorded event so many times
python first_event.py EVENTS counts    also reports compiled files, sessions and clients
python first_event.py EVENTS calls     also reports the calls of the last event
"""

import json
import sys
import time
from importlib import import_module
from typing import Any


class Context:
    """The parts of Lambda's context that Cordon's entry point reads."""

    aws_request_id = "00000000-0000-4000-8000-000000000001"
    invoked_function_arn = ""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """As a function of the template has it when it begins."""
        return 45_000


class Counts:
    """Compiled files, and created sessions and clients."""

    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.clients: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.sessions = 0

    def watch_imports(self) -> None:
        """Record the files that are compiled from now on."""
        from importlib.machinery import SourceFileLoader

        compiling: Any = SourceFileLoader.source_to_code

        def source_to_code(loader: Any, data: Any, path: Any, **more: Any) -> Any:
            self.compiled.append(str(path))
            return compiling(loader, data, path, **more)

        setattr(SourceFileLoader, "source_to_code", source_to_code)  # noqa: B010

    def watch_clients(self) -> None:
        """Record sessions and clients. Call it after botocore is imported."""
        from botocore.session import Session

        make, start = Session.create_client, Session.__init__

        def create_client(session: Any, name: str, *args: Any, **more: Any) -> Any:
            self.clients.append(name)
            return make(session, name, *args, **more)

        def init(session: Any, *args: Any, **more: Any) -> None:
            self.sessions += 1
            start(session, *args, **more)

        Session.create_client, Session.__init__ = create_client, init

    def watch_calls(self) -> None:
        """Record every call, with its parameters. Call it after botocore is imported."""
        from botocore import xform_name
        from botocore.client import BaseClient
        from botocore.exceptions import ClientError

        call: Any = BaseClient._make_api_call

        def make_api_call(client: Any, operation: str, params: Any) -> Any:
            service = client.meta.service_model.service_name
            made = {"service": service, "method": xform_name(operation), "params": dict(params)}
            self.calls.append(made)
            try:
                return call(client, operation, params)
            except ClientError as error:
                made["error"] = error.response["Error"]["Code"]
                raise

        setattr(BaseClient, "_make_api_call", make_api_call)  # noqa: B010


def as_text(value: bytes) -> dict[str, str]:
    """The body of an object, in JSON."""
    return {"bytes": value.decode()}


def main(events: int, count: bool, calls: bool) -> dict[str, Any]:
    """The handler's responses and, if ``count``, what it needed for them.

    ``seconds``: processor time of all events but the first.
    """
    counts = Counts()
    if count:
        counts.watch_imports()
    before = set(sys.modules)
    handler, recorded = import_module("handler").handler, import_module("recorded_moment").RECORDED
    Context.invoked_function_arn = recorded["arn"]
    result: dict[str, Any] = {"modules": sorted(set(sys.modules) - before)}
    if count:
        counts.watch_clients()
    if calls:
        counts.watch_calls()
    several = recorded.get("events")  # in place of one event many times
    result["responses"], result["clients"], start = [], [], 0.0
    for number in range(events):
        counts.calls = []
        if number == 1:
            start = time.process_time()
        event = several[number] if several else recorded["event"]
        result["responses"].append(handler(event, Context))
        result["clients"].append(list(counts.clients))
    result |= {"seconds": time.process_time() - start, "calls": counts.calls}
    return {**result, "compiled": counts.compiled, "sessions": counts.sessions}


if __name__ == "__main__":
    result = main(int(sys.argv[1]), "counts" in sys.argv, "calls" in sys.argv)
    sys.stdout.write(json.dumps(result, default=as_text) + "\n")
