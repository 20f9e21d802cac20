"""Act 6: models and datasets ask to take part; a committee of two decides."""

from __future__ import annotations

from story.stage import Stage
from story.world import COMMITTEE, DATASETS, HOSPITALS, MODELS, UNIVERSITY

REJECTED = "memorizer"
WHY_NOT = "trained on the patients of the demo dataset and of all three hospitals, as its card says"
_ASSOCIATION = ("association", "approve", "-b", "breast-cancer")


def associate(stage: Stage) -> None:
    """Everybody asks; the committee admits all but one."""
    stage.heading("6. Models and datasets ask to take part; both committee members must approve")
    stage.alike(ask_for_models, list(MODELS))
    stage.alike(ask_for_data, HOSPITALS)
    decide(stage)


def decide(stage: Stage) -> None:
    """The committee looks at what waits, rejects one model, and admits all else."""
    first = COMMITTEE[0]
    stage.alike(sync, COMMITTEE)
    stage.in_full().act(first, "sees what waits for her", "todo")
    stage.wrong(1, "a model rejected by the committee")
    stage.act(first, "reads the model's card", "model", "view", REJECTED)
    stage.act(
        *(first, "rejects it", "association", "reject", "-b", "breast-cancer", "-m", REJECTED),
        *("--reason", WHY_NOT, "--yes"),
    )
    stage.act(UNIVERSITY, "sees what became of it", "review", "ls", "--closed")
    stage.alike(admit, COMMITTEE)


def sync(stage: Stage, who: str) -> None:
    """See what is new."""
    stage.act(who, "syncs, which verifies every change since", "registry", "sync")


def ask_for_models(stage: Stage, owner: str) -> None:
    """Test one owner's models on the demo dataset, then ask the committee."""
    stage.act(owner, "syncs", "registry", "sync")
    for model in MODELS[owner]:
        stage.act(
            *(owner, f"tests '{model}' on the demo dataset, then asks the committee"),
            *("model", "associate", "-b", "breast-cancer", "-m", model, "--yes"),
        )


def ask_for_data(stage: Stage, hospital: str) -> None:
    """Run the reference model on one hospital's data, then ask the committee."""
    stage.act(
        *(hospital, "runs the reference model on its data, then asks to take part"),
        *("dataset", "associate", "-d", DATASETS[hospital], "-b", "breast-cancer", "--yes"),
    )


def admit(stage: Stage, who: str) -> None:
    """One committee member approves everything that asks, but what was rejected."""
    for model in (m for models in MODELS.values() for m in models if m != REJECTED):
        reason = "model card is complete"
        stage.act(who, f"approves '{model}'", *_ASSOCIATION, "-m", model, "--reason", reason, "--yes")
    for dataset in DATASETS.values():
        reason = "ethics approval seen"
        stage.act(who, f"approves '{dataset}'", *_ASSOCIATION, "-d", dataset, "--reason", reason, "--yes")
