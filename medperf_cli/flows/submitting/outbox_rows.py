"""What waits in the outbox, as rows of a list; neither git nor the network is asked."""

from __future__ import annotations

from typing import Any

from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.submitting import outbox


def rows(deps: Deps) -> list[dict[str, Any]]:
    """One row an item (raises ConfigurationError, IntegrityError)."""
    return [item.row() for item in outbox.items(place(deps.settings))]
