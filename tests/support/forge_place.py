"""The story's registry somewhere: on a bare repository, or on a simulated forge; people there with clones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.forge.base import Forge
from medperf_cli.adapters.forge.hosted import Hosted as HostedForge
from medperf_cli.adapters.forge.patience import Patient
from medperf_cli.adapters.store.remote import init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.requests import MAIN
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream
from tests.support.forges import git
from tests.support.forges.stage import Stage, staged
from tests.support.hosting import Hosted, Member


def _no_waiting(seconds: float) -> None:
    """In a test nobody waits."""


@dataclass
class HostedMember(Member):
    """Somebody with a clone and an account; each use of `forge` is a new command's."""

    stage: Stage | None = None
    login: str = ""

    @property
    @override
    def upstream(self) -> HostedUpstream:
        assert self.stage
        token = self.stage.forge.token(self.login)
        api = Patient(self.stage.api(token=token), _no_waiting)
        registry = self.hosted.world.registry
        return HostedUpstream(self.store, self.stage.url, registry, api, token=Token(token, "a test"))

    @property
    @override
    def forge(self) -> Forge:  # type: ignore[override]
        upstream = self.upstream
        return HostedForge(upstream.api, upstream)


@dataclass
class Place:
    """Where the registry is; `stage` is None on a bare repository."""

    hosted: Hosted
    stage: Stage | None = None

    def member(self, name: str, login: str = "") -> Member:
        """Somebody with a clone; on a forge an account, which may push only as `login` says."""
        if self.stage is None:
            return self.hosted.member(name)
        path = self.hosted.folder / f"{name}.git"
        store = GitStore(path) if path.exists() else init(path)
        member = HostedMember(self.hosted, store, self.stage.url, stage=self.stage, login=login or name)
        member.upstream.fetch()
        return member

    def main(self) -> str:
        """Where main stands."""
        return self.hosted.main() if self.stage is None else self.stage.registry.commit("main")


class OnForge(Hosted):
    """A hosted registry whose main is the forge's."""

    stage: Stage

    @override
    def main(self) -> str:
        return self.stage.registry.commit("main")


@contextlib.contextmanager
def on_forge(host: Hosted, vendor: Vendor) -> Iterator[Place]:
    """The same registry on a simulated forge of a vendor."""
    folder: Path = host.folder / str(vendor)
    with staged(folder, vendor) as stage:
        registry = stage.registry
        before = registry.branches()
        git.git(registry.path, "fetch", "-q", str(host.path), f"+{MAIN}:{MAIN}")
        stage.forge.pushed(registry, before, stage.forge.user("admin"))
        there = OnForge(host.folder, host.world)
        there.stage = stage
        yield Place(there, stage)
