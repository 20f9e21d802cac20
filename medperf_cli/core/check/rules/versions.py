"""Rules about versions: no gaps, and each names the one it replaces."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.root import Root
from medperf_cli.core.names import Kind


@rule("VER001", "versions count from 1 without gaps")
def no_gaps(submission: Submission) -> Iterator[Fault]:
    """Version N+1 comes after N stands, in the base or in the same change."""
    for path in submission.entities:
        if path.version > 1 and submission.after.reader.digest(path.at(path.version - 1)) is None:
            yield Fault(path, f"version {path.version - 1} is missing", "take the next free version")


@rule("VER002", "a version names the one it replaces")
def replaces_what_is_in_force(submission: Submission) -> Iterator[Fault]:
    """`previous` is the SHA-256 of the version in force (of the one before, where none is in force)."""
    for path, entity in submission.entities.items():
        if path.version == 1:
            continue
        if path.kind is Kind.DECISION:
            expected = path.at(path.version - 1)
        else:
            found = submission.before.expected_previous(path)
            expected = found or path.at(path.version - 1)
        digest = submission.after.reader.digest(expected)
        if digest is not None and entity.previous != digest:
            yield Fault(
                path, f"`previous` is not the SHA-256 of '{expected}'", "sync, then write the version anew"
            )


@rule("ROOT001", "a new root keeps the registry's identity and never lowers its format")
def root_continues(submission: Submission) -> Iterator[Fault]:
    """A root may change who decides and how strict the rules are, not which registry this is."""
    if submission.genesis:
        return
    old = submission.before.reader.root
    for path, root in submission.of(Root):
        if root.registry != old.registry:
            yield Fault(path, "names another registry")
        if root.format < old.format:
            yield Fault(path, f"lowers the format from {old.format} to {root.format}")
        if root.expires <= old.expires and path.version > 1:
            yield Fault(path, "does not expire later than the root it replaces")
        for admin in root.admins.members:
            if submission.before.in_force(Kind.MEMBER, admin.member) is None:
                yield Fault(path, f"admin '{admin.member}' is not a member in force")
