"""Act 4: a vendor and a university submit models."""

from __future__ import annotations

from story.stage import Stage
from story.world import MODELS, cube_options


def submit_models(stage: Stage) -> None:
    """Six models, of which the vendor's three share one image; nobody needs to decide about them yet."""
    stage.heading("4. A vendor and a university submit models; weights and images are pinned by SHA-256")
    stage.alike(submit, list(MODELS))


def submit(stage: Stage, owner: str) -> None:
    """One owner's models."""
    stage.act(owner, "syncs", "registry", "sync")
    for model in MODELS[owner]:
        options = cube_options(stage, model)
        stage.act(owner, f"submits '{model}'", "model", "submit", model, *options, "--operational")
