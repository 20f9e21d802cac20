"""Telling people below a request how it stands: one comment, a label, and its end where it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from medperf_cli.adapters.forge.api import Comment, ForgeApi
from medperf_cli.errors import MedperfError, NetworkError
from medperf_cli.flows.hosting.hosted_batch import Asked
from medperf_cli.flows.hosting.hosted_status import LABELS, MARK, Status

FEW = 10
"""Writes that there may be in any case."""


@dataclass
class Teller:
    """Writes what changed, and nothing else; one write a request and round, unless it ends or is merged.

    `me` is the number of the bot's account, and `left` how many writes there may still be; what does not fit
    is said in the next round. What cannot be written keeps no merge from happening: `troubles` says why, by
    request. When the forge does not answer, nothing more is written in this round.
    """

    api: ForgeApi
    words: Callable[[Status], str]
    me: int
    left: int = FEW
    troubles: list[tuple[str, MedperfError]] = field(default_factory=list)
    _silent: bool = False

    def amend(self, status: Status, one: Asked) -> None:
        """Bring a comment that is there up to date before main moves; where there is none, none is made."""
        if self._mine(one):
            self._try(status, lambda: self._comment(status, one))

    def say(self, status: Status, one: Asked) -> None:
        """Keep the comment, and do nothing else."""
        self._try(status, lambda: self._comment(status, one))

    def tell(self, status: Status, one: Asked) -> None:
        """Say how an open request stands, and close it where it ends without a merge."""
        if self.left > 0:
            self._try(status, lambda: self._tell(status, one))

    def _tell(self, status: Status, one: Asked) -> None:
        wrote = self._comment(status, one)
        if status.ends:
            self.left -= 1
            self.api.close(one.pull.number)
        elif status.commit is not None:
            self.api.settle(one.pull, status.commit)
            wrote = self.left <= 0
        if not status.ends and not wrote and one.pull.labels & set(LABELS.values()) != status.labels:
            self.left -= 1
            self.api.label(one.pull, status.labels)

    def _comment(self, status: Status, one: Asked) -> bool:
        """Keep one comment of ours, the oldest; whether anything was written."""
        number, text = one.pull.number, f"{MARK}\n{self.words(status)}"
        mine = self._mine(one)
        for twin in mine[1:]:  # by a second bot at the same time
            self.api.delete_comment(number, twin.number)
        if mine and _plain(mine[0].body) == _plain(text):
            return len(mine) > 1
        self.left -= 1
        if mine:
            self.api.edit_comment(number, mine[0].number, text)
        else:
            self.api.comment(number, text)
        return True

    def _mine(self, one: Asked) -> list[Comment]:
        """Our status comments, oldest first: by our account, whatever others write."""
        found = (c for c in one.comments if c.author.number == self.me and c.body.lstrip().startswith(MARK))
        return sorted(found, key=lambda comment: comment.number)

    def _try(self, status: Status, write: Callable[[], object]) -> None:
        if self._silent:
            return
        try:
            write()
        except MedperfError as error:
            self._silent = isinstance(error, NetworkError)
            self.troubles.append((f"request {status.number}", error))


def _plain(text: str) -> str:
    """A comment as forges keep it: line ends and space around it may differ."""
    return text.replace("\r\n", "\n").strip()
