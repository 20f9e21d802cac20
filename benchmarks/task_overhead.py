"""Measure one isolated task against the same container through the bare SDK, in one process.

Usage: python benchmarks/task_overhead.py [rounds]   (needs Docker and a static busybox)
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import uuid
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from docker import APIClient

from medperf_cli.adapters.runtime import owner
from medperf_cli.adapters.runtime.docker_create import ImageFacts, create_body
from medperf_cli.adapters.runtime.docker_engine import connect
from medperf_cli.adapters.runtime.mounts import clear_scratch, ready
from tests.support.runtime import Site, archive_cube, script
from tests.support.tiny_image import make_archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from medperf_cli.adapters.runtime.base import RunSpec

TASKS = {
    "exits at once": "true",
    "works for 0.5 s": "sleep 0.5",
    "prints 5 MB": "yes | busybox head -c 5000000",
}


def bare(api: APIClient, spec: RunSpec) -> None:
    """Create, start, wait, remove: the same container, with nothing read back, watched or logged."""
    name = f"bare-{uuid.uuid4().hex[:12]}"
    spec = ready(spec)
    body = create_body(spec, ImageFacts(spec.image_id), name=name, owner=owner.this_process(), rootless=False)
    made = api.create_container_from_config(body, name)["Id"]  # type: ignore[no-untyped-call]
    api.start(made)
    api.wait(made)
    api.remove_container(made, v=True, force=True)
    clear_scratch(spec)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    """Print a table of medians; the two ways take turns, so that drift of the machine hits both."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    engine = connect()
    with tempfile.TemporaryDirectory() as folder, closing(APIClient(version="auto")) as api:
        tiny = make_archive(Path(folder) / "tiny.tar", uuid.uuid4().hex)
        image = engine.image(archive_cube(tiny.config_digest), tiny.archive)
        site = Site(Path(folder) / "site", "benchmark", engine.caller())
        print(f"medians of {rounds} rounds")
        print(f"{'task':<16} {'bare SDK':>10} {'our run':>10} {'overhead':>10} {'ratio':>7}")
        try:
            for name, text in TASKS.items():
                spec = site.spec(image, script(text), log_bytes=64 << 20)
                pairs = [
                    (seconds(partial(bare, api, spec)), seconds(partial(engine.run, spec)))
                    for _ in range(rounds)
                ]
                plain, ours = (1000 * statistics.median(side) for side in zip(*pairs, strict=True))
                row = (f"{plain:>7.0f} ms", f"{ours:>7.0f} ms", f"{ours - plain:>7.0f} ms")
                print(f"{name:<16} {' '.join(row)} {ours / plain:>7.2f}")
        finally:
            api.remove_image(image, force=True)


if __name__ == "__main__":
    main()
