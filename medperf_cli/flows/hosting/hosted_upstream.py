"""A clone and its upstream on a hosted forge: requests are mirrored into the refs a bare repository has."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.forge.api import Comment, ForgeApi, Pull
from medperf_cli.adapters.forge.base import Ended, RequestState, Shown
from medperf_cli.adapters.store.remote import Pushed, fetch, push
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.carried import MARK
from medperf_cli.core.names import PathError
from medperf_cli.core.requests import MAIN, RequestRef, closed_requests, is_number, parse_ref
from medperf_cli.errors import (
    ConflictError,
    MedperfError,
    NetworkError,
    RejectedError,
    TokenError,
    UnknownIdError,
)
from medperf_cli.flows.hosting.heard import Heard, Odd, heard, written_down
from medperf_cli.flows.hosting.hosted_notes import Note, read_notes, write_notes
from medperf_cli.flows.hosting.request_commits import concerns, shared_with_main
from medperf_cli.flows.hosting.upstream import HERE, Remembered, Upstream

NOTES = "medperf-requests.json"
_ENDED = 30
"""How many of the newest ended requests are looked at for signed closings."""


@dataclass(frozen=True)
class Seen:
    """One open request as the last fetch found it; `head` is the commit that was fetched."""

    pull: Pull
    head: str
    comments: Sequence[Comment]
    odd: Sequence[Odd]


class HostedUpstream(Upstream):
    """What a clone knows of its upstream on a hosted forge.

    Args:
        store: the clone.
        url: the registry's address.
        registry: the registry's id.
        api: the forge, asked patiently.
        token: for git, where the forge asks for one.
        thorough: read every comment again, and leave ended requests alone, as the merge bot does; else only
            requests that changed are asked about.

    """

    def __init__(
        self,
        store: GitStore,
        url: str,
        registry: str,
        api: ForgeApi,
        *,
        token: Token | None = None,
        thorough: bool = False,
    ) -> None:
        super().__init__(store, url, registry, token=token)
        self.api = api
        self.seen: dict[int, Seen] = {}
        self.unheard: dict[int, MedperfError] = {}
        """Requests whose comments the last fetch could not read, and why; they wait for the next one."""
        self._thorough = thorough
        self._fetched = False
        self._notes: dict[int, Note] = {}

    @override
    def fetch(self) -> Mapping[str, str]:
        """Main and all requests; asks the forge once, `refresh` asks again."""
        return self.known() if self._fetched else self.refresh()

    def refresh(self) -> Mapping[str, str]:
        """Ask the forge, fetch what is open, hear what comments say (raises NetworkError, TokenError)."""
        pulls = list(self.api.pulls())
        before = read_notes(self._file)
        ended = [] if self._thorough else self._newly_ended(before)
        heads = self._bring([*pulls, *ended])
        main = _main(self._store)
        asking = {number for number, head in heads.items() if self._asks(main, head)}
        open_numbers = {pull.number for pull in pulls} & asking
        notes = {n: note for n, note in before.items() if note.ended and n not in open_numbers}
        self.seen, self.unheard = {}, {}
        for pull in [p for p in (*pulls, *ended) if p.number in asking]:
            head, known = heads[pull.number], before.get(pull.number)
            comments = self._comments(pull, head, known)
            if comments is None:
                continue
            found = heard(self._store, main, str(pull.number), head, comments)
            self._mirror(pull, head, found, comments)
            carrying = [c for c in comments if c.body.lstrip().startswith(MARK)]
            is_open = pull.number in open_numbers
            notes[pull.number] = Note.of(pull, self.note(head), head, carrying, ended=not is_open)
            if is_open:
                self.seen[pull.number] = Seen(pull, head, comments, found.odd)
        self._forget(open_numbers, notes)
        self._notes = notes
        write_notes(self._file, notes)
        self._fetched = True
        return self.known()

    def _asks(self, main: str, head: str) -> bool:
        """Whether a head is about the registry; what changes only other files is nobody's business here.

        One that stands in main is shown to nobody, but the bot tells the page so.
        """
        stands = self._thorough and head in self._store.shared(main, head)
        return stands or concerns(self._store, main, head)

    def _newly_ended(self, before: Mapping[int, Note]) -> list[Pull]:
        """Requests closed without a merge that are not known to be; their closings are shown to people."""
        known = {number for number, note in before.items() if note.ended}
        found = self.api.ended(_ENDED)
        return [p for p in found if p.state is RequestState.CLOSED and p.number not in known]

    def _bring(self, pulls: Sequence[Pull]) -> dict[int, str]:
        """Fetch main and the heads of requests; the commits that arrived, by number."""
        wanted = {pull.number: self._refspec(pull) for pull in pulls}
        main = f"+{MAIN}:{HERE}heads/main"
        try:
            fetch(self._store, self._url, [main, *wanted.values()], token=self._token)
        except NetworkError:
            # If it is not the forge itself, a head is gone, or holds what git refuses to take.
            fetch(self._store, self._url, [main], token=self._token)
            for refspec in wanted.values():
                # Such a head is no request (any more); the others stay.
                with contextlib.suppress(NetworkError):
                    fetch(self._store, self._url, [refspec], token=self._token)
        known = self.known()
        found = {number: known.get(str(RequestRef(str(number)))) for number in wanted}
        return {number: head for number, head in found.items() if head is not None}

    def bring_head(self, pull: Pull) -> None:
        """Fetch what a request's head holds, open or not, without a ref (raises NetworkError)."""
        fetch(self._store, self._url, [self.api.heads.format(pull.number)], token=self._token)

    def _refspec(self, pull: Pull) -> str:
        return f"+{self.api.heads.format(pull.number)}:{HERE}pull/{pull.number}/head"

    def _comments(self, pull: Pull, head: str, known: Note | None) -> Sequence[Comment] | None:
        """What was said below a request; None where that cannot be read (any more)."""
        unchanged = known is not None and (known.updated, known.head) == (pull.updated, head)
        if known is not None and unchanged and not self._thorough:
            return known.carrying
        try:
            return self.api.comments(pull.number)
        except UnknownIdError:
            return None
        except (RejectedError, NetworkError) as error:
            self.api.pull(pull.number)  # a forge that does not answer this either is down
            self.unheard[pull.number] = error
            return None

    def _mirror(self, pull: Pull, head: str, found: Heard, comments: Sequence[Comment]) -> None:
        """Write what counts as commits on the head, and the refs that name them."""
        request = written_down(self, pull, head, found, comments)
        self._set(request.id, request.decisions, request.closings)

    def _set(self, number: str, decisions: Mapping[str, str], closings: Mapping[str, str]) -> None:
        """Let what stands beside a head be exactly these commits, by member."""
        wanted = {str(RequestRef(number, member)): oid for member, oid in decisions.items()}
        wanted |= {str(RequestRef(number, member, closed=True)): oid for member, oid in closings.items()}
        known = self._store.refs(f"{HERE}pull/{number}")
        theirs = {f"refs/{name.removeprefix(HERE)}": oid for name, oid in known.items()}
        for ref in {*theirs, *wanted} - {str(RequestRef(number))}:
            self._move(ref, wanted.get(ref), theirs.get(ref))

    def _move(self, ref: str, new: str | None, old: str | None) -> None:
        if new != old:
            with contextlib.suppress(ConflictError):  # another fetch of this clone wrote it: it knows as much
                self._store.update_ref(f"{HERE}{ref.removeprefix('refs/')}", new, old)

    def _forget(self, open_numbers: set[int], notes: Mapping[int, Note]) -> None:
        """Drop the refs of requests that are not open any more, but closings of those that were closed."""
        for name, oid in self.known().items():
            with contextlib.suppress(PathError):
                ref = parse_ref(name)
                number = int(ref.id) if ref.id.isdecimal() else 0
                kept = number in open_numbers or (ref.closed and number in notes)
                if not kept:
                    self._move(name, None, oid)

    @property
    def _file(self) -> Path:
        return self._store.git.directory / NOTES

    @override
    def base(self, request_id: str, head: str) -> str:
        return shared_with_main(self._store, _main(self._store), head)

    @override
    def shown(self, request_id: str) -> Shown | None:
        return _shown(self._notes, request_id)

    @override
    def ended(self) -> Sequence[Ended]:
        return _ended(self.known(), self._notes)

    # --- what a submitter does

    def entered(
        self, pull: Pull, head: str, decisions: Mapping[str, str], closings: Mapping[str, str]
    ) -> None:
        """Remember a request (with what waits beside it) that was sent from here a moment ago."""
        number = str(pull.number)
        ref = str(RequestRef(number))
        self._move(ref, head, self.known().get(ref))
        self._set(number, decisions, closings)
        note = Note.of(pull, self.note(head), head, (), ended=False)
        # Its comments are asked for again next time.
        early = dataclasses.replace(note, updated=dt.datetime.fromtimestamp(0, dt.UTC))
        self._notes = {**read_notes(self._file), pull.number: early}
        write_notes(self._file, self._notes)

    def place_branch(self, source: str, branch: str, commit: str) -> None:
        """Push a commit as a branch of a repository that one may push to (its full name).

        What stood there is replaced: the branch is named by its content.

        Raises:
            TokenError: the token may push, but not these files.
            RejectedError: it was refused.
            NetworkError: no answer.

        """
        refspec = f"+{commit}:refs/heads/{branch}"
        pushed = push(self._store, self._address_of(source), [refspec], token=self._token)
        if not pushed.ok:
            raise not_taken(source, branch, pushed)

    def _address_of(self, source: str) -> str:
        """The address of another repository on the same forge, reached the same way as the registry."""
        head, found, tail = self._url.rpartition(self.api.repository)
        return f"{head}{source}{tail}" if found else self._url


def not_taken(source: str, branch: str, pushed: Pushed) -> MedperfError:
    """The error for a branch that a repository refused.

    GitHub refuses commits with workflow files that the repository did not have to tokens without the scope
    `workflow`: so it is with a fork that is older than the registry's newest workflows.
    """
    reason = next(iter(pushed.refused.values()))
    said = f": {pushed.remote[-1]}" if pushed.remote else ""
    message = f"branch '{branch}' of '{source}' was not taken: {reason}{said}"
    if "refusing to allow" in reason and "workflow" in reason:
        hint = f"press *Sync fork* in the page of '{source}', or give the token the scope `workflow`"
        return TokenError(message, hint=hint)
    return RejectedError(message, hint="see that your token may push there")


class HostedRemembered(Remembered):
    """The same as it was when the forge was last asked; reading needs no network."""

    @override
    def base(self, request_id: str, head: str) -> str:
        return shared_with_main(self._store, _main(self._store), head)

    @override
    def shown(self, request_id: str) -> Shown | None:
        return _shown(read_notes(self._store.git.directory / NOTES), request_id)

    @override
    def ended(self) -> Sequence[Ended]:
        return _ended(self.known(), read_notes(self._store.git.directory / NOTES))


def _main(store: GitStore) -> str:
    return store.rev(f"{HERE}heads/main") or ""


def _ended(refs: Mapping[str, str], notes: Mapping[int, Note]) -> Sequence[Ended]:
    signed = closed_requests(refs).keys()
    unsigned = (note for note in notes.values() if note.ended and str(note.number) not in signed)
    return [Ended(str(n.number), n.title, n.author, n.opened, n.updated, n.url) for n in unsigned]


def _shown(notes: Mapping[int, Note], request_id: str) -> Shown | None:
    note = notes.get(int(request_id)) if is_number(request_id) else None
    return None if note is None else Shown(note.title, note.opened, note.url)
