"""A Lambda Runtime API for one sandbox (Lambda developer guide, "Using the Lambda runtime API").

Lambda's runtime client (awslambdaric) gets the next event from it and posts the results. Lambda
bills the time from the start to the first request as init, and from then on as duration.
"""

import http.server
import json
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.aws_stub import Server

TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class ColdStart:
    """One cold start. Times are wall time on this machine, in seconds."""

    init: float  # from the start of the process to its first request
    invoke: float  # from the event to the result
    resident: float  # peak memory, MB
    result: Any


@dataclass
class _Sandbox:
    """The state of the runtime client."""

    event: bytes
    arn: str
    requested: float = 0.0
    completed: float = 0.0
    result: bytes = b""
    failed: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    sandbox: _Sandbox

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """GET /2018-06-01/runtime/invocation/next: the event once, then block."""
        if self.sandbox.requested:
            self.sandbox.done.wait(TIMEOUT)
            return
        self.sandbox.requested = time.perf_counter()
        self.send_response(200)
        deadline = int(time.time() * 1000) + 60_000
        for name, value in {
            "Aws-Request-Id": "00000000-0000-4000-8000-000000000001",
            "Deadline-Ms": str(deadline),
            "Invoked-Function-Arn": self.sandbox.arn,
        }.items():
            self.send_header(f"Lambda-Runtime-{name}", value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.sandbox.event)))
        self.end_headers()
        self.wfile.write(self.sandbox.event)
        self.wfile.flush()

    def do_POST(self) -> None:
        """POST …/response, …/error or /runtime/init/error."""
        body = self._body()
        self.sandbox.completed = time.perf_counter()
        self.sandbox.result, self.sandbox.failed = body, not self.path.endswith("/response")
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()
        self.sandbox.done.set()

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body


def cold_start(
    command: list[str], environment: Mapping[str, str], event: Any, arn: str
) -> ColdStart:
    """Start the runtime client, give it one event and end it. RuntimeError if it failed."""
    sandbox = _Sandbox(json.dumps(event).encode(), arn)
    handler = type("Handler", (_Handler,), {"sandbox": sandbox})
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        sandbox.done.wait(TIMEOUT)
        resident = _resident(process.pid)
    finally:
        process.kill()
        output = process.communicate()[0]
        server.shutdown()
        server.server_close()
    if sandbox.failed or not sandbox.result:
        raise RuntimeError(f"{sandbox.result.decode()}\n{output[-2000:]}")
    result = json.loads(sandbox.result)
    return ColdStart(
        sandbox.requested - start, sandbox.completed - sandbox.requested, resident, result
    )


def _resident(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
