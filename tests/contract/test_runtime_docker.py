"""What a container gets, and what it cannot do, on the real engine."""

# ruff: noqa: S104, S108 - a server the container must not reach; paths inside the container

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from medperf_cli.adapters.runtime.base import CELL_LABEL, User
from medperf_cli.adapters.runtime.checked import run_checked
from medperf_cli.adapters.runtime.docker_engine import DockerEngine
from medperf_cli.adapters.runtime.isolation import REQUIRED, Measure
from medperf_cli.errors import ContainerError, EngineError, InterruptedByUserError, TaskTimeoutError
from tests.support.runtime import MIB, script

if TYPE_CHECKING:
    from pathlib import Path

    from docker import APIClient

    from tests.support.runtime import Bench

pytestmark = pytest.mark.container


def _containers(api: APIClient, bench: Bench) -> list[str]:
    return [c["Id"] for c in api.containers(all=True, filters={"label": f"{CELL_LABEL}={bench.site.cell}"})]


def test_a_task_reads_its_inputs_and_writes_its_outputs(bench: Bench, docker_api: APIClient) -> None:
    report = bench.sh(
        "cat /mlcommons/volumes/data/case.csv > /mlcommons/volumes/out/copy.csv;"
        "echo done > /mlcommons/volumes/report/report.yaml; echo said; echo complained >&2; exit 3"
    )

    assert report.exit_code == 3
    assert (bench.site.output / "copy.csv").read_text() == "1,2\n"
    assert (bench.site.folder / "report.yaml").read_text() == "done\n"
    assert sorted(bench.site.log.splitlines()) == ["complained", "said"]
    assert report.started.endswith("Z")
    assert len(report.started) == len("2026-01-31T12:00:00Z")
    assert 0 <= report.duration_seconds < 30
    assert _containers(docker_api, bench) == []


def test_the_whole_policy_is_applied_and_seen_in_the_process(bench: Bench) -> None:
    report = bench.sh("sleep 1")

    assert report.process_seen
    assert {Measure(word) for word in report.isolation.applied} >= REQUIRED
    assert report.isolation.missing == bench.engine.info().lacks


def test_the_process_has_no_privileges(bench: Bench) -> None:
    status = bench.shell("cat /proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[capabilities], 16) == 0


def test_nothing_can_be_reached(bench: Bench) -> None:
    with closing(socket.create_server(("0.0.0.0", 0))) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        said = bench.shell(
            f"for host in 127.0.0.1:{port} 172.17.0.1:{port} example.org; do"
            " wget -T 2 -q http://$host || echo out of reach: $host; done;"
            "ls /sys/class/net > /mlcommons/volumes/out/interfaces"
        )
        with pytest.raises(TimeoutError):
            server.accept()

    assert said.count("out of reach: ") == 3
    assert (bench.site.output / "interfaces").read_text() == "lo\n"


def test_only_outputs_and_tmp_can_be_written(bench: Bench) -> None:
    said = bench.shell(
        # Standard error is another pipe: its lines may come in the middle of those counted here.
        "exec 2>/dev/null;"
        "for place in /mlcommons/volumes/data /mlcommons/volumes /mlcommons/volumes/out /bin /work / /kept"
        " /etc /tmp /proc/sys/kernel; do touch $place/new && echo $place; done;"
        "echo x >> /mlcommons/volumes/data/case.csv || echo kept;"
        "echo x >> /mlcommons/volumes/parameters/p.yaml || echo kept; pwd"
    )

    written = [line for line in said.splitlines() if line.startswith("/") and ":" not in line]
    assert written == ["/mlcommons/volumes/out", "/tmp", "/work"]  # the last one is the working directory
    assert said.splitlines().count("kept") == 2
    assert (bench.site.folder / "in/case.csv").read_text() == "1,2\n"
    assert list((bench.site.folder / "scratch").iterdir()) == [], "traces of patients may be in there"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another caller")
def test_outputs_belong_to_the_caller(bench: Bench) -> None:
    if bench.engine.info().rootless:
        pytest.skip("a rootless engine knows one caller only")
    bench.site.output.mkdir()
    os.chown(bench.site.output, 12345, 23456)
    bench.site.user = User(12345, 23456, (34567,))

    said = bench.shell("id; touch /mlcommons/volumes/out/mine /tmp/mine")

    assert said.strip() == "uid=12345 gid=23456 groups=23456,34567"
    made = (bench.site.output / "mine").stat()
    assert (made.st_uid, made.st_gid) == (12345, 23456)


def test_no_variable_and_no_proxy_of_the_host_comes_along(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "docker").mkdir()
    proxies = {"default": {"httpProxy": "http://config.invalid:3128", "noProxy": "config.invalid"}}
    (tmp_path / "docker/config.json").write_text(json.dumps({"proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("HTTP_PROXY", "http://host.invalid:3128")
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")

    variables = bench.shell("env").splitlines()

    names = {line.partition("=")[0] for line in variables}
    assert names == {"HOME", "HOSTNAME", "MEDPERF_LOGLEVEL", "PATH", "PWD", "SHLVL"}
    assert "HOME=/tmp" in variables


def test_memory_is_limited_and_running_out_is_said(bench: Bench) -> None:
    with pytest.raises(ContainerError, match=f"ran out of memory at {32 * MIB} bytes"):
        bench.sh("dd if=/dev/zero of=/dev/null bs=200M count=1", checked=True, memory_bytes=32 * MIB)


def test_processes_are_limited(bench: Bench) -> None:
    report = bench.sh("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done", pids=8)

    assert report.exit_code != 0
    assert "can't fork" in bench.site.log


def test_one_file_cannot_grow_past_the_limit(bench: Bench) -> None:
    bench.sh("dd if=/dev/zero of=/mlcommons/volumes/out/big bs=1M count=9", output_bytes=2 * MIB)

    assert (bench.site.output / "big").stat().st_size == 2 * MIB


@pytest.mark.parametrize("place", ["/mlcommons/volumes/out", "/tmp"])
def test_many_files_are_watched(bench: Bench, docker_api: APIClient, place: str) -> None:
    fill = f"for i in 1 2 3 4; do dd if=/dev/zero of={place}/$i bs=1M count=1; done; sleep 50"
    with pytest.raises(ContainerError, match="grew past 2097152 bytes"):
        bench.sh(fill, output_bytes=2 * MIB)
    assert _containers(docker_api, bench) == []

    with pytest.raises(ContainerError, match="grew past 20 files"):
        bench.sh(f"cd {place}; touch $(busybox seq 30)", output_bytes=64 * MIB, output_files=20)


def test_the_log_is_bounded_and_keeps_its_end(bench: Bench) -> None:
    bench.shell("echo the beginning; yes | busybox head -c 3000000; echo the end", log_bytes=20_000)

    assert len(bench.site.log) < 20_100
    assert bench.site.log.startswith("the beginning\n")
    assert "bytes left out here]" in bench.site.log
    assert bench.site.last_line == "the end"


def test_a_silent_container_is_waited_for(bench: Bench) -> None:
    report = bench.sh("exec >&- 2>&-; sleep 2; exit 4")

    assert report.exit_code == 4
    assert report.duration_seconds > 1.5


def test_too_long_is_ended_and_nothing_is_left(bench: Bench, docker_api: APIClient) -> None:
    with pytest.raises(TaskTimeoutError, match="longer than 1 seconds"):
        bench.sh("trap 'echo asked to end; exit' TERM; echo begun; sleep 60 & wait", timeout_seconds=1)

    assert bench.site.log == "begun\nasked to end\n"
    assert _containers(docker_api, bench) == []


def test_stop_ends_a_run_in_another_thread(bench: Bench, docker_api: APIClient) -> None:
    assert isinstance(bench.engine, DockerEngine)
    bench.engine = DockerEngine(bench.engine._host, bench.engine._version, 60)
    threading.Timer(0.7, bench.engine.stop).start()

    with pytest.raises(InterruptedByUserError, match="was stopped"):
        bench.sh("sleep 60")
    assert _containers(docker_api, bench) == []


def test_a_failure_quotes_the_log_without_its_control_characters(bench: Bench) -> None:
    with pytest.raises(ContainerError) as caught:
        bench.sh("echo 'no weights \033[31m here'; exit 5", checked=True)

    assert "ended with exit code 5" in caught.value.message
    assert r"no weights \x1b[31m here" in caught.value.message
    assert str(bench.site.folder / "log") in caught.value.message


def test_a_symlink_out_of_the_outputs_is_refused(bench: Bench) -> None:
    with pytest.raises(ContainerError, match=r"results.yaml' is a symlink that leads outside"):
        bench.sh("ln -s /etc/passwd /mlcommons/volumes/out/results.yaml", checked=True)


def test_a_program_that_is_not_there_is_an_error(bench: Bench, docker_api: APIClient) -> None:
    spec = bench.site.spec(bench.image_id, {"entrypoint": "/bin/absent"})

    with pytest.raises(ContainerError, match="absent failed: No such file"):
        run_checked(bench.engine, spec)
    assert _containers(docker_api, bench) == []


def test_without_required_isolation_nothing_starts(bench: Bench, docker_api: APIClient) -> None:
    assert isinstance(bench.engine, DockerEngine)
    weak = DockerEngine(bench.engine._host, bench.engine._version, 60)
    weak._info = replace(weak.info(), lacks=("no-network", "pids-limit"))
    spec = bench.site.spec(bench.image_id, script("touch /mlcommons/volumes/out/started"))

    with pytest.raises(EngineError, match="required isolation: no-network"):
        weak.run(spec)
    assert not (bench.site.output / "started").exists()
    assert _containers(docker_api, bench) == []


def test_a_missing_optional_measure_is_recorded_and_the_run_goes_on(bench: Bench) -> None:
    assert isinstance(bench.engine, DockerEngine)
    weak = DockerEngine(bench.engine._host, bench.engine._version, 60)
    weak._info = replace(weak.info(), lacks=("pids-limit",))
    spec = replace(bench.site.spec(bench.image_id, script("touch /new")), read_only_root=False)

    report = weak.run(spec)

    assert report.exit_code == 0 or os.getuid() != 0
    assert report.isolation.missing == ("pids-limit", "root-read-only")
