"""The pages of a cube (a model, or another), a dataset and a member."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.names import Kind, parse_path
from site_generator import addresses
from site_generator.events import events
from site_generator.grids import shown_grids
from site_generator.member_keys import Keys
from site_generator.records import Entity, Place, Records, newest_first
from site_generator.views.page import Page
from site_generator.views.scores import scores

_ROWS = 100
_OLD = 50
_STORY = 30
_LEFT = 5


def cube_page(records: Records, cube: Entity) -> Page:
    """A model with its card and its results; or another cube with the benchmarks it is a part of."""
    model = cube["document"]["type"] == "model"
    given: dict[str, Any] = {
        "entity": cube,
        "versions": newest_first(records.versions(Kind.CUBE, cube["id"])),
        "used_by": [
            (role, b)
            for b in records.names(Kind.BENCHMARK)
            for role, pin in b["document"]["cubes"].items()
            if parse_path(pin["path"]).id == cube["id"]
        ],
    }
    if model:
        given |= _part(records, "model", cube["id"]) | {
            "scores": scores(records, records.results_of("model", cube["id"]), "dataset")
        }
    address = addresses.name_page(Kind.CUBE, cube["id"])
    template, section = ("model.html", "models") if model else ("cube.html", "cubes")
    return Page(address, template, cube["id"], section, given)


def dataset_page(records: Records, dataset: Entity) -> Page:
    """A dataset with what its owner published, and all models' results on it."""
    prepared = dataset["document"].get("prepared", {})
    given = {
        "entity": dataset,
        "versions": newest_first(records.versions(Kind.DATASET, dataset["id"])),
        "statistics": shown_grids(prepared.get("statistics", {})),
        "metadata": shown_grids(prepared.get("metadata", {})),
        "scores": scores(records, records.results_of("dataset", dataset["id"]), "model"),
        **_part(records, "dataset", dataset["id"]),
    }
    return Page(
        addresses.name_page(Kind.DATASET, dataset["id"]), "dataset.html", dataset["id"], "datasets", given
    )


def _part(records: Records, place: Place, entity_id: str) -> dict[str, Any]:
    """Its associations, and those of its results that do not count, the newest of them."""
    old = [r for r in records.results_of(place, entity_id) if not r["in_force"]]
    associations = newest_first(records.associations_of(place, entity_id))
    return {
        "associations": associations[:_ROWS],
        "left": [a for a in associations if _last(records, a) and a["standing"] in ("revoked", "withdrawn")][
            :_LEFT
        ],
        "more_associations": max(0, len(associations) - _ROWS),
        "old": newest_first(old)[:_OLD],
        "more_old": max(0, len(old) - _OLD),
    }


def _last(records: Records, association: Entity) -> bool:
    return records.shown(Kind.ASSOCIATION, association["id"]) is association


def member_page(records: Records, member: Entity, keys: Keys) -> Page:
    """A member with keys, roles, what it owns, and what it decided."""
    name = member["id"]
    kinds = (Kind.BENCHMARK, Kind.CUBE, Kind.DATASET)
    owned = {k: [e for e in records.names(k) if e["signer"] == name] for k in kinds}
    decisions = newest_first([*records.signed_by(Kind.DECISION, name), *records.recorded_for(name)])
    own = [e for k in (*kinds, Kind.MEMBER) for e in records.signed_by(k, name)]
    results = records.signed_by(Kind.RESULT, name)
    given = {
        "entity": member,
        "keys": keys.of(name),
        "versions": newest_first(records.versions(Kind.MEMBER, name)),
        "owned": {k: found[:_ROWS] for k, found in owned.items()},
        "more_owned": {k: max(0, len(found) - _ROWS) for k, found in owned.items()},
        "results": sum(r["in_force"] for r in results),
        "admin": [r for r in records.in_force(Kind.ROOT) if _is_admin(r, name)],
        "committees": [
            b for b in records.in_force(Kind.BENCHMARK) if name in b["document"]["committee"]["members"]
        ],
        "decisions": decisions[:_ROWS],
        "more_decisions": max(0, len(decisions) - _ROWS),
        "history": events(own)[:_STORY],
    }
    address = addresses.name_page(Kind.MEMBER, name)
    return Page(address, "member.html", member["document"]["name"], "members", given)


def _is_admin(root: Entity, name: str) -> bool:
    return name in {a["member"] for a in root["document"]["admins"]["members"]}
