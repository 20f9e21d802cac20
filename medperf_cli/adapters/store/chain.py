"""How long ago a tree of `registry/` stood on a first-parent chain, read back no further than asked."""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medperf_cli.adapters.store.repository import GitStore

_KEPT = 50_000
"""Commits that are kept while newer ones come."""
_NEAR = 32
"""Commits walked to find out that a commit follows on those known."""
_WINDOWS = (4, 16, 256, 4096)
"""Commits read at once on the way back: nearly every signer had seen one of the last few."""
_SINGLY = 16
"""So many are read sooner than git has listed them."""


class Chain:
    """The first-parent chain that was asked about last.

    Its commits have places, whole numbers that rise with time. Of commits in a row with the same tree, the
    last one's place is that tree's.
    """

    def __init__(self, store: GitStore) -> None:
        self._store = store
        self._begin(None)

    def age(self, commit: str, tree: str, limit: int) -> int | None:
        """How many first-parent commits before `commit` the folder last was `tree`; None: not among `limit`.

        Raises:
            IntegrityError: an object on the way is missing or damaged.

        """
        here = self._place(commit)
        while True:
            if self._trees.get(here) == tree:
                return 0
            places = self._by_tree.get(tree, ())
            earlier = bisect_left(places, here)
            if earlier:
                age = here - places[earlier - 1]
                return age if age < limit else None
            if not self._extend(here - limit):
                return None

    def _begin(self, newest: str | None) -> None:
        """Forget what is known; a chain that ends with `newest` is asked about."""
        self._places: dict[str, int] = {}
        self._trees: dict[int, str] = {}
        self._by_tree: dict[str, list[int]] = {}
        self._newest = self._unread = newest
        self._unread_place = 0

    def _place(self, commit: str) -> int:
        """The place of a commit; another chain is begun where it does not follow on the known one."""
        if commit not in self._places and not self._append(commit):
            self._begin(commit)
        return self._places.get(commit, 0)

    def _append(self, commit: str) -> bool:
        """Note a commit that comes after the newest one, and those between."""
        later: list[str] = []
        at: str | None = commit
        if not self._places or len(self._places) > _KEPT:
            return False
        while at is not None and at != self._newest:
            if len(later) == _NEAR or self._store.registry_tree(at) is None:
                return False
            later.append(at)
            at = self._store.parent(at)
        if at not in self._places:
            return False
        for place, following in enumerate(reversed(later), self._places[at] + 1):
            self._note(following, place)
        self._newest = commit
        return True

    def _extend(self, end: int) -> bool:
        """Read further back, to a place after `end`; False where there is nothing more to read."""
        window = next((n for n in _WINDOWS if n > len(self._places)), _WINDOWS[-1])
        count = min(self._unread_place - end, window)
        if self._unread is None or count <= 0:
            return False
        if window > _SINGLY:
            self._load(self._unread, count)
        for _ in range(count):
            if self._unread is None or not self._note(self._unread, self._unread_place):
                self._unread = None  # the first commit, or one before genesis
                break
            self._unread, self._unread_place = self._store.parent(self._unread), self._unread_place - 1
        return True

    def _note(self, commit: str, place: int) -> bool:
        """Give a commit its place; False where it has no registry."""
        tree = self._store.registry_tree(commit)
        if tree is None:
            return False
        self._places[commit], self._trees[place] = place, tree
        places = self._by_tree.setdefault(tree, [])
        if self._trees.get(place - 1) == tree:
            places.remove(place - 1)
        if self._trees.get(place + 1) != tree:
            insort(places, place)
        return True

    def _load(self, newest: str, count: int) -> None:
        """Read commits in one exchange; whoever walks from parent to parent verifies which they are."""
        listed = self._store.git.lines("rev-list", "--first-parent", f"--max-count={count}", newest, "--")
        self._store.load(list(itertools.islice(listed, count)))
