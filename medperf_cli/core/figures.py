"""How numbers are written for readers: as many decimals as their standard error supports."""

from __future__ import annotations

import math

_FEWEST, _MOST, _DEFAULT = 2, 6, 3
MINUS = "\N{MINUS SIGN}"


def decimals(error: float | None) -> int:
    """Decimals that show two significant digits of a standard error (2 to 6; 3 where there is none)."""
    if not error:
        return _DEFAULT
    return min(_MOST, max(_FEWEST, 1 - math.floor(math.log10(error))))


def figure(value: float | None, places: int, *, signed: bool = False) -> str:
    """A number with that many decimals and a true minus sign; `undefined` where there is none."""
    if value is None:
        return "undefined"
    text = f"{value:+.{places}f}" if signed else f"{value:.{places}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)
