"""What is planned for a cube, to the last field of the engine's create call; no engine is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.runtime.base import RunSpec, User
from medperf_cli.adapters.runtime.docker_create import ImageFacts, create_body
from medperf_cli.adapters.runtime.hardware import Hardware, cpu_model, default_limits
from medperf_cli.adapters.runtime.plan import plan
from medperf_cli.core.entities.cube import Container
from medperf_cli.errors import ContainerError, MedperfError, PolicyError, UsageError
from tests.support.runtime import LIMITS, MIB, VOLUMES, archive_cube

IMAGE_ID = f"sha256:{'a' * 64}"
PATHS = {
    "data_path": Path("/site/data"),
    "parameters_file": Path("/site/p.yaml"),
    "output_path": Path("/site/out"),
    "report_file": Path("/site/report.yaml"),
    "labels_path": Path("/site/labels"),
}


def _plan(container: Container, paths: dict[str, Path] = PATHS, task: str = "infer", **more: Any) -> RunSpec:
    fixed = {
        "image_id": IMAGE_ID,
        "cell": "4f1e",
        "scratch": Path("/site/scratch"),
        "log_file": Path("/site/infer.log"),
        "user": User(1000, 1001, (44, 109)),
        "limits": LIMITS,
    }
    return plan(container, task, paths, **{**fixed, **more})


def _volumes(**paths: str) -> Container:
    volumes = {key: {"mount_path": path, "type": "directory"} for key, path in paths.items()}
    document = archive_cube(IMAGE_ID).document()
    document["tasks"] = {"infer": {"input_volumes": volumes}}
    return Container.model_validate(document)


GOLDEN = {
    "Image": IMAGE_ID,
    "User": "1000:1001",
    "Env": ["HOME=/tmp", "MEDPERF_LOGLEVEL=DEBUG", "OMP_NUM_THREADS=2"],
    "Cmd": ["infer", "--name", "two words"],
    "Entrypoint": None,
    "Labels": {"org.medperf.cell": "4f1e", "org.medperf.owner": "me"},
    "Tty": False,
    "OpenStdin": False,
    "AttachStdin": False,
    "AttachStdout": True,
    "AttachStderr": True,
    "NetworkDisabled": True,
    "Healthcheck": {"Test": ["NONE"]},
    "HostConfig": {
        "NetworkMode": "none",
        "Privileged": False,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "Init": True,
        "AutoRemove": False,
        "RestartPolicy": {"Name": "no"},
        "LogConfig": {"Type": "none", "Config": {}},
        "PidsLimit": 32,
        "Memory": 64 * MIB,
        "MemorySwap": 64 * MIB,
        "NanoCpus": 500_000_000,
        "ShmSize": 8 * MIB,
        "Ulimits": [
            {"Name": "nofile", "Soft": 256, "Hard": 256},
            {"Name": "fsize", "Soft": 4 * MIB, "Hard": 4 * MIB},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        "GroupAdd": ["44", "109"],
        "DeviceRequests": [{"Driver": "nvidia", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu"]]}],
        "Mounts": [
            *(
                {
                    "Type": "bind",
                    "Source": source,
                    "Target": target,
                    "ReadOnly": read_only,
                    "BindOptions": {"Propagation": "rprivate"},
                }
                for source, target, read_only in (
                    ("/site/data", "/mlcommons/volumes/data", True),
                    ("/site/p.yaml", "/mlcommons/volumes/parameters/p.yaml", True),
                    ("/site/out", "/mlcommons/volumes/out", False),
                    ("/site/report.yaml", "/mlcommons/volumes/report/report.yaml", False),
                    ("/site/scratch", "/tmp", False),  # noqa: S108 - inside the container
                )
            ),
            {
                "Type": "volume",
                "Source": "medperf-infer-1-0",
                "Target": "/var/lib/state",
                "ReadOnly": True,
                "VolumeOptions": {"Labels": {"org.medperf.cell": "4f1e", "org.medperf.owner": "me"}},
            },
        ],
    },
}


def test_the_create_call_is_this_and_nothing_else() -> None:
    cube = archive_cube(
        IMAGE_ID,
        command="infer --name 'two words'",
        environment={"OMP_NUM_THREADS": "2"},
        shm_size="8m",
        gpus=1,
    )
    spec = _plan(cube, log_level="DEBUG", limits=replace(LIMITS, gpus=("GPU-1", "GPU-2")))
    image = ImageFacts(IMAGE_ID, ("PATH=/bin",), ("/var/lib/state", "/mlcommons/volumes/out"))

    body = create_body(spec, image, name="medperf-infer-1", owner="me", rootless=False)

    assert body == GOLDEN
    assert json.loads(json.dumps(body)) == body


def test_a_rootless_engine_maps_its_root_to_the_caller() -> None:
    body = create_body(
        _plan(archive_cube(IMAGE_ID)), ImageFacts(IMAGE_ID), name="n", owner="me", rootless=True
    )

    assert body["User"] == "0:0"
    assert body["HostConfig"]["GroupAdd"] == []


def test_the_home_of_the_image_or_the_cube_stays() -> None:
    image = ImageFacts(IMAGE_ID, ("HOME=/home/app",))
    for cube, image_facts, expected in (
        (archive_cube(IMAGE_ID), image, ["MEDPERF_LOGLEVEL=INFO"]),
        (
            archive_cube(IMAGE_ID, environment={"HOME": "/work"}),
            ImageFacts(IMAGE_ID),
            ["HOME=/work", "MEDPERF_LOGLEVEL=INFO"],
        ),
    ):
        body = create_body(_plan(cube), image_facts, name="n", owner="me", rootless=False)
        assert body["Env"] == expected


def test_only_declared_keys_are_mounted_and_each_needs_a_path() -> None:
    spec = _plan(archive_cube(IMAGE_ID))

    assert "labels_path" in PATHS
    assert {m.host.name for m in spec.mounts} == {"data", "p.yaml", "out", "report.yaml"}
    for key in (*VOLUMES["input_volumes"], *VOLUMES["output_volumes"]):
        with pytest.raises(UsageError, match=f"'{key}' of task 'infer'"):
            _plan(archive_cube(IMAGE_ID), {k: v for k, v in PATHS.items() if k != key})


@pytest.mark.parametrize(
    ("run_args", "error", "says"),
    [
        ({"shm_size": "17m"}, PolicyError, "17m of shared memory"),
        ({"gpus": 3}, PolicyError, "asks for 3 GPUs, this site gives it 0"),
        ({"command": "echo 'open"}, ContainerError, "cannot be split"),
    ],
)
def test_a_cube_that_asks_for_too_much_is_refused(
    run_args: dict[str, Any], error: type[MedperfError], says: str
) -> None:
    with pytest.raises(error, match=says):
        _plan(archive_cube(IMAGE_ID, **run_args))


def test_all_gpus_are_those_the_site_hands_out() -> None:
    cube = archive_cube(IMAGE_ID, gpus="all")

    assert _plan(cube).gpus == ()
    assert _plan(cube, limits=replace(LIMITS, gpus=("a", "b"))).gpus == ("a", "b")


def test_a_task_the_cube_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(ContainerError, match="no task 'prepare', only 'infer'"):
        _plan(archive_cube(IMAGE_ID), task="prepare")


@pytest.mark.parametrize("path", ["/tmp", "/proc/self", "/sys", "/dev/shm"])  # noqa: S108 - in the container
def test_places_of_the_kernel_and_tmp_are_not_free(path: str) -> None:
    with pytest.raises(ContainerError, match=f"'{path}', which is not free"):
        _plan(_volumes(data_path=path))


def test_a_volume_inside_another_is_refused_and_a_neighbour_is_not() -> None:
    with pytest.raises(ContainerError, match="'/a/b' inside its volume '/a'"):
        _plan(_volumes(data_path="/a", labels_path="/a/b"))
    assert len(_plan(_volumes(data_path="/a", labels_path="/ab")).mounts) == 2


@pytest.mark.parametrize("gib", [1, 4, 64, 1024])
def test_default_limits_leave_the_host_some_memory(gib: int) -> None:
    machine = Hardware("a CPU", 8, gib << 30)

    limits = default_limits(machine)

    assert machine.memory_bytes // 2 <= limits.memory_bytes < machine.memory_bytes
    assert limits.shm_bytes_max <= limits.memory_bytes
    assert limits.cpus == 8.0


def test_the_cpu_model_is_read_from_what_the_kernel_says() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: AMD  EPYC 7543\nflags\t: a\n") == "AMD EPYC 7543"
    assert cpu_model("") == "unknown"
