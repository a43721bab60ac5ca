"""A process that answers AWS calls as recorded, each kind of call in its recorded order.

    python bench/aws_stub.py RECORDED.json     (prints its port, serves until its input ends)

After the last answer to a call comes the first again: the next event.
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

Answer = dict[str, Any]


class Kind:
    """The answers to one kind of call: to exactly this request, or else the next."""

    def __init__(self, answers: list[Answer]) -> None:
        self._all = cycle(answers)
        same: dict[str, list[Answer]] = defaultdict(list)
        for one in answers:
            same[one["sent"]].append(one)
        self._same = {sent: cycle(some) for sent, some in same.items()}

    def next(self, sent: str) -> Answer:
        """What such a request was answered."""
        return next(self._same.get(sent, self._all))


class Answers:
    """What was answered, by kind of call."""

    def __init__(self, recorded: list[Answer]) -> None:
        kinds: dict[tuple[str, str, str, str], list[Answer]] = defaultdict(list)
        for one in recorded:
            kinds[one["service"], one["method"], one["path"], one["operation"]].append(one)
        self._kinds = {kind: Kind(answers) for kind, answers in kinds.items()}
        self._lock = threading.Lock()

    def find(
        self, service: str, method: str, target: str, operation: str, sent: str
    ) -> Answer | None:
        """The next answer to such a call; None where none was recorded."""
        with self._lock:
            found = [
                kind
                for (s, m, path, o), kind in self._kinds.items()
                if (s, m, o) == (service, method, operation) and (o or fits(path, target))
            ]
            return found[0].next(sent) if len(found) == 1 else None


def fits(template: str, target: str) -> bool:
    """Does a path fit a requestUri: ``/{Bucket}/{Key+}``, ``/{Bucket}?policy``?"""
    path, _, query = template.partition("?")
    pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda m: ".+" if m[2] else "[^/]+", re.escape(path))
    asked = urlsplit(target)
    flags = {
        name
        for name, value in parse_qs(asked.query, keep_blank_values=True).items()
        if value == [""]
    }
    wanted = {query} if query and "=" not in query else set()
    return re.fullmatch(pattern, asked.path) is not None and flags == wanted


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    answers: Answers

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """Any call."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.flush()
        body = self._body()
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers["Authorization"])
        operation = self.headers.get("X-Amz-Target") or next(
            iter(parse_qs(body).get("Action", [])), ""
        )
        service = scope[1] if scope else ""
        found = self.answers.find(service, self.command, self.path, operation, body)
        if found is None:
            said = f"not recorded: {service} {self.command} {self.path} {operation}\n"
            sys.stderr.write(said)
            found = {"status": 400, "headers": {}, "body": said}
        content = found["body"].encode()
        self.send_response(found["status"])
        for name, value in found["headers"].items():
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
    """Not http.server's own, which looks up this machine's name first and may wait for it."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sandbox that ends leaves its connections as they are."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until the one who started us goes away."""
    Handler.answers = Answers(json.loads(Path(sys.argv[1]).read_text())["answers"])
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
