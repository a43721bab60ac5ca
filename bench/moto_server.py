"""A process with moto's server, and the two calls that it lacks: an AWS account over HTTP.

    python bench/moto_server.py     (prints its port, serves until its input ends)

A client's processor time is measured against it, never the server's.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

LACKING: Mapping[tuple[str, str], Any] = {  # path, target
    ("/", "AmazonSSM.CreateOpsItem"): {"OpsItemId": "oi-0123456789ab"},
    ("/findings/batchupdate", ""): {"ProcessedFindings": [], "UnprocessedFindings": []},
}
Start = Callable[[str, list[tuple[str, str]]], Any]


class Server:
    """A WSGI application."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """One request."""
        key = (environ["PATH_INFO"], environ.get("HTTP_X_AMZ_TARGET", ""))
        if key not in LACKING:
            response: Iterable[bytes] = self._moto(environ, start)
            return response
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = json.dumps(LACKING[key]).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", f"{len(body)}")])
        return [body]


def main() -> None:
    """Serve until the parent process closes the input."""
    server = make_server("127.0.0.1", 0, Server(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
