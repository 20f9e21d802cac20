"""Who must decide about a version before it counts; a function of the tree alone."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from medperf_cli.core.entities.association import Association
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.header import Entity, State
from medperf_cli.core.entities.member import Member
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.names import EntityPath, Kind

BENCHMARK_OWNER_FIELDS = frozenset(
    {
        "title",
        "description",
        "clinical_task",
        "population",
        "docs_url",
        "annotation_methodology",
        "terms_of_use",
        "priorities",
    }
)
APPROVED_BY_OTHERS = frozenset({Kind.MEMBER, Kind.BENCHMARK, Kind.ASSOCIATION})
"""Kinds for which `approving_role` may name anybody; of all others it is known without reading them."""
HEADER_FIELDS = frozenset({"schema_", "registry", "id", "version", "previous", "seen"})


class Role(enum.StrEnum):
    """Who decides."""

    NOBODY = "nobody"
    ADMINS = "admins"
    COMMITTEE = "committee"


@dataclass(frozen=True)
class Body:
    """The people of one authority version and how many of them decide together."""

    members: frozenset[str]
    threshold: int

    def counted(self, votes: Collection[str], requester: str | None, *, admins: bool) -> set[str]:
        """The votes that count: the body's members, without the requester where enough others remain."""
        counted = set(votes) & self.members
        others = self.members - {requester}
        if requester is not None and not (admins and len(others) < self.threshold):
            counted.discard(requester)
        return counted


def changed_fields(old: Entity, new: Entity) -> set[str]:
    """The names of the fields in which two versions differ, the header left out."""
    names = set(type(new).model_fields) - HEADER_FIELDS
    return {name for name in names if getattr(old, name) != getattr(new, name)}


def only_revokes(old: Member, new: Member) -> bool:
    """Whether a member's new version does nothing but revoke keys."""
    if changed_fields(old, new) != {"keys"} or len(old.keys) != len(new.keys):
        return False
    pairs = list(zip(old.keys, new.keys, strict=True))
    same = all((a.key, a.label) == (b.key, b.label) for a, b in pairs)
    return same and all(a.revoked in (None, b.revoked) for a, b in pairs)


def approving_role(reader: Reader, path: EntityPath, replaced: EntityPath | None) -> Role:
    """Who approves the version at `path`.

    Args:
        reader: a registry that holds the version.
        path: the version.
        replaced: the version it replaces, if that one counts.

    """
    entity = reader.entity(path)
    if isinstance(entity, Member):
        return _member_role(reader, path, entity, reader.member(replaced))
    if isinstance(entity, Benchmark):
        return _benchmark_role(entity, reader.benchmark(replaced))
    if isinstance(entity, Association):
        benchmark = reader.benchmark(entity.benchmark.entity)
        if benchmark is None:
            return Role.COMMITTEE
        policy = benchmark.association_policy
        admission = policy.datasets if path.parts[2] == "datasets" else policy.models
        return Role.NOBODY if admission.admits(path.signer or "") else Role.COMMITTEE
    return Role.NOBODY


def _member_role(reader: Reader, path: EntityPath, member: Member, old: Member | None) -> Role:
    founders = {admin.member for admin in reader.first_root.admins.members}
    if path.version == 1 and member.seen is None and path.id in founders:
        return Role.NOBODY
    return Role.NOBODY if old is not None and only_revokes(old, member) else Role.ADMINS


def _benchmark_role(benchmark: Benchmark, old: Benchmark | None) -> Role:
    if old is None or old.state is State.DEVELOPMENT:
        return Role.ADMINS
    if changed_fields(old, benchmark) <= BENCHMARK_OWNER_FIELDS:
        return Role.NOBODY
    return Role.COMMITTEE


def revoking_role(kind: Kind) -> Role:
    """Who may revoke what is in force."""
    if kind in (Kind.ASSOCIATION, Kind.RESULT, Kind.RELEASE):
        return Role.COMMITTEE
    return Role.ADMINS


def benchmark_id(path: EntityPath) -> str:
    """The benchmark a benchmark, association, result or release belongs to."""
    return "/".join(path.parts[:2])


def body(reader: Reader, authority: EntityPath) -> Body | None:
    """The people a root or benchmark version gives a role to; None for anything else."""
    entity = reader.entity(authority)
    if isinstance(entity, Root):
        return Body(frozenset(a.member for a in entity.admins.members), entity.admins.threshold)
    if isinstance(entity, Benchmark):
        return Body(frozenset(entity.committee.members), entity.committee.threshold)
    return None


def gives_role(authority: EntityPath, role: Role, subject: EntityPath) -> bool:
    """Whether an authority is of the sort that gives `role` over `subject`."""
    if role is Role.ADMINS:
        return authority.kind is Kind.ROOT
    return (
        role is Role.COMMITTEE and authority.kind is Kind.BENCHMARK and authority.id == benchmark_id(subject)
    )
