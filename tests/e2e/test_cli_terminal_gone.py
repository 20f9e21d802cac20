"""Where nobody can read what is said (a terminal that is gone, a full disk), the exit code still says it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that cannot be written"),
]
_RUN = """
import sys
import medperf_cli.commands.app as commands
from medperf_cli.main import main

def interrupted(**_):
    raise KeyboardInterrupt

if "todo" in sys.argv:
    commands.app = interrupted
main()
"""


@pytest.mark.parametrize("also_stdout", [False, True])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("todo",), 130),
        (("cube", "ls"), 4),
        (("cube", "ls", "--debug"), 4),
        (("nothing",), 2),
        (("cube",), 2),
    ],
)
def test_an_exit_code_does_not_hang_on_who_listens(
    tmp_path: Path, words: tuple[str, ...], code: int, also_stdout: bool
) -> None:
    environ = {**os.environ, "MEDPERF_HOME": str(tmp_path)}
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        out = full if also_stdout else subprocess.DEVNULL
        done = subprocess.run(
            [sys.executable, "-c", _RUN, *words], stdout=out, stderr=full, env=environ, check=False
        )
    assert done.returncode == code
