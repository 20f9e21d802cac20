"""The report of `prepare`: a status per case, in MedPerf's layout, kept up to date while it goes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from cube import write_yaml

PENDING, PREPARED, COMPLETED, REFUSED = (0, "PENDING"), (1, "PREPARED"), (2, "COMPLETED"), (-1, "REFUSED")
"""COMPLETED is prepared too: measurements were missing, and medians stand in their place."""
_SECONDS_BETWEEN_WRITES = 0.5


class Report:
    """Status, its name and a comment per case."""

    def __init__(self, path: Path, cases: Iterable[str]) -> None:
        self._path = path
        self._status = dict.fromkeys(cases, PENDING)
        self._comment = dict.fromkeys(self._status, "")
        self.write()

    def note(self, case: str, status: tuple[int, str], comment: str = "") -> None:
        """A case is done, and why it is not simply prepared."""
        self._status[case] = status
        self._comment[case] = comment
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self.write()

    def refused(self) -> list[str]:
        """The refused cases with their reasons."""
        return [f"{case}: {self._comment[case]}" for case, s in self._status.items() if s == REFUSED]

    def write(self) -> None:
        """Write the file as it stands."""
        self._written = time.monotonic()
        codes = {case: code for case, (code, _) in self._status.items()}
        names = {case: name for case, (_, name) in self._status.items()}
        write_yaml(self._path, {"comment": self._comment, "status": codes, "status_name": names})
