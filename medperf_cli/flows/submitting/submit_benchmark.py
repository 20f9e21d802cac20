"""Submitting a benchmark: its reference model must pass on its demo dataset first."""

from __future__ import annotations

from pathlib import Path

from medperf_cli.core.names import Kind
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import my_id
from medperf_cli.flows.running.compatibility import tested_on_demo
from medperf_cli.flows.running.parts import fetch_parts, standing_in
from medperf_cli.flows.running.telling import tell_metrics
from medperf_cli.flows.running.workbench import open_workbench
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.permission import expect_allowed
from medperf_cli.flows.submitting.publish import Published, publish
from medperf_cli.flows.submitting.submit_cube import shelf
from medperf_cli.flows.submitting.write_benchmark import BenchmarkFiles, Roles, benchmark_fields


def submit_benchmark(
    deps: Deps, name: str, files: BenchmarkFiles, roles: Roles, *, share: Path | None, operational: bool
) -> Published:
    """Test the reference model on the demo dataset, then ask the admins to admit the benchmark.

    Raises:
        ContainerError: a cube fails on the demo dataset, or a metric does not come out.
        UsageError, ChangeRejectedError: as `benchmark_fields`, `publish`.

    """
    with at_desk(deps) as desk, open_workbench(deps) as workbench, shelf(deps, share) as taken:
        state = "operation" if operational else "development"
        expect_allowed(desk)
        fields = benchmark_fields(desk, files, roles, taken, state=state)
        path = desk.composer.add(Kind.BENCHMARK, my_id(deps.settings, name), fields)
        if not desk.composer.files:
            return publish(desk, f"benchmark {path.id}")
        parts = fetch_parts(standing_in(desk.composer.after), desk.pin(path))
        deps.talk.say("compatibility test: the reference model on the demo dataset")
        outcome = tested_on_demo(workbench, parts, parts.reference)
        tell_metrics(deps.talk, outcome.metrics)
        return publish(desk, f"benchmark {path.id}", before=taken.share)
