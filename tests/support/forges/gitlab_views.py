"""How a simulated GitLab shows what it knows, in the words of its interface."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from tests.support.forges.forge import SimulatedForge
from tests.support.forges.people import User
from tests.support.forges.repository import Comment, Protection, Pull, Repository

LEVELS = {"none": 0, "read": 20, "triage": 25, "write": 30, "maintain": 40, "admin": 50}
"""GitLab's roles, from none over Reporter, Planner, Developer and Maintainer to Owner."""
_STATES = {"open": "opened", "closed": "closed", "merged": "merged"}
_WORDS = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers"}
Shown = dict[str, Any]


class Views:
    """Entities of the published schema; `forge.url` is the address that GitLab believes to have."""

    def __init__(self, forge: SimulatedForge) -> None:
        self.forge = forge

    def user(self, user: User | None) -> Shown | None:
        """A user by the login of today, whatever it was when he did what is shown."""
        if user is None:
            return None
        now = next((u for u in self.forge.users.values() if u.number == user.number), user)
        return {
            "id": now.number,
            "username": now.login,
            "name": now.login.title(),
            "state": "active",
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.forge.url}/{now.login}",
        }

    def project(self, repository: Repository, user: User | None, *, detailed: bool = True) -> Shown:
        shown = self._basic(repository)
        if not detailed:
            return shown
        role = repository.right(user) if user else "none"
        level = LEVELS[role] if user and (user.login in repository.roles or role == "admin") else 0
        return shown | {
            "forked_from_project": self._basic(repository.parent) if repository.parent else None,
            "import_status": repository.marks.get(
                "import_status", "finished" if repository.parent else "none"
            ),
            "import_error": None,
            "archived": repository.archived,
            "only_allow_merge_if_pipeline_succeeds": False,
            "merge_method": "merge",
            "squash_option": "default_off",
            **self.settings(repository),
            "permissions": {
                "project_access": {"access_level": level, "notification_level": 3} if level else None,
                "group_access": None,
            },
        }

    @staticmethod
    def settings(repository: Repository) -> Shown:
        """What was changed of a project's settings."""
        found: Shown = repository.marks.setdefault("settings", {})  # type: ignore[assignment]
        return found

    def _basic(self, repository: Repository) -> Shown:
        owner, url = repository.owner, f"{self.forge.url}/{repository.full_name}"
        group = owner.kind == "Organization" or "/" in owner.login
        return {
            "id": repository.number,
            "description": None,
            "name": repository.name.title(),
            "name_with_namespace": f"{owner.login.title()} / {repository.name.title()}",
            "path": repository.name,
            "path_with_namespace": repository.full_name,
            "created_at": stamp(repository.made),
            "default_branch": "main",
            "ssh_url_to_repo": f"git@127.0.0.1:{repository.full_name}.git",
            "http_url_to_repo": f"{url}.git",
            "web_url": url,
            "visibility": "private" if repository.private else "public",
            "namespace": {
                "id": owner.number,
                "name": owner.login,
                "path": owner.login.rpartition("/")[2],
                "kind": "group" if group else "user",
                "full_path": owner.login,
            },
        }

    def request(self, target: Repository, pull: Pull, *, detailed: bool = True) -> Shown:
        project = f"{self.forge.url}/{target.full_name}"
        fast = pull.merged_as == pull.head
        shown = {
            "id": pull.id,
            "iid": pull.number,
            "project_id": target.number,
            "title": pull.title,
            "description": pull.body or None,
            "state": _STATES[pull.state],
            "created_at": stamp(pull.opened),
            "updated_at": stamp(pull.updated),
            "merged_by": self.user(pull.merged_by),
            "merge_user": self.user(pull.merged_by),
            "merged_at": stamp(pull.merged_at),
            "closed_by": self.user(pull.closed_by) if pull.state == "closed" else None,
            "closed_at": stamp(pull.closed_at) if pull.state == "closed" else None,
            "target_branch": pull.into,
            "source_branch": pull.branch,
            "user_notes_count": sum(not note.system for note in pull.comments),
            "upvotes": 0,
            "downvotes": 0,
            "author": self.user(pull.author),
            "assignees": [],
            "assignee": None,
            "reviewers": [self.user(asked) for asked in pull.asked],
            "source_project_id": pull.source.number if pull.source else None,
            "target_project_id": target.number,
            "labels": list(pull.labels),
            "draft": pull.title.lower().startswith("draft:"),
            "merge_status": "can_be_merged",
            "detailed_merge_status": "mergeable" if pull.state == "open" else "not_open",
            "sha": pull.head,
            "merge_commit_sha": None if fast else pull.merged_as,
            "squash_commit_sha": None,
            "discussion_locked": pull.locked or None,
            "reference": f"!{pull.number}",
            "references": {
                "short": f"!{pull.number}",
                "relative": f"!{pull.number}",
                "full": f"{target.full_name}!{pull.number}",
            },
            "web_url": f"{project}/-/merge_requests/{pull.number}",
            "squash": False,
        }
        refs = {"base_sha": pull.base, "head_sha": pull.head, "start_sha": pull.base}
        return shown | ({"subscribed": False, "diff_refs": refs} if detailed else {})

    def versions(self, pull: Pull) -> list[Shown]:
        """Newest first, one for each push."""
        return [
            {
                "id": pull.id * 100 + number,
                "head_commit_sha": head,
                "base_commit_sha": pull.base,
                "start_commit_sha": pull.base,
                "created_at": stamp(when),
                "merge_request_id": pull.id,
                "state": "collected",
                "real_size": "1",
            }
            for number, (when, head) in reversed(list(enumerate(pull.moved)))
        ]

    def approvals(self, pull: Pull, user: User | None, *, timed: bool) -> Shown:
        """Those that stand; older servers do not say since when (`timed`)."""
        last = {review.author.number: review for review in pull.reviews}
        standing = [review for review in last.values() if review.state == "APPROVED"]
        return {
            "user_has_approved": any(user and r.author.number == user.number for r in standing),
            "user_can_approve": user is not None,
            "approved": bool(standing),
            "approved_by": [
                {"user": self.user(review.author)} | ({"approved_at": stamp(review.time)} if timed else {})
                for review in standing
            ],
        }

    def notes(self, pull: Pull) -> list[Shown]:
        """What people wrote and GitLab noted: pushes, approvals and their end."""
        told = {"APPROVED": "approved this merge request", "DISMISSED": "unapproved this merge request"}
        notes = [self.note(pull, comment) for comment in pull.comments]
        for number, (when, _) in enumerate(pull.moved[1:]):
            notes.append(self._system(pull, pull.id * 1000 + number, pull.author, "added 1 commit", when))
        for review in (review for review in pull.reviews if review.state in told):
            words, when = told[review.state], review.time
            notes.append(self._system(pull, review.number, review.author, words, when))
        return notes

    def _system(self, pull: Pull, number: int, author: User, body: str, when: dt.datetime) -> Shown:
        return self.note(pull, Comment(number, author, body, when, when, system=True))

    def note(self, pull: Pull, comment: Comment) -> Shown:
        return {
            "id": comment.number,
            "type": None,
            "body": comment.body,
            "author": self.user(comment.author),
            "created_at": stamp(comment.written),
            "updated_at": stamp(comment.edited),
            "system": comment.system,
            "noteable_id": pull.id,
            "noteable_type": "MergeRequest",
            "noteable_iid": pull.number,
            "resolvable": False,
            "confidential": False,
            "internal": False,
            "commands_changes": {},
        }

    def protection(self, repository: Repository, rules: Protection) -> Shown:
        return {
            "id": repository.number * 10,
            "name": rules.branch,
            "push_access_levels": self._pushing(rules),
            "merge_access_levels": [_level(40)],
            "unprotect_access_levels": [],
            "allow_force_push": not rules.no_force,
            "code_owner_approval_required": rules.code_owners,
            "inherited": False,
        }

    def _pushing(self, rules: Protection) -> list[Shown]:
        if "role" in rules.raw or not rules.pull_only:
            return [_level(int(str(rules.raw.get("role", 30))))]
        users = [self.forge.user(login) for login in sorted(rules.pushers)]
        named = [{"user_id": u.number, "access_level_description": u.login.title()} for u in users]
        return [{"id": 1, "access_level": None} | row for row in named] or [_level(0)]


def _level(level: int) -> Shown:
    return {"id": 1, "access_level": level, "access_level_description": _WORDS[level]}


def stamp(when: dt.datetime | None) -> str | None:
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if when else None


def page_links(address: str, query: dict[str, str], page: int, last: int) -> str:
    """The `Link` header of one page of a list."""

    def link(number: int, name: str) -> str:
        words = query | {"page": str(number)}
        return f'<{address}?{"&".join(f"{k}={quote(v)}" for k, v in words.items())}>; rel="{name}"'

    links: Iterable[str] = [link(1, "first"), link(last, "last")]
    return ", ".join([*([link(page + 1, "next")] if page < last else []), *links])
