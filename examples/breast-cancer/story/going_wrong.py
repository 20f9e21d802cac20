"""Act 9: what else goes wrong in a registry that lives, and how each of it ends."""

from __future__ import annotations

from pathlib import Path

import build_images

from story import by_hand
from story.stage import SceneError, Stage
from story.world import (
    ADMIN,
    COMMITTEE,
    NEWCOMER,
    UNIVERSITY,
    VENDOR,
    World,
    approve,
)

ROBBED = "lakeside"
SECOND_MACHINE = "acme-laptop"
ENDED = f"{UNIVERSITY}/nearest-neighbours"
UPDATED = "one-feature"
EXIT_FAILED, EXIT_CONFIGURATION, EXIT_INTEGRITY = 1, 4, 10


def go_wrong(stage: Stage) -> None:
    """Seven scenes; the last leaves things pending."""
    stage.heading("9. What else goes wrong while a registry lives")
    same_version_at_once(stage)
    withdrawn_and_revoked(stage)
    stolen_key(stage)
    unsigned_file(stage)
    still_pending(stage)


def same_version_at_once(stage: Stage) -> None:
    """Two people of one vendor describe the same model anew at the same moment."""
    stage.wrong(7, "the same version submitted twice at once")
    world = World(stage)
    laptop = SECOND_MACHINE
    stage.act(laptop, "signs with the vendor's key on a second machine", "key", "use", world.key(VENDOR))
    stage.act(laptop, "adds the registry", "registry", "add", world.registry, "--root", world.root)
    stage.act(laptop, "acts for the vendor", "profile", "set", "member", VENDOR)
    commands = {
        VENDOR: new_text(stage, VENDOR, "One threshold on one measurement, the mean texture of the nuclei."),
        laptop: new_text(stage, laptop, "The mean texture against one threshold; for teaching."),
    }
    done = stage.at_once("looks at the next version, then says yes", *commands.items())
    codes = [one.returncode for one in done]
    if sorted(codes) != [0, EXIT_FAILED]:
        raise SceneError(f"exit codes {codes}: expected one 0 and one {EXIT_FAILED}")
    loser = tuple(commands)[codes.index(EXIT_FAILED)]
    text = "submits again: what the other sent is in force, so this is the version after it"
    stage.act(loser, text, *commands[loser], "--yes")


def new_text(stage: Stage, who: str, description: str) -> list[str | Path]:
    """The command that describes the vendor's model anew; the words differ, what runs does not."""
    world, about = World(stage), stage.root / who / "about.yaml"
    folder = world.example / "cubes" / UPDATED
    old = (folder / "cube.yaml").read_text(encoding="utf-8").splitlines()
    lines = [f"description: {description}" if line.startswith("description:") else line for line in old]
    about.write_text("\n".join(lines) + "\n", encoding="utf-8")
    workspace = folder / "workspace"
    return [
        *("model", "submit", UPDATED, "--container-config", folder / "container_config.yaml"),
        *("--about", about, "--archive", world.images / f"{build_images.image_of(UPDATED)}.tar"),
        *("--parameters-file", workspace / "parameters.yaml"),
        *("--additional-file", workspace / f"additional_files/{UPDATED}.json", "--operational"),
    ]


def withdrawn_and_revoked(stage: Stage) -> None:
    """A hospital takes a result back, then the committee ends the model's part in the benchmark."""
    reason = "the model carries measurements of its training patients; our ethics board objects"
    stage.act(
        *(ROBBED, "takes one of its results back", "result", "withdraw", f"{ENDED}/{ROBBED}"),
        *("--reason", reason, "--yes"),
    )
    for who in COMMITTEE:
        stage.act(
            *(who, "votes to end the model's part", "association", "revoke", "-b", "breast-cancer"),
            *("-m", ENDED, "--reason", "weights must not hold patients", "--yes"),
        )


def stolen_key(stage: Stage) -> None:
    """Lakeside loses its key, takes another, and revokes the first; the thief signs nothing any more."""
    stage.wrong(6, "a member whose key is revoked")
    world = World(stage)
    old, new = world.key(ROBBED), stage.root / ROBBED / "next-key"
    stage.shell("thief", "copies the hospital's key", f"cp {stage.short(old)} {stage.short(old)}.pub thief/")
    stage.act(ROBBED, "makes another key, which signs from now on", "key", "new", "--file", new)
    stage.act(
        *(ROBBED, "asks the admin to add it, signed with the old one"),
        *("member", "rotate-key", "--old", old, "--label", "next key", "--yes"),
    )
    approve(stage, ADMIN, ROBBED, reason="new key read out by telephone")
    stage.act(ROBBED, "syncs", "registry", "sync")
    stage.act(ROBBED, "signs with it", "key", "use", new)
    stage.act(
        *(ROBBED, "revokes the old key, for which nobody need be asked"),
        *("member", "revoke-key", old, "--reason", "compromised", "--yes"),
    )
    thief_with(stage, stage.root / "thief" / old.name)


def thief_with(stage: Stage, key: Path) -> None:
    """Somebody with the old key publishes in the hospital's name: by this tool, then by plain git."""
    world, data = World(stage), World(stage).export(ROBBED)
    stage.act("thief", "adds the registry", "registry", "add", world.registry, "--root", world.root)
    stage.act("thief", "claims to be the hospital", "profile", "set", "member", ROBBED)
    stage.act("thief", "signs with the stolen key", "key", "use", key)
    stage.act(
        *("thief", "publishes in its name", "dataset", "submit", "invented", "-b", "breast-cancer"),
        *("--data_path", data / "features", "--labels_path", data / "labels"),
        *(
            "--description",
            "Invented patients",
            "--location",
            "nowhere",
            "--ethics-approval",
            "none",
            "--yes",
        ),
        expect=EXIT_CONFIGURATION,
    )
    script = by_hand.forged(
        "thief",
        kind="dataset",
        source=f"datasets/{ROBBED}/referrals/1",
        target=f"datasets/{ROBBED}/invented/1",
        swaps={f"{ROBBED}/referrals": f"{ROBBED}/invented"},
        key=stage.short(key),
        registry=world.registry_id,
    )
    stage.shell("thief", "goes past the tool, with stock git", script, EXIT_FAILED, said="SIG001")


def unsigned_file(stage: Stage) -> None:
    """Somebody with access to the disk of the bare repository commits to main; no hook runs."""
    stage.wrong(5, "an unsigned file put into main past the hooks")
    world, reader = World(stage), COMMITTEE[0]
    good = world.main()
    known, path = f"{VENDOR}/random-forest", f"cubes/{VENDOR}/miracle/1.yml"
    script = by_hand.smuggled(f"cubes/{known}/1.yml", path, f"s|{known}|{VENDOR}/miracle|")
    stage.shell("somebody", "writes into the repository's own disk", script)
    told = stage.act(reader, "syncs", "registry", "sync", expect=EXIT_INTEGRITY)
    if not all(words in told for words in (path, world.main()[:12], "TREE003")):
        raise SceneError(f"the reader was not told file, commit and rule:\n{told}")
    reset = f"git --git-dir=registry.git update-ref refs/heads/main {good}"
    stage.shell(ADMIN, "resets main to the last good commit, which every reader still stands at", reset)
    stage.act(reader, "syncs again", "registry", "sync")


def still_pending(stage: Stage) -> None:
    """Two things that nobody has decided when the story ends: an open request, and one merged by hand."""
    stage.tell("")
    stage.tell("And some things just wait: a fourth hospital asks to join, the rejected model asks again.")
    world = World(stage)
    stage.act(NEWCOMER, "makes a key", "key", "new")
    stage.act(NEWCOMER, "adds the registry", "registry", "add", world.registry, "--root", world.root)
    stage.act(
        *(NEWCOMER, "asks to join", "member", "register", NEWCOMER, "--name", "East Valley Hospital"),
        *("--contact", f"benchmarks@{NEWCOMER}.example", "--yes"),
    )
    stage.act(
        *(UNIVERSITY, "asks again for the rejected model", "model", "associate", "-b", "breast-cancer"),
        *("-m", "memorizer", "--message", "As a warning on the board: what a leak looks like.", "--yes"),
    )
    merged_by_hand(stage, "memorizer")
    for who in (ADMIN, COMMITTEE[1]):
        stage.act(who, "syncs", "registry", "sync")
        stage.act(who, "sees what waits", "todo")


def merged_by_hand(stage: Stage, model: str) -> None:
    """Somebody merges a request that nobody approved: lawful, in main, and without any effect."""
    rows = stage.ask(UNIVERSITY, "review", "ls")
    (request,) = (row["request"] for row in rows if model in row["title"])
    script = f"""
git clone -q registry.git {UNIVERSITY}/clone && cd {UNIVERSITY}/clone
git fetch -q origin refs/pull/{request}/head && git push -q origin FETCH_HEAD:main
"""
    stage.shell(
        UNIVERSITY, "merges its request with plain git; without approvals it counts for nothing", script
    )
