"""Rules about decisions: by the role they claim, under an authority in force, about what can be decided."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.core.check.rules.table import Fault, rule
from medperf_cli.core.check.submission import Submission, Vote
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.lifecycle.requirement import Role, body, revoking_role
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import EntityPath, Kind


def _standing_votes(submission: Submission) -> Iterator[tuple[EntityPath, EntityPath, Vote]]:
    """Votes of the change whose subject stands with the digest they name: path, subject, vote."""
    for path, decision in submission.votes():
        right = decision.subject.entity == path.subject
        if right and submission.after.reader.holds(decision.subject):
            yield path, path.subject, decision


def _role(submission: Submission, subject: EntityPath, decision: Vote) -> Role:
    if decision.verdict is DecisionVerdict.REVOKE:
        return revoking_role(subject.kind)
    return submission.after.role(subject)


@rule("DEC001", "a decision names exactly the file it stands beside")
def names_its_subject(submission: Submission) -> Iterator[Fault]:
    """The subject's path and the digest of its bytes: an approval of version 1 is none of version 2."""
    for path, decision in submission.votes():
        if decision.subject.entity != path.subject:
            yield Fault(path, f"names '{decision.subject.path}', but stands beside '{path.subject}'")
        elif not submission.after.reader.holds(decision.subject):
            yield Fault(path, f"'{path.subject}' is not here with the bytes it names", "sync and decide anew")


@rule("DEC002", "there is something to decide")
def fits_the_standing(submission: Submission) -> Iterator[Fault]:
    """Approve and retract what is pending, revoke what is in force, withdraw one's own; ends are final."""
    for path, subject, decision in _standing_votes(submission):
        problem = _unfit(submission, path, subject, decision)
        if problem:
            yield Fault(path, problem, "leave this decision out")


def _unfit(submission: Submission, path: EntityPath, subject: EntityPath, decision: Vote) -> str:
    before = submission.before
    here = before.reader.digest(subject) is not None
    standing = before.standing(subject) if here else Standing.PENDING
    current = before.in_force(subject.kind, subject.id)
    match decision.verdict:
        case DecisionVerdict.APPROVE:
            return _unfit_approval(submission, subject, standing)
        case DecisionVerdict.RETRACT:
            votes = before.votes(subject).approve if here else {}
            own = decision.authority in votes and path.parts[-1] in votes[decision.authority]
            return "" if own and standing is Standing.PENDING else "there is no pending approval to retract"
        case DecisionVerdict.REVOKE:
            return "" if current == subject else f"'{subject}' is not in force: nothing to revoke"
        case DecisionVerdict.WITHDRAW:
            return _unfit_withdrawal(path, subject, standing, current)
        case _:
            about = f"'{decision.verdict}' is about sealed results"
            return f"{about}, which are not part of format {submission.format}"


def _unfit_approval(submission: Submission, subject: EntityPath, standing: Standing) -> str:
    if submission.after.role(subject) is Role.NOBODY:
        return f"'{subject}' needs nobody's approval"
    if standing is not Standing.PENDING:
        return f"'{subject}' is {standing} already"
    latest = submission.before.latest(subject.kind, subject.id)
    named = submission.after.named_previous(subject)
    if latest is None or latest == named:
        return ""
    # A later version that ended before it counted stands between; format 1 did not see that.
    if submission.format > 1 and named is not None and named.version > latest.version:
        return ""
    return f"'{subject}' is superseded: it does not replace '{latest}'"


def _unfit_withdrawal(
    path: EntityPath, subject: EntityPath, standing: Standing, current: EntityPath | None
) -> str:
    if subject.kind is Kind.MEMBER:
        return "a member is never withdrawn (a thief would withdraw a key revocation)"
    if path.parts[-1] != subject.signer:
        return f"only '{subject.signer}' may withdraw it"
    live = standing is Standing.PENDING or current == subject or subject.kind is Kind.RESULT
    return "" if live and not standing.ended else f"'{subject}' is {standing} and not in force"


@rule("DEC003", "its maker holds the role it claims, under the authority in force")
def holds_the_role(submission: Submission) -> Iterator[Fault]:
    """Admins under the root, committee members under the benchmark's version in force: what base says."""
    for path, subject, decision in _standing_votes(submission):
        role = _role(submission, subject, decision)
        if role is Role.NOBODY or decision.authority is None:
            continue
        authority = submission.before.authority(role, subject)
        if authority is None or decision.authority != submission.before.reader.pin(authority):
            wanted = f"'{authority}'" if authority else "none: nothing is in force that gives this role"
            yield Fault(path, f"`authority` is not the one in force ({wanted})", "sync and decide anew")
            continue
        people = body(submission.before.reader, authority)
        if people is None or path.parts[-1] not in people.members:
            yield Fault(path, f"'{path.parts[-1]}' is none of the {role} under '{authority}'")


@rule("DEC005", "a change says one thing about a file")
def one_verdict(submission: Submission) -> Iterator[Fault]:
    """An approval and a withdrawal merged together would end what was in force; one of them comes first."""
    verdicts = dict[EntityPath, set[DecisionVerdict]]()
    for path, decision in submission.votes():
        verdicts.setdefault(path.subject, set()).add(decision.verdict)
    for subject, said in sorted(verdicts.items()):
        if len(said) > 1:
            both = " and ".join(sorted(said))
            yield Fault(subject, f"one change holds decisions to {both} it", "submit one after the other")


@rule("DEC004", "nobody approves their own request")
def not_ones_own(submission: Submission) -> Iterator[Fault]:
    """The requester does not count; only where too few other admins remain does an admin's own vote."""
    for path, subject, decision in _standing_votes(submission):
        member = path.parts[-1]
        if decision.verdict is not DecisionVerdict.APPROVE or member != subject.signer:
            continue
        role = submission.after.role(subject)
        authority = submission.before.authority(role, subject)
        people = None if authority is None else body(submission.before.reader, authority)
        if people is not None and not people.counted({member}, member, admins=role is Role.ADMINS):
            yield Fault(path, f"'{member}' made this request and does not decide about it")
