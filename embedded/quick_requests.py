"""moto's form of a request, made without the URL's parts being read again for every call.

moto builds an environment of WSGI with werkzeug's test client, which takes a tenth of a call. What
follows of method and URL is kept here; headers and body are set as werkzeug sets them.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from importlib import import_module
from io import BytesIO
from typing import Any

_FORM = "multipart/form-data"
_MADE_HERE = ("wsgi.input", "werkzeug.request")


def install() -> None:
    """Change moto's ``Request.from_primitives``, once per process. It gives the same requests."""
    module = import_module("moto.core.request")
    module.Request.from_primitives = classmethod(
        _quick(module.Request.from_primitives.__func__, module)
    )


def _quick(original: Callable[..., Any], module: Any) -> Callable[..., Any]:
    """Where the body is bytes or text and no form; another is read by moto itself."""

    @lru_cache(maxsize=1024)
    def of_url(method: str, url: str) -> dict[str, Any]:
        made = original(module.Request, method, url, {}, b"").environ
        return {name: value for name, value in made.items() if name not in _MADE_HERE}

    @wraps(original)
    def from_primitives(kind: Any, method: str, url: str, headers: Any, body: Any = None) -> Any:
        plain = body is None or isinstance(body, (bytes, str))
        if not plain or _FORM in str(headers.get("Content-Type", "")):
            return original(kind, method, url, headers, body)
        data = body.encode() if isinstance(body, str) else body or b""
        sent: dict[str, str] = {}
        preserved = {}
        for name, value in headers.items():
            if name.lower() == "transfer-encoding":
                continue
            key = module.environ_key_for_header(name)
            text = value.decode() if isinstance(value, bytes) else value
            sent[key] = f"{sent[key]}, {text}" if key in sent else text
            if module.should_preserve_original_header_name(name):
                preserved[key] = name
        environ = {**of_url(method, url), **sent, "wsgi.input": BytesIO(data)}
        if data:
            environ["CONTENT_LENGTH"] = str(len(data))
        request = kind(environ)
        environ[module.PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
        return request

    return from_primitives
