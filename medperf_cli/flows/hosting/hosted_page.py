"""What happened in a forge's page, as evidence for one round: each request is asked about once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from medperf_cli.adapters.forge.api import ForgeApi, Pull
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.errors import ConfigurationError, MedperfError, NetworkError
from medperf_cli.flows.hosting.gathering import Gathered
from medperf_cli.flows.hosting.recording import Act, Recorder, acts_of, asked_of_the_page, with_recorded

T = TypeVar("T")


@dataclass
class Page:
    """A forge's page, and who writes down what it says; `bring` fetches the head of a request.

    `troubles` says what could not be read, and why; that waits for the next round, as all does that would be
    asked after the forge did not answer. `asked` counts questions.
    """

    api: ForgeApi
    recorder: Recorder
    bring: Callable[[Pull], object]
    troubles: list[tuple[str, MedperfError]] = field(default_factory=list)
    asked: int = 0
    _silent: bool = False
    _acts: dict[int, list[Act]] = field(default_factory=dict)

    def acts(self, pull: Pull, *, merge: bool = False) -> Sequence[Act]:
        """What counts of what the page says of a request (see `acts_of`); nothing where it cannot be read."""
        if pull.number not in self._acts:
            what = f"request {pull.number}"
            found = self._read(what, lambda: acts_of(pull, self.api.approvals(pull), merge=merge))
            self._acts[pull.number] = found or []
        return self._acts[pull.number]

    def merged_as(self, commit: str) -> Pull | None:
        """The request whose merge in the page made a commit of main; None where that cannot be told."""

        def read() -> Pull | None:
            found = self.api.pulls_of(commit)
            merged = (p for p in found if p.state is RequestState.MERGED and p.merged_as == commit)
            pull = next(merged, None)
            # Not every forge says in a list who merged.
            return self.api.pull(pull.number) if pull and pull.merged_by is None else pull

        return self._read(f"commit {commit[:12]}", read)

    def holds(self, store: GitStore, pull: Pull) -> bool:
        """Whether the head that was seen is here; a squash or a rebase leaves it out of main."""
        if store.rev(pull.head) is None:
            self._read(f"head of request {pull.number}", lambda: self.bring(pull))
        return store.rev(pull.head) is not None

    def _read(self, what: str, read: Callable[[], T | None]) -> T | None:
        if self._silent:
            return None
        self.asked += 1
        try:
            return read()
        except MedperfError as error:
            self._silent = isinstance(error, NetworkError)
            self.troubles.append((what, error))
            return None

    def heard(self, store: GitStore, pull: Pull, gathered: Gathered) -> Gathered:
        """A request with what its page says of it, where that could matter."""
        if not asked_of_the_page(gathered, self.recorder):
            return gathered
        try:
            return with_recorded(store, gathered, self.recorder, self.acts(pull))
        except ConfigurationError as error:  # the key does not sign; what members sign counts all the same
            self.troubles.append((f"request {pull.number}", error))
            return gathered
