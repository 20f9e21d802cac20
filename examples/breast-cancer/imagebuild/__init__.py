"""Builds the example's images: a base, the cubes' layers on it, archives that every engine loads."""

from __future__ import annotations


class BuildError(Exception):
    """The images cannot be built here; the text says what to do."""
