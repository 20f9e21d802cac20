"""The registries on this machine, and which one is in use."""

from __future__ import annotations

from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.settings import Settings, save
from medperf_cli.errors import MedperfError, UnknownIdError
from medperf_cli.flows.reading.registry import Place


def registries(settings: Settings) -> list[dict[str, Any]]:
    """One row per registry: id, address, verified commit, whether it is in use."""
    folder = settings.home / "registries"
    found = sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []
    return [
        {"registry": name, "in_use": name == settings.registry, **_meta(settings, name)} for name in found
    ]


def use(settings: Settings, partial: str) -> str:
    """Use the registry whose id begins so (raises UnknownIdError)."""
    fits = [r["registry"] for r in registries(settings) if r["registry"].startswith(partial)]
    if len(fits) != 1:
        raise UnknownIdError(f"'{partial}' names {len(fits)} registries", hint="see `medperf registry ls`")
    save(settings, {"registry": fits[0]})
    return str(fits[0])


def _meta(settings: Settings, registry: str) -> dict[str, Any]:
    try:
        with Index.open(Place(settings.registry_folder(registry)).index) as index:
            meta = index.meta()
    except MedperfError as error:
        return {"url": f"({error.message})", "commit": None}
    return {"url": meta.address if meta else None, "commit": meta.verified_commit[:12] if meta else None}
