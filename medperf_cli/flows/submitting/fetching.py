"""Fetching pinned entities from an open registry, the request that is being written included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.errors import IntegrityError
from medperf_cli.flows.running.parts import Fetch
from medperf_cli.flows.submitting.desk import Desk


def at_the_desk(desk: Desk) -> Fetch:
    """Fetches what a pin names from the registry as it would stand with the request."""

    def fetch(pin: Pin) -> Entity:
        reader = desk.composer.after.reader
        found = reader.entity(pin.entity) if reader.holds(pin) else None
        if found is None:
            raise IntegrityError(f"'{pin.path}' is not here with the pinned bytes")
        return found

    return fetch


def metric_text(metric: Mapping[str, Any]) -> str:
    """One metric of a result in a few words."""
    match metric["kind"]:
        case "mean":
            return f"{metric['key']} {metric['mean']:.4g} (mean of {metric['count']})"
        case "ratio":
            whole = metric["denominator"]
            value = f"{metric['numerator'] / whole:.4g}" if whole else "undefined"
            return f"{metric['key']} {value} ({metric['numerator']:g} of {whole:g})"
        case _:
            return f"{metric['key']} {metric['value']:.4g}"
