"""How an attempt is taken in one step, kept alive, and seen to be lost; `spool.py` says why it is safe."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from medperf_cli.adapters.executor.base import Attempt
from medperf_cli.adapters.executor.holder import Holder, is_held, read_holder
from medperf_cli.adapters.files import sync_folder, write_atomic

LOCK = "lock"
_DRAFT = ".new-"


def attempt_at(cell: Path, number: int) -> Attempt:
    """Attempt `number` of the cell whose folder is `cell`."""
    return Attempt(cell.name, number, cell / f"attempt-{number}")


def take(attempt: Attempt, holder: Holder, content: Mapping[str, bytes]) -> bool:
    """Make the attempt's folder, with a lock of `holder` and `content`; False when another was faster.

    Raises:
        OSError: the folder of the cell cannot be written to.
        ConfigurationError: the same, or the disk is full.

    """
    draft = attempt.folder.with_name(_DRAFT + holder.nonce)
    try:
        _fill(draft, holder, content)
        draft.rename(attempt.folder)
    except OSError as error:
        if read_holder(attempt.folder / LOCK) == holder:
            return True  # a file server has renamed it, and its answer was lost
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sync_folder(attempt.folder.parent)
    return True


def sweep_drafts(cell: Path, *, stale_seconds: float) -> None:
    """Remove what processes left that were killed while they made an attempt."""
    for draft in cell.glob(_DRAFT + "*"):
        lock = draft / LOCK
        if not is_held(lock if lock.exists() else draft, stale_seconds=stale_seconds):
            shutil.rmtree(draft, ignore_errors=True)


def keep_alive(attempt: Attempt, ended: threading.Event, every_seconds: float) -> None:
    """Renew the lock until `ended`; request the attempt's cancellation once it is lost."""
    while not ended.wait(every_seconds):
        try:
            os.utime(attempt.folder / LOCK)
            lost = is_superseded(attempt)
        except OSError as error:
            lost = isinstance(error, FileNotFoundError)  # else a file server that may come back
        if lost:
            attempt.cancellation.request()
            return


def is_superseded(attempt: Attempt) -> bool:
    """Whether a later attempt was made while this one was taken for dead."""
    return attempt_at(attempt.folder.parent, attempt.number + 1).folder.exists()


def _fill(draft: Path, holder: Holder, content: Mapping[str, bytes]) -> None:
    draft.mkdir()
    write_atomic(draft / LOCK, holder.to_bytes())
    for name, data in content.items():
        write_atomic(draft / name, data)
    for name in Attempt.FOLDERS:
        (draft / name).mkdir()
