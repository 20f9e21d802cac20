"""Rules that name who must still decide; they never reject."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, Sort, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.decision import Decision, DecisionVerdict
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.requirement import Role, revoking_role
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import UNDECIDABLE, EntityPath


@rule("APP001", "what needs a decision has it", sort=Sort.DECISIONS)
def approved(submission: Submission) -> Iterator[Fault]:
    """Members and benchmarks wait for admins, associations for the committee, unless a policy admits them."""
    waiting = {p for p in submission.entities if p.kind not in UNDECIDABLE}
    waiting |= {p.subject for p, vote in submission.votes() if vote.verdict is DecisionVerdict.APPROVE}
    for path in sorted(waiting):
        here = submission.after.reader.digest(path) is not None
        if here and submission.after.standing(path) is Standing.PENDING:
            role = submission.after.role(path)
            yield _fault(submission, path, role, DecisionVerdict.APPROVE)


@rule("APP002", "a revocation has the votes it needs", sort=Sort.DECISIONS)
def revoked(submission: Submission) -> Iterator[Fault]:
    """One member of a committee of two does not end what both approved."""
    subjects = {p.subject for p, d in submission.of(Decision) if d.verdict is DecisionVerdict.REVOKE}
    for path in sorted(subjects):
        here = submission.after.reader.digest(path) is not None
        if here and submission.after.standing(path) is not Standing.REVOKED:
            yield _fault(submission, path, revoking_role(path.kind), DecisionVerdict.REVOKE)


@rule("APP003", "a new root is merged by people", sort=Sort.DECISIONS)
def root_by_people(submission: Submission) -> Iterator[Fault]:
    """The bot never changes who decides."""
    for path, _ in submission.of(Root):
        if not submission.genesis:
            yield Fault(path, "is a new root, and waits for an admin to merge it")


@rule("APP004", "a redaction is brought in by people", sort=Sort.DECISIONS, since=2)
def redaction_by_people(submission: Submission) -> Iterator[Fault]:
    """The bot never rewrites history; the host's admin applies it in the repository itself."""
    for path, _ in submission.of(Redaction):
        yield Fault(path, "a redaction comes with a rewritten history", "medperf registry redact --apply")


def _fault(submission: Submission, path: EntityPath, role: Role, verdict: DecisionVerdict) -> Fault:
    count, able = submission.after.missing(path, role, verdict)
    who = ", ".join(able) or "nobody can at present"
    return Fault(path, f"waits for {count} more of the {role} to {verdict}: {who}", "medperf review approve")
