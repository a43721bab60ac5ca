"""AWS is signed by a root that the five do not have: the clients go on, and people are informed.

A real client speaks TLS with a real server here, both on this machine.
"""

import _socket
import json
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cordon import clients, trust
from cordon.setting_up import response

HOST, SINCE = "127.0.0.1", datetime.now(UTC) - timedelta(days=1)
SAID = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    "<GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)

CURVE = ec.SECP256R1()
USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass
class Authority:
    """Whoever signs certificates."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))

    @property
    def certificate(self) -> str:
        """Its own."""
        signs = dict.fromkeys(USAGES, False) | {"key_cert_sign": True}
        return self._signed(
            self.name, self.key, x509.BasicConstraints(True, None), x509.KeyUsage(**signs)
        )

    def server(self, folder: Path, host: str = HOST) -> Path:
        """A certificate for a host, with its key."""
        key = ec.generate_private_key(CURVE)
        where = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = folder / f"{self.name} for {host}.pem"
        path.write_text(self._signed("server", key, where) + private.decode())
        return path

    def _signed(
        self, name: str, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> str:
        subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(SINCE)
            .not_valid_after(SINCE + timedelta(days=30))
        )
        for one in (subject, issuer, *extensions):
            made = made.add_extension(one, critical=isinstance(one, x509.BasicConstraints))
        return made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


OLD, NEW, STRANGER = Authority("old root"), Authority("new root"), Authority("a stranger")


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


class Endpoint(ThreadingHTTPServer):
    """AWS, as far as a client sees it here."""

    def __init__(self, certificate: Path) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                requests.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(SAID)))
                self.end_headers()
                self.wfile.write(SAID.encode())

            do_PUT = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__((HOST, 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: Any) -> None:
        """A client that refuses the certificate hangs up."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://{HOST}:{self.server_port}/"


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The function trusts the old root; all of botocore's are the old and the new one."""
    for name, authorities in (("PRUNED", [OLD]), ("WHOLE", [OLD, NEW])):
        path = tmp_path / f"{name}.pem"
        path.write_text("".join(one.certificate for one in authorities))
        monkeypatch.setattr(trust, name, str(path))
    monkeypatch.setenv(trust.VARIABLE, trust.PRUNED)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", tmp_path.name)  # a logger of this test's output
    return tmp_path


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that botocore waits before it tries again; here it does not wait."""
    waited: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def serve(roots: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start an endpoint whose certificate this authority signs."""
    on_this_machine = _socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda s, a: on_this_machine(s, a) if a[0] == HOST else 1 / 0
    )
    started: list[Endpoint] = []

    def start(authority: Authority, host: str = HOST) -> Endpoint:
        one = Endpoint(authority.server(roots, host))
        started.append(one)
        Thread(target=one.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", one.url)
        return one

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def aws() -> clients.AwsClients:
    """The clients of an account; a member account's have credentials of their own."""
    return clients.AwsClients("us-east-1", {})


def alarmed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The lines of the log by which the alarm is set off."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.get("trust_fell_back") is True]


def test_a_known_root_changes_nothing(serve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = serve(OLD)
    aws().client("sts").get_caller_identity()
    assert endpoint.requests == ["/"]
    assert trust.is_pruned()
    assert alarmed(capsys) == []


def test_an_unknown_root_is_looked_for_in_all(
    serve: Any, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """At once. One request arrives: the handshake that failed brought none."""
    endpoint = serve(NEW)
    client = aws().client("sts")
    client.get_caller_identity()
    assert endpoint.requests == ["/"]
    client.get_caller_identity()
    assert endpoint.requests == ["/", "/"]
    assert waits == [0]
    (line,) = alarmed(capsys)
    assert line["level"] == "ERROR"
    assert "issuer certificate" in line["error"]


def test_every_other_client_goes_on_too(serve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Those made before, those made later, and those of member accounts; said once."""
    member = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_session_token": "c"}
    endpoint = serve(NEW)
    before = clients.AwsClients("us-east-1", member).client("sts")
    for client in (aws().client("sts"), before, aws().client("sts")):
        client.get_caller_identity()
    assert len(endpoint.requests) == 3
    assert len(alarmed(capsys)) == 1


def test_threads_of_one_client_go_on_together(
    serve: Any, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint, client = serve(NEW), aws().client("sts")
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(client.get_caller_identity) for _ in range(8)]
    assert [one.exception() for one in done] == [None] * 8
    assert len(endpoint.requests) == 8
    assert set(waits) == {0}
    assert len(alarmed(capsys)) == 1


def test_a_stranger_stays_refused(serve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A proxy that opens TLS: not even botocore knows it, and the alarm is on."""
    endpoint = serve(STRANGER)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        aws().client("sts").get_caller_identity()
    assert endpoint.requests == []
    assert len(alarmed(capsys)) == 1


@pytest.mark.parametrize("authority", [OLD, NEW], ids=["known", "unknown"])
def test_a_bundle_that_the_operator_named_is_never_widened(
    serve: Any,
    roots: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    authority: Authority,
) -> None:
    named = roots / "proxy.pem"
    named.write_text(STRANGER.certificate)
    monkeypatch.setenv(trust.VARIABLE, str(named))
    endpoint = serve(authority)
    with pytest.raises(SSLError):
        aws().client("sts").get_caller_identity()
    assert endpoint.requests == []
    assert alarmed(capsys) == []


def test_another_name_is_no_reason(serve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Other roots would change nothing there."""
    serve(OLD, "192.0.2.1")
    with pytest.raises(SSLError, match="doesn't match"):
        aws().client("sts").get_caller_identity()
    assert trust.is_pruned()
    assert alarmed(capsys) == []


def test_cloudformation_hears_of_setup(
    serve: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The response does not go by a client: the next of its tries arrives."""
    monkeypatch.setattr(response, "sleep", lambda _: None)
    endpoint = serve(NEW)
    request = {"ResponseURL": endpoint.url, "StackId": "s", "RequestId": "r"}
    sent = {**request, "LogicalResourceId": "Settings"}
    response.Response(sent, Logger(service="setup")).send()
    assert endpoint.requests == ["/"]
    assert len(alarmed(capsys)) == 1
