"""How a failure is shown: code, message, next step; a bug gets a report file."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence

from medperf_cli.errors import ExitCode, MedperfError


def expected(error: MedperfError, *, debug: bool) -> int:
    """Print an expected failure and return its exit code."""
    if debug:
        traceback.print_exception(error)
    findings = getattr(error, "findings", ())
    if findings:
        from medperf_cli.render.findings import as_text  # noqa: PLC0415

        sys.stderr.write(as_text(findings))
    sys.stderr.write(f"error {error.code}: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  next: {error.hint}\n")
    return error.exit_code


def bug(error: Exception, arguments: Sequence[str], *, debug: bool) -> int:
    """Report what nobody expected; usage errors of the command line parser are not bugs."""
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        error.show()
        return int(error.exit_code)
    if type(error).__name__ in ("Abort", "Exit"):
        code = getattr(error, "exit_code", ExitCode.INTERRUPTED)
        return int(code)
    text = "".join(traceback.format_exception(error))
    if debug:
        sys.stderr.write(text)
    report = f"command: medperf {' '.join(arguments)}\npython: {platform.python_version()}\n\n{text}"
    descriptor, path = tempfile.mkstemp(prefix="medperf-bug-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(report)
    sys.stderr.write(f"error MP-BUG: this should not happen: {type(error).__name__}: {error}\n")
    sys.stderr.write(
        f"  next: please report it with the file '{path}' (read it first: it names your paths)\n"
    )
    return ExitCode.BUG
