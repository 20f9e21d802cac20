"""What the comments below a request say that counts: files signed by who they claim, about this very head."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from medperf_cli.adapters.forge.api import Comment, Pull
from medperf_cli.adapters.forge.base import Repository
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.carried import carried
from medperf_cli.core.entities.closing import SIGNATURE, STATEMENT, parse_closing
from medperf_cli.core.entities.decision import Decision
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.lifecycle.closing import closing_keys, keys_of, signed_closing
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.root_signing import Tally
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import (
    EntityPath,
    Kind,
    PathError,
    parse_path,
    parse_signature_path,
    signature_path,
)
from medperf_cli.core.requests import OpenRequest, decidable, request_id, stray_decisions
from medperf_cli.core.snapshot import Change
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import ConflictError, MedperfError, NotTrustedError, RejectedError
from medperf_cli.flows.hosting.request_commits import parsed_root, request_change, root_tally


@dataclass(frozen=True)
class Odd:
    """A comment that looks as if it carried a decision, and does not count, because of `why`."""

    comment: Comment
    why: str


@dataclass
class Heard:
    """The files that count, by member: decisions and signatures under a new root, and closings."""

    decisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    closings: dict[str, dict[str, bytes]] = field(default_factory=dict)
    odd: list[Odd] = field(default_factory=list)


def heard(store: GitStore, main: str, number: str, head: str, comments: Sequence[Comment]) -> Heard:
    """Read the comments below a request, oldest first; of two files at one path the first counts.

    Who wrote a comment does not matter: a signed word is its signer's, whoever carries it.

    Args:
        store: the repository, with main and the head.
        main: main's head, whose members' keys count.
        number: the request's number.
        head: the commit that the request stands at; what was signed about another one is odd.
        comments: below the request.

    """
    found = Heard()
    listener: _Listener | None = None
    for comment in comments:
        try:
            files = carried(comment.body)
            if files is None:
                continue
            listener = listener or _Listener.of(store, main, number, head)
            listener.take(files, found)
        except PathError as error:
            found.odd.append(Odd(comment, str(error)))
        except MedperfError as error:
            found.odd.append(Odd(comment, error.message))
    return found


def written_down(
    here: Repository, pull: Pull, head: str, found: Heard, comments: Sequence[Comment]
) -> OpenRequest:
    """A request with what its comments carry as commits on its head, which are made where they lack.

    Args:
        here: the clone where they are made.
        pull: the request.
        head: the commit it stands at.
        found: what counts of its comments.
        comments: all of them.

    """
    number, when = str(pull.number), max((c.written for c in comments), default=pull.opened)
    decisions: dict[str, str] = {}
    for member, files in found.decisions.items():
        title = f"decisions of {member} on request {number}"
        with contextlib.suppress(ConflictError):  # the head itself holds another file there
            decisions[member] = here.commit_files(head, files, title=title, author=member, when=when)
    closings = {
        member: here.commit_beside(
            head, files, title=f"{member} closes request {number}", author=member, when=when
        )
        for member, files in found.closings.items()
    }
    return OpenRequest(number, head, decisions, closings)


@dataclass(frozen=True)
class _Listener:
    """Main's state, and the request that is spoken about."""

    state: Lifecycle
    request: Change
    head: str

    @classmethod
    def of(cls, store: GitStore, main: str, number: str, head: str) -> _Listener:
        request = request_change(store, main, number, head)
        return cls(Lifecycle(Reader(store.snapshot(main))), request, head)

    @property
    def registry(self) -> str:
        return self.state.reader.first_root.registry

    def take(self, files: Mapping[str, bytes], found: Heard) -> None:
        """Enter the files of one comment, all or none (raises MedperfError, PathError)."""
        if STATEMENT in files or SIGNATURE in files:
            member = self._closing(files)
            found.closings.setdefault(member, dict(files))
            return
        by_member: dict[str, dict[str, bytes]] = {}
        for path, member in self._signed(files):
            by_member.setdefault(member, {})[path] = files[path]
        for member, own in by_member.items():
            stray = next(stray_decisions(own, member, decidable(self.request.added)), None)
            if stray is not None:
                raise RejectedError(f"'{stray[0]}' {stray[1]}")
        for member, own in by_member.items():
            there = found.decisions.setdefault(member, {})
            for path, data in own.items():
                there.setdefault(path, data)

    def _signed(self, files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
        """Each file with the member whose valid key signed it (or whose signature it is)."""
        for text in sorted(files):
            if text.endswith(".sig"):
                signature = parse_signature_path(text)
                if signature.entity.kind is Kind.ROOT:
                    yield text, self._under_root(text, files[text])
                elif str(signature.entity) not in files:
                    raise RejectedError(f"'{text}' comes without the file that it signs")
                else:
                    yield text, signature.entity.signer or ""
                continue
            path = parse_path(text)
            member, armor = path.signer, files.get(str(path.stem) + ".sig", b"")
            if path.kind is not Kind.DECISION or member is None:
                raise RejectedError(f"'{text}' is not a decision")
            key = signing_key(path, files[text], armor, self.registry)
            if key not in keys_of(self.state, member):
                raise NotTrustedError(f"'{text}' is not signed with a valid key of member '{member}'")
            self._expect_current(path, files[text])
            yield text, member

    def _expect_current(self, path: EntityPath, payload: bytes) -> None:
        """See that a decision is about what the request brings now, not about an earlier head of it."""
        decision = parse(path, payload)
        subject = decision.subject if isinstance(decision, Decision) else None
        brought = None if subject is None else self.request.added.get(subject.path)
        if subject is not None and brought is not None and sha256(brought) != subject.sha256:
            raise RejectedError(f"'{path}' is about an earlier version of '{subject.path}' than it holds now")

    def _under_root(self, text: str, armor: bytes) -> str:
        signature = parse_signature_path(text)
        path, admin = signature.entity, signature.admin or ""
        payload = self.request.added.get(str(path))
        root = None if payload is None else parsed_root(path, payload)
        if payload is None or root is None:
            raise RejectedError(f"'{text}' signs a root that this request does not bring")
        alone = {str(path): payload, str(signature_path(path, admin)): armor}
        found: Tally = root_tally(self.state, path, root, alone)
        if admin not in found.replaced | found.itself:
            raise NotTrustedError(f"'{text}': {found.faults[0][1]}")
        return admin

    def _closing(self, files: Mapping[str, bytes]) -> str:
        """The member who closes this request by that."""
        if set(files) != {STATEMENT, SIGNATURE}:
            raise RejectedError(f"a closing is exactly two files, '{STATEMENT}' and '{SIGNATURE}'")
        member = parse_closing(files[STATEMENT]).member
        closing = signed_closing(files, self.registry, closing_keys(self.state, self.request, member))
        if (closing.request, closing.head) != (request_id(self.request.added), self.head):
            raise RejectedError("this closing is about another request, or about an earlier head of it")
        return closing.member
