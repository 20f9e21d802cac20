"""Rules about members: whose key it is, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.member import Login, Member, MemberKey
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import FOLDERS, EntityPath, Kind, parse_path
from medperf_cli.core.strict_yaml import emit


def _holders(
    submission: Submission, keys: Iterable[str], logins: Iterable[Login] = ()
) -> Sequence[EntityPath]:
    """Members' versions that may hold one of these keys or logins."""
    # A file has one spelling, so what holds a key or a login has exactly such a line.
    spelled = emit({"keys": [{"key": key} for key in keys]}).decode().splitlines()[1:]
    lines = {*spelled, *(f"    number: {login.number}" for login in logins)}
    return [parse_path(p) for p in submission.after.reader.snapshot.with_line(FOLDERS[Kind.MEMBER], lines)]


def _others(
    submission: Submission, name: str, holders: Iterable[EntityPath]
) -> Iterator[tuple[EntityPath, Member]]:
    """Of some versions, those of other members that count (or counted)."""
    after = submission.after
    for path in holders:
        member = None if path.id == name else after.reader.member(path)
        if member is not None and after.standing(path) is not Standing.PENDING:
            yield path, member


def _login(login: Login) -> tuple[str, int]:
    return login.forge, login.number


@rule("MEM001", "a key or a login belongs to one member, for ever", genesis=True)
def belongs_to_one(submission: Submission) -> Iterator[Fault]:
    """Two members with one key could not be told apart; a pending member owns nothing yet."""
    if submission.root is None:
        return
    judged = list(submission.judged(Member))
    if not judged:
        return
    # Asked once for all of them: the files of thousands of members are looked through.
    holders = _holders(
        submission, [k.key for _, m in judged for k in m.keys], [x for _, m in judged for x in m.logins]
    )
    for path, member in judged:
        keys = {k.key for k in member.keys}
        logins = {_login(x) for x in member.logins}
        for other_path, other in _others(submission, path.id, holders):
            if keys & {k.key for k in other.keys}:
                yield Fault(
                    path, f"a key of it belongs to '{other_path.id}'", "make a new key: medperf key new"
                )
            if logins & {_login(x) for x in other.logins}:
                yield Fault(path, f"a login of it belongs to '{other_path.id}'")


@rule("MEM003", "the recorder's key is nobody else's", genesis=True)
def recorder_is_nobody(submission: Submission) -> Iterator[Fault]:
    """What the merge bot records must not look as if a member had signed it, nor the other way round."""
    recorder = None if submission.root is None else submission.root.recorder
    for path, member in submission.judged(Member):
        if recorder is not None and recorder.key in {k.key for k in member.keys}:
            yield Fault(path, "a key of it is the registry's recorder key", "make a new key: medperf key new")
    for path, new in submission.of(Root):
        keys = [] if submission.genesis or new.recorder is None else [new.recorder.key]
        for other_path, other in _others(submission, "", _holders(submission, keys)):
            if keys[0] in {k.key for k in other.keys}:
                yield Fault(path, f"its recorder key belongs to '{other_path.id}'")


@rule("MEM002", "a revoked key never signs again")
def stays_revoked(submission: Submission) -> Iterator[Fault]:
    """Every key a member ever had stays in its file; once revoked it stays revoked, whatever ended since."""
    for path, member in submission.judged(Member):
        now = {k.key: k for k in member.keys}
        for key in _ever_held(submission, path):
            if key.key not in now:
                yield Fault(path, f"key '{key.label}' is left out", "keep it and mark it revoked")
            elif key.revoked is not None and now[key.key].revoked != key.revoked:
                yield Fault(path, f"key '{key.label}' was revoked and is changed here")


def _ever_held(submission: Submission, path: EntityPath) -> Iterator[MemberKey]:
    """The keys in earlier versions of a member that count or counted."""
    before = submission.before
    for earlier in before.reader.versions(path.kind, path.id):
        counted = earlier.version < path.version and before.standing(earlier) is not Standing.PENDING
        member = before.reader.member(earlier) if counted else None
        if member is not None:
            yield from member.keys
