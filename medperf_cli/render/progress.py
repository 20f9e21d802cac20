"""How far long work is, in one line: a bar, MB or pieces, the rate, and the time that remains."""

from __future__ import annotations

from medperf_cli.adapters.steps import Bytes
from medperf_cli.core.quoting import one_line

_BAR = 24
_MB = 1e6
_MINUTE = 60
_HOUR = 60 * _MINUTE
_TRUSTED_SECONDS = 0.5  # a rate of the first moments says nothing
_PRECISE_BELOW = 10.0  # of MB and rates


def progress_line(step: str, done: int, total: int | None, seconds: float, width: int) -> str:
    """`done` of `total` of a step after `seconds`, in at most `width` characters; the bar goes first."""
    rate = done / seconds if seconds > _TRUSTED_SECONDS else 0.0
    name = one_line(step)
    if not total:
        speed = f" ({_rate(step, rate)})" if rate else ""
        return f"{name} {amount(step, done)}{speed}"[:width]
    share = min(1.0, done / total)
    left = f", {duration((total - done) / rate)} left" if rate and done < total else ""
    speed = f" ({_rate(step, rate)}{left})" if rate else ""
    text = f"{_of(step, done, total)}{speed}"
    room = min(_BAR, width - len(name) - len(text) - len(" [] "))
    bar = f"[{'#' * int(room * share):.<{room}}] " if room > 1 else ""
    return f"{name} {bar}{text}"[:width]


def finished_line(step: str, done: int, seconds: float) -> str:
    """What a step that is over has done, and how long it took."""
    return f"{one_line(step)}: {amount(step, done)} in {duration(seconds)}"


def amount(step: str, number: float) -> str:
    """A number of what the step counts: `12 MB`, or `1,200`."""
    return f"{_megabytes(number)} MB" if isinstance(step, Bytes) else f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A time for people: `8 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE} min"


def _of(step: str, done: int, total: int) -> str:
    if isinstance(step, Bytes):
        return f"{_megabytes(done)}/{_megabytes(total)} MB"
    return f"{done:,}/{total:,}"


def _rate(step: str, rate: float) -> str:
    if isinstance(step, Bytes):
        return f"{_megabytes(rate)} MB/s"
    return f"{rate:,.0f}/s" if rate >= _PRECISE_BELOW else f"{rate:.1f}/s"


def _megabytes(number: float) -> str:
    whole = number / _MB
    return f"{whole:,.0f}" if whole >= _PRECISE_BELOW else f"{whole:.1f}"
