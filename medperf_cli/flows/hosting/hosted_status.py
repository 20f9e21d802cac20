"""What the merge bot says of a request on a hosted forge: the content of its one comment there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medperf_cli.core.check.findings import Finding, Verdict
from medperf_cli.core.entities.closing import Closing
from medperf_cli.flows.hosting.merge_bot import Fate

MARK = "<!-- medperf: status -->"
"""Begins the comment, so that the bot finds its own again."""
REVIEW, REJECTED = "medperf:review", "medperf:rejected"
LABELS = {Verdict.REVIEW: REVIEW, Verdict.REJECT: REJECTED}
"""What an open request is marked with; one that is AUTO is merged, and the page says so itself."""


@dataclass(frozen=True)
class Status:
    """How a request stands after a round.

    `findings` say what keeps it from main and whom it waits for. `odd` are comments that only look like
    decisions (whose, and what they lack), `left_out` members whose decisions no longer count, `recorded` the
    members whose approvals in the page count, and `page` says whether such approvals count at all. `closing`
    is the statement that ended it, `commit` that of main which holds it; `taken` says that a path in it is
    another file's for good.
    """

    number: int
    fate: Fate
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    odd: Sequence[tuple[str, str]] = ()
    left_out: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    page: bool = False
    closing: Closing | None = None
    commit: str | None = None
    taken: bool = False

    @property
    def ends(self) -> bool:
        """Whether the request is to be closed on the forge, without a merge."""
        return self.taken or (self.fate is Fate.CLOSED and self.commit is None)

    @property
    def labels(self) -> frozenset[str]:
        """The label it should carry while it is open."""
        label = (
            LABELS.get(self.verdict) if self.fate in (Fate.WAITS, Fate.REJECTED) and not self.ends else None
        )
        return frozenset() if label is None else frozenset({label})
