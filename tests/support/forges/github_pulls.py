"""Requests, comments, labels and reviews of a simulated GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request

from tests.support.forges import git, merging
from tests.support.forges.github_gate import RefusedError, invalid
from tests.support.forges.people import Token
from tests.support.forges.repository import Comment, Pull, Repository

if TYPE_CHECKING:
    from tests.support.forges.github import GitHubSite

_LONGEST = 65536


def register(site: GitHubSite) -> None:
    """Add the operations."""
    pulls = "pull_requests=write"
    site.on("pulls", "list", _list)
    site.on("pulls", "get", _get)
    site.on("pulls", "create", _create, pulls, 201)
    site.on("pulls", "update", _update, pulls)
    site.on("pulls", "merge", _merge, "contents=write")
    site.on("pulls", "list_reviews", _reviews)
    site.on("repos", "list_pull_requests_associated_with_commit", _of_commit)
    site.on("issues", "list_comments", _comments)
    site.on("issues", "create_comment", _comment, pulls, 201)
    site.on("issues", "update_comment", _edit_comment, pulls)
    site.on("issues", "delete_comment", _delete_comment, pulls, 204)
    site.on("issues", "add_labels", _add_labels, pulls)
    site.on("issues", "remove_label", _remove_label, pulls)


def _pull(repository: Repository, number: str) -> Pull:
    if int(number) not in repository.pulls:
        raise RefusedError(404, "Not Found")
    return repository.pulls[int(number)]


def _list(site: GitHubSite, _: Token | None, repository: Repository) -> Response:
    asked = request.args
    state = asked.get("state", "open")
    found = [
        p for p in repository.pulls.values() if state == "all" or (p.state == "open") == (state == "open")
    ]
    if "base" in asked:
        found = [pull for pull in found if pull.into == asked["base"]]
    if "head" in asked:
        found = [pull for pull in found if _head_label(pull) == asked["head"]]
    by_update = asked.get("sort", "created") == "updated"
    newest_first = asked.get("direction", "desc") == "desc"
    found.sort(key=lambda pull: pull.updated if by_update else pull.opened, reverse=newest_first)
    return site.page([site.shapes.pull(repository, pull) for pull in found])


def _head_label(pull: Pull) -> str:
    return f"{(pull.source.owner if pull.source else pull.author).login}:{pull.branch}"


def _get(site: GitHubSite, _: Token | None, repository: Repository, pull_number: str) -> Any:
    return site.shapes.pull(repository, _pull(repository, pull_number), full=True)


def _create(site: GitHubSite, token: Token, repository: Repository) -> Any:
    asked = site.body()
    owner, _, branch = asked["head"].rpartition(":")
    source = next(
        (
            r
            for r in site.forge.repositories.values()
            if r.owner.login == (owner or repository.owner.login) and repository in (r, r.parent)
        ),
        None,
    )
    if not repository.commit(asked["base"]):
        raise invalid("PullRequest", "base", "invalid")
    head = source.commit(branch) if source else ""
    if source is None or not head:
        raise invalid("PullRequest", "head", "invalid")
    if len(asked.get("body") or "") > _LONGEST:
        raise invalid("PullRequest", "body", "custom", f"body is too long (maximum is {_LONGEST} characters)")
    for pull in repository.open_pulls():
        if pull.source is source and pull.branch == branch and pull.into == asked["base"]:
            label = _head_label(pull)
            raise _custom(f"A pull request already exists for {label}.")
    main = git.parents(repository.path, "", repository.commit(asked["base"]))
    if head in main:
        raise _custom(f"No commits between {asked['base']} and {asked['head']}")
    made = site.forge.open(
        repository,
        token.user.login,
        source,
        branch,
        title=asked["title"],
        body=asked.get("body") or "",
        into=asked["base"],
    )
    return site.shapes.pull(repository, made, full=True)


def _custom(message: str) -> RefusedError:
    return RefusedError(
        422, "Validation Failed", {"resource": "PullRequest", "code": "custom", "message": message}
    )


def _update(site: GitHubSite, token: Token, repository: Repository, pull_number: str) -> Any:
    pull, asked = _pull(repository, pull_number), site.body()
    if pull.author != token.user and not repository.may(token.user, "triage"):
        raise RefusedError(403, "Must have admin rights to Repository.")
    pull.title, pull.body = asked.get("title", pull.title), asked.get("body", pull.body)
    pull.updated = site.forge.clock()
    if asked.get("state") == "closed":
        site.forge.close(pull, token.user.login)
    return site.shapes.pull(repository, pull, full=True)


def _merge(site: GitHubSite, token: Token, repository: Repository, pull_number: str) -> Any:
    pull, asked = _pull(repository, pull_number), site.body()
    if not repository.may(token.user, "write"):
        raise RefusedError(403, "Resource not accessible")
    if asked.get("sha", pull.head) != pull.head:
        raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
    method = asked.get("merge_method", "merge")
    rules = repository.protection.get(pull.into)
    past = rules is not None and token.user.login in rules.pushers
    if (
        pull.state != "open"
        or method not in repository.methods
        or (not past and merging.unmet(repository, pull))
    ):
        raise RefusedError(405, merging.unmet(repository, pull) or "Pull Request is not mergeable")
    try:
        commit = site.forge.press_merge(
            repository, pull, token.user.login, method, asked.get("commit_title", "")
        )
    except merging.NotMergeableError:
        raise RefusedError(405, "Pull Request is not mergeable") from None
    return {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}


def _reviews(site: GitHubSite, _: Token | None, repository: Repository, pull_number: str) -> Response:
    pull = _pull(repository, pull_number)
    return site.page([site.shapes.review(repository, pull, review) for review in pull.reviews])


def _of_commit(site: GitHubSite, _: Token | None, repository: Repository, commit_sha: str) -> Response:
    if git.git(repository.path, "cat-file", "-t", commit_sha, fails=True) != "commit":
        raise RefusedError(422, f"No commit found for SHA: {commit_sha}")
    found = []
    for pull in repository.pulls.values():
        base = pull.base if pull.state == "merged" else repository.commit(pull.into)
        brought = {*git.parents(repository.path, base, pull.head), pull.merged_as}
        found += (
            [site.shapes.pull(repository, pull)] if commit_sha in brought and pull.state != "closed" else []
        )
    return site.page(found)


def _comments(site: GitHubSite, _: Token | None, repository: Repository, issue_number: str) -> Response:
    pull = _pull(repository, issue_number)
    return site.page([site.shapes.comment(repository, pull, comment) for comment in pull.comments])


def _comment(site: GitHubSite, token: Token, repository: Repository, issue_number: str) -> Any:
    pull, body = _pull(repository, issue_number), site.body()["body"]
    if pull.locked and not repository.may(token.user, "write"):
        raise RefusedError(403, "Unable to create comment because issue is locked.")
    _checked(body)
    return site.shapes.comment(repository, pull, site.forge.comment(pull, token.user.login, body))


def _checked(body: str) -> None:
    if not body.strip() or len(body) > _LONGEST:
        words = "can't be blank" if not body.strip() else f"is too long (maximum is {_LONGEST} characters)"
        raise invalid("IssueComment", "body", "custom", f"Body {words}")


def _mine(repository: Repository, token: Token, comment_id: str) -> tuple[Pull, Comment]:
    for pull in repository.pulls.values():
        for comment in pull.comments:
            if comment.number == int(comment_id):
                if comment.author != token.user and not repository.may(token.user, "write"):
                    raise RefusedError(403, "Must have admin rights to Repository.")
                return pull, comment
    raise RefusedError(404, "Not Found")


def _edit_comment(site: GitHubSite, token: Token, repository: Repository, comment_id: str) -> Any:
    pull, comment = _mine(repository, token, comment_id)
    _checked(site.body()["body"])
    comment.body, comment.edited = site.body()["body"], site.forge.clock()
    return site.shapes.comment(repository, pull, comment)


def _delete_comment(_: GitHubSite, token: Token, repository: Repository, comment_id: str) -> None:
    pull, comment = _mine(repository, token, comment_id)
    pull.comments.remove(comment)


def _add_labels(site: GitHubSite, token: Token, repository: Repository, issue_number: str) -> Any:
    pull, asked = _pull(repository, issue_number), site.body()
    if not repository.may(token.user, "triage"):
        raise RefusedError(403, "Must have admin rights to Repository.")
    for name in asked["labels"] if isinstance(asked, dict) else asked:
        site.forge.label(repository, name)
        pull.labels += [] if name in pull.labels else [name]
    pull.updated = site.forge.clock()
    return [site.shapes.label(repository, repository.labels[label]) for label in pull.labels]


def _remove_label(
    site: GitHubSite, token: Token, repository: Repository, issue_number: str, name: str
) -> Any:
    pull = _pull(repository, issue_number)
    if not repository.may(token.user, "triage"):
        raise RefusedError(403, "Must have admin rights to Repository.")
    if name not in pull.labels:
        raise RefusedError(404, "Label does not exist")
    pull.labels.remove(name)
    pull.updated = site.forge.clock()
    return [site.shapes.label(repository, repository.labels[label]) for label in pull.labels]
