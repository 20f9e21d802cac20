"""Submitting results: each drafted from an untouched local one, all of them as one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medperf_cli.core.names import Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.running.local_results import LocalResult, find_local, local_results
from medperf_cli.flows.running.result_draft import result_fields
from medperf_cli.flows.running.workbench import open_workbench
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.publish import Published, publish


def submit_results(deps: Deps, uids: Sequence[str], *, every: bool) -> Published:
    """Send local results, by the beginning of their uid, or all that were not sent yet.

    Raises:
        UsageError: none is named, or one was not finished or does not fit the associations.
        IntegrityError: outputs were edited after the run.
        PolicyError: a number tells about too few patients; nothing left.

    """
    if bool(uids) == every:
        raise UsageError("name results, or all of them", hint="add --result UID (repeat), or --all")
    with at_desk(deps) as desk, open_workbench(deps) as workbench:
        owner = me(deps.settings)
        found = (
            [r for r in local_results(workbench.spool, desk.index, owner) if r.submittable]
            if every
            else [find_local(workbench.spool, desk.index, owner, uid) for uid in uids]
        )
        for number, local in enumerate(sorted(found, key=lambda r: (r.when, r.key)), 1):
            fields = result_fields(workbench, desk.composer.after, desk.index, local)
            desk.composer.add(Kind.RESULT, local.result_id, fields)
            deps.talk.progress("drafting results", number, len(found))
        return publish(desk, f"{len(found)} results of {owner}")


def shown_results(deps: Deps) -> list[dict[str, Any]]:
    """What was run at this site, one row each."""
    with reading(deps.settings, at_work=True) as (index, _), open_workbench(deps) as workbench:
        return [_row(local) for local in local_results(workbench.spool, index, me(deps.settings))]


def local_result(deps: Deps, uid: str) -> dict[str, Any]:
    """One local result with its numbers; they have not left this site."""
    with reading(deps.settings, at_work=True) as (index, _), open_workbench(deps) as workbench:
        local = find_local(workbench.spool, index, me(deps.settings), uid)
        return {**_row(local), **local.summary}


def _row(local: LocalResult) -> dict[str, Any]:
    return {
        "uid": local.uid,
        "benchmark": local.benchmark,
        "model": local.model,
        "dataset": local.dataset.entity.id,
        "state": str(local.state),
        "when": local.when,
        "submitted_as": local.published,
        "error": local.error,
    }
