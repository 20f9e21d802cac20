"""Who must still act before something takes effect: role, how many, and who may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from medperf_cli.core.entities.decision import Decision, DecisionVerdict
from medperf_cli.core.entities.recorded import Recorded
from medperf_cli.core.lifecycle.requirement import Role, revoking_role
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import EntityPath, Kind


@dataclass(frozen=True)
class Waiting:
    """That `count` more of the members with `role` must give this verdict about the version at `path`."""

    path: EntityPath
    verdict: DecisionVerdict
    role: Role
    count: int
    members: tuple[str, ...]


def pending(state: Lifecycle, path: EntityPath) -> Waiting:
    """Who must still approve a version that is pending."""
    return _waiting(state, path, state.role(path), DecisionVerdict.APPROVE)


def undecided(after: Lifecycle, added: Iterable[EntityPath]) -> Iterator[Waiting]:
    """What still waits for votes in a registry as it would stand with these files of a request.

    That is what they add or approve, and what they revoke without enough votes yet.
    """
    approve, revoke = set[EntityPath](), set[EntityPath]()
    for path in added:
        match after.reader.entity(path):
            case Decision(verdict=DecisionVerdict.REVOKE):
                revoke.add(path.subject)
            case Decision() | Recorded():
                approve.add(path.subject)
            case _ if path.kind not in (Kind.ROOT, Kind.REDACTION):
                approve.add(path)
            case _:
                pass
    for path in sorted(approve):
        if after.reader.digest(path) is not None and after.standing(path) is Standing.PENDING:
            yield pending(after, path)
    for path in sorted(revoke):
        if after.reader.digest(path) is not None and after.standing(path) is not Standing.REVOKED:
            yield _waiting(after, path, revoking_role(path.kind), DecisionVerdict.REVOKE)


def _waiting(state: Lifecycle, path: EntityPath, role: Role, verdict: DecisionVerdict) -> Waiting:
    count, members = state.missing(path, role, verdict)
    return Waiting(path, verdict, role, count, tuple(members))
