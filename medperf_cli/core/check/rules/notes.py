"""Rules that advise; they change no verdict."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, Sort, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.member import Member, MemberType
from medperf_cli.core.entities.result import Result


@rule("NOTE001", "a benchmark says where its documentation is", sort=Sort.NOTE)
def documented(submission: Submission) -> Iterator[Fault]:
    """Data owners decide by it whether to take part."""
    for path, benchmark in submission.of(Benchmark):
        if benchmark.docs_url is None:
            yield Fault(path, "has no `docs_url`", "add one with the next version")


@rule("NOTE002", "a person's contact is a role mailbox", sort=Sort.NOTE)
def role_mailbox(submission: Submission) -> Iterator[Fault]:
    """What stands in the registry stays in its history."""
    for path, member in submission.of(Member):
        if member.type is MemberType.PERSON and "." in member.contact.partition("@")[0]:
            yield Fault(path, f"'{member.contact}' looks like a private mailbox", "give a role mailbox")


@rule("NOTE003", "a result is complete", sort=Sort.NOTE)
def complete(submission: Submission) -> Iterator[Fault]:
    """Partial results are listed, and not ranked."""
    for path, result in submission.of(Result):
        if result.partial:
            yield Fault(path, "is partial: some cases have no value")


@rule("NOTE004", "a committee can decide what its benchmark's owner asks for", sort=Sort.NOTE)
def able_committee(submission: Submission) -> Iterator[Fault]:
    """The requester's own vote does not count: an owner who is needed for the threshold asks in vain."""
    for path, benchmark in submission.of(Benchmark):
        owner, threshold = path.signer, benchmark.committee.threshold
        others = set(benchmark.committee.members) - {owner}
        if len(others) < threshold:
            message = f"without '{owner}' the committee has {len(others)} of {threshold} votes"
            yield Fault(path, f"{message} for a new policy", "name more committee members")
