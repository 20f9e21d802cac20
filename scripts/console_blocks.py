"""Fenced `console` blocks of a page: what is typed and shown; run in one real shell, compared by shape."""

from __future__ import annotations

import difflib
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

FENCE = "```console"
PROMPT = "$ "
ANYTHING = "..."
_PATIENCE = 120.0
"""Seconds that one command may take."""
_LONG, _HEAD, _TAIL = 14, 3, 2
"""An output of more lines is cut to so many, when a block is filled for the first time."""

_VARIES = (
    (re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]{60,}"), "<public key>"),
    (re.compile(r"SHA256:[A-Za-z0-9+/]{43}"), "<key>"),
    (re.compile(r'"?\b[0-9a-f]{8,64}\b"?'), "<hex>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z| UTC)?)?"), "<time>"),
    (re.compile(r"\b\d[\d.,]* ?(?:bytes|[kKMG]i?B)(?:/s)?\b"), "<size>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|min|h|seconds?|minutes?|hours?|days?)\b"), "<duration>"),
    (re.compile(r"seconds: [\d.]+"), "seconds: <number>"),
    (re.compile(r"\b\d+\.\d\b"), "<number>"),  # metrics have three places; one place is a time or a size
    (re.compile(r"\s+"), " "),
)


_DIGEST_IN_PATH = re.compile(r"/([0-9a-f]{12})[0-9a-f]{20,52}\b")


@dataclass(frozen=True)
class Step:
    """One command of a page and the output shown below it.

    `at` and `end` are the page's line numbers (from 0) of the first line of output, and after the last one.
    """

    command: str
    shown: tuple[str, ...]
    at: int
    end: int


@dataclass(frozen=True)
class Done:
    """What a command printed, on both streams, and its exit code."""

    printed: tuple[str, ...]
    code: int


def steps(page: str) -> Iterator[Step]:
    """The commands of all console blocks, in order; one goes on while its lines end with a backslash."""
    lines = page.splitlines()
    number = 0
    while number < len(lines):
        if lines[number] == FENCE:
            end = lines.index("```", number)
            yield from _block(lines, number + 1, end)
            number = end
        number += 1


def _block(lines: Sequence[str], number: int, end: int) -> Iterator[Step]:
    while number < end:
        if not lines[number].startswith(PROMPT):
            raise ValueError(f"line {number + 1}: a console block begins with '{PROMPT}'")
        first = number
        while lines[number].endswith("\\"):
            number += 1
        number += 1
        at = number
        while number < end and not lines[number].startswith(PROMPT):
            number += 1
        command = "\n".join(lines[first:at]).removeprefix(PROMPT)
        yield Step(command, tuple(lines[at:number]), at, number)


@dataclass
class Shell:
    """One bash without start-up files, as a user's terminal: what is set in one command holds in the next."""

    folder: Path
    environment: Mapping[str, str]
    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env=dict(self.environment),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str) -> Done:
        """Run one command as it was typed; it has no terminal to ask at.

        Raises:
            EOFError: the shell ended, or the command took too long and was ended with it.

        """
        written, read = self._process.stdin, self._process.stdout
        if written is None or read is None:
            raise EOFError("the shell has no pipes")
        mark = secrets.token_hex(16)
        watchdog = threading.Timer(_PATIENCE, self._process.kill)
        watchdog.start()
        try:
            written.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' {mark} $?\n")
            written.flush()
            return _until(mark, iter(read.readline, ""), command)
        finally:
            watchdog.cancel()


def _until(mark: str, lines: Iterator[str], command: str) -> Done:
    printed: list[str] = []
    for line in lines:
        if line.startswith(mark):
            text = "".join(printed).removesuffix("\n")
            return Done(tuple(text.rstrip("\n").splitlines()), int(line.split()[1]))
        printed.append(line)
    raise EOFError(f"the shell ended in '{command}':\n{''.join(printed)}")


def shape(line: str) -> str:
    """A line with what differs from run to run left out."""
    for pattern, name in _VARIES:
        line = pattern.sub(name, line)
    return line.strip()


def alike(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether output has the shape shown: `...` stands for anything in a line, alone for any lines."""
    wanted = "".join(
        r"(?:[^\n]*\n)*?" if line.strip() == ANYTHING else f"{_pattern(shape(line))}\n" for line in shown
    )
    return re.fullmatch(wanted, "".join(f"{shape(line)}\n" for line in printed)) is not None


def _pattern(line: str) -> str:
    return r"[^\n]*".join(re.escape(part) for part in line.split(ANYTHING))


def difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    """What is shown against what was printed, for people."""
    before, after = ([shape(line) for line in lines] for lines in (shown, printed))
    return "\n".join(difflib.unified_diff(before, after, "shown", "printed", lineterm="", n=1))


def shorten(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """The lines to show for what was printed: as many before and after a `...` as were shown there."""
    marks = [number for number, line in enumerate(shown) if line.strip() == ANYTHING]
    if not marks and (shown or len(printed) <= _LONG):
        return list(printed)
    head, tail = (marks[0], len(shown) - 1 - marks[-1]) if marks else (_HEAD, _TAIL)
    if head + tail >= len(printed):
        return list(printed)
    return [*printed[:head], ANYTHING, *printed[len(printed) - tail :]]


def rewrite(page: str, done: Sequence[tuple[Step, Done]]) -> str:
    """The page with its outputs as they came out, if the shape of one has changed: all are of one run.

    Blocks with `...` in a line, or more than once, were cut by hand; they stay while they are alike.
    """
    if all(alike(step.shown, result.printed) for step, result in done):
        return page
    lines = page.splitlines()
    for step, result in reversed(done):
        by_hand = sum(line.count(ANYTHING) for line in step.shown) != step.shown.count(ANYTHING)
        if not alike(step.shown, result.printed) or not (by_hand or step.shown.count(ANYTHING) > 1):
            lines[step.at : step.end] = shorten(step.shown, result.printed)
    return "\n".join(lines) + "\n"


def named(done: Done, places: Mapping[str, str]) -> Done:
    """The same output with paths as a reader would have them, and long digests in them cut short."""
    lines = done.printed
    for path, name in places.items():
        lines = tuple(line.replace(path, name) for line in lines)
    return replace(done, printed=tuple(_DIGEST_IN_PATH.sub(r"/\1...", line) for line in lines))
