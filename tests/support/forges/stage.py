"""A simulated forge with a registry on it and people around: what most tests begin with."""

from __future__ import annotations

import contextlib
import importlib
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.forge.address import ForgeAddress, forge_address
from medperf_cli.adapters.forge.api import ForgeApi, Vendor
from tests.support.forges.forge import SimulatedForge
from tests.support.forges.people import basic
from tests.support.forges.repository import Pull, Repository
from tests.support.forges.server import serving
from tests.support.forges.vendors import simulated

OWNER, REGISTRY, BOT = "consortium", "consortium/registry", "medperf-bot"


@dataclass
class Stage:
    """The registry is an organization's; `admin` may all, the bot and `writer` push, others fork."""

    vendor: Vendor
    forge: SimulatedForge
    registry: Repository

    @property
    def url(self) -> str:
        """The registry's address for git."""
        return f"{self.forge.url}/{self.registry.full_name}.git"

    @property
    def address(self) -> ForgeAddress:
        address = forge_address(self.url, forge=str(self.vendor))
        assert address
        return address

    def api(self, login: str | None = None, token: str | None = None) -> ForgeApi:
        """The real adapter, as somebody (None: anonymous) or with a given token."""
        adapter = importlib.import_module(f"medperf_cli.adapters.forge.{self.vendor}")
        api: ForgeApi = adapter.connect(self.address, token or (self.forge.token(login) if login else None))
        return api

    def branch(
        self, login: str, branch: str = "medperf/1", files: Mapping[str, bytes] | None = None
    ) -> Repository:
        """A branch with a commit in somebody's fork (or in the registry, where they may push)."""
        user = self.forge.user(login)
        own = self.registry if self.registry.may(user, "write") else self.forge.fork(self.registry, login)
        self.forge.commit(own, branch, files or {f"registry/{branch}.yml": b"a: 1\n"}, by=login)
        return own

    def request(
        self, login: str, branch: str = "medperf/1", files: Mapping[str, bytes] | None = None
    ) -> Pull:
        """An open request, made in the page."""
        source = self.branch(login, branch, files)
        return self.forge.open(self.registry, login, source, branch, title=f"add {branch}", body="what it is")

    def git(self, clone: Path, token: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Stock git in a clone, with a token as a header of HTTP."""
        header = ["-c", f"http.extraHeader=Authorization: {basic(token)}"] if token else []
        argv = ["git", "-C", str(clone), *header, *arguments]
        return subprocess.run(argv, capture_output=True, check=False, text=True)


@contextlib.contextmanager
def staged(folder: Path, vendor: Vendor, tls: ssl.SSLContext | None = None) -> Iterator[Stage]:
    """Serve a forge with an (almost) empty registry; git in the test must be allowed `file:http`."""
    facade = simulated(vendor)
    forge = SimulatedForge(folder, facade.traits)
    forge.user(OWNER, "Organization")
    registry = forge.repository(REGISTRY)
    registry.roles |= {"admin": "admin", BOT: "write", "writer": "write"}
    for login in registry.roles:
        forge.user(login)  # GitLab names nobody who has no account
    forge.commit(registry, "main", {"README.md": b"a registry\n"}, by="admin", title="begin")
    with serving(forge, facade.blueprint, tls):
        yield Stage(vendor, forge, registry)
