"""The way to a forge: proxies, a private certificate authority, and no token where it may be read."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import logging
import selectors
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import BusyError, ConfigurationError, MedperfError, NetworkError, TokenError
from tests.support.forges.stage import Stage, staged
from tests.support.forges.vendors import available


@pytest.fixture(params=available())
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.param
    return found


class Proxy(socketserver.ThreadingTCPServer):
    """A forward proxy: passes on `CONNECT` and plain requests, and keeps what they asked for."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, forge: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.asked: list[str] = []
        self.forge = forge
        """Host and port that are known here as forge.example."""

    @property
    def url(self) -> str:
        return f"http://user:proxy-secret@127.0.0.1:{self.server_address[1]}"


class Passing(socketserver.StreamRequestHandler):
    """One connection."""

    server: Proxy

    def handle(self) -> None:
        line = self.rfile.readline().decode()
        head = [line]
        while (more := self.rfile.readline().decode()).strip():
            head.append(more)
        verb, target, _ = line.split()
        self.server.asked.append(f"{verb} {target}")
        host, port = self.server.forge.split(":")
        with socket.create_connection((host, int(port))) as forge:
            if verb == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = "/" + target.split("/", 3)[3]
                kept = [h for h in head[1:] if not h.lower().startswith("connection:")]
                request = "".join([line.replace(target, path), *kept, "Connection: close\r\n\r\n"])
                forge.sendall(request.encode())
            self._pass(forge)

    def _pass(self, forge: socket.socket) -> None:
        with selectors.DefaultSelector() as watching, contextlib.suppress(OSError):
            watching.register(forge, selectors.EVENT_READ, self.connection)
            watching.register(self.connection, selectors.EVENT_READ, forge)
            while True:
                for key, _ in watching.select():
                    data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


@contextlib.contextmanager
def proxying(forge: str) -> Iterator[Proxy]:
    with Proxy(forge) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


@dataclasses.dataclass
class Authority:
    """A certificate authority that nobody knows, and a certificate for 127.0.0.1 and forge.example."""

    bundle: Path
    tls: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority_in(tmp_path_factory.mktemp("authority"), dt.datetime(2020, 1, 1, tzinfo=dt.UTC))


def authority_in(folder: Path, begin: dt.datetime) -> Authority:
    """One whose certificates hold from a time on."""
    own, site = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a hospital's own authority")])

    def certificate(public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().issuer_name(name).public_key(public)
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=36500))
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key())
        return made.add_extension(key_id, critical=False)

    root = certificate(own.public_key()).subject_name(name)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("forge.example")]
    leaf = certificate(site.public_key()).subject_name(x509.Name([]))
    leaf = leaf.add_extension(x509.SubjectAlternativeName(names), critical=True)
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "ca.pem").write_bytes(root.sign(own, hashes.SHA256()).public_bytes(pem))
    key = site.private_bytes(pem, private, serialization.NoEncryption())
    (folder / "site.pem").write_bytes(key + leaf.sign(own, hashes.SHA256()).public_bytes(pem))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "site.pem")
    return Authority(folder / "ca.pem", tls)


@pytest.fixture
def plain(vendor: Vendor, tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "forge", vendor) as stage:
        yield stage


@pytest.fixture
def secure(vendor: Vendor, tmp_path: Path, authority: Authority) -> Iterator[Stage]:
    with staged(tmp_path / "forge", vendor, authority.tls) as stage:
        yield stage


def _elsewhere(stage: Stage) -> None:
    """The forge is known as forge.example, whose name no resolver knows: only the proxy leads there."""
    stage.forge.url = stage.forge.url.replace("127.0.0.1", "forge.example")


def _site(stage: Stage) -> str:
    return stage.forge.url.partition("://")[2]


def test_a_private_authority_must_be_named(
    secure: Stage, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NetworkError) as told:
        secure.api("mgh").whoami()
    assert not isinstance(told.value, BusyError)  # waiting does not help
    assert "certificate" in told.value.message
    assert "REQUESTS_CA_BUNDLE" in told.value.hint
    assert secure.forge.faults.log == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    assert secure.api("mgh").whoami().login == "mgh"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle.with_name("no-such.pem")))
    with pytest.raises(MedperfError):
        secure.api("mgh").whoami()


def test_a_clock_that_is_wrong_is_told(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    future = authority_in(tmp_path, dt.datetime(2300, 1, 1, tzinfo=dt.UTC))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(future.bundle))
    with staged(tmp_path / "forge", vendor, future.tls) as stage:
        with pytest.raises(NetworkError) as told:
            stage.api("mgh").whoami()
        assert "clock" in told.value.hint
        assert not isinstance(told.value, BusyError)


def test_a_proxy_carries_what_is_encrypted(
    secure: Stage, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxying(_site(secure)) as proxy:
        _elsewhere(secure)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
        assert secure.api("mgh").whoami().login == "mgh"
        assert list(secure.api("mgh").pulls()) == []
        assert {asked.split(":")[0] for asked in proxy.asked} == {"CONNECT forge.example"}
        assert len(proxy.asked) == 2


def test_a_proxy_carries_what_is_plain_and_read_by_anybody(
    plain: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxying(_site(plain)) as proxy:
        _elsewhere(plain)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert list(plain.api().pulls()) == []
        assert len(proxy.asked) == len(plain.forge.faults.log) >= 1


def test_a_proxy_that_is_gone_is_told_without_its_password(
    secure: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxying(_site(secure)) as proxy:
        url = proxy.url
    monkeypatch.setenv("HTTPS_PROXY", url)
    _elsewhere(secure)
    with pytest.raises(BusyError) as told:
        secure.api("mgh").whoami()
    assert "proxy-secret" not in told.value.message + told.value.hint


def test_no_token_goes_anywhere_unencrypted(plain: Stage) -> None:
    _elsewhere(plain)
    with pytest.raises((ConfigurationError, TokenError)) as told:
        plain.api("mgh").whoami()
    assert plain.forge.faults.log == []
    assert told.value.hint


@pytest.mark.parametrize("token", ["two words", "line\nfeed", "", "caf\u00e9", " padded "])
def test_what_cannot_be_a_token_is_told_and_not_shown(plain: Stage, token: str) -> None:
    with pytest.raises(TokenError) as told:
        plain.api(token=token or " ").whoami()
    assert not token or token not in told.value.message + told.value.hint
    assert plain.forge.faults.log == []


def test_a_token_is_in_no_log_and_no_error(plain: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = plain.forge.token("mgh", text="SECRET-TOKEN-0123456789")
    api = plain.api(token=token)
    api.whoami()
    plain.forge.faults.busy(503, times=1)
    with pytest.raises(BusyError) as told:
        api.pulls()
    plain.forge.tokens[token].revoked = True
    with pytest.raises(TokenError) as ended:
        api.comment(1, "x")
    shown = caplog.text + "".join(error.value.message + error.value.hint for error in (told, ended))
    assert "SECRET-TOKEN" not in shown


def test_the_tool_says_who_it_is(plain: Stage) -> None:
    plain.api("mgh").whoami()
    assert all("medperf" in asked.agent for asked in plain.forge.faults.log)


def test_a_forge_that_is_down_is_told(plain: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    plain.forge.url = f"http://127.0.0.1:{port}"
    with pytest.raises(BusyError) as told:
        plain.api("mgh").whoami()
    assert told.value.hint
