"""Approvals in the page of what was merged there before enough decisions existed: recorded in main itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from medperf_cli.adapters.forge.api import Pull
from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.check.engine import CONSENSUS, check_bounded
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.lifecycle.waiting import Waiting, pending
from medperf_cli.core.names import EntityPath
from medperf_cli.core.snapshot import Change, Overlay
from medperf_cli.flows.hosting.hosted_batch import Bench, Plan, brought_by
from medperf_cli.flows.hosting.hosted_page import Page
from medperf_cli.flows.hosting.merge_bot import BOT
from medperf_cli.flows.hosting.recording import Writer, recordable, voters

MOST = 20
"""Files that are asked about in one round; the others have their turn in later rounds."""


def record_in_main(bench: Bench, plan: Plan, paths: Sequence[EntityPath]) -> None:
    """Let a plan go on with a commit for each merge in the page of which something new is to be recorded.

    Args:
        bench: where to judge; without a page nothing is recorded.
        plan: is added to.
        paths: what is pending in main.

    """
    if bench.page is None:
        return
    merges: dict[str, list[Waiting]] = {}
    for waiting in _in_turn(_recordable(bench, plan.tip, bench.page, paths), bench.now):
        commit = brought_by(bench.store, plan.tip, str(waiting.path))
        if commit is not None:
            merges.setdefault(commit, []).append(waiting)
    for commit in sorted(merges):
        pull = bench.page.merged_as(commit)
        if pull is not None and bench.page.holds(bench.store, pull):
            _record(bench, plan, bench.page, pull, merges[commit])


def _recordable(bench: Bench, tip: str, page: Page, paths: Sequence[EntityPath]) -> list[Waiting]:
    state = Lifecycle(Reader(bench.store.snapshot(tip)))
    there = (p for p in paths if state.reader.digest(p) and state.standing(p) is Standing.PENDING)
    waiting = recordable(state, (pending(state, path) for path in there))
    return [w for w in waiting if voters(state, w, page.recorder.host)]


def _in_turn(waiting: Sequence[Waiting], now: dt.datetime) -> Sequence[Waiting]:
    """A few of many, others each time whatever the rhythm of rounds, so that none waits for ever."""
    start = int(sha256(now.isoformat().encode()), 16) % max(1, len(waiting))
    return [*waiting[start:], *waiting[:start]][:MOST]


def _record(bench: Bench, plan: Plan, page: Page, pull: Pull, waiting: Sequence[Waiting]) -> None:
    base = bench.store.snapshot(plan.tip)
    seen = bench.store.snapshot(pull.head)
    same = [w for w in waiting if seen.get(str(w.path)) == base.get(str(w.path))]
    writer = Writer(bench.store, plan.tip, page.recorder, pull.number, Overlay(base, {}))
    files = writer.files(same, page.acts(pull, merge=True))
    if not files or check_bounded(Change(base, files), sorts=CONSENSUS).verdict is Verdict.REJECT:
        return
    message = f"record approvals of request {pull.number}"
    date = max(bench.now, bench.store.commit_time(plan.tip))
    plan.add(write_commit(bench.store, plan.tip, files, message, author=BOT, date=date))
