"""How a job speaks: no word of a stranger becomes a command of the CI, or moves a terminal's cursor.

GitHub's runner takes `::name::` at the start of a line, and `##[name]` anywhere in it, as orders; GitLab's
takes escape sequences. So each line begins with a word of ours, and holds printable characters only.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from medperf_cli.core.quoting import one_line
from medperf_cli.core.requests import SPOKEN
from medperf_cli.errors import ExitCode, MedperfError
from medperf_cli.render.findings import as_text

_MAX_SUMMARY = 900_000
"""Bytes; GitHub refuses a summary of more than 1 MiB."""


def neutral(text: str) -> str:
    """One line that is no order to any CI."""
    return SPOKEN + one_line(text).replace("##[", "## [")


def say(lines: Iterable[str]) -> None:
    """Print lines; the job goes on where nobody reads them."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.writelines(
            f"{neutral(line)}\n".encode("utf-8", "backslashreplace") for line in lines
        )
        sys.stdout.buffer.flush()


def summarize(markdown: str) -> None:
    """Add to the page of the run, where the CI has one; a stranger's words in it stand in code spans."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    data = markdown.encode("utf-8", "backslashreplace")
    if len(data) > _MAX_SUMMARY:
        data = data[: data.rindex(b"\n", 0, _MAX_SUMMARY)] + b"\n\nThe rest stands in the report.\n"
    with Path(path).open("ab") as file:
        file.write(data)


def guarded(job: Callable[[], int]) -> int:
    """Run a job and return its exit code; every failure is said in lines that are no orders."""
    try:
        return job()
    except MedperfError as error:
        say(as_text(getattr(error, "findings", ())).splitlines())
        say([f"error {error.code}: {error.message}", *([f"next: {error.hint}"] if error.hint else [])])
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a traceback would print a stranger's words as they are
        say([f"error MP-BUG: a bug in this tool stopped the job: {type(error).__name__}: {error}"])
        say(f"at {frame}" for frame in _frames(error))
        return ExitCode.BUG


def _frames(error: BaseException) -> Iterable[str]:
    import traceback  # noqa: PLC0415 - only for a bug

    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename}:{frame.lineno} {frame.name}"
