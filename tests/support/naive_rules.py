"""What a change of format 1 may do, in plain words of the design: the lawful half of the naive model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import EntityPath, Kind, parse_path
from tests.support.naive_registry import FIXED, NaiveRegistry, Request, differ, revoked_by


@dataclass
class Judge:
    """A change between the registry before and the one after it."""

    before: NaiveRegistry
    after: NaiveRegistry
    request: Request


def problems(registry: NaiveRegistry, request: Request) -> list[str]:
    """What speaks against a change, in no order; nothing does against a lawful one."""
    if request.edits:
        return ["something else than additions"]
    if any(p.version > 1 and str(p.at(p.version - 1)) not in registry.said for p in request.paths):
        return ["a version is missing"]  # in a row with a gap, nothing else means anything
    after = registry.copy()
    after.enter(request, "")
    judge = Judge(registry, after, request)
    return [*registry.alone(request), *(problem for look in CHECKS for problem in look(judge))]


def _approved(at: Judge) -> set[str]:
    """What the change may make count: what it adds, and what it approves."""
    added = {str(p) for p in at.request.paths if p.kind not in (Kind.ROOT, Kind.DECISION)}
    decisions = [at.after.said[str(p)] for p in at.request.paths if p.kind is Kind.DECISION]
    here = {d.subject.path for d in decisions if d.verdict.value == "approve" and at.after.holds(d.subject)}
    return added | here


# --- signatures


def signatures(at: Judge) -> Iterator[str]:
    for path in at.request.paths:
        if path.kind is Kind.ROOT:
            yield from _root_signatures(at, path)
        elif at.request.signed.get(str(path)) not in _may_sign(at, path):
            yield f"signature of {path}"


def _may_sign(at: Judge, path: EntityPath) -> set[str]:
    mine, signer = at.after.said[str(path)], path.signer or ""
    held = at.before.keys(signer)
    if path.kind is Kind.MEMBER:
        new = {key.key for key in mine.keys if key.revoked is None}
        if path.version == 1:
            return new
        return held | new if at.after.role(path) == "admins" else held
    if path.kind is Kind.DECISION and mine.authority and mine.authority.path.startswith("root/"):
        named = (
            at.before.said[mine.authority.path].admins.members
            if mine.authority.path in at.before.said
            else ()
        )
        return held & {admin.key for admin in named if admin.member == signer}
    return held


def _root_signatures(at: Judge, path: EntityPath) -> Iterator[str]:
    old, new = at.before.said[str(at.before.root())].admins, at.after.said[str(path)].admins
    of_old = {(a.member, a.key) for a in old.members}
    of_new = {(a.member, a.key) for a in new.members}
    start = f"{str(path).removesuffix('.yml')}."
    given = {
        n.removeprefix(start).removesuffix(".sig"): k
        for n, k in at.request.signed.items()
        if n.startswith(start)
    }
    by = set(given.items())
    if any(pair not in of_old | of_new or pair[1] not in at.before.keys(pair[0]) for pair in by):
        yield "a root signed by somebody else"
    staying = {(m, k) for m, k in of_old if m in {member for member, _ in of_new}}
    if len(by & of_old) < old.threshold or len(by & (of_new | staying)) < new.threshold:
        yield "a root short of signatures"


def roots(at: Judge) -> Iterator[str]:
    old = at.before.said[str(at.before.root())]
    for path in at.request.paths:
        if path.kind is Kind.ROOT:
            new = at.after.said[str(path)]
            if new.expires <= old.expires or new.format < old.format:
                yield "a root that goes back"
            if any(admin.key not in at.before.keys(admin.member) for admin in new.admins.members):
                yield "an admin without that key"


# --- decisions


def decisions(at: Judge) -> Iterator[str]:
    verdicts: dict[str, set[str]] = {}
    for path in at.request.paths:
        if path.kind is Kind.DECISION:
            said, subject = at.after.said[str(path)], path.subject
            verdicts.setdefault(str(subject), set()).add(said.verdict.value)
            if said.subject.path != str(subject) or not at.after.holds(said.subject):
                yield "decides about other bytes"
            else:
                yield from _decision(at, path, subject, said)
    if any(len(found) > 1 for found in verdicts.values()):
        yield "two verdicts"


def _decision(at: Judge, path: EntityPath, subject: EntityPath, said: Any) -> Iterator[str]:
    verdict, member = said.verdict.value, path.parts[-1]
    role = revoked_by(subject.kind) if verdict == "revoke" else at.after.role(subject)
    if _unfit(at.before, at.after, subject, said, member):
        yield f"nothing to {verdict}"
    if verdict == "withdraw" or not role:
        return
    wanted = at.before.authority(role, subject)
    if wanted is None or (said.authority.path, said.authority.sha256) != (
        str(wanted),
        at.before.digest[str(wanted)],
    ):
        yield "under another authority than the one in force"
    if wanted is not None:
        people, need = at.before.body(str(wanted))
        if member not in people:
            yield "without the role"
        elif verdict == "approve" and member not in at.before.counting(people, need, role, subject.signer):
            yield "about one's own request"


def _unfit(before: NaiveRegistry, after: NaiveRegistry, subject: EntityPath, said: Any, member: str) -> bool:
    standing = before.standing.get(str(subject), "pending")
    current = before.in_force(subject.kind, subject.id)
    match said.verdict.value:
        case "approve":
            return not after.role(subject) or standing != "pending" or _superseded(before, after, subject)
        case "retract":
            own = ("approve", str(subject), (said.authority.path, said.authority.sha256), member)
            return standing != "pending" or own not in before.votes
        case "revoke":
            return current != subject
        case "withdraw":
            live = standing == "pending" or current == subject or subject.kind is Kind.RESULT
            mine = member == subject.signer and subject.kind is not Kind.MEMBER
            return not mine or not live or standing in ("withdrawn", "revoked")
    return True


def _superseded(before: NaiveRegistry, after: NaiveRegistry, subject: EntityPath) -> bool:
    """Whether it replaces something else than what counted last.

    The design says "not in force"; after an end nothing is, so what lies between would be free to be passed
    over. Format 1 is stricter: it asks for the last version that counted, though it ended.
    """
    counted = [p for p in before.versions(subject.kind, subject.id) if str(p) in before.counted]
    return bool(counted) and counted[-1] != after.replaced(subject)


# --- references


def _pins(path: EntityPath, said: Any) -> Iterator[Any]:
    match path.kind:
        case Kind.BENCHMARK:
            yield from (said.cubes.data_preparator, said.cubes.reference_model, said.cubes.metrics)
        case Kind.DATASET:
            yield from (said.data_preparator, said.benchmark)
        case Kind.ASSOCIATION:
            yield from (said.benchmark, said.subject, *said.test.cubes)
        case Kind.RESULT:
            yield from (said.benchmark, said.model, said.dataset)
            yield from (said.cubes.data_preparator, said.cubes.metrics)


def references(at: Judge) -> Iterator[str]:
    for name in sorted(_approved(at)):
        for pin in _pins(parse_path(name), at.after.said[name]):
            target = parse_path(pin.path)
            if not at.after.holds(pin):
                yield f"{name} names other bytes"
            elif at.after.standing[pin.path] != "effective":
                yield f"{name} rests on {pin.path}, which does not count"
            elif at.after.in_force(target.kind, target.id) is None:
                yield f"{name} rests on {target.id}, which ended"


# --- kinds


def members(at: Judge) -> Iterator[str]:
    for name in sorted(_approved(at)):
        path, mine = parse_path(name), at.after.said[name]
        if path.kind is not Kind.MEMBER:
            continue
        keys, logins = {k.key: k for k in mine.keys}, {(x.forge, x.number) for x in mine.logins}
        for other in sorted(at.after.counted):
            theirs = at.after.said[other]
            if parse_path(other).kind is Kind.MEMBER and parse_path(other).id != path.id:
                shared = {k.key for k in theirs.keys} & set(keys) or logins & {
                    (x.forge, x.number) for x in theirs.logins
                }
                if shared:
                    yield f"{name} has what belongs to {other}"
        for earlier in at.before.versions(Kind.MEMBER, path.id):
            if earlier.version < path.version and str(earlier) in at.before.counted:
                for key in at.before.said[str(earlier)].keys:
                    now = keys.get(key.key)
                    if now is None or (key.revoked is not None and now.revoked != key.revoked):
                        yield f"{name} forgets a key or its end"


def operation(at: Judge) -> Iterator[str]:
    for name in sorted(_approved(at)):
        path, mine = parse_path(name), at.after.said[name]
        if path.kind not in FIXED:
            continue
        for earlier in at.after.versions(path.kind, path.id):
            old = at.after.said[str(earlier)]
            if earlier.version >= path.version or old.state != "operation" or not _fixes(at.after, earlier):
                continue
            if differ(old, mine) & FIXED[path.kind] or mine.state == "development":
                yield f"{name} changes what operation froze"


def _fixes(registry: NaiveRegistry, earlier: EntityPath) -> bool:
    """Whether a version in operation fixes its name.

    The design asks that it counted; in format 1 a request that its owner withdrew fixes it as well.
    """
    return registry.standing[str(earlier)] != "pending"


def benchmarks(at: Judge) -> Iterator[str]:
    for name in sorted(_approved(at)):
        path, mine = parse_path(name), at.after.said[name]
        if path.kind is not Kind.BENCHMARK:
            continue
        if mine.state == "operation" and any(
            at.after.said[p.path].state != "operation" for p in _pins(path, mine)
        ):
            yield "cubes in development"
        if any(at.before.in_force(Kind.MEMBER, m) is None for m in mine.committee.members):
            yield "a committee of strangers"


def associations(at: Judge) -> Iterator[str]:
    for path in at.request.paths:
        if path.kind is not Kind.ASSOCIATION:
            continue
        mine = at.after.said[str(path)]
        benchmark, subject = at.after.said[mine.benchmark.path], at.after.said[mine.subject.path]
        if "development" in (benchmark.state, subject.state):
            yield "associates what may still change"
        pinned = parse_path(mine.benchmark.path)
        current = at.before.in_force(Kind.BENCHMARK, pinned.id)
        if current is None and at.after.in_force(Kind.BENCHMARK, pinned.id) is None:
            yield "no benchmark in force"
        elif current != pinned and not at.after.role(path):
            yield "admitted by a policy that is not in force"
        tested = mine.subject if path.parts[2] == "models" else benchmark.cubes.reference_model
        if tested not in mine.test.cubes or benchmark.cubes.metrics not in mine.test.cubes:
            yield "a test of something else"


def results(at: Judge) -> Iterator[str]:
    for path in at.request.paths:
        if path.kind is not Kind.RESULT:
            continue
        mine = at.after.said[str(path)]
        benchmark = at.after.said[mine.benchmark.path]
        name = "/".join(path.parts[:2])
        sides = {f"datasets/{'/'.join(path.parts[4:])}": mine.dataset}
        if mine.model != benchmark.cubes.reference_model:
            sides[f"models/{'/'.join(path.parts[2:4])}"] = mine.model
        found = {side: at.after.current(Kind.ASSOCIATION, f"{name}/{side}") for side in sides}
        if any(found[side] is None or found[side].subject != pin for side, pin in sides.items()):
            yield "not associated"
        agreed = [side.benchmark for side in found.values() if side is not None]
        if agreed and mine.benchmark not in agreed:
            yield "another version of the benchmark"
        ours = (mine.cubes.data_preparator, mine.cubes.metrics)
        if ours != (benchmark.cubes.data_preparator, benchmark.cubes.metrics):
            yield "other cubes than the benchmark's"
        for pin in (mine.benchmark, mine.model, mine.dataset):
            target = parse_path(pin.path)
            current = at.after.current(target.kind, target.id)
            if current is None or current.state != "operation":
                yield f"{target.id} is not in operation any more"


CHECKS = [
    signatures,
    roots,
    decisions,
    references,
    members,
    operation,
    benchmarks,
    associations,
    results,
]
