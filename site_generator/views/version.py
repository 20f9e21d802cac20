"""The page of one version: what it says, what became of it, and its proof."""

from __future__ import annotations

from typing import Any

from medperf_cli.core.names import Kind, parse_path
from medperf_cli.core.scores import cell
from site_generator import addresses
from site_generator.chain import chain, off_board, script
from site_generator.member_keys import Keys
from site_generator.proof import steps
from site_generator.records import Entity, Records, newest_first, result_ids
from site_generator.views.page import Page
from site_generator.views.scores import shown_metrics

_VERSIONS = 50
_DIFFERENCES = 150


def version_page(records: Records, entity: Entity, keys: Keys) -> Page:
    """The page of a version, with the figures of a result."""
    path = parse_path(entity["path"])
    links = chain(records, keys, entity)
    versions = newest_first(records.versions(path.kind, path.id))
    given = {
        "entity": entity,
        "versions": versions[:_VERSIONS],
        "more_versions": max(0, len(versions) - _VERSIONS),
        "steps": steps(entity, records.registry),
        "chain": links,
        "script": script(links, records),
        "signing_key": keys.signer(entity),
        "directory": path.kind in addresses.NAMED,
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
    figures = cell(path, result["document"])
    primary = {d["key"] for d in definitions if d["primary"]}
    differences = sorted(figures.differences, key=lambda d: d.key not in primary)
    return {
        "cell": figures,
        "differences": differences[:_DIFFERENCES],
        "more_differences": max(0, len(differences) - _DIFFERENCES),
        "definitions": {d["key"]: d for d in definitions},
        "decimals": {m.definition["key"]: m.decimals for m in shown_metrics(definitions, [figures])},
        "minimum_cell": None if pinned is None else pinned["document"]["disclosure"]["minimum_cell"],
        "ids": {"benchmark": benchmark, "model": model, "dataset": dataset},
        "off_board": off_board(records, result) if result["in_force"] else [],
    }
