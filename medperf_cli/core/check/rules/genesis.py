"""Rules about the first commit of a registry."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import ROOT_ONE, Submission
from medperf_cli.core.entities.member import Member
from medperf_cli.core.names import GITATTRIBUTES, GITATTRIBUTES_BYTES, EntityPath, Kind, signature_path


@rule("GEN001", "genesis adds the root, its admins and nothing else", genesis=True)
def genesis_only(submission: Submission) -> Iterator[Fault]:
    """`.gitattributes`, root 1 signed by every admin it names, and those admins' first member files.

    Each of these holds the key that the root names for its admin; none has a `seen`.
    """
    if not submission.genesis:
        return
    root = submission.root
    if root is None:
        yield Fault(ROOT_ONE, "there is no registry here, and this change does not begin one")
        return
    admins = {a.member: a.key for a in root.admins.members}
    people = {EntityPath(Kind.MEMBER, name, 1): key for name, key in admins.items()}
    wanted = {GITATTRIBUTES, str(ROOT_ONE)}
    wanted |= {str(signature_path(ROOT_ONE, name)) for name in admins}
    wanted |= {str(p) for path in people for p in (path, signature_path(path))}
    for stray in sorted(set(submission.change.added) - wanted):
        yield Fault(stray, "does not belong to the first commit of a registry", "submit it afterwards")
    for lost in sorted(wanted - set(submission.change.added)):
        yield Fault(lost, "is missing from the first commit of the registry")
    if submission.change.added.get(GITATTRIBUTES, GITATTRIBUTES_BYTES) != GITATTRIBUTES_BYTES:
        yield Fault(GITATTRIBUTES, f"is not exactly {GITATTRIBUTES_BYTES!r}")
    for path, entity in submission.entities.items():
        if entity.seen is not None:
            yield Fault(path, "names a `seen`, but nothing came before genesis")
        if isinstance(entity, Member) and people.get(path) not in entity.valid_keys:
            yield Fault(path, "does not hold the key the root names for this admin")
