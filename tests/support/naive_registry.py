"""What a registry of format 1 should be, naively, from the design and ADR 13.

No code of `check` or `lifecycle` is used. Where those compute state from a tree, this one lives through
events: a standing is a word in a dictionary that a merge changes, a vote is a line in a list. It reads
entities and paths, and believes what it is told about who signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.names import EntityPath, Kind, parse_path

OWNERS_TEXT = {
    "title",
    "description",
    "clinical_task",
    "population",
    "docs_url",
    "annotation_methodology",
} | {
    "terms_of_use",
    "priorities",
}
FIXED = {
    Kind.CUBE: {"type", "container", "parameters", "additional_files"},
    Kind.DATASET: {"data_preparator", "benchmark", "prepared"},
    Kind.BENCHMARK: {"cubes", "metrics", "groups", "ranking", "demo_dataset", "disclosure", "release"},
}
HEAD = {"schema", "registry", "id", "version", "previous", "seen"}


@dataclass(frozen=True)
class Request:
    """Files that somebody sends, by which key each was signed (None: not at all), and files they edit."""

    files: dict[str, bytes]
    signed: dict[str, str | None]
    edits: tuple[str, ...] = ()

    def __or__(self, other: Request) -> Request:
        return Request(self.files | other.files, self.signed | other.signed, self.edits + other.edits)

    @property
    def paths(self) -> list[EntityPath]:
        return sorted(parse_path(name) for name in self.files if name.endswith(".yml"))


def differ(one: Any, two: Any) -> set[str]:
    """The fields in which two versions differ, the header left out."""
    first, second = one.document(), two.document()
    return {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} - HEAD


@dataclass
class NaiveRegistry:
    """Files by path, trees newest first, and what became of every version."""

    said: dict[str, Any] = field(default_factory=dict)
    digest: dict[str, str] = field(default_factory=dict)
    trees: tuple[str, ...] = ()
    standing: dict[str, str] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    votes: list[tuple[str, str, tuple[str, str], str]] = field(default_factory=list)
    """Verdict (approve or revoke), subject, authority as path and digest, member."""

    def copy(self) -> NaiveRegistry:
        other = copy(self)
        other.said, other.digest = dict(self.said), dict(self.digest)
        other.standing, other.counted, other.votes = dict(self.standing), set(self.counted), list(self.votes)
        return other

    # --- what there is

    def versions(self, kind: Kind, name: str) -> list[EntityPath]:
        found: list[EntityPath] = []
        while str(EntityPath(kind, name, len(found) + 1)) in self.said:
            found.append(EntityPath(kind, name, len(found) + 1))
        return found

    def in_force(self, kind: Kind, name: str) -> EntityPath | None:
        """The highest version that ever counted, unless it ended; of results the highest that counts."""
        for path in reversed(self.versions(kind, name)):
            if kind is Kind.RESULT and self.standing[str(path)] != "effective":
                continue
            if str(path) in self.counted:
                return path if self.standing[str(path)] == "effective" else None
        return None

    def current(self, kind: Kind, name: str) -> Any:
        """What the version in force says."""
        path = self.in_force(kind, name)
        return None if path is None else self.said[str(path)]

    def root(self) -> EntityPath:
        return self.versions(Kind.ROOT, "")[-1]

    def keys(self, member: str) -> set[str]:
        found = self.current(Kind.MEMBER, member)
        return set() if found is None else {key.key for key in found.keys if key.revoked is None}

    def holds(self, pin: Any) -> bool:
        return self.digest.get(pin.path) == pin.sha256

    def replaced(self, path: EntityPath) -> EntityPath | None:
        """The version it names as the one before, whatever became of that."""
        previous = self.said[str(path)].previous
        lower = [p for p in self.versions(path.kind, path.id) if p.version < path.version]
        return next((p for p in reversed(lower) if self.digest[str(p)] == previous), None)

    # --- who decides

    def role(self, path: EntityPath) -> str:
        """Who must approve a version: `admins`, `committee`, or `` for nobody."""
        mine, before = self.said[str(path)], self.replaced(path)
        old = self.said[str(before)] if before and self.standing[str(before)] == "effective" else None
        match path.kind:
            case Kind.MEMBER:
                founder = mine.seen is None and path.version == 1
                founder = founder and path.id in {a.member for a in self.said["root/1.yml"].admins.members}
                return "" if founder or (old is not None and self.only_revokes(old, mine)) else "admins"
            case Kind.BENCHMARK:
                if old is None or old.state == "development":
                    return "admins"
                return "" if differ(old, mine) <= OWNERS_TEXT else "committee"
            case Kind.ASSOCIATION:
                policy = self.said[mine.benchmark.path].association_policy
                asked = getattr(policy, path.parts[2])
                free = asked.mode == "always" or (asked.mode == "allow-list" and path.signer in asked.allow)
                return "" if free else "committee"
        return ""

    @staticmethod
    def only_revokes(old: Any, new: Any) -> bool:
        then, now = list(old.keys), list(new.keys)
        if differ(old, new) != {"keys"} or [(k.key, k.label) for k in then] != [
            (k.key, k.label) for k in now
        ]:
            return False
        return all(a.revoked is None or a.revoked == b.revoked for a, b in zip(then, now, strict=True))

    def authority(self, role: str, about: EntityPath) -> EntityPath | None:
        if role == "admins":
            return self.root()
        return self.in_force(Kind.BENCHMARK, "/".join(about.parts[:2])) if role == "committee" else None

    def body(self, authority: str) -> tuple[set[str], int]:
        """The people of a root or benchmark version, and how many of them decide."""
        found = self.said[authority]
        if hasattr(found, "admins"):
            return {admin.member for admin in found.admins.members}, found.admins.threshold
        return set(found.committee.members), found.committee.threshold

    def counting(self, people: set[str], need: int, role: str, requester: str | None) -> set[str]:
        """Whose votes count: all of them but the requester, who does only where too few other admins are."""
        others = people - {requester}
        return people if role == "admins" and len(others) < need else others

    def carried(self, verdict: str, about: EntityPath) -> bool:
        """Whether enough distinct people said so under one version of the right authority."""
        role = revoked_by(about.kind) if verdict == "revoke" else self.role(about)
        for authority in {a for v, s, a, _ in self.votes if (v, s) == (verdict, str(about))}:
            fits = (
                authority[0].startswith("root/")
                if role == "admins"
                else (
                    parse_path(authority[0]).kind is Kind.BENCHMARK
                    and parse_path(authority[0]).id == "/".join(about.parts[:2])
                )
            )
            people, need = self.body(authority[0])
            asked = self.counting(people, need, role, about.signer if verdict == "approve" else None)
            cast = {m for v, s, a, m in self.votes if (v, s, a) == (verdict, str(about), authority)}
            if fits and len(cast & asked) >= need:
                return True
        return False

    # --- a merge

    def enter(self, request: Request, tree: str) -> None:
        """Take a change as merged, lawful or not."""
        for path in request.paths:
            data = request.files[str(path)]
            self.said[str(path)] = parse(path, data)
            self.digest[str(path)] = hashlib.sha256(data).hexdigest()
            if path.kind not in (Kind.ROOT, Kind.DECISION):
                self.standing[str(path)] = "pending"
        for path in request.paths:
            if path.kind is Kind.DECISION:
                self._vote(path, self.said[str(path)])
        self._settle()
        self.trees = (tree, *self.trees)

    def _vote(self, path: EntityPath, decision: Any) -> None:
        subject, member = decision.subject.path, path.parts[-1]
        match decision.verdict.value:
            case "retract":
                self.votes = [v for v in self.votes if (v[0], v[1], v[3]) != ("approve", subject, member)]
            case "withdraw":
                self.standing[subject] = "withdrawn"
            case verdict:
                pinned = (decision.authority.path, decision.authority.sha256)
                self.votes.append((verdict, subject, pinned, member))

    def _settle(self) -> None:
        """Let what has its decisions take effect, until nothing changes any more."""
        moved = True
        while moved:
            moved = False
            for name, was in self.standing.items():
                path = parse_path(name)
                if was == "pending" and (not self.role(path) or self.carried("approve", path)):
                    self.standing[name], moved = "effective", True
                    self.counted.add(name)
                elif was == "effective" and self.carried("revoke", path):
                    self.standing[name], moved = "revoked", True

    # --- what is lawful

    def alone(self, request: Request) -> Iterator[str]:
        """What each file must be by itself, and that a change does one thing to a name."""
        touched: dict[tuple[Kind, str], set[EntityPath]] = {}
        root = self.said["root/1.yml"].registry
        for path in request.paths:
            mine = parse(path, request.files[str(path)])
            touched.setdefault((path.kind, path.id), set()).add(path)
            if path.kind is Kind.DECISION and path.subject.kind is not Kind.RESULT:
                touched.setdefault((path.subject.kind, path.subject.id), set()).add(path.subject)
            if str(path) in self.said:
                yield "taken"
            if mine.registry != root:
                yield "another registry"
            limit = self.said[str(self.root())].limits.seen_commits
            if mine.seen not in self.trees[: limit + 1]:
                yield "not seen lately"
            if path.version > 1 and mine.previous != self.digest[str(self.expected(path))]:
                yield "replaces something else"
        if any(len(found) > 1 for found in touched.values()):
            yield "two things about one name"
        if any(p.kind is Kind.ROOT for p in request.paths) and len(request.paths) > 1:
            yield "a root comes alone"

    def expected(self, path: EntityPath) -> EntityPath:
        """What a next version must name: what is in force, else the version before."""
        found = None if path.kind in (Kind.DECISION, Kind.ROOT) else self.in_force(path.kind, path.id)
        return found or path.at(path.version - 1)

    def waiting(self, request: Request) -> bool:
        """Whether a lawful change still needs people: a root always, else what is not decided with it."""
        after = self.copy()
        after.enter(request, "")
        for path in request.paths:
            decision = after.said[str(path)]
            verdict = "" if path.kind is not Kind.DECISION else decision.verdict.value
            if path.kind is Kind.ROOT:
                return True
            if verdict == "revoke" and after.standing[decision.subject.path] != "revoked":
                return True
            subject = decision.subject.path if verdict == "approve" else str(path)
            if after.standing.get(subject) == "pending":
                return True
        return False


def revoked_by(kind: Kind) -> str:
    return "committee" if kind in (Kind.ASSOCIATION, Kind.RESULT) else "admins"
