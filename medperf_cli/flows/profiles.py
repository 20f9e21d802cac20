"""Profiles: what each says and from where, making new ones, and removing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medperf_cli.adapters.store import profiles
from medperf_cli.adapters.store.settings import LISTS, Settings, fields, load, origins, save, stored
from medperf_cli.errors import ConfigurationError, MedperfError, UsageError


def listed(environ: Mapping[str, str], home: Path) -> list[dict[str, Any]]:
    """One row per profile: the one in use, and whom it acts as; a damaged one says so."""
    try:
        active = profiles.chosen(environ, home)[0]
    except MedperfError:
        active = ""  # a choice of nothing; then none is
    return [_row(home, name, active=name == active) for name in profiles.names(home)]


def _row(home: Path, name: str, *, active: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"active": active, "profile": name}
    try:
        said = load({"MEDPERF_HOME": str(home), profiles.VARIABLE: name})
    except MedperfError:
        why = f"(cannot be read: `profile view {name}` says why)"
        return {**row, "registry": why, "member": None, "key": None}
    return {**row, "registry": said.registry, "member": said.member, "key": said.key and str(said.key)}


def viewed(environ: Mapping[str, str], home: Path, name: str | None) -> list[dict[str, Any]]:
    """One row per setting of a profile (else of the one in use): its value, and where that comes from.

    Raises:
        UsageError: there is no such profile.
        ConfigurationError: it is damaged.

    """
    chosen, by = profiles.chosen(environ, home) if name is None else (profiles.existing(home, name), "")
    world = {**environ, "MEDPERF_HOME": str(home), profiles.VARIABLE: chosen}
    settings = load(world)
    origin = origins(world, settings)
    given = {"environment": profiles.VARIABLE, "file": "activate", "default": "default"}.get(by, "asked for")
    placed = "MEDPERF_HOME" if environ.get("MEDPERF_HOME") else "default"
    rows = [_setting("home", str(home), placed), _setting("profile", chosen, given)]
    return rows + [_setting(n, _shown(getattr(settings, n)), origin[n]) for n in fields()]


def _setting(name: str, value: Any, origin: str) -> dict[str, Any]:
    return {"setting": name, "value": value, "from": origin}


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return str(value) if isinstance(value, Path) else value


def pairs(texts: Sequence[str]) -> dict[str, Any]:
    """`name=value` of each text; lists have `:` between their values (raises UsageError)."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError(f"'{text}' does not set anything", hint="write it as name=value")
        if name in found:
            raise UsageError(f"'{name}' is set twice", hint="name each setting once")
        found[name] = value.split(":") if name in LISTS else value
    return found


def create(home: Path, name: str, values: Mapping[str, Any], copy: str | None) -> Settings:
    """Make a profile of `values`, or of what another says and `values` on top; it is not activated.

    Raises:
        UsageError: it is there already, there is nothing to copy, or a setting is unknown.
        ConfigurationError: a value makes no sense, or the disk refuses.

    """
    fresh = Settings(home=home, profile=profiles.checked(name))
    if fresh.file.exists():
        raise UsageError(
            f"profile '{name}' is there already", hint="`medperf profile activate` uses it, `set` changes it"
        )
    source = {} if copy is None else stored(Settings(home=home, profile=profiles.existing(home, copy)))
    return save(fresh, {**source, **values})


def delete(environ: Mapping[str, str], home: Path, name: str, *, even_active: bool) -> bool:
    """Remove a profile; returns whether it was the active one.

    Raises:
        UsageError: there is none, or it is in use and that was not said (`even_active`).
        ConfigurationError: the environment asks for it, or the disk refuses.

    """
    profiles.existing(home, name)
    try:
        active, by = profiles.chosen(environ, home)
    except ConfigurationError:
        active, by = "", ""  # a choice of nothing
    if name == active and by == "environment":
        raise ConfigurationError(
            f"profile '{name}' is in use: {profiles.VARIABLE} names it",
            hint=f"unset {profiles.VARIABLE}, then run the same command again",
        )
    if name == active and not even_active:
        raise UsageError(
            f"profile '{name}' is in use",
            hint="activate another with `medperf profile activate NAME`, or add --force",
        )
    profiles.delete(home, name)
    return name == active
