"""`medperf benchmark run` as a process: its table, kill -9, Ctrl-C, two at once, hostile models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.runtime.base import CELL_LABEL
from medperf_cli.adapters.runtime.docker_engine import DockerEngine
from tests.support.hospital import Hospital
from tests.support.pty_command import MEDPERF, AtTerminal
from tests.support.shell_cubes import INFER
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE

pytestmark = [pytest.mark.container, pytest.mark.e2e]

RUN = ("benchmark", "run", "-b", TISSUE, "-d", DATASET)
SLEEPS = f"sleep 100\n{INFER}"


def env_of(hospital: Hospital) -> dict[str, str]:
    return {"MEDPERF_HOME": str(hospital.settings.home)}


def medperf(hospital: Hospital, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **env_of(hospital), **more}
    return subprocess.run([MEDPERF, *words], capture_output=True, text=True, check=False, env=env)


def ours(engine: DockerEngine, cell: str) -> list[dict[str, Any]]:
    """Containers of one cube, running or not."""
    from docker import APIClient  # noqa: PLC0415 - only where the SDK is there

    with closing(APIClient(engine._host, version="auto")) as api:
        found = api.containers(all=True, filters={"label": CELL_LABEL})
    return [c for c in found if c["Labels"][CELL_LABEL].startswith(cell)]


def eventually(holds: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def with_models(hospital: Hospital, **scripts: str) -> Hospital:
    for name, text in scripts.items():
        hospital.story.model(f"acme/{name}", text)
    hospital.take_part()
    hospital.keep()
    return hospital


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[bool, str]]:
    return {row["model"]: (row["from_cache"], row["error"]) for row in json.loads(done.stdout)}


def killed(hospital: Hospital, engine: DockerEngine, name: str, *words: str) -> list[str]:
    """Kill the command while the model runs; the names of the containers it leaves."""
    env = {**os.environ, **env_of(hospital)}
    process = subprocess.Popen(
        [MEDPERF, *RUN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    eventually(lambda: any(c["State"] == "running" for c in ours(engine, name)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    return [container["Names"][0].lstrip("/") for container in ours(engine, name)]


def test_after_kill_9_the_same_command_resumes_and_removes_what_was_left(
    hospital: Hospital, engine: DockerEngine
) -> None:
    name = f"acme/killed-{os.getpid()}"
    hospital = with_models(hospital, **{name.partition("/")[2]: f"sleep 6\n{INFER}"})
    said = "left behind by a process that was killed"
    left = killed(hospital, engine, name)
    done = medperf(hospital, *RUN, "--json")
    assert done.returncode == 0, done.stderr
    assert outcomes(done) == {REFERENCE: (True, ""), FOREST: (True, ""), name: (False, "")}
    assert ours(engine, name) == []
    for _ in range(4):  # another test on this machine may be faster to remove what was left
        if any(f"removed container '{container}', {said}" in done.stderr for container in left):
            return
        left = killed(hospital, engine, name, "--no-cache", "-m", name)
        done = medperf(hospital, *RUN, "-m", name)
        assert (done.returncode, ours(engine, name)) == (0, [])
    pytest.fail(f"nobody said that it removed {left}: {done.stderr}")


def test_ctrl_c_at_a_terminal_stops_the_container_and_says_how_to_go_on(
    hospital: Hospital, engine: DockerEngine
) -> None:
    name = f"acme/stopped-{os.getpid()}"
    hospital = with_models(hospital, **{name.partition("/")[2]: SLEEPS})
    with AtTerminal(*RUN, env=env_of(hospital)) as screen:
        screen.until("MODEL")
        screen.until(name)
        eventually(lambda: any(c["State"] == "running" for c in ours(engine, name)))
        screen.press_ctrl_c()
        screen.until("stopping: containers that run are ended")
        assert screen.ended() == 130
    assert "error MP-INTERRUPTED: stopped with" in screen.text
    assert "next: run the same command again: finished work is kept" in screen.text
    assert "not finished" in screen.text
    assert "Traceback" not in screen.text
    assert ours(engine, name) == []


def test_a_terminal_that_is_closed_leaves_no_container(hospital: Hospital, engine: DockerEngine) -> None:
    name = f"acme/hung-up-{os.getpid()}"
    hospital = with_models(hospital, **{name.partition("/")[2]: SLEEPS})
    with AtTerminal("run", "-b", TISSUE, "-d", DATASET, "-m", name, env=env_of(hospital)) as screen:
        screen.until("infer")
        eventually(lambda: any(c["State"] == "running" for c in ours(engine, name)))
        screen.hang_up()
        assert screen.process.wait(timeout=60) != 0
    assert ours(engine, name) == []
    (status,) = hospital.settings.runs.glob("*/attempt-1/status.json")
    assert json.loads(status.read_text())["state"] == "interrupted"


def test_the_table_lives_on_the_terminal_and_the_summary_stays(hospital: Hospital) -> None:
    hostile = "printf '\\033[2J\\033]0;owned\\007 goodbye\\n'; exit 3"
    hospital = with_models(hospital, hostile=hostile, slow=f"sleep 2\n{INFER}")
    with AtTerminal(*RUN, env={**env_of(hospital), "MEDPERF_PARALLEL": "2"}, columns=120) as screen:
        screen.until("infer")
        screen.resize(60, 20)
        screen.until("waiting")
        assert screen.ended() == 9
    text = screen.text
    assert "owned\x07" not in screen.raw
    assert r"\x1b[2J\x1b]0;owned\x07 goodbye" in text
    assert "4 models: 3 done, 1 failed" in text
    assert text.index("4 models:") < text.index("LOCAL RESULT UID") < text.index("acme/hostile failed:")
    with AtTerminal(*RUN, env=env_of(hospital)) as again:
        assert again.ended() == 9
    assert "3 from cache" in again.text


def test_without_a_terminal_there_are_lines_and_no_escapes(hospital: Hospital) -> None:
    hospital = with_models(hospital)
    done = medperf(hospital, *RUN)
    assert done.returncode == 0, done.stderr
    assert f"{REFERENCE}: done" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    quiet = medperf(hospital, "-q", *RUN)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    one = medperf(hospital, "run", "-b", TISSUE, "-d", DATASET, "-m", "forest", "--json")
    assert outcomes(one) == {FOREST: (True, "")}
    assert medperf(hospital, "result", "create", "-b", TISSUE, "-d", DATASET, "-m", FOREST).returncode == 0


def test_two_runs_of_the_same_cells_at_once_share_the_work(hospital: Hospital) -> None:
    hospital = with_models(hospital, slow=f"sleep 3\n{INFER}")
    env = {**os.environ, **env_of(hospital)}
    both = [
        subprocess.Popen(
            [MEDPERF, *RUN, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )
        for _ in range(2)
    ]
    texts = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], texts
    cached = [sum(row["from_cache"] for row in json.loads(out)) for out, _ in texts]
    assert sum(cached) == 3  # each model was run by one of the two
    assert all(len(list(cell.glob("attempt-*"))) == 1 for cell in hospital.settings.runs.iterdir())


def test_models_from_a_file_and_models_that_do_not_take_part(hospital: Hospital, tmp_path: Path) -> None:
    hospital = with_models(hospital)
    listed = tmp_path / "models.txt"
    listed.write_text(f"{FOREST},  # ours\n")
    done = medperf(hospital, *RUN, "-f", str(listed), "--json")
    assert list(outcomes(done)) == [FOREST]
    listed.write_text("# none\n")
    assert medperf(hospital, *RUN, "-f", str(listed)).returncode == 2
    refused = medperf(hospital, "run", "-b", TISSUE, "-d", DATASET, "-m", "acme/unknown")
    assert refused.returncode == 2
    assert f"'acme/unknown' is not associated with benchmark '{TISSUE}'" in refused.stderr
    assert f"next: models are: {FOREST}, {REFERENCE}" in refused.stderr


def test_only_a_terminal_makes_the_command_import_rich(hospital: Hospital) -> None:
    hospital = with_models(hospital)
    code = (
        "import sys; from medperf_cli.main import run; "
        f"code = run({[*RUN, '--json']!r}); "
        "print(code, 'rich' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **env_of(hospital)},
    )
    assert done.stderr.splitlines()[-1] == "0 False"
