"""Sets the stage of a tutorial: the others have played their part, and the rest is for who sits here to type.

Everything is made in `.tutorial/<role>/`; the last two lines printed are the first two to type.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import imagebuild
import scenes
from scenes import Scene
from story.stage import MEDPERF, SceneError, Stage

REPOSITORY = Path(__file__).resolve().parents[2]
_LARGE = 1 << 20
"""Bytes; only images are larger."""

_FOUNDED = (scenes.images, scenes.founded)
_DEFINED = (*_FOUNDED, scenes.board_joined, scenes.defined)
STAGES: dict[str, tuple[str, tuple[Scene, ...]]] = {
    "data-owner": (
        scenes.CLINIC,
        (*_DEFINED, scenes.vendor_joined, scenes.models_joined, scenes.clinic_exported),
    ),
    "model-owner": (scenes.UNIVERSITY, (*_DEFINED, scenes.model_built)),
    "committee": (
        scenes.OWNER,
        (*_FOUNDED, scenes.board_joined, scenes.vendor_joined, scenes.university_joined, scenes.cubes_built),
    ),
    "admin": (scenes.ADMIN, (scenes.images,)),
}
"""For each role: who one is, and what the others did before."""
MEANWHILE: dict[str, Scene] = {
    "members": scenes.members_ask,
    "models": scenes.models_ask,
    "hospital": scenes.hospital_runs,
    "vandal": scenes.vandal,
}
"""What the others do when a tutorial says `./play NAME`."""

_ACTIVATE = """\
# `. ./activate` lets this shell act as {who}; `. ./activate NAME` as somebody else of this story.
for name in $(env | sed -n 's/^\\(MEDPERF_[A-Z_]*\\)=.*/\\1/p'); do unset "$name"; done
export MEDPERF_HOME="{root}/${{1:-{who}}}/.medperf"
case ":$PATH:" in *":{bin}:"*) ;; *) PATH="{bin}:$PATH" ;; esac
PS1="(${{1:-{who}}}) \\$ "
"""
_AS = """\
#!/bin/sh
# `./as NAME medperf ...` lets somebody else of this story run one command.
who=$1
shift
MEDPERF_HOME="{root}/$who/.medperf" exec "$@"
"""
_PLAY = """\
#!/bin/sh
# `./play NAME` lets the others go on with the story.
exec "{bin}/python" "{script}" --stage "{root}" --meanwhile "$1"
"""
_WAITING = """\
#!/bin/sh
# Prints the id of the newest request that waits at the registry; with a name, of the newest of that member.
git --git-dir="{root}/registry.git" for-each-ref --sort=-committerdate \\
  --format='%(authorname)/%(refname)' 'refs/pull/*/head' | grep "^${{1:-}}" | head -n 1 | cut -d/ -f4
"""


def main() -> None:
    """Set the stage of one role, or let the others go on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=STAGES, nargs="?", default="data-owner")
    parser.add_argument("--stage", type=Path, help="the folder everything is made in")
    parser.add_argument("--kept", type=Path, help="keep each scene here; begin with the last one kept")
    parser.add_argument("--meanwhile", choices=MEANWHILE, help="play one more scene on a stage that is set")
    options = parser.parse_args()
    folder = (options.stage or REPOSITORY / ".tutorial" / options.role).absolute()
    stage = Stage(folder, colour=False)
    try:
        if options.meanwhile:
            _play(stage, MEANWHILE[options.meanwhile])
        else:
            set_up(stage, options.role, options.kept)
    except (SceneError, imagebuild.BuildError) as error:
        sys.exit(f"\nthe story stopped: {error}")


def set_up(stage: Stage, role: str, kept: Path | None) -> None:
    """Play what comes before, and say how to go on (raises SceneError, BuildError)."""
    began = time.monotonic()
    who, before = STAGES[role]
    from_kept(stage, before, kept)
    tools(stage, who)
    shown = stage.root.relative_to(Path.cwd()) if stage.root.is_relative_to(Path.cwd()) else stage.root
    print(f"\nThe stage is set ({time.monotonic() - began:.0f} s). You are {who}. Type:\n")
    print(f"  cd {shown}\n  . ./activate")


def from_kept(stage: Stage, before: Sequence[Scene], kept: Path | None) -> None:
    """Play the scenes after the last one that is kept; homes name paths, so the stage is the same folder."""
    begin = 0
    stage.clear()
    if kept:
        begin = next((n for n in range(len(before), 0, -1) if _place(kept, before[:n]).exists()), 0)
        if begin:
            stage.remove()
            _copy(_place(kept, before[:begin]), stage.root)
    for number, scene in enumerate(before[begin:], begin + 1):
        _play(stage, scene)
        if kept:
            _copy(stage.root, _place(kept, before[:number]))


def tools(stage: Stage, who: str) -> None:
    """What makes a shell act as somebody, and the others go on: `activate`, `as`, `play`, `waiting`."""
    values = {"root": stage.root, "bin": MEDPERF.parent, "who": who, "script": Path(__file__).resolve()}
    (stage.root / "activate").write_text(_ACTIVATE.format(**values), encoding="utf-8")
    for name, text in (("as", _AS), ("play", _PLAY), ("waiting", _WAITING)):
        (stage.root / name).write_text(text.format(**values), encoding="utf-8")
        (stage.root / name).chmod(0o755)
    (stage.root / who).mkdir(exist_ok=True)


def _play(stage: Stage, scene: Scene) -> None:
    print(f"  {(scene.__doc__ or '').splitlines()[0]}", flush=True)
    scene(replace(stage, out=io.StringIO()))


def _place(kept: Path, before: Sequence[Scene]) -> Path:
    return kept / "-".join(scene.__name__ for scene in before)


def _copy(source: Path, target: Path) -> None:
    """Copy a stage; images are linked, since they are never written again."""

    def put(file: str, to: str) -> None:
        if Path(file).stat().st_size > _LARGE:
            os.link(file, to)
        else:
            shutil.copy2(file, to)

    shutil.copytree(source, target, copy_function=put, symlinks=True)


if __name__ == "__main__":
    main()
