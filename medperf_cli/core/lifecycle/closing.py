"""Whether a member may end a request without it entering main; a function of main and the request alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from medperf_cli.core import sshsig
from medperf_cli.core.entities.closing import (
    SIGNATURE,
    STATEMENT,
    Closing,
    ClosingVerdict,
    closing_namespace,
    parse_closing,
)
from medperf_cli.core.entities.decision import Decision, DecisionVerdict
from medperf_cli.core.entities.recorded import Recorded
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.requirement import Role, body, revoking_role
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.core.snapshot import Change, Overlay
from medperf_cli.errors import NotTrustedError, RejectedError


def signed_closing(files: Mapping[str, bytes], registry: str, keys: Collection[str]) -> Closing:
    """Read a closing that one of `keys` (public key texts) signed in this registry.

    Raises:
        SignatureError, DocumentError: it is unsigned, damaged, or of another registry.
        NotTrustedError: a key that is none of them signed it.

    """
    payload, armor = files.get(STATEMENT, b""), files.get(SIGNATURE, b"")
    key = sshsig.verify(payload, armor, closing_namespace(registry))
    closing = parse_closing(payload)
    if key.text not in keys:
        raise NotTrustedError(f"key {key.fingerprint} is not a valid key of member '{closing.member}'")
    if closing.registry != registry:
        raise NotTrustedError("this closing is of another registry")
    return closing


def keys_of(state: Lifecycle, member: str, *, ever: bool = False) -> frozenset[str]:
    """The keys that sign for a member now, or all that ever did in a version that counted."""
    if not ever:
        found = state.member_in_force(member)
        return frozenset(() if found is None else found.valid_keys)
    versions = state.reader.versions(Kind.MEMBER, member)
    counted = [state.reader.member(p) for p in versions if state.standing(p) is not Standing.PENDING]
    return frozenset(key.key for found in counted if found is not None for key in found.keys)


def closing_keys(main: Lifecycle, request: Change, member: str) -> frozenset[str]:
    """The keys with which a member may close a request: valid ones, or those a newcomer asks to join with."""
    known = main.reader.versions(Kind.MEMBER, member)
    asked = EntityPath(Kind.MEMBER, member, 1)
    if known or str(asked) not in request.added:
        return keys_of(main, member)
    newcomer = Reader(Overlay(main.reader.snapshot, request.added)).member(asked)
    return frozenset(() if newcomer is None else newcomer.valid_keys)


def expect_closable(main: Lifecycle, request: Change, member: str, verdict: ClosingVerdict) -> None:
    """See that a member may end a request so (raises RejectedError).

    Whoever signed all of it takes it back. Who holds the role to decide something in it rejects it; where
    nothing is to be decided, because it is held or is a new root, or nobody is left to, the admins do.
    """
    if verdict is ClosingVerdict.TAKEN_BACK:
        if not signed_all(request, member):
            raise RejectedError(
                f"'{member}' did not sign all of this request, and cannot take it back",
                hint="who decides about it may reject it",
            )
    elif member not in deciders(main, request):
        raise RejectedError(
            f"'{member}' decides about nothing in this request, and cannot reject it",
            hint="`medperf review ls` says who must act",
        )


def signed_all(request: Change, member: str) -> bool:
    """Whether everything in a request is signed by this one member."""
    return {path.signer for path in request.entities} == {member}


def deciders(main: Lifecycle, request: Change) -> frozenset[str]:
    """Who holds a role to decide something in a request, under what is in force in main; else the admins.

    They are asked too where nobody holds the role any more: the benchmark may have ended.
    """
    after = Lifecycle(Reader(Overlay(main.reader.snapshot, request.added)))
    roles = set(_roles(after, request))
    found = frozenset(member for role, subject in roles for member in _people(main, role, subject))
    return found or _people(main, Role.ADMINS, main.reader.root_path)


def _roles(after: Lifecycle, request: Change) -> Iterator[tuple[Role, EntityPath]]:
    """Roles that must decide about what a request adds, or about what its decisions are about."""
    for path in request.entities:
        if path.kind in (Kind.ROOT, Kind.REDACTION):
            continue
        vote = after.reader.entity(path)
        subject = parse_path(vote.subject.path) if isinstance(vote, Decision | Recorded) else path
        if after.reader.digest(subject) is None:
            continue
        revoking = isinstance(vote, Decision) and vote.verdict is DecisionVerdict.REVOKE
        role = revoking_role(subject.kind) if revoking else after.role(subject)
        if role is not Role.NOBODY:
            yield role, subject


def _people(main: Lifecycle, role: Role, subject: EntityPath) -> frozenset[str]:
    authority = main.authority(role, subject)
    people = None if authority is None else body(main.reader, authority)
    return frozenset() if people is None else people.members
