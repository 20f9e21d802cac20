"""Founding a registry for a hosted forge: a working tree whose main begins with scaffold and genesis."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.forge.address import ForgeAddress, forge_address
from medperf_cli.adapters.store.git import local_error
from medperf_cli.adapters.store.remote import expect_free, init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import save
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import GITATTRIBUTES, REGISTRY_DIR
from medperf_cli.core.requests import MAIN
from medperf_cli.core.snapshot import MAX_FILE
from medperf_cli.errors import ConfigurationError, RejectedError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.founding.genesis import Charter, genesis_files, paths_of, preview, root_of, unsigned
from medperf_cli.flows.founding.scaffold import Site, scaffold_files
from medperf_cli.flows.hosting.receive import lines
from medperf_cli.flows.reading.registry import ROOT_ONE

FORGE_SETTING = "medperf.forge"
"""In the working tree's own git configuration: whose forge `origin` is on."""
_ORIGIN = "remote.origin.url"


@dataclass(frozen=True)
class Founded:
    """A founding as it stands: `waiting` are admins who must sign before main holds the registry."""

    path: Path
    title: str
    root: str
    address: ForgeAddress
    url: str
    waiting: tuple[str, ...]


def found_on_forge(deps: Deps, path: Path, charter: Charter, site: Site) -> Founded | None:
    """Make the working tree, and the registry's first commit if nobody else must sign; None on no.

    It stands at `path` only when it is whole.

    Raises:
        UsageError: an option is missing or wrong.
        ConfigurationError: no key is chosen, or the folder cannot be used.

    """
    expect_free(path)
    genesis = genesis_files(deps, charter)
    scaffold = scaffold_files(site, charter.title, f"sha256:{sha256(genesis[ROOT_ONE])}")
    if not deps.confirm(preview(path, scaffold.keys(), genesis)):
        return None
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with init(unfinished, bare=False) as store:
            _configure(store, site)
            _write(unfinished, {**scaffold, **_below(genesis)})
            root = root_of(genesis[ROOT_ONE])
            author = _author(root, charter.founder)
            commit = write_commit(
                store, None, scaffold, "Scaffold the registry", author=author, date=deps.clock(), folder=""
            )
            store.update_ref(MAIN, commit, None)
            store.git.read("read-tree", commit)
        with writing(path):
            unfinished.replace(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    save(deps.settings, {"member": charter.founder})
    return carry_on(deps, path)


def is_founded(path: Path) -> bool:
    """Whether a founding stands at `path`, finished or not."""
    return (path / ".git").is_dir() and (path / REGISTRY_DIR / ROOT_ONE).is_file()


def carry_on(deps: Deps, path: Path, *, look: bool = False) -> Founded:
    """Make the commit that begins the registry once every admin has signed; made once, it stays as it is.

    Args:
        deps: the world.
        path: where the founding stands.
        look: only say how it stands.

    Raises:
        RejectedError: what lies there does not begin a registry, such as a signature over another root.
        ConfigurationError: it was not made by this tool.

    """
    with GitStore(path) as store:
        head = store.rev(MAIN)
        if head is None:
            raise ConfigurationError(f"'{path}' has no branch main", hint="name a new folder")
        begun = store.registry_tree(head) is not None
        files = {} if begun else read_genesis(path / REGISTRY_DIR)
        data = (store.snapshot(head).get(ROOT_ONE) or b"") if begun else files[ROOT_ONE]
        root = root_of(data)
        waiting = () if begun else unsigned(root, files)
        if not begun and not waiting and not look:
            _begin(deps, store, head, files)
        if not waiting and not look:
            _match_index(store)
        address, url = address_of(store)
    return Founded(path, root.title, f"sha256:{sha256(data)}", address, url, waiting)


def read_genesis(folder: Path) -> dict[str, bytes]:
    """The files of a first commit in a folder `registry`, as many as are there (raises DocumentError)."""
    files = {ROOT_ONE: _read(folder / ROOT_ONE)}
    wanted = [
        GITATTRIBUTES,
        *(path for paths in paths_of(root_of(files[ROOT_ONE])).values() for path in paths),
    ]
    return files | {path: _read(folder / path) for path in wanted if (folder / path).is_file()}


def address_of(store: GitStore) -> tuple[ForgeAddress, str]:
    """The forge and address of a founded registry, as its working tree remembers them."""
    words = [
        store.git.local("config", "--get", name).stdout.decode().strip() for name in (FORGE_SETTING, _ORIGIN)
    ]
    address = forge_address(words[1], words[0] or "auto")
    if address is None:
        raise ConfigurationError(
            f"'{store.path}' does not say where it is hosted", hint="`git remote add origin URL` there"
        )
    return address, words[1]


def _begin(deps: Deps, store: GitStore, head: str, files: Mapping[str, bytes]) -> None:
    root = root_of(files[ROOT_ONE])
    author = _author(root, root.admins.members[0].member)
    commit = write_commit(store, head, files, "the registry begins", author=author, date=deps.clock())
    report = check(store.change(head, commit), sorts=CONSENSUS)
    if report.verdict is Verdict.REJECT:
        raise RejectedError(
            "\n  ".join(["this does not begin a registry:", *lines(report.findings)]),
            hint="who signed something else signs again: `medperf registry sign-root`",
        )
    store.update_ref(MAIN, commit, head)


def _match_index(store: GitStore) -> None:
    """Let git know that what begins the registry is committed, also where we were killed in between."""
    if not store.git.read("ls-files", "--", f"{REGISTRY_DIR}/{ROOT_ONE}"):
        store.git.read("read-tree", MAIN)


def _configure(store: GitStore, site: Site) -> None:
    settings = {
        _ORIGIN: site.url,
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        FORGE_SETTING: site.address.vendor,
    }
    for name, value in settings.items():
        done = store.git.local("config", name, value)
        if done.code != 0:
            raise local_error(store.git.directory, done.stderr)


def _author(root: Root, founder: str) -> Author:
    return Author(founder, f"{founder}@{root.registry}")


def _below(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{REGISTRY_DIR}/{path}": data for path, data in files.items()}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        file = folder / name
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def _read(file: Path) -> bytes:
    with writing(file), file.open("rb") as opened:
        return opened.read(MAX_FILE + 1)
