"""Rules about the root: who signs a new one, what it may not change, and that it comes alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.root import Admins, Root
from medperf_cli.core.lifecycle.root_signing import tally, valid_keys
from medperf_cli.core.names import EntityPath, Kind


@rule("SIG002", "a root is signed by the admins it and its predecessor require", genesis=True)
def root_signatures(submission: Submission) -> Iterator[Fault]:
    """Root 1 is signed by every admin it names; root N+1 by the thresholds of N and of N+1.

    Under N only the keys that N names count. Under N+1 an admin of both may sign with either key: the old
    one vouches for the new one, which the admin's member file holds.
    """
    for path, root in submission.of(Root):
        old = root.admins if submission.genesis else submission.before.reader.root.admins
        keys = None if submission.genesis else valid_keys(submission.before)
        signatures = [s for s in submission.change.signatures if s.entity == path]
        found = tally(old, root, signatures, submission.signing_key, keys=keys)
        for signature, reason in found.faults:
            yield Fault(str(signature), reason)
        yield from _short_of(path, "it replaces", old, found.replaced, all_of=submission.genesis)
        yield from _short_of(path, "it names", root.admins, found.itself)


def _short_of(
    path: EntityPath, whose: str, admins: Admins, signed: Collection[str], *, all_of: bool = False
) -> Iterator[Fault]:
    need = len(admins.members) if all_of else admins.threshold
    if len(signed) < need:
        message = f"has {len(signed)} of {need} signatures by the admins of the root {whose}"
        yield Fault(path, message, "collect them first")


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
        if root.expires <= old.expires:
            yield Fault(path, "does not expire later than the root it replaces")
        for admin in root.admins.members:
            if submission.before.in_force(Kind.MEMBER, admin.member) is None:
                yield Fault(path, f"admin '{admin.member}' is not a member in force")
            elif admin.key not in valid_keys(submission.before)(admin.member):
                yield Fault(path, f"the key of admin '{admin.member}' is not a valid key of that member")


@rule("ROOT002", "a new root comes alone")
def root_alone(submission: Submission) -> Iterator[Fault]:
    """Whatever else a change holds is judged under the old root; nobody has to wonder under which."""
    roots = [path for path, _ in submission.of(Root)]
    if roots and not submission.genesis:
        for path in submission.entities:
            if path != roots[0]:
                yield Fault(path, f"stands in one change with '{roots[0]}'", "submit it afterwards")
