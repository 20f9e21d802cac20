"""Ending what stands in the registry: its owner withdraws it, who decides about it revokes it."""

from __future__ import annotations

from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.lifecycle.requirement import revoking_role
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.lifecycle.waiting import undecided
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.submitting.association import at_association
from medperf_cli.flows.submitting.decide import add_decision
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish
from medperf_cli.flows.submitting.review import approve, reviews, revoked_by_me, state_after


def withdraw(deps: Deps, kind: Kind, partial: str, reason: str) -> Published:
    """End something of mine; it leaves lists and boards and stays in history.

    Raises:
        UnknownIdError: there is no such thing.
        UsageError: it is not mine, or nothing of it is in force or pending.

    """
    with at_desk(deps) as desk:
        return _withdraw(desk, kind, desk.resolve(kind, partial), reason)


def withdraw_association(
    deps: Deps, benchmark: str, *, dataset: str | None, model: str | None, reason: str
) -> Published:
    """End the association of a dataset or model of mine (raises as `withdraw`)."""
    with at_association(deps, benchmark, dataset=dataset, model=model) as (desk, entity_id):
        return _withdraw(desk, Kind.ASSOCIATION, entity_id, reason)


def revoke(deps: Deps, kind: Kind, partial: str, reason: str) -> Published:
    """Vote to end something in force; the last vote needed ends it.

    Where an open request asks for the same already, my vote joins it.

    Raises:
        UnknownIdError: there is no such thing.
        UsageError: nothing of it is in force.
        RejectedError: revoking it is not my role.

    """
    with at_desk(deps) as desk:
        return _revoke(desk, kind, desk.resolve(kind, partial), reason)


def revoke_association(
    deps: Deps, benchmark: str, *, dataset: str | None, model: str | None, reason: str
) -> Published:
    """Vote to end the association of a dataset or model (raises as `revoke`)."""
    with at_association(deps, benchmark, dataset=dataset, model=model) as (desk, entity_id):
        return _revoke(desk, Kind.ASSOCIATION, entity_id, reason)


def _withdraw(desk: Desk, kind: Kind, entity_id: str, reason: str) -> Published:
    path = _live(desk, kind, entity_id)
    who = me(desk.deps.settings)
    if path.signer != who:
        role = revoking_role(kind)
        raise UsageError(
            f"{kind} '{entity_id}' is of member '{path.signer}', not of '{who}'",
            hint=f"only its owner withdraws it; the {role} may revoke it",
        )
    add_decision(desk, path, DecisionVerdict.WITHDRAW, reason)
    return publish(desk, f"{entity_id} is withdrawn")


def _live(desk: Desk, kind: Kind, entity_id: str) -> EntityPath:
    """The version in force, or else the newest if it is pending."""
    found = desk.state.in_force(kind, entity_id)
    versions = desk.reader().versions(kind, entity_id)
    if found is None and versions and desk.state.standing(versions[-1]) is Standing.PENDING:
        found = versions[-1]
    if found is None:
        raise UsageError(
            f"nothing of {kind} '{entity_id}' is in force or pending",
            hint="what is only asked for is taken back with `medperf review reject`",
        )
    return found


def _revoke(desk: Desk, kind: Kind, entity_id: str, reason: str) -> Published:
    path = desk.state.in_force(kind, entity_id)
    if path is None:
        raise UsageError(
            f"nothing of {kind} '{entity_id}' is in force",
            hint="a request is ended with `medperf review reject`; what ended stays ended",
        )
    mine: str | None = None
    for request in _revocations(desk, path):
        if not revoked_by_me(desk, request, path):
            return approve(desk, request, reason, only=[path])
        mine = request
    if mine is not None:
        return approve(desk, mine, reason, only=[path])
    if me(desk.deps.settings) not in _voted(desk, path):
        add_decision(desk, path, DecisionVerdict.REVOKE, reason)
    return publish(desk, f"{entity_id} is to be revoked")


def _revocations(desk: Desk, path: EntityPath) -> list[str]:
    """Open requests that ask to revoke this and wait for nothing else, by id."""
    found = []
    for review in reviews(desk):
        asked = [p for p in review.entities if p.kind is Kind.DECISION and p.subject == path]
        if not asked:
            continue
        waits = {w.path: w.verdict for w in undecided(state_after(desk, review.files), review.entities)}
        if waits == {path: DecisionVerdict.REVOKE}:
            found.append(review.id)
    return found


def _voted(desk: Desk, path: EntityPath) -> set[str]:
    """Who revoked it in main already, under the authority in force."""
    authority = desk.state.authority(revoking_role(path.kind), path)
    votes = desk.state.votes(path).revoke
    return set() if authority is None else votes.get(desk.pin(authority), set())
