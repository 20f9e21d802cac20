"""What is known of prepared data: the record of one preparation, read back and compared with the files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.adapters.store.hash_cache import HashCache
from medperf_cli.adapters.store.hashing import hash_folder
from medperf_cli.core.dataset_hash import FileEntry, dataset_hash, line
from medperf_cli.core.stats.wording import shown
from medperf_cli.errors import ConfigurationError, IntegrityError
from medperf_cli.flows.deps import Deps, Talk
from medperf_cli.flows.running.dataset_folder import DatasetFolder, read_source, salt_of

_SHOWN = 3


@dataclass(frozen=True)
class PreparedData:
    """One finished preparation.

    `roots` are the folders by name (data, labels, metadata); `inputs` tells what it was made from; `when` is
    UTC text; `fresh` says that it was made just now, not found as it was.
    """

    hash: str
    counts: Mapping[str, int]
    statistics: Mapping[str, Any]
    metadata: Mapping[str, Any]
    inputs: str
    image_id: str
    when: str
    roots: Mapping[str, Path] = field(default_factory=dict)
    fresh: bool = False

    @property
    def data(self) -> Path:
        """What models get."""
        return self.roots["data"]

    @property
    def labels(self) -> Path:
        """What the metrics cube gets."""
        return self.roots["labels"]


_FIELDS = ("hash", "counts", "statistics", "metadata", "inputs", "image_id", "when")


def write_record(folder: DatasetFolder, data: PreparedData, entries: Sequence[FileEntry]) -> None:
    """Keep what came out, the list of files first: the record is what says that all is done."""
    write_atomic(folder.files, b"".join(sorted(line(entry) for entry in entries)), mode=0o600)
    document = {name: value for name, value in asdict(data).items() if name in _FIELDS}
    write_atomic(folder.record, (json.dumps(document, indent=1) + "\n").encode("ascii"), mode=0o600)


def read_record(folder: DatasetFolder, roots: Mapping[str, Path]) -> PreparedData | None:
    """What came out of the last finished preparation; None where none finished, or its record is damaged."""
    try:
        found = json.loads(folder.record.read_bytes())
        return PreparedData(**{name: found[name] for name in _FIELDS}, roots=roots)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def hashed(
    folder: DatasetFolder, roots: Mapping[str, Path], talk: Talk, *, rehash: bool
) -> tuple[str, list[FileEntry]]:
    """The salted hash of the prepared files, and the files.

    `rehash` reads every file again, else unchanged ones (size, times, inode) are taken from the cache.

    Raises:
        ConfigurationError: a file is unreadable or leads out of its folder.
        IntegrityError: there are no files, or one changed meanwhile.

    """
    with HashCache(None if rehash else folder.hashes) as cache:
        entries = hash_folder(roots, cache, talk.progress)
    return dataset_hash(entries, salt_of(folder)), entries


def check_prepared(
    deps: Deps, folder: DatasetFolder, wanted: str | None = None, *, rehash: bool = False
) -> PreparedData:
    """Hash the prepared files and compare with what was recorded, and with `wanted`, the registry's hash.

    Raises:
        ConfigurationError: the dataset is not prepared at this site.
        IntegrityError: files were changed since (named), or the registry knows other data.

    """
    roots = folder.roots(read_source(folder))
    known = read_record(folder, roots)
    if known is None:
        raise ConfigurationError(
            f"no prepared data in '{folder.root}'", hint="run `medperf dataset prepare` at this site"
        )
    refuse_changed(folder, known, deps.talk, rehash=rehash)
    if wanted is not None and known.hash != wanted:
        raise IntegrityError(
            f"prepared data in '{folder.root}' are not those in the registry: prepared {known.when} with hash"
            f" {known.hash[:12]}, registered {wanted[:12]}",
            hint="restore the registered files, or register these as a dataset of another name",
        )
    return known


def refuse_changed(folder: DatasetFolder, known: PreparedData, talk: Talk, *, rehash: bool) -> None:
    """Raise IntegrityError, naming files, if the prepared files are not those of the record."""
    found, entries = hashed(folder, known.roots, talk, rehash=rehash)
    if found != known.hash:
        raise IntegrityError(
            f"prepared data in '{folder.root}' are not as they were prepared: {_changes(folder, entries)}",
            hint="put the files back, or prepare anew with `medperf dataset prepare --again`",
        )


def _changes(folder: DatasetFolder, entries: Sequence[FileEntry]) -> str:
    """Which files differ from the list kept at the preparation, in words."""
    try:
        with writing(folder.files):
            before = dict(map(_listed, folder.files.read_bytes().decode().splitlines()))
    except (ConfigurationError, ValueError):
        return f"which files, cannot be told: '{folder.files}' is missing or damaged"
    now = dict(_listed(line(entry).decode()) for entry in entries)
    kinds = {
        "changed": sorted(path for path in before.keys() & now.keys() if before[path] != now[path]),
        "missing": sorted(before.keys() - now.keys()),
        "new": sorted(now.keys() - before.keys()),
    }
    named = [f"{word} {_few(paths)}" for word, paths in kinds.items() if paths]
    return "; ".join(named) or "the salt is another one"


def _listed(text: str) -> tuple[str, str]:
    """Path, then digest and size, of one line of the list of files."""
    sha256, size, path = text.split(" ", 2)
    return str(json.loads(path)), f"{sha256} {size}"


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(f"'{shown(path)}'" for path in paths[:_SHOWN]) + more
