"""The command `medperf`: finds the group that is asked for, and catches every failure once."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from medperf_cli.commands.talk import forget, speak
from medperf_cli.errors import ExitCode, MedperfError, UsageError

_MACHINE = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG),
        *(errno.EIO, errno.ELOOP, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENXIO),
    }
)
"""Refusals that are facts of a machine, never a fault of this tool."""


def main() -> None:
    """Run the command line of this process."""
    _prepare()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        forget(sys.stdout)  # whoever read us has enough
    except OSError as error:
        forget(sys.stdout)
        code = code or _unwritten(error)
    speak("")  # what the parser wrote may wait there still; at exit Python would make another code of it
    sys.exit(code)


def _prepare() -> None:
    """See that there are three streams that take any text, whatever locale or closed descriptor we got."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unwritten(error: OSError) -> int:
    from medperf_cli.adapters.files import disk_error  # noqa: PLC0415 - start-up time
    from medperf_cli.commands.failure import expected  # noqa: PLC0415 - as above

    return expected(disk_error(error, Path("standard output")), debug=False)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but bugs is shown as a traceback."""
    if "_MEDPERF_COMPLETE" in os.environ:
        return _complete()
    debug = "--debug" in arguments
    try:
        _expect_text(arguments)
        return _command([word for word in arguments if word != "--debug"])
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the one catch at the edge
        return _failed(error, arguments, debug=debug)


def _failed(error: BaseException, arguments: Sequence[str], *, debug: bool) -> int:
    from medperf_cli.commands.failure import bug, expected, interrupted  # noqa: PLC0415 - only if one is met

    if isinstance(error, OSError) and error.errno in _MACHINE and error.filename is not None:
        return expected(_refused(error), debug=debug)
    if isinstance(error, MedperfError):
        return expected(error, debug=debug)
    return bug(error, arguments, debug=debug) if isinstance(error, Exception) else interrupted()


def _expect_text(arguments: Sequence[str]) -> None:
    """See that every word is text: what is not could neither be shown nor signed (raises UsageError)."""
    for word in arguments:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            shown = word.encode("utf-8", "backslashreplace").decode("utf-8")
            hint = "give a file with such a name another name"
            raise UsageError(f"'{shown}' is not UTF-8 text", hint=hint) from None


def _refused(error: OSError) -> MedperfError:
    """What the machine refused, of which the place that met it did not think."""
    from medperf_cli.adapters.files import disk_error  # noqa: PLC0415 - start-up time

    return disk_error(error, Path(os.fsdecode(error.filename)))


def _command(words: Sequence[str]) -> int:
    from medperf_cli.commands.app import app  # noqa: PLC0415 - the error tree must work without it

    try:
        code = app(args=list(words), prog_name="medperf", standalone_mode=False)
    except SystemExit:
        # The parser leaves so when whoever reads its output has closed the pipe.
        return ExitCode.OK
    if code == ExitCode.INTERRUPTED:
        # The parser turned Ctrl-C into this exit code.
        raise KeyboardInterrupt
    return code if isinstance(code, int) else ExitCode.OK


def _complete() -> int:
    """Answer a shell that asks for completions; nothing else may appear on its line."""
    from medperf_cli.commands.app import app  # noqa: PLC0415 - as in `run`
    from medperf_cli.commands.completion import begin  # noqa: PLC0415 - as above

    with (
        contextlib.suppress(Exception, SystemExit, KeyboardInterrupt),
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - it takes what nobody shall see
        contextlib.redirect_stderr(nowhere),
    ):
        begin()
        app(args=[], prog_name="medperf", standalone_mode=False)
    return ExitCode.OK
