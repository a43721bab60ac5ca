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
_URL = "embedded.raw_url"


def install() -> None:
    """Change moto's ``Request.from_primitives``, once per process. It gives the same requests."""
    module = import_module("moto.core.request")
    kind = module.Request
    kind.from_primitives = classmethod(_quick(kind.from_primitives.__func__, module))
    kind.raw_url = property(_kept(kind.raw_url.fget))


def _quick(original: Callable[..., Any], module: Any) -> Callable[..., Any]:
    """Where the body is bytes or text and no form; another is read by moto itself."""

    @lru_cache(maxsize=1024)
    def of_url(method: str, url: str, *, is_its_own: bool) -> dict[str, Any]:
        request = original(module.Request, method, url, {}, b"")
        kept = {name: value for name, value in request.environ.items() if name not in _MADE_HERE}
        return {**kept, _URL: request.raw_url if is_its_own else ""}

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
        is_its_own = "HTTP_HOST" not in sent  # else moto reads the host from there
        kept = of_url(method, url, is_its_own=is_its_own)
        environ = {**kept, **sent, "wsgi.input": BytesIO(data)}
        if data:
            environ["CONTENT_LENGTH"] = str(len(data))
        request = kind(environ)
        vars(request).update(_read(request, data))
        environ[module.PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
        return request

    return from_primitives


def _read(request: Any, data: bytes) -> dict[str, Any]:
    """What werkzeug keeps of a request whose body was read: the stream is at its end.

    Of a body that is what was sent, and no form: werkzeug would look for a parser first.
    """
    environ = request.environ
    packed = "HTTP_CONTENT_ENCODING" in environ or "form" in environ.get("CONTENT_TYPE", "").lower()
    if packed or not (data or environ.get("CONTENT_LENGTH", "0") == "0"):
        return {}
    empty = request.parameter_storage_class()
    return {"_cached_data": data, "stream": BytesIO(), "form": empty, "files": empty}


def _kept(original: Callable[[Any], str]) -> Callable[[Any], str]:
    """The whole URL, which moto puts together of its parts again."""

    def raw_url(request: Any) -> str:
        return request.environ.get(_URL) or original(request)

    return raw_url
