"""Rules about versions: no gaps, and each names the one it replaces."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.names import VOTES, EntityPath, Kind


@rule("VER001", "versions count from 1 without gaps")
def no_gaps(submission: Submission) -> Iterator[Fault]:
    """Version N+1 comes after N stands in the base."""
    for path in submission.entities:
        if path.version > 1 and submission.before.reader.known_digest(path.at(path.version - 1)) is None:
            yield Fault(path, f"version {path.version - 1} is missing", "take the next free version")


@rule("VER002", "a version names the one it replaces")
def replaces_what_is_in_force(submission: Submission) -> Iterator[Fault]:
    """`previous` is the SHA-256 of the version in force (of the one before, where none is in force)."""
    for path, entity in submission.entities.items():
        if path.version == 1:
            continue
        if path.kind in VOTES:
            expected = path.at(path.version - 1)
        else:
            found = submission.before.expected_previous(path)
            expected = found or path.at(path.version - 1)
        digest = submission.before.reader.known_digest(expected)
        if digest is not None and entity.previous != digest:
            yield Fault(
                path, f"`previous` is not the SHA-256 of '{expected}'", "sync, then write the version anew"
            )


@rule("VER003", "a change moves a name on by one version")
def one_version_at_a_time(submission: Submission) -> Iterator[Fault]:
    """Two versions that replace the same one, taking effect together, would lose what one of them says.

    So a change adds one version of a name or decides about one; results hang on nothing they replace.
    """
    touched = dict[tuple[Kind, str], set[EntityPath]]()
    for path in submission.entities:
        touched.setdefault((path.kind, path.id), set()).add(path)
    for path, _ in submission.votes():
        if path.subject.kind is not Kind.RESULT:
            touched.setdefault((path.subject.kind, path.subject.id), set()).add(path.subject)
    for paths in touched.values():
        if len(paths) > 1:
            first, *others = sorted(paths)
            message = f"the change adds or decides about '{first}' too: one version of a name at a time"
            for path in others:
                yield Fault(path, message, "submit one after the other")
