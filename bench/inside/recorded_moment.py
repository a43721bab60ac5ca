"""Imported before our code: the recorded moment, and every host name is this machine.

Answers hold what was written at that moment; S3 Control puts the account before the host's name.
"""

import json
import os
import socket
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import cordon.clock

RECORDED: dict[str, Any] = json.loads(Path(os.environ["BENCH_RECORDED"]).read_text())

_resolve = socket.getaddrinfo


class _Then(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_Then":
        return cls.fromisoformat(RECORDED["moment"]).astimezone(tz)


def _here(_host: Any, *more: Any, **named: Any) -> Any:
    return _resolve("127.0.0.1", *more, **named)


vars(cordon.clock)["datetime"] = _Then
vars(socket)["getaddrinfo"] = _here
