"""Data-preparator of the breast cancer benchmark: `main.py prepare|sanity_check|statistics`."""

from __future__ import annotations

from cube import run
from prepare import prepare
from prepared import sanity_check, statistics

if __name__ == "__main__":
    run({"prepare": prepare, "sanity_check": sanity_check, "statistics": statistics})
