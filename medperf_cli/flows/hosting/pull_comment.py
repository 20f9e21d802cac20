"""The status comment of one request, as the comment job of a forge's CI writes it after each check.

It judges again, with what the merge bot uses and from main alone; what the check job reported is not read,
since whoever sends a request can change that job. Pushing, closing and labels are the merge bot's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.forge.api import MAIN, ForgeApi, Pull
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.flows.hosting.heard import heard, written_down
from medperf_cli.flows.hosting.hosted_batch import Asked, Bench, Plan
from medperf_cli.flows.hosting.hosted_status import Status
from medperf_cli.flows.hosting.hosted_telling import Teller
from medperf_cli.flows.hosting.pull_check import bring
from medperf_cli.flows.hosting.request_commits import concerns
from medperf_cli.flows.hosting.upstream import Upstream


@dataclass(frozen=True)
class Commenter:
    """Who comments: the forge's web interface, and how a status reads.

    `url` is the registry's address, `token` for git, `clock` gives the time, aware.
    """

    api: ForgeApi
    url: str
    words: Callable[[Status], str]
    clock: Callable[[], dt.datetime]
    token: Token | None = None

    def standing_at(self, source: str, branch: str, head: str) -> Pull | None:
        """The open request into main from a branch, if it stands at a commit (still); else None.

        Raises:
            NetworkError, TokenError: the forge does not answer, or asks for (another) token.

        """
        found = self.api.pulls_from(source, branch)
        known = (p for p in found if p.state is RequestState.OPEN and p.into == MAIN and p.head == head)
        return next(known, None)

    def comment(self, store: GitStore, pull: Pull) -> Status | None:
        """Judge a request with the decisions below it, and keep its one status comment.

        Args:
            store: a repository of our own, for the objects.
            pull: the request.

        Returns:
            How it stands; None where there is nothing to say: it moved on, or leaves the registry alone.

        Raises:
            NetworkError, TokenError, RejectedError: the forge does not answer, or takes no comment.

        """
        main, head = bring(store, self.url, pull.number, self.api.heads, self.token)
        if head != pull.head or not concerns(store, main, head):
            return None
        asked = self._asked(store, main, pull)
        plan = Plan(main, main)
        Bench(store, self.clock()).extend(plan, [asked])
        status = plan.statuses[pull.number]
        teller = Teller(self.api, self.words, self.api.whoami().number)
        teller.say(status, asked)
        for _, trouble in teller.troubles:
            raise trouble
        return status

    def _asked(self, store: GitStore, main: str, pull: Pull) -> Asked:
        """The request with what its comments carry, as commits on its head."""
        comments = self.api.comments(pull.number)
        found = heard(store, main, str(pull.number), pull.head, comments)
        registry = Reader(store.snapshot(main)).first_root.registry
        here = Upstream(store, self.url, registry)
        request = written_down(here, pull, pull.head, found, comments)
        return Asked(request, pull, comments, [(odd.comment.author.login, odd.why) for odd in found.odd])
