"""Who made a version count: the votes that were enough, and what gave each voter the say."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from medperf_cli.core.entities.decision import Decision
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.root import Root
from medperf_cli.core.evidence import evidence
from medperf_cli.core.lifecycle.requirement import Body, Role, body, gives_role, revoking_role
from medperf_cli.core.names import FOLDERS, VOTES, EntityPath, Kind, parse_path
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.reading.proof_files import REPAIR, Files, Link


class Votes:
    """Explains votes; those about one version once, and named after that."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._state = files.state
        self._told: set[EntityPath] = set()

    def told(self, path: EntityPath) -> bool:
        """Whether the votes about a version were explained before."""
        return path in self._told

    def about(self, path: EntityPath) -> tuple[Link, ...]:
        """The votes that made a version count, or ended it; nothing the second time."""
        if self.told(path) or path.kind in (Kind.ROOT, *VOTES):
            return ()
        self._told.add(path)
        return tuple(self._about(path))

    def _about(self, path: EntityPath) -> Iterator[Link]:
        votes, role = self._state.votes(path), self._state.role(path)
        for pin, members in votes.approve.items():
            yield from self._counted("approved", path, pin, members, (role, path.signer))
        for pin, members in votes.revoke.items():
            yield from self._counted("revoked", path, pin, members, (revoking_role(path.kind), None))
        if votes.withdrawn:
            yield from (self._vote(vote) for vote in self._files_of(path) if self._says(vote) == "withdraw")

    def _counted(
        self,
        verb: str,
        path: EntityPath,
        pin: Pin,
        members: Collection[str],
        asked: tuple[Role, str | None],
    ) -> Iterator[Link]:
        """The votes under one authority, if that is of the sort that gives the role."""
        role, requester = asked
        people = body(self._state.reader, self._files.pinned(pin))
        if people is None or not gives_role(pin.entity, role, path):
            return
        counted = people.counted(members, requester, admins=role is Role.ADMINS)
        said = "approve" if verb == "approved" else "revoke"
        votes = [v for v in self._files_of(path) if v.parts[-1] in counted and self._says(v) == said]
        links = [self._vote(vote) for vote in votes]
        if pin.entity.kind is Kind.BENCHMARK:
            links += self._committee(pin.entity)
        yield Link(_who(verb, counted, people), _where(pin.entity, people), pin.path, tuple(links))

    def _committee(self, benchmark: EntityPath) -> Iterator[Link]:
        self._files.entity(benchmark)
        self._files.key(benchmark)
        links = self.about(benchmark)
        if links:
            yield Link(f"that committee was set by {benchmark.stem}", "", str(benchmark), links)

    def _files_of(self, path: EntityPath) -> list[EntityPath]:
        folders = (f"{FOLDERS[kind]}/{path.stem}" for kind in VOTES)
        found = (text for folder in folders for text in self._files.snapshot.list(folder))
        return [parse_path(text) for text in found if text.endswith(".yml")]

    def _says(self, vote: EntityPath) -> str:
        return str(self._files.row(vote).document.get("verdict", "approve"))

    def _vote(self, path: EntityPath) -> Link:
        """One vote, its bytes and signature checked again."""
        entity, member = self._files.entity(path), path.parts[-1]
        key = self._recorder(path) if path.kind is Kind.RECORDED else self._files.key(path)
        self._expect_admin_key(entity, member, key)
        says = evidence(path, self._files.row(path).document).says
        why = f"{says}, with key {parse_public_key(key).fingerprint}"
        return Link(f"{member}: {self._says(path)}", why, str(path))

    def _expect_admin_key(self, entity: Entity, member: str, key: str) -> None:
        """Who decides as admin signs with the key that the root names."""
        under = entity.authority if isinstance(entity, Decision) else None
        root = None if under is None else self._state.reader.pinned(under, Root)
        if root is not None and (member, key) not in {(a.member, a.key) for a in root.admins.members}:
            raise IntegrityError(f"'{member}' did not decide with the key of an admin", hint=REPAIR)

    def _recorder(self, path: EntityPath) -> str:
        """The key of a recorder that a root names."""
        key, reader = self._files.signed_with(path), self._state.reader
        roots = (reader.typed(version, Root) for version in reader.versions(Kind.ROOT, ""))
        if key not in {root.recorder.key for root in roots if root is not None and root.recorder}:
            raise IntegrityError(f"'{path}' is signed by no recorder that a root names", hint=REPAIR)
        return key


def _who(verb: str, counted: Collection[str], people: Body) -> str:
    names = ", ".join(sorted(counted)) or "nobody who counts"
    return f"{verb} by {names}" if len(counted) >= people.threshold else f"not {verb}, only by {names}"


def _where(authority: EntityPath, people: Body) -> str:
    named = "admins" if authority.kind is Kind.ROOT else "members of the committee"
    number = len(people.members)
    return f"needed: {people.threshold} of {number} {named} in {authority.stem}, in force when they acted"
