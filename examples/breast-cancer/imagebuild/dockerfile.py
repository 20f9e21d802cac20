"""Reads the cubes' Dockerfiles, so that they stay the one description of an image, also without an engine.

Only what can be assembled without running anything: ARG, FROM, ENV, COPY, ENTRYPOINT, CMD, WORKDIR.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from imagebuild import BuildError


@dataclass
class Recipe:
    """What a Dockerfile adds to its base: files (path in the image to file here) and settings."""

    files: dict[PurePosixPath, Path] = field(default_factory=dict)
    environment: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


def read(path: Path, context: Path) -> Recipe:
    """Read a Dockerfile whose COPY sources are relative to `context`.

    Raises:
        BuildError: an instruction that would have to be run.

    """
    recipe = Recipe()
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.strip().partition(" ")
        match word:
            case "" | "#" | "ARG" | "FROM":
                pass
            case "ENV":
                recipe.environment += rest.split()
            case "COPY":
                *sources, target = rest.split()
                for source in sources:
                    recipe.files.update(_copied(context / source, PurePosixPath(target)))
            case "ENTRYPOINT" | "CMD":
                recipe.settings[word.capitalize()] = json.loads(rest)
            case "WORKDIR":
                recipe.settings["WorkingDir"] = rest
            case _:
                raise BuildError(f"'{path}' uses {word}, which needs an engine: build it with `docker build`")
    return recipe


def _copied(source: Path, target: PurePosixPath) -> dict[PurePosixPath, Path]:
    """A folder's files, without byte code; sorted, so that an image does not depend on the file system."""
    files = [p for p in sorted(source.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    if not files:
        raise BuildError(f"nothing to copy in '{source}'")
    return {target / p.relative_to(source).as_posix(): p for p in files}
