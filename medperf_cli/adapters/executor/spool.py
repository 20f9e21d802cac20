"""The spool: a folder where attempts at cells are claimed, recorded and found again, by several machines too.

`runs/<cell key>/spec.json` (its SHA-256 is the key) and `runs/<cell key>/attempt-<N>/` with `status.json`,
`lock`, logs, `predictions/`, `results/` and `local_outputs/`. One rule keeps two processes from one cell:
attempt N+1 may be made only when N has ended or its process is dead, and it is made by renaming a complete
folder into place. Only one rename to that name can succeed, and numbers are never used again (so whoever
removes attempts must leave the newest), hence taking over needs no other lock.
"""

from __future__ import annotations

import contextlib
import enum
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from medperf_cli.adapters.executor import outputs as files
from medperf_cli.adapters.executor.base import Attempt, error_code
from medperf_cli.adapters.executor.cell import CellSpec, Phase, canonical, cell_key
from medperf_cli.adapters.executor.holder import Holder, is_held, read_holder, this_process
from medperf_cli.adapters.executor.status import CellStatus, State, parse_status, utc_text
from medperf_cli.adapters.executor.taking import (
    LOCK,
    attempt_at,
    is_superseded,
    keep_alive,
    sweep_drafts,
    take,
)
from medperf_cli.adapters.files import disk_error, write_atomic, writing
from medperf_cli.errors import (
    ConflictError,
    ContainerError,
    IntegrityError,
    InterruptedByUserError,
    MedperfError,
)

_KEY = re.compile(r"[0-9a-f]{64}\Z")
_ATTEMPT = re.compile(r"attempt-([1-9][0-9]{0,8})\Z")
STATUS = "status.json"
_OVER = frozenset({State.DONE, State.FAILED, State.INTERRUPTED})


class Grant(enum.StrEnum):
    """The answer to a claim: run it, take what is there, or come back later."""

    YOURS = "yours"
    FINISHED = "finished"
    BUSY = "busy"


class Spool:
    """The cells below `root`; safe for several threads, processes and machines at once.

    `clock` gives aware times for the records. A process on another machine that has not renewed its lock for
    `stale_seconds` is taken for dead; ours are renewed every `beat_seconds`.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock: Callable[[], datetime],
        beat_seconds: float = 5.0,
        stale_seconds: float = 60.0,
    ) -> None:
        self._runs = root / "runs"
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._stale_seconds = stale_seconds

    def cells(self) -> list[str]:
        """The keys of all cells, sorted."""
        return sorted(name for name in _names(self._runs) if _KEY.match(name))

    def attempts(self, key: str) -> list[Attempt]:
        """All attempts at a cell, oldest first; an unknown cell has none."""
        folder = self._runs / key
        numbers = sorted(int(match[1]) for name in _names(folder) if (match := _ATTEMPT.match(name)))
        return [attempt_at(folder, number) for number in numbers]

    def status(self, attempt: Attempt) -> CellStatus:
        """How an attempt stands: with a dead process it is interrupted, with a damaged record failed."""
        status = _read(attempt)
        if status is None:
            message = f"the record '{attempt.folder / STATUS}' is missing or damaged"
            return CellStatus(state=State.FAILED, code=IntegrityError.code, message=message)
        with contextlib.suppress(OSError):  # a spool that may only be looked at
            if status.state not in _OVER and not self._is_held(attempt):
                status = _read(attempt) or status  # it may have ended between the two looks
                return status if status.state in _OVER else replace(status, state=State.INTERRUPTED)
        return status

    def finished(self, key: str) -> Attempt | None:
        """The newest attempt that is done; None when there is none. Reads all its outputs.

        Raises:
            IntegrityError: one of its outputs is not what was recorded.

        """
        return _finished(self.attempts(key))

    def claim(self, spec: CellSpec, *, no_cache: bool = False) -> tuple[Grant, Attempt]:
        """Ask for a cell: a new attempt of ours, the finished one, or the one another process is at.

        What is ours must at once be run inside `holding`. With `no_cache` finished attempts do not count.

        Raises:
            IntegrityError: as `finished`.
            ConfigurationError: the spool cannot be written to.

        """
        key = cell_key(spec)
        earlier = self.attempts(key)
        with writing(self._runs):
            busy = bool(earlier) and self.is_busy(earlier[-1])
            # after that look, or an attempt that ended between the two would be run again
            if not no_cache and (done := _finished(earlier)):
                return Grant.FINISHED, done
            if busy:
                return Grant.BUSY, earlier[-1]
            attempt = attempt_at(self._runs / key, earlier[-1].number + 1 if earlier else 1)
            if not self._take(spec, attempt):
                return Grant.BUSY, attempt
            self._clear_failed(earlier)
            return Grant.YOURS, attempt

    @contextlib.contextmanager
    def holding(self, attempt: Attempt) -> Iterator[None]:
        """Inside, the claim is kept alive; at the end it is let go, as interrupted if nothing was recorded.

        Should another machine take the attempt for dead and go on without it, its cancellation is requested.
        """
        ended = threading.Event()
        beat = threading.Thread(target=keep_alive, args=(attempt, ended, self._beat_seconds), daemon=True)
        beat.start()
        try:
            yield
        finally:
            ended.set()
            beat.join()
            self._let_go(attempt)

    def note_phase(self, attempt: Attempt, phase: Phase) -> None:
        """Record which phase the attempt has come to."""
        self._record(attempt, replace(_read(attempt) or CellStatus(state=State.RUNNING), phase=phase))

    def finish(self, attempt: Attempt, outputs: Iterable[Path]) -> None:
        """Record the attempt as done, with the digests of `outputs` (paths inside its folder).

        Raises:
            ContainerError: there are none, or one is not a readable file.
            ConflictError: another process has taken over; this attempt does not count.
            ConfigurationError: the record cannot be written.

        """
        digests = files.digests(attempt.folder, outputs)
        if not digests:
            raise ContainerError(f"attempt '{attempt.folder}' wrote no output")
        if is_superseded(attempt):
            raise ConflictError(f"attempt '{attempt.folder}' was taken over by another process")
        status = _read(attempt) or CellStatus(state=State.RUNNING)
        self._record(attempt, replace(status, state=State.DONE, ended=self._now(), outputs=digests))

    def fail(self, attempt: Attempt, error: Exception) -> None:
        """Record why the attempt ended: as interrupted where it was told to end, else as failed."""
        told = attempt.cancellation.requested or isinstance(error, InterruptedByUserError)
        state = State.INTERRUPTED if told else State.FAILED
        message = error.message if isinstance(error, MedperfError) else repr(error)
        status = _read(attempt) or CellStatus(state=State.RUNNING)
        code = error_code(error)
        self._record(attempt, replace(status, state=state, ended=self._now(), code=code, message=message))

    def holder(self, attempt: Attempt) -> Holder | None:
        """The process that is at the attempt, or was when it was killed; None once it has ended."""
        return read_holder(attempt.folder / LOCK)

    def is_busy(self, attempt: Attempt) -> bool:
        """Whether a living process is at an attempt (raises OSError where its folder cannot be written)."""
        status = _read(attempt)
        return (status is None or status.state not in _OVER) and self._is_held(attempt)

    def _is_held(self, attempt: Attempt) -> bool:
        return is_held(attempt.folder / LOCK, stale_seconds=self._stale_seconds)

    def _take(self, spec: CellSpec, attempt: Attempt) -> bool:
        self._runs.mkdir(mode=0o700, parents=True, exist_ok=True)  # outputs speak of single patients
        cell = attempt.folder.parent
        cell.mkdir(exist_ok=True)
        sweep_drafts(cell, stale_seconds=self._stale_seconds)
        if not _holds(cell / "spec.json", canonical(spec)):
            write_atomic(cell / "spec.json", canonical(spec))
        running = CellStatus(state=State.RUNNING, started=self._now())
        return take(attempt, this_process(), {STATUS: running.to_bytes()})

    def _clear_failed(self, earlier: Iterable[Attempt]) -> None:
        """Remove what failed attempts wrote, but their logs: tried again for ever, it would fill the disk."""
        for attempt in earlier:
            if self.status(attempt).state is State.FAILED:
                for folder in attempt.output_folders:
                    shutil.rmtree(folder, ignore_errors=True)

    def _let_go(self, attempt: Attempt) -> None:
        status = _read(attempt)
        if status is not None and status.state not in _OVER:
            with contextlib.suppress(MedperfError):  # on a full disk the missing lock says the same
                self._record(attempt, replace(status, state=State.INTERRUPTED, ended=self._now()))
        with contextlib.suppress(OSError):
            (attempt.folder / LOCK).unlink()

    def _record(self, attempt: Attempt, status: CellStatus) -> None:
        write_atomic(attempt.folder / STATUS, status.to_bytes())

    def _now(self) -> str:
        return utc_text(self._clock())


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error(error, folder) from error


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _read(attempt: Attempt) -> CellStatus | None:
    try:
        return parse_status((attempt.folder / STATUS).read_bytes())
    except (OSError, ValueError):
        return None


def _finished(attempts: list[Attempt]) -> Attempt | None:
    for attempt in reversed(attempts):
        status = _read(attempt)
        if status is None or status.state is not State.DONE:
            continue
        changed = files.first_changed(attempt.folder, status.outputs)
        if changed is not None:
            path = attempt.folder / changed
            raise IntegrityError(
                f"output '{path}' no longer matches its record", hint="run again with --no-cache"
            )
        return attempt
    return None
