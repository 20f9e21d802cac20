"""Builds everything of this example that is an asset: image archives, weights, the demo dataset.

A folder of `cubes/` with a Dockerfile is an image, one with a cube.yaml a cube; several cubes may share an
image and differ in their weights.

Prints a JSON summary on stdout; what it does goes to stderr. When nothing changed it only checks and prints.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import imagebuild
from imagebuild import archive, debian_base, demo_dataset, dockerfile, layers, pulled_base

HERE = Path(__file__).resolve().parent
CUBES = tuple(sorted(path.parent.name for path in HERE.glob("cubes/*/cube.yaml")))
IMAGES = tuple(sorted(path.parent.name for path in HERE.glob("cubes/*/Dockerfile")))
SUMMARY = "images.json"
_REPOSITORY, _TAG = "breast-cancer", "1"


def main() -> None:
    """Parse the command line and build what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the assets and images.json")
    text = "pull this image instead of building a base: <name>@sha256:<digest> (else what BASE names)"
    parser.add_argument("--base", default=chosen_base(), help=text)
    cache = HERE.parents[1] / ".cache/breast-cancer"
    parser.add_argument("--cache", type=Path, default=cache, help="folder that keeps the base")
    parser.add_argument("--refresh", action="store_true", help="make the base again, with today's packages")
    options = parser.parse_args()
    try:
        summary = build(options.out, options.cache, options.base, refresh=options.refresh)
    except imagebuild.BuildError as e:
        sys.exit(f"error: {e}")
    print(json.dumps(summary, indent=2))


def chosen_base() -> str | None:
    """The image to pull that the environment variable BASE names; None to make a base here."""
    return os.environ.get("BASE") or None


def build(out: Path, cache: Path, reference: str | None, *, refresh: bool) -> dict[str, Any]:
    """Build into `out`, unless what stands there is whole and of the same inputs; returns the summary."""
    out.mkdir(parents=True, exist_ok=True)
    inputs = _digest(_sources("cubes", "data/demo"), _base_key(reference))
    if not refresh and (summary := _standing(out, inputs)) is not None:
        return summary
    base = _base(cache / _base_key(reference), reference, refresh=refresh)
    images = {image: _image(image, base, out) for image in IMAGES}
    summary = {
        "inputs": inputs,
        "base": reference or "mmdebstrap",
        "cubes": {cube: _cube(cube, images[image_of(cube)], out) for cube in CUBES},
        "demo_dataset": _asset(demo_dataset.write(HERE / "data/demo", out / "demo_dataset.tar.gz")),
    }
    partial = out / f"{SUMMARY}.partial"
    partial.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    partial.replace(out / SUMMARY)
    return summary


def _base(folder: Path, reference: str | None, *, refresh: bool) -> archive.Base:
    """The base from the cache, else made there; a folder without `base.json` is an interrupted one."""
    record = folder / "base.json"
    if record.is_file() and not refresh:
        known = json.loads(record.read_text(encoding="utf-8"))
        found = [layers.blob(folder / layer["file"]) for layer in known["layers"]]
        if [blob.sha256 for blob in found] == [layer["sha256"] for layer in known["layers"]]:
            return archive.Base(tuple(found), known["architecture"], known["settings"])
    print(f"making the base: {reference or 'mmdebstrap'}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    base = pulled_base.build(reference, folder) if reference else debian_base.build(folder)
    known = {**asdict(base), "layers": [_asset(blob) for blob in base.layers]}
    record.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return base


def image_of(cube: str) -> str:
    """The folder of the image that a cube's container config names."""
    config = (HERE / "cubes" / cube / "container_config.yaml").read_text(encoding="utf-8")
    (line,) = (line for line in config.splitlines() if line.startswith("image: "))
    return line.removeprefix(f"image: {_REPOSITORY}/").removesuffix(f":{_TAG}")


def _image(image: str, base: archive.Base, out: Path) -> dict[str, Any]:
    """Write one image's archive; returns what is known of it."""
    print(f"writing {image}.tar", file=sys.stderr)
    recipe = dockerfile.read(HERE / "cubes" / image / "Dockerfile", HERE / "cubes")
    layer = layers.from_files(recipe.files, out / f"{image}.layer")
    name = f"{_REPOSITORY}/{image}:{_TAG}"
    written = archive.write(out / f"{image}.tar", name, base, recipe, layer)
    layer.path.unlink()
    return {
        "image": name,
        "image_id": written.image_id,
        "manifest_digest": written.manifest_digest,
        "archive": _asset(written.archive),
    }


def _cube(cube: str, image: dict[str, Any], out: Path) -> dict[str, Any]:
    """Copy one cube's additional files beside its image; returns its part of the summary."""
    additional = sorted((HERE / "cubes" / cube / "workspace/additional_files").glob("*"))
    files = [_asset(layers.blob(Path(shutil.copy(path, out)))) for path in additional]
    return {**image, "additional_files": files}


def _standing(out: Path, inputs: str) -> dict[str, Any] | None:
    """The summary of an earlier build from the same inputs whose files all stand as written, else None."""
    try:
        summary: dict[str, Any] = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
        assets = [summary["demo_dataset"]]
        for cube in summary["cubes"].values():
            assets += [cube["archive"], *cube["additional_files"]]
        whole = all(_asset(layers.blob(out / asset["file"])) == asset for asset in assets)
    except (OSError, ValueError, KeyError):
        return None
    return summary if whole and summary["inputs"] == inputs else None


def _asset(blob: layers.Blob) -> dict[str, Any]:
    return {"file": blob.path.name, "sha256": blob.sha256, "size": blob.size}


def _base_key(reference: str | None) -> str:
    return _digest(_sources("imagebuild", "base"), *([reference] if reference else _machine()))[:16]


def _machine() -> list[str]:
    """What decides which packages mmdebstrap takes, besides the day."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return [platform.machine(), release.get("ID", ""), release.get("VERSION_ID", "")]


def _sources(*folders: str) -> Mapping[str, Path]:
    files = [p for folder in folders for p in (HERE / folder).rglob("*") if p.is_file()]
    return {p.relative_to(HERE).as_posix(): p for p in files if "__pycache__" not in p.parts}


def _digest(files: Mapping[str, Path], *texts: str) -> str:
    parts: Iterable[str] = (f"{name} {layers.blob(path).sha256}" for name, path in sorted(files.items()))
    return hashlib.sha256("\n".join([*parts, *texts]).encode()).hexdigest()


if __name__ == "__main__":
    main()
