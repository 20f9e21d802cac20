"""Submitting cubes, and setting cubes and benchmarks operational."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store.assets import AssetStore
from medperf_cli.adapters.store.hash_cache import HashCache
from medperf_cli.core.names import Kind
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import my_id
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.operational import set_operational as write_operational
from medperf_cli.flows.submitting.publish import Published, publish
from medperf_cli.flows.submitting.write_cube import AssetShelf, CubeFiles, cube_fields


@contextlib.contextmanager
def shelf(deps: Deps, share: Path | None) -> Iterator[AssetShelf]:
    """Where assets go: the local store, and a folder that others read too."""
    with HashCache(deps.settings.hashes) as cache:
        shared = AssetStore(share, cache) if share else None
        yield AssetShelf(AssetStore(deps.settings.assets_folder, cache), shared, deps.talk.progress)


def submit_cube(
    deps: Deps,
    name: str,
    files: CubeFiles,
    *,
    share: Path | None,
    operational: bool,
    given: Mapping[str, Any],
) -> Published:
    """Send the next version of my cube `name` (raises as `publish`)."""
    state = "operation" if operational else "development"
    cube = my_id(deps.settings, name)
    with shelf(deps, share) as taken:
        fields = cube_fields(files, taken, state=state, given=given)
        with at_desk(deps) as desk:
            desk.composer.add(Kind.CUBE, cube, fields)
            return publish(desk, f"cube {cube}", before=taken.share)


def set_operational(deps: Deps, kind: Kind, partial: str) -> Published:
    """Send a version of my cube or benchmark whose state is operation (raises as `publish`)."""
    with at_desk(deps) as desk:
        path = write_operational(desk, kind, partial)
        return publish(desk, f"{kind} {path.id} goes into operation")
