"""Streaming what a container says into its log file, while somebody else watches the container."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from medperf_cli.adapters.runtime.logs import CappedLog
from medperf_cli.errors import ContainerError

if TYPE_CHECKING:
    from types import TracebackType

    from docker import APIClient

    from medperf_cli.adapters.runtime.base import Observer, RunSpec

_DRAIN_SECONDS = 5


class LogStream:
    """Attached before the start, so nothing is lost; reads on beyond the cap, so no container waits."""

    def __init__(self, spec: RunSpec, observer: Observer) -> None:
        self._observer = observer
        self._path = spec.log_file
        self._file = CappedLog(spec.log_file, spec.limits.log_bytes)
        self._socket: Any = None
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._copy, name="container log", daemon=True)

    def attach(self, api: APIClient, container_id: str) -> None:
        """Begin to copy (raises the SDK's errors)."""
        self._socket = api.attach_socket(container_id, {"stdout": 1, "stderr": 1, "stream": 1})
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether all output has come; waits for `seconds` at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _copy(self) -> None:
        from docker.utils.socket import frames_iter  # noqa: PLC0415 - see docker_errors

        with suppress(OSError, ValueError):  # the socket was shut down
            frames = frames_iter(self._socket, tty=False)  # type: ignore[no-untyped-call]
            for _, chunk in frames:
                self._write(chunk)
                self._observer.log(chunk)

    def _write(self, chunk: bytes) -> None:
        if self._error is None:
            try:
                self._file.write(chunk)
            except OSError as error:
                self._error = error

    def __enter__(self) -> Self:
        """Nothing more than `with` needs."""
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take what is still on its way, then close; the container is gone by now.

        Raises:
            ContainerError: the log could not be written (unless there is an error already).

        """
        try:
            if self._socket is not None:
                self._end()
        finally:
            self._close()
        if self._error is not None and error is None:
            reason = (self._error.strerror or "not writable").lower()
            raise ContainerError(
                f"log '{self._path}' cannot be written: {reason}",
                hint="free disk space, then run the same command again",
            )

    def _close(self) -> None:
        try:
            self._file.__exit__(None, None, None)
        except OSError as error:
            self._error = self._error or error

    def _end(self) -> None:
        if not self.wait(_DRAIN_SECONDS):
            with suppress(OSError):
                self._socket._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - wakes the reader; the SDK has no way
            self.wait(_DRAIN_SECONDS)
        response = getattr(self._socket, "_response", None)
        if response is not None:
            response.close()
        self._socket.close()
