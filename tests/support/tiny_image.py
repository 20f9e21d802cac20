"""A container image of one static busybox, made offline and byte for byte by us."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_APPLETS = (
    "sh",
    "cat",
    "id",
    "env",
    "ls",
    "wget",
    "nslookup",
    "sleep",
    "dd",
    "ln",
    "mkfifo",
    "pwd",
    "yes",
    "touch",
)


@dataclass(frozen=True)
class TinyImage:
    """Where the archive is and which ids its image has."""

    archive: Path
    config_digest: str
    manifest_digest: str
    tags: tuple[str, ...] = ()


def static_busybox() -> Path | None:
    """A busybox that needs no libraries; None where there is none (`apt install busybox-static`)."""
    found = shutil.which("busybox")
    if found is None or b"/ld-linux" in Path(found).read_bytes():
        return None
    return Path(found)


def make_archive(
    path: Path,
    salt: str,
    *,
    config: dict[str, Any] | None = None,
    tags: tuple[str, ...] = (),
    oci: bool = False,
) -> TinyImage:
    """Write a `docker save` file, with an OCI layout in it when `oci`; `salt` makes the image unique."""
    layer = _layer()
    body = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"salt": salt}, "WorkingDir": "/work", **(config or {})},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", body),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    )
    names = {"config": f"{_hex(body)}.json", "layer": f"{_hex(layer)}/layer.tar"}
    files = {names["config"]: body, names["layer"]: layer}
    if oci:
        names = {"config": f"blobs/sha256/{_hex(body)}", "layer": f"blobs/sha256/{_hex(layer)}"}
        files = {names["config"]: body, names["layer"]: layer, f"blobs/sha256/{_hex(manifest)}": manifest}
        index = {
            "schemaVersion": 2,
            "manifests": [_descriptor("application/vnd.oci.image.manifest.v1+json", manifest)],
        }
        files |= {"index.json": _json(index), "oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
    files["manifest.json"] = _json(
        [{"Config": names["config"], "RepoTags": list(tags), "Layers": [names["layer"]]}]
    )
    path.write_bytes(_tar(files))
    return TinyImage(path, _digest(body), _digest(manifest), tags)


def _layer() -> bytes:
    busybox = static_busybox()
    assert busybox is not None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "etc", "work", "kept"):
            _add(tar, tarfile.TarInfo(folder), kind=tarfile.DIRTYPE, mode=0o755)
        _add(tar, tarfile.TarInfo("bin/busybox"), data=busybox.read_bytes(), mode=0o755)
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.linkname = "busybox"
            _add(tar, link, kind=tarfile.SYMTYPE, mode=0o777)
        _add(tar, tarfile.TarInfo("kept/file"), data=b"from the image\n", mode=0o666)
    return buffer.getvalue()


def _add(
    tar: tarfile.TarFile,
    info: tarfile.TarInfo,
    *,
    data: bytes = b"",
    kind: bytes = tarfile.REGTYPE,
    mode: int,
) -> None:
    info.type, info.mode, info.size = kind, mode, len(data)
    tar.addfile(info, io.BytesIO(data))


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            _add(tar, tarfile.TarInfo(name), data=data, mode=0o644)
    return buffer.getvalue()


def _descriptor(media: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media, "digest": _digest(data), "size": len(data)}


def _json(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(data: bytes) -> str:
    return f"sha256:{_hex(data)}"
