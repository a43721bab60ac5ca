"""Sends what an operator decides to the desk of a deployed stack, signed with their credentials."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

SERVICE = "execute-api"  # what requests to API Gateway's APIs are signed for
LONGEST = 35  # seconds: API Gateway responds within 30


@dataclass(frozen=True)
class DeskResponse:
    """The HTTP status, and what the body's JSON says."""

    status: int
    body: Any


Send = Callable[[str, Mapping[str, Any]], DeskResponse]  # a verb, and its body


def signed(session: boto3.session.Session, url: str) -> Send:
    """Sends requests to this URL, signed with Signature Version 4.

    Source: IAM User Guide, "AWS Signature Version 4 for API requests". Raises ``BotoCoreError``
    where the desk cannot be reached, or where there are no credentials.
    """

    def send(verb: str, body: Mapping[str, Any]) -> DeskResponse:
        request = AWSRequest(
            method="POST",
            url=f"{url}/{verb}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        SigV4Auth(session.get_credentials(), SERVICE, session.region_name).add_auth(request)
        response = _http(url).send(request.prepare())
        return DeskResponse(response.status_code, _read(response.content))

    return send


def _http(url: str) -> URLLib3Session:
    """As boto3 makes its own: with the environment's proxies and roots."""
    trusted = os.environ.get("AWS_CA_BUNDLE") or True
    return URLLib3Session(trusted, get_environ_proxies(url), timeout=(5, LONGEST))


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data[:300].decode(errors="replace")
