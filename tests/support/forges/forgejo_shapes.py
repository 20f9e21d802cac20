"""How Forgejo shows accounts, repositories, requests and reviews: every field that its models have."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.support.forges.forge import SimulatedForge
from tests.support.forges.people import User
from tests.support.forges.repository import Comment, Label, Protection, Pull, Repository

ZERO = "0001-01-01T00:00:00Z"
"""A time that Go was never told."""
_STATES = {"APPROVED": "APPROVED", "CHANGES_REQUESTED": "REQUEST_CHANGES", "COMMENTED": "COMMENT"}
_ASKED = 10**6
"""Added to the numbers of those who were asked for a review: later than all reviews."""


def when(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Shapes:
    """The answers' objects, made for `viewer` (None: anybody)."""

    def __init__(self, forge: SimulatedForge, viewer: User | None = None) -> None:
        self.forge, self.viewer = forge, viewer

    def user(self, user: User) -> dict[str, Any]:
        page = f"{self.forge.url}/{user.login}"
        texts = ("full_name", "language", "location", "pronouns", "website", "description", "login_name")
        counts = ("source_id", "followers_count", "following_count", "starred_repos_count")
        return {
            "id": user.number,
            "login": user.login,
            "email": f"{user.login}@noreply.example.org",
            "avatar_url": f"{page}.png",
            "html_url": page,
            "visibility": "public",
            "last_login": ZERO,
            "created": "2026-01-01T00:00:00Z",
            "active": True,
            **dict.fromkeys(texts, ""),
            **dict.fromkeys(counts, 0),
            **dict.fromkeys(("is_admin", "restricted", "prohibit_login"), False),
        }

    def repository(self, of: Repository, *, parent: bool = True) -> dict[str, Any]:
        at = f"{self.forge.url}/{of.full_name}"
        api = f"{self.forge.url}/api/v1/repos/{of.full_name}"
        off = ("template", "mirror", "internal", "globally_editable_wiki", "ignore_whitespace_conflicts")
        off += ("default_delete_branch_after_merge", "default_allow_maintainer_edit", "allow_rebase_update")
        on = ("has_issues", "has_pull_requests", "has_projects", "has_releases", "has_packages", "has_wiki")
        on += ("has_actions", "allow_merge_commits", "allow_rebase", "allow_rebase_explicit")
        on += ("allow_squash_merge", "allow_fast_forward_only_merge")
        counts = ("size", "stars_count", "forks_count", "watchers_count", "open_issues_count")
        texts = ("description", "language", "link", "original_url", "website", "avatar_url")
        return {
            "id": of.number,
            "owner": self.user(of.owner),
            "name": of.name,
            "full_name": of.full_name,
            "empty": not of.branches(),
            "private": of.private,
            "fork": of.parent is not None,
            "parent": self.repository(of.parent, parent=False) if parent and of.parent else None,
            "languages_url": f"{api}/languages",
            "html_url": at,
            "url": api,
            "ssh_url": f"git@{at.partition('://')[2]}.git",
            "clone_url": f"{at}.git",
            "open_pr_counter": len(of.open_pulls()),
            "release_counter": 0,
            "default_branch": "main",
            "archived": of.archived,
            "created_at": when(of.made),
            "updated_at": when(of.made),
            "archived_at": ZERO,
            "permissions": {
                "admin": of.may(self.viewer, "admin"),
                "push": of.may(self.viewer, "write"),
                "pull": of.may(self.viewer, "read"),
            },
            "default_merge_style": "merge",
            "default_update_style": "merge",
            "mirror_interval": "",
            "mirror_updated": ZERO,
            "object_format_name": "sha1",
            "repo_transfer": None,
            "topics": [],
            **dict.fromkeys(texts, ""),
            **dict.fromkeys(counts, 0),
            **dict.fromkeys(off, False),
            **dict.fromkeys(on, True),
        }

    def label(self, at: Repository, label: Label) -> dict[str, Any]:
        return {
            "id": label.number,
            "name": label.name,
            "color": label.color,
            "description": label.description or "",
            "exclusive": False,
            "is_archived": False,
            "url": f"{self.forge.url}/api/v1/repos/{at.full_name}/labels/{label.number}",
        }

    def pull(self, at: Repository, pull: Pull) -> dict[str, Any]:
        page = f"{self.forge.url}/{at.full_name}/pulls/{pull.number}"
        merged = pull.state == "merged"
        zeros = ("review_comments", "additions", "deletions", "changed_files", "pin_order", "flow")
        return {
            "id": pull.id,
            "url": page,
            "number": pull.number,
            "user": self.user(pull.author),
            "title": pull.title,
            "body": pull.body,
            "labels": [self.label(at, at.labels[name]) for name in pull.labels],
            "milestone": None,
            "assignee": None,
            "assignees": None,
            "requested_reviewers": [self.user(user) for user in pull.asked],
            "requested_reviewers_teams": [],
            "state": "open" if pull.state == "open" else "closed",
            "draft": pull.title.startswith("WIP:"),
            "is_locked": pull.locked,
            "comments": len(pull.comments),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "mergeable": pull.state == "open",
            "merged": merged,
            "merged_at": when(pull.merged_at) if pull.merged_at else None,
            "merge_commit_sha": pull.merged_as if merged else None,
            "merged_by": self.user(pull.merged_by) if merged and pull.merged_by else None,
            "allow_maintainer_edit": False,
            "base": self._base(at, pull),
            "head": self._head(at, pull),
            "merge_base": pull.base,
            "due_date": None,
            "created_at": when(pull.opened),
            "updated_at": when(pull.updated),
            "closed_at": when(pull.closed_at) if pull.closed_at else None,
            **dict.fromkeys(zeros, 0),
        }

    def _base(self, at: Repository, pull: Pull) -> dict[str, Any]:
        sha, repo = at.commit(pull.into), self.repository(at)
        return {"label": pull.into, "ref": pull.into, "sha": sha, "repo_id": at.number, "repo": repo}

    def _head(self, at: Repository, pull: Pull) -> dict[str, Any]:
        """Of a branch that is gone Forgejo shows its own ref; of a repository that is gone nothing."""
        tip = pull.source.commit(pull.branch) if pull.source else ""
        return {
            "label": pull.branch,
            "ref": pull.branch if tip else at.heads.format(pull.number),
            "sha": tip or pull.head,
            "repo_id": pull.source.number if pull.source else -1,
            "repo": self.repository(pull.source) if pull.source else None,
        }

    def comment(self, at: Repository, pull: Pull, comment: Comment) -> dict[str, Any]:
        page = f"{self.forge.url}/{at.full_name}/pulls/{pull.number}"
        return {
            "id": comment.number,
            "html_url": f"{page}#issuecomment-{comment.number}",
            "pull_request_url": page,
            "issue_url": "",
            "user": self.user(comment.author),
            "original_author": "",
            "original_author_id": 0,
            "body": comment.body,
            "assets": [],
            "created_at": when(comment.written),
            "updated_at": when(comment.edited),
        }

    def reviews(self, at: Repository, pull: Pull) -> list[dict[str, Any]]:
        """All reviews, and as such also that somebody was asked for one."""
        page = f"{self.forge.url}/{at.full_name}/pulls/{pull.number}"
        shown = [
            {
                "id": review.number,
                "user": self.user(review.author),
                "state": _STATES.get(review.state, "APPROVED"),
                "body": review.body,
                "commit_id": review.commit,
                "stale": review.commit != pull.head,
                "official": at.may(review.author, "write"),
                "dismissed": review.state == "DISMISSED",
                "submitted_at": when(review.time),
                "updated_at": when(review.time),
            }
            for review in pull.reviews
        ]
        shown += [
            {
                "id": _ASKED + index,
                "user": self.user(user),
                "state": "REQUEST_REVIEW",
                "body": "",
                "commit_id": "",
                "stale": False,
                "official": at.may(user, "write"),
                "dismissed": False,
                "submitted_at": when(pull.updated),
                "updated_at": when(pull.updated),
            }
            for index, user in enumerate(pull.asked)
        ]
        more = {"team": None, "comments_count": 0, "html_url": f"{page}#review", "pull_request_url": page}
        return [review | more for review in shown]

    def branch(self, at: Repository, name: str, commit: str) -> dict[str, Any]:
        rules = at.protection.get(name)
        who = {"name": "somebody", "email": "somebody@example.org", "username": ""}
        shown = rules is not None and at.may(self.viewer, "admin")
        return {
            "name": name,
            "commit": {
                "id": commit,
                "message": "",
                "url": f"{self.forge.url}/{at.full_name}/commit/{commit}",
                "author": who,
                "committer": who,
                "verification": None,
                "timestamp": when(at.made),
                "added": None,
                "removed": None,
                "modified": None,
            },
            "protected": rules is not None,
            "required_approvals": rules.reviews if rules else 0,
            "enable_status_check": bool(rules and rules.checks),
            "status_check_contexts": list(rules.checks) if rules else [],
            "user_can_push": at.may(self.viewer, "write"),
            "user_can_merge": at.may(self.viewer, "write"),
            "effective_branch_protection_name": name if shown else "",
        }

    def rule(self, rules: Protection) -> dict[str, Any]:
        """A protection in Forgejo's words; `raw` are those that were given."""
        lists = ("push_whitelist_teams", "merge_whitelist_usernames", "merge_whitelist_teams")
        lists += ("approvals_whitelist_username", "approvals_whitelist_teams")
        off = ("push_whitelist_deploy_keys", "enable_merge_whitelist", "enable_approvals_whitelist")
        off += ("block_on_rejected_reviews", "block_on_outdated_branch", "dismiss_stale_approvals")
        off += ("ignore_stale_approvals", "require_signed_commits", "apply_to_admins")
        return {
            "branch_name": rules.branch,
            "rule_name": rules.branch,
            "enable_push": not rules.pull_only or bool(rules.pushers),
            "enable_push_whitelist": rules.pull_only and bool(rules.pushers),
            "push_whitelist_usernames": sorted(rules.pushers),
            "enable_status_check": bool(rules.checks),
            "status_check_contexts": list(rules.checks),
            "required_approvals": rules.reviews,
            "block_on_official_review_requests": rules.code_owners,
            "protected_file_patterns": "",
            "unprotected_file_patterns": "",
            "created_at": "2026-01-02T00:00:00Z",
            "updated_at": "2026-01-02T00:00:00Z",
            **{name: [] for name in lists},
            **dict.fromkeys(off, False),
            **rules.raw,
        }
