"""What admins sign together: every root from the one in force down to the pinned one, and redactions."""

from __future__ import annotations

from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.lifecycle.root_signing import Tally, missing, tally_of
from medperf_cli.core.names import EntityPath, Kind, parse_signature_path
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import IntegrityError, SignatureError
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


def redaction_signed(files: Files, path: EntityPath) -> Link:
    """Which admins signed a redaction: enough of the root in force when it entered, with the keys it names.

    Raises:
        IntegrityError: a signature is wrong, or they are not enough.

    """
    stored, signed = files.index.stored(str(path)), set[tuple[str, str]]()
    for text, armor in stored.signatures.items():
        try:
            key = signing_key(path, files.data(path), armor, files.meta.registry)
        except SignatureError as error:
            raise _unsigned(path) from error
        signed.add((parse_signature_path(text).admin or "", key))
    versions = files.state.reader.versions(Kind.ROOT, "")
    before = [root for root in versions if files.row(root).position < stored.row.position]
    admins = _root(files, before[-1]).admins if before else None
    named = set() if admins is None else {(a.member, a.key) for a in admins.members}
    if admins is None or not signed <= named or len(signed) < admins.threshold:
        raise _unsigned(path)
    why = f"{admins.threshold} of the admins in {before[-1].stem}, in force then, had to"
    return Link(f"signed by {', '.join(sorted(name for name, _ in signed))}", why, str(before[-1]))


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
