"""The base from an image registry: pulled by digest, with numpy added (`base/Dockerfile`), by Docker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from imagebuild import BuildError
from imagebuild.archive import Base
from imagebuild.layers import Blob, blob

_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")
_GZIP = b"\x1f\x8b"
RECIPE = Path(__file__).parent.parent / "base"
_TAG = "breast-cancer/base:pulled"


def build(reference: str, folder: Path) -> Base:
    """Pull `reference`, add numpy unless it has it, and unpack the layers into `folder`.

    Raises:
        BuildError: not pinned by digest, or Docker could not pull or build it.

    """
    if not _PINNED.fullmatch(reference):
        raise BuildError(f"base '{reference}' is not pinned: name it with its digest, <name>@sha256:<64 hex>")
    _docker("pull", "--quiet", reference)
    # pip gets the network as the machine has it: the engine's own bridge may have no way out, or not exist.
    options = ("--network", "host", "--force-rm")
    _docker("build", *options, "--tag", _TAG, "--build-arg", f"PYTHON={reference}", str(RECIPE))
    saved = folder / "saved.tar"
    _docker("save", "--output", str(saved), _TAG)
    base = unpack(saved, folder)
    saved.unlink()
    return base


def unpack(saved: Path, folder: Path) -> Base:
    """The layers and settings of what `docker save` wrote (older and newer layout)."""
    with tarfile.open(saved) as tar:
        (manifest,) = json.loads(_read(tar, "manifest.json"))
        config = json.loads(_read(tar, manifest["Config"]))
        layers = [_layer(tar, name, folder / f"layer-{i}.tar") for i, name in enumerate(manifest["Layers"])]
    found = [f"sha256:{layer.sha256}" for layer in layers]
    if found != config["rootfs"]["diff_ids"]:
        raise BuildError("the saved base has other layers than its config says: pull it again")
    settings = {key: value for key, value in config["config"].items() if key in ("Env", "WorkingDir")}
    return Base(tuple(layers), config["architecture"], settings)


def _layer(tar: tarfile.TarFile, name: str, target: Path) -> Blob:
    source = tar.extractfile(name)
    if source is None:
        raise BuildError(f"the saved base lacks '{name}'")
    compressed = source.read(len(_GZIP)) == _GZIP
    source.seek(0)
    with target.open("wb") as file:
        if compressed:
            subprocess.run(["gzip", "-dc"], input=source.read(), stdout=file, check=True)
        else:
            shutil.copyfileobj(source, file)
    return blob(target)


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise BuildError(f"the saved base lacks '{name}'")
    return file.read()


def _docker(*arguments: str) -> None:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError(
            "no `docker`: a pulled base needs it; leave out --base to build one with mmdebstrap"
        ) from None
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-10:])
        raise BuildError(
            f"docker {arguments[0]} failed:\n{last}\nleave out --base to build one with mmdebstrap"
        )
