"""Act 10: anybody reads the board, builds the pages, and proves a number with stock tools."""

from __future__ import annotations

from story.stage import Stage
from story.world import HOSPITALS, RESULTS, VENDOR, World

RESULT = f"{RESULTS}/{VENDOR}/random-forest/{HOSPITALS[0]}/aspirates/1"
_READER = "anybody"
_BOARD = 26
"""Lines of the board that are shown: one sentence and every model at every site."""
ENDS = (
    "a model trained on the hospitals' own patients: rejected, with the reason",
    "an export with mixed units: named by its sanity check, repaired, prepared",
    "a result edited after the run: refused, nothing left the hospital; run again",
    "a result for a rejected model: not run by the tool, refused by the hook",
    "an unsigned file in main: every reader stops before it; main was reset",
    "a stolen key: revoked by its owner; it signs nothing any more",
    "the same version twice at once: one won, the other became the next version",
    "a run killed in the middle: the same command finished it",
)
"""How each of the things that went wrong ended, from (1) to (8)."""


def prove(stage: Stage) -> None:
    """Board, one claim explained, pages, and three stock commands that prove one number."""
    stage.heading("10. Anybody with a clone reads the board, builds the pages, and checks a number offline")
    world = World(stage)
    stage.act(VENDOR, "syncs", "registry", "sync")
    stage.beginning(_BOARD).act(VENDOR, "reads the board", "benchmark", "board", "breast-cancer")
    stage.in_full().act(VENDOR, "asks why one number counts", "verify", f"{RESULT}.yml")
    stage.act(VENDOR, "builds the pages", "site", "build", "--out", world.site)
    signers = stage.root / "allowed_signers"
    stage.act(VENDOR, "writes the keys for stock tools", "registry", "export-allowed-signers", "-o", signers)
    with_stock_tools(stage)
    stage.heading("What went wrong, and how each ended")
    for number, end in enumerate(ENDS, start=1):
        stage.tell(f"({number}) {end}")
    stage.tell(f"\n  The leaderboard: file://{world.site}/index.html")
    stage.tell(f"The root everybody pinned: {world.root}")


def with_stock_tools(stage: Stage) -> None:
    """One number, proved with nothing of ours: git, sha256sum, ssh-keygen."""
    stage.heading("One number, proved with nothing of ours: git, sha256sum, ssh-keygen")
    where = f"--git-dir=registry.git show main:registry/{RESULT}"
    stage.shell(_READER, "takes the file out of the repository", f"git {where}.yml > result.yml")
    stage.shell(_READER, "takes its signature", f"git {where}.sig > result.sig")
    stage.shell(_READER, "its digest, as the page and `medperf verify` say", "sha256sum result.yml")
    stage.shell(_READER, "the number", "grep -m 1 -A 7 'key: accuracy' result.yml")
    namespace = f"result.v1@{World(stage).registry_id}"
    verify = f"ssh-keygen -Y verify -f allowed_signers -I {HOSPITALS[0]} -n {namespace}"
    text = "the hospital's signature over exactly these bytes"
    stage.shell(_READER, text, f"{verify} -s result.sig < result.yml")
