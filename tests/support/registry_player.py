"""Members of a small registry who act at random, lawfully or not; `choose` says what they do.

Each move makes a request (or none, where there is nothing to do). About one in four is twisted: another
signer, another authority, another `previous` or `seen`. Nobody knows here whether a request is lawful.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.names import EntityPath, Kind, parse_path, signature_path
from tests.support.acting import SINCE
from tests.support.keys import TestKey, member_key
from tests.support.naive_registry import NaiveRegistry, Request
from tests.support.story_fields import (
    DATASET,
    FOREST,
    METRICS,
    PREPARATOR,
    PREPARED,
    REFERENCE,
    TISSUE,
    association_fields,
    benchmark_fields,
    cube_fields,
    dataset_fields,
    result_fields,
)
from tests.support.world import REGISTRY, World

ADMINS = ("ada", "bob", "cyd")
COMMITTEE = ("clara", "dan", "tumor-board")
NEWCOMERS = ("zoe", "yan")
PEOPLE = (*ADMINS, *COMMITTEE, "acme", "st-mary", *NEWCOMERS)
OWN = "st-mary/own"
CUBES = {PREPARATOR: ("data-preparator", "prepare"), METRICS: ("metrics", "evaluate")} | dict.fromkeys(
    (REFERENCE, FOREST, OWN), ("model", "infer")
)
SUBJECTS = (f"models/{FOREST}", f"models/{OWN}", f"datasets/{DATASET}")
Choose = Callable[[Sequence[Any]], Any]


@cache
def key(label: str) -> TestKey:
    return member_key(label)


@cache
def public(label: str) -> str:
    return key(label).public_text


LABELS = {
    public(f"{name}{more}"): f"{name}{more}" for name in (*PEOPLE, "thief") for more in ("", "-2", "-3")
}
"""Every key there is, by its text: also a thief has them all."""


class Pins(World):
    """Pins for the story's fields; what is not there is pinned all the same, to be replaced or refused."""

    def pin(self, path: str, added: Mapping[str, bytes] | None = None) -> dict[str, str]:
        return super().pin(path, added) if path in self.files else {"path": path, "sha256": "0" * 64}


@dataclass
class Player:
    """A registry that is believed (`model`), its files, and who plays with it."""

    choose: Choose
    model: NaiveRegistry
    files: dict[str, bytes]
    years: int = 2032
    twist: str = ""
    twists: list[str] = field(default_factory=list)

    # --- writing

    def pin(self, path: str, added: dict[str, bytes] | None = None) -> dict[str, str]:
        data = {**self.files, **(added or {})}[path]
        return {"path": path, "sha256": hashlib.sha256(data).hexdigest()}

    @property
    def pins(self) -> Pins:
        return Pins(self.files)

    def maybe(self, *words: str) -> bool:
        """Whether this request shall be twisted in one of these ways; decided once a request."""
        return self.twist in words

    def turn(self) -> None:
        """Choose the twist of the next request."""
        twists = [
            "signer",
            "previous",
            "seen",
            "registry",
            "gap",
            "unsigned",
            "authority",
            "outsider",
            "bytes",
        ]
        self.twist = self.choose(["", "", "", self.choose(twists)])
        if self.twist:
            self.twists.append(self.twist)

    def write(self, kind: Kind, name: str, by: str | None = None, /, **fields: Any) -> Request:
        """The next version of something, signed with the key labelled `by` (else with one its signer has)."""
        path = EntityPath(kind, name, len(self.model.versions(kind, name)) + 1)
        if self.maybe("gap"):
            path = path.at(path.version + 1)
        data = self.emit(path, fields)
        return self.sign(path, data, by or self.key_of(path.signer or ""))

    def emit(self, path: EntityPath, fields: dict[str, Any]) -> bytes:
        head: dict[str, Any] = {"schema": f"{path.kind}/1", "registry": REGISTRY, "id": path.id or None}
        head |= {"version": path.version, "previous": self.previous(path), "seen": self.model.trees[0]}
        if self.maybe("registry"):
            head["registry"] = "f" * 32
        if self.maybe("seen"):
            head["seen"] = self.choose(["0" * 40, self.model.trees[-1]])
        document = {k: v for k, v in {**head, **fields}.items() if v is not None}
        return emit_entity(validate(path.kind, document))

    def previous(self, path: EntityPath) -> str | None:
        if path.version == 1:
            return None
        if self.maybe("previous"):
            names = [*self.model.versions(path.kind, path.id)]
            return self.choose(["0" * 64, *(self.model.digest[str(p)] for p in names)])
        return self.model.digest.get(str(self.model.expected(path)), "0" * 64)

    def sign(self, path: EntityPath, data: bytes, by: str) -> Request:
        if self.maybe("unsigned"):
            return Request({str(path): data}, {str(path): None})
        if self.maybe("signer"):
            by = self.choose(sorted(LABELS.values()))
        armor = key(by).sign(data, path.namespace(REGISTRY))
        return Request({str(path): data, str(signature_path(path)): armor}, {str(path): public(by)})

    def key_of(self, member: str) -> str:
        """The label of a key that signs for a member now (else of its first)."""
        return next((LABELS[text] for text in sorted(self.model.keys(member))), member)

    def newest(self, kind: Kind, name: str) -> str | None:
        """What is in force, or else the newest version."""
        found = self.model.versions(kind, name)
        return str(self.model.in_force(kind, name) or found[-1]) if found else None

    # --- members

    def join(self) -> Request | None:
        """Somebody asks to be a member, perhaps with a key or login that is another's."""
        name = self.choose(NEWCOMERS)
        label = self.choose([name, name, name, f"{name}-2", self.choose(PEOPLE)])
        if self.model.in_force(Kind.MEMBER, name):
            return None
        request = self.write(Kind.MEMBER, name, label, **self.member(name, [label]))
        return self.with_votes(request, (0, 1, 2, 3))

    def member(self, name: str, labels: Sequence[str], dead: Sequence[str] = ()) -> dict[str, Any]:
        keys = [{"key": public(label), "label": label} for label in labels]
        ended = {"revoked": {"reason": "compromised", "since": SINCE}}
        number = self.choose([0, PEOPLE.index(name) + 1, 1])
        logins = [{"forge": "forge.example", "login": name, "number": number}] if number else []
        return {
            "name": name.title(),
            "type": "organisation",
            "contact": f"registry@{name}.example",
            "logins": logins,
            "keys": [{**k, **ended} if k["label"] in dead else k for k in keys],
        }

    def rekey(self) -> Request | None:
        """A member adds, revokes, restores or drops keys; or loses all and begins with a new one."""
        changed = [n for n in PEOPLE if len(self.model.versions(Kind.MEMBER, n)) > 1]
        name = self.choose([*PEOPLE, *changed, *changed, *changed])  # who has a past has more to get wrong
        path = self.newest(Kind.MEMBER, name)
        if path is None:
            return None
        found = self.model.said[path]
        held = [LABELS[k.key] for k in found.keys]
        dead = [LABELS[k.key] for k in found.keys if k.revoked]
        new = f"{name}{self.choose(['-2', '-3', ''])}"
        likely = ["restore", "drop"] if len(dead) > 0 or len(held) > 1 else ["add", "revoke"]
        what, by = self.choose(["add", "add", "revoke", "revoke", *likely, "lose"]), None
        match what:
            case "add":
                held = [*held, new] if new not in held else held
            case "revoke":
                dead = [*dead, self.choose(held)]
            case "restore":
                dead = dead[1:]
            case "drop":
                held = [*held[1:], *([new] if new not in held else [])] or held
            case _:
                held, dead, by = ([*held, new] if new not in held else held), list(held), new
        fields = {**found.document(), "keys": self.member(name, held, dead)["keys"]}
        request = self.write(Kind.MEMBER, name, by or self.choose([None, *held]), **without_head(fields))
        return self.with_votes(request, (0, 0, 1, 2, 3))

    def root(self) -> Request | None:
        """A new root: other admins, another threshold, signed by some of those there are."""
        path = self.model.root()
        path = path.at(path.version + 1)
        fields = without_head(self.model.said[str(self.model.root())].document())
        wanted = [*ADMINS, "clara", self.choose(["clara", "clara", "zoe"])]
        people = [m for m in dict.fromkeys(wanted) if self.choose([True, True, False])] or ["ada"]
        people = [m for m in people if self.model.keys(m)] or people
        threshold = self.choose([1, 2, 2, len(people)])
        named = [{"member": m, "key": public(self.key_of(m))} for m in people]
        fields["admins"] = {"threshold": min(threshold, len(people)), "members": named}
        self.years += self.choose([1, 1, 1, 1, 1, -60])
        fields["expires"] = f"{self.years}-01-01T00:00:00Z"
        data = self.emit(path, fields)
        request = Request({str(path): data}, {})
        for member in sorted({*people, *ADMINS}):
            admin = member in {
                *people,
                *(a.member for a in self.model.said[str(self.model.root())].admins.members),
            }
            if admin and self.choose([True, True, True, True, False]):
                by = self.choose(sorted(LABELS.values())) if self.maybe("signer") else self.key_of(member)
                name = str(signature_path(path, member))
                request |= Request({name: key(by).sign(data, path.namespace(REGISTRY))}, {name: public(by)})
        return request

    # --- things

    def cube(self) -> Request | None:
        name = self.choose(sorted(CUBES))
        kind, task = CUBES[name]
        versions = self.model.versions(Kind.CUBE, name)
        seed = self.choose(["4", "4", "4", "5"])
        state = self.choose(["operation", "operation", "operation", "development"])
        fields = cube_fields(kind, task, seed, state, description=f"version {len(versions) + 1}")
        return self.write(Kind.CUBE, name, **fields)

    def benchmark(self) -> Request | None:
        """The owner changes texts, the policy, the committee, the cubes, the metrics, or begins operation."""
        path = self.newest(Kind.BENCHMARK, TISSUE)
        if any(self.newest(Kind.CUBE, cube) is None for cube in (PREPARATOR, REFERENCE, METRICS)):
            return None
        fields = (
            benchmark_fields(self.pins) if path is None else without_head(self.model.said[path].document())
        )
        what = self.choose(
            ["text", "text", "policy", "policy", "committee", "committee", "cubes", "frozen", "state"]
        )
        match what:
            case "text":
                fields["title"] = f"Masses {len(self.model.trees)}"
            case "policy":
                fields["association_policy"] = {"datasets": self.admission(), "models": self.admission()}
            case "committee":
                people = [m for m in (*COMMITTEE, "acme") if self.choose([True, True, False])] or ["clara"]
                fields["committee"] = {"threshold": self.choose([1, min(2, len(people))]), "members": people}
            case "cubes":
                named = {"data_preparator": PREPARATOR, "reference_model": REFERENCE, "metrics": METRICS}
                fields["cubes"] = {f: self.pin(self.newest(Kind.CUBE, c) or "") for f, c in named.items()}
            case "frozen":
                fields["ranking"] = {"weighting": self.choose(["cases", "sites"])}
            case _:
                fields["state"] = self.choose(["operation", "operation", "development"])
        return self.with_votes(self.write(Kind.BENCHMARK, TISSUE, **fields), (0, 1, 2, 3))

    def admission(self) -> dict[str, Any]:
        mode = self.choose(["never", "always", "allow-list"])
        return {"mode": mode, "allow": ["acme"]} if mode == "allow-list" else {"mode": mode}

    def dataset(self) -> Request | None:
        benchmark = self.newest(Kind.BENCHMARK, TISSUE)
        if benchmark is None:
            return None
        fields = dataset_fields(self.pins, benchmark=benchmark, description=f"slides {len(self.model.trees)}")
        found = self.newest(Kind.DATASET, DATASET)
        if found is not None:
            old = self.model.said[found].document()
            fields |= {name: old[name] for name in ("data_preparator", "benchmark")}
        if self.choose([True, True, True, False]):
            fields |= {"state": "operation", "prepared": {**PREPARED, "hash": self.choose("ffa") * 64}}
        return self.write(Kind.DATASET, DATASET, **fields)

    def associate(self) -> Request | None:
        side = self.choose(SUBJECTS)
        folder, _, subject = side.partition("/")
        path = self.newest(Kind.CUBE if folder == "models" else Kind.DATASET, subject)
        benchmark = self.some_benchmark()
        if path is None or benchmark is None:
            return None
        fields = association_fields(self.pins, benchmark, path)
        cubes = self.model.said[benchmark].cubes
        tested = self.pin(path) if folder == "models" else cubes.reference_model.document()
        fields["test"]["cubes"] = [cubes.data_preparator.document(), tested, cubes.metrics.document()]
        return self.with_votes(self.write(Kind.ASSOCIATION, f"{TISSUE}/{side}", **fields), (0, 1, 2))

    def some_benchmark(self) -> str | None:
        versions = [str(p) for p in self.model.versions(Kind.BENCHMARK, TISSUE)]
        newest = self.newest(Kind.BENCHMARK, TISSUE)
        return self.choose([newest, newest, *versions]) if versions else None

    def result(self) -> Request | None:
        side = self.model.current(Kind.ASSOCIATION, f"{TISSUE}/datasets/{DATASET}")
        dataset = side.subject.path if side else self.newest(Kind.DATASET, DATASET)
        benchmark = side.benchmark.path if side else self.some_benchmark()
        name = self.choose([REFERENCE, FOREST, OWN])
        pinned = self.model.current(Kind.ASSOCIATION, f"{TISSUE}/models/{name}")
        if dataset is None or benchmark is None or self.newest(Kind.CUBE, name) is None:
            return None
        cubes = self.model.said[benchmark].cubes
        model = pinned.subject.path if pinned else self.newest(Kind.CUBE, name)
        model = cubes.reference_model.path if name == REFERENCE else model
        fields = result_fields(
            self.pins, model or "", benchmark=self.pin(benchmark), dataset=self.pin(dataset)
        )
        fields["cubes"] = {f: getattr(cubes, f).document() for f in ("data_preparator", "metrics")}
        fields["execution"]["tasks"][1]["cube"] = fields["cubes"]["metrics"]
        return self.write(Kind.RESULT, f"{TISSUE}/{name}/{DATASET}", **fields)

    # --- decisions

    def with_votes(self, request: Request, numbers: Sequence[int]) -> Request:
        """A request with the approvals of so many who may decide about it, made before it is sent."""
        if self.twist:
            numbers = (0, 1)
        (subject,) = request.paths
        after = self.model.copy()
        if subject.version > 1 and str(subject.at(subject.version - 1)) not in after.said:
            return request
        after.enter(request, after.trees[0])
        role = after.role(subject) or self.choose(["", "", "admins"])
        return request | self.votes(str(subject), "approve", role, self.choose(numbers), request.files)

    def votes(
        self, about: str, verdict: str, role: str, number: int, added: dict[str, bytes] | None = None
    ) -> Request:
        """Decisions of `number` who hold the role (a twist: of an outsider, under what was in force once)."""
        request = Request({}, {})
        subject = parse_path(about)
        authority = self.model.authority(role, subject)
        if authority is None:
            return request
        able = sorted(self.model.body(str(authority))[0])
        able = [*PEOPLE, "thief"] if self.maybe("outsider") else able
        for _ in range(number):
            if able:
                member = self.choose(able)
                able.remove(member)
                request |= self.decision(member, about, verdict, str(authority), added)
        return request

    def decision(
        self,
        member: str,
        about: str,
        verdict: str,
        authority: str | None,
        added: dict[str, bytes] | None = None,
    ) -> Request:
        if authority and self.maybe("authority"):
            older = [*self.model.versions(Kind.ROOT, ""), *self.model.versions(Kind.BENCHMARK, TISSUE)]
            authority = str(self.choose(older))
        subject = self.pin(about, added)
        if self.maybe("bytes"):
            subject = self.choose(
                [{**subject, "sha256": "0" * 64}, self.pin(self.choose(sorted(self.model.standing)))]
            )
        fields = {"subject": subject, "verdict": verdict, "reason": "looked at it"}
        fields["authority"] = None if authority is None else self.pin(authority)
        by = self.key_of(member)
        if authority and authority.startswith("root/"):
            named = {a.member: LABELS[a.key] for a in self.model.said[authority].admins.members}
            others = [LABELS[text] for text in sorted(self.model.keys(member))]
            by = self.choose([named.get(member, by)] * 4 + others)
        return self.write(Kind.DECISION, f"{about.removesuffix('.yml')}/{member}", by, **fields)

    def approve(self) -> Request | None:
        waiting = sorted(n for n, standing in self.model.standing.items() if standing == "pending")
        if not waiting:
            return None
        about = self.choose(waiting)
        return self.votes(about, "approve", self.model.role(parse_path(about)), self.choose([1, 1, 2, 3]))

    def retract(self) -> Request | None:
        """Somebody who approved takes it back; mostly while it waits."""
        cast = [v for v in self.model.votes if v[0] == "approve"]
        waiting = [v for v in cast if self.model.standing[v[1]] == "pending"]
        if not cast:
            return None
        if not waiting and self.choose([True, True, True, False]):
            return None
        _, about, authority, member = self.choose(waiting or cast)
        return self.decision(member, about, "retract", authority[0])

    def revoke(self) -> Request | None:
        """The role that may takes away what is in force, or somebody tries with something else."""
        about = self.something()
        role = "committee" if about.kind in (Kind.ASSOCIATION, Kind.RESULT) else "admins"
        return self.votes(str(about), "revoke", role, self.choose([1, 1, 2]))

    def something(self) -> EntityPath:
        """A thing of any kind, all kinds alike: what is in force of it, or else any version."""
        kind = self.choose(sorted({p.partition("/")[0] for p in self.model.standing}))
        about = parse_path(self.choose(sorted(p for p in self.model.standing if p.startswith(f"{kind}/"))))
        return self.model.in_force(about.kind, about.id) or about

    def withdraw(self) -> Request | None:
        """An owner withdraws something of theirs; a member, too, but that never works."""
        about = self.something()
        member = self.choose([about.signer, about.signer, about.signer, self.choose(PEOPLE)])
        return self.decision(member or "", str(about), "withdraw", None)

    def contradict(self) -> Request | None:
        """What waits is approved, and in the same change withdrawn or overtaken by its owner."""
        waiting = sorted(n for n, standing in self.model.standing.items() if standing == "pending")
        if not waiting:
            return None
        about = parse_path(self.choose(waiting))
        approval = self.votes(str(about), "approve", self.model.role(about), self.choose([1, 2]))
        if about.kind is Kind.BENCHMARK and self.choose([True, False]):
            fields = without_head(self.model.said[str(about)].document())
            return approval | self.write(Kind.BENCHMARK, TISSUE, **fields | {"title": "Overtaken"})
        return approval | self.decision(about.signer or "", str(about), "withdraw", None)

    def edit(self) -> Request | None:
        """Somebody with write access edits or deletes a file, beside a lawful addition."""
        request = self.cube()
        return (
            None
            if request is None
            else Request(request.files, request.signed, (self.choose(sorted(self.files)),))
        )


def without_head(document: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v
        for k, v in document.items()
        if k not in ("schema", "registry", "id", "version", "previous", "seen")
    }
