"""What is read from engine and kernel, and how it is judged; no engine is needed."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from medperf_cli.adapters.runtime import owner, process
from medperf_cli.adapters.runtime.base import EngineInfo, RunSpec, Settings, User
from medperf_cli.adapters.runtime.docker_create import ImageFacts
from medperf_cli.adapters.runtime.docker_engine import connect
from medperf_cli.adapters.runtime.docker_isolation import created, refuted
from medperf_cli.adapters.runtime.isolation import REQUIRED, Isolation, Measure
from medperf_cli.adapters.runtime.signals import endings_raise, held_back
from medperf_cli.errors import EngineError, InterruptedByUserError
from tests.support.runtime import LIMITS, Site, script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGE = ImageFacts(f"sha256:{'a' * 64}", ("PATH=/bin",))
INFO = EngineInfo(
    name="docker",
    version="20.10",
    api_version="1.41",
    rootless=False,
    cgroup_version="2",
    security_options=(),
    lacks=(),
)


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    return Site(tmp_path / "site", "cell", User(1, 1)).spec(IMAGE.id, script("true"))


def _inspected(spec: RunSpec) -> dict[str, Any]:
    """What an engine says that did all it was asked to."""
    mounts = [(m.container, m.host, not m.read_only) for m in spec.mounts] + [("/tmp", spec.scratch, True)]  # noqa: S108 - in the container
    return {
        "Config": {"Env": ["PATH=/bin", "HOME=/tmp", "MEDPERF_LOGLEVEL=INFO"]},
        "NetworkSettings": {"Networks": {"none": {}}},
        "Mounts": [
            {"Type": "bind", "Source": str(host), "Destination": inside, "RW": writable}
            for inside, host, writable in mounts
        ],
        "HostConfig": {
            "NetworkMode": "none",
            "Privileged": False,
            "SecurityOpt": ["no-new-privileges"],
            "CapDrop": ["ALL"],
            "CapAdd": None,
            "ReadonlyRootfs": True,
            "PidsLimit": LIMITS.pids,
            "Memory": LIMITS.memory_bytes,
            "NanoCpus": 500_000_000,
            "IpcMode": "private",
            "LogConfig": {"Type": "none"},
            "Ulimits": [
                {"Name": "nofile", "Soft": LIMITS.open_files, "Hard": LIMITS.open_files},
                {"Name": "fsize", "Soft": LIMITS.output_bytes, "Hard": LIMITS.output_bytes},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
        },
    }


def test_an_engine_that_did_all_of_it_confirms_all_of_it(spec: RunSpec) -> None:
    isolation = created(_inspected(spec), spec, IMAGE, INFO)

    assert isolation == Isolation.of(Measure)
    assert isolation.missing == isolation.unconfirmed == ()


def _host(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["HostConfig"].update(values)


@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (_host(NetworkMode="bridge"), "no-network"),
        (lambda d: d["NetworkSettings"]["Networks"].update(extra={}), "no-network"),
        (lambda d: d["Mounts"][0].update(RW=True), "inputs-read-only"),
        (lambda d: d["Mounts"].append({**d["Mounts"][0], "Destination": "/sock"}), "inputs-read-only"),
        (lambda d: d["Mounts"][2].update(Source="/"), "inputs-read-only"),
        (lambda d: d["Config"]["Env"].append("HTTP_PROXY=http://x"), "clean-environment"),
        (_host(Privileged=True), "not-privileged"),
        (_host(CapAdd=["SYS_ADMIN"]), "not-privileged"),
        (_host(PidMode="host"), "not-privileged"),
        (_host(Devices=[{"PathOnHost": "/dev/mem"}]), "not-privileged"),
        (_host(SecurityOpt=["no-new-privileges", "apparmor=unconfined"]), "not-privileged"),
        (_host(SecurityOpt=[]), "no-new-privileges"),
        (_host(ReadonlyRootfs=False), "root-read-only"),
        (_host(CapDrop=None), "capabilities-dropped"),
        (_host(SecurityOpt=["no-new-privileges", "seccomp=unconfined"]), "seccomp-default"),
        (_host(PidsLimit=None), "pids-limit"),
        (_host(Memory=0), "memory-limit"),
        (_host(NanoCpus=0), "cpu-limit"),
        (_host(Ulimits=None), "file-limit"),
        (_host(IpcMode="shareable"), "private-ipc"),
        (_host(LogConfig={"Type": "json-file"}), "log-cap"),
    ],
)
def test_whatever_an_engine_did_otherwise_is_missing(
    spec: RunSpec, spoil: Callable[[dict[str, Any]], None], missing: str
) -> None:
    document = copy.deepcopy(_inspected(spec))
    spoil(document)

    isolation = created(document, spec, IMAGE, INFO)

    assert missing in isolation.missing
    assert (missing in isolation.unconfirmed) == (missing in REQUIRED)


def _facts(**changes: Any) -> process.Facts:
    fields: dict[str, Any] = {
        "status": {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapBnd": "0" * 16},
        "mounts": {
            "/": {"ro"},
            "/mlcommons/volumes/data": {"ro", "nosuid"},
            "/mlcommons/volumes/parameters/p.yaml": {"ro"},
            "/mlcommons/volumes/database": {"rw"},
        },
        "interfaces": frozenset({"lo"}),
        "limits": {"memory": LIMITS.memory_bytes, "pids": LIMITS.pids, "cpu": 500_000_000},
    }
    for name, value in changes.items():
        fields[name] = {**fields[name], **value} if isinstance(value, dict) else value
    return process.Facts(**fields)


def test_a_process_as_it_should_be_refutes_nothing(spec: RunSpec) -> None:
    assert refuted(_facts(), spec) == frozenset()
    assert refuted(process.Facts({}, None, None, {}), spec) == frozenset(), (
        "what is out of sight refutes nothing"
    )


@pytest.mark.parametrize(
    ("changes", "measure"),
    [
        ({"status": {"NoNewPrivs": "0"}}, Measure.NO_NEW_PRIVILEGES),
        ({"status": {"Seccomp": "0"}}, Measure.SECCOMP_DEFAULT),
        ({"status": {"CapEff": "00000000a80425fb"}}, Measure.CAPABILITIES_DROPPED),
        ({"interfaces": frozenset({"lo", "eth0"})}, Measure.NO_NETWORK),
        ({"mounts": {"/": {"rw"}}}, Measure.ROOT_READ_ONLY),
        ({"mounts": {"/mlcommons/volumes/data": {"rw"}}}, Measure.INPUTS_READ_ONLY),
        ({"mounts": {"/mlcommons/volumes/data/nested": {"rw"}}}, Measure.INPUTS_READ_ONLY),
        ({"limits": {"memory": 1 << 40}}, Measure.MEMORY_LIMIT),
        ({"limits": {"pids": 99_999}}, Measure.PIDS_LIMIT),
        ({"limits": {"cpu": 2_000_000_000}}, Measure.CPU_LIMIT),
    ],
)
def test_a_process_can_refute_the_engine(spec: RunSpec, changes: dict[str, Any], measure: Measure) -> None:
    wrong = refuted(_facts(**changes), spec)

    assert wrong == {measure}
    assert measure.value in Isolation.of(Measure).without(wrong).missing


def test_this_very_process_can_be_read() -> None:
    own = process.read_facts(os.getpid(), "")

    assert own is not None
    assert own.mounts is not None
    assert "/" in own.mounts
    assert process.read_facts(os.getpid(), "f" * 64) is None, "not in that container"
    assert process.read_facts(2**22 + 1, "") is None, "no such process"


def test_an_owner_is_alive_until_it_ends() -> None:
    me = owner.this_process()
    child = subprocess.run(
        [sys.executable, "-c", "from medperf_cli.adapters.runtime import owner; print(owner.this_process())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    boot, namespace, uid, pid, start = me.split(":")

    assert owner.is_ours(me)
    assert owner.is_gone(me) is False
    assert owner.is_gone(child) is True
    assert owner.is_gone(f"{boot}:{namespace}:{uid}:{pid}:{int(start) + 1}") is True, (
        "the number was used again"
    )
    assert owner.is_gone(f"{boot}:{int(namespace) + 1}:{uid}:{pid}:{start}") is None, "out of sight"
    assert owner.is_gone(f"earlier:{namespace}:{uid}:{pid}:{start}") is True
    assert not owner.is_ours("nonsense")
    assert owner.is_gone("nonsense") is None


def test_signals_wait_until_a_moment_is_over() -> None:
    done: list[str] = []

    def moments() -> None:
        with endings_raise():
            with held_back():
                signal.raise_signal(signal.SIGTERM)
                done.append("the moment")
            done.append("after")

    with pytest.raises(InterruptedByUserError, match="SIGTERM"):
        moments()
    assert done == ["the moment"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_somebody_else_is_left_alone() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with endings_raise(), held_back():
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_engine_that_is_not_there_is_said_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"docker\.sock' does not exist") as caught:
        connect(Settings(host=f"unix://{tmp_path}/docker.sock"))
    assert "start Docker" in caught.value.hint

    (tmp_path / "docker.sock").touch()
    with pytest.raises(EngineError, match="does not answer"):
        connect(environ={"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})


def test_an_engine_on_another_machine_is_refused() -> None:
    with pytest.raises(EngineError, match="not a local socket"):
        connect(environ={"DOCKER_HOST": "tcp://192.0.2.1:2375"})


def test_without_the_sdk_the_command_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)

    with pytest.raises(EngineError, match="SDK is not installed") as caught:
        connect()
    assert caught.value.hint == "pip install 'medperf-registry[docker]'"
