"""Which pages there are, each with its template and what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medperf_cli.core.board import comparisons, summary
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.core.scores import cell
from site_generator import addresses
from site_generator.plot import dot_plot
from site_generator.proof import steps
from site_generator.records import Entity, Records, newest_first, result_ids

_RECENT = 10
_HISTORY = 50
CUBE_TYPES = {"model": "Models", "data-preparator": "Data preparators", "metrics": "Metrics"}


@dataclass(frozen=True)
class Page:
    """One page: its address in the output, its template, its title and what the template is given."""

    address: str
    template: str
    title: str
    section: str
    given: dict[str, Any] = field(default_factory=dict)


def pages(records: Records) -> Iterator[Page]:
    """All pages made from a snapshot (the prose is not among them)."""
    yield _home(records)
    for benchmark in records.names(Kind.BENCHMARK):
        yield _benchmark(records, benchmark)
    yield _cubes(records)
    for cube in records.names(Kind.CUBE):
        yield _cube(records, cube)
    yield Page(
        addresses.DATASETS, "datasets.html", "Datasets", "datasets", {"datasets": records.names(Kind.DATASET)}
    )
    for dataset in records.names(Kind.DATASET):
        yield _dataset(records, dataset)
    yield Page(
        addresses.MEMBERS, "members.html", "Members", "members", {"members": records.names(Kind.MEMBER)}
    )
    for member in records.names(Kind.MEMBER):
        yield _member(records, member)
    yield Page(addresses.PENDING, "pending.html", "Pending", "pending", {"pending": records.pending})
    yield Page(
        addresses.VERIFY, "verify.html", "Verify", "verify", {"roots": records.versions(Kind.ROOT, "")}
    )
    for entity in records.entities:
        yield _version(records, entity)


def _home(records: Records) -> Page:
    benchmarks = [
        {"entity": b, "board": records.board(b["id"]), "summary": _summary(records, b)}
        for b in records.names(Kind.BENCHMARK)
    ]
    recent = newest_first(records.in_force(Kind.RESULT))[:_RECENT]
    given = {"benchmarks": benchmarks, "recent": recent}
    return Page(addresses.HOME, "home.html", records.registry["title"], "home", given)


def _summary(records: Records, benchmark: Entity) -> str:
    board = records.board(benchmark["id"])
    return "" if board is None else summary(board)


def _benchmark(records: Records, benchmark: Entity) -> Page:
    board = records.board(benchmark["id"])
    document = benchmark["document"]
    primary = next(m for m in document["metrics"] if m["primary"])
    history = records.about_benchmark(benchmark["id"])
    shown = set() if board is None else {c.path for line in board.lines for c in line.cells.values()}
    results = records.results_of("benchmark", benchmark["id"])
    given = {
        "entity": benchmark,
        "board": board,
        "summary": _summary(records, benchmark),
        "plot": None if board is None else dot_plot(board, primary),
        "differences": [] if board is None else comparisons(board),
        "others": newest_first(r for r in results if r["path"] not in shown),
        "history": history[:_HISTORY],
        "more": max(0, len(history) - _HISTORY),
        "pending": [e for e in history if e["standing"] == "pending"],
        "associations": {e["id"]: e for e in history if e["kind"] == Kind.ASSOCIATION and e["in_force"]},
    }
    address = addresses.name_page(Kind.BENCHMARK, benchmark["id"])
    return Page(address, "benchmark.html", document["title"], "home", given)


def _cubes(records: Records) -> Page:
    cubes = records.names(Kind.CUBE)
    groups = [
        (title, [c for c in cubes if c["document"]["type"] == sort]) for sort, title in CUBE_TYPES.items()
    ]
    return Page(addresses.CUBES, "cubes.html", "Cubes", "cubes", {"groups": [g for g in groups if g[1]]})


def _cube(records: Records, cube: Entity) -> Page:
    given = {
        "entity": cube,
        "versions": newest_first(records.versions(Kind.CUBE, cube["id"])),
        "results": newest_first(records.results_of("model", cube["id"])),
        "associations": newest_first(records.associations_of(cube["id"], "models")),
        "used_by": [
            (role, b)
            for b in records.names(Kind.BENCHMARK)
            for role, pin in b["document"]["cubes"].items()
            if parse_path(pin["path"]).id == cube["id"]
        ],
    }
    return Page(addresses.name_page(Kind.CUBE, cube["id"]), "cube.html", cube["id"], "cubes", given)


def _dataset(records: Records, dataset: Entity) -> Page:
    given = {
        "entity": dataset,
        "versions": newest_first(records.versions(Kind.DATASET, dataset["id"])),
        "results": newest_first(records.results_of("dataset", dataset["id"])),
        "associations": newest_first(records.associations_of(dataset["id"], "datasets")),
    }
    address = addresses.name_page(Kind.DATASET, dataset["id"])
    return Page(address, "dataset.html", dataset["id"], "datasets", given)


def _member(records: Records, member: Entity) -> Page:
    name = member["id"]
    owned = {
        kind: [e for e in records.names(kind) if e["signer"] == name]
        for kind in (Kind.BENCHMARK, Kind.CUBE, Kind.DATASET)
    }
    given = {
        "entity": member,
        "versions": newest_first(records.versions(Kind.MEMBER, name)),
        "owned": owned,
        "admin": [
            r
            for r in records.in_force(Kind.ROOT)
            if name in {a["member"] for a in r["document"]["admins"]["members"]}
        ],
        "committees": [
            b for b in records.in_force(Kind.BENCHMARK) if name in b["document"]["committee"]["members"]
        ],
        "decisions": newest_first(e for e in records.kind(Kind.DECISION) if e["signer"] == name),
    }
    return Page(
        addresses.name_page(Kind.MEMBER, name), "member.html", member["document"]["name"], "members", given
    )


def _version(records: Records, entity: Entity) -> Page:
    path = parse_path(entity["path"])
    given = {
        "entity": entity,
        "versions": newest_first(records.versions(path.kind, path.id)),
        "steps": steps(entity, records.registry),
        "directory": Kind(entity["kind"]) in addresses.NAMED,
    }
    if path.kind is Kind.RESULT:
        given |= _figures(records, entity)
    template = "result.html" if path.kind is Kind.RESULT else "version.html"
    title = f"{path.kind.capitalize()} {path.id or 'of the registry'}, version {path.version}"
    return Page(addresses.version_page(entity["path"]), template, title, "", given)


def _figures(records: Records, result: Entity) -> dict[str, Any]:
    """What a result's page shows beside its proof."""
    path = parse_path(result["path"])
    benchmark, model, dataset = result_ids(result)
    pinned = records.by_path.get(result["document"]["benchmark"]["path"])
    definitions = [] if pinned is None else pinned["document"]["metrics"]
    return {
        "cell": cell(path, result["document"]),
        "definitions": {d["key"]: d for d in definitions},
        "ids": {"benchmark": benchmark, "model": model, "dataset": dataset},
    }
