"""Fields of a cube from its files: container config, image archive, parameters, additional files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.runtime.docker_archive import read_archive
from medperf_cli.adapters.store.assets import AssetStore
from medperf_cli.adapters.store.progress import Progress
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.submitting.user_files import read_mapping

_CONTAINER_KEYS = ("container_type", "image", "tasks")
_META_KEYS = ("type", "description", "licence", "links", "card")


@dataclass(frozen=True)
class CubeFiles:
    """What a cube's owner has on disk.

    `config` is MedPerf's `container_config.yaml`; `about` a YAML file with type, description, licence, card;
    `archive` the `docker save` file of a DockerArchive; `urls` where others find it.
    """

    config: Path
    about: Path | None = None
    archive: Path | None = None
    parameters: Path | None = None
    additional_files: tuple[Path, ...] = ()
    urls: tuple[str, ...] = ()


class AssetShelf:
    """Takes files into the local store; `share` lays copies where others look for them, once that is agreed.

    Args:
        local: this site's store.
        shared: a folder that others read; None where nothing is shared.
        progress: told the bytes copied.

    """

    def __init__(self, local: AssetStore, shared: AssetStore | None, progress: Progress) -> None:
        self._local = local
        self._shared = shared
        self._progress = progress
        self._taken: list[Path] = []

    def take(self, file: Path, urls: Sequence[str] = ()) -> dict[str, Any]:
        """Store a file and return its asset fields (raises UsageError where there is none)."""
        if not file.is_file():
            raise UsageError(f"there is no file '{file}'", hint="name an existing file")
        sha256, size = self._local.put(file, self._progress)
        self._taken.append(self._local.path(sha256))
        return {"sha256": sha256, "size": size, "urls": list(urls)}

    def share(self) -> None:
        """Copy what was taken into the shared folder (raises ConfigurationError)."""
        if self._shared is not None:
            for file in self._taken:
                self._shared.put(file, self._progress)


def cube_fields(
    files: CubeFiles, shelf: AssetShelf, *, state: str, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything of a cube but its header.

    Raises:
        UsageError: a file is missing, or the config lacks something.
        IntegrityError: the archive is no image archive.

    """
    about = {} if files.about is None else read_mapping(files.about)
    unknown = sorted(set(about) - set(_META_KEYS))
    if unknown:
        raise UsageError(f"'{files.about}' has an unknown key '{unknown[0]}'", hint=f"known: {_META_KEYS}")
    fields: dict[str, Any] = {**about, **{k: v for k, v in (given or {}).items() if v is not None}}
    fields["container"] = _container(files, shelf)
    if files.parameters is not None:
        fields["parameters"] = read_mapping(files.parameters)
    fields["additional_files"] = [
        {**shelf.take(f), "name": f.name, "unpack": f.name.endswith((".tar.gz", ".tgz"))}
        for f in files.additional_files
    ]
    fields["state"] = state
    return fields


def _container(files: CubeFiles, shelf: AssetShelf) -> dict[str, Any]:
    config = read_mapping(files.config)
    unknown = sorted(set(config) - set(_CONTAINER_KEYS))
    if unknown:
        raise UsageError(
            f"'{files.config}' has an unknown key '{unknown[0]}'", hint=f"known: {_CONTAINER_KEYS}"
        )
    container: dict[str, Any] = {"container_type": config.get("container_type"), "tasks": config.get("tasks")}
    match config.get("container_type"):
        case "DockerImage":
            container["image"] = _pinned(str(config.get("image")))
        case "DockerArchive":
            archive = _archive(files)
            container["archive"] = shelf.take(archive, files.urls)
            container["image_id"] = _image_id(archive)
        case "SingularityFile":
            container["archive"] = shelf.take(_archive(files), files.urls)
        case other:
            raise UsageError(
                f"'{files.config}': container_type '{other}' is not known",
                hint="use DockerImage, DockerArchive or SingularityFile",
            )
    return container


def _archive(files: CubeFiles) -> Path:
    if files.archive is None:
        raise UsageError("a cube of this container type needs its archive", hint="add --archive FILE")
    return files.archive


def _pinned(image: str) -> str:
    if "@sha256:" not in image:
        raise UsageError(
            f"image '{image}' is not pinned by digest",
            hint="push it, then name it as `docker image inspect -f '{{.RepoDigests}}'` shows it",
        )
    return image


def _image_id(archive: Path) -> str:
    found = read_archive(archive)
    if len(found.configs) != 1:
        raise ConfigurationError(
            f"'{archive}' holds {len(found.configs)} images",
            hint="save exactly one: `docker save -o FILE IMAGE`",
        )
    return found.configs[0]
