"""The same call over TLS: certificates are checked, and the deadline counts there too."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
import traceback
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.wechat.conftest import Behaviour, http_answer, read_request
from wxvault.errors import WeChatUnknownError
from wxvault.wechat.http import WeChatHttp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.loopback

TOKEN = "61_" + "Qx7-fake_Token" * 11


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1 that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "loopback.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


class TlsServer:
    """Takes one connection, speaks TLS if it is told to, and behaves."""

    def __init__(self, certificate: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.speaks_tls = True
        self.behaviour: Behaviour = lambda _: None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        """Return where it listens."""
        return f"https://127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(3)
            try:
                if not self.speaks_tls:
                    self.behaviour(connection)
                    return
                with self._context.wrap_socket(connection, server_side=True) as secure:
                    read_request(secure)
                    self.behaviour(secure)
            except OSError:
                return


@pytest.fixture
def server(certificate: Path) -> Iterator[TlsServer]:
    """Return a server with that certificate."""
    found = TlsServer(certificate)
    yield found
    found.close()


@pytest.fixture
def _trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests trust it, as it trusts the authorities it ships."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))


def call(server: TlsServer) -> dict[str, object]:
    """Send a call with a token."""
    http = WeChatHttp(server.base_url, deadline=0.6, connect_timeout=0.3)
    return http.post("/x", query={"component_access_token": TOKEN}, body={})


@pytest.mark.usefixtures("_trusted")
def test_a_call_over_tls_brings_an_answer(server: TlsServer) -> None:
    """The way all calls to WeChat itself go."""
    server.behaviour = lambda connection: connection.sendall(http_answer(b'{"ok":1}'))
    assert call(server) == {"ok": 1}


def test_a_certificate_nobody_vouches_for_is_refused(server: TlsServer) -> None:
    """Nothing is sent to whoever only says it is WeChat."""
    received: list[bytes] = []
    server.behaviour = lambda connection: received.append(connection.recv(1))
    with pytest.raises(WeChatUnknownError, match="TLS") as caught:
        call(server)
    assert received == []
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def _drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.02)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("speaks_tls", [True, False], ids=["body drips", "handshake hangs"])
def test_the_deadline_counts_inside_tls(server: TlsServer, speaks_tls: bool) -> None:
    """A body that drips through TLS is cut, and so is a handshake that never ends."""
    server.speaks_tls = speaks_tls
    server.behaviour = _drip if speaks_tls else lambda _: time.sleep(1.5)
    started = time.monotonic()
    with pytest.raises(WeChatUnknownError) as caught:
        call(server)
    assert time.monotonic() - started < 1.2
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
