"""A rewritten history: believed only where a redaction says so and all of it is lawful from genesis."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.errors import RewrittenError
from medperf_cli.flows.reading.registry import Place


@dataclass(frozen=True)
class Offered:
    """Another history than the one verified: that one's commit, the new head, and what is wrong about it."""

    last: str
    head: str
    error: RewrittenError


def new_redactions(store: GitStore, offered: Offered) -> list[Redaction]:
    """The redactions because of which another history may be looked at.

    It has some that the verified one lacks, all that the verified one has, and at some commit the very tree
    that was verified, with what they took out put back.

    Raises:
        RewrittenError: this is not so.

    """
    had, has = store.past.redactions(offered.last), store.past.redactions(offered.head)
    tree = store.registry_tree(offered.last)
    if len(has) <= len(had) or has[: len(had)] != had or tree is None:
        raise offered.error
    store.past.assumed = offered.head
    try:
        if store.past.age(offered.head, tree) is None:
            raise offered.error
    finally:
        store.past.assumed = None
    return list(has[len(had) :])


@contextlib.contextmanager
def new_index(here: Place, offered: Offered, known: Meta) -> Iterator[Index]:
    """An empty index that takes the place of the old one, if all of the new history was lawful."""
    with Index.aside(here.index, anew=True) as index:
        yield index
        meta = index.meta()
        if meta is None or meta.verified_commit != offered.head or meta.root_version < known.root_version:
            raise offered.error


def told(redactions: list[Redaction], signers: dict[int, list[str]]) -> tuple[str, str]:
    """What is said about a history that was rewritten and accepted, in two lines."""
    shown = [f"redaction {r.version}, signed by {', '.join(signers[r.version])}" for r in redactions]
    return (
        f"history was rewritten by {' and '.join(shown)}: everything was verified again",
        "what it took out may still lie in copies, also in this one: `git gc` removes it in time",
    )


def signers(store: GitStore, head: str) -> dict[int, list[str]]:
    """The admins whose signatures stand beside each redaction, by its version."""
    found: dict[int, list[str]] = {}
    for text in store.snapshot(head).list("redactions"):
        if text.endswith(".sig"):
            number, admin, _ = text.rpartition("/")[2].split(".")
            found.setdefault(int(number), []).append(admin)
    return found


def begun_anew(known: Meta) -> Meta:
    """The registry as it is known before anything is verified."""
    return dataclasses.replace(known, verified_commit="", clock=0)
