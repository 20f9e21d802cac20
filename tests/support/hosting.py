"""A registry on a bare repository with real hooks, and members with clones who push to it."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.bare_git import BareGit
from medperf_cli.adapters.forge.base import Request
from medperf_cli.adapters.store.remote import Pushed, init, push
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN, RequestRef, request_id
from medperf_cli.flows.founding.init_bare import init_bare
from medperf_cli.flows.hosting.upstream import Upstream
from tests.support.story import STEPS
from tests.support.story_fields import cube_fields
from tests.support.world import World

SOMEBODY = Author("somebody", "somebody@example.org")
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

    def over_ssh(self, environment: pytest.MonkeyPatch) -> str:
        """Its address over a transport like ssh: a program that runs the command it is given, and a pipe."""
        program = self.folder / "ssh"
        program.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
        program.chmod(0o755)
        environment.setenv("GIT_SSH", str(program))
        environment.setenv("GIT_SSH_VARIANT", "simple")
        environment.setenv("GIT_ALLOW_PROTOCOL", "file:ssh")
        return f"ssh://hospital.example{self.path}"

    def store(self) -> GitStore:
        return GitStore(self.path)

    def main(self) -> str:
        with self.store() as store:
            commit = store.rev(MAIN)
        assert commit
        return commit

    def enter(self, files: Mapping[str, bytes], title: str = "a commit", date: dt.datetime = BEGIN) -> str:
        """Put files into main past all hooks, as whoever owns the machine can."""
        self.world.force(files)
        with self.store() as store:
            main = self.main()
            commit = write_commit(store, main, files, title, author=SOMEBODY, date=date)
            store.update_ref(MAIN, commit, main)
        return commit

    def copy(self, folder: Path) -> Hosted:
        """The same hosting somewhere else, to be spoilt by one test."""
        shutil.copytree(self.path, folder / self.path.name)
        return Hosted(folder, World(dict(self.world.files), list(self.world.trees)))

    def refs(self) -> dict[str, str]:
        with self.store() as store:
            return store.refs()

    def member(self, name: str = "clone", url: str | None = None) -> Member:
        path = self.folder / f"{name}.git"
        member = Member(self, init(path) if not path.exists() else GitStore(path), url or self.url)
        member.upstream.fetch()
        return member

    def cube(self, name: str = "forest", member: str = "acme", **fields: Any) -> dict[str, bytes]:
        """A model cube, signed by its member."""
        return self.world.write(Kind.CUBE, f"{member}/{name}", **cube_fields("model", "infer", "4", **fields))

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
    url: str
    now: dt.datetime = BEGIN

    @property
    def upstream(self) -> Upstream:
        return Upstream(self.store, self.url, self.hosted.world.registry)

    @property
    def forge(self) -> BareGit:
        return BareGit(self.upstream)

    def open(self, *parts: Mapping[str, bytes], author: str = "acme", base: str | None = None) -> Request:
        files = {p: d for part in parts for p, d in part.items()}
        title = f"add {len(files)} files"
        return self.forge.open(
            files, title=title, body="", author=author, base=base or self.hosted.main(), when=self.now
        )

    def commit(
        self,
        base: str | None,
        files: Mapping[str, bytes],
        *,
        folder: str = "registry",
        date: dt.datetime = BEGIN,
    ) -> str:
        """A commit that anybody with git could make."""
        return write_commit(self.store, base, files, "a commit", author=SOMEBODY, date=date, folder=folder)

    def push(self, *refspecs: str) -> Pushed:
        return push(self.store, self.url, refspecs)

    def push_request(self, files: Mapping[str, bytes], commit: str) -> Pushed:
        return self.push(f"{commit}:{RequestRef(request_id(files))}")

    def commit_tree(self, tree: str, *parents: str) -> str:
        """A commit of any tree with any parents, dated now."""
        identity = ["-c", "user.name=eve", "-c", "user.email=eve@example.org"]
        on = [word for parent in parents for word in ("-p", parent)]
        return self.git(*identity, "commit-tree", tree, *on, "-m", "a commit")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Stock git in the clone."""
        argv = ["git", f"--git-dir={self.store.git.directory}", *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout.decode().strip()


def hosted(folder: Path, until: int = 1, first: Mapping[str, bytes] | None = None) -> Hosted:
    """Host the first steps of the story: the first (or `first`) by `init_bare`, others as commits in main."""
    host = Hosted(folder, World())
    begin = dict(first) if first else _files(host.world, 0)
    host.world.merge(begin)
    init_bare(host.path, begin, clock=clock)
    for number in range(1, until):
        host.enter(_files(host.world, number), STEPS[number][0])
    return host


def _files(world: World, number: int) -> dict[str, bytes]:
    return {p: d for part in STEPS[number][1](world) for p, d in part.items()}


def replays(store: GitStore, head: str) -> bool:
    """Whether every step of main is lawful, as any reader sees it."""
    changes = (store.change(step.parent, step.commit) for step in store.history(head))
    return all(check(change, sorts=CONSENSUS).verdict is not Verdict.REJECT for change in changes)
