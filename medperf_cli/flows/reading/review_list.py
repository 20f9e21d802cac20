"""Open and closed requests as of the last contact, filtered, as rows to print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import VOTES, Kind, parse_path
from medperf_cli.flows.reading.asked import SHORT, Asked, AskedRequest, ClosedRequest

COLUMNS = ("request", "since", "author", "title", "waits")
CLOSED_COLUMNS = ("request", "closed", "author", "title", "verdict", "by", "reason")
_TITLE, _REASON = 40, 60
_BENCHMARKS = (Kind.BENCHMARK, Kind.ASSOCIATION, Kind.RESULT)


@dataclass(frozen=True)
class Wanted:
    """Which requests: signed by `owner`, waiting for `waits_for`, with `name` in a path, of `benchmark`."""

    owner: str | None = None
    waits_for: str | None = None
    name: str | None = None
    benchmark: str | None = None

    def takes(self, owners: frozenset[str], paths: tuple[str, ...]) -> bool:
        """Whether a request of these owners with these paths is wanted."""
        return (
            (self.owner is None or self.owner in owners)
            and (self.name is None or any(self.name in path for path in paths))
            and (self.benchmark is None or any(self.benchmark in _benchmark(path) for path in paths))
        )


def open_rows(asked: Asked, wanted: Wanted) -> list[dict[str, Any]]:
    """The open requests wanted, those that wait longest first."""
    found = sorted(asked.requests, key=lambda r: (r.since, r.id))
    return [_open(r) for r in found if _takes(r, wanted)]


def closed_rows(asked: Asked, wanted: Wanted) -> list[dict[str, Any]]:
    """The closed requests wanted, the newest first."""
    return [_closed(c) for c in asked.closed if wanted.takes(owners(c.paths, c.author), c.paths)]


def owners(paths: tuple[str, ...], author: str) -> frozenset[str]:
    """Who signed what a request adds; where nothing could be read, whom its commit names."""
    signers = {parse_path(path).signer for path in paths}
    return frozenset(s for s in signers if s) or frozenset({author})


def shortened(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows as a table of 100 columns holds them: the beginning of ids, days, cut texts."""
    for row in rows:
        short = {"request": row["request"][:SHORT], "title": _cut(row["title"], _TITLE)}
        short |= {name: row[name][:10] for name in ("since", "closed") if name in row}
        short |= {"reason": _cut(row["reason"], _REASON)} if "reason" in row else {}
        yield {**row, **short}


def _takes(request: AskedRequest, wanted: Wanted) -> bool:
    paths = tuple(file.path for file in request.files)
    waits = wanted.waits_for is None or request.waits_on(wanted.waits_for)
    return waits and wanted.takes(owners(paths, request.author), paths)


def _open(request: AskedRequest) -> dict[str, Any]:
    paths = tuple(file.path for file in request.files)
    said = [f"{w.shown} ({w.verb})" if w.verb != "approve" else w.shown for w in request.waits]
    return {
        "request": request.id,
        "verdict": request.verdict,
        "author": ", ".join(sorted(owners(paths, request.author))),
        "title": request.title,
        "since": request.since,
        "waits": "; ".join(dict.fromkeys([*said, *request.hindrances])),
        "waits_for": sorted({m for w in request.waits for m in w.members}),
        "decided": list(request.decided),
        "url": request.url,
        "paths": list(paths),
    }


def _closed(closed: ClosedRequest) -> dict[str, Any]:
    return {
        "request": closed.id,
        "closed": closed.time,
        "since": closed.since,
        "author": ", ".join(sorted(owners(closed.paths, closed.author))),
        "title": closed.title,
        "verdict": closed.verdict,
        "by": closed.member,
        "reason": closed.reason,
        "paths": list(closed.paths),
    }


def _benchmark(text: str) -> str:
    path = parse_path(text)
    path = path.subject if path.kind in VOTES else path
    return "/".join(path.parts[:2]) if path.kind in _BENCHMARKS else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
