"""A dataset's folder at its site: where the raw data are, salt, prepared files; none of it ever leaves."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.dataset_hash import SALT_BYTES
from medperf_cli.errors import ConfigurationError, IntegrityError

HASHED = ("data", "labels", "metadata")
"""The folders whose files make up the dataset's hash."""
_SECONDS = 60.0


@dataclass(frozen=True)
class Source:
    """Where the raw data are; `as_prepared`: they already are what a data-preparator would write."""

    data: Path
    labels: Path
    metadata: Path | None = None
    as_prepared: bool = False

    @property
    def roots(self) -> Mapping[str, Path]:
        """The folders by name."""
        named = {"data": self.data, "labels": self.labels}
        return named if self.metadata is None else {**named, "metadata": self.metadata}


@dataclass(frozen=True)
class DatasetFolder:
    """The paths below one dataset's folder."""

    root: Path

    @property
    def source(self) -> Path:
        """Where the raw data are (`remember_source`)."""
        return self.root / "source.json"

    @property
    def salt(self) -> Path:
        """32 secret bytes that go into the hash."""
        return self.root / "salt"

    @property
    def prepared(self) -> Path:
        """What the data-preparator writes: data, labels, metadata, report, statistics."""
        return self.root / "prepared"

    @property
    def previous(self) -> Path:
        """The prepared files before they were last prepared anew."""
        return self.root / "previous"

    @property
    def report(self) -> Path:
        """The report of `prepare`."""
        return self.prepared / "report/report.yaml"

    @property
    def statistics(self) -> Path:
        """The folder that `statistics` writes to."""
        return self.prepared / "statistics"

    @property
    def begun(self) -> Path:
        """From which inputs the files in `prepared` are being made, or were."""
        return self.root / "begun.json"

    @property
    def record(self) -> Path:
        """What came out of the last finished preparation."""
        return self.root / "prepared.json"

    @property
    def files(self) -> Path:
        """The sorted lines of all prepared files, as they went into the hash."""
        return self.root / "prepared.files"

    @property
    def hashes(self) -> Path:
        """The cache of file hashes."""
        return self.root / "hashes.sqlite"

    @property
    def lock(self) -> Path:
        """Held while the dataset is prepared."""
        return self.root / "lock"

    def log(self, task: str) -> Path:
        """What the container of a task said."""
        return self.root / "logs" / f"{task}.log"

    def roots(self, source: Source) -> Mapping[str, Path]:
        """The folders of prepared data; `metadata` may be empty."""
        roots = {name: self.prepared / name for name in HASHED}
        return {**roots, **source.roots} if source.as_prepared else roots


def dataset_folder(settings: Settings, dataset: str) -> DatasetFolder:
    """The folder of the dataset `<member>/<name>` (raises ConfigurationError where no registry is in use)."""
    if settings.registry is None:
        raise ConfigurationError("no registry is in use", hint="add one: `medperf registry add URL`")
    return DatasetFolder(settings.dataset_folder(settings.registry, dataset))


def found_source(source: Source) -> Source:
    """The same with absolute paths.

    Raises:
        ConfigurationError: a folder is missing, no folder, unreadable or empty; says which.

    """
    found = {what: _readable(what, path) for what, path in source.roots.items()}
    return Source(found["data"], found["labels"], found.get("metadata"), source.as_prepared)


def remember_source(settings: Settings, dataset: str, source: Source) -> None:
    """Write down, at this site only, where a dataset's raw data and labels are (raises as `found_source`).

    While storage is moved it waits, then raises ConflictError: it must not begin a second folder of data.
    """
    found = found_source(source)
    folder = dataset_folder(settings, dataset)
    text = {name: str(path) for name, path in found.roots.items()}
    with exclusive(settings.scratch / "lock", "remembering raw data", wait=_SECONDS):
        with writing(folder.root):
            folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(folder.source, _json({**text, "as_prepared": found.as_prepared}), mode=0o600)


def read_source(folder: DatasetFolder) -> Source:
    """Where the raw data were when they were submitted (raises ConfigurationError if that is not known)."""
    try:
        found = json.loads(folder.source.read_bytes())
        paths = {name: Path(found[name]) for name in HASHED if name in found}
        return Source(paths["data"], paths["labels"], paths.get("metadata"), bool(found["as_prepared"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"where the raw data are is not known here: '{folder.source}' is missing or damaged",
            hint="name them again: `medperf dataset submit --data_path … --labels_path …` at this site",
        ) from None


def salt_of(folder: DatasetFolder) -> bytes:
    """The dataset's salt, made the first time (raises IntegrityError if it is damaged)."""
    path = folder.salt
    if not path.exists():
        _make_salt(path)
    with writing(path):
        salt = path.read_bytes()
    if len(salt) != SALT_BYTES:
        raise IntegrityError(
            f"salt '{path}' has {len(salt)} bytes, not {SALT_BYTES}", hint="restore it from a backup"
        )
    return salt


def _make_salt(path: Path) -> None:
    draft = path.with_name(f".salt.{secrets.token_hex(8)}")
    with writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(draft, secrets.token_bytes(SALT_BYTES), mode=0o600)
        try:
            os.link(draft, path)  # fails, unlike a rename, where another process was faster: its salt counts
        except FileExistsError:
            return
        finally:
            draft.unlink()


def _readable(what: str, path: Path) -> Path:
    """The absolute path of an existing, readable folder that is not empty."""
    hint = f"give the folder of the {what}"
    if not path.exists():
        raise ConfigurationError(f"{what} folder '{path}' does not exist", hint=hint)
    if not path.is_dir():
        raise ConfigurationError(f"{what} '{path}' is not a folder", hint=hint)
    try:
        empty = next(path.iterdir(), None) is None
    except OSError:
        raise ConfigurationError(f"{what} folder '{path}' cannot be read by this user", hint=hint) from None
    if empty:
        raise ConfigurationError(f"{what} folder '{path}' is empty", hint=hint)
    return path.resolve()


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode("ascii")
