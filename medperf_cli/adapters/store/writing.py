"""New commits without a checkout: blobs, the touched trees, and a commit, all decided by the arguments."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.store.objects import object_id
from medperf_cli.adapters.store.tree_entries import FILE, TreeEntry
from medperf_cli.adapters.store.trees import Edit
from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.errors import UsageError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from medperf_cli.adapters.store.repository import GitStore


@dataclass(frozen=True)
class Author:
    """Who a commit names as author and committer (a convenience of forges, never evidence)."""

    name: str
    email: str

    def line(self, when: dt.datetime) -> str:
        """`name <email> seconds +0000` (raises UsageError for text git could not read back)."""
        for text in (self.name, self.email):
            if not text.strip() or set(text) & set("<>\n\0"):
                raise UsageError(f"{text!r} cannot stand in a commit", hint="give a plain name and address")
        return f"{self.name} <{self.email}> {int(when.timestamp())} +0000"


def write_commit(
    store: GitStore,
    base: str | None,
    added: Mapping[str, bytes],
    message: str,
    *,
    author: Author,
    date: dt.datetime,
    parents: Sequence[str] | None = None,
    folder: str = REGISTRY_DIR,
) -> str:
    """Write the commit that adds files to `base` and return its id (same arguments, same id); no ref moves.

    Args:
        store: where to write.
        base: the commit whose tree is added to; None is the empty tree.
        added: bytes by path below `folder`.
        message: the commit message.
        author: author and committer.
        date: of both, to the second.
        parents: commit ids; left out, `base` is the only one.
        folder: where in the repository the files stand; '' is its root.

    Raises:
        ConflictError: another file stands at one of the paths.
        ConfigurationError: the repository cannot be written.

    """
    empty = store.empty_tree
    blobs = {object_id("blob", data, empty): data for data in added.values()}
    write_objects(store, "blob", blobs)
    start = f"{folder}/" if folder else ""
    files = {f"{start}{p}".encode(): TreeEntry(FILE, object_id("blob", d, empty)) for p, d in added.items()}
    edit = Edit(store.trees, empty)
    tree = edit.add(store.commit(base).tree if base else None, files)
    write_objects(store, "tree", edit.objects)
    chosen = parents if parents is not None else [base] if base else []
    data = _commit(tree, chosen, author.line(date), message)
    return store.git.read("hash-object", "-t", "commit", "-w", "--stdin", stdin=data).decode().strip()


def _commit(tree: str, parents: Sequence[str], author: str, message: str) -> bytes:
    header = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    header += [f"author {author}", f"committer {author}"]
    return "\n".join([*header, "", message.strip() + "\n"]).encode()


def write_objects(store: GitStore, kind: str, objects: Mapping[str, bytes]) -> None:
    """Write objects by the handful with one process."""
    with tempfile.TemporaryDirectory(prefix="medperf-") as folder:
        paths = []
        for number, data in enumerate(objects.values()):
            path = Path(folder) / str(number)
            with writing(path):
                path.write_bytes(data)
            paths.append(str(path))
        listed = "".join(f"{path}\n" for path in paths).encode()
        written = store.git.read(
            "hash-object", "-t", kind, "-w", "--no-filters", "--stdin-paths", stdin=listed
        )
    assert written.decode().split() == list(objects)  # noqa: S101 - git and we must agree on every id
