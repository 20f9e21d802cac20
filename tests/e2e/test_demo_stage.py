"""The demo clears its stage away as a whole, so it must be sure that the folder is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

DEMO = Path(__file__).resolve().parents[2] / "examples/breast-cancer/demo.py"


def test_a_folder_that_the_demo_did_not_make_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    command = [sys.executable, str(DEMO), "--clean", "--stage", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, f"'{tmp_path}' was not made by the demo" in done.stderr) == (1, True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
