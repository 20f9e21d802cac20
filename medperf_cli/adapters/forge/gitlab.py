"""A registry's repository on GitLab (REST v4): requests are merge requests, comments are notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from typing_extensions import override

from medperf_cli.adapters.forge import gitlab_projects, gitlab_protection, gitlab_shapes
from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.api import (
    Account,
    Comment,
    ForgeApi,
    Fork,
    PageApproval,
    Protection,
    Pull,
)
from medperf_cli.adapters.forge.gitlab_public import public_notes
from medperf_cli.adapters.forge.gitlab_session import Session
from medperf_cli.adapters.forge.gitlab_shapes import Row, quiet
from medperf_cli.errors import UnknownIdError

OURS = "medperf:"
"""How our labels begin."""
MAIN = "main"
_PAGE, _MOST_ROWS = 100, 20_000
_MOST_TITLE = 255
_SINGLY = 3
"""Up to so many unknown projects are asked for one by one, more as the list of forks."""


def connect(address: ForgeAddress, token: str | None) -> ForgeApi:
    """A repository on GitLab; nothing is asked yet.

    Args:
        address: where it is; its name may hold sub-groups.
        token: of a person, a project, a group, or (for reading what is public) a CI job; None: nobody.

    Raises:
        TokenError: the token cannot be one, or would be sent unencrypted.

    """
    return GitLab(Session(address, token), address)


class GitLab(ForgeApi):
    """One project on GitLab; request numbers are the internal ids (`!12`), account numbers the user ids."""

    def __init__(self, session: Session, address: ForgeAddress) -> None:
        self._session = session
        self._address = address
        self._project: Any = session.client.projects.get(address.repository, lazy=True)
        self._me: Account | None = None
        self._names: dict[int, str] = {}

    @property
    @override
    def host(self) -> str:
        return self._address.host

    @property
    @override
    def repository(self) -> str:
        return self._address.repository

    @property
    @override
    def heads(self) -> str:
        return "refs/merge-requests/{}/head"

    @override
    def whoami(self) -> Account:
        if self._me is None:
            self._session.need_token("the token's owner")
            with self._session.asking("the token's owner"):
                me: Any = self._session.client.http_get("/user")
                self._me = gitlab_shapes.account(me)
        return self._me

    @override
    def destination(self) -> Fork:
        """The project itself for developers, else the fork; BusyError until GitLab has copied it."""
        me = self.whoami()
        with self._session.asking(f"repository '{self.repository}'"):
            project = self._session.client.projects.get(self._project.id).attributes
            gitlab_projects.expect_open(project)
            if gitlab_projects.may_push(project):
                return gitlab_projects.as_fork(project)
            owned = _rows(self._project.forks, owned=True)
        name = f"{me.login}/{project['path']}"
        fork = min(owned, key=lambda row: (row["path_with_namespace"] != name, row["id"]), default=None)
        if fork is None:
            with self._session.asking(f"a fork of '{self.repository}'"):
                fork = self._project.forks.create({}).attributes
        with self._session.asking("the fork"):
            return gitlab_projects.imported(self._session.client.projects.get(fork["id"]).attributes)

    @override
    def pulls(self) -> Sequence[Pull]:
        return self._listed(state="opened", target_branch=MAIN, order_by="created_at", sort="asc")

    @override
    def ended(self, most: int) -> Sequence[Pull]:
        found = [
            pull
            for state in ("closed", "merged")
            for pull in self._listed(
                most, state=state, target_branch=MAIN, order_by="updated_at", sort="desc"
            )
        ]
        return sorted(found, key=lambda pull: (pull.updated, pull.number), reverse=True)[:most]

    @override
    def pull(self, number: int) -> Pull:
        with self._session.asking(f"merge request {number}"):
            rows = [self._project.mergerequests.get(number).attributes]
            return self._pulls(rows)[0]

    @override
    def pulls_from(self, source: str, branch: str) -> Sequence[Pull]:
        found = self._listed(state="all", source_branch=branch, order_by="created_at", sort="desc")
        return [pull for pull in found if pull.source == source]

    @override
    def pulls_of(self, commit: str) -> Sequence[Pull]:
        try:
            with self._session.asking(f"commit '{commit}'"):
                path = f"/projects/{self._project.encoded_id}/repository/commits/{commit}/merge_requests"
                found: Any = self._session.client.http_list(path, iterator=True)
                return self._pulls(islice(found, _MOST_ROWS))
        except UnknownIdError:
            return []

    @override
    def create(self, title: str, body: str, source: Fork, branch: str) -> Pull:
        self._session.need_token("a merge request")
        with self._session.asking("a merge request"):
            target = self._session.client.projects.get(self._project.id)
            fields = {
                "source_branch": branch,
                "target_branch": MAIN,
                "target_project_id": target.id,
                "title": title[:_MOST_TITLE],
                "description": quiet(body),
                "remove_source_branch": False,
            }
            origin = self._session.client.projects.get(source.name, lazy=True)
            return self._pulls([origin.mergerequests.create(fields).attributes])[0]

    @override
    def edit(self, number: int, title: str, body: str) -> None:
        self._update(number, title=title[:_MOST_TITLE], description=quiet(body))

    @override
    def close(self, number: int) -> None:
        self._update(number, state_event="close")

    @override
    def settle(self, pull: Pull, merge: str) -> None:
        """Nothing to do: GitLab marks a request as merged by itself, soon after its head is in main."""

    @override
    def comments(self, number: int) -> Sequence[Comment]:
        """Notes of people, also in threads."""
        with self._session.asking(f"the notes on merge request {number}"):
            if self._session.anonymous:
                notes = public_notes(self._session, self.repository, number)
            else:
                notes = self._notes(number, "only_comments")
            return [gitlab_shapes.comment(row) for row in notes if not row["system"]]

    @override
    def comment(self, number: int, body: str) -> Comment:
        self._session.need_token("a note")
        with self._session.asking(f"a note on merge request {number}"):
            note = self._request(number).notes.create({"body": quiet(body)})
            return gitlab_shapes.comment(note.attributes)

    @override
    def edit_comment(self, number: int, comment: int, body: str) -> None:
        with self._session.asking(f"note {comment} on merge request {number}"):
            self._request(number).notes.update(comment, {"body": quiet(body)})

    @override
    def delete_comment(self, number: int, comment: int) -> None:
        try:
            with self._session.asking(f"note {comment} on merge request {number}"):
                self._request(number).notes.delete(comment)
        except UnknownIdError:
            return

    @override
    def label(self, pull: Pull, labels: frozenset[str]) -> None:
        """Labels that the project does not have are made by GitLab."""
        ours = {label for label in pull.labels if label.startswith(OURS)}
        fields = {"add_labels": sorted(labels - ours), "remove_labels": sorted(ours - labels)}
        if labels != ours:
            self._update(pull.number, **{name: value for name, value in fields.items() if value})

    @override
    def approvals(self, pull: Pull) -> Sequence[PageApproval]:
        """The approvals of the head, as `gitlab_shapes.bound` tells them from others."""
        with self._session.asking(f"the approvals of merge request {pull.number}"):
            request = self._request(pull.number)
            approved = request.approvals.get().attributes["approved_by"]
            if not approved:
                return []
            versions = _rows(request.diffs)
            untimed = any(not row.get("approved_at") for row in approved)
            notes = self._notes(pull.number, "only_activity") if untimed else []
            return gitlab_shapes.bound(approved, versions, notes, pull.head)

    @override
    def protection(self) -> Protection:
        return gitlab_protection.read(self._session, self._project)

    @override
    def protect(self, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
        self._session.need_token("the protection of main")
        return gitlab_protection.write(self._session, self._project, checks, pushers)

    def _request(self, number: int) -> Any:
        return self._project.mergerequests.get(number, lazy=True)

    def _update(self, number: int, **fields: str | list[str]) -> None:
        self._session.need_token(f"a change of merge request {number}")
        with self._session.asking(f"merge request {number}"):
            self._project.mergerequests.update(number, fields)

    def _notes(self, number: int, which: str) -> Sequence[Row]:
        notes = self._request(number).notes
        return _rows(notes, sort="asc", order_by="created_at", activity_filter=which)

    def _listed(self, most: int = _MOST_ROWS, **query: str) -> Sequence[Pull]:
        with self._session.asking("the merge requests"):
            return self._pulls(_rows(self._project.mergerequests, most, **query))

    def _pulls(self, rows: Iterable[Row]) -> Sequence[Pull]:
        rows = list(rows)
        self._learn({row["source_project_id"] for row in rows if row["source_project_id"] is not None}, rows)
        return [gitlab_shapes.pull(row, self._names.get(row["source_project_id"], "")) for row in rows]

    def _learn(self, projects: set[int], rows: Sequence[Row]) -> None:
        """Find the full paths of projects; one that is gone, or hidden from this token, stays without."""
        self._names |= {row["target_project_id"]: self.repository for row in rows}
        if len(projects - self._names.keys()) > _SINGLY:
            forks = _rows(self._project.forks, simple=True)
            self._names |= {fork["id"]: fork["path_with_namespace"] for fork in forks}
        for project in projects - self._names.keys():
            try:
                with self._session.asking(f"project {project}"):
                    found = self._session.client.projects.get(project)
            except UnknownIdError:
                continue
            self._names[project] = found.path_with_namespace


def _rows(manager: Any, most: int = _MOST_ROWS, **query: str | bool) -> list[Row]:
    """At most so many rows of a list, page by page."""
    rows = manager.list(iterator=True, per_page=max(1, min(most, _PAGE)), **query)
    return [row.attributes for row in islice(rows, most)]
