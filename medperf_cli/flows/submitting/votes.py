"""What the votes about an open request rest on, in main and in what the request brings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.evidence import Evidence, standing_votes
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath
from medperf_cli.core.requests import decidable
from medperf_cli.errors import DocumentError
from medperf_cli.flows.submitting.desk import Desk
from medperf_cli.flows.submitting.review import Review, state_after


def votes_on(desk: Desk, review: Review) -> list[Evidence]:
    """The votes that stand about what a request adds or decides; none where it is rejected.

    What a rejected request says of votes is nobody's word yet.
    """
    if review.verdict is Verdict.REJECT:
        return []
    after = state_after(desk, review.files)
    return [vote for subject in sorted(decidable(review.files)) for vote in _votes(after, subject)]


def _votes(after: Lifecycle, subject: EntityPath) -> Iterator[Evidence]:
    with contextlib.suppress(DocumentError):
        found = [*after.decisions(subject), *after.recorded(subject)]
        digest = after.reader.digest(subject) or ""
        yield from standing_votes([(path, vote.document()) for path, vote in found], digest)
