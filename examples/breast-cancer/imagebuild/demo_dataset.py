"""The demo dataset: raw data, raw labels and `paths.yaml` in one `.tar.gz`, as in MedPerf."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path, PurePosixPath

from imagebuild.layers import Blob, blob, from_files


def write(source: Path, target: Path) -> Blob:
    """Pack folder `source` into `target`.

    The tar inside is the same everywhere; gzip's bytes depend on the machine's zlib.
    """
    files = {PurePosixPath(p.relative_to(source).as_posix()): p for p in source.rglob("*") if p.is_file()}
    plain, partial = target.with_suffix(".plain"), target.with_suffix(".partial")
    from_files(files, plain)
    with (
        plain.open("rb") as tar,
        partial.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
    ):
        shutil.copyfileobj(tar, packed)
    plain.unlink()
    partial.replace(target)
    return blob(target)
