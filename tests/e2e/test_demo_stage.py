"""The demo's stage: it clears itself away as a whole, and shows exactly what was typed and said."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/breast-cancer"
DEMO = EXAMPLE / "demo.py"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty stage, and who listens to it."""
    monkeypatch.syspath_prepend(EXAMPLE)
    module = importlib.import_module("story.stage")
    found = module.Stage(tmp_path / "stage", colour=False, out=io.StringIO())
    found.clear()
    return found


def told(stage: Any) -> str:
    """What the audience has read."""
    text: str = stage.out.getvalue()
    return text


@pytest.mark.parametrize("option", ["--clean", "--clear"])
def test_a_folder_that_the_demo_did_not_make_is_never_removed(tmp_path: Path, option: str) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    command = [sys.executable, str(DEMO), option, "--stage", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, f"'{tmp_path}' was not made by the demo" in done.stderr) == (1, True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_command_is_shown_as_typed_with_what_it_said_and_how_it_ended(stage: Any) -> None:
    stage.act("ada", "makes a key", "key", "new", "--file", stage.root / "ada/key")
    assert "  ada: makes a key\n  ada $ medperf key new --file ada/key\n    made " in told(stage)
    said = stage.act("ada", "syncs nothing", "registry", "sync", expect=4)
    assert said.startswith("error MP-CONFIG: ")
    assert told(stage).endswith("    exit code 4\n")
    assert (stage.root / "ada/key").is_file()


def test_a_scene_that_ends_otherwise_stops_the_story(stage: Any) -> None:
    error = importlib.import_module("story.stage").SceneError
    with pytest.raises(error, match="exit code 4, expected 0"):
        stage.act("ada", "syncs nothing", "registry", "sync")
    with pytest.raises(error, match="exit code 0, expected 1"):
        stage.shell("ada", "does nothing", "true", expect=1)
    with pytest.raises(error, match="it did not speak of RES001"):
        stage.shell("ada", "says nothing", "true", said="RES001")
    with pytest.raises(error, match="did not come to its question"):
        stage.at_once("asks", ("ada", ("registry", "ls")), seconds=5)
    with pytest.raises(error, match="before it could be killed"):
        stage.kill_when("ada", "is too fast", "key", "ls", ready=lambda _: False)


def test_a_script_stops_at_its_first_failure(stage: Any) -> None:
    said = stage.shell("ada", "tries", "echo one\nfalse\necho two", expect=1)
    assert said == "one\n"
    assert "  ada $ false\n  ada $ echo two\n    one\n    exit code 1\n" in told(stage)


def test_people_who_do_the_same_are_shown_once_and_all_of_them_act(stage: Any) -> None:
    def make(theirs: Any, who: str) -> None:
        theirs.act(who, "makes a key", "key", "new")

    stage.alike(make, ("ada", "clara", "boris"))
    assert told(stage).count("makes a key") == 1
    assert told(stage).endswith("  clara, boris: the same\n")
    assert all(list((stage.root / who).rglob("*.pub")) for who in ("ada", "clara", "boris"))


def test_one_who_fails_among_several_stops_the_story_and_is_shown(stage: Any) -> None:
    error = importlib.import_module("story.stage").SceneError

    def sync(theirs: Any, who: str) -> None:
        theirs.act(who, "syncs", "registry" if who == "boris" else "key", "sync" if who == "boris" else "new")

    with pytest.raises(error, match="exit code 4"):
        stage.alike(sync, ("ada", "boris"))
    assert "boris $ medperf registry sync" in told(stage)


@pytest.mark.parametrize(
    ("of", "shown"),
    [
        (lambda stage: stage, ["0", "2", "... 18 more lines", "21", "24"]),
        (lambda stage: stage.beginning(3), ["0", "2", "... 22 more lines"]),
        (lambda stage: stage.in_full(), ["0", "12", "24"]),
    ],
)
def test_long_output_is_shortened(stage: Any, of: Callable[[Any], Any], shown: list[str]) -> None:
    of(stage).shell("ada", "counts", "seq 0 24")
    lines = [line.strip() for line in told(stage).splitlines()]
    assert [line for line in shown if line in lines] == shown
    assert ("12" in lines) == ("12" in shown)


def test_an_act_that_is_not_in_the_story_is_named(stage: Any) -> None:
    story = importlib.import_module("story")
    error = importlib.import_module("story.stage").SceneError
    with pytest.raises(error, match="there is no act 'intermission': founding, joining, "):
        story.play(stage, until="intermission")
