"""Assets laid out in a folder as a cube gets them, unpacked where asked; made once, checked each time."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.adapters.steps import Bytes
from medperf_cli.adapters.store.hashing import hash_folder
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.core.dataset_hash import line
from medperf_cli.core.entities.fields import Asset
from medperf_cli.flows.running.unpacking import unpack
from medperf_cli.flows.running.workbench import Workbench

_WAIT_SECONDS = 3600.0
_CHUNK = 4 << 20


@dataclass(frozen=True)
class File:
    """An asset with the name it gets, or to be unpacked."""

    asset: Asset
    name: str
    unpack: bool = False


def files_digest(files: Sequence[File]) -> str:
    """SHA-256 (hex) of what is laid out: names, contents, and which are unpacked."""
    listed = sorted((file.name, file.asset.sha256, file.unpack) for file in files)
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def laid_out(workbench: Workbench, files: Sequence[File]) -> Path:
    """The folder that holds `files`; it is shared by all who ask for the same, so do not write to it.

    Raises:
        ConfigurationError: an asset is nowhere to be found, or the disk is full.
        NetworkError: the same, and an address does not answer.
        IntegrityError: an asset has other bytes, or an archive must not be unpacked.

    """
    folder = workbench.settings.home / "laid-out" / files_digest(files)
    with exclusive(folder.with_suffix(".lock"), "laying out files", wait=_WAIT_SECONDS):
        return _laid_out(workbench, files, folder)


def _laid_out(workbench: Workbench, files: Sequence[File], folder: Path) -> Path:
    record = folder.with_suffix(".sums")
    if folder.is_dir() and record.is_file():
        if record.read_bytes() == _sums(workbench, folder):
            return folder
        workbench.talk.say(f"'{folder}' was changed: laying it out again")
    with writing(workbench.scratch):
        draft = Path(tempfile.mkdtemp(prefix="laid-out-", dir=workbench.scratch))
    _fill(workbench, files, draft)
    _put_in_place(draft, folder, workbench.scratch)
    write_atomic(record, _sums(workbench, folder))
    return folder


def _fill(workbench: Workbench, files: Sequence[File], draft: Path) -> None:
    for file in files:
        asset = workbench.asset(file.asset, file.name)
        if file.unpack:
            workbench.talk.say(f"unpacking {file.name}")
            unpack(asset, draft, progress=workbench.talk.progress)
        else:
            with writing(draft):
                _copy(asset, draft / file.name, workbench)


def _copy(source: Path, target: Path, workbench: Workbench) -> None:
    total, done = source.stat().st_size, 0
    with source.open("rb") as read, target.open("xb") as written:
        while chunk := read.read(_CHUNK):
            written.write(chunk)
            done += len(chunk)
            workbench.talk.progress(Bytes(f"copying {target.name}"), done, total)


def _put_in_place(draft: Path, folder: Path, scratch: Path) -> None:
    """Rename into place; what stood there (changed by somebody) makes room first."""
    with writing(folder):
        if folder.exists():
            folder.rename(Path(tempfile.mkdtemp(prefix="changed-", dir=scratch)) / "old")
        draft.chmod(0o755)
        draft.rename(folder)


def _sums(workbench: Workbench, folder: Path) -> bytes:
    return b"".join(map(line, hash_folder({"files": folder}, workbench.hashes, workbench.talk.progress)))
