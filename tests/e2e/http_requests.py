"""HTTP requests to an API, plain or signed as curl would sign them."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.waiting import HANGS


@dataclass(frozen=True)
class Response:
    """What an HTTP API responded: its status, and its body, read where it is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]


def send(method: str, url: str, data: bytes, headers: Mapping[str, str]) -> Response:
    """One HTTP request, whatever its status."""
    request = urllib.request.Request(url, data, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=HANGS) as got:
            status, text, given = got.status, got.read().decode(), dict(got.headers)
    except urllib.error.HTTPError as error:
        status, text, given = error.code, error.read().decode(), dict(error.headers)
    is_json = text.startswith(("{", "[", '"'))
    return Response(status, json.loads(text) if is_json else text, given)


def signed(
    method: str, url: str, body: Any, signer: Credentials, service: str, region: str
) -> Response:
    """One request with a JSON body, signed (SigV4) for a service of a Region."""
    data = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(signer, service, region).add_auth(request)
    return send(method, url, data, dict(request.headers))
