"""Deciding about an association by what it is about, wherever it waits: in a request, or pending in main."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.lifecycle.standing import Standing
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.errors import UnknownIdError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.submitting.decide import add_decision
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.publish import Published, publish
from medperf_cli.flows.submitting.reject import reject
from medperf_cli.flows.submitting.review import approve, reviews


def approve_association(
    deps: Deps, benchmark: str, *, dataset: str | None, model: str | None, reason: str
) -> Published:
    """Sign my approval of the pending association of a dataset or model.

    Raises:
        UsageError: neither or both of dataset and model are named.
        UnknownIdError: no such association waits. Approving again sends nothing.

    """
    with at_association(deps, benchmark, dataset=dataset, model=model) as (desk, entity_id):
        for request in reviews(desk):
            asked = [parse_path(path) for path in request.files if _is(path, entity_id)]
            if asked:
                return approve(desk, request.id, reason, only=asked)
        path = _newest(desk, entity_id)
        if not _approved_by_me(desk, path):
            add_decision(desk, path, DecisionVerdict.APPROVE, reason)
        return publish(desk, f"decision on {entity_id}")


def reject_association(
    deps: Deps, benchmark: str, *, dataset: str | None, model: str | None, reason: str
) -> Published:
    """Close the open request that asks for the association of a dataset or model (raises as `reject`)."""
    with at_association(deps, benchmark, dataset=dataset, model=model) as (desk, entity_id):
        for request in reviews(desk):
            if any(_is(path, entity_id) for path in request.files):
                return reject(desk, request.id, reason)
        if desk.state.in_force(Kind.ASSOCIATION, entity_id) is not None:
            raise UsageError(
                f"association '{entity_id}' is in force, not asked for",
                hint="what was approved is ended with `medperf association revoke`",
            )
        raise UnknownIdError(f"no open request asks for '{entity_id}'", hint="see `medperf review ls`")


@contextlib.contextmanager
def at_association(
    deps: Deps, benchmark: str, *, dataset: str | None, model: str | None
) -> Iterator[tuple[Desk, str]]:
    """The desk, and the id of the association of a dataset or model, each named by a part.

    Raises:
        UsageError: neither or both of dataset and model are named; nothing was asked of the network.
        UnknownIdError: there is no such benchmark, dataset or model, or more than one.

    """
    if (dataset is None) == (model is None):
        raise UsageError("name the dataset or the model", hint="add --dataset ID or --model ID")
    with at_desk(deps) as desk:
        folder, kind = ("models", Kind.CUBE) if model is not None else ("datasets", Kind.DATASET)
        subject = desk.resolve(kind, model or dataset or "")
        yield desk, f"{desk.resolve(Kind.BENCHMARK, benchmark)}/{folder}/{subject}"


def _is(text: str, entity_id: str) -> bool:
    if not text.endswith(".yml"):
        return False
    path = parse_path(text)
    return path.kind is Kind.ASSOCIATION and path.id == entity_id


def _newest(desk: Desk, entity_id: str) -> EntityPath:
    """The association's newest version, if it waits, or if there is nothing left to decide about it."""
    versions = desk.reader().versions(Kind.ASSOCIATION, entity_id)
    standing = desk.state.standing(versions[-1]) if versions else None
    if standing is None or standing.ended:
        raise UnknownIdError(
            f"no association '{entity_id}' waits for a decision", hint="see `medperf review ls`"
        )
    if standing is Standing.EFFECTIVE and not _approved_by_me(desk, versions[-1]):
        raise UsageError(f"association '{entity_id}' is approved already; nothing waits for you")
    return versions[-1]


def _approved_by_me(desk: Desk, path: EntityPath) -> bool:
    approvals = desk.state.votes(path).approve.values()
    return any(me(desk.deps.settings) in members for members in approvals)
