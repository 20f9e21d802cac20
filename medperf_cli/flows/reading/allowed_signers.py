"""What stock `ssh-keygen -Y verify` needs to check every file of a registry."""

from __future__ import annotations

from collections.abc import Sequence

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.core.names import Kind
from medperf_cli.flows.reading.verified_index import reading

_OWN = (
    Kind.MEMBER,
    Kind.CUBE,
    Kind.BENCHMARK,
    Kind.DATASET,
    Kind.ASSOCIATION,
    Kind.RESULT,
    Kind.RELEASE,
    Kind.DECISION,
)
_ADMIN = (Kind.ROOT, Kind.REDACTION, Kind.DECISION)
_CLOSING = "closing"
"""A member's key also signs closings, which stand beside requests and are no files of the registry."""


def allowed_signers(settings: Settings) -> str:
    """Every key ever admitted, with the namespaces it may sign in (see ssh-keygen(1), ALLOWED SIGNERS).

    The principal is the member's name. It proves who signed; `medperf verify` proves that it counted.
    """
    with reading(settings) as (index, meta):
        everything = Filter(in_force=None)
        members = [r for r in index.entities(Kind.MEMBER, everything) if r.standing != "pending"]
        roots = index.entities(Kind.ROOT, everything)
    lines: set[str] = set()
    for row in members:
        for key in row.document["keys"]:
            lines.add(signers_line(row.id, key["key"], (*_OWN, _CLOSING), meta.registry))
    for row in roots:
        for admin in row.document["admins"]["members"]:
            lines.add(signers_line(admin["member"], admin["key"], _ADMIN, meta.registry))
        recorder = row.document.get("recorder")
        if recorder:
            lines.add(signers_line("recorder", recorder["key"], (Kind.RECORDED,), meta.registry))
    return "".join(sorted(lines))


def signers_line(principal: str, key: str, kinds: Sequence[str], registry: str) -> str:
    """One line: a name, the namespaces of exactly these kinds in this registry, and a public key text.

    Names, kinds and keys come from checked files: none holds a space, quote, comma or wildcard, which mean
    more than themselves in such a line.
    """
    namespaces = ",".join(f"{kind}.v1@{registry}" for kind in kinds)
    return f'{principal} namespaces="{namespaces}" {key}\n'
