"""A simulated Forgejo: its web interface over the core; what it takes and answers is checked by schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyforgejo.types as models
from flask import request

from medperf_cli.adapters.forge.api import Vendor
from tests.support.forges import git
from tests.support.forges.forge import Traits
from tests.support.forges.forgejo_calls import Call, RefusedError, blueprint, route
from tests.support.forges.repository import Comment, Protection, Pull, Repository
from tests.support.forges.vendors import Simulated

MANUAL = "allow_manual_merge"
"""The mark of a repository that requests may be marked as merged by hand; a founded registry allows it."""
_REPO = "/repos/<owner>/<name>"
_PULL = f"{_REPO}/pulls/<int:number>"
_ISSUE = f"{_REPO}/issues/<int:number>"


@route("GET", "/user", "user.get_current", models.User)
def who_am_i(call: Call) -> Any:
    return call.shapes.user(call.asker)


@route("GET", _REPO, "repository.repo_get", models.Repository)
def get_repository(call: Call) -> Any:
    return call.shapes.repository(call.at)


@route("PATCH", _REPO, "repository.repo_edit", models.Repository)
def edit_repository(call: Call) -> Any:
    call.must("admin", "user should be an owner or a collaborator with admin write of a repository")
    if call.body.get("has_pull_requests"):  # services read the settings of requests only beside it
        call.at.marks |= {
            key: call.body[key] for key in (MANUAL, "autodetect_manual_merge") if key in call.body
        }
    return call.shapes.repository(call.at)


@route("GET", f"{_REPO}/forks", "repository.list_forks", list[models.Repository])
def list_forks(call: Call) -> Any:
    return [call.shapes.repository(r) for r in call.forge.repositories.values() if r.parent is call.at]


@route("POST", f"{_REPO}/forks", "repository.create_fork", models.Repository, 202)
def make_fork(call: Call) -> Any:
    name, login = call.body.get("name", call.at.name), call.asker.login
    mine = [r for r in call.forge.repositories.values() if r.owner == call.asker]
    if any(r.parent is call.at for r in mine):
        raise RefusedError(409, f"repository is already forked by user [uname: {login}]")
    if any(r.name == name for r in mine):
        raise RefusedError(409, "The repository with the same name already exists.")
    return call.shapes.repository(call.forge.fork(call.at, login, name))


@route("GET", f"{_REPO}/pulls", "repository.repo_list_pull_requests", list[models.PullRequest])
def list_pulls(call: Call) -> Any:
    state, poster = request.args.get("state", "open"), request.args.get("poster")
    if poster and poster not in call.forge.users:
        raise RefusedError(400, f"user does not exist [name: {poster}]")
    found = [
        pull
        for pull in call.at.pulls.values()
        if state in ("all", "open" if pull.state == "open" else "closed")
        and poster in (None, pull.author.login)
    ]
    keys: dict[str, Callable[[Pull], Any]] = {
        "oldest": lambda pull: pull.number,
        "recentupdate": lambda pull: -pull.updated.timestamp(),
        "": lambda pull: -pull.number,
    }
    return [call.shapes.pull(call.at, p) for p in sorted(found, key=keys[request.args.get("sort", "")])]


@route("POST", f"{_REPO}/pulls", "repository.repo_create_pull_request", models.PullRequest, 201)
def make_pull(call: Call) -> Any:
    author, at = call.asker, call.at
    if call.body["head"] == call.body["base"]:
        raise RefusedError(422, "Invalid PullRequest: There are no changes between the head and the base")
    login, _, branch = call.body["head"].rpartition(":")
    source = _head_repository(call, login or at.owner.login)
    if not source.commit(branch):
        why = f"could not find '{branch}' to be a commit, branch or tag in the head repository"
        raise RefusedError(404, errors=[f"{why} {source.full_name}"])
    if any(p.source is source and p.branch == branch for p in at.open_pulls()):
        raise RefusedError(409, "pull request already exists for these targets [id: 1, issue_id: 1]")
    texts = {"title": call.body["title"], "body": call.body.get("body", "")}
    return call.shapes.pull(
        at, call.forge.open(at, author.login, source, branch, into=call.body["base"], **texts)
    )


def _head_repository(call: Call, login: str) -> Repository:
    if login == call.at.owner.login:
        return call.at
    forks = (r for r in call.forge.repositories.values() if r.parent is call.at and r.owner.login == login)
    found = next(forks, None)
    if found is None:
        raise RefusedError(404, errors=[f"{login} does not have a fork of {call.at.full_name}"])
    return found


@route("GET", _PULL, "repository.repo_get_pull_request", models.PullRequest)
def get_pull(call: Call, number: int) -> Any:
    return call.shapes.pull(call.at, call.pull(number))


@route(
    "GET",
    f"{_REPO}/pulls/<base>/<path:head>",
    "repository.repo_get_pull_request_by_base_head",
    models.PullRequest,
)
def find_pull(call: Call, base: str, head: str) -> Any:
    """Any of that branch, in any state; `head` is `branch`, `owner:branch` or `owner/name:branch`."""
    where, _, branch = head.rpartition(":")
    name = where if "/" in where else f"{where}/{call.at.name}" if where else call.at.full_name
    source = call.forge.repositories.get(name)
    for pull in call.at.pulls.values():
        if source and (pull.source, pull.branch, pull.into) == (source, branch, base):
            return call.shapes.pull(call.at, pull)
    raise RefusedError(404)


@route(
    "PATCH",
    _PULL,
    "repository.repo_edit_pull_request",
    models.PullRequest,
    status=201,
)
def edit_pull(call: Call, number: int) -> Any:
    pull = call.pull(number)
    call.written(pull)
    pull.title, pull.body = call.body.get("title", pull.title), call.body.get("body", pull.body)
    pull.updated = call.forge.clock()
    if "state" in call.body:
        if pull.state == "merged":
            raise RefusedError(412, "cannot change state of this pull request, it was already merged")
        assert call.body["state"] == "closed", "nothing of ours opens a request again"
        call.forge.close(pull, call.asker.login)
    return call.shapes.pull(call.at, pull)


@route("POST", f"{_PULL}/merge", "repository.repo_merge_pull_request")
def merge_pull(call: Call, number: int) -> Any:
    """Only the mark that it was merged by hand: nothing of ours presses the button."""
    pull, commit = call.pull(number), call.body.get("MergeCommitID", "")
    assert call.body["Do"] == "manually-merged"
    if pull.state == "closed":
        raise RefusedError(404)
    if not call.at.may(call.asker, "write"):
        raise RefusedError(405, "User not allowed to merge PR")
    if pull.state == "merged":
        raise RefusedError(405)
    if not call.at.marks.get(MANUAL, True):
        raise RefusedError(405, "manually-merged is not an allowed merge style for this repository")
    in_main = git.git(call.at.path, "rev-list", pull.into).split()
    if commit not in in_main:
        raise RefusedError(409, None)
    call.forge.mark_merged(pull, commit, call.asker.login)


@route("GET", f"{_PULL}/reviews", "repository.repo_list_pull_reviews", list[models.PullReview])
def list_reviews(call: Call, number: int) -> Any:
    return call.shapes.reviews(call.at, call.pull(number))


@route("GET", f"{_ISSUE}/comments", "issue.get_comments", list[models.Comment])
def list_comments(call: Call, number: int) -> Any:
    pull = call.pull(number)
    return [call.shapes.comment(call.at, pull, comment) for comment in pull.comments if not comment.system]


@route("POST", f"{_ISSUE}/comments", "issue.create_comment", models.Comment, 201)
def make_comment(call: Call, number: int) -> Any:
    pull, author = call.pull(number), call.asker
    if pull.locked and not call.at.may(author, "write"):
        raise RefusedError(403, "You cannot comment on a locked conversation")
    return call.shapes.comment(call.at, pull, call.forge.comment(pull, author.login, call.body["body"]))


@route("PATCH", f"{_REPO}/issues/comments/<int:number>", "issue.edit_comment", models.Comment)
def edit_comment(call: Call, number: int) -> Any:
    pull, comment = _own_comment(call, number)
    comment.body, comment.edited = call.body["body"], call.forge.clock()
    return call.shapes.comment(call.at, pull, comment)


@route("DELETE", f"{_REPO}/issues/comments/<int:number>", "issue.delete_comment", status=204)
def delete_comment(call: Call, number: int) -> Any:
    pull, comment = _own_comment(call, number)
    pull.comments.remove(comment)


def _own_comment(call: Call, number: int) -> tuple[Pull, Comment]:
    there = ((pull, comment) for pull in call.at.pulls.values() for comment in pull.comments)
    pull, comment = next((pair for pair in there if pair[1].number == number), (None, None))
    if pull is None or comment is None:
        raise RefusedError(404, None)
    if comment.author != call.asker and not call.at.may(call.user, "write"):
        raise RefusedError(403, None)
    return pull, comment


@route("GET", f"{_REPO}/labels", "issue.list_labels", list[models.Label])
def list_labels(call: Call) -> Any:
    return [call.shapes.label(call.at, label) for label in call.at.labels.values()]


@route("POST", f"{_REPO}/labels", "issue.create_label", models.Label, 201)
def make_label(call: Call) -> Any:
    call.must("write")
    color, description = call.body["color"].removeprefix("#"), call.body.get("description")
    return call.shapes.label(call.at, call.forge.label(call.at, call.body["name"], color, description))


@route("GET", f"{_ISSUE}/labels", "issue.get_labels", list[models.Label])
def list_issue_labels(call: Call, number: int) -> Any:
    return [call.shapes.label(call.at, call.at.labels[name]) for name in call.pull(number).labels]


@route("POST", f"{_ISSUE}/labels", "issue.add_label", list[models.Label])
def add_labels(call: Call, number: int) -> Any:
    pull = call.pull(number)
    call.must("write", "write permission is required")
    by_number = {label.number: label.name for label in call.at.labels.values()}
    new = [by_number[number] for number in call.body["labels"] if number in by_number]
    pull.labels += [name for name in new if name not in pull.labels]
    return list_issue_labels(call, number)


@route("DELETE", f"{_ISSUE}/labels/<label>", "issue.remove_label", status=204)
def remove_label(call: Call, number: int, label: str) -> Any:
    pull = call.pull(number)
    call.must("write", "write permission is required")
    found = next((one for one in call.at.labels.values() if label in (str(one.number), one.name)), None)
    if found is None:
        raise RefusedError(422, "label does not exist")
    pull.labels = [name for name in pull.labels if name != found.name]


@route("GET", f"{_REPO}/commits/<sha>/pull", "repository.repo_get_commit_pull_request", models.PullRequest)
def pull_of_commit(call: Call, sha: str) -> Any:
    found = next((pull for pull in call.at.pulls.values() if pull.merged_as == sha), None)
    if found is None:
        raise RefusedError(404)
    return call.shapes.pull(call.at, found)


@route("GET", f"{_REPO}/git/refs/<path:ref>", "repository.repo_list_git_refs", models.Reference)
def get_ref(call: Call, ref: str) -> Any:
    """One ref, named in full: the swagger knows the list only, which Forgejo gives for part of a name."""
    name = f"refs/{ref}"
    commit = git.git(call.at.path, "rev-parse", "-q", "--verify", name, fails=True)
    if not commit:
        raise RefusedError(404)
    url = f"{call.forge.url}/api/v1/repos/{call.at.full_name}/git/{name}"
    return {"ref": name, "url": url, "object": {"type": "commit", "sha": commit, "url": url}}


@route("GET", f"{_REPO}/branches/<path:branch>", "repository.repo_get_branch", models.Branch)
def get_branch(call: Call, branch: str) -> Any:
    commit = call.at.commit(branch)
    if not commit:
        raise RefusedError(404)
    return call.shapes.branch(call.at, branch, commit)


_ADMINS = "user should be an owner or a collaborator with admin write of a repository"


@route(
    "GET",
    f"{_REPO}/branch_protections",
    "repository.repo_list_branch_protection",
    list[models.BranchProtection],
)
def list_rules(call: Call) -> Any:
    call.must("admin", _ADMINS)
    return [call.shapes.rule(rules) for rules in call.at.protection.values()]


@route(
    "POST",
    f"{_REPO}/branch_protections",
    "repository.repo_create_branch_protection",
    models.BranchProtection,
    201,
)
def make_rule(call: Call) -> Any:
    call.must("admin", _ADMINS)
    name = call.body.get("rule_name") or call.body.get("branch_name", "")
    if name in call.at.protection:
        raise RefusedError(403, "Branch protection already exist")
    return _ruled(call, name)


@route(
    "PATCH",
    f"{_REPO}/branch_protections/<rule>",
    "repository.repo_edit_branch_protection",
    models.BranchProtection,
)
def edit_rule(call: Call, rule: str) -> Any:
    call.must("admin", _ADMINS)
    if rule not in call.at.protection:
        raise RefusedError(404)
    return _ruled(call, rule)


def _ruled(call: Call, name: str) -> Any:
    for login in call.body.get("push_whitelist_usernames", []):
        if login not in call.forge.users:
            raise RefusedError(422, f"user does not exist [uid: 0, name: {login}]")
    rules = call.at.protection.setdefault(name, Protection(name))
    rules.raw |= call.body
    if (
        "push_whitelist_usernames" in call.body
    ):  # who may not write is left out (models/git/protected_branch.go)
        writers = [
            u for u in call.body["push_whitelist_usernames"] if call.at.may(call.forge.user(u), "write")
        ]
        rules.raw["push_whitelist_usernames"] = writers
    told = call.shapes.rule(rules)
    rules.pull_only = told["enable_push_whitelist"] or not told["enable_push"]
    rules.pushers = set(told["push_whitelist_usernames"]) if told["enable_push_whitelist"] else set()
    rules.checks = told["status_check_contexts"] if told["enable_status_check"] else []
    rules.code_owners = told["block_on_official_review_requests"]
    return call.shapes.rule(rules)


SIMULATED = Simulated(
    Vendor.FORGEJO,
    Traits(refusal="Forgejo: Not allowed to push to protected branch.", notices_pushed=False),
    blueprint,
)
