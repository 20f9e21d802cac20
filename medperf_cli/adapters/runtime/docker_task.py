"""The life of one container in Docker: create, read back, start, watch, remove."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.runtime import docker_isolation, mounts, outputs, process, signals
from medperf_cli.adapters.runtime.base import EngineInfo, Observer, RunReport, RunSpec
from medperf_cli.adapters.runtime.docker_create import ImageFacts, create_body, volume_names
from medperf_cli.adapters.runtime.docker_errors import engine_errors, explain
from medperf_cli.adapters.runtime.docker_stream import LogStream
from medperf_cli.errors import ContainerError, EngineError, InterruptedByUserError, TaskTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient

    from medperf_cli.adapters.runtime.isolation import Isolation

_GRACE_SECONDS = 5  # between SIGTERM and SIGKILL: a preparation may want to write its state
_LOOK_SECONDS = 0.5  # how often limits are looked at, at most
_WATCH_SHARE = 20  # looking takes at most a twentieth of the time
_KILLED = 137  # 128 + SIGKILL
_SEEN_SECONDS = 0.2  # how long a process may take to become the program it is to be
_RECURSIVE_READ_ONLY = (1, 44)  # Docker 25 makes mounts below a read-only mount read-only too


@dataclass
class Task:
    """One run: what to do, with whom to talk, and the container once it exists."""

    api: APIClient
    info: EngineInfo
    spec: RunSpec
    observer: Observer
    ending: threading.Event
    owner: str
    id: str = ""

    def run(self, image: ImageFacts) -> RunReport:
        """See `base.Engine.run`."""
        self.spec = mounts.ready(self.spec)
        try:
            return self._run(image)
        finally:
            mounts.clear_scratch(self.spec)

    def _run(self, image: ImageFacts) -> RunReport:
        self._refuse_submounts()
        with LogStream(self.spec, self.observer) as log, self._created(image):
            isolation = self._read_back(image)
            with engine_errors("attach to the container"):
                log.attach(self.api, self.id)
            self._start()
            isolation, seen = self._witness(isolation)
            self._watch(log)
            state = self._final_state()
        return self._report(state, isolation, seen=seen)

    def _refuse_submounts(self) -> None:
        """Engines before Docker 25 leave mounts below a read-only mount writable."""
        if tuple(int(part) for part in self.info.api_version.split(".")) >= _RECURSIVE_READ_ONLY:
            return
        for mount in self.spec.inputs:
            for below in process.submounts(mount.host):
                raise EngineError(
                    f"input '{mount.host}' has the mount point '{below}' in it, which this docker cannot keep"
                    " read-only",
                    hint="give a folder without mount points, or update Docker to version 25 or newer",
                )

    @contextmanager
    def _created(self, image: ImageFacts) -> Iterator[None]:
        """The container exists inside, and never after."""
        name = f"medperf-{self.spec.name}-{uuid.uuid4().hex[:12]}"
        body = create_body(self.spec, image, name=name, owner=self.owner, rootless=self.info.rootless)
        try:
            with signals.held_back(), engine_errors(f"create a container for task '{self.spec.name}'"):
                answer = self.api.create_container_from_config(body, name)  # type: ignore[no-untyped-call]
                self.id = str(answer["Id"])
            yield
        finally:
            with signals.held_back():
                remove(self.api, name)
                for volume in volume_names(self.spec, image, name):
                    remove_volume(self.api, volume)

    def _read_back(self, image: ImageFacts) -> Isolation:
        with engine_errors("inspect the container"):
            container = self.api.inspect_container(self.id)
        if container["Image"] != image.id:
            raise EngineError(f"docker made the container from '{container['Image']}', not from '{image.id}'")
        isolation = docker_isolation.created(container, self.spec, image, self.info)
        self._require(isolation)
        return isolation

    def _require(self, isolation: Isolation) -> None:
        if isolation.unconfirmed:
            raise EngineError(
                f"docker does not confirm required isolation: {', '.join(isolation.unconfirmed)}",
                hint="update the engine, or run on a machine whose engine can isolate; nothing was started",
            )

    def _start(self) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - see docker_errors

        try:
            self.api.start(self.id)
        except APIError as error:
            # The engine reports a program that is not in the image as a client error.
            kind = ContainerError if error.is_client_error() else EngineError
            raise kind(f"task '{self.spec.name}' cannot be started: {explain(error)}") from error

    def _witness(self, isolation: Isolation) -> tuple[Isolation, bool]:
        """Look at the running process; the engine's word stands where the process is gone or out of sight.

        Until the runtime has become the program, filters may not be in place yet: look again for a moment.
        """
        pid = int(self._state()["Pid"])
        until = time.monotonic() + _SEEN_SECONDS
        while pid and (facts := process.read_facts(pid, self.id)) is not None:
            wrong = docker_isolation.refuted(facts, self.spec)
            if not wrong or time.monotonic() > until:
                isolation = isolation.without(wrong)
                self._require(isolation)
                return isolation, True
            time.sleep(_SEEN_SECONDS / 20)
        return isolation, False

    def _watch(self, log: LogStream) -> None:
        """Wait for the end; a limit passed or an interruption ends the container first."""
        limit = self.spec.limits.timeout_seconds
        deadline = None if limit is None else time.monotonic() + limit
        pause = _LOOK_SECONDS
        try:
            while not self._ended(
                log, pause if deadline is None else min(pause, deadline - time.monotonic())
            ):
                began = time.monotonic()
                self._check(deadline, began)
                pause = max(_LOOK_SECONDS, _WATCH_SHARE * (time.monotonic() - began))
            self._check_sizes()
        except (KeyboardInterrupt, InterruptedByUserError, TaskTimeoutError):
            self._end_gently(log)
            raise

    def _ended(self, log: LogStream, seconds: float) -> bool:
        """Whether it has ended; waits for `seconds` at most. Output may end before the container does."""
        from requests.exceptions import ConnectionError as Disconnected  # noqa: PLC0415 - see docker_errors
        from requests.exceptions import Timeout  # noqa: PLC0415 - as above

        seconds = max(seconds, 0.001)
        if not log.wait(seconds):
            return False
        try:
            with engine_errors("wait for the container"):
                self.api.wait(self.id, timeout=seconds)  # type: ignore[arg-type]  # requests takes parts of one
        except EngineError as error:
            cause = error.__cause__
            if isinstance(cause, Timeout) or (isinstance(cause, Disconnected) and "timed out" in str(cause)):
                return False
            raise
        return True

    def _check(self, deadline: float | None, now: float) -> None:
        if self.ending.is_set():
            raise InterruptedByUserError(f"task '{self.spec.name}' was stopped")
        if deadline is not None and now >= deadline:
            limit = self.spec.limits.timeout_seconds
            raise TaskTimeoutError(
                f"task '{self.spec.name}' ran longer than {limit:g} seconds; log in '{self.spec.log_file}'"
            )
        self._check_sizes()

    def _check_sizes(self) -> None:
        limits, written = self.spec.limits, [m.host for m in self.spec.outputs]
        for paths, what in ((written, "outputs"), ([self.spec.scratch], "scratch folder")):
            outputs.refuse_growth(
                paths,
                max_bytes=limits.output_bytes,
                max_files=limits.output_files,
                what=f"{what} of task '{self.spec.name}'",
            )

    def _end_gently(self, log: LogStream) -> None:
        """SIGTERM, a moment, SIGKILL; a second Ctrl-C skips the moment (removal kills)."""
        with suppress(EngineError, KeyboardInterrupt, InterruptedByUserError):
            with engine_errors("stop the container"):
                self.api.stop(self.id, timeout=_GRACE_SECONDS)
            log.wait(_GRACE_SECONDS)

    def _state(self) -> dict[str, Any]:
        with engine_errors("inspect the container"):
            return dict(self.api.inspect_container(self.id)["State"])

    def _final_state(self) -> dict[str, Any]:
        """The word that memory ran out may come a moment after the end."""
        state = self._state()
        if state["ExitCode"] == _KILLED and not state["OOMKilled"]:
            time.sleep(_SEEN_SECONDS)
            state = self._state()
        return state

    def _report(self, state: dict[str, Any], isolation: Isolation, *, seen: bool) -> RunReport:
        started, finished = _time(state["StartedAt"]), _time(state["FinishedAt"])
        return RunReport(
            exit_code=int(state["ExitCode"]),
            started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_seconds=max(0.0, (finished - started).total_seconds()),
            isolation=isolation,
            process_seen=seen,
            out_of_memory=bool(state.get("OOMKilled")),
            image_id=self.spec.image_id,
            log_file=self.spec.log_file,
        )


def remove(api: APIClient, name: str) -> None:
    """Kill and remove a container with its anonymous volumes; fine when there is none."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - see docker_errors

    with engine_errors(f"remove container '{name}'"):
        try:
            api.remove_container(name, v=True, force=True)
        except NotFound:
            return
        except APIError as error:
            if "already in progress" not in explain(error):
                raise


def remove_volume(api: APIClient, name: str) -> None:
    """Remove one volume; fine when there is none."""
    from docker.errors import NotFound  # noqa: PLC0415 - see docker_errors

    with engine_errors(f"remove volume '{name}'"), suppress(NotFound):
        api.remove_volume(name, force=True)


def _time(text: str) -> datetime:
    """Docker writes nanoseconds; microseconds are enough (RFC 3339, always UTC)."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
