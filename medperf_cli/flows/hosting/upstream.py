"""A clone and its bare upstream, as the bare-git forge wants to see them."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.forge.base import Answer, CommitNote, Ended, Repository, Shown
from medperf_cli.adapters.store.remote import fetch, head_of, push
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.adapters.trace import without_secrets
from medperf_cli.flows.hosting.request_commits import note

# A namespace of its own: what `sync` has verified is not moved by looking at requests.
HERE = "refs/upstream/"
_REFSPECS = (f"+refs/heads/main:{HERE}heads/main", f"+refs/pull/*:{HERE}pull/*")
_ANSWER_SECONDS = 60.0
HOOKS = ("pre-receive", "post-receive")


class Upstream(Repository):
    """What a clone knows of its upstream.

    Args:
        store: the clone; requests are kept in it below `refs/upstream`.
        url: the upstream's address.
        registry: the registry's id: stands in the author's address, which is nobody's mailbox.
        token: for git, where a hosted forge asks for one.

    """

    def __init__(self, store: GitStore, url: str, registry: str, *, token: Token | None = None) -> None:
        self._store = store
        self._url = url
        self._registry = registry
        self._token = token

    @property
    @override
    def url(self) -> str:
        return without_secrets(self._url)

    @override
    def fetch(self) -> Mapping[str, str]:
        fetch(self._store, self._url, _REFSPECS, prune=True, token=self._token)
        return self.known()

    def main_now(self) -> str | None:
        """Where the upstream's main stands at this moment (raises NetworkError); nothing is fetched."""
        return head_of(self._url, seconds=_ANSWER_SECONDS, token=self._token)

    def known(self) -> Mapping[str, str]:
        """What `fetch` last brought, without asking again."""
        found = self._store.refs(HERE.rstrip("/"))
        return {f"refs/{name.removeprefix(HERE)}": oid for name, oid in found.items()}

    @override
    def push(self, updates: Mapping[str, str], expected: Mapping[str, str | None]) -> Answer:
        refspecs = [f"{oid}:{ref}" for ref, oid in updates.items()]
        atomic, token = len(updates) > 1, self._token
        pushed = push(self._store, self._url, refspecs, leases=expected, atomic=atomic, token=token)
        return Answer(pushed.refused, pushed.remote)

    @override
    def commit_files(
        self, base: str, files: Mapping[str, bytes], *, title: str, author: str, when: dt.datetime
    ) -> str:
        return write_commit(self._store, base, files, title, author=self._author(author), date=when)

    @override
    def commit_beside(
        self, parent: str, files: Mapping[str, bytes], *, title: str, author: str, when: dt.datetime
    ) -> str:
        who = self._author(author)
        return write_commit(
            self._store, None, files, title, author=who, date=when, parents=[parent], folder=""
        )

    def _author(self, member: str) -> Author:
        return Author(member, f"{member}@{self._registry}")

    @override
    def note(self, commit: str) -> CommitNote:
        return note(self._store, commit)

    @override
    def base(self, request_id: str, head: str) -> str:
        del request_id
        return self.note(head).parent

    @override
    def shown(self, request_id: str) -> Shown | None:
        return None

    @override
    def ended(self) -> Sequence[Ended]:
        return ()

    @override
    def added(self, base: str, head: str) -> Mapping[str, bytes]:
        return self._store.change(base, head).added

    @override
    def holds(self, commit: str, files: Mapping[str, bytes]) -> bool:
        snapshot = self._store.snapshot(commit)
        return all(snapshot.get(path) == data for path, data in files.items())

    @override
    def has_hooks(self) -> bool | None:
        path = Path(self._url.removeprefix("file://"))
        if not (path / "objects").is_dir():
            return None
        return all(os.access(path / "hooks" / name, os.X_OK) for name in HOOKS)


class Remembered(Upstream):
    """An upstream as it was when it was last asked; reading needs no network."""

    @override
    def fetch(self) -> Mapping[str, str]:
        return self.known()
