"""A process that returns recorded responses to AWS calls, in recorded order per kind of call.

    python bench/aws_stub.py RECORDED.json     (prints its port, serves until its input ends)

After the last response to a kind of call the first one follows again, for the next event.
"""

import http.server
import json
import re
import socketserver
import sys
import threading
from collections import defaultdict
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Response = dict[str, Any]


class CallKind:
    """The responses to one kind of call: for the same request, or else the next one."""

    def __init__(self, responses: list[Response]) -> None:
        self._all = cycle(responses)
        by_body: dict[str, list[Response]] = defaultdict(list)
        for response in responses:
            by_body[response["sent"]].append(response)
        self._by_body = {sent: cycle(same) for sent, same in by_body.items()}

    def next(self, sent: str) -> Response:
        """The response to a request with this body."""
        return next(self._by_body.get(sent, self._all))


class Responses:
    """The recorded responses, by kind of call."""

    def __init__(self, recorded: list[Response]) -> None:
        kinds: dict[tuple[str, str, str, str], list[Response]] = defaultdict(list)
        for r in recorded:
            kinds[r["service"], r["method"], r["path"], r["operation"]].append(r)
        self._kinds = {kind: CallKind(responses) for kind, responses in kinds.items()}
        self._lock = threading.Lock()

    def find(
        self, service: str, method: str, target: str, operation: str, sent: str
    ) -> Response | None:
        """The next response to such a call; None if none was recorded."""
        with self._lock:
            matches = [
                kind
                for (s, m, path, o), kind in self._kinds.items()
                if (s, m, o) == (service, method, operation) and (o or matches_uri(path, target))
            ]
            return matches[0].next(sent) if len(matches) == 1 else None


def matches_uri(template: str, target: str) -> bool:
    """Does a path match a requestUri: ``/{Bucket}/{Key+}``, ``/{Bucket}?policy``?"""
    path, _, query = template.partition("?")
    pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda m: ".+" if m[2] else "[^/]+", re.escape(path))
    url = urlsplit(target)
    flags = {
        name for name, value in parse_qs(url.query, keep_blank_values=True).items() if value == [""]
    }
    expected = {query} if query and "=" not in query else set()
    return re.fullmatch(pattern, url.path) is not None and flags == expected


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    recorded: Responses

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Respond to a call of any method."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.flush()
        body = self._body()
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers["Authorization"])
        operation = self.headers.get("X-Amz-Target") or next(
            iter(parse_qs(body).get("Action", [])), ""
        )
        service = scope[1] if scope else ""
        response = self.recorded.find(service, self.command, self.path, operation, body)
        if response is None:
            message = f"not recorded: {service} {self.command} {self.path} {operation}\n"
            sys.stderr.write(message)
            response = {"status": 400, "headers": {}, "body": message}
        content = response["body"].encode()
        self.send_response(response["status"])
        for name, value in response["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)
        self.wfile.flush()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def _body(self) -> str:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length)).decode(errors="replace")
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            text = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                text += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return text.decode(errors="replace")
        return ""


class Server(socketserver.ThreadingTCPServer):
    """Replaces http.server's server, which first resolves this machine's name and may block."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connection errors: a sandbox that ends does not close its connections."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until the parent process closes the input."""
    Handler.recorded = Responses(json.loads(Path(sys.argv[1]).read_text())["responses"])
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
