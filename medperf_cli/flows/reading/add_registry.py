"""Making a local copy of a registry, pinned to the fingerprint of its first root."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.credentials import token_for
from medperf_cli.adapters.files import writing
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.remote import clone
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.settings import save
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import parse_path
from medperf_cli.errors import ConfigurationError, IntegrityError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import MAIN, ROOT_ONE, Place, opened, write_pin
from medperf_cli.flows.reading.sync import Synced, sync

_PREFIX = "sha256:"


@dataclass(frozen=True)
class Added:
    """The registry now in use."""

    registry: str
    title: str
    root: str
    synced: Synced


def add_registry(deps: Deps, url: str, root: str | None) -> Added:
    """Clone a registry, pin its root, verify all of its history, and use it from now on.

    Args:
        deps: the world.
        url: any address git understands.
        root: `sha256:…` of `root/1.yml`, from somebody trusted; None shows it and asks.

    Raises:
        NetworkError: the address does not answer.
        IntegrityError: the root is another one, or history is not lawful.

    """
    wanted = _fingerprint(root)
    if not url.strip():
        raise UsageError(
            "the address is empty", hint="give the registry's address, as its admins published it"
        )
    folder = deps.settings.home / "registries"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    token = token_for(url, deps.settings.forge_token_file)
    mirror, refspecs = Place(unfinished).mirror, [f"+refs/heads/main:{MAIN}"]
    try:
        with clone(url, mirror, refspecs, deps.talk.progress, token=token) as store:
            first, digest = _first_root(store)
            _pin(deps, first, digest, wanted)
            place = Place(folder / first.registry)
            _settle(place, unfinished, Meta(first.registry, _address(url), digest, 0, "", 0))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    settings = dataclasses.replace(deps.settings, registry=first.registry)
    try:
        synced = sync(dataclasses.replace(deps, settings=settings))
    except IntegrityError:
        _forget_unverified(place)
        raise
    save(deps.settings, {"registry": first.registry})
    return Added(first.registry, first.title, f"{_PREFIX}{digest}", synced)


def _settle(place: Place, unfinished: Path, meta: Meta) -> None:
    """Put a fresh clone in its place; a copy that is there already stays, with its ratchet."""
    if place.pin.exists():
        known = opened(place)
        if known.url != meta.url:
            raise ConfigurationError(
                f"registry {meta.registry} is here already, from '{known.address}'",
                hint=f"remove '{place.folder}' to begin anew (this forgets what was seen)",
            )
        return
    shutil.rmtree(place.folder, ignore_errors=True)
    with writing(place.folder):
        unfinished.rename(place.folder)
    write_pin(place, meta)
    opened(place)


def _forget_unverified(place: Place) -> None:
    """Leave nothing behind of a registry of which nothing could be verified."""
    if not opened(place).verified_commit:
        shutil.rmtree(place.folder, ignore_errors=True)


def _first_root(store: GitStore) -> tuple[Root, str]:
    head = store.rev(MAIN)
    data = None if head is None else store.snapshot(head).get(ROOT_ONE)
    if data is None:
        raise IntegrityError("there is no registry at this address", hint="ask for the address of a registry")
    root = parse(parse_path(ROOT_ONE), data)
    if not isinstance(root, Root):
        raise IntegrityError("the file root/1.yml is not a root")
    return root, sha256(data)


def _pin(deps: Deps, root: Root, digest: str, wanted: str | None) -> None:
    if wanted == digest:
        return
    if wanted is not None:
        raise IntegrityError(
            f"the registry's root is sha256:{digest}, not the one named",
            hint="do not use it; ask the registry's admins for the address and fingerprint",
        )
    text = f"registry '{root.title}'\nroot fingerprint {_PREFIX}{digest}\n"
    text += "Compare it with what the registry's admins published elsewhere.\n"
    if not deps.interactive:
        raise UsageError(
            f"the root's fingerprint must be confirmed: {_PREFIX}{digest}",
            hint="compare it with what the admins published, then add --root",
        )
    if not deps.confirm(text):
        raise UsageError("the root was not confirmed; nothing was added")


def _fingerprint(text: str | None) -> str | None:
    if text is None:
        return None
    digest = text.removeprefix(_PREFIX).lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):  # noqa: PLR2004 - hex digits of SHA-256
        raise UsageError(f"'{text}' is not a fingerprint", hint="give --root sha256:<64 hex digits>")
    return digest


def _address(url: str) -> str:
    """A local path made absolute, so that it means the same from everywhere."""
    return str(Path(url).absolute()) if Path(url).exists() else url
