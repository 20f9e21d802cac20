"""A bare repository's pre-receive asked in process, for commits made in it as a push would bring them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.requests import MAIN, RefUpdate, RequestRef, request_id
from medperf_cli.flows.hosting.receive import Receiver, lines
from tests.support.hosting import BEGIN, Hosted, Member
from tests.support.world import World


@dataclass
class Gate:
    """A hosted registry asked in process; commits are made in it as a push brings them."""

    host: Hosted
    store: GitStore
    maker: Member

    @property
    def world(self) -> World:
        return self.host.world

    def ask(
        self, ref: object, new: str | None, old: str | None = None, now: dt.datetime = BEGIN
    ) -> list[str]:
        root = sha256(self.world.files["root/1.yml"]) if self.world.files else None
        judged = Receiver(self.store, now, root).judge([RefUpdate(old, new, str(ref))])
        return [line for findings in judged.values() for line in lines(findings)]

    def cube(self, name: str = "forest", **fields: Any) -> dict[str, bytes]:
        return self.host.cube(name, **fields)

    def request(self, files: dict[str, bytes], base: str | None = None) -> list[str]:
        commit = self.maker.commit(base or self.host.main(), files)
        return self.ask(RequestRef(request_id(files)), commit)

    def opened(self, files: dict[str, bytes]) -> tuple[str, str]:
        """A request that stands: its id and head."""
        commit = self.maker.commit(self.host.main(), files)
        number = request_id(files)
        self.store.update_ref(str(RequestRef(number)), commit, None)
        return number, commit

    def to_main(self, files: dict[str, bytes], date: dt.datetime = BEGIN) -> list[str]:
        main = self.host.main()
        return self.ask(MAIN, self.maker.commit(main, files, date=date), main)


def only(found: list[str], text: str) -> None:
    assert found, "nothing was refused"
    assert any(text in line for line in found), found
