"""What a simulated GitHub shows of accounts, repositories, requests, comments and reviews."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.support.forges.forge import SimulatedForge
from tests.support.forges.github_schema import complete
from tests.support.forges.people import User
from tests.support.forges.repository import Comment, Label, Pull, Repository, Review

APPS = 500_000
"""An app's number is another than that of its bot's account."""


class Shapes:
    """The objects of one forge, as GitHub shows them."""

    def __init__(self, forge: SimulatedForge) -> None:
        self.forge = forge

    @property
    def api(self) -> str:
        return f"{self.forge.url}/api/v3"

    def user(self, user: User | None) -> dict[str, Any] | None:
        if user is None:
            return None
        return complete("SimpleUser", f"{self.api}/users/{user.login}", self._who(user))

    def _who(self, user: User) -> dict[str, Any]:
        return {"login": user.login, "id": user.number, "type": user.kind, "site_admin": False}

    def profile(self, user: User, *, private: bool) -> dict[str, Any]:
        known = {**self._who(user), "created_at": _time(_BEGAN), "updated_at": _time(_BEGAN)}
        name = "PrivateUser" if private else "PublicUser"
        return complete(name, f"{self.api}/users/{user.login}", known)

    def app(self, bot: User) -> dict[str, Any]:
        slug = bot.login.removesuffix("[bot]")
        known = {
            "id": bot.number + APPS,
            "slug": slug,
            "name": slug,
            "owner": self.user(bot),
            "permissions": {"contents": "write", "pull_requests": "write", "metadata": "read"},
            "events": [],
            "created_at": _time(_BEGAN),
            "updated_at": _time(_BEGAN),
        }
        return complete("Integration", f"{self.api}/apps/{slug}", known)

    def repository(
        self, repository: Repository, *, name: str = "Repository", viewer: User | None = None
    ) -> Any:
        full = repository.full_name
        known: dict[str, Any] = {
            "id": repository.number,
            "name": repository.name,
            "full_name": full,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "fork": repository.parent is not None,
            "archived": repository.archived,
            "default_branch": "main",
            "clone_url": f"{self.forge.url}/{full}.git",
            "html_url": f"{self.forge.url}/{full}",
            **dict.fromkeys(("created_at", "updated_at", "pushed_at"), _time(repository.made)),
        }
        if name == "FullRepository":
            if viewer:
                known["permissions"] = {
                    right: repository.may(viewer, need)
                    for right, need in {"admin": "admin", "push": "write", "pull": "read"}.items()
                }
            known["allow_merge_commit"] = "merge" in repository.methods
            if repository.parent:
                known["parent"] = known["source"] = self.repository(repository.parent)
        return complete(name, f"{self.api}/repos/{full}", known)

    def pull(self, target: Repository, pull: Pull, *, full: bool = False) -> dict[str, Any]:
        at = f"{self.api}/repos/{target.full_name}/pulls/{pull.number}"
        name = "PullRequest" if full else "PullRequestSimple"
        known: dict[str, Any] = {
            "id": pull.id,
            "number": pull.number,
            "state": "open" if pull.state == "open" else "closed",
            "title": pull.title,
            "draft": pull.title.startswith("Draft:"),  # a flag of its own there; here the title stands for it
            "body": pull.body or None,
            "user": self.user(pull.author),
            "locked": pull.locked,
            "labels": [
                self.label(target, target.labels[label], f"{name}PropLabelsItems") for label in pull.labels
            ],
            "created_at": _time(pull.opened),
            "updated_at": _time(pull.updated),
            "closed_at": _time(pull.closed_at),
            "merged_at": _time(pull.merged_at),
            # For an open one, GitHub makes a test merge in the background and shows its commit.
            "merge_commit_sha": pull.merged_as or "e" * 40,
            "assignees": [],
            "requested_reviewers": [self.user(user) for user in pull.asked],
            "requested_teams": [],
            "head": self._end(pull.source, pull.branch, pull.head, pull.author),
            "base": self._end(target, pull.into, pull.base, target.owner),
            "_links": {link: {"href": f"{at}/{link}"} for link in _LINKS},
            "author_association": "NONE",
            "html_url": f"{self.forge.url}/{target.full_name}/pull/{pull.number}",
        }
        if full:
            merged = pull.state == "merged"
            known |= {"merged": merged, "merged_by": self.user(pull.merged_by), "mergeable_state": "unknown"}
            known["comments"] = len(pull.comments)
        return complete(name, at, known)

    def _end(self, repository: Repository | None, branch: str, commit: str, user: User) -> dict[str, Any]:
        owner = repository.owner if repository else user
        shown = self.repository(repository) if repository else None
        label = f"{owner.login}:{branch}"
        return {"label": label, "ref": branch, "sha": commit, "user": self.user(owner), "repo": shown}

    def label(self, repository: Repository, label: Label, name: str = "Label") -> dict[str, Any]:
        known = {"id": label.number, "name": label.name, "color": label.color, "default": False}
        known |= {"description": label.description, "archived_by": None}
        return complete(name, f"{self.api}/repos/{repository.full_name}/labels/{label.number}", known)

    def comment(self, target: Repository, pull: Pull, comment: Comment) -> dict[str, Any]:
        at = f"{self.api}/repos/{target.full_name}/issues/comments/{comment.number}"
        page = f"{self.forge.url}/{target.full_name}/pull/{pull.number}"
        known = {
            "id": comment.number,
            "body": comment.body,
            "user": self.user(comment.author),
            "created_at": _time(comment.written),
            "updated_at": _time(comment.edited),
            "html_url": f"{page}#issuecomment-{comment.number}",
            "author_association": "NONE",
        }
        return complete("IssueComment", at, known)

    def review(self, target: Repository, pull: Pull, review: Review) -> dict[str, Any]:
        at = f"{self.api}/repos/{target.full_name}/pulls/{pull.number}"
        known = {
            "id": review.number,
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "commit_id": review.commit,
            "submitted_at": _time(review.time),
            "author_association": "NONE",
            "_links": {"html": {"href": at}, "pull_request": {"href": at}},
        }
        return complete("PullRequestReview", at, known)

    def branch(self, repository: Repository, branch: str) -> dict[str, Any]:
        at = f"{self.api}/repos/{repository.full_name}"
        commit = repository.commit(branch)
        inner = complete("CommitPropCommit", at, {"message": "a commit", "tree": {"sha": commit, "url": at}})
        known = {
            "name": branch,
            "commit": complete("Commit", at, {"sha": commit, "commit": inner, "parents": []}),
            "_links": {"html": at, "self": at},
            "protected": branch in repository.protection,
            "protection": {},
        }
        return complete("BranchWithProtection", at, known)


_BEGAN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_LINKS = ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self")


def _time(time: dt.datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
