"""Whom we trust to be AWS: five roots, and all that botocore ships where these are not enough.

The five (``trusted_roots.py``) make a connection faster. They are a pin too: the day on which AWS
signs an endpoint with another root, every call would fail, and nobody would be informed of it. So
where a server's issuer is unknown, the client goes on with botocore's own file for the life of its
sandbox, and says so once: the alarm *TrustFellBack*. What that file does not know either stays
refused, and a bundle that the operator named (the parameter CaBundle) is never widened.

The call is made again. That cannot do anything twice: the certificate is verified in the handshake,
before the client sends a byte of its request (RFC 8446, section 4.4; Python sends no early data).
"""

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from aws_lambda_powertools import Logger
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

VARIABLE = "AWS_CA_BUNDLE"  # botocore reads it for each new client
PRUNED = "/opt/python/amazon-roots.pem"
WHOLE = "/opt/python/botocore/cacert.pem"
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_SELF_SIGNED_CERT_IN_CHAIN,
# …_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, …_UNABLE_TO_VERIFY_LEAF_SIGNATURE (OpenSSL,
# "X509_STORE_CTX_get_error"). Not a wrong name, nor a certificate that has ended: other roots would
# change nothing there.
NO_ISSUER = (2, 19, 20, 21)
TRIED = "cordon_trust"  # in the context of a request that was sent again
_lock = Lock()


def is_pruned() -> bool:
    """Are the five roots all that is trusted now?"""
    return os.environ.get(VARIABLE) == PRUNED


def watch(client: Any) -> None:
    """Have a new client fall back, if it was made with the five roots."""
    if is_pruned():
        service = client.meta.service_model.service_id.hyphenize()
        # First, and of the service: else botocore's own handler says how long to wait.
        client.meta.events.register_first(f"needs-retry.{service}", _FallBack(client.meta.config))


def fall_back(error: BaseException | None) -> bool:
    """Trust all of botocore's roots from now on, if the error is an unknown issuer.

    False where it is another error, or where the five roots were not in use.
    """
    why = next((e for e in _chain(error) if isinstance(e, ssl.SSLCertVerificationError)), None)
    if why is None or why.verify_code not in NO_ISSUER:
        return False
    with _lock:
        if is_pruned():
            os.environ[VARIABLE] = WHOLE
            Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME")).error(
                "an endpoint of AWS is signed by a root that is not one of ours; all of botocore's"
                " are trusted now",
                extra={"trust_fell_back": True, "error": why.verify_message},
            )
    return os.environ.get(VARIABLE) == WHOLE


class _FallBack:
    """botocore's event needs-retry of one client: 0 is to try again at once."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._switched = False

    def __call__(
        self,
        *,
        endpoint: Any,
        request_dict: Mapping[str, Any],
        caught_exception: Exception | None,
        **_: Any,
    ) -> int | None:
        if caught_exception is None or request_dict["context"].get(TRIED):
            return None
        if not fall_back(caught_exception):
            return None
        request_dict["context"][TRIED] = True  # once: other threads failed by the old session too
        with _lock:
            if not self._switched:
                endpoint.http_session = _session(endpoint.host, self._config)
                self._switched = True
        return 0


def _session(url: str, config: Any) -> URLLib3Session:
    """As botocore makes it (``EndpointCreator.create_endpoint``), with all roots."""
    return URLLib3Session(
        verify=WHOLE,
        proxies=get_environ_proxies(url) if config.proxies is None else config.proxies,
        timeout=(config.connect_timeout, config.read_timeout),
        max_pool_connections=config.max_pool_connections,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised for: botocore's has urllib3's, which has Python's."""
    while error is not None:
        yield error
        inside = [*error.args, *getattr(error, "kwargs", {}).values()]
        error = next((e for e in inside if isinstance(e, BaseException)), None)
