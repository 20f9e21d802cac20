"""The merge bot on a hosted forge: one round over all open requests, one push of main, one comment each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from medperf_cli.adapters.keys.base import Signer
from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.core.requests import MAIN, open_requests
from medperf_cli.errors import ConfigurationError, ConflictError, MedperfError, NetworkError, RejectedError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.bot_memory import LOCK
from medperf_cli.flows.hosting.hosted_batch import Asked, Bench, Plan
from medperf_cli.flows.hosting.hosted_page import Page
from medperf_cli.flows.hosting.hosted_pending import record_in_main
from medperf_cli.flows.hosting.hosted_status import Status
from medperf_cli.flows.hosting.hosted_telling import FEW, Teller
from medperf_cli.flows.hosting.hosted_upstream import HostedUpstream, Seen
from medperf_cli.flows.hosting.merge_bot import Outcome
from medperf_cli.flows.hosting.recording import Recorder, records
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verified_index import reading

_TRIES = 5
_LOCK_SECONDS = 300.0
CALLS = 3
"""Of the forge's web interface a request and round; where there are many, what does not fit is said later."""
_LISTS = 3
"""Calls for the whole round: the open requests, twice; whose token it is."""
Troubles = list[tuple[str, MedperfError]]
"""What could not be done in a round, and why; it waits for the next one."""


@dataclass(frozen=True)
class Round:
    """What became of each open request, by number, and what could not be done."""

    outcomes: tuple[Outcome, ...]
    troubles: tuple[tuple[str, MedperfError], ...]


@dataclass
class HostedBot:
    """A bot with a working copy of its own, that of the registry in use.

    `words` is how a status reads, `signer` the recorder's key where there is one.
    """

    deps: Deps
    store: GitStore
    upstream: HostedUpstream
    words: Callable[[Status], str]
    signer: Signer | None = None
    _troubles: Troubles = field(default_factory=list)

    def run_once(self) -> Round:
        """Merge what may be merged with one push, then say below each open request how it stands.

        Killed anywhere, the next round finishes. Main moves in one step, and only from where it was judged;
        if somebody else was quicker, the round begins anew.

        Raises:
            LawlessError, IntegrityError: main is not what the check lets pass; nothing is merged onto it.
            RejectedError: the forge does not let this account push main.
            ConflictError: main moved again and again, or another bot works in this folder.
            NetworkError, TokenError: the forge does not answer, or asks for (another) token.

        """
        with exclusive(self.store.git.directory / LOCK, "merge bot", wait=_LOCK_SECONDS):
            for _ in range(_TRIES):
                done = self._round()
                if done is not None:
                    return done
        raise ConflictError(
            f"main moved {_TRIES} times while requests were being merged", hint="run the bot again"
        )

    def _round(self) -> Round | None:
        """One try; None where main moved under way."""
        self._troubles = []
        main = self._verified_main()
        self._troubles += [(f"request {number}", why) for number, why in self.upstream.unheard.items()]
        asked = self._asked()
        bench = Bench(self.store, self.deps.clock(), self._page(main))
        waiting = self._pending_in_main() if bench.page else ()
        plan = _planned(bench, main, asked, waiting)
        teller = self._teller(len(asked), bench.page)
        if plan.commits:
            asked = self._unchanged(asked)
            if plan.merges.keys() - {one.pull.number for one in asked}:
                plan = _planned(bench, main, asked, waiting)
            bench.proved(plan)
            for one in asked:
                if one.pull.number in plan.merges:  # if we are killed, no page says that it waits
                    teller.amend(plan.statuses[one.pull.number], one)
            if not self._pushed(plan):
                return None
        for one in asked:
            number = one.pull.number
            teller.tell(_told(plan, number), one)
        self._troubles += bench.page.troubles if bench.page else ()
        return Round(tuple(_outcomes(plan)), tuple(self._troubles))

    def _verified_main(self) -> str:
        """Fetch, and see that all of main is lawful, as every reader does."""
        main = self.upstream.refresh().get(MAIN)
        verified = sync(self.deps).commit
        if main is None or not self.store.is_first_parent_ancestor(main, verified):
            raise ConflictError("main went back while it was being read", hint="tell the registry's admins")
        return main

    def _asked(self) -> list[Asked]:
        """The open requests as they were fetched, oldest first."""
        found = {int(r.id): r for r in open_requests(self.upstream.known()) if r.id.isdecimal()}
        return [
            Asked(
                found[number], seen.pull, seen.comments, [(o.comment.author.login, o.why) for o in seen.odd]
            )
            for number, seen in sorted(self.upstream.seen.items())
            if number in found
        ]

    def _unchanged(self, asked: Sequence[Asked]) -> list[Asked]:
        """Those that are still open and stand where they were fetched; the others wait for the next round."""
        now = {pull.number: pull.head for pull in self.upstream.api.pulls()}
        return [one for one in asked if now.get(one.pull.number) == one.request.head]

    def _page(self, main: str) -> Page | None:
        """The page as evidence, if the root in force takes any and we hold its recorder's key."""
        root = Reader(self.store.snapshot(main)).root
        if not records(root):
            return None
        api = self.upstream.api
        try:
            if self.signer is not None:
                recorder = Recorder(self.signer, api.host, api.repository)
                if recorder.is_named_by(root):
                    return Page(api, recorder, self.upstream.bring_head)
            raise ConfigurationError(
                "approvals in the page are not recorded: this bot does not hold the recorder's key",
                hint="give the key that the root names, in MEDPERF_RECORDER_KEY",
            )
        except MedperfError as error:
            self._troubles.append(("recorder", error))
            return None

    def _teller(self, requests: int, page: Page | None) -> Teller:
        """Who writes below requests: as much as keeps the round within its number of calls."""
        api = self.upstream.api
        spent = requests + _LISTS + (page.asked if page else 0)  # the comments of each were read
        left = max(FEW, CALLS * requests - spent)
        return Teller(api, self.words, api.whoami().number, left, self._troubles)

    def _pending_in_main(self) -> list[EntityPath]:
        with reading(self.deps.settings) as (index, _):
            rows = index.entities(Kind.ASSOCIATION, Filter(in_force=None, standing="pending"))
            return [parse_path(row.path) for row in rows]

    def _pushed(self, plan: Plan) -> bool:
        """Move main from where it was judged to the tip; False where it moved meanwhile."""
        refused: Sequence[str] = ()
        try:
            answer = self.upstream.push({MAIN: plan.tip}, {MAIN: plan.main})
            if not answer.refused:
                return True
            refused = (*answer.refused.values(), *answer.said)
        except NetworkError:
            if self.upstream.main_now() != plan.tip:  # else only the answer was lost
                raise
            return True
        now = self.upstream.main_now()
        if now == plan.main:
            raise RejectedError(
                f"the forge does not take the bot's push of main: {'; '.join(refused)}",
                hint="let the bot's account push to main, past the rule that asks for requests: "
                "`medperf registry doctor` says what is missing",
            )
        return now == plan.tip


def _odd(seen: Seen) -> list[tuple[str, str]]:
    return [(odd.comment.author.login, odd.why) for odd in seen.odd]


def _planned(bench: Bench, main: str, asked: Sequence[Asked], waiting: Sequence[EntityPath]) -> Plan:
    plan = Plan(main, main)
    record_in_main(bench, plan, waiting)
    bench.extend(plan, asked)
    return plan


def _told(plan: Plan, number: int) -> Status:
    """How a request stands now that main moved."""
    status = plan.statuses[number]
    return replace(status, commit=plan.merges.get(number, status.commit))


def _outcomes(plan: Plan) -> list[Outcome]:
    return [
        Outcome(str(number), s.fate, plan.merges.get(number, s.commit), s.findings, s.left_out)
        for number, s in sorted(plan.statuses.items())
    ]
