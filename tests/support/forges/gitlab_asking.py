"""One question to a simulated GitLab: who asks about what, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.forges.forge import SimulatedForge
from tests.support.forges.gitlab_views import Views
from tests.support.forges.people import Token, User
from tests.support.forges.repository import Comment, Pull, Repository

WORK: dict[str, Callable[[Asking], Any]] = {}
"""What is done for each operation, by its name in the published interface."""


class Refused(Exception):  # noqa: N818 - an answer, which the façade sends
    """GitLab says no, with a status and a body."""

    def __init__(self, status: int, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(status)
        words = {401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not found"}
        self.status, self.body = status, dict(body or {"message": words.get(status, str(status))})


@dataclass
class Asking:
    """One question: who asks, what the path names, and the words of query and body."""

    forge: SimulatedForge
    token: Token | None
    given: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def views(self) -> Views:
        return Views(self.forge)

    @property
    def user(self) -> User | None:
        return self.token.user if self.token else None

    @property
    def somebody(self) -> User:
        """Who asks (refused without a token)."""
        if self.user is None:
            raise Refused(401)
        return self.user

    def project(self, right: str = "read") -> Repository:
        """The project of the path, by its number or full path."""
        return self.project_of(self.given["id"], right)

    def project_of(self, name: str, right: str = "read") -> Repository:
        there = self.forge.repositories.values()
        found = next((r for r in there if name in (r.full_name, str(r.number))), None)
        if found is None or not found.may(self.user, "read"):
            raise Refused(404, {"message": "404 Project Not Found"})
        if right != "read" and not found.may(self.somebody, right):
            raise Refused(403)
        return found

    def pull(self) -> tuple[Repository, Pull]:
        project = self.project()
        pull = project.pulls.get(int(self.given["iid"]))
        if pull is None:
            raise Refused(404, {"message": "404 Not found"})
        return project, pull

    def note(self, pull: Pull) -> Comment:
        found = next((c for c in pull.comments if str(c.number) == self.given["note"]), None)
        if found is None:
            raise Refused(404, {"message": "404 Note Not Found"})
        if found.author.number != self.somebody.number:
            raise Refused(403)
        return found


def does(name: str) -> Callable[[Callable[[Asking], Any]], Callable[[Asking], Any]]:
    def keep(work: Callable[[Asking], Any]) -> Callable[[Asking], Any]:
        WORK[name] = work
        return work

    return keep
