"""The terminal: data on stdout, talk on stderr, one question before anything leaves."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands.talk import speak
from medperf_cli.errors import InterruptedByUserError, MedperfError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from medperf_cli.adapters.store.settings import Settings
    from medperf_cli.flows.deps import Deps
    from medperf_cli.flows.submitting.publish import Published

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and stop.")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]

_MANNER = {"quiet": False, "pager": True}
_COLUMNS = 80
_REFRESH = 0.1
_KEPT_SECONDS = 1.0
"""A step that took longer leaves a line when it is done."""


def set_manner(*, quiet: bool = False, verbose: bool = False, pager: bool = True) -> None:
    """Whether to talk at all, whether to say what is run, and whether long lists go through a pager."""
    from medperf_cli.adapters import trace

    _MANNER.update(quiet=quiet, pager=pager)
    trace.listen(_whisper if verbose else None)


def _whisper(text: str) -> None:
    from medperf_cli.adapters.store.git import printable

    speak(f"+ {printable(text)}\n")


def is_quiet() -> bool:
    """Whether nothing but what is asked for is said."""
    return _MANNER["quiet"]


class Console:
    """Talks on stderr: lines, and a bar with rate and remaining time where there is a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._step = ""
        self._began = 0.0
        self._drawn = 0.0
        self._shown = False

    def say(self, text: str) -> None:
        """One line of talk."""
        self._clear()
        if not _MANNER["quiet"]:
            speak(f"{_plain(text)}\n")

    def progress(self, step: str, done: int, total: int | None) -> None:
        """Redraw the bar of a step; without a terminal nothing is drawn.

        Short steps are never drawn, so that many of them do not flicker; a long one leaves a line.
        """
        if _MANNER["quiet"] or not self._terminal:
            return
        now = time.monotonic()
        if step != self._step:
            self._step, self._began, self._drawn = step, now, now
        if total is not None and done >= total:
            self._finish(done, now - self._began)
        elif now - self._drawn >= _REFRESH:
            from medperf_cli.render.progress import progress_line

            self._drawn, self._shown = now, True
            line = progress_line(step, done, total, now - self._began, columns() - 1)
            speak(f"\r\033[K{line}")

    def _finish(self, done: int, seconds: float) -> None:
        step = self._step
        self._clear()
        if seconds >= _KEPT_SECONDS:
            from medperf_cli.render.progress import finished_line

            speak(f"{finished_line(step, done, seconds)}\n")

    def _clear(self) -> None:
        if self._shown:
            speak("\r\033[K")
        self._step, self._shown = "", False


def columns() -> int:
    """How wide the terminal is that talk goes to."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def _plain(text: str) -> str:
    from medperf_cli.render.table import plain

    return plain(text)


def _ask(text: str) -> bool:
    sys.stderr.write(_plain(text))
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask at", hint="look with --dry-run, then add --yes")
    try:
        sys.stderr.write("Go ahead? [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise InterruptedByUserError("interrupted at the question; nothing was sent or changed") from None
    if not answer:
        sys.stderr.write("\n")
        raise UsageError("there was no answer; nothing was sent or changed", hint="answer y, or add --yes")
    return answer.strip().lower() in ("y", "yes")


def _show(text: str) -> bool:
    if not _MANNER["quiet"]:
        speak(_plain(text))
    return True


def _stop(text: str) -> bool:
    speak(_plain(text))
    return False


def utc_now() -> dt.datetime:
    """The wall clock; the only place that reads it."""
    return dt.datetime.fromtimestamp(time.time(), dt.UTC)  # noqa: TID251 - the clock is read here, then passed


def deps(*, yes: bool = False, dry_run: bool = False) -> Deps:
    """The world for one command."""
    from medperf_cli.adapters.store.settings import load
    from medperf_cli.adapters.store.switch import settle

    settings = load(os.environ)
    settle(settings.home)
    return _world(settings, _stop if dry_run else _show if yes else _ask)


def deps_in_trouble() -> tuple[Deps, MedperfError | None]:
    """The same for looking at what is wrong: settings that cannot be read are the defaults, and why."""
    from medperf_cli.adapters.store.profiles import home_folder
    from medperf_cli.adapters.store.settings import Settings, load

    try:
        return _world(load(os.environ), _stop), None
    except MedperfError as error:
        return _world(Settings(home=home_folder(os.environ)), _stop), error


def _world(settings: Settings, confirm: Callable[[str], bool]) -> Deps:
    from medperf_cli.flows.deps import Deps

    return Deps(
        settings=settings,
        clock=utc_now,
        talk=Console(),
        confirm=confirm,
        interactive=sys.stdin.isatty(),
    )


def write(text: str) -> None:
    """Print data at once, so that data and talk are read in their order.

    Raises:
        ConfigurationError: they cannot be written, such as on a full disk.

    """
    try:
        sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever read us has enough
    except OSError as error:
        from medperf_cli.adapters.files import disk_error

        raise disk_error(error, Path("standard output")) from None


def page(text: str) -> None:
    """Print data; what is longer than the terminal goes through a pager."""
    if _MANNER["pager"] and sys.stdout.isatty():
        from medperf_cli.commands.pager import paged

        if paged(text):
            return
    write(text)


def write_to(output: Path | None, text: str) -> None:
    """Print data, or write it to a file."""
    if output is None:
        write(text)
        return
    if not output.name:
        raise UsageError("--output names no file", hint="name a file to write, or leave it out")
    from medperf_cli.adapters.files import write_atomic

    write_atomic(output, text.encode())


def tell(done: Published) -> None:
    """Say what became of a request; what waits for people is no failure."""
    speak(f"{_plain(done.outcome)}\n")
    if done.url:
        speak(f"  see {_plain(done.url)}\n")
    if done.kept:
        speak("  next: `medperf outbox send`, or `medperf outbox export FILE` to have it carried\n")
    for path in done.paths if done.sent or done.kept else ():
        write(f"registry/{path}")


def note(text: str) -> None:
    """One line of talk after the work."""
    if not _MANNER["quiet"]:
        speak(f"{_plain(text)}\n")
