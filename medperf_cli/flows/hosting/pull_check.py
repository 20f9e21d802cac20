"""One request on a hosted forge, judged from objects alone: what the check job of a forge's CI reports."""

from __future__ import annotations

from dataclasses import dataclass

from medperf_cli.adapters.credentials import Token
from medperf_cli.adapters.store.remote import fetch
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.findings import Report, Verdict
from medperf_cli.core.check.waiting_root import verdict_of_request
from medperf_cli.core.requests import MAIN, OpenRequest, RequestRef
from medperf_cli.errors import ConfigurationError, IntegrityError, MedperfError, RejectedError
from medperf_cli.flows.hosting.gathering import gather
from medperf_cli.flows.hosting.request_commits import concerns, refusal


@dataclass(frozen=True)
class PullCheck:
    """A request as it stands at `head`, judged as one change against the commit `main`.

    `concerned` is whether it touches the registry at all; what does not is for people, and for other checks.
    """

    number: int
    main: str
    head: str
    concerned: bool
    report: Report

    @property
    def verdict(self) -> Verdict:
        """What the merge bot would make of it without any decision; AUTO where it is not concerned."""
        return verdict_of_request(self.report)


RECENT = 400
"""Commits of history that suffice for nearly every request: its base and what its signers saw are recent."""
WHOLE = 2**31 - 1
"""Git's word for all of it."""


def bring(
    store: GitStore, url: str, number: int, heads: str, token: Token | None = None, *, depth: int = WHOLE
) -> tuple[str, str]:
    """Fetch main and the head of one request as objects; nothing is checked out, nothing in them is run.

    Args:
        store: where they go.
        url: the registry's address.
        number: the request's number.
        heads: the ref of a request's head there, with `{}` for its number.
        token: for git, where the forge asks for one.
        depth: after how many commits history is cut off; what was cut before comes with `WHOLE`.

    Returns:
        The commits of main and of the head.

    Raises:
        NetworkError: the forge does not answer, or has no such request.
        ConfigurationError: it has no main.

    """
    head_ref = str(RequestRef(str(number)))
    fetch(store, url, [f"+{MAIN}:{MAIN}", f"+{heads.format(number)}:{head_ref}"], token=token, depth=depth)
    main, head = store.rev(MAIN), store.rev(head_ref)
    if main is None or head is None:
        raise ConfigurationError("the repository has no main, or the request no head", hint="push main first")
    return main, head


def is_cut(store: GitStore) -> bool:
    """Whether history is cut off, so that a rejection may mean no more than that."""
    return (store.git.directory / "shallow").exists()


def _expect_uncut(store: GitStore, main: str, head: str) -> None:
    """See that it can be told what a head shares with main: a longer way may lead to something newer."""
    cut = set((store.git.directory / "shallow").read_text("ascii").split()) if is_cut(store) else set()
    if cut and any(commit in cut for commit in store.git.lines("rev-list", head, f"^{main}", "--")):
        raise RejectedError("its commits reach back beyond what was fetched")


def check_pull(store: GitStore, number: int, main: str, head: str) -> PullCheck:
    """Judge what a request adds to main, as the merge bot would without any decision.

    What cannot be judged at all is rejected, with the reason as a finding. Where history `is_cut`, whatever
    would be found beyond the cut is a missing object, and a request whose own commits reach to the cut is
    rejected, so nothing passes that the whole of it would reject.
    """
    try:
        _expect_uncut(store, main, head)
        if not concerns(store, main, head):
            return PullCheck(number, main, head, concerned=False, report=Report(()))
        report = gather(store, main, OpenRequest(str(number), head)).report
    except (RejectedError, IntegrityError) as error:
        report = _refused(number, error)
    return PullCheck(number, main, head, concerned=True, report=report)


def _refused(number: int, error: MedperfError) -> Report:
    return Report.of([refusal(f"request {number}", error.message, error.hint)])
