"""The one response to a request of CloudFormation, which must come whatever happens.

Sources: AWS CloudFormation User Guide, "Custom resource request objects", "Custom resource response
objects" (a response has at most 4096 bytes; a physical id that changes means a replacement).
"""

import json
import os
from collections.abc import Mapping
from threading import Lock
from typing import Any

import urllib3
from aws_lambda_powertools import Logger

from cordon.clock import sleep
from cordon.trust import fall_back

Request = Mapping[str, Any]
# Of every response for the resource: another one would be a replacement.
PHYSICAL_ID, PHYSICAL_ID_OF_PARTS = "cordon-settings", "cordon-parts"
PARTS = "Custom::CordonParts"  # the type of the other resource
WAITS = (0.5, 1)  # seconds, between the tries to respond
TRY_SECONDS = 2.5
KEPT_SECONDS = 10  # for the response: three tries, and the waits between them
REASON = 500  # characters, at most 2,000 bytes


def is_of_parts(request: Request) -> bool:
    """Is it for ``Parts``, and not for ``Settings``?"""
    return request.get("ResourceType") == PARTS


class NotResponded(Exception):
    """CloudFormation's bucket did not take the response. Lambda tries again."""


class Response:
    """The one response to a request."""

    def __init__(self, request: Request, logger: Logger) -> None:
        self._request = request
        self._logger = logger
        self._lock = Lock()
        self._sent = False

    def send(self, reason: str = "") -> None:
        """Say that it was done, or why not. The first that arrives counts. Raises NotResponded."""
        body = json.dumps(self._body(reason), ensure_ascii=False).encode()
        with self._lock:
            for wait in WAITS:
                if self._sent:
                    return
                try:
                    self._put(body)
                except NotResponded as error:
                    self._logger.warning("not responded", extra={"reason": str(error)})
                    sleep(wait)
            if not self._sent:
                self._put(body)

    def _body(self, reason: str) -> dict[str, str]:
        same = {key: self._request[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
        ended = {"Status": "FAILED", "Reason": reason} if reason else {"Status": "SUCCESS"}
        id = PHYSICAL_ID_OF_PARTS if is_of_parts(self._request) else PHYSICAL_ID
        return {**same, **ended, "PhysicalResourceId": id}

    def _put(self, body: bytes) -> None:
        """One try. Texts of urllib3 have the URL, which is signed; so do its logs of retries."""
        pool = urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE") or None)
        try:
            status = pool.request(
                "PUT",
                self._request["ResponseURL"],
                body=body,
                headers={"Content-Type": ""},  # the URL is signed without one
                retries=False,
                timeout=urllib3.Timeout(total=TRY_SECONDS),
            ).status
        except urllib3.exceptions.HTTPError as error:
            fall_back(error)  # the next try trusts what AWS_CA_BUNDLE then says
            raise NotResponded(type(error).__name__) from None
        if status != 200:
            raise NotResponded(f"HTTP status {status}")
        self._sent = True
