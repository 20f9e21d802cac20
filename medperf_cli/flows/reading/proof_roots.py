"""Every root from the one in force down to the pinned one: its signatures, and that it follows the last."""

from __future__ import annotations

from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.lifecycle.root_signing import Tally, missing, tally_of
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.reading.proof_files import REPAIR, Files, Link


def roots(files: Files) -> tuple[Link, ...]:
    """The roots, newest first, each verified against the one before it.

    Raises:
        IntegrityError: a signature is missing or wrong, or the first is not the pinned one.

    """
    versions = files.state.reader.versions(Kind.ROOT, "")
    if not versions or versions[0].version != 1 or versions[-1].version != len(versions):
        raise IntegrityError("a root is missing in the index", hint=REPAIR)
    return tuple(_first(files, path) if path.version == 1 else _later(files, path) for path in versions[::-1])


def _first(files: Files, path: EntityPath) -> Link:
    root = _root(files, path)
    if sha256(files.data(path)) != files.meta.root_sha256 or root.registry != files.meta.registry:
        raise IntegrityError(f"'{path}' is not the root that was pinned", hint=REPAIR)
    found = _tally(files, path, root, root)
    admins = {admin.member for admin in root.admins.members}
    if found.faults or found.itself != admins:
        raise _unsigned(path)
    why = f"the one pinned on this machine: sha256 {files.meta.root_sha256}"
    return Link(f"root 1, signed by all its admins: {', '.join(sorted(admins))}", why, str(path))


def _later(files: Files, path: EntityPath) -> Link:
    before, root = _root(files, path.at(path.version - 1)), _root(files, path)
    found = _tally(files, path, before, root)
    if root.previous != sha256(files.data(path.at(path.version - 1))):
        raise IntegrityError(f"'{path}' does not follow the root before it", hint=REPAIR)
    if found.faults or missing(found, before.admins, root.admins):
        raise _unsigned(path)
    signers = ", ".join(sorted(found.replaced | found.itself))
    why = f"{before.admins.threshold} of the admins before, and {root.admins.threshold} of its own, had to"
    return Link(f"root {path.version}, signed by {signers}", why, str(path))


def _root(files: Files, path: EntityPath) -> Root:
    found = files.entity(path)
    assert isinstance(found, Root)  # noqa: S101 - parsed as what its path says
    return found


def _tally(files: Files, path: EntityPath, before: Root, root: Root) -> Tally:
    stored = files.index.stored(str(path))
    signed = {str(path): stored.yml, **stored.signatures}
    return tally_of(before, path, root, signed)


def _unsigned(path: EntityPath) -> IntegrityError:
    return IntegrityError(f"'{path}' is not signed by the admins it needs", hint=REPAIR)
