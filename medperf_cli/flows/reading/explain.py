"""One claim as a chain: file, signature, key, the member's admission, the decisions, the pinned root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Meta, Row, StoredEntity
from medperf_cli.core.evidence import evidence
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import EntityPath, Kind, PathError, parse_path, parse_signature_path
from medperf_cli.core.sshsig import parse_public_key
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import IntegrityError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.verified_index import reading


@dataclass(frozen=True)
class Link:
    """One link of the chain: what is so, and why it is known."""

    what: str
    why: str


def explain(deps: Deps, claim: str) -> list[Link]:
    """Check one file of the registry again and say why it counts (or not).

    Args:
        deps: the world.
        claim: a path such as `results/…/1.yml` (with or without `registry/` and `.yml`).

    Raises:
        UsageError: it is no path of a registry.
        UnknownIdError: no such file.
        IntegrityError: the stored bytes and signatures do not fit each other.

    """
    try:
        path = parse_path(claim.removeprefix("registry/").removesuffix(".yml") + ".yml")
    except PathError as error:
        raise UsageError(str(error), hint="`ls --json` of each group shows paths") from None
    with reading(deps.settings) as (index, meta):
        return list(_chain(index, meta, path))


def _chain(index: Index, meta: Meta, path: EntityPath) -> Iterator[Link]:
    stored = index.stored(str(path))
    yield Link(f"file registry/{path}", f"sha256 {sha256(stored.yml)}")
    yield from _signed(stored, meta)
    yield Link(f"entered in commit {stored.row.commit}", "replayed through the check on this machine")
    yield from _decided(index, meta, stored.row)
    if path.kind is Kind.RESULT:
        yield from _takes_part(index, meta, stored.row)
    if path.signer is not None and path.kind is not Kind.MEMBER:
        yield from _admitted(index, meta, path.signer)
    yield Link(f"root sha256:{meta.root_sha256}", "pinned when the registry was added")
    force = "in force" if stored.row.in_force else "not in force"
    yield Link(f"standing: {stored.row.standing}, {force}", f"at commit {meta.verified_commit}")


def _signed(stored: StoredEntity, meta: Meta) -> Iterator[Link]:
    path = parse_path(stored.row.path)
    if not stored.signatures:
        raise IntegrityError(f"'{path}' has no signature in the index", hint="run `medperf registry sync`")
    for name, armor in stored.signatures.items():
        key = parse_public_key(signing_key(path, stored.yml, armor, meta.registry))
        yield Link(f"signed by {_who(path, name)}", f"key {key.fingerprint}, registry/{name}")


def _who(path: EntityPath, signature: str) -> str:
    """Whose signature it is: the member's, the admin's, or the recorder's."""
    return path.signer or parse_signature_path(signature).admin or "the recorder that the root names"


def _decided(index: Index, meta: Meta, row: Row) -> Iterator[Link]:
    for vote in index.votes(row.path):
        list(_signed(index.stored(vote.path), meta))
        found = evidence(parse_path(vote.path), vote.document)
        authority = vote.document.get("authority", {}).get("path", "no role")
        yield Link(
            f"{found.member} decided: {found.verdict}",
            f"{found.says}; registry/{vote.path}, under {authority}, key {vote.fingerprint}",
        )


def _takes_part(index: Index, meta: Meta, result: Row) -> Iterator[Link]:
    """The associations a result rests on, with who approved them; a reference model needs none."""
    names = result.id.split("/")
    benchmark, model, dataset = ("/".join(names[at : at + 2]) for at in (0, 2, 4))
    wanted = (f"{benchmark}/models/{model}", f"{benchmark}/datasets/{dataset}")
    for row in index.entities(Kind.ASSOCIATION, Filter(in_force=None, benchmark=benchmark)):
        if row.id in wanted:
            what = f"{row.id.removeprefix(f'{benchmark}/')} takes part in {benchmark}: {row.standing}"
            yield Link(what, f"registry/{row.path}, entered in commit {row.commit[:12]}")
            yield from _decided(index, meta, row)


def _admitted(index: Index, meta: Meta, member: str) -> Iterator[Link]:
    first = index.get(Kind.MEMBER, member, 1)
    yield Link(f"{member} is a member", f"registry/{first.path}, entered in commit {first.commit[:12]}")
    yield from _decided(index, meta, first)
