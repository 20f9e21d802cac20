"""What checks of a hosted registry look at: its address, its forge, and what stands in main there."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.api import Account, ForgeApi, Protection, Vendor
from medperf_cli.adapters.store.remote import default_branch, fetch, init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.tree_entries import TREE
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.core.requests import MAIN
from medperf_cli.core.snapshot import MAX_FILE
from medperf_cli.errors import ConfigurationError, MedperfError, NetworkError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.founding.scaffold import OWNERS_FILE
from medperf_cli.flows.reading.registry import ROOT_ONE

T = TypeVar("T")
SECONDS = 60.0
"""How long all checks of a hosted registry together may take."""
_ASKING = 20.0
_PUSH = "push it from the folder that `medperf registry init` made: `git push --set-upstream origin main`"
_LOOKED_AT = "refs/remotes/origin/main"
_MOST_FILES = 200
_FOLDERS = {
    Vendor.GITHUB: (".github",),
    Vendor.GITLAB: (".gitlab", "ci"),
    Vendor.FORGEJO: (".forgejo", ".github"),
}
"""Where workflows stand; `.gitlab-ci.yml` and owners of code are looked at too."""


class Once(Generic[T]):
    """What a call gives, or raises, found out once however many checks ask."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._found: T | None = None
        self._error: MedperfError | None = None

    def __call__(self) -> T:
        """Ask, or say again what came of it (raises what the call raised)."""
        with self._lock:
            if self._found is None and self._error is None:
                try:
                    self._found = self._call()
                except MedperfError as error:
                    self._error = error
            if self._error is not None:
                raise self._error
            assert self._found is not None  # noqa: S101 - one of both is there
            return self._found


@dataclass(frozen=True)
class Main:
    """What stands in a registry's main: root 1's digest (None: no registry), and files beside the registry.

    `default` is the branch that the forge shows first.
    """

    commit: str
    default: str | None
    root: str | None
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Hosting:
    """A hosted registry as its checks look at it; `address` and what asks the forge are None on bare git.

    `expected` is the digest that the root must have, where that is known; `bots` are those who may push.
    """

    deps: Deps
    url: str
    address: ForgeAddress | None
    main: Once[Main]
    account: Once[Account] | None
    protection: Once[Protection] | None
    expected: str | None
    bots: frozenset[str]

    @property
    def folder(self) -> Path | None:
        """The bare repository, where it stands on this machine."""
        path = Path(self.url.removeprefix("file://"))
        return path if (path / "objects").is_dir() else None


def hosting(
    deps: Deps,
    url: str,
    forge: tuple[ForgeAddress, ForgeApi] | None,
    token: Token | None,
    *,
    expected: str | None = None,
    bots: frozenset[str] = frozenset(),
) -> Hosting:
    """What is looked at, all of it only when it is asked for.

    Args:
        deps: the world.
        url: the registry's address.
        forge: its repository on a hosted forge, and who asks that; None on bare git.
        token: for git.
        expected: the SHA-256 of the registry's root 1, where it is known.
        bots: who may push to main, where that is known.

    """
    address, api = forge or (None, None)
    return Hosting(
        deps=deps,
        url=url,
        address=address,
        main=Once(lambda: _main(url, address, token)),
        account=None if api is None else Once(api.whoami),
        protection=None if api is None else Once(api.protection),
        expected=expected,
        bots=bots,
    )


def _main(url: str, address: ForgeAddress | None, token: Token | None) -> Main:
    """Fetch main's newest commit alone and read what checks ask for."""
    default = default_branch(url, seconds=_ASKING, token=token)
    with tempfile.TemporaryDirectory(prefix="medperf-") as folder, init(Path(folder) / "looked-at") as store:
        try:
            fetch(store, url, [f"+{MAIN}:{_LOOKED_AT}"], token=token, depth=1)
        except NetworkError as error:
            if "couldn't find remote ref" not in error.message:
                raise
            raise ConfigurationError("there is no branch 'main' yet", hint=_PUSH) from error
        commit = store.rev(_LOOKED_AT) or ""
        root = store.snapshot(commit).get(ROOT_ONE)
        files = {} if address is None else _files(store, commit, address.vendor)
    return Main(commit, default, None if root is None else sha256(root), files)


def _files(store: GitStore, commit: str, vendor: Vendor) -> dict[str, bytes]:
    """The files beside the registry by which a forge is told what to run and whom to ask."""
    tree, found = store.commit(commit).tree, dict[str, str]()
    for name in (OWNERS_FILE[vendor], ".gitlab-ci.yml", ".gitattributes"):
        entry = store.trees.find(tree, name.encode())
        if entry is not None and entry.mode != TREE:
            found[name] = entry.oid
    for folder in _FOLDERS[vendor]:
        top = store.trees.find(tree, folder.encode())
        if top is not None and top.mode == TREE and folder != REGISTRY_DIR:
            inside = (
                (f"{folder}/{name.decode(errors='replace')}", e) for name, e in store.trees.walk(top.oid)
            )
            found |= {name: entry.oid for name, entry in inside}
    oids = list(dict.fromkeys(found.values()))[:_MOST_FILES]
    sizes = store.reader.sizes(oids)
    blobs = store.reader.read(
        [oid for oid in oids if sizes.get(oid, MAX_FILE + 1) <= MAX_FILE], "blob", MAX_FILE
    )
    return {name: blobs.get(oid, b"") for name, oid in found.items()}
