"""What images a `docker save` file or OCI archive holds, by the digests of its own bytes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from medperf_cli.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_MAX_BLOB = 4 << 20  # image configs and manifests; OCI asks registries to take manifests of 4 MiB
_MAX_BLOBS = 4096
_MAX_DEPTH = 4
_TOP = ("manifest.json", "index.json")


@dataclass(frozen=True, slots=True)
class Archive:
    """The images in one file.

    `ids` has one set per image: its config digest and the digests of the manifests and indexes that lead to
    it. Engines differ in which of these they call the image's id. `configs` are the config digests alone: the
    id that does not change with the archive's form. `tags` are names that loading would set.
    """

    ids: tuple[frozenset[str], ...]
    tags: tuple[str, ...]
    configs: tuple[str, ...]

    def same(self, image_id: str) -> frozenset[str]:
        """All ids under which an engine may know the image `image_id`; empty when it is not in here."""
        return frozenset().union(*(ids for ids in self.ids if image_id in ids))


def read_archive(path: Path) -> Archive:
    """Read the small files in an archive, compressed or not (raises IntegrityError when it is none)."""
    try:
        with path.open("rb") as file:
            return _archive(_small_files(file, "r:*"))
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError) as error:
        raise IntegrityError(f"'{path}' is not an image archive: {error}") from None


def read_stream(stream: IO[bytes]) -> Archive:
    """The same from an engine's export, without keeping the layers."""
    return _archive(_small_files(stream, "r|*"))


def _small_files(file: IO[bytes], mode: Any) -> dict[str, bytes]:
    """Name and bytes of each file that can be a manifest, index or config."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for member in tar:
            if not member.isreg() or member.size > _MAX_BLOB or len(found) >= _MAX_BLOBS:
                continue
            if member.name in _TOP or member.name.endswith(".json") or member.name.startswith("blobs/"):
                extracted = tar.extractfile(member)
                found[member.name] = extracted.read() if extracted else b""
    return found


def _archive(files: Mapping[str, bytes]) -> Archive:
    """Names in an archive may lie, so blobs are known by the digest of their bytes."""
    blobs = {f"sha256:{hashlib.sha256(data).hexdigest()}": data for data in files.values()}
    saved = json.loads(files.get("manifest.json", b"[]"))
    index = json.loads(files.get("index.json", b"{}"))
    ids = [frozenset({_digest(files[entry["Config"]])}) for entry in saved]
    ids += [chain for entry in index.get("manifests", ()) for chain in _chains(entry["digest"], blobs)]
    if not ids:
        raise ValueError("no manifest.json and no index.json name an image")
    configs = sorted({_digest(files[entry["Config"]]) for entry in saved} or _configs(ids, blobs))
    tags = [tag for entry in saved for tag in entry.get("RepoTags") or ()]
    return Archive(tuple(ids), tuple(dict.fromkeys(str(tag) for tag in tags)), tuple(configs))


def _configs(ids: Iterable[frozenset[str]], blobs: Mapping[str, bytes]) -> set[str]:
    """The digests that are no manifest or index: what these lead to."""
    leading = {d for d, data in blobs.items() if b"schemaVersion" in data}
    return {digest for chain in ids for digest in chain if digest not in leading}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _chains(
    digest: str, blobs: Mapping[str, bytes], above: frozenset[str] = frozenset()
) -> Iterable[frozenset[str]]:
    """Follow an index or manifest down to configs (OCI image spec 1.1: `manifests`, `config`)."""
    data = blobs.get(digest)
    if data is None or len(above) >= _MAX_DEPTH:
        return
    document = json.loads(data)
    here = above | {digest}
    if "config" in document:
        yield here | {document["config"]["digest"]}
    for entry in document.get("manifests", ()):
        yield from _chains(entry["digest"], blobs, here)
