"""The observer of long work; adapters call it, front ends draw it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a step is; must be quick, and may be called from any one thread at a time."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """`done` of `total` (bytes or objects; None when unknown) of `step` are finished."""
        ...


def silent(step: str, done: int, total: int | None) -> None:
    """The observer that does nothing."""
    del step, done, total
