"""How numbers are rounded before they leave a site."""

from __future__ import annotations

_EXACT = 2.0**53


def round_significant(number: float, digits: int) -> float:
    """A finite `number` to so many significant decimal digits, half to even; never negative zero."""
    return float(f"{number:.{digits - 1}e}") + 0.0


def round_sum(number: float, digits: int) -> float:
    """A sum as it leaves: a whole number (a sum of counts, say) exactly, any other to significant digits.

    Both sums of a ratio are the only sums in a result. They are whole where every patient adds a whole
    number, which is so for counts without a `patient` column.
    """
    if number.is_integer() and abs(number) < _EXACT:
        return number + 0.0
    return round_significant(number, digits)
