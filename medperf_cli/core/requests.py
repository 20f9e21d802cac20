"""Requests: their ids, the names of their refs, what belongs to which.

On a bare repository the refs are there and an id is made from the content; a hosted forge gives numbers, and
a clone mirrors what is known of its requests into refs of the same names.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from medperf_cli.core.names import (
    VOTES,
    EntityPath,
    Kind,
    PathError,
    is_name,
    parse_path,
    parse_signature_path,
)

MAIN = "refs/heads/main"
PULLS = "refs/pull"
SPOKEN = "medperf: "
"""Begins every line the hooks say; a push without one met no hook of ours."""

_ID = re.compile(r"[0-9a-f]{16}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}\Z")
_REF = re.compile(r"refs/pull/([^/]+)/(?:head|(decisions|closed)/([^/]+))\Z")


@dataclass(frozen=True, slots=True)
class RequestRef:
    """The ref of a request's head, of what one member decided about it, or of how one closed it."""

    id: str
    member: str | None = None
    closed: bool = False

    def __str__(self) -> str:
        part = "closed" if self.closed else "decisions"
        return f"{PULLS}/{self.id}/{f'{part}/{self.member}' if self.member else 'head'}"


@dataclass(frozen=True)
class OpenRequest:
    """A request as its refs show it: commit of the head, commits with decisions and with closings by member.

    Whoever can write the repository's files can write refs: what stands behind them is still to be judged.
    """

    id: str
    head: str
    decisions: Mapping[str, str] = field(default_factory=dict)
    closings: Mapping[str, str] = field(default_factory=dict)

    @property
    def refs(self) -> dict[str, str]:
        """What goes when it is settled; the head last, so that a half-removed request is still one."""
        found = {str(RequestRef(self.id, member)): oid for member, oid in sorted(self.decisions.items())}
        return found | {str(RequestRef(self.id)): self.head}


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One line of a push: a ref and where it moves from and to (None: there is no such ref)."""

    old: str | None
    new: str | None
    ref: str


def is_request_id(text: str) -> bool:
    """Whether `text` is 16 lower-case hex digits."""
    return bool(_ID.match(text))


def is_number(text: str) -> bool:
    """Whether `text` is how a hosted forge calls a request; it says nothing about the content."""
    return bool(_NUMBER.match(text))


def request_id(files: Mapping[str, bytes]) -> str:
    """The id of the request that adds `files` (bytes by path relative to `registry/`).

    The first 16 hex digits of the SHA-256 over the sorted lines `<sha256> <path>` of the `.yml` files;
    signatures do not count, so signing again makes no second request.

    Raises:
        PathError: there is no `.yml` file among them.

    """
    lines = sorted(f"{hashlib.sha256(d).hexdigest()} {p}\n" for p, d in files.items() if p.endswith(".yml"))
    if not lines:
        raise PathError("a request adds at least one '.yml' file")
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def parse_ref(text: str, *, bare: bool = False) -> RequestRef:
    """Read the full name of a request's ref; on a `bare` repository none is numbered.

    Raises:
        PathError: it is any other name.

    """
    match = _REF.match(text)
    if not match or not (is_request_id(match[1]) or (is_number(match[1]) and not bare)):
        raise PathError(f"{text!r} is not the ref of a request")
    if match[3] is not None and not is_name(match[3]):
        raise PathError(f"{match[3]!r} is not a member's name")
    return RequestRef(match[1], match[3], closed=match[2] == "closed")


def open_requests(refs: Mapping[str, str]) -> list[OpenRequest]:
    """The requests among refs (ids by full name), by id; refs of any other name are passed over."""
    decisions, closings = _by_request(refs, closed=False), _by_request(refs, closed=True)
    return [
        OpenRequest(ref.id, oid, decisions.get(ref.id, {}), closings.get(ref.id, {}))
        for ref, oid in _read(refs)
        if ref.member is None
    ]


def closed_requests(refs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Commits with closings, by member, of each request that has no head any more; by id."""
    heads = {ref.id for ref, _ in _read(refs) if ref.member is None}
    closings = _by_request(refs, closed=True)
    return {number: found for number, found in closings.items() if number not in heads}


def stranded(refs: Mapping[str, str]) -> dict[str, str]:
    """Refs of decisions whose request is gone (it was settled meanwhile), and where they stand."""
    heads = {ref.id for ref, _ in _read(refs) if ref.member is None}
    return {str(ref): oid for ref, oid in _read(refs) if not ref.closed and ref.id not in heads}


def _by_request(refs: Mapping[str, str], *, closed: bool) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for ref, oid in _read(refs):
        if ref.member is not None and ref.closed is closed:
            found.setdefault(ref.id, {})[ref.member] = oid
    return found


def _read(refs: Mapping[str, str]) -> Iterator[tuple[RequestRef, str]]:
    for name, oid in sorted(refs.items()):
        with contextlib.suppress(PathError):
            yield parse_ref(name), oid


def decidable(files: Mapping[str, bytes]) -> frozenset[EntityPath]:
    """What decisions on a request may be about: its entities, and the subjects of the decisions it holds."""
    entities = [parse_path(path) for path in files if path.endswith(".yml")]
    return frozenset(path.subject if path.kind in VOTES else path for path in entities)


def stray_decisions(
    files: Mapping[str, bytes], member: str, subjects: frozenset[EntityPath]
) -> Iterator[tuple[str, str]]:
    """Which files are no decision of `member` about one of `subjects`, nor a signature under a new root."""
    for text in sorted(files):
        try:
            signature = parse_signature_path(text) if text.endswith(".sig") else None
            path = parse_path(text) if signature is None else signature.entity
        except PathError as error:
            yield text, str(error)
            continue
        if signature is not None and path.kind is Kind.ROOT and path in subjects:
            # A new root collects its admins' signatures so.
            if signature.admin != member:
                yield text, f"is a signature of '{signature.admin}', not of '{member}'"
        elif path.kind is not Kind.DECISION:
            yield text, "is not a decision"
        elif path.signer != member:
            yield text, f"is a decision of '{path.signer}', not of '{member}'"
        elif path.subject not in subjects:
            yield text, f"'{path.subject}' is not part of this request"
