"""Asking to take part: the compatibility test first, then the request to the committee."""

from __future__ import annotations

from medperf_cli.core.entities.header import State
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.running.compatibility import TestOutcome, tested_on_demo, tested_with_reference
from medperf_cli.flows.running.dataset_folder import dataset_folder
from medperf_cli.flows.running.parts import Parts, fetch_cube, fetch_parts, standing_in
from medperf_cli.flows.running.prepared_data import check_prepared
from medperf_cli.flows.running.telling import tell_metrics
from medperf_cli.flows.running.workbench import open_workbench
from medperf_cli.flows.submitting.datasets import mine
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.publish import Published, publish


def associate_model(
    deps: Deps, benchmark: str, model: str, *, message: str | None, no_cache: bool
) -> Published:
    """Run my model on the benchmark's demo dataset, then ask to take part (raises as `publish`)."""
    with at_desk(deps) as desk, open_workbench(deps) as workbench:
        expect_allowed(desk)
        parts = _parts(desk, benchmark)
        path = desk.in_force(Kind.CUBE, model)
        if path.signer != me(deps.settings):
            raise UsageError(f"model '{path.id}' belongs to '{path.signer}'")
        cube = fetch_cube(standing_in(desk.composer.after), desk.pin(path))
        _expect_operation(cube.cube.state, path)
        deps.talk.say(f"compatibility test: '{path.id}' on the demo dataset")
        outcome = tested_on_demo(workbench, parts, cube, no_cache=no_cache)
        return _ask(desk, parts, path, outcome, message)


def associate_dataset(
    deps: Deps, benchmark: str, dataset: str, *, message: str | None, no_cache: bool
) -> Published:
    """Run the reference model on my prepared data, then ask to take part (raises as `publish`)."""
    with at_desk(deps) as desk, open_workbench(deps) as workbench:
        expect_allowed(desk)
        parts = _parts(desk, benchmark)
        path, found = mine(desk, dataset)
        _expect_operation(found.state, path)
        wanted = found.prepared.hash if found.prepared else None
        data = check_prepared(deps, dataset_folder(deps.settings, path.id), wanted)
        deps.talk.say(f"compatibility test: the reference model on '{path.id}'")
        outcome = tested_with_reference(workbench, parts, data, path.id, no_cache=no_cache)
        return _ask(desk, parts, path, outcome, message)


def _parts(desk: Desk, benchmark: str) -> Parts:
    return fetch_parts(standing_in(desk.composer.after), desk.pin(desk.in_force(Kind.BENCHMARK, benchmark)))


def _expect_operation(state: State, path: EntityPath) -> None:
    if state is not State.OPERATION:
        option = "-d " if path.kind is Kind.DATASET else ""
        raise UsageError(
            f"{path.kind} '{path.id}' is in development",
            hint=f"run `medperf {path.kind} set_operational {option}{path.id}` first",
        )


def _ask(
    desk: Desk, parts: Parts, subject: EntityPath, outcome: TestOutcome, message: str | None
) -> Published:
    tell_metrics(desk.deps.talk, outcome.metrics)
    fields = {
        "benchmark": parts.pin.document(),
        "subject": desk.pin(subject).document(),
        "test": dict(outcome.summary),
        "message": message,
    }
    folder = "models" if subject.kind is Kind.CUBE else "datasets"
    entity_id = f"{parts.pin.entity.id}/{folder}/{subject.id}"
    desk.composer.add(Kind.ASSOCIATION, entity_id, {k: v for k, v in fields.items() if v is not None})
    return publish(desk, f"{subject.id} asks to take part in {parts.pin.entity.id}")
