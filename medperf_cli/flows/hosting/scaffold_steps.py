"""What people do once a registry was founded: collect signatures, then set up the repository."""

from __future__ import annotations

from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.flows.hosting.found_on_forge import Founded


def signing_steps(founded: Founded) -> str:
    """Who must still sign the root of a founding, and how."""
    names = ", ".join(founded.waiting)
    return (
        f"'{founded.title}' waits for: {names}\n"
        f"  1. give each of them the folder '{founded.path / REGISTRY_DIR}', and tell them by telephone:"
        f" {founded.root}\n"
        "  2. each types: medperf registry sign-root FOLDER --contact MAILBOX\n"
        "  3. put the three files that each sends back into that folder, then:"
        f" medperf registry init {founded.path}"
    )


def next_steps(founded: Founded) -> str:
    """What is to be done on the forge, numbered."""
    return f"'{founded.path}' holds '{founded.title}'"
