"""How a failure is shown: code, message, next step; a bug gets a report file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from medperf_cli.commands.talk import speak
from medperf_cli.errors import ExitCode, MedperfError, UsageError


def expected(error: MedperfError, *, debug: bool) -> int:
    """Print an expected failure and return its exit code."""
    from medperf_cli.render.table import plain

    if debug:
        import traceback

        from medperf_cli.adapters.trace import without_secrets

        # What an error was made from may hold a proxy's password, and a stranger's words.
        speak(plain(without_secrets("".join(traceback.format_exception(error)))))
    findings = getattr(error, "findings", ())
    if findings:
        from medperf_cli.render.findings import as_text

        speak(as_text(findings))
    speak(f"error {error.code}: {plain(error.message)}\n")
    if error.hint:
        speak(f"  next: {plain(error.hint)}\n")
    return error.exit_code


def interrupted() -> int:
    """Say that Ctrl-C was heard."""
    speak("\ninterrupted: run the same command again, finished work is kept\n")
    return ExitCode.INTERRUPTED


def _usage(error: Any) -> int:
    """What the parser of the command line says; a group without a verb shows its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        with contextlib.suppress(OSError):  # nobody is there to read it
            error.show()
        return ExitCode.USAGE
    message = str(error.format_message()).rstrip(".")
    command = error.ctx.command_path if getattr(error, "ctx", None) else "medperf"
    speak(f"error {UsageError.code}: {message[:1].lower()}{message[1:]}\n")
    speak(f"  next: `{command} --help` says what it takes\n")
    return ExitCode.USAGE


def bug(error: Exception, arguments: Sequence[str], *, debug: bool) -> int:
    """Report what nobody expected, in a file; usage errors of the command line parser are not bugs."""
    if hasattr(error, "format_message"):
        return _usage(error)
    if type(error).__name__ == "Abort":
        return interrupted()
    import platform
    import traceback

    from medperf_cli.adapters.trace import without_secrets
    from medperf_cli.core.quoting import one_line
    from medperf_cli.render.table import plain

    text = "".join(traceback.format_exception(error))
    if debug:
        speak(plain(without_secrets(text)))
    report = f"command: medperf {' '.join(arguments)}\npython: {platform.python_version()}\n\n{text}"
    path = _kept(without_secrets(report))
    said = one_line(without_secrets(f"{type(error).__name__}: {error}"))
    speak(f"error MP-BUG: this should not happen: {said}\n")
    if path is None and not debug:
        speak(plain(without_secrets(text)))
    where = f"the file '{path}'" if path else "the lines above"
    speak(f"  next: please report it with {where} (read it first: it names your paths)\n")
    return ExitCode.BUG


def _kept(report: str) -> str | None:
    """The file that holds a report; None where nothing can be written."""
    import tempfile

    for folder in (None, os.environ.get("MEDPERF_HOME"), os.environ.get("HOME"), "."):
        with contextlib.suppress(OSError):
            descriptor, path = tempfile.mkstemp(prefix="medperf-bug-", suffix=".txt", dir=folder or None)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(report)
            return path
    return None
