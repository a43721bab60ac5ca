"""Runs where the function would: imports its handler as Lambda does, and gives it events.

python first_event.py EVENTS           0: only the import
python first_event.py EVENTS counts    and tells what a cold start must not do
"""

import json
import sys
from importlib import import_module
from typing import Any


class Context:
    """What our handler asks of Lambda's context."""

    aws_request_id = "00000000-0000-4000-8000-000000000001"
    invoked_function_arn = ""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """As a function of the template has it when it begins."""
        return 45_000


class Counts:
    """Files compiled, sessions and clients made."""

    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.clients: list[str] = []
        self.sessions = 0

    def watch_imports(self) -> None:
        """From now on."""
        from importlib.machinery import SourceFileLoader

        compiling: Any = SourceFileLoader.source_to_code

        def source_to_code(loader: Any, data: Any, path: Any, **more: Any) -> Any:
            self.compiled.append(str(path))
            return compiling(loader, data, path, **more)

        setattr(SourceFileLoader, "source_to_code", source_to_code)  # noqa: B010

    def watch_clients(self) -> None:
        """Once botocore is there."""
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
    """What the handler answered; where counted, what it took."""
    counts = Counts()
    if count:
        counts.watch_imports()
    before = set(sys.modules)
    handler, recorded = import_module("handler").handler, import_module("recorded_moment").RECORDED
    Context.invoked_function_arn = recorded["arn"]
    told: dict[str, Any] = {"modules": sorted(set(sys.modules) - before)}
    if count:
        counts.watch_clients()
    told["answers"], told["clients"] = [], []
    for _ in range(events):
        told["answers"].append(handler(recorded["event"], Context))
        told["clients"].append(list(counts.clients))
    return {**told, "compiled": counts.compiled, "sessions": counts.sessions}


if __name__ == "__main__":
    told = main(int(sys.argv[1]), sys.argv[2:] == ["counts"])
    sys.stdout.write(json.dumps(told) + "\n")
