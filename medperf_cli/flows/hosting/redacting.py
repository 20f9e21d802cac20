"""Taking files out of a registry's history: what must go with them, and a history without all that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.rewriting import Group, Rewritten, rewrite
from medperf_cli.adapters.store.writing import Author, write_commit
from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.redacting import Reasons, closure
from medperf_cli.core.names import (
    EntityPath,
    Kind,
    PathError,
    parse_path,
    parse_signature_path,
    signature_path,
)
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import ConflictError, IntegrityError, RejectedError
from medperf_cli.flows.reading.judging import Stop, Stretch, judged
from medperf_cli.flows.reading.registry import ROOT_ONE

_SIGNATURES = "RED001"
"""The one rule that a draft may break: it is not signed yet."""
_BOT = Author("redaction", "redaction@registry.invalid")


@dataclass(frozen=True)
class Plan:
    """What a redaction takes out, with the reasons, and the bytes of its file, not signed yet."""

    path: EntityPath
    reasons: Reasons
    data: bytes


@dataclass(frozen=True)
class Applied:
    """What a redaction did to a repository: main before and now, and refs that may hold what went."""

    before: str
    now: str
    others: tuple[str, ...]


def plan(store: GitStore, head: str, wanted: Iterable[EntityPath], reason: str) -> Plan:
    """Find all that must go with the wanted entities, so that what is left of history is lawful.

    What rests on them goes too; then whatever the check still rejects in the history without these.

    Raises:
        UnknownIdError: one is not there.
        RejectedError: a root, a member or a redaction would have to go.

    """
    reader = Reader(store.snapshot(head))
    asked: Reasons = dict.fromkeys(wanted, "asked for")
    while True:
        gone = closure(reader, asked)
        rewritten = rewrite(store, head, _files(gone))
        path, data = _draft(reader, rewritten, gone, {"seen": store.registry_tree(head), "reason": reason})
        commit = _on_top(store, rewritten, {str(path): data}, head)
        stop = _stop(store, commit)
        if stop is None or (stop.commit == commit and {f.rule for f in stop.findings} == {_SIGNATURES}):
            return Plan(path, gone, data)
        asked |= _refused(reader, stop, gone)


def _files(gone: Iterable[EntityPath]) -> list[str]:
    return [text for path in gone for text in (str(path), str(signature_path(path)))]


def _draft(
    reader: Reader, rewritten: Rewritten, gone: Reasons, said: Mapping[str, Any]
) -> tuple[EntityPath, bytes]:
    """The redaction's path and bytes; `said` are the fields that somebody must say: seen and reason."""
    earlier = reader.versions(Kind.REDACTION, "")
    path = EntityPath(Kind.REDACTION, "", len(earlier) + 1)
    document: dict[str, Any] = {
        "schema": "redaction/1",
        "registry": reader.first_root.registry,
        "version": path.version,
        "previous": reader.digest(earlier[-1]) if earlier else None,
        **said,
        "dropped": _dropped(rewritten, {str(p): reader.digest(p) for p in gone}),
    }
    entity = validate(Kind.REDACTION, {k: v for k, v in document.items() if v is not None})
    return path, emit_entity(entity)


def _dropped(rewritten: Rewritten, digests: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """The groups as the file has them."""
    groups = []
    for group in rewritten.groups:
        named = [{"path": p, "blob": b, "sha256": digests.get(p)} for p, b in group.files]
        files = [{k: v for k, v in file.items() if v is not None} for file in named]
        groups.append({"position": group.position, "before": group.before, "files": files})
    return groups


def _on_top(store: GitStore, rewritten: Rewritten, files: Mapping[str, bytes], head: str) -> str:
    """The commit that ends a rewritten history with its redaction, dated as main was."""
    date = store.commit_time(head)
    return write_commit(store, rewritten.head, files, "redaction", author=_BOT, date=date)


def _stop(store: GitStore, head: str) -> Stop | None:
    """Where judging a whole history stops, with the redactions at its head taken for granted."""
    chain = store.first_parents(head)[::-1]
    begin = next(
        (n for n, commit in enumerate(chain) if store.snapshot(commit).get(ROOT_ONE) is not None), None
    )
    if begin is None:
        raise IntegrityError("there is no registry here")
    until = chain[begin - 1] if begin else None
    return judged(store, Stretch(until, chain[begin:], head)).stop


def _refused(reader: Reader, stop: Stop, gone: Reasons) -> Reasons:
    """What of the history without these is not lawful any more, and must go too."""
    found: Reasons = {}
    for finding in stop.findings:
        for path in _entities(finding.path):
            if path not in gone and reader.digest(path) is not None:
                found[path] = f"not lawful without what goes: {finding.message} ({finding.rule})"
    if not found:
        said = stop.error or f"{stop.findings[0].path}: {stop.findings[0].message}"
        raise RejectedError(f"history cannot be rewritten lawfully: commit {stop.commit[:12]}: {said}")
    return found


def _entities(text: str) -> list[EntityPath]:
    try:
        return [parse_path(text) if text.endswith(".yml") else parse_signature_path(text).entity]
    except PathError:
        return []


def fitting(store: GitStore, head: str, redaction: Redaction) -> Rewritten:
    """The history of `head` without what a redaction takes out.

    Raises:
        ConflictError: it does not hold exactly these files where the redaction says.

    """
    rewritten = rewrite(store, head, [file.path for file in redaction.files])
    given = tuple(
        Group(g.position, g.before, tuple((f.path, f.blob) for f in g.files)) for g in redaction.dropped
    )
    if rewritten.groups != given:
        raise ConflictError(
            "main does not hold what this redaction takes out, or not where it says",
            hint="draft it anew with `medperf registry redact`",
        )
    return rewritten


def apply(store: GitStore, redaction: Redaction, files: Mapping[str, bytes]) -> Applied:
    """Rewrite main of a repository as a signed redaction says, with the redaction as its last commit.

    Args:
        store: the repository; its hooks are not asked, for they never let history be rewritten.
        redaction: what to take out.
        files: the redaction's file and signatures, by path.

    Raises:
        ConflictError: main moved on so that the draft does not fit any more.
        RejectedError: it is not signed by enough admins, or the new history is not lawful.

    """
    head = store.rev(MAIN)
    if head is None:
        raise IntegrityError("the repository has no branch 'main'")
    rewritten = fitting(store, head, redaction)
    commit = _on_top(store, rewritten, files, head)
    stop = _stop(store, commit)
    if stop is not None:
        said = "; ".join(f"{f.path}: {f.message} ({f.rule})" for f in stop.findings) or stop.error
        raise RejectedError(
            f"the history without these files would not be lawful: {said}",
            hint="collect the missing signatures; if main moved on, draft it anew",
        )
    store.update_ref(MAIN, commit, head)
    others = tuple(sorted(name for name in store.refs() if name != MAIN))
    return Applied(head, commit, others)
