"""Act 5: three hospitals register and prepare their data; one export has faults."""

from __future__ import annotations

from functools import partial

from story.stage import Stage
from story.world import DATASETS, HOSPITALS, World

ABOUT = {
    "st-mary": ("Consecutive fine needle aspirates of one year", "St Mary, pathology", "IRB 2026-17"),
    "north-clinic": ("Aspirates from a screening programme", "North Clinic, radiology", "EK 2026/112"),
    "lakeside": ("Referrals for a second opinion", "Lakeside, oncology", "REC 26-0471"),
}
FAULTY = "north-clinic"
EXIT_CONTAINER = 6


def prepare_data(stage: Stage) -> None:
    """Register, prepare, publish counts and statistics; north-clinic repairs its export on the way."""
    stage.heading("5. Hospitals register 380 real patients; nothing but counts and moments ever leaves")
    stage.alike(register, HOSPITALS)
    sound = [hospital for hospital in HOSPITALS if hospital != FAULTY]
    stage.together(*(partial(prepare, hospital=hospital) for hospital in sound), repair)
    stage.alike(publish, HOSPITALS)


def register(stage: Stage, hospital: str) -> None:
    """Publish that a dataset exists; its paths stay at the site."""
    description, location, ethics = ABOUT[hospital]
    export = World(stage).export(hospital)
    stage.act(hospital, "syncs", "registry", "sync")
    stage.act(
        *(hospital, "registers the dataset", "dataset", "submit", DATASETS[hospital], "-b", "breast-cancer"),
        *("--data_path", export / "features", "--labels_path", export / "labels"),
        *("--description", description, "--location", location, "--ethics-approval", ethics, "--yes"),
    )


def prepare(stage: Stage, hospital: str) -> None:
    """Run the data-preparator on the export, offline."""
    stage.act(hospital, "prepares it, offline", "dataset", "prepare", "-d", DATASETS[hospital])


def repair(stage: Stage) -> None:
    """North Clinic's export mixes units and holds a patient twice: the sanity check refuses it."""
    stage.wrong(2, "a dataset whose first attempt fails its sanity check, and is repaired")
    command = ("dataset", "prepare", "-d", DATASETS[FAULTY])
    stage.act(FAULTY, "prepares it, offline", *command, expect=EXIT_CONTAINER)
    second = World(stage).example / "data" / FAULTY / "export"
    copied = f"cp {stage.short(second)}/features/features.csv {FAULTY}/export/features/features.csv"
    stage.shell(FAULTY, "exports again, with one unit in each column and every patient once", copied)
    stage.act(FAULTY, "prepares it with the same command", *command)


def publish(stage: Stage, hospital: str) -> None:
    """Publish a salted hash, counts and statistics."""
    dataset = DATASETS[hospital]
    stage.act(
        hospital, "publishes counts and statistics", "dataset", "set_operational", "-d", dataset, "--yes"
    )
