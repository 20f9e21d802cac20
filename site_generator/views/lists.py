"""Pages that list things, each list on as many sheets as it needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from medperf_cli.core.names import Kind, parse_path
from site_generator import addresses
from site_generator.fate import end
from site_generator.records import Entity, Place, Records, association_ids, newest_first
from site_generator.views.home import card
from site_generator.views.page import SHEET, Page, sheets, titled

_CARDS = 25


def lists(records: Records) -> Iterator[Page]:
    """All lists."""
    benchmarks = [card(records, b) for b in records.names(Kind.BENCHMARK)]
    yield from _list(addresses.BENCHMARKS, "benchmarks", "Benchmarks", benchmarks, size=_CARDS)
    references = _references(records)
    models = [
        _subject(records, "model", cube, references.get(cube["id"], ()))
        for cube in records.cubes(models=True)
    ]
    yield from _list(addresses.MODELS, "models", "Models", models)
    yield from _list(addresses.CUBES, "cubes", "Other cubes", records.cubes(models=False))
    datasets = [_subject(records, "dataset", dataset) for dataset in records.names(Kind.DATASET)]
    yield from _list(addresses.DATASETS, "datasets", "Datasets", datasets)
    yield from _list(addresses.MEMBERS, "members", "Members", records.names(Kind.MEMBER))
    yield from _list(addresses.PENDING, "pending", "Pending", records.pending)
    yield from _list(addresses.ENDED, "ended", "Withdrawn and revoked", ended(records.entities))
    for benchmark in records.names(Kind.BENCHMARK):
        yield from _of_benchmark(records, benchmark)


def ended(entities: Sequence[Entity]) -> list[Entity]:
    """What was revoked or withdrawn, the last to end first."""
    times = ((e, end(e)) for e in entities)
    found = [(moment.time, e["position"], e) for e, moment in times if moment is not None]
    return [e for _, _, e in sorted(found, key=lambda f: (-f[0], -f[1]))]


def _list(address: str, name: str, title: str, items: Sequence[Any], *, size: int = SHEET) -> Iterator[Page]:
    for place, sheet in sheets(address, items, size):
        yield Page(place, f"{name}.html", titled(title, sheet), name, {"sheet": sheet})


def _of_benchmark(records: Records, benchmark: Entity) -> Iterator[Page]:
    """All results and all associations of one benchmark."""
    name = benchmark["id"]
    for kind in (Kind.RESULT, Kind.ASSOCIATION):
        own = records.results_of if kind is Kind.RESULT else records.associations_of
        title = f"All {kind}s of {name}"
        for place, sheet in sheets(addresses.list_of(kind, name), newest_first(own("benchmark", name))):
            given = {"sheet": sheet, "benchmark": benchmark, "kind": str(kind)}
            yield Page(place, "all.html", titled(title, sheet), "benchmarks", given)


def _subject(
    records: Records, place: Place, entity: Entity, references: Iterable[str] = ()
) -> dict[str, Any]:
    """A model or dataset as a line: where it takes part, asked to or did once, and its results in force."""
    last: dict[str, Entity | None] = dict.fromkeys(references)
    for asked in records.associations_of(place, entity["id"]):
        last[association_ids(asked)[0]] = records.shown(Kind.ASSOCIATION, asked["id"])
    results = sum(r["in_force"] for r in records.results_of(place, entity["id"]))
    return {"entity": entity, "parts": sorted(last.items()), "results": results}


def _references(records: Records) -> dict[str, list[str]]:
    """The benchmarks that a model is the reference of, by model."""
    found: dict[str, list[str]] = defaultdict(list)
    for benchmark in records.in_force(Kind.BENCHMARK):
        model = parse_path(benchmark["document"]["cubes"]["reference_model"]["path"]).id
        found[model].append(benchmark["id"])
    return dict(found)
