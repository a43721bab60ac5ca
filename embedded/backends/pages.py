"""Pages of a list: the token is where the next one begins."""

from collections.abc import Sequence
from typing import Any

from embedded.backends.registry import Params, Refusal


def page(
    items: Sequence[Any], params: Params, token: str, most: int = 1000
) -> tuple[list[Any], dict[str, str]]:
    """This page's items, and the next token if there is one. ``token``: the parameter's name."""
    size = params.get("maxResults" if token == "nextToken" else "MaxResults", most)
    begin = params.get(token, "0")
    if not begin.isascii() or not begin.isdigit():
        raise Refusal("ValidationException", f"{token} is not one of ours")
    start = int(begin)
    more = {token: str(start + size)} if start + size < len(items) else {}
    return list(items[start : start + size]), more
