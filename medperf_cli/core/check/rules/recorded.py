"""Rules about approvals recorded from a forge: where allowed, by which key, for whose login."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core import sshsig
from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.entities.recorded import Recorded
from medperf_cli.core.names import signature_path
from medperf_cli.errors import SignatureError


@rule("REC001", "approvals are recorded only where the root allows it", since=2)
def allowed_by_the_root(submission: Submission) -> Iterator[Fault]:
    """The root in force names a recorder and lists the kind; it can list associations and nothing else."""
    root = submission.before.reader.root
    for path, _ in submission.of(Recorded):
        kind = path.subject.kind
        if root.recorder is None:
            yield Fault(path, "the root in force names no recorder", "medperf review approve signs instead")
        elif str(kind) not in root.recorded_kinds:
            message = f"the root in force does not let a recorded approval suffice for a {kind}"
            yield Fault(path, message, "medperf review approve signs instead")


@rule("REC002", "a recorded approval is signed by the recorder of the root in force", since=2)
def by_the_recorder(submission: Submission) -> Iterator[Fault]:
    """By that key alone: neither a member's, nor the recorder's of an earlier root, records anything."""
    recorder = submission.before.reader.root.recorder
    for path, _ in submission.of(Recorded):
        if submission.armor(str(signature_path(path))) is None:
            continue
        try:
            key = submission.signing_key(signature_path(path))
        except SignatureError as error:
            yield Fault(path, error.message, "only the merge bot writes such a file")
            continue
        if recorder is not None and key != recorder.key:
            fingerprint = sshsig.parse_public_key(key).fingerprint
            message = f"key {fingerprint} is not the recorder's in the root in force"
            yield Fault(path, message, "only the merge bot writes such a file")


@rule("REC003", "the login that approved is the member's", since=2)
def login_of_the_member(submission: Submission) -> Iterator[Fault]:
    """The member's version in force in base has this forge and this number; a login's name may change."""
    for path, recorded in submission.of(Recorded):
        name = path.parts[-1]
        member = submission.before.member_in_force(name)
        logins = set() if member is None else {(x.forge, x.number) for x in member.logins}
        if (recorded.forge, recorded.number) not in logins:
            shown = f"login '{recorded.login}' (number {recorded.number}) on {recorded.forge}"
            yield Fault(path, f"{shown} is not one of member '{name}'", "add the login to the member first")


@rule("REC004", "who took an approval back approves anew by signing", since=2)
def not_after_a_retraction(submission: Submission) -> Iterator[Fault]:
    """Which came later, a signed or a recorded file, is not in the tree: a signed word outlasts it."""
    for path, _ in submission.of(Recorded):
        subject, name = path.subject, path.parts[-1]
        if submission.before.reader.digest(subject) is None:
            continue
        said = submission.before.decisions(subject)
        if any(p.parts[-1] == name and d.verdict is DecisionVerdict.RETRACT for p, d in said):
            yield Fault(path, f"'{name}' took back an approval of '{subject}'", "medperf review approve")
