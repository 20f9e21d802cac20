"""A cube that only stands in a folder of its owner, made ready for a test as its submission would make it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medperf_cli.adapters.runtime.docker_archive import read_archive
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.entities.cube import Cube, CubeType
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind, is_name
from medperf_cli.errors import IntegrityError, UsageError
from medperf_cli.flows.running.parts import PinnedCube
from medperf_cli.flows.submitting.user_files import read_mapping
from medperf_cli.flows.submitting.write_cube import AssetShelf, CubeFiles, cube_fields

CONFIG = "container_config.yaml"
_ABOUT = "cube.yaml"
_WORKSPACE = "workspace"
_CARD = {"intended_use": "a test", "training_data_overlap": "not said yet"}
NOBODY = "local"
"""Whose cubes are where no member is chosen."""
NOWHERE = "0" * 32
"""The registry of what is tested without one."""


def local_cube(place: Path, kind: CubeType, shelf: AssetShelf, settings: Settings) -> PinnedCube:
    """The cube in a folder in MedPerf's layout, as it would be submitted; nothing is sent.

    `container_config.yaml`, and where they are there `cube.yaml`, `workspace/parameters.yaml` and
    `workspace/additional_files/`. The archive of a DockerArchive stands beside them or in a folder of assets,
    under any name that ends in `.tar`: it is the one that holds the config's `image`.

    Args:
        place: the folder, or the config in it.
        kind: what the cube is to be.
        shelf: takes its files into the local store.
        settings: whose id it gets (the name is the folder's), and folders of assets.

    Raises:
        UsageError: a file is missing, or the config lacks something.
        DocumentError: a field is wrong, by name.

    """
    config = place / CONFIG if place.is_dir() else place
    folder = config.absolute().parent
    about = folder / _ABOUT
    given = {} if about.is_file() else _said(kind)
    files = CubeFiles(
        config,
        about=about if about.is_file() else None,
        archive=_archive(config, folder, settings.assets),
        parameters=_there(folder / _WORKSPACE / "parameters.yaml"),
        additional_files=tuple(_files(folder / _WORKSPACE / "additional_files")),
    )
    fields = cube_fields(files, shelf, state="development", given={**given, "type": str(kind)})
    entity_id = f"{settings.member or NOBODY}/{_name(folder)}"
    header = {"schema": "cube/1", "registry": settings.registry or NOWHERE, "id": entity_id, "version": 1}
    cube = validate(Kind.CUBE, {**header, **fields})
    if not isinstance(cube, Cube):
        raise IntegrityError(f"'{config}' is not a cube")
    return PinnedCube(cube, Pin(path=f"cubes/{entity_id}/1.yml", sha256=sha256(emit_entity(cube))))


def is_local(text: str) -> bool:
    """Whether somebody who typed this means a folder or file here, not an id."""
    return (
        text.startswith((".", "/", "~")) or text.endswith((".yaml", ".yml")) or Path(text, CONFIG).is_file()
    )


def _said(kind: CubeType) -> dict[str, Any]:
    card = {"card": _CARD} if kind is CubeType.MODEL else {}
    return {"description": "a cube under test", "licence": "not said yet", **card}


def _name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:32].strip("-")
    return name if is_name(name) else "cube"


def _archive(config: Path, folder: Path, assets: Sequence[Path]) -> Path | None:
    document = read_mapping(config)
    kind, image = document.get("container_type"), document.get("image")
    if kind != "DockerArchive":
        return None
    candidates = [path for place in (folder, *assets) for path in sorted(place.glob("*.tar"))]
    found = [path for path in candidates if path.stem == folder.name or image in _tags(path)]
    if not found:
        raise UsageError(
            f"no archive of the image '{image}' of '{config}' is here",
            hint=f"save it beside the config: `docker save -o {folder / folder.name}.tar {image}`",
        )
    return found[0]


def _tags(path: Path) -> tuple[str, ...]:
    try:
        return read_archive(path).tags
    except IntegrityError:
        return ()


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.is_file())
