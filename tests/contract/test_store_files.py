"""Atomic files, locks, hashing and assets on a real file system, and a real https server."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import http.server
import ipaddress
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medperf_cli.adapters.files import atomic, write_atomic
from medperf_cli.adapters.store.assets import AssetStore
from medperf_cli.adapters.store.hash_cache import HashCache
from medperf_cli.adapters.store.hashing import hash_folder
from medperf_cli.errors import ConfigurationError, IntegrityError, NetworkError, UsageError

WEIGHTS = b"weights" * 1000
SHA = hashlib.sha256(WEIGHTS).hexdigest()


# --- files


def _fail_after(file: IO[bytes]) -> None:
    file.write(b"half")
    file.write(b"of it" * (1 // 0))


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomic(path, b"one", parents=True)
    write_atomic(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ZeroDivisionError), atomic(path) as file:
        _fail_after(file)
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]  # noqa: PTH208 - names


def test_a_full_disk_or_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="not a directory"):
        write_atomic(tmp_path / "file" / "inner", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="is a directory"):
        write_atomic(tmp_path / "folder", b"")
    with pytest.raises(ConfigurationError, match="no space left"), atomic(tmp_path / "x"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]  # noqa: PTH208 - names


# --- hashing


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[HashCache]:
    with HashCache(tmp_path / "cache" / "hashes") as made:
        yield made


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / "prepared" / name for name in ("data", "labels")}
    for root in made.values():
        root.mkdir(parents=True)
    (made["data"] / "sub").mkdir()
    (made["data"] / "sub" / "a.csv").write_bytes(b"one")
    (made["data"] / "z").write_bytes(b"")
    (made["labels"] / "a.csv").write_bytes(b"two")
    return made


def test_every_file_is_listed_with_its_hash(roots: dict[str, Path], cache: HashCache) -> None:
    (roots["data"] / "empty").mkdir()
    (roots["data"] / "link").symlink_to("sub/a.csv")
    seen: list[tuple[str, int, int | None]] = []
    entries = hash_folder(roots, cache, lambda *step: seen.append(step))
    assert [(e.path, e.size) for e in entries] == [
        ("data/link", 3), ("data/sub/a.csv", 3), ("data/z", 0), ("labels/a.csv", 3),
    ]  # fmt: skip
    assert entries[1].sha256 == hashlib.sha256(b"one").hexdigest()
    assert seen[-1] == ("hashing", 9, 9)


def test_unchanged_files_are_not_read_again_and_changed_ones_are(
    roots: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = os.open

    def watched(path: os.PathLike[str], *args: int) -> int:
        read.append(os.fspath(path))
        return real(path, *args)

    def hashed() -> tuple[list[str], list[str]]:
        read.clear()
        with HashCache(tmp_path / "hashes") as cache:
            entries = hash_folder(roots, cache)
        return [e.sha256 for e in entries], [Path(p).name for p in read]

    monkeypatch.setattr("medperf_cli.adapters.store.hash_cache.os.open", watched)
    first, cold = hashed()
    assert len(cold) == 3
    assert hashed() == (first, [])
    changed = roots["data"] / "z"
    before = changed.stat()
    changed.write_bytes(b"x")
    changed.write_bytes(b"")
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))  # the change time betrays it
    assert hashed() == (first, ["z"])


@pytest.mark.parametrize("cache_file", ["damaged", "folder", "unwritable place"])
def test_a_cache_that_cannot_be_used_is_gone_around(
    roots: dict[str, Path], tmp_path: Path, cache_file: str
) -> None:
    path = tmp_path / "hashes"
    match cache_file:
        case "damaged":
            path.write_bytes(b"no database" * 100)
        case "folder":
            path.mkdir()
        case _:
            path.touch()
            path /= "inner"
    with HashCache(path) as cache:
        assert len(hash_folder(roots, cache)) == 3


def test_what_cannot_be_hashed_is_named(roots: dict[str, Path], cache: HashCache, tmp_path: Path) -> None:
    bad = roots["data"] / "bad"
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "prepared" / "data2").mkdir()  # the neighbour's name begins like the root's

    def refused(match: str) -> None:
        with pytest.raises(ConfigurationError, match=match):
            hash_folder(roots, cache)

    for target, why in [
        ("../../secret", "leads out of"), ("../data2", "leads out of"), ("nothing", "leads nowhere"),
        ("bad", "leads nowhere"), ("sub", "leads to a folder"),
    ]:  # fmt: skip
        bad.symlink_to(target)
        refused(f"'{bad}' {why}")
        bad.unlink()
    os.mkfifo(bad)
    refused(f"'{bad}' is not a regular file")
    bad.unlink()
    name = os.fsencode(roots["data"]) + b"/\xff"
    with open(name, "wb"):  # noqa: PTH123 - bytes
        pass
    refused("not UTF-8")
    os.unlink(name)  # noqa: PTH108 - bytes
    roots["labels"] = tmp_path / "missing"
    refused("missing")


def test_a_file_that_changes_or_vanishes_meanwhile_is_named(tmp_path: Path, cache: HashCache) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 10)

    def grow(_done: int) -> None:
        with path.open("ab") as file:
            if file.tell() < 100:
                file.write(b"more")

    with pytest.raises(IntegrityError, match="growing' changed while it was read"):
        cache.sha256(path, grow)
    with pytest.raises(ConfigurationError, match="nothing': no such file"):
        cache.sha256(tmp_path / "nothing")


# --- assets


@pytest.fixture
def assets(tmp_path: Path, cache: HashCache) -> AssetStore:
    return AssetStore(tmp_path / "assets", cache)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def test_a_copy_is_kept_under_its_hash(assets: AssetStore, share: Path) -> None:
    original = share / "weights.bin"
    original.write_bytes(WEIGHTS)
    assert assets.put(original) == (SHA, len(WEIGHTS))
    assert assets.put(original) == (SHA, len(WEIGHTS))
    original.write_bytes(b"changed later")
    kept = assets.resolve(SHA, len(WEIGHTS))
    assert kept == assets.path(SHA)
    assert kept.read_bytes() == WEIGHTS
    assert not kept.stat().st_mode & 0o222
    with pytest.raises(ConfigurationError, match="cannot read"):
        assets.put(share / "nothing")


@pytest.mark.parametrize("name", [SHA, "weights.bin", "deep/er/any name"])
def test_an_asset_is_found_in_a_folder_under_any_name(assets: AssetStore, share: Path, name: str) -> None:
    (share / name).parent.mkdir(parents=True, exist_ok=True)
    (share / "same size").write_bytes(b"x" * len(WEIGHTS))
    os.mkfifo(share / "pipe")
    (share / "dangling").symlink_to("nowhere")
    (share / name).write_bytes(WEIGHTS)
    folders = [share.parent / "not mounted", share]
    assert assets.resolve(SHA, len(WEIGHTS), folders=folders, name="weights.bin").read_bytes() == WEIGHTS
    assert os.listdir(assets.folder) == [SHA]  # noqa: PTH208 - names


def test_an_asset_that_is_nowhere_names_every_place(assets: AssetStore, share: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        assets.resolve(SHA, len(WEIGHTS), folders=[share], name="weights.bin")
    for part in ("weights.bin", SHA, str(assets.folder), str(share), f"{len(WEIGHTS)} bytes"):
        assert part in error.value.message
    assert "folder of assets" in error.value.hint


def test_a_file_that_is_not_what_its_name_says_is_named(assets: AssetStore, share: Path) -> None:
    (share / SHA).write_bytes(b"x" * len(WEIGHTS))
    with pytest.raises(IntegrityError, match=f"{share}/{SHA}' has other bytes"):
        assets.resolve(SHA, len(WEIGHTS), folders=[share])
    (share / "right").write_bytes(WEIGHTS)
    assert assets.resolve(SHA, len(WEIGHTS), folders=[share]).read_bytes() == WEIGHTS


def test_damage_in_the_store_is_noticed(assets: AssetStore, share: Path) -> None:
    (share / "w").write_bytes(WEIGHTS)
    assets.put(share / "w")
    assets.path(SHA).chmod(0o644)
    assets.path(SHA).write_bytes(b"y" * len(WEIGHTS))
    with pytest.raises(IntegrityError, match="damaged") as error:
        assets.resolve(SHA, len(WEIGHTS), folders=[share])
    assert "remove that file" in error.value.hint


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_a_hash_that_is_none_is_refused(assets: AssetStore, sha256: str) -> None:
    with pytest.raises(UsageError):
        assets.resolve(sha256, 1)


class Files(http.server.BaseHTTPRequestHandler):
    """Answers as a file host does on good and bad days."""

    bodies: ClassVar[dict[str, bytes]] = {
        "/good": WEIGHTS,
        "/wrong": b"y" * len(WEIGHTS),
        "/long": WEIGHTS * 2,
    }

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/to-"):
            self.send_response(302)
            self.send_header("Location", {"/to-good": "/good", "/to-http": "http://127.0.0.1:9/good"}[path])
            self.end_headers()
            return
        if path not in (*self.bodies, "/cut", "/endless"):
            self.send_error(404)
            return
        self.send_response(200)
        if path in self.bodies:
            self.send_header("Content-Length", str(len(self.bodies[path])))
        self.end_headers()
        self.wfile.write(self.bodies.get(path, WEIGHTS[:1000] if path == "/cut" else WEIGHTS * 3))

    def log_message(self, *_: object) -> None:
        """Silence."""


@dataclass
class Host:
    url: str
    certificate: Path


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("tls")
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up on purpose here
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield Host(f"https://127.0.0.1:{server.server_port}", certificate)
        server.shutdown()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "private authority")])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now.replace(year=2099)
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "ca.pem"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_download_from_a_host_of_a_private_authority(
    assets: AssetStore, host: Host, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with pytest.raises(NetworkError, match="certificate"):
        assets.resolve(SHA, len(WEIGHTS), urls=[f"{host.url}/good"])
    monkeypatch.setenv(variable, str(host.certificate))
    seen: list[tuple[str, int, int | None]] = []
    urls = [f"{host.url}/missing", f"{host.url}/wrong", f"{host.url}/to-good"]
    found = assets.resolve(SHA, len(WEIGHTS), urls=urls, progress=lambda *step: seen.append(step))
    assert found.read_bytes() == WEIGHTS
    assert seen[-1] == ("downloading", len(WEIGHTS), len(WEIGHTS))


@pytest.fixture
def trusted_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("SSL_CERT_FILE", str(host.certificate))
    return host


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("/missing", NetworkError, "answered 404 not found"),
        ("/cut", NetworkError, "broke off after 1000 of 7000 bytes"),
        ("/to-http", NetworkError, "not an https address"),
        ("/wrong", IntegrityError, "other bytes"),
        ("/long", IntegrityError, "other bytes"),
        ("/endless", IntegrityError, "other bytes"),
    ],
)
def test_a_bad_download_leaves_nothing(
    assets: AssetStore, trusted_host: Host, path: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        assets.resolve(SHA, len(WEIGHTS), urls=[f"{trusted_host.url}{path}?X-Signature=secret"])
    assert "secret" not in str(raised.value)
    assert os.listdir(assets.folder) == []  # noqa: PTH208 - names


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "x", "https://127.0.0.1:1/x"]
)
def test_only_https_is_asked(assets: AssetStore, url: str) -> None:
    with pytest.raises(NetworkError, match=r"not an https address|cannot be downloaded"):
        assets.resolve(SHA, len(WEIGHTS), urls=[url])


def test_a_bundle_that_cannot_be_read_is_said(assets: AssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(ConfigurationError, match=r"REQUESTS_CA_BUNDLE '/nowhere.pem'"):
        assets.resolve(SHA, len(WEIGHTS), urls=["https://127.0.0.1:1/x"])
