"""Rules about the tree: only additions of regular files that fit the grammar, in pairs, not too many."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.names import GITATTRIBUTES, REGISTRY_DIR, Kind, signature_path

_SHOWN = 100
"""Refused files that are named one by one; a stranger's tree may hold a million."""


@rule("TREE001", "a registry change only adds regular files that fit the grammar of paths", genesis=True)
def only_additions(submission: Submission) -> Iterator[Fault]:
    """A correction is a new version beside the old one, never an edit, deletion, rename or link."""
    refused = submission.change.refused
    for entry, reason in refused[:_SHOWN]:
        yield Fault(entry.shown, reason, "add the next version of the entity instead")
    if len(refused) > _SHOWN:
        yield Fault(REGISTRY_DIR, f"{len(refused) - _SHOWN} more files are refused")


@rule("TREE002", "nobody has taken the path before")
def path_is_free(submission: Submission) -> Iterator[Fault]:
    """Two writers of the same next version collide on the path; the later one takes the next number."""
    for path in sorted(submission.change.added):
        if submission.change.base.get(path) is not None:
            yield Fault(path, "is taken already", "sync, then submit again: it becomes the next version")


@rule("TREE003", "every entity has its signature beside it, every signature its entity", genesis=True)
def pairs(submission: Submission) -> Iterator[Fault]:
    """A file without signature says nothing; a signature without file signs nothing."""
    added = submission.change.added
    for entity in submission.change.entities:
        if entity.kind in (Kind.ROOT, Kind.REDACTION):
            continue
        wanted = str(signature_path(entity))
        if wanted not in added:
            yield Fault(entity, f"has no signature '{wanted}'", "sign it: ssh-keygen -Y sign")
    for signature in submission.change.signatures:
        if str(signature.entity) not in added:
            yield Fault(str(signature), f"signs '{signature.entity}', which is not in this change")


@rule("TREE004", "a change is not larger than the root allows")
def not_too_much(submission: Submission) -> Iterator[Fault]:
    """A request that people must judge has to be readable by people."""
    root = submission.root
    if root is None:
        return
    entities = len(submission.change.entities)
    size = sum(len(data) for data in submission.change.added.values())
    if entities > root.limits.change_entities:
        message = f"{entities} entities in one change, more than {root.limits.change_entities}"
        yield Fault(REGISTRY_DIR, message, "split the change")
    if size > root.limits.change_bytes:
        message = f"{size} bytes in one change, more than {root.limits.change_bytes}"
        yield Fault(REGISTRY_DIR, message, "split the change")


@rule("TREE005", "git's attributes stay as genesis made them")
def attributes_are_fixed(submission: Submission) -> Iterator[Fault]:
    """`.gitattributes` keeps git from altering bytes on checkout, so that signatures hold everywhere."""
    if GITATTRIBUTES in submission.change.added:
        yield Fault(GITATTRIBUTES, "may only be added by genesis", "leave it out")
