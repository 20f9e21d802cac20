"""The whole story of a registry: a benchmark on real patients, nine members, signed results, a leaderboard.

An admin founds a registry, eight members join, models and hospitals' data take part as a committee decides,
hospitals run every model in containers and publish signed numbers. Eight things go wrong on the way, and are
repaired. Everything is made below `.demo/`; each command is real, and shown.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import build_images
import docker
import docker.errors
import imagebuild
from story import ACTS, play
from story.stage import SceneError, Stage
from story.world import CACHE, HERE, IMAGES

STAGE = HERE.parents[1] / ".demo"
_SLOWEST = 15


def main() -> None:
    """Play the story, or clear everything away."""
    options = parsed()
    stage = Stage(options.stage.absolute(), options.verbose)
    began = time.monotonic()
    try:
        if options.clear or options.clean:
            stage.remove()
            if options.clean:
                clean(stage)
            return
        seconds = play(stage, options.until)
    except (SceneError, imagebuild.BuildError) as error:
        sys.exit(f"\nthe demo stopped: {error}")
    if options.timings:
        tell_timings(stage, seconds)
    print(f"\nThe whole story took {time.monotonic() - began:.0f} s. `make demo-clean` removes all of it.")


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--clean", action="store_true", help="remove everything the demo made")
    parser.add_argument("--clear", action="store_true", help="remove the stage, with everybody's keys, only")
    parser.add_argument("--stage", type=Path, default=STAGE, help="the folder everything is made in")
    parser.add_argument("--until", choices=ACTS, help="stop after this act")
    parser.add_argument("--verbose", action="store_true", help="show all output of every command")
    parser.add_argument("--timings", action="store_true", help="say at the end where the time went")
    return parser.parse_args()


def tell_timings(stage: Stage, seconds: dict[str, float]) -> None:
    """Where the time went: by act, and the slowest commands."""
    print("\nSeconds by act, and the slowest commands:")
    for name, spent in seconds.items():
        print(f"  {spent:6.1f}  {name}")
    for spent, command in sorted(stage.spent, reverse=True)[:_SLOWEST]:
        print(f"  {spent:6.1f}  {command[:90]}")
    print(f"  {sum(spent for spent, _ in stage.spent):6.1f}  {len(stage.spent)} commands together")


def clean(stage: Stage) -> None:
    """Remove the build cache, and the images that were loaded for it."""
    kept = list(unremoved_images())
    shutil.rmtree(CACHE, ignore_errors=True)
    print(f"removed {stage.root}, .cache/breast-cancer and the demo's images")
    for name, reason in kept:
        print(f"  but not image {name}: {reason}")


def unremoved_images() -> Iterator[tuple[str, str]]:
    """Remove the demo's images; which could not be, and why."""
    try:
        summary = json.loads((IMAGES / build_images.SUMMARY).read_text(encoding="utf-8"))
        images = docker.from_env().images
    except (OSError, ValueError, docker.errors.DockerException):
        return  # nothing was built, or no engine answers
    for name, cube in summary["cubes"].items():
        try:
            images.remove(cube["image_id"], force=True)
        except docker.errors.ImageNotFound:
            continue
        except docker.errors.APIError as error:
            yield name, str(error.explanation)


if __name__ == "__main__":
    main()
