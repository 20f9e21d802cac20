"""Rules about single files: strict YAML, known fields, identity, what the signer had seen."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.root import FORMAT


def _faults(submission: Submission, rule_id: str) -> Iterator[Fault]:
    for path, message in submission.faults.get(rule_id, ()):
        yield Fault(path, message, "write the file with this tool, or repair the named place")


@rule("DOC001", "a file is strict YAML", genesis=True)
def strict_yaml(submission: Submission) -> Iterator[Fault]:
    """One document, one spelling, nothing that YAML 1.1 and 1.2 read differently, no more than 64 KiB."""
    yield from _faults(submission, "DOC001")


@rule("DOC002", "a file has exactly the fields of its kind", genesis=True)
def schema(submission: Submission) -> Iterator[Fault]:
    """Unknown fields are an error: what is signed must be understood."""
    yield from _faults(submission, "DOC002")


@rule("DOC003", "a file is what its path says", genesis=True)
def identity(submission: Submission) -> Iterator[Fault]:
    """`schema`, `id` and `version` equal the path, and the content has its one spelling."""
    yield from _faults(submission, "DOC003")


@rule("DOC004", "a file belongs to this registry", genesis=True)
def registry(submission: Submission) -> Iterator[Fault]:
    """`registry` is the id in the pinned root, so nothing can be replayed from another registry."""
    if submission.root is None:
        return
    for path, entity in submission.entities.items():
        if entity.registry != submission.root.registry:
            yield Fault(path, f"belongs to registry {entity.registry}, not {submission.root.registry}")


@rule("DOC005", "its signer had verified a recent state of this registry")
def seen(submission: Submission) -> Iterator[Fault]:
    """`seen` is the tree of `registry/` at a first-parent commit not longer ago than the root allows.

    So every signature vouches for the history before it, and an old closed request cannot be replayed
    for ever.
    """
    if submission.root is None:
        return
    limit = submission.root.limits.seen_commits
    for path, entity in submission.entities.items():
        age = None if entity.seen is None else submission.change.base.age(entity.seen)
        if entity.seen is None:
            yield Fault(path, "has no `seen`", "sync and sign again")
        elif age is None:
            yield Fault(
                path, f"`seen` {entity.seen} is not in this registry's history", "sync and sign again"
            )
        elif age > limit:
            yield Fault(path, f"`seen` is {age} commits old, more than {limit}", "sync and sign again")


@rule("DOC006", "the registry's format is one this tool judges", genesis=True)
def known_format(submission: Submission) -> Iterator[Fault]:
    """A tool that does not know a root's format must not pretend to judge what comes after it."""
    if submission.root is not None and submission.root.format > FORMAT:
        message = f"the registry has format {submission.root.format}, this tool knows {FORMAT}"
        yield Fault("root", message, f"install medperf-registry {submission.root.minimum_tool} or later")
