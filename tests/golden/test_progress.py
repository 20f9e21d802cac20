"""The line of a long step: MB where bytes are counted, the rate, and the time that remains."""

from __future__ import annotations

import pytest

from medperf_cli.adapters.steps import Bytes
from medperf_cli.commands.console import Console
from medperf_cli.render.progress import amount, duration, finished_line, progress_line

GB = 1_000_000_000


LINES = """
hashing [######..................] 1,000/4,000 MB (100 MB/s, 30 s left)
copying [........................] 1,000/400,000 MB (100 MB/s, 1 h 6 min left)
copying [........................] 0.1/2.5 MB
pulling 25 MB (5.0 MB/s)
verify [........................] 30/1,200 (15/s, 1 min 18 s left)
verify [########################] 1,200/1,200 (600/s)
building pages [###.......] 3/9 (0.5/s, 12 s left)
building pages 3/9 (
a?[2Jb c 1
"""


def test_a_line_says_how_far_it_is() -> None:
    lines = [
        progress_line(Bytes("hashing"), GB, 4 * GB, 10, 80),
        progress_line(Bytes("copying"), GB, 400 * GB, 10, 80),
        progress_line(Bytes("copying"), 100_000, 2_500_000, 0.1, 80),
        progress_line(Bytes("pulling"), 25_000_000, None, 5, 80),
        progress_line("verify", 30, 1200, 2, 80),
        progress_line("verify", 1200, 1200, 2, 80),
        progress_line("building pages", 3, 9, 6, 50),
        progress_line("building pages", 3, 9, 6, 20),
        progress_line("a\x1b[2Jb\nc", 1, None, 0, 80),
    ]
    assert lines == LINES.strip().splitlines()


def test_a_step_that_is_over_says_what_it_was() -> None:
    assert finished_line(Bytes("hashing"), 4 * GB, 125) == "hashing: 4,000 MB in 2 min 5 s"
    assert finished_line("verify", 12, 1.2) == "verify: 12 in 1 s"
    assert [duration(s) for s in (-1, 59.4, 59.6, 3600, 90_000)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "1 h 0 min",
        "25 h 0 min",
    ]
    assert (amount(Bytes("x"), 1_234_000), amount("x", 1_234_000)) == ("1.2 MB", "1,234,000")


class Screen:
    """A terminal that remembers what was written to it."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Nothing is kept back."""

    def fileno(self) -> int:
        raise OSError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("medperf_cli.commands.console.time.monotonic", lambda: now[0])
    return now


def at_a(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Called inside a test: between its fixtures and it, pytest puts its own capture back."""
    found = Screen()
    monkeypatch.setattr("sys.stderr", found)
    return found


def test_short_steps_are_not_drawn_at_all(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    screen = at_a(monkeypatch)
    console = Console()
    for step in ("copying", "hashing", "copying"):
        for done in range(5):
            console.progress(step, done, 4)
        clock[0] += 0.05
    assert screen.text == ""


def test_a_long_step_is_drawn_and_leaves_one_line(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = at_a(monkeypatch)
    console = Console()
    for done in range(5):
        console.progress("verify", done, 4)
        clock[0] += 0.5
    assert screen.text.count("\r\033[Kverify [") == 3
    assert screen.text.endswith("\r\033[Kverify: 4 in 2 s\n")
    console.say("next")
    assert screen.text.endswith("in 2 s\nnext\n")


def test_what_is_said_moves_no_cursor_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = at_a(monkeypatch)
    Console().say("a \x1b[2J title\nof two")
    assert screen.text == "a ?[2J title\nof two\n"

    def gone(_text: str) -> None:
        raise OSError

    monkeypatch.setattr(screen, "write", gone)
    Console().say("nobody hears this")
