"""Imported before Cordon's code: sets the recorded time, and resolves every host to this machine.

The responses contain values written at that time. S3 Control adds the account to the host name.
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


class _RecordedTime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_RecordedTime":
        return cls.fromisoformat(RECORDED["moment"]).astimezone(tz)


def _this_machine(_host: Any, *more: Any, **named: Any) -> Any:
    return _resolve("127.0.0.1", *more, **named)


vars(cordon.clock)["datetime"] = _RecordedTime
vars(socket)["getaddrinfo"] = _this_machine
