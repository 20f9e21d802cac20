"""The command `medperf`: finds the group that is asked for, and catches every failure once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from medperf_cli.errors import ExitCode, MedperfError


def main() -> None:
    """Run the command line of this process."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has enough; at exit Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but bugs is shown as a traceback."""
    from medperf_cli.commands.app import app  # noqa: PLC0415 - the error tree must work without it
    from medperf_cli.commands.failure import bug, expected, interrupted  # noqa: PLC0415 - as above

    debug = "--debug" in arguments
    rest = [word for word in arguments if word != "--debug"]
    try:
        code = app(args=rest, prog_name="medperf", standalone_mode=False)
    except MedperfError as error:
        return expected(error, debug=debug)
    except KeyboardInterrupt:
        return interrupted()
    except SystemExit:
        # The parser leaves so when whoever reads its output has closed the pipe.
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the one catch at the edge
        return bug(error, arguments, debug=debug)
    if code == ExitCode.INTERRUPTED:
        # The parser turned Ctrl-C into this exit code.
        return interrupted()
    return code if isinstance(code, int) else ExitCode.OK
