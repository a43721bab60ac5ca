"""DynamoDB's TransactWriteItems honours ClientRequestToken; moto carries the call out again.

API reference, TransactWriteItems: a token is valid for ten minutes after the first request that
used it succeeded. The same request with it succeeds and changes nothing; another one is refused
with IdempotentParameterMismatchException. botocore fills the token in for every call, so that
its own retry after a lost response finds what it has done.

moto does the rest: the conditions of each entry, CancellationReasons in order with the item if
ALL_OLD is set, one operation an item, at most a hundred.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any

from embedded.backends.registry import here

VALID = timedelta(minutes=10)
TOKENS = "dynamodb-tokens"  # token -> (the request, when it succeeded)


@cache
def install() -> None:
    """Change moto, once per process."""
    handler = import_module("moto.dynamodb.responses").DynamoHandler
    handler.transact_write_items = _once(handler.transact_write_items)


def _once(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A request that has succeeded is not carried out again."""
    from moto.core.responses import ActionResult

    def transact_write_items(response: Any) -> Any:
        request = dict(response.body)
        token = request.pop("ClientRequestToken", None)
        if token is None:
            return original(response)
        known = here(response.current_account, response.region).table(TOKENS)
        text, now = json.dumps(request, sort_keys=True), datetime.now(UTC)
        if token in known and now < known[token][1] + VALID:
            _must_be_the_same(text, known[token][0])
            return ActionResult({})
        response = original(response)
        known[token] = (text, now)
        return response

    return transact_write_items


def _must_be_the_same(request: str, first: str) -> None:
    from moto.core.exceptions import JsonRESTError

    if request != first:
        raise JsonRESTError(
            "IdempotentParameterMismatchException",
            "The ClientRequestToken was used within ten minutes with other parameters",
        )
