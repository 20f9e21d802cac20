"""Making the image of a cube present and verified: from the engine, the cube's archive, or a registry."""

from __future__ import annotations

from medperf_cli.core.entities.cube import Container, Cube
from medperf_cli.errors import EngineError
from medperf_cli.flows.running.watching import TellsTalk
from medperf_cli.flows.running.workbench import Workbench


def image_digest(container: Container) -> str:
    """The digest by which a cube pins its image: image id, registry digest, or that of the SIF file."""
    if container.image_id is not None:
        return container.image_id
    if container.image is not None:
        return container.image.rpartition("@")[2]
    return f"sha256:{container.archive.sha256}" if container.archive else ""


def present_image(workbench: Workbench, cube: Cube) -> str:
    """Make the cube's image present; returns the engine's id of it.

    The archive is looked for only when the engine has not got the image.

    Raises:
        EngineError: no engine answers, or the image cannot be had.
        IntegrityError: archive or registry hold another image than the cube pins.
        ConfigurationError, NetworkError: the archive is nowhere to be found.

    """
    container, observer = cube.container, TellsTalk(workbench.talk, cube.id or "")
    engine = workbench.engine
    if container.archive is None:
        return engine.image(container, None, observer)
    try:
        return engine.image(container, None, observer)
    except EngineError:
        name = f"image of {cube.id}"
        return engine.image(container, workbench.asset(container.archive, name), observer)
