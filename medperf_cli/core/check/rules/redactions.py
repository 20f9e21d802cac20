"""Rules about redactions: who signs one, what it may take out, and that what is gone stays gone."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.redaction import KEPT, Redaction
from medperf_cli.core.lifecycle.root_signing import admin_key, pairs, valid_keys
from medperf_cli.core.names import VOTES
from medperf_cli.errors import SignatureError


@rule("RED001", "a redaction is signed by the admins that the root in force requires", since=2)
def redaction_signatures(submission: Submission) -> Iterator[Fault]:
    """By its threshold of them, each with the key that the root names, while that is valid."""
    admins, keys = submission.before.reader.root.admins, valid_keys(submission.before)
    for path, _ in submission.of(Redaction):
        signed = set[str]()
        for signature in submission.change.signatures:
            if signature.entity == path:
                try:
                    made_by = submission.signing_key(signature)
                    signed.add(admin_key(signature, made_by, pairs(admins), keys)[0])
                except SignatureError as error:
                    yield Fault(str(signature), error.message)
        if len(signed) < admins.threshold:
            message = f"has {len(signed)} of {admins.threshold} signatures by the admins of the root in force"
            yield Fault(path, message, "collect them first: medperf registry redact --sign")


@rule("RED002", "a redaction comes alone", since=2)
def redaction_alone(submission: Submission) -> Iterator[Fault]:
    """It says what history was before; nothing else enters with it."""
    redactions = [path for path, _ in submission.of(Redaction)]
    for path in submission.entities if redactions else ():
        if path != redactions[0]:
            yield Fault(path, f"stands in one change with '{redactions[0]}'", "submit it afterwards")


@rule("RED003", "a redaction takes out whole entities that may go, and they are gone", since=2)
def takes_out_what_may_go(submission: Submission) -> Iterator[Fault]:
    """A file goes with its signature, a decision with what it is about; roots, members, redactions stay.

    A decision that went alone would bring back what it ended, and nobody could see that any more.
    """
    reader = submission.before.reader
    for path, redaction in submission.of(Redaction):
        gone = redaction.digests.keys() | reader.dropped.keys()
        files = {file.path: file.entity for file in redaction.files}
        for text, entity in sorted(files.items()):
            if entity.kind in KEPT:
                yield Fault(path, f"'{text}': a {entity.kind} is never taken out")
            elif reader.snapshot.get(text) is not None:
                yield Fault(path, f"'{text}' still stands here", "medperf registry redact --apply")
            elif {str(entity), f"{entity.stem}.sig"} - files.keys():
                yield Fault(path, f"'{text}' goes without its file or its signature")
            elif entity in reader.dropped:
                yield Fault(path, f"'{text}' was taken out before")
            elif entity.kind in VOTES and entity.subject not in gone:
                yield Fault(path, f"'{text}' goes without '{entity.subject}', which it decides about")


@rule("RED004", "what a redaction took out had entered this history", since=2)
def entered_here(submission: Submission) -> Iterator[Fault]:
    """Each `before` is the tree of `registry/` at some first-parent commit, as it was before redactions."""
    for path, redaction in submission.of(Redaction):
        for group in redaction.dropped:
            if submission.change.base.age(group.before) is None:
                yield Fault(path, f"`before` {group.before} is not in this registry's history")


@rule("RED005", "a path that was redacted stays taken", since=2)
def stays_gone(submission: Submission) -> Iterator[Fault]:
    """What was taken out cannot be replaced by something else under its name."""
    dropped = submission.before.reader.dropped
    for path in submission.change.entities:
        if path in dropped:
            yield Fault(path, "was taken out by a redaction", "take the next version")
