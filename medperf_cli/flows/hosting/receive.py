"""What a bare repository accepts: each ref of a push is judged before anything of it is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medperf_cli.adapters.store.repository import GitStore, Step
from medperf_cli.core import snapshot as snap
from medperf_cli.core.check.engine import CONSENSUS, check_bounded
from medperf_cli.core.check.findings import Finding, Severity
from medperf_cli.core.check.waiting_root import barred
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import PathError, parse_path
from medperf_cli.core.requests import (
    MAIN,
    PULLS,
    OpenRequest,
    RefUpdate,
    RequestRef,
    closed_requests,
    parse_ref,
)
from medperf_cli.core.snapshot import Change, Snapshot
from medperf_cli.errors import IntegrityError, RejectedError
from medperf_cli.flows.hosting.closings import AHEAD, judged_closing, kept_closing
from medperf_cli.flows.hosting.request_commits import (
    decision_files,
    lacking,
    note,
    rebased,
    refusal,
    request_change,
    unsigned_roots,
)
from medperf_cli.flows.reading.registry import ROOT_ONE

MAX_UPDATES = 100
MAX_COMMITS = 1000
_MAX_LINES = 40
_MAX_LINE = 600


@dataclass(frozen=True)
class Receiver:
    """A repository, the time, and the SHA-256 of the root it was made for (None: not told)."""

    store: GitStore
    now: dt.datetime
    pinned: str | None

    def judge(self, updates: Sequence[RefUpdate]) -> dict[str, list[Finding]]:
        """What speaks against each ref of a push, by ref; empty where all may enter."""
        if len(updates) > MAX_UPDATES:
            return {updates[0].ref: [refusal("this push", f"moves more than {MAX_UPDATES} refs")]}
        judged = {update.ref: list(self._findings(update)) for update in updates}
        return {ref: findings for ref, findings in judged.items() if findings}

    def _findings(self, update: RefUpdate) -> Iterator[Finding]:
        try:
            yield from self._by_ref(update)
        except (RejectedError, IntegrityError) as error:
            yield refusal(update.ref, error.message, error.hint)

    def _by_ref(self, update: RefUpdate) -> Iterator[Finding]:
        if update.ref == MAIN:
            return self._main(update)
        try:
            ref = parse_ref(update.ref, bare=True)
        except PathError:
            message = "is not accepted: only main, requests and decisions on them are"
            return iter([refusal(update.ref, message, "push requests to refs/pull/<id>/head")])
        if update.new == update.old:
            return iter(())
        if update.new is None:
            message = "may not be deleted: the merge bot removes what was merged"
            return iter([refusal(update.ref, message)])
        if ref.member is None:
            return self._head(update, ref)
        judge = self._closing if ref.closed else self._decisions
        return judge(update, ref, ref.member)

    # --- main

    def _main(self, update: RefUpdate) -> Iterator[Finding]:
        """Only forward, and only by steps that replay; judged up to the first that does not."""
        if update.new is None:
            yield refusal(MAIN, "may not be deleted")
            return
        if update.old and not self.store.is_first_parent_ancestor(update.old, update.new):
            yield refusal(MAIN, "does not go on from where main stands", "fetch main, and merge onto it")
            return
        chain = self.store.first_parents(update.new, update.old)
        if len(chain) > MAX_COMMITS:
            yield refusal(MAIN, f"more than {MAX_COMMITS} commits in one push", "push them in parts")
            return
        for commit in chain:
            yield from self._date(commit)
        for step in self.store.history(update.new, update.old):
            found = list(self._step(step))
            yield from found
            if found:  # what follows stands on what is no registry
                return

    def _step(self, step: Step) -> Iterator[Finding]:
        change = self.store.change(step.parent, step.commit)
        if change.base.empty():
            yield from self._root(change)
        yield from _worded(change.base, check_bounded(change, sorts=CONSENSUS).at(Severity.REJECT))

    def _root(self, change: Change) -> Iterator[Finding]:
        """The first commit of a registry brings the root that this repository was made for."""
        root = change.added.get(ROOT_ONE)
        if root is None or sha256(root) != self.pinned:
            wanted = f"sha256:{self.pinned}" if self.pinned else "none"
            message = f"is not the root this repository was made for ({wanted})"
            yield refusal(ROOT_ONE, message, "make the repository with `medperf registry init --bare`")

    # --- requests

    def _head(self, update: RefUpdate, ref: RequestRef) -> Iterator[Finding]:
        if update.old is not None:
            yield refusal(update.ref, "the head of a request never changes", "submit another request")
            return
        assert update.new is not None  # noqa: S101 - deletions were refused before
        main = self._current_main()
        change = request_change(self.store, main, ref.id, update.new)
        current = self.store.snapshot(main)
        yield from self._dates(update.new)
        yield from self._closed(main, ref)
        if not change.refused and not lacking(current, change.added):
            yield refusal(update.ref, "everything in this request stands in main already", "sync")
            return
        found = {*_barring(change), *unsigned_roots(change)}
        if self.store.touches_registry(self.store.parent(update.new), main):
            found.update(_barring(Change(current, change.added, change.refused)))
        yield from sorted(found)

    def _decisions(self, update: RefUpdate, ref: RequestRef, member: str) -> Iterator[Finding]:
        head = self._head_of(ref)
        assert update.new is not None  # noqa: S101 - deletions were refused before
        main = self._current_main()
        request = request_change(self.store, main, ref.id, head)
        files = decision_files(self.store, request, head, member, update.new)
        yield from self._dates(update.new)
        current = self.store.snapshot(main)
        yield from _barring(rebased(current, request, files))
        if update.old is None:
            return
        try:
            before = decision_files(self.store, request, head, member, update.old)
        except (RejectedError, IntegrityError):  # put there past this hook: nothing that could be lost
            return
        still = not list(_barring(rebased(current, request, before)))
        if still and not before.items() <= files.items():
            yield refusal(update.ref, "decisions delivered before may not be taken away", "add to them")

    def _closing(self, update: RefUpdate, ref: RequestRef, member: str) -> Iterator[Finding]:
        if update.old is not None:
            yield refusal(update.ref, "a closing never changes", "the request is closed already")
            return
        head = self._head_of(ref)
        assert update.new is not None  # noqa: S101 - deletions were refused before
        main = self._current_main()
        yield from self._dates(update.new)
        request = OpenRequest(ref.id, head, closings={member: update.new})
        judged_closing(self.store, main, request, member, latest=self.now + AHEAD)

    def _head_of(self, ref: RequestRef) -> str:
        # The head must be there before: refs of one push appear one after the other, and the merge bot
        # removes decisions without a request.
        head = self.store.rev(str(RequestRef(ref.id)))
        if head is None:
            raise RejectedError("there is no open request of this id", hint="sync: it may be merged by now")
        return head

    def _closed(self, main: str, ref: RequestRef) -> Iterator[Finding]:
        """What was rejected or taken back is not opened again as it was."""
        closed = closed_requests(self.store.refs(f"{PULLS}/{ref.id}")).get(ref.id, {})
        for member, commit in sorted(closed.items()):
            found = kept_closing(self.store, main, ref.id, member, commit)
            if found is not None:
                message = f"was {found.verdict} by {member} on {found.time[:10]}: {found.reason}"
                yield refusal(f"request {ref.id}", message, "change it, and ask again")

    def _current_main(self) -> str:
        main = self.store.rev(MAIN)
        if main is None or self.store.registry_tree(main) is None:
            raise RejectedError("there is no registry here yet", hint="push main first")
        return main

    def _dates(self, commit: str) -> Iterator[Finding]:
        """Both dates of a commit beside main: the author's is shown as the time of submission."""
        yield from self._date(commit)
        yield from self._date(commit, note(self.store, commit).time)

    def _date(self, commit: str, said: dt.datetime | None = None) -> Iterator[Finding]:
        date = said or self.store.commit_time(commit)
        if date > self.now + AHEAD:
            message = (
                f"is dated {date:%Y-%m-%d %H:%M} UTC, ahead of the clock ({self.now:%Y-%m-%d %H:%M} UTC)"
            )
            yield refusal(f"commit {commit[:12]}", message, "set the clock, then commit anew")


def lines(findings: Sequence[Finding]) -> list[str]:
    """Findings as lines that are safe to print: rule, path, message, repair; the first few dozen."""
    shown = [_line(finding) for finding in findings[:_MAX_LINES]]
    if len(findings) > _MAX_LINES:
        shown.append(f"and {len(findings) - _MAX_LINES} more")
    return shown


def _line(finding: Finding) -> str:
    repair = f"; {finding.repair}" if finding.repair else ""
    text = f"{finding.rule} {finding.path}: {finding.message}{repair}"
    return "".join(c if c.isprintable() else " " for c in text)[:_MAX_LINE]


def _barring(change: Change) -> Iterator[Finding]:
    """What keeps a change from waiting as a request; the missing signatures of a new root do not."""
    return _worded(change.base, barred(check_bounded(change, sorts=CONSENSUS)))


def _worded(base: Snapshot, findings: Sequence[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield _with_version(base, finding) if finding.rule == "TREE002" else finding


def _with_version(base: Snapshot, finding: Finding) -> Finding:
    """Tell the writer of a taken path which version is free."""
    if not finding.path.endswith(".yml"):
        return finding
    path = parse_path(finding.path)
    free = snap.versions(base, path.kind, path.id)[-1].version + 1
    repair = f"version {free} is free: sync, then submit again"
    return Finding(finding.severity, finding.rule, finding.path, finding.message, repair)
