"""A cube of one busybox for tests of the runtime: its container record, limits, and folders to run in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.runtime.base import Limits, RunSpec, User
from medperf_cli.adapters.runtime.checked import run_checked
from medperf_cli.adapters.runtime.logs import last_lines
from medperf_cli.adapters.runtime.plan import plan
from medperf_cli.core.entities.cube import Container

if TYPE_CHECKING:
    from pathlib import Path

    from medperf_cli.adapters.runtime.base import Engine, RunReport

MIB = 1 << 20
LIMITS = Limits(
    memory_bytes=64 * MIB,
    cpus=0.5,
    pids=32,
    shm_bytes_max=16 * MIB,
    output_bytes=4 * MIB,
    output_files=100,
    open_files=256,
    log_bytes=100_000,
    timeout_seconds=60,
)
VOLUMES = {
    "input_volumes": {
        "data_path": {"mount_path": "/mlcommons/volumes/data", "type": "directory"},
        "parameters_file": {"mount_path": "/mlcommons/volumes/parameters/p.yaml", "type": "file"},
    },
    "output_volumes": {
        "output_path": {"mount_path": "/mlcommons/volumes/out", "type": "directory"},
        "report_file": {"mount_path": "/mlcommons/volumes/report/report.yaml", "type": "file"},
    },
}


def archive_cube(image_id: str, **run_args: Any) -> Container:
    """A cube with one task `infer`, of an archive whose own SHA-256 the runtime does not look at."""
    return Container.model_validate(
        {
            "container_type": "DockerArchive",
            "archive": {"sha256": "0" * 64, "size": 1},
            "image_id": image_id,
            "tasks": {"infer": {"run_args": run_args, **VOLUMES}},
        }
    )


def script(text: str) -> dict[str, Any]:
    """Arguments for a task that runs a shell script."""
    return {"entrypoint": ["/bin/sh", "-c"], "command": [text]}


@dataclass
class Site:
    """Folders of one run, as a flow would lay them out."""

    folder: Path
    cell: str
    user: User
    limits: Limits = LIMITS
    volumes: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "in").mkdir(parents=True)
        (self.folder / "in/case.csv").write_text("1,2\n")
        (self.folder / "p.yaml").write_text("{}\n")
        self.volumes = {
            "data_path": self.folder / "in",
            "parameters_file": self.folder / "p.yaml",
            "output_path": self.output,
            "report_file": self.folder / "report.yaml",
        }

    @property
    def output(self) -> Path:
        return self.folder / "out"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def last_line(self) -> str:
        return last_lines(self.folder / "log", 1)[0]

    def spec(self, image_id: str, run_args: dict[str, Any], **limits: Any) -> RunSpec:
        return plan(
            archive_cube(image_id, **run_args),
            "infer",
            self.volumes,
            image_id=image_id,
            cell=self.cell,
            scratch=self.folder / "scratch",
            log_file=self.folder / "log",
            user=self.user,
            limits=replace(self.limits, **limits),
        )


@dataclass
class Bench:
    """An engine, a present image and a site: `sh` runs a script in there."""

    engine: Engine
    image_id: str
    site: Site

    def sh(self, text: str, *, checked: bool = False, **limits: Any) -> RunReport:
        spec = self.site.spec(self.image_id, script(text), **limits)
        return run_checked(self.engine, spec) if checked else self.engine.run(spec)

    def shell(self, text: str, **limits: Any) -> str:
        """Run a script that must succeed and return what it printed."""
        report = self.sh(text, **limits)
        assert report.exit_code == 0, self.site.log
        return self.site.log
