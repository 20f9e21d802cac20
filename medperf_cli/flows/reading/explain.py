"""One claim as a chain: file, signature, key, the member's admission, the decisions, the pinned root."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.decision import Decision
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.entities.result import Result
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.lifecycle.requirement import Role
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.asked import read_asked
from medperf_cli.flows.reading.claims import claim_of
from medperf_cli.flows.reading.proof_files import REPAIR, Files, Link
from medperf_cli.flows.reading.proof_redactions import taken_out
from medperf_cli.flows.reading.proof_roots import redaction_signed, roots
from medperf_cli.flows.reading.proof_votes import Votes
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.verified_index import reading

_PAGE_NOT_CHECKED = "whether the page shows what this file says: nothing was fetched"
NOT_CHECKED = (
    "that every change was lawful when it was made: sync judged it, `medperf registry verify` does so again",
    "whether what the file says is true: its signer answers for that",
    "whether something newer was withheld from this machine",
)
"""What a chain does not prove, said with every one of them."""


@dataclass(frozen=True)
class Explained:
    """A claim: what was meant, which version that is, how it stands, why, and what was not checked.

    `commit` is the verified one, of the forge's time `as_of`.
    """

    meant: str
    path: str
    sha256: str
    standing: str
    in_force: bool
    commit: str
    as_of: str
    links: tuple[Link, ...]
    not_checked: tuple[str, ...] = NOT_CHECKED

    @property
    def counts(self) -> str:
        """Whether it counts, in words."""
        if self.standing == "pending":
            return "does not count: decisions are missing"
        if self.standing != "effective":
            return f"counts no more: {self.standing}"
        return "counts, and is in force" if self.in_force else "counted, and was replaced by a later version"

    def document(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "meant": self.meant,
            "path": self.path,
            "sha256": self.sha256,
            "standing": self.standing,
            "in_force": self.in_force,
            "counts": self.counts,
            "verified_commit": self.commit,
            "as_of": self.as_of,
            "links": [link.document() for link in self.links],
            "not_checked": list(self.not_checked),
        }


def explain(deps: Deps, claim: str) -> Explained:
    """Check one version again, from the stored bytes and signatures, and say why it counts (or not).

    Args:
        deps: the world.
        claim: a path, an id or a part of one, a file, or the address of a page (see `claims`).

    Raises:
        UsageError, UnknownIdError: it means nothing, or more than one thing.
        IntegrityError: it is a file whose bytes are not in the registry; or the stored bytes, signatures and
            standing do not fit each other.

    """
    with reading(deps.settings) as (index, meta):
        found = claim_of(index, meta, read_asked(place(deps.settings)), claim)
        done = _explained(index, meta, found.path, found.meant)
    return replace(done, not_checked=(_PAGE_NOT_CHECKED, *done.not_checked)) if found.page else done


def _explained(index: Index, meta: Meta, path: EntityPath, meant: str) -> Explained:
    files = Files(index, meta)
    down = roots(files)  # first: without them nothing else means anything
    entity = files.entity(path)
    standing, in_force = files.standing(path)
    links = tuple(_Chain(files).links(path, entity, down))
    as_of = dt.datetime.fromtimestamp(meta.clock, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = sha256(files.data(path))
    return Explained(meant, str(path), digest, standing, in_force, meta.verified_commit, as_of, links)


class _Chain:
    """The links of one version."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._votes = Votes(files)

    def links(self, path: EntityPath, entity: Entity, down: tuple[Link, ...]) -> Iterator[Link]:
        """What a version rests on, `down` to the pinned root."""
        votes = self._votes.about(path)
        if isinstance(entity, Redaction):
            yield redaction_signed(self._files, path)
            yield taken_out(entity)
        elif path.kind is not Kind.ROOT:
            yield self._signed(path)
        yield from self._rests_on(path, entity)
        yield from votes
        row = self._files.row(path)
        commit = f"commit {row.commit}, which every rule let pass when this machine synced"
        yield Link(f"entered the registry on {_day(row.time)}", commit)
        yield Link("the roots, down to the pinned one", "who decides who may decide", None, down)

    def _signed(self, path: EntityPath) -> Link:
        if path.kind is Kind.RECORDED:
            key = parse_public_key(self._files.signed_with(path)).fingerprint
            return Link("signed by the merge bot", f"key {key}", f"{path.stem}.sig")
        key, member = self._files.key(path), path.signer or ""
        why = f"key {parse_public_key(key).fingerprint}, {self._files.key_now(member, key)}"
        admitted = tuple(self._admitted(path, member, key))
        return Link(f"signed by {member}", why, f"{path.stem}.sig", admitted)

    def _admitted(self, path: EntityPath, member: str, key: str) -> Iterator[Link]:
        """The version of a member that brought a key, and who admitted it."""
        first = next((version for version, held in self._files.held(member) if held.key == key), None)
        if first is None or first == path:
            return
        self._files.entity(first)
        self._files.key(first)
        again = "see above" if self._votes.told(first) else ""
        votes = self._votes.about(first)
        founder = not votes and not again and self._files.state.role(first) is Role.NOBODY
        why = "an admin of the first root" if founder else again
        yield Link(f"this key of {member} was admitted", why, str(first), votes)

    def _rests_on(self, path: EntityPath, entity: Entity) -> Iterator[Link]:
        if isinstance(entity, Decision):
            subject = self._files.pinned(entity.subject)
            what = f"about exactly {subject.stem}, which is {self._files.standing(subject)[0]}"
            yield Link(what, f"sha256 {entity.subject.sha256}", str(subject), self._votes.about(subject))
        elif isinstance(entity, Association):
            for what, pin in (("benchmark", entity.benchmark), (path.parts[2][:-1], entity.subject)):
                pinned = self._files.pinned(pin)
                yield Link(f"about exactly this {what}: {pinned.stem}", f"sha256 {pin.sha256}", str(pinned))
        elif isinstance(entity, Result):
            for pin in (entity.benchmark, entity.model, entity.dataset):
                pinned = self._files.pinned(pin)
                yield Link(f"of exactly {pinned.stem}", f"sha256 {pin.sha256}", str(pinned))
            yield from self._take_part(path, entity)

    def _take_part(self, path: EntityPath, result: Result) -> Iterator[Link]:
        """That the benchmark let model and dataset in, and who decided it."""
        benchmark, model, dataset = ("/".join(path.parts[at : at + 2]) for at in (0, 2, 4))
        for side, subject in (("models", model), ("datasets", dataset)):
            found = self._files.state.latest(Kind.ASSOCIATION, f"{benchmark}/{side}/{subject}")
            if found is None:
                self._expect_reference(result, side, subject)
                yield Link(f"{subject} takes part as the benchmark's reference model")
                continue
            self._files.entity(found)
            key = parse_public_key(self._files.key(found)).fingerprint
            policy = self._files.state.role(found) is Role.NOBODY
            why = f"{found.signer} asked for it, with key {key}" + (", and the policy let it in" * policy)
            what = f"{subject} takes part in {benchmark}: {self._files.standing(found)[0]}"
            yield Link(what, why, str(found), self._votes.about(found))

    def _expect_reference(self, result: Result, side: str, subject: str) -> None:
        """See that what takes part without having asked is the reference model (raises IntegrityError)."""
        benchmark = self._files.entity(self._files.pinned(result.benchmark))
        pin = benchmark.cubes.reference_model if isinstance(benchmark, Benchmark) else None
        if side != "models" or pin is None or pin.entity.id != subject:
            raise IntegrityError(f"by the files '{subject}' takes no part in the benchmark", hint=REPAIR)


def _day(time: int) -> str:
    return f"{dt.datetime.fromtimestamp(time, dt.UTC):%Y-%m-%d}, by the forge's clock"
