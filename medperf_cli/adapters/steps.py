"""How the steps of long work are named when progress is told: what is counted is part of the name."""

from __future__ import annotations


class Bytes(str):
    """The name of a step that is counted in bytes, so that whoever draws it can say MB and MB/s.

    A plain `str` names a step that is counted in pieces (objects, commits, pages, cases).
    """

    __slots__ = ()
