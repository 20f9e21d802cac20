"""However a run ends, no container stays: Ctrl-C, a termination signal, and a killed process."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import medperf_cli
from medperf_cli.adapters.runtime.base import CELL_LABEL, OWNER_LABEL
from medperf_cli.adapters.runtime.docker_engine import DockerEngine, connect
from medperf_cli.errors import EngineError
from tests.support.runtime import script

if TYPE_CHECKING:
    from docker import APIClient

    from tests.support.runtime import Bench

pytestmark = pytest.mark.container
RUN = """
import pickle, sys
from medperf_cli.adapters.runtime.docker_engine import DockerEngine
host, version, spec = pickle.loads(sys.stdin.buffer.read())
DockerEngine(host, version, 60).run(spec)
"""


def _cell(api: APIClient, bench: Bench, **filters: str) -> list[str]:
    label = f"{CELL_LABEL}={bench.site.cell}"
    return [c["Names"][0][1:] for c in api.containers(all=True, filters={"label": label, **filters})]


def _start(bench: Bench, api: APIClient) -> subprocess.Popen[bytes]:
    """Another process that runs a container; returns once that is running."""
    assert isinstance(bench.engine, DockerEngine)
    spec = bench.site.spec(bench.image_id, script("echo begun; sleep 60"))
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(medperf_cli.__file__).parents[1],
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps((bench.engine._host, bench.engine._version, spec)))
    process.stdin.close()
    for _ in range(200):
        if _cell(api, bench, status="running"):
            return process
        time.sleep(0.05)
    process.kill()
    pytest.fail("the container did not start")


def _end(process: subprocess.Popen[bytes], number: int) -> str:
    process.send_signal(number)
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read().decode()
    process.wait(timeout=30)
    return said


@pytest.mark.parametrize(
    ("number", "says"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "ended by SIGTERM")]
)
def test_an_interruption_leaves_no_container(
    bench: Bench, docker_api: APIClient, number: int, says: str
) -> None:
    process = _start(bench, docker_api)

    assert says in _end(process, number)
    assert process.returncode != 0
    assert _cell(docker_api, bench) == []
    assert bench.site.log == "begun\n"


def test_what_a_killed_process_left_is_swept(bench: Bench, docker_api: APIClient) -> None:
    process = _start(bench, docker_api)
    assert not set(_cell(docker_api, bench)) & set(bench.engine.sweep()), "swept while its process lives"

    _end(process, signal.SIGKILL)
    bench.engine.sweep()  # or the sweep of a test beside this one
    assert _cell(docker_api, bench) == []


def test_what_belongs_to_others_is_not_swept(bench: Bench, docker_api: APIClient) -> None:
    labels = {CELL_LABEL: bench.site.cell, OWNER_LABEL: f"boot:1:{os.getuid() + 1}:1:1"}
    config = {"Image": bench.image_id, "Cmd": ["/bin/sh"], "Labels": labels}
    made = docker_api.create_container_from_config(config)["Id"]
    try:
        bench.engine.sweep()
        assert len(_cell(docker_api, bench)) == 1
    finally:
        docker_api.remove_container(made)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not")
def test_who_is_not_permitted_is_told_what_to_do(bench: Bench) -> None:
    assert isinstance(bench.engine, DockerEngine)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            connect(environ={"DOCKER_HOST": bench.engine._host})
        except EngineError as error:
            os._exit(0 if "not permitted" in error.message and "group docker" in error.hint else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
