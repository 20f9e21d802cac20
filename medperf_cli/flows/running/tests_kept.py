"""Records of compatibility tests at this site, passed or failed: which cubes, on what, and what came out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.errors import InterruptedByUserError, MedperfError, UnknownIdError

if TYPE_CHECKING:
    from medperf_cli.adapters.executor.spool import Spool
    from medperf_cli.flows.running.parts import Parts, PinnedCube
    from medperf_cli.flows.running.workbench import Workbench

_UID = 12
_MAX_BYTES = 1 << 20


@dataclass
class TestRecord:
    """One test while it runs: `digest` is that of its data, `key` that of its cell once it has one."""

    __test__ = False
    uid: str
    digest: str
    key: str = ""
    metrics: tuple[Mapping[str, Any], ...] = ()


@contextmanager
def kept(
    workbench: Workbench, parts: Parts, model: PinnedCube, data: str, digest: str
) -> Iterator[TestRecord]:
    """Inside runs one test; what came of it is written down, in the place of an earlier test of the same.

    An interrupted one is not: it has no outcome. `data` says in words what it runs on.
    """
    record = TestRecord(_uid(parts, model, digest), digest)
    about = {
        "uid": record.uid,
        "benchmark": parts.name,
        "data_preparator": parts.preparator.name,
        "model": model.name,
        "metrics_cube": parts.metrics.name,
        "data": data,
    }
    try:
        yield record
    except InterruptedByUserError:
        raise
    except MedperfError as error:
        _write(workbench, record, about, "failed", f"{error.code}: {error.message}")
        raise
    _write(workbench, record, about, "passed", "")


def all_kept(settings: Settings) -> list[dict[str, Any]]:
    """All records, the newest last; what cannot be read is left out."""
    found = [_read(path) for path in sorted(_folder(settings).glob("*.json"))]
    return sorted((f for f in found if f is not None), key=lambda f: (str(f.get("when")), str(f.get("uid"))))


def one_kept(settings: Settings, uid: str) -> dict[str, Any]:
    """The one whose uid begins so (raises UnknownIdError where none or several do)."""
    fits = [record for record in all_kept(settings) if str(record.get("uid")).startswith(uid)]
    if len(fits) != 1:
        raise UnknownIdError(f"'{uid}' means {len(fits)} tests", hint="see `medperf test ls`")
    return fits[0]


def _write(
    workbench: Workbench, record: TestRecord, about: Mapping[str, str], outcome: str, error: str
) -> None:
    logs = _logs(workbench.spool, record.key)
    document = {
        **about,
        "outcome": outcome,
        "when": workbench.deps.now(),
        "metrics": [dict(metric) for metric in record.metrics],
        "error": error,
        "logs": None if logs is None else str(logs),
    }
    text = json.dumps(document, indent=1) + "\n"
    path = _folder(workbench.settings) / f"{record.uid}.json"
    write_atomic(path, text.encode("ascii"), mode=0o600, parents=True)


def _logs(spool: Spool, key: str) -> Path | None:
    attempts = spool.attempts(key) if key else []
    return attempts[-1].folder if attempts else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _folder(settings: Settings) -> Path:
    return settings.home / "tests"


def _uid(parts: Parts, model: PinnedCube, digest: str) -> str:
    from medperf_cli.flows.running.cube_inputs import cube_digest  # noqa: PLC0415 - start-up of `test ls`

    cubes = [cube_digest(cube.cube) for cube in (parts.preparator, model, parts.metrics)]
    benchmark = [metric.document() for metric in parts.benchmark.metrics]
    text = json.dumps([cubes, model.name, benchmark, digest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_UID]
