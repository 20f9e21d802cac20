"""Whether a version counts, and which version of a name is in force; computed from the tree alone."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medperf_cli.core.entities.decision import Decision, DecisionVerdict
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.member import Member
from medperf_cli.core.entities.recorded import RECORDABLE, Recorded
from medperf_cli.core.lifecycle.reader import Name, Reader
from medperf_cli.core.lifecycle.requirement import (
    APPROVED_BY_OTHERS,
    Role,
    approving_role,
    body,
    gives_role,
    revoking_role,
)
from medperf_cli.core.names import FOLDERS, UNDECIDABLE, EntityPath, Kind, parse_path
from medperf_cli.core.snapshot import Snapshot
from medperf_cli.errors import IntegrityError


class Standing(enum.StrEnum):
    """What became of a version."""

    PENDING = "pending"
    EFFECTIVE = "effective"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"
    REDACTED = "redacted"

    @property
    def ended(self) -> bool:
        """Whether it once may have counted and no longer does."""
        return self in (Standing.REVOKED, Standing.WITHDRAWN, Standing.REDACTED)


@dataclass(frozen=True)
class Votes:
    """Decisions about one version: authority to members, for each verdict that counts votes."""

    approve: dict[Pin, set[str]]
    revoke: dict[Pin, set[str]]
    withdrawn: bool


class Lifecycle:
    """The state of a registry, computed lazily from one snapshot."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._standing: dict[EntityPath, Standing] = {}
        self._latest: dict[Name, EntityPath | None] = {}
        self._in_force: dict[Name, EntityPath | None] = {}

    def read_from(self, snapshot: Snapshot) -> Lifecycle:
        """The same state, read from another snapshot of the same files; this one is not used any more."""
        self.reader.snapshot = snapshot
        return self

    def later(
        self, snapshot: Snapshot, known: Mapping[EntityPath, Entity], touched: Collection[Name]
    ) -> Lifecycle:
        """A later state, in which only `touched` names have new versions or decisions about them.

        How a version stands hangs on its own name, on decisions about it, and on files that both pin.
        """
        state = Lifecycle(self.reader.later(snapshot, known, touched))
        state._standing = self._standing.copy()
        state._latest, state._in_force = self._latest.copy(), self._in_force.copy()
        for name in touched:
            state._latest.pop(name, None)
            state._in_force.pop(name, None)
            for path in self.reader.versions(*name):
                state._standing.pop(path, None)
        return state

    def standing(self, path: EntityPath) -> Standing:
        """Whether the version at `path` is pending, effective or ended.

        Raises:
            IntegrityError: there is no such file.

        """
        known = self._standing.get(path)
        if known is not None:
            return known
        if path in self.reader.dropped:
            return Standing.REDACTED
        waiting = [path]
        while path not in self._standing:
            before = self._decides(waiting[-1])
            if before is None:
                judged = waiting.pop()
                self._standing[judged] = self._judge(judged)
            else:
                waiting.append(before)
        return self._standing[path]

    def latest(self, kind: Kind, entity_id: str) -> EntityPath | None:
        """The newest version that counts, or counted until it ended."""
        name = kind, entity_id
        if name not in self._latest:
            newest_first = reversed(self.reader.taken(kind, entity_id))
            self._latest[name] = next((path for path in newest_first if self.counted(path)), None)
        return self._latest[name]

    def in_force(self, kind: Kind, entity_id: str) -> EntityPath | None:
        """The version that counts now.

        A superseded version never comes back when its successor ends, or revoking a member's second version
        would restore a key it revoked; results are the exception: the newest not withdrawn counts.
        """
        name = kind, entity_id
        if name not in self._in_force:
            self._in_force[name] = self._find_in_force(kind, entity_id)
        return self._in_force[name]

    def _find_in_force(self, kind: Kind, entity_id: str) -> EntityPath | None:
        if kind is Kind.RESULT:
            newest_first = reversed(self.reader.versions(kind, entity_id))
            return next((p for p in newest_first if self.standing(p) is Standing.EFFECTIVE), None)
        found = self.latest(kind, entity_id)
        return None if found is None or self.standing(found).ended else found

    def member_in_force(self, name: str) -> Member | None:
        """The member of that name, as it counts now."""
        return self.reader.member(self.in_force(Kind.MEMBER, name))

    def effective(self, pin: Pin) -> bool:
        """Whether the pinned bytes stand here and count (perhaps superseded, but not ended)."""
        return self.reader.holds(pin) and self.standing(pin.entity) is Standing.EFFECTIVE

    def replaced(self, path: EntityPath) -> EntityPath | None:
        """The version that the one at `path` replaces, by digest, if that one counts.

        A pending version has no effect: whoever writes text over it needs as many decisions as for it.
        """
        found = self.named_previous(path)
        return None if found is None or self.standing(found) is not Standing.EFFECTIVE else found

    def named_previous(self, path: EntityPath) -> EntityPath | None:
        """The version whose digest stands in `previous`."""
        entity = self.reader.entity(path)
        if entity is None or entity.previous is None:
            return None
        newest_first = reversed(self.reader.taken(path.kind, path.id))
        lower = (p for p in newest_first if p.version < path.version)
        return next((p for p in lower if self.reader.known_digest(p) == entity.previous), None)

    def expected_previous(self, path: EntityPath) -> EntityPath | None:
        """The version that a new version at `path` must name: the one in force, else the one before."""
        if path.version == 1:
            return None
        before = [p for p in self.reader.taken(path.kind, path.id) if p.version < path.version]
        return self.in_force(path.kind, path.id) or (before[-1] if before else None)

    def role(self, path: EntityPath) -> Role:
        """Who approves the version at `path`."""
        if path.kind not in APPROVED_BY_OTHERS:
            return Role.NOBODY  # whatever the file says: it need not be read
        return approving_role(self.reader, path, self.replaced(path))

    def authority(self, role: Role, subject: EntityPath) -> EntityPath | None:
        """The root or benchmark version in force that gives `role` over `subject`."""
        if role is Role.ADMINS:
            return self.reader.root_path
        if role is Role.COMMITTEE:
            return self.in_force(Kind.BENCHMARK, "/".join(subject.parts[:2]))
        return None

    def missing(self, path: EntityPath, role: Role, verdict: DecisionVerdict) -> tuple[int, list[str]]:
        """How many votes are missing under the authority in force, and who may still give one."""
        authority = self.authority(role, path)
        people = None if authority is None else body(self.reader, authority)
        if authority is None or people is None:
            return 1, []
        votes = self.votes(path)
        cast = (votes.approve if verdict is DecisionVerdict.APPROVE else votes.revoke).get(
            self.reader.pin(authority), set()
        )
        admins = role is Role.ADMINS
        requester = path.signer if verdict is DecisionVerdict.APPROVE else None
        counted = people.counted(cast, requester, admins=admins)
        able = people.counted(people.members, requester, admins=admins)
        return max(0, people.threshold - len(counted)), sorted(able - counted)

    def votes(self, path: EntityPath) -> Votes:
        """The votes that stand about the version at `path`: signed, or recorded from a forge.

        Who may have recorded one was judged when it entered, as was who may have signed. The order of signed
        and recorded files is not in the tree, so whoever ever signed a retraction approves only by signing.
        """
        approve: dict[Pin, set[str]] = defaultdict(set)
        revoke: dict[Pin, set[str]] = defaultdict(set)
        retracted = set[str]()
        withdrawn = False
        for decision_path, decision in self.decisions(path):
            member = decision_path.parts[-1]
            match decision.verdict:
                case DecisionVerdict.APPROVE if decision.authority:
                    approve[decision.authority].add(member)
                case DecisionVerdict.RETRACT:
                    retracted.add(member)
                    for votes in approve.values():
                        votes.discard(member)
                case DecisionVerdict.REVOKE if decision.authority:
                    revoke[decision.authority].add(member)
                case DecisionVerdict.WITHDRAW:
                    withdrawn = withdrawn or member == path.signer
                case _:
                    pass
        for recorded_path, recorded in self.recorded(path):
            if recorded_path.parts[-1] not in retracted:
                approve[recorded.authority].add(recorded_path.parts[-1])
        return Votes(dict(approve), dict(revoke), withdrawn)

    def decisions(self, path: EntityPath) -> list[tuple[EntityPath, Decision]]:
        """All decisions about the version at `path`, by member, each member's in order."""
        pairs = ((p, self.reader.typed(p, Decision)) for p in self._about(Kind.DECISION, path))
        return [(p, d) for p, d in pairs if d is not None and self.reader.holds(d.subject)]

    def recorded(self, path: EntityPath) -> list[tuple[EntityPath, Recorded]]:
        """Approvals of the version at `path` recorded from a forge; none of a kind no root may list."""
        if path.kind not in RECORDABLE:
            return []
        pairs = ((p, self.reader.typed(p, Recorded)) for p in self._about(Kind.RECORDED, path))
        return [(p, r) for p, r in pairs if r is not None and self.reader.holds(r.subject)]

    def _about(self, kind: Kind, path: EntityPath) -> list[EntityPath]:
        """Files of a kind about the version at `path`, by member, each member's in order."""
        prefix = f"{FOLDERS[kind]}/{path.stem}"
        found = sorted(parse_path(p) for p in self.reader.snapshot.list(prefix) if p.endswith(".yml"))
        return [p for p in found if p.subject == path]

    def _judge(self, path: EntityPath) -> Standing:
        if path.kind in UNDECIDABLE:
            return Standing.EFFECTIVE
        votes = self.votes(path)
        if votes.withdrawn:
            return Standing.WITHDRAWN
        if self._carried(votes.revoke, revoking_role(path.kind), path, requester=None):
            return Standing.REVOKED
        return Standing.EFFECTIVE if self._approved(path, votes) else Standing.PENDING

    def _approved(self, path: EntityPath, votes: Votes) -> bool:
        role = self.role(path)
        return role is Role.NOBODY or self._carried(votes.approve, role, path, requester=path.signer)

    def counted(self, path: EntityPath) -> bool:
        """Whether a version is effective, or was before it ended."""
        if self.standing(path) is Standing.WITHDRAWN:
            return self._approved(path, self.votes(path))
        return self.standing(path) is not Standing.PENDING

    def _decides(self, path: EntityPath) -> EntityPath | None:
        """The version whose standing must be known first: who approves may hang on what is replaced."""
        if self.reader.digest(path) is None:
            raise IntegrityError(f"'{path}' is not in the registry")
        before = self.named_previous(path) if path.kind in (Kind.MEMBER, Kind.BENCHMARK) else None
        return None if before in self._standing or before in self.reader.dropped else before

    def _carried(
        self, votes: dict[Pin, set[str]], role: Role, path: EntityPath, *, requester: str | None
    ) -> bool:
        for authority, members in votes.items():
            people = body(self.reader, authority.entity) if self.reader.holds(authority) else None
            if people is None or not gives_role(authority.entity, role, path):
                continue
            counted = people.counted(members, requester, admins=role is Role.ADMINS)
            if len(counted) >= people.threshold:
                return True
        return False
