"""A registry on a simulated forge: people ask and speak there, and the merge bot makes its rounds."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import ForgeApi, Vendor
from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.carried import carrying
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.requests import request_id
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.hosted_bot import HostedBot, Round
from medperf_cli.flows.hosting.hosted_status import MARK
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream
from medperf_cli.flows.hosting.merge_bot import Outcome
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.registry import place
from medperf_cli.render.status import as_comment
from tests.support.acting import Action, act
from tests.support.forges import git
from tests.support.forges.forge import SimulatedForge
from tests.support.forges.repository import Comment, Pull, Repository
from tests.support.forges.server import serving
from tests.support.forges.vendors import simulated
from tests.support.hosting import BEGIN, Hosted
from tests.support.office import Talk, key_file
from tests.support.world import World

BOT = "medperf-bot"
LATER = BEGIN + dt.timedelta(days=2)


@dataclass
class HostedDesk:
    """A registry on a forge that is served; `world` is what stands in its main."""

    folder: Path
    vendor: Vendor
    forge: SimulatedForge
    registry: Repository
    world: World
    root: str
    token: str
    signer: SshKeygenSigner | None = None
    now: dt.datetime = LATER
    last: Round = field(default_factory=lambda: Round((), ()))
    _counted: int = 0

    @property
    def url(self) -> str:
        return f"{self.forge.url}/{self.registry.full_name}.git"

    @property
    def api(self) -> ForgeApi:
        """The forge as the bot asks it."""
        address = forge_address(self.url, str(self.vendor))
        assert address
        adapter = importlib.import_module(f"medperf_cli.adapters.forge.{self.vendor}")
        api: ForgeApi = adapter.connect(address, self.token)
        return api

    # what people do

    def enter(self, files: Mapping[str, bytes], title: str = "a commit") -> str:
        """Put files into main past all rules."""
        self.world.force(files)
        return self.forge.commit(self.registry, "main", _below(files), by="admin", title=title)

    def ask(self, *parts: Mapping[str, bytes], login: str = "acme", title: str = "a request") -> Pull:
        """Open a request from a fork."""
        files = {path: data for part in parts for path, data in part.items()}
        fork = self.forge.fork(self.registry, login)
        git.git(fork.path, "fetch", "-q", str(self.registry.path), "main")  # they keep their fork up to date
        branch = f"medperf/{request_id(files)}" if any(p.endswith(".yml") for p in files) else "odd"
        self.forge.commit(fork, branch, _below(files), by=login, title=title, base=self.main())
        return self.forge.open(self.registry, login, fork, branch, title=title)

    def act(self, *actions: Action, login: str = "acme") -> Pull:
        """Open a request that makes these actions."""
        return self.ask(act(self.world, *actions).added, login=login)

    def speak(self, pull: Pull, files: Mapping[str, bytes], login: str = "somebody") -> Comment:
        """Deliver signed files as a comment."""
        return self.forge.comment(pull, login, carrying(files, "my decision"))

    def login(self, name: str) -> dict[str, Any]:
        """A member's account here, as the member file has it."""
        return {"forge": "127.0.0.1", "login": name, "number": self.forge.user(name).number}

    # what stands

    def main(self) -> str:
        return self.registry.commit("main")

    def has(self, *paths: str) -> bool:
        found = git.git(self.registry.path, "ls-tree", "-r", "--name-only", "main", "registry/").split("\n")
        return {f"registry/{path}" for path in paths} <= set(found)

    def parents(self, commit: str = "main") -> list[str]:
        return git.git(self.registry.path, "log", "-1", "--format=%P", commit).split()

    def first_parents(self, until: str) -> list[str]:
        """Commits of main after `until`, oldest first."""
        listed = git.git(self.registry.path, "rev-list", "--first-parent", "--reverse", f"{until}..main")
        return listed.split()

    def statuses(self, pull: Pull) -> list[str]:
        return [c.body for c in pull.comments if c.author.login == BOT and c.body.startswith(MARK)]

    def status(self, pull: Pull) -> str:
        (found,) = self.statuses(pull)
        return found

    def calls(self) -> list[str]:
        """What the web interface was asked since this was last asked."""
        found = self.forge.faults.calls(self._counted)
        self._counted = len(self.forge.faults.log)
        return found

    # the bot

    @contextlib.contextmanager
    def bot(self, name: str = "bot", api: ForgeApi | None = None) -> Iterator[HostedBot]:
        """The bot with a working copy of this name."""
        settings = Settings(home=self.folder / name)
        deps = Deps(settings, lambda: self.now, Talk(), lambda _: True, interactive=False)
        if not settings.registry_folder(self.world.registry).exists():
            assert add_registry(deps, self.url, self.root).registry == self.world.registry
        deps = replace(deps, settings=replace(settings, registry=self.world.registry))
        token = Token(self.token, "the test")
        with GitStore(place(deps.settings).mirror) as store:
            upstream = HostedUpstream(
                store, self.url, self.world.registry, api or self.api, token=token, thorough=True
            )
            yield HostedBot(deps, store, upstream, as_comment, self.signer)

    def run(self, name: str = "bot") -> dict[int, Outcome]:
        with self.bot(name) as bot:
            self.last = bot.run_once()
        return {int(outcome.id): outcome for outcome in self.last.outcomes}


def _below(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"registry/{path}": data for path, data in files.items()}


@contextlib.contextmanager
def on_forge(folder: Path, host: Hosted, vendor: Vendor = Vendor.GITHUB) -> Iterator[HostedDesk]:
    """A registry of the story on a forge that is served; git in the test must be allowed `file:http`."""
    facade = simulated(vendor)
    forge = SimulatedForge(folder / "forge", facade.traits)
    forge.user("consortium", "Organization")
    registry = forge.repository("consortium/registry")
    registry.roles |= {"admin": "admin", BOT: "write"}
    git.git(registry.path, "fetch", "-q", str(host.path), "main:main")
    root = f"sha256:{sha256(host.world.files['root/1.yml'])}"
    with serving(forge, facade.blueprint):
        yield HostedDesk(folder, vendor, forge, registry, host.world, root, forge.token(BOT))


def recorder(desk: HostedDesk) -> SshKeygenSigner:
    """The key that the tests' roots name as recorder."""
    return SshKeygenSigner(key_file(desk.folder / "keys" / "recorder", "recorder"))
