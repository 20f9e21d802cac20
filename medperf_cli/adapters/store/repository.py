"""A registry's git repository: its history, its changes, and new commits on it."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import TYPE_CHECKING, Self

from medperf_cli.adapters.store.chain import Chain
from medperf_cli.adapters.store.git import Git, local_error
from medperf_cli.adapters.store.lines import Lines
from medperf_cli.adapters.store.objects import Commit, ObjectReader
from medperf_cli.adapters.store.originals import Past
from medperf_cli.adapters.store.snapshot import GitSnapshot
from medperf_cli.adapters.store.tree_entries import FILE, TREE, TreeEntry
from medperf_cli.adapters.store.trees import Trees
from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.core.snapshot import MAX_CHANGE_FILES, MAX_FILE, Change, RawDiffEntry, build_change
from medperf_cli.errors import ConfigurationError, ConflictError, IntegrityError, RewrittenError, UsageError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_REGISTRY = REGISTRY_DIR.encode()
# Of twice as many entries as fit, some are refused for sure: the rest is not read.
_MAX_ENTRIES = 2 * MAX_CHANGE_FILES
_BATCH = 200
"""Commits read at once."""
_FEW = 20
"""Of so few commits the trees are read as they are asked for."""
_MAX_TREES = 10_000
"""Read ahead of a batch: a hundred commits bring a thousand."""
_KEPT_COMMITS = 20_000


@dataclasses.dataclass(frozen=True)
class Step:
    """One first-parent commit that touches `registry/`.

    `clock`, the forge's clock, is the highest committer time of the first-parent commits from the first one
    with a registry to this one, as far as the walk went back.
    """

    commit: str
    parent: str | None
    time: dt.datetime
    clock: dt.datetime


class GitStore:
    """A registry in a git repository, bare or not. Close it, or use it as a context manager.

    Args:
        path: the repository (parent folders are not searched).
        hook: running inside a git hook: objects in quarantine are seen.

    Raises:
        ConfigurationError: git is missing or too old, or `path` is not a repository.

    """

    def __init__(self, path: Path, *, hook: bool = False) -> None:
        self.path = path
        self.git = Git(path, hook=hook)
        self.reader = ObjectReader(self.git)
        self.trees = Trees(self.reader)
        self.chain = Chain(self)
        self.lines = Lines(self)
        self._commits: dict[str, Commit] = {}
        self._shared: dict[tuple[str, str], tuple[str, ...]] = {}
        self.past = Past(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the git processes; a later read starts them again."""
        self.reader.close()

    # --- history

    def rev(self, name: str) -> str | None:
        """The commit a revision names (`refs/heads/main`, an id); None where there is none."""
        return self.reader.resolve(f"{name}^{{commit}}")

    def commit(self, commit: str) -> Commit:
        """Tree, parents and committer time of a commit (raises IntegrityError)."""
        if commit not in self._commits:
            self._commits.update(self.reader.commits([commit]))
        return self._commits[commit]

    def commit_time(self, commit: str) -> dt.datetime:
        """Committer time, UTC (raises IntegrityError)."""
        return self.commit(commit).time

    def parent(self, commit: str) -> str | None:
        """The first parent; None for a root commit (raises IntegrityError)."""
        return next(iter(self.commit(commit).parents), None)

    def registry_tree(self, commit: str) -> str | None:
        """The tree id of `registry/` at a commit; None where there is no such folder."""
        entry = self._registry(commit)
        return entry.oid if entry and entry.mode == TREE else None

    def _registry(self, commit: str | None) -> TreeEntry | None:
        """What is named `registry`, of whatever mode."""
        return self.trees.find(self.commit(commit).tree, _REGISTRY) if commit else None

    def first_parents(self, head: str, until: str | None = None) -> list[str]:
        """First-parent commits from `head` (included) back to `until` (excluded), newest first.

        Raises:
            RewrittenError: `until` is not on the first-parent chain of `head`.
            ConfigurationError: the clone is shallow.

        """
        self._refuse_shallow()
        chain: list[str] = []
        for commit in self.git.lines("rev-list", "--first-parent", head, "--"):
            if commit == until:
                return chain
            chain.append(commit)
        if until is not None:
            raise RewrittenError(f"commit '{until}' is not on the first-parent chain of '{head}'")
        return chain

    def is_first_parent_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is `new` or stands on its first-parent chain."""
        self._refuse_shallow()
        return any(commit == old for commit in self.git.lines("rev-list", "--first-parent", new, "--"))

    def shared(self, one: str, other: str) -> tuple[str, ...]:
        """The newest commits that two share (git's merge bases); none where they share nothing.

        What two commits share never changes, so it is asked once.
        """
        if (one, other) not in self._shared:
            done = self.git.local("merge-base", "--all", one, other)
            found = tuple(done.stdout.decode("ascii", "replace").split()) if done.code == 0 else ()
            if not found:
                return ()
            self._shared[one, other] = found
        return self._shared[one, other]

    def history(self, head: str, until: str | None = None) -> Iterator[Step]:
        """First-parent commits after `until` that touch `registry/`, oldest first.

        Raises:
            IntegrityError: as `first_parents`; or an object is damaged.

        """
        return self.steps(self.first_parents(head, until)[::-1], until)

    def steps(self, chain: Sequence[str], until: str | None) -> Iterator[Step]:
        """Of a chain of first-parent commits after `until`, oldest first, those that touch `registry/`.

        Raises:
            IntegrityError: an object is damaged.

        """
        before = self._registry(until)
        clock: dt.datetime | None = None
        parents = itertools.chain([until], chain)
        for start in range(0, len(chain), _BATCH):
            batch = chain[start : start + _BATCH]
            self.load(batch)
            if len(batch) > _FEW:
                self._load_trees(chain[start - 1] if start else until, batch[-1])
            for commit, parent in zip(batch, parents, strict=False):
                after = self._registry(commit)
                time = self.commit(commit).time
                if after or clock:
                    clock = max(clock or time, time)
                if after != before:
                    yield Step(commit, parent, time, clock or time)
                before = after

    def load(self, commits: Sequence[str]) -> None:
        """Read commits and their trees that will be asked for, in few exchanges (raises IntegrityError)."""
        if len(self._commits) > _KEPT_COMMITS:
            self._commits.clear()
        missing = [c for c in commits if c not in self._commits]
        self._commits.update(self.reader.commits(missing))
        self.trees.prefetch([self._commits[c].tree for c in commits])

    def _load_trees(self, after: str | None, head: str) -> None:
        """Read the trees that a stretch of main brings, which are compared one by one later."""
        beyond = [f"^{after}"] if after else []
        listed = self.git.lines(
            "rev-list", "--first-parent", "--objects", "--filter=blob:none", head, *beyond, "--"
        )
        # Commits come without a space. The last ones are wanted last: what is too much is dropped first.
        found = (line.split(" ")[0] for line in listed if " " in line)
        self.trees.prefetch(list(itertools.islice(found, _MAX_TREES)))

    def _refuse_shallow(self) -> None:
        if (self.git.directory / "shallow").exists():
            raise ConfigurationError(
                f"'{self.path}' is a shallow clone: its history is cut off",
                hint="run `git fetch --unshallow` there (in CI: fetch-depth 0)",
            )

    # --- snapshots and changes

    def snapshot(self, commit: str | None) -> GitSnapshot:
        """The registry at a commit; None is the time before the first commit."""
        return GitSnapshot(self, commit)

    def touches_registry(self, base: str | None, head: str) -> bool:
        """Whether anything named `registry` differs between two commits."""
        return self._registry(base) != self._registry(head)

    def change(self, base: str | None, head: str) -> Change:
        """The difference between two commits' trees, as `check` judges it.

        Args:
            base: the commit to compare with (the first parent, to judge what stands in main).
            head: the commit with the change.

        Raises:
            IntegrityError: an object is missing or damaged, or there is too much to compare.

        """
        old = self.commit(base).tree if base else None
        differing = self.trees.diff(old, self.commit(head).tree)
        entries = list(itertools.islice(differing, _MAX_ENTRIES))
        return build_change(self.snapshot(base), self._sized(entries), self._blobs)

    def _sized(self, entries: Sequence[tuple[RawDiffEntry, str]]) -> list[tuple[RawDiffEntry, str]]:
        # Only blobs that may still be accepted are asked for: a partial clone fetches each of them.
        asked = [oid for entry, oid in entries if _is_candidate(entry)][:MAX_CHANGE_FILES]
        sizes = self.reader.sizes(asked)
        missing = next((oid for oid in asked if oid not in sizes), None)
        if missing:
            raise IntegrityError(f"git object '{missing}' is missing", hint="fetch the change again, in full")
        return [(dataclasses.replace(entry, size=sizes.get(oid, 0)), oid) for entry, oid in entries]

    def _blobs(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        return self.reader.read(oids, "blob", MAX_FILE)

    # --- refs

    def refs(self, prefix: str = "refs") -> dict[str, str]:
        """Object ids by full name of all refs below `prefix` (such as `refs/pull`)."""
        lines = self.git.lines("for-each-ref", "--format=%(refname) %(objectname)", "--", prefix.rstrip("/"))
        return dict(_words(line) for line in lines)

    def update_ref(self, ref: str, new: str | None, old: str | None) -> None:
        """Compare and swap: `ref` moves from `old` to `new` (None: does not exist).

        Raises:
            UsageError: the name does not start with `refs/`.
            ConflictError: the ref is not at `old`, or somebody else moves it right now.
            ConfigurationError, IntegrityError: git cannot write it.

        """
        if not ref.startswith("refs/"):
            raise UsageError(f"'{ref}' is not the full name of a ref")
        if new is None and old is None:
            return
        verb = ("-d", ref) if new is None else (ref, new)
        done = self.git.local("update-ref", "--no-deref", *verb, old or self._null)
        if done.code != 0:
            moved = (
                "but expected",
                "already exists",
                "unable to resolve reference",
                "File exists",
                "exists; cannot create",
            )
            if any(text in done.stderr for text in moved):
                raise ConflictError(f"ref '{ref}' was moved by somebody else")
            raise local_error(self.git.directory, done.stderr)

    @functools.cached_property
    def empty_tree(self) -> str:
        """The id of the tree without entries, in the repository's hash function."""
        return self.git.read("hash-object", "-t", "tree", "--stdin").decode().strip()

    @property
    def _null(self) -> str:
        return "0" * len(self.empty_tree)


def _is_candidate(entry: RawDiffEntry) -> bool:
    return entry.status == "A" and entry.mode == FILE and entry.path.startswith(_REGISTRY + b"/")


def _words(line: str) -> tuple[str, str]:
    name, _, oid = line.partition(" ")
    return name, oid
