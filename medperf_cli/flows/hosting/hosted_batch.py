"""The merges of one round: each request is judged on the tip it will stand on, and merged by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from medperf_cli.adapters.forge.api import Comment, Pull
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.findings import Finding, Severity, Verdict
from medperf_cli.core.entities.closing import Closing
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.lifecycle.waiting import pending
from medperf_cli.core.names import REGISTRY_DIR, Kind, parse_path
from medperf_cli.core.requests import OpenRequest
from medperf_cli.errors import IntegrityError, MedperfError
from medperf_cli.flows.hosting.closings import AHEAD, judged_closing
from medperf_cli.flows.hosting.gathering import Gathered, gather, merge_request
from medperf_cli.flows.hosting.hosted_page import Page
from medperf_cli.flows.hosting.hosted_status import Status
from medperf_cli.flows.hosting.merge_bot import BOT, TAKEN, Fate
from medperf_cli.flows.hosting.receive import worded
from medperf_cli.flows.hosting.recording import asked_of_the_page
from medperf_cli.flows.hosting.request_commits import refusal
from medperf_cli.flows.reading.judging import Stretch, judged

PASSES = 6
"""Requests opened the wrong way round, the last of a row first, let in one more with each pass: a few hundred
of them would make a round so long that it never ends."""


@dataclass(frozen=True)
class Asked:
    """An open request as it was fetched: its commits, its page, the comments there, and those that are odd.

    `odd` are whose comments only look like decisions, and what they lack.
    """

    request: OpenRequest
    pull: Pull
    comments: Sequence[Comment] = ()
    odd: Sequence[tuple[str, str]] = ()


@dataclass
class Plan:
    """A chain of commits on `main` up to `tip`, and how each request stands with it, by number.

    `commits` are the chain, oldest first; `merges` those that merge a request, by its number.
    """

    main: str
    tip: str
    commits: list[str] = field(default_factory=list)
    merges: dict[int, str] = field(default_factory=dict)
    statuses: dict[int, Status] = field(default_factory=dict)

    def add(self, commit: str) -> None:
        """Let the chain go on with a commit."""
        self.commits.append(commit)
        self.tip = commit


@dataclass(frozen=True)
class Bench:
    """What judging needs: a store, the time, and the page's evidence where the root takes it."""

    store: GitStore
    now: dt.datetime
    page: Page | None = None

    def extend(self, plan: Plan, asked: Sequence[Asked]) -> None:
        """Merge into the plan what may be merged, in this order, until no merge lets another one in.

        A request that cannot be judged is rejected, and keeps no other from being merged. What needs more
        than `PASSES` over all of them is merged in later rounds.
        """
        at: dict[int, str] = {}
        for _ in range(PASSES):
            if all(at.get(one.pull.number) in (plan.tip, "") for one in asked):
                break
            for one in asked:
                number = one.pull.number
                if at.get(number) in (plan.tip, ""):
                    continue
                self._settle(plan, one)
                at[number] = "" if number in plan.merges else plan.tip

    def _settle(self, plan: Plan, one: Asked) -> None:
        number = one.pull.number
        try:
            status, gathered = self._judged(plan.tip, one)
            if gathered is not None:
                plan.merges[number] = merge_request(self.store, gathered, author=BOT, now=self.now)
                plan.add(plan.merges[number])
        except MedperfError as error:
            finding = refusal(f"request {number}", error.message, error.hint)
            status = Status(number, Fate.REJECTED, Verdict.REJECT, (finding,))
        plan.statuses[number] = replace(status, odd=tuple(one.odd))

    def _judged(self, tip: str, one: Asked) -> tuple[Status, Gathered | None]:
        """How a request stands against a tip; and as it would be merged, if it may be."""
        number = one.pull.number
        closing = self._closing(tip, one.request)
        if closing is not None:
            return Status(number, Fate.CLOSED, Verdict.REJECT, closing=closing), None
        head = one.request.head
        gathered = None if _stands_in(self.store, tip, head) else gather(self.store, tip, one.request)
        if gathered is None or gathered.done:
            return Status(number, Fate.CLOSED, Verdict.AUTO, commit=merged_by(self.store, tip, head)), None
        counts = bool(self.page and asked_of_the_page(gathered, self.page.recorder))
        if self.page is not None:
            gathered = self.page.heard(self.store, one.pull, gathered)
        fate = Fate.WAITS if _held_back(one, gathered) else _fate(gathered)
        status = Status(
            number,
            fate,
            Verdict.REVIEW if fate is Fate.WAITS else gathered.verdict,
            (*_findings(one, gathered), *worded(gathered.change.base, gathered.report.findings)),
            left_out=gathered.left_out,
            recorded=_recorded(gathered),
            page=counts,
            taken=fate is Fate.REJECTED and any(f.rule == TAKEN for f in gathered.report.findings),
        )
        return status, gathered if fate is Fate.MERGED else None

    def _closing(self, tip: str, request: OpenRequest) -> Closing | None:
        for member in sorted(request.closings):
            try:
                return judged_closing(self.store, tip, request, member, latest=self.now + AHEAD)
            except MedperfError:
                continue
        return None

    def proved(self, plan: Plan) -> None:
        """See that every reader will take the chain, as readers do (raises IntegrityError)."""
        stop = judged(self.store, Stretch(plan.main, plan.commits)).stop if plan.commits else None
        if stop is not None:
            said = stop.error or "; ".join(f"{f.rule} {f.path}: {f.message}" for f in stop.findings)
            raise IntegrityError(
                f"the batch is not lawful at commit '{stop.commit}', and is not pushed: {said}",
                hint="this is a bug of the merge bot; please report it",
            )


def _held_back(one: Asked, gathered: Gathered) -> bool:
    """Whether its author calls a draft what could be merged."""
    return one.pull.draft and _fate(gathered) is Fate.MERGED


def _findings(one: Asked, gathered: Gathered) -> Iterator[Finding]:
    """What no rule says of a request."""
    yield from _undecided_in_main(gathered)
    if _held_back(one, gathered):
        message = "is marked as a draft: the merge bot leaves it alone until its author says it is ready"
        yield Finding(Severity.REVIEW, "DRAFT", f"request {one.pull.number}", message, "mark it as ready")


def _fate(gathered: Gathered) -> Fate:
    if gathered.verdict is Verdict.REJECT:
        return Fate.REJECTED
    waits = gathered.verdict is Verdict.REVIEW or not gathered.change.added
    return Fate.WAITS if waits else Fate.MERGED


def _undecided_in_main(gathered: Gathered) -> Iterator[Finding]:
    """Whom that waits for of which nothing is new; of what is new, rules say it."""
    state = Lifecycle(Reader(gathered.change.base))
    for path in gathered.waiting_in_main if not gathered.change.added else ():
        waiting = pending(state, path)
        who = ", ".join(waiting.members) or "nobody can at present"
        message = f"waits in main for {waiting.count} more of the {waiting.role} to {waiting.verdict}: {who}"
        yield Finding(Severity.REVIEW, "APP001", str(path), message, "medperf review approve")


def _recorded(gathered: Gathered) -> tuple[str, ...]:
    paths = (parse_path(path) for path in gathered.change.added if path.endswith(".yml"))
    return tuple(sorted({path.parts[-1] for path in paths if path.kind is Kind.RECORDED}))


def _stands_in(store: GitStore, main: str, head: str) -> bool:
    """Whether a head stands in main's history: merged by itself, or below another head that was."""
    return store.git.local("merge-base", "--is-ancestor", head, main).code == 0


def merged_by(store: GitStore, main: str, head: str) -> str | None:
    """The first-parent commit of main that merged a head; None where none did."""
    if not _stands_in(store, main, head):
        return None
    lines = store.git.lines("rev-list", "--first-parent", "--parents", main, "--")
    return next((line.split(" ")[0] for line in lines if head in line.split(" ")[2:]), None)


def brought_by(store: GitStore, main: str, path: str) -> str | None:
    """The first-parent commit that added a file of the registry; None where it does not stand there."""
    found = store.git.lines("rev-list", "--first-parent", "-1", main, "--", f"{REGISTRY_DIR}/{path}")
    return next(iter(found), None)
