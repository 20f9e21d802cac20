"""Act 1: an admin founds a registry."""

from __future__ import annotations

from story.stage import Stage
from story.world import ADMIN, World


def found(stage: Stage) -> None:
    """Ada makes a key, founds a bare repository with hooks, and uses it."""
    stage.heading("1. An admin founds a registry: a bare git repository whose first commit is a signed root")
    world = World(stage)
    stage.act(ADMIN, "makes the key that signs for her", "key", "new")
    stage.act(
        *(ADMIN, "founds the registry; its hooks judge every push"),
        *("registry", "init", "--bare", world.registry, "--title", "Breast imaging consortium"),
        *("--admin", ADMIN, "--contact", "registry@consortium.example"),
    )
    stage.act(ADMIN, "pins its root and uses it", "registry", "add", world.registry, "--root", world.root)
