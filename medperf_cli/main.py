"""The command `medperf`: finds the group that is asked for, and catches every failure once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from medperf_cli.errors import ExitCode, MedperfError


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but bugs is shown as a traceback."""
    from medperf_cli.commands.app import app  # noqa: PLC0415 - the error tree must work without it
    from medperf_cli.commands.failure import bug, expected  # noqa: PLC0415

    debug = "--debug" in arguments
    try:
        code = app(args=list(arguments), prog_name="medperf", standalone_mode=False)
    except MedperfError as error:
        return expected(error, debug=debug)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: run the same command again, finished work is kept\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the one catch at the edge
        return bug(error, arguments, debug=debug)
    return code if isinstance(code, int) else ExitCode.OK
