"""Calls that moto lacks, or that would leave the machine, fail loudly.

moto responds to unknown calls with ``NotImplementedError`` or with a 404, which a handler may
mistake for "the resource is deleted". It lets calls to unknown hosts go to the real network.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from embedded.scheduler import active


class NotEmbedded(BaseException):
    """The embedded account lacks this API. A BaseException, so that no handler swallows it."""


@cache
def install() -> None:
    """Wrap moto's request handling, once per process; in force while an account is entered."""
    from moto.core.botocore_stubber import BotocoreStubber

    strict = _strict(BotocoreStubber.process_request)
    setattr(BotocoreStubber, "process_request", strict)  # noqa: B010 mypy refuses the plain form


def _strict(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def process_request(stubber: Any, request: Any) -> Any:
        if active() is None:
            return original(stubber, request)
        where = f"{request.method} {request.url} {request.headers.get('X-Amz-Target', '')}"
        try:
            response = original(stubber, request)
        except NotImplementedError as gap:
            raise NotEmbedded(f"moto does not implement {where}: {gap}") from None
        if response is None:
            raise NotEmbedded(f"would go to the real network: {where}")
        if response[2] in ("Not yet implemented", b"Not yet implemented"):
            raise NotEmbedded(f"moto does not know {where}")
        return response

    return process_request
