"""Image archives: one tar that is both an OCI layout and what `docker save` writes.

OCI image spec 1.0 (image-layout, config, manifest); `manifest.json` as in Docker's image spec v1.2, for
engines before Docker 25. The image id is the config's digest there, the manifest's digest in the containerd
image store.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imagebuild.dockerfile import Recipe
from imagebuild.layers import EPOCH, Blob, blob

_OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class Base:
    """An image to build on: uncompressed layers, lowest first, architecture and settings."""

    layers: tuple[Blob, ...]
    architecture: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Image:
    """A written archive and the two ids an engine may report for it."""

    archive: Blob
    image_id: str
    manifest_digest: str


def write(target: Path, name: str, base: Base, recipe: Recipe, layer: Blob) -> Image:
    """Write the archive of image `name`: the base, one layer and the recipe's settings."""
    layers = (*base.layers, layer)
    config = _json(_config(base, recipe, layers))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor(config, f"{_OCI}.config.v1+json"),
            "layers": [
                {"mediaType": f"{_OCI}.layer.v1.tar", "digest": f"sha256:{b.sha256}", "size": b.size}
                for b in layers
            ],
        }
    )
    partial = target.with_suffix(".partial")
    _write_tar(partial, layers, [config, manifest], _indexes(name, config, manifest, layers))
    partial.replace(target)
    return Image(blob(target), f"sha256:{_sha256(config)}", f"sha256:{_sha256(manifest)}")


def _config(base: Base, recipe: Recipe, layers: Sequence[Blob]) -> dict[str, Any]:
    created = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "architecture": base.architecture,
        "created": created,
        "os": "linux",
        "config": {
            **base.settings,
            **recipe.settings,
            "Env": [*base.settings.get("Env", []), *recipe.environment],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{b.sha256}" for b in layers]},
        "history": [{"created": created, "created_by": "imagebuild"} for _ in layers],
    }


def _indexes(name: str, config: bytes, manifest: bytes, layers: Sequence[Blob]) -> dict[str, bytes]:
    annotations = {"io.containerd.image.name": f"docker.io/{name}", "org.opencontainers.image.ref.name": name}
    entry = {**_descriptor(manifest, f"{_OCI}.manifest.v1+json"), "annotations": annotations}
    docker = {
        "Config": f"blobs/sha256/{_sha256(config)}",
        "RepoTags": [name],
        "Layers": [f"blobs/sha256/{b.sha256}" for b in layers],
    }
    return {
        "index.json": _json({"schemaVersion": 2, "manifests": [entry]}),
        "manifest.json": _json([docker]),
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
    }


def _write_tar(
    target: Path, layers: Sequence[Blob], documents: Sequence[bytes], indexes: dict[str, bytes]
) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for folder in ("blobs", "blobs/sha256"):
            member = _member(folder, 0)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for layer in {b.sha256: b for b in layers}.values():
            with layer.path.open("rb") as file:
                tar.addfile(_member(f"blobs/sha256/{layer.sha256}", layer.size), file)
        for path, data in {**{f"blobs/sha256/{_sha256(d)}": d for d in documents}, **indexes}.items():
            tar.addfile(_member(path, len(data)), io.BytesIO(data))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, EPOCH, 0o644
    return member


def _descriptor(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_sha256(data)}", "size": len(data)}


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
