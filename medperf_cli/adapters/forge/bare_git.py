"""Requests on a bare git repository: refs below `refs/pull`, judged and merged by its hooks."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping

from medperf_cli.adapters.forge.base import Answer, Forge, Request, RequestState
from medperf_cli.adapters.forge.by_refs import ByRefs
from medperf_cli.core.requests import MAIN, SPOKEN, OpenRequest, RequestRef, open_requests, request_id
from medperf_cli.errors import (
    ConfigurationError,
    ConflictError,
    MedperfError,
    NetworkError,
    RejectedError,
    UnknownIdError,
)

_TAKEN = "TREE002 "
_AHEAD = "ahead of the clock"
"""What the hook says of a commit from a machine whose clock is wrong."""
_DECLINED = "pre-receive hook declined"
"""What git says of a push whose hook ended badly."""
_NOT_STORED = "unpacker error"
"""And where its objects could not be written."""


class BareGit(ByRefs, Forge):
    """The forge that is nothing but a git repository with hooks."""

    def open(
        self, files: Mapping[str, bytes], *, title: str, body: str, author: str, base: str, when: dt.datetime
    ) -> Request:
        """Submit files; the same files again are the same request.

        Raises:
            RejectedError: the hook rejects it; each finding is a line of the message.
            ConflictError: somebody else took the path, now or a moment ago.
            ConfigurationError: no hooks stand in the upstream: nothing would be judged or merged.
            NetworkError: the upstream does not answer.

        """
        del body  # there is no page to show it on
        number = request_id(files)
        found = self._known(number, files)
        if found:
            return found
        self._expect_hooks()
        ref = str(RequestRef(number))
        head = self._repository.commit_files(base, files, title=title, author=author, when=when)
        answer = self._repository.push({ref: head}, {ref: None})
        if answer.refused:
            # Somebody may have sent the very same request in this moment.
            found = self._known(number, files)
            if found is None:
                raise _refusal(answer, f"request '{number}'")
            return found
        return self._outcome(OpenRequest(number, head), files, answer)

    def decide(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        """Add a member's decisions to those waiting beside a request.

        Raises:
            UnknownIdError: the request is not open any more.
            RejectedError, ConflictError, ConfigurationError, NetworkError: as `open`.

        """
        refs = self._repository.fetch()
        if self._in_main(refs, files):
            return self._merged(request.id, refs)
        self._expect_open(request.id, refs)
        self._expect_hooks()
        ref = str(RequestRef(request.id, member))
        old = refs.get(ref)
        earlier = self._repository.added(request.head, old) if old else {}
        together = {**earlier, **files}
        if together == earlier:
            return self.read(request.id)
        title = f"decisions of {member} on request {request.id}"
        commit = self._repository.commit_files(request.head, together, title=title, author=member, when=when)
        answer = self._repository.push({ref: commit}, {ref: old})
        if answer.refused:
            raise _refusal(answer, f"the decision on request '{request.id}'")
        return self._outcome(OpenRequest(request.id, request.head), files, answer)

    def close(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        """End an open request by a member's signed statement; whoever comes after a merge is told.

        Raises:
            UnknownIdError: the request is not open (any more).
            RejectedError, ConfigurationError, NetworkError: as `open`.

        """
        refs = self._repository.fetch()
        self._expect_open(request.id, refs)
        self._expect_hooks()
        ref = str(RequestRef(request.id, member, closed=True))
        title = f"{member} closes request {request.id}"
        commit = self._repository.commit_beside(request.head, files, title=title, author=member, when=when)
        answer = self._repository.push({ref: commit}, {ref: None})
        now = self._repository.fetch()
        if self._in_main(now, self._repository.added(request.base, request.head)):
            raise UnknownIdError(f"request '{request.id}' was merged meanwhile", hint="see what it made")
        if answer.refused:
            self._expect_open(request.id, now)
            raise _refusal(answer, f"the closing of request '{request.id}'")
        if not list(_spoken(answer)):
            raise _no_hooks(self._repository.url)
        return dataclasses.replace(request, state=RequestState.CLOSED, closings={member: commit})

    def merge(self, request: Request, commit: str, base: str) -> Request:
        """Push a merge of the request as main's next commit (raises as `open`)."""
        answer = self._repository.push({MAIN: commit}, {MAIN: base})
        if answer.refused:
            raise _refusal(answer, f"the merge of request '{request.id}'")
        return dataclasses.replace(request, state=RequestState.MERGED)

    def _outcome(self, sent: OpenRequest, files: Mapping[str, bytes], answer: Answer) -> Request:
        """What became of a push that was taken: the hook has judged and perhaps merged by now."""
        spoken = list(_spoken(answer))
        if not spoken:
            raise _no_hooks(self._repository.url)
        rejected = [line for line in spoken if line.startswith(f"request {sent.id} rejected")]
        if rejected:
            details = [line for line in spoken if line not in rejected]
            raise _error(f"request '{sent.id}'", details or rejected)
        refs = self._repository.fetch()
        current = next((r for r in open_requests(refs) if r.id == sent.id), None)
        if current is not None and not self._in_main(refs, files):
            return self._describe(current)
        described = self._describe(sent, RequestState.MERGED)
        if not self._in_main(refs, self._repository.added(described.base, described.head)):
            raise ConflictError(f"request '{sent.id}' was closed: one of its paths is taken already")
        return described

    def _known(self, number: str, files: Mapping[str, bytes]) -> Request | None:
        """The request of this id, if it stands there already, open or in main."""
        refs = self._repository.fetch()
        if self._in_main(refs, files):
            return self._merged(number, refs)
        found = next((r for r in open_requests(refs) if r.id == number), None)
        if found is None:
            return None
        request = self._describe(found)
        there = self._repository.added(request.base, request.head)
        if not there or request_id(there) != number:
            raise ConflictError(
                f"request '{number}' of the upstream does not hold what its id says",
                hint="somebody wrote it past the hooks; ask the registry's admins to remove the ref",
            )
        return request

    @staticmethod
    def _expect_open(number: str, refs: Mapping[str, str]) -> None:
        if str(RequestRef(number)) not in refs:
            raise UnknownIdError(
                f"request '{number}' is not open any more", hint="`medperf review ls` lists the open ones"
            )

    def _expect_hooks(self) -> None:
        if self._repository.has_hooks() is False:
            raise _no_hooks(self._repository.url)


def _spoken(answer: Answer) -> Iterator[str]:
    return (line.removeprefix(SPOKEN) for line in answer.said if line.startswith(SPOKEN))


def _refusal(answer: Answer, what: str) -> MedperfError:
    """The error for refs that were not taken."""
    spoken = list(_spoken(answer))
    if spoken:
        return _error(what, spoken)
    reason = next(iter(answer.refused.values()))
    if _DECLINED in reason:
        # The hook never came to speak: it could not even start.
        said = f": {answer.said[-1]}" if answer.said else ""
        return ConfigurationError(
            f"the hook of the bare repository did not judge {what}{said}",
            hint="where it stands, run `medperf registry init --bare` on it again, which renews its hooks",
        )
    if _NOT_STORED in reason:
        said = f": {answer.said[-1]}" if answer.said else ""
        return NetworkError(
            f"the bare repository could not store {what}{said}",
            hint="where it stands, see that space is left; then run the same command again",
        )
    return ConflictError(f"{what} was not taken: {reason}", hint="run the same command again")


def _error(what: str, lines: list[str]) -> MedperfError:
    text = "\n  ".join([f"{what} was refused:", *lines])
    if any(_AHEAD in line for line in lines):
        return ConfigurationError(text, hint="set this machine's clock, then run the same command again")
    return (ConflictError if any(_TAKEN in line for line in lines) else RejectedError)(text)


def _no_hooks(url: str) -> ConfigurationError:
    return ConfigurationError(
        f"the bare repository '{url}' has no hooks: nobody judges or merges requests there",
        hint="where it stands, run `medperf registry init --bare` on it again, then `medperf bot run --once`",
    )
