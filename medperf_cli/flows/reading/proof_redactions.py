"""Redactions in what `verify` says: who signed one, and which of them took out a claim."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.adapters.store.index import Index
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.root_signing import tally_of
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.reading.proof_files import REPAIR, Files, Link


def signed_by_admins(files: Files, path: EntityPath, redaction: Redaction) -> Iterator[Link]:
    """Who signed a redaction, as admins of which root, and what it took out.

    Raises:
        IntegrityError: under no root as many admins signed it as that root requires.

    """
    stored = files.index.stored(str(path))
    signed = {str(path): stored.yml, **stored.signatures}
    for version in files.state.reader.versions(Kind.ROOT, "")[::-1]:
        root = files.entity(version)
        assert isinstance(root, Root)  # noqa: S101 - parsed as what its path says
        names = sorted(tally_of(root, path, root, signed).itself)
        if len(names) >= root.admins.threshold:
            why = f"enough under {version.stem}: {root.admins.threshold} of {len(root.admins.members)} admins"
            yield Link(f"signed by {', '.join(names)}", why, str(version))
            break
    else:
        raise IntegrityError(f"'{path}' is not signed by the admins it needs", hint=REPAIR)
    gone = tuple(Link(file.path) for file in redaction.files if file.path.endswith(".yml"))
    yield Link(f"took {len(gone)} entities out of history", f"reason: {redaction.reason}", None, gone)


def took_out(index: Index, path: EntityPath) -> EntityPath | None:
    """The redaction that took a version out of history, if one did."""
    number = 1
    while index.has(f"redactions/{number}.yml"):
        found = EntityPath(Kind.REDACTION, "", number)
        dropped = index.stored(str(found)).row.document["dropped"]
        if any(file["path"] == str(path) for group in dropped for file in group["files"]):
            return found
        number += 1
    return None
