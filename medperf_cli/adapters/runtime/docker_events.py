"""How far a load or pull of Docker's is, and leaving it when it is no longer wanted."""

from __future__ import annotations

import io
import os
import queue
import threading
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.steps import Bytes
from medperf_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from medperf_cli.adapters.runtime.base import Observer

LOADING = Bytes("loading image")
PULLING = Bytes("pulling image")
_DOWNLOADING = "Downloading"
_HERE = frozenset({"Download complete", "Verifying Checksum", "Extracting", "Pull complete"})
_MAX_LAYERS = 1000
_LOOK_SECONDS = 0.5
_TOLD_BYTES = 1 << 20  # the SDK reads in small pieces


class Told(io.RawIOBase):
    """An archive on its way to the engine: whoever reads it, the observer is told how far that is."""

    def __init__(self, file: io.FileIO, observer: Observer) -> None:
        self._file, self._observer = file, observer
        self._total = os.fstat(file.fileno()).st_size
        self._told = 0
        self.tell_observer()

    def tell_observer(self) -> None:
        """Say how much was sent; all of it only counts when the engine has answered: it still unpacks."""
        self._told = self._file.tell()
        self._observer.progress(LOADING, max(0, min(self._told, self._total - 1)), self._total)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Pass on what the file gives."""
        count = self._file.readinto(buffer)
        if not count or self._file.tell() - self._told >= _TOLD_BYTES:
            self.tell_observer()
        return count

    def fileno(self) -> int:
        """The file's: its size is the length of the request."""
        return self._file.fileno()

    def tell(self) -> int:
        """Where the file stands; what lies behind is not sent again."""
        return self._file.tell()


class Layers:
    """The layers of one pull, by what the engine says about each."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._layers: dict[str, tuple[int, int]] = {}

    def tell_observer(self) -> None:
        """Say how many bytes of all layers known so far are here; there may be more to come."""
        done = sum(here for here, _ in self._layers.values())
        total = sum(size for _, size in self._layers.values())
        self._observer.progress(PULLING, max(0, min(done, total - 1)), total or None)

    def see(self, event: dict[str, Any]) -> None:
        """Take in what one event says."""
        name, detail = str(event.get("id", "")), event.get("progressDetail") or {}
        if event.get("status") == _DOWNLOADING and len(self._layers) < _MAX_LAYERS:
            current = int(detail.get("current") or 0)
            self._layers[name] = (current, max(current, int(detail.get("total") or 0)))
        elif event.get("status") in _HERE and name in self._layers:
            size = self._layers[name][1]
            self._layers[name] = (size, size)
        self.tell_observer()


def patiently(
    ask: Callable[[], Iterable[dict[str, Any]]], look: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """The events of an answer; `look` is called in every pause, and may raise to leave it at that.

    An engine that pulls from a silent registry, or unpacks, says nothing for long. Whatever `ask` raises is
    raised here.
    """
    waiting: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(ask, waiting), name="engine events", daemon=True).start()
    while True:
        try:
            event = waiting.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            look()
            continue
        if event is None:
            return
        if isinstance(event, BaseException):
            raise event
        yield event


def refuse_error(event: dict[str, Any], action: str) -> None:
    """Raise EngineError where an event says so: failures come in a successful answer."""
    if "error" in event:
        raise EngineError(f"docker cannot {action}: {event['error']}".strip())


def _listen(
    ask: Callable[[], Iterable[dict[str, Any]]],
    waiting: queue.SimpleQueue[dict[str, Any] | BaseException | None],
) -> None:
    try:
        for event in ask():
            waiting.put(event)
        waiting.put(None)
    except BaseException as error:  # noqa: BLE001 - raised again where the events are read
        waiting.put(error)
