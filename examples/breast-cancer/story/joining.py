"""Act 2: eight members join."""

from __future__ import annotations

from story.stage import Stage
from story.world import ADMIN, COMMITTEE, MEMBERS, OWNER, VENDOR, World, approve

NAMES = {
    OWNER: "Tumor board of the consortium",
    "clara": "Clara, pathologist",
    "boris": "Boris, statistician",
    VENDOR: "Acme Diagnostics",
    "uni-lab": "University laboratory for imaging",
    "st-mary": "St Mary Hospital",
    "north-clinic": "North Clinic",
    "lakeside": "Lakeside Hospital",
    "east-valley": "East Valley Hospital",
}


def join(stage: Stage) -> None:
    """Everybody makes a key, pins the root and asks; the admin admits them."""
    stage.heading("2. Members join: each pins the root's fingerprint, and the admin signs their admission")
    stage.alike(ask_to_join, MEMBERS)
    stage.in_full().act(ADMIN, "sees who asks", "review", "ls")
    approve(stage, ADMIN, *(f"member {who} asks" for who in MEMBERS), reason="checked by telephone")


def ask_to_join(stage: Stage, who: str) -> None:
    """One newcomer: key, pinned registry, where shared files are, request."""
    world = World(stage)
    stage.act(who, "makes a key", "key", "new")
    stage.act(who, "adds the registry, pinned", "registry", "add", world.registry, "--root", world.root)
    stage.act(who, "looks for shared files in this folder", "profile", "set", "assets", str(world.assets))
    kind = ["--person"] if who in COMMITTEE else []
    stage.act(
        *(who, "asks to join", "member", "register", who, "--name", NAMES[who]),
        *("--contact", f"benchmarks@{who}.example", *kind, "--yes"),
    )
