"""Requests and decisions laid into a bare repository past its hooks, and the merge bot run by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.requests import PULLS, OpenRequest, RequestRef, request_id
from medperf_cli.flows.hosting.merge_bot import Outcome, run_once
from tests.support.hosting import BEGIN, Hosted, Member

LATER = BEGIN + dt.timedelta(hours=1)


class Desk:
    """Requests and decisions laid into a bare repository past its hooks, and the bot run by hand."""

    def __init__(self, host: Hosted, store: GitStore) -> None:
        self.host, self.store, self.maker = host, store, Member(host, store, host.url)

    def lay(self, files: dict[str, bytes], number: str | None = None) -> OpenRequest:
        head = self.maker.commit(self.host.main(), files)
        request = OpenRequest(number or request_id(files), head)
        self.store.update_ref(str(RequestRef(request.id)), head, None)
        return request

    def vote(self, request: OpenRequest, member: str, files: dict[str, bytes]) -> str:
        commit = self.maker.commit(request.head, files)
        self.store.update_ref(str(RequestRef(request.id, member)), commit, None)
        return commit

    def cube(self, name: str = "forest", **fields: Any) -> dict[str, bytes]:
        return self.host.cube(name, **fields)

    def run(self) -> dict[str, Outcome]:
        return {outcome.id: outcome for outcome in run_once(self.store, lambda: LATER)}

    def one(self, request: OpenRequest) -> Outcome:
        return self.run()[request.id]

    def in_main(self, *paths: str) -> bool:
        snapshot = self.store.snapshot(self.host.main())
        return all(snapshot.get(path) is not None for path in paths)

    def waiting(self) -> dict[str, str]:
        return self.store.refs(PULLS)
