"""A registry on a bare repository with real hooks, and members with clones who push to it."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.forge.bare_git import BareGit
from medperf_cli.adapters.forge.base import Request
from medperf_cli.adapters.store.remote import Pushed, init, push
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.core.requests import MAIN, RequestRef, request_id
from medperf_cli.flows.init_bare import init_bare
from medperf_cli.flows.upstream import Upstream
from tests.support.story import STEPS
from tests.support.world import World

BEGIN = dt.datetime(2026, 1, 2, 10, 0, tzinfo=dt.UTC)


def clock() -> dt.datetime:
    """The time of the tests; the hooks have the real one."""
    return BEGIN


@dataclass
class Hosted:
    """The world of a story, hosted: what is in `world` stands in main of the bare repository."""

    folder: Path
    world: World

    @property
    def path(self) -> Path:
        return self.folder / "hosted.git"

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def store(self) -> GitStore:
        return GitStore(self.path)

    def main(self) -> str:
        with self.store() as store:
            commit = store.rev(MAIN)
        assert commit
        return commit

    def refs(self) -> dict[str, str]:
        with self.store() as store:
            return store.refs()

    def member(self, name: str = "clone") -> Member:
        path = self.folder / f"{name}.git"
        member = Member(self, init(path) if not path.exists() else GitStore(path))
        member.upstream.fetch()
        return member

    def unhook(self) -> None:
        """Take the hooks away, as a careless copy would."""
        for hook in (self.path / "hooks").iterdir():
            hook.unlink()

    def stands(self) -> bool:
        """Whether main's registry is the world's, to the last bit."""
        with self.store() as store:
            return store.registry_tree(self.main()) == self.world.trees[0]


@dataclass
class Member:
    """Somebody with a clone."""

    hosted: Hosted
    store: GitStore

    @property
    def upstream(self) -> Upstream:
        return Upstream(self.store, self.hosted.url, self.hosted.world.registry)

    @property
    def forge(self) -> BareGit:
        return BareGit(self.upstream)

    def open(self, *parts: Mapping[str, bytes], author: str = "acme", base: str | None = None) -> Request:
        files = {p: d for part in parts for p, d in part.items()}
        title = f"add {len(files)} files"
        return self.forge.open(files, title=title, author=author, base=base or self.hosted.main())

    def commit(
        self, base: str | None, files: Mapping[str, bytes], *, folder: str = "registry", **more: dt.datetime
    ) -> str:
        """A commit that anybody with git could make."""
        author = Author("somebody", "somebody@example.org")
        date = more.get("date", BEGIN)
        return write_commit(self.store, base, files, "a commit", author=author, date=date, folder=folder)

    def push(self, *refspecs: str) -> Pushed:
        return push(self.store, self.hosted.url, refspecs)

    def push_request(self, files: Mapping[str, bytes], commit: str) -> Pushed:
        return self.push(f"{commit}:{RequestRef(request_id(files))}")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Stock git in the clone."""
        argv = ["git", f"--git-dir={self.store.git.directory}", *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout.decode().strip()


def hosted(folder: Path, until: int = 1) -> Hosted:
    """Host the first steps of the story; the first by `init_bare`, the others as commits in main."""
    world = World()
    host = Hosted(folder, world)
    for number, (title, make) in enumerate(STEPS[:until]):
        files = {p: d for part in make(world) for p, d in part.items()}
        world.merge(files)
        if number == 0:
            init_bare(host.path, files, clock=clock)
            continue
        with host.store() as store:
            main = host.main()
            author = Author("story", "story@example.org")
            commit = write_commit(store, main, files, title, author=author, date=BEGIN)
            store.update_ref(MAIN, commit, main)
    return host
