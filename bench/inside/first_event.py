"""Runs in place of the function: imports its handler as Lambda does and passes it events.

python first_event.py EVENTS           0: only the import
python first_event.py EVENTS counts    also reports compiled files, sessions and clients
"""

import json
import sys
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


def main(events: int, count: bool) -> dict[str, Any]:
    """The handler's responses and, if ``count``, what it needed for them."""
    counts = Counts()
    if count:
        counts.watch_imports()
    before = set(sys.modules)
    handler, recorded = import_module("handler").handler, import_module("recorded_moment").RECORDED
    Context.invoked_function_arn = recorded["arn"]
    result: dict[str, Any] = {"modules": sorted(set(sys.modules) - before)}
    if count:
        counts.watch_clients()
    result["responses"], result["clients"] = [], []
    for _ in range(events):
        result["responses"].append(handler(recorded["event"], Context))
        result["clients"].append(list(counts.clients))
    return {**result, "compiled": counts.compiled, "sessions": counts.sessions}


if __name__ == "__main__":
    result = main(int(sys.argv[1]), sys.argv[2:] == ["counts"])
    sys.stdout.write(json.dumps(result) + "\n")
