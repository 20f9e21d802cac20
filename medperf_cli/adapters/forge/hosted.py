"""Requests on a hosted forge: branches, pull requests, and comments that carry what members signed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Protocol

from medperf_cli.adapters.forge.api import ForgeApi, Pull
from medperf_cli.adapters.forge.base import Forge, Repository, Request, RequestState
from medperf_cli.adapters.forge.by_refs import ByRefs
from medperf_cli.core.carried import carrying
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.core.requests import MAIN, OpenRequest, request_id
from medperf_cli.errors import ConflictError, MedperfError, RejectedError, TokenError, UnknownIdError

BRANCHES = "medperf/"
"""Begins the name of every branch that a submission makes; the id of its content follows."""


class Mirror(Repository, Protocol):
    """A clone that mirrors a hosted forge's requests; a flow brings the one that the store offers."""

    def known(self) -> Mapping[str, str]:
        """What the forge was last known to have; commits by full ref name."""
        ...

    def place_branch(self, source: str, branch: str, commit: str) -> None:
        """Push a commit as a branch of a repository (raises RejectedError)."""
        ...

    def entered(
        self, pull: Pull, head: str, decisions: Mapping[str, str], closings: Mapping[str, str]
    ) -> None:
        """Remember a request that was sent from here a moment ago."""
        ...


class Hosted(ByRefs, Forge):
    """A forge with a web interface.

    Args:
        api: the forge, asked patiently.
        mirror: a clone and the way to its upstream.

    """

    def __init__(self, api: ForgeApi, mirror: Mirror) -> None:
        super().__init__(mirror)
        self._api = api
        self._mirror = mirror

    def open(
        self, files: Mapping[str, bytes], *, title: str, body: str, author: str, base: str, when: dt.datetime
    ) -> Request:
        """Submit files from a branch named by their content; the same files again are the same request.

        Raises:
            RejectedError: it was closed, or the forge refuses the branch.
            TokenError: there is no token, or it may not do this.
            NetworkError: the forge does not answer.

        """
        content = request_id(files)
        refs = self._mirror.known()
        if self._in_main(refs, files):
            return self._merged(content, refs)
        source = self._api.destination()
        branch = f"{BRANCHES}{content}"
        known = next(iter(self._api.pulls_from(source.name, branch)), None)
        if known is not None and known.state is RequestState.CLOSED:
            raise RejectedError(
                f"request {known.number} with exactly these files was closed: {known.url}",
                hint="change it, and ask again; or let somebody reopen it in the page",
            )
        if known is not None and known.state is RequestState.MERGED:
            return dataclasses.replace(self._merged(str(known.number), refs), url=known.url)
        if known is not None:
            return self.read(str(known.number))
        head = self._mirror.commit_files(base, files, title=title, author=author, when=when)
        self._mirror.place_branch(source.name, branch, head)
        made = self._api.create(title, body, source, branch)
        self._mirror.entered(made, head, {}, {})
        return self._describe(OpenRequest(str(made.number), head))

    def decide(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        """Deliver a member's decisions as a comment that carries them.

        Raises:
            UnknownIdError: the request is not open any more.
            ConflictError: it stands at another commit than the one that was looked at.
            TokenError, RejectedError, NetworkError: as `open`.

        """
        old = request.decisions.get(member)
        earlier = self._mirror.added(request.head, old) if old else {}
        if self._in_main(self._mirror.known(), files):
            return dataclasses.replace(request, state=RequestState.MERGED)
        if files.items() <= earlier.items():
            return request
        pull = self._as_looked_at(request)
        self._api.comment(pull.number, carrying(files, _words(member, _deciding(files))))
        together = {**files, **earlier}
        title = f"decisions of {member} on request {request.id}"
        commit = self._mirror.commit_files(request.head, together, title=title, author=member, when=when)
        decisions = {**request.decisions, member: commit}
        self._mirror.entered(pull, request.head, decisions, request.closings)
        return dataclasses.replace(request, decisions=decisions)

    def close(
        self, request: Request, member: str, files: Mapping[str, bytes], *, when: dt.datetime
    ) -> Request:
        """Deliver a closing as a comment, then close the request; who may not leaves that to the merge bot.

        Raises:
            UnknownIdError, ConflictError, TokenError, RejectedError, NetworkError: as `decide`.

        """
        pull = self._as_looked_at(request)
        if member not in request.closings:
            self._api.comment(pull.number, carrying(files, _words(member, "ends this request")))
        title = f"{member} closes request {request.id}"
        commit = self._mirror.commit_beside(request.head, files, title=title, author=member, when=when)
        closings = {**request.closings, member: commit}
        self._mirror.entered(pull, request.head, request.decisions, closings)
        state = RequestState.CLOSED
        try:
            self._api.close(pull.number)
        except (RejectedError, TokenError):
            state = RequestState.OPEN
        return dataclasses.replace(request, state=state, closings=closings)

    def merge(self, request: Request, commit: str, base: str) -> Request:
        """Push a merge of exactly this head as main's next commit, and let the page say so.

        Raises:
            ConflictError: main moved, or the request did.
            RejectedError: main is protected from this user.
            TokenError, NetworkError: as `open`.

        """
        pull = self._as_looked_at(request)
        try:
            answer = self._mirror.push({MAIN: commit}, {MAIN: base})
        except TokenError as error:
            raise _refusal(request, error.message) from error
        if answer.refused:
            raise _refusal(request, next(iter(answer.refused.values())))
        self._api.settle(pull, commit)
        return dataclasses.replace(request, state=RequestState.MERGED)

    def _as_looked_at(self, request: Request) -> Pull:
        """The request as it is on the forge now, if it still is what was looked at."""
        pull = self._api.pull(int(request.id))
        if pull.state is not RequestState.OPEN:
            raise UnknownIdError(
                f"request '{request.id}' is {pull.state} since you looked: {pull.url}",
                hint="`medperf review ls` lists the open ones",
            )
        if pull.head != request.head:
            raise ConflictError(
                f"request '{request.id}' was changed since you looked: it stands at {pull.head[:12]}",
                hint=f"`medperf review show {request.id}` shows it as it is now",
            )
        return pull


def _deciding(files: Mapping[str, bytes]) -> str:
    """What decision files do, in words for whoever reads the page; the files say it."""
    paths = [parse_path(path) for path in files if path.endswith(".yml")]
    said = [parse(path, files[str(path)]).document() for path in paths if path.kind is Kind.DECISION]
    verdicts = sorted({str(document["verdict"]) for document in said})
    return "decides on this request" + (f": {', '.join(verdicts)}" if verdicts else "")


def _words(member: str, does: str) -> str:
    return (
        f"**{member}** {does}. The files below are signed; the registry takes them from this comment, "
        "whoever wrote it. Please do not edit it."
    )


def _refusal(request: Request, reason: str) -> MedperfError:
    """The error for a main that was not taken."""
    if "fetch first" in reason or "stale info" in reason or "non-fast-forward" in reason:
        return ConflictError(f"main moved while request '{request.id}' was being merged")
    return RejectedError(
        f"the forge does not let you push to main: {reason}",
        hint="the merge bot merges it in its next round; or ask an admin to merge it",
    )
