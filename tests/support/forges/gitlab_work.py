"""What a simulated GitLab does when it is asked: one function for each operation of its interface."""

from __future__ import annotations

import re
from typing import Any

from tests.support.forges import git
from tests.support.forges.gitlab_asking import Asking, Refused, does
from tests.support.forges.gitlab_views import LEVELS
from tests.support.forges.repository import Protection, Pull, Repository

_QUICK = re.compile(
    r"^/(?P<what>close|approve|label)(?: (?P<about>[^\n]*))?(?:\s*\n|$)", re.MULTILINE | re.IGNORECASE
)
"""Lines that GitLab carries out instead of keeping them (three of its many; code blocks are left out)."""


@does("GET /user")
def _me(asking: Asking) -> Any:
    return asking.views.user(asking.somebody)


@does("GET /users")
def _users(asking: Asking) -> Any:
    login = asking.query.get("username", "").lower()
    return [asking.views.user(user) for user in asking.forge.users.values() if user.login.lower() == login]


@does("GET /users/{id}")
def _user(asking: Asking) -> Any:
    for user in asking.forge.users.values():
        if str(user.number) == asking.given["id"]:
            return asking.views.user(user)
    raise Refused(404, {"message": "404 User Not Found"})


@does("GET /projects/{id}")
def _project(asking: Asking) -> Any:
    project = asking.project()
    left = int(str(project.marks.get("import_polls", 0)))
    if left:
        project.marks["import_polls"] = left - 1
        project.marks["import_status"] = "started" if left > 1 else project.marks["import_ends"]
    return asking.views.project(project, asking.user)


@does("PUT /projects/{id}")
def _set_project(asking: Asking) -> Any:
    project = asking.project("maintain")
    asking.views.settings(project).update(asking.body)
    return asking.views.project(project, asking.user)


@does("POST /projects/{id}/fork")
def _fork(asking: Asking) -> Any:
    """Copying takes `fork_import_polls` looks and ends as `fork_import_ends`, by the source's marks."""
    source, me = asking.project(), asking.somebody
    if f"{me.login}/{source.name}" in asking.forge.repositories:
        raise Refused(409, {"message": ["Project namespace name has already been taken"]})
    fork = asking.forge.fork(source, me.login)
    ends = {"import_polls": 1, "import_ends": "finished"}
    fork.marks |= {name: source.marks.get(f"fork_{name}", value) for name, value in ends.items()}
    fork.marks["import_status"] = "scheduled"
    return asking.views.project(fork, me)


@does("GET /projects/{id}/forks")
def _forks(asking: Asking) -> Any:
    source = asking.project()
    owned, simple = (
        asking.query.get("owned") in ("True", "true"),
        asking.query.get("simple") in ("True", "true"),
    )
    return [
        asking.views.project(fork, asking.user, detailed=not simple)
        for fork in reversed(asking.forge.repositories.values())
        if fork.parent is source
        and fork.may(asking.user, "read")
        and (not owned or fork.owner == asking.somebody)
    ]


@does("GET /projects/{id}/members/all")
def _members(asking: Asking) -> Any:
    project = asking.project()
    assert asking.somebody
    users = [user for user in asking.forge.users.values() if user.login in project.roles]
    levels = {user.login: LEVELS[project.roles[user.login]] for user in users}
    return [(asking.views.user(user) or {}) | {"access_level": levels[user.login]} for user in users]


@does("GET /projects/{id}/merge_requests")
def _list(asking: Asking) -> Any:
    project, query = asking.project(), asking.query
    shown = [asking.views.request(project, pull, detailed=False) for pull in project.pulls.values()]
    wanted = {name: query[name] for name in ("source_branch", "target_branch") if name in query}
    if query.get("state", "all") != "all":
        wanted["state"] = query["state"]
    found = [row for row in shown if all(row[name] == value for name, value in wanted.items())]
    order = query.get("order_by", "created_at")
    return sorted(
        found, key=lambda row: (row[order], row["iid"]), reverse=query.get("sort", "desc") == "desc"
    )


@does("POST /projects/{id}/merge_requests")
def _open(asking: Asking) -> Any:
    source, body = asking.project("write"), asking.body
    target = asking.project_of(str(body.get("target_project_id") or source.number))
    if target not in (source, source.parent):
        raise Refused(422, {"message": ["Source project is not a fork of the target project"]})
    title = str(body["title"])
    if not title.strip() or len(title) > 255:
        words = "is too long (maximum is 255 characters)" if title.strip() else "can't be blank"
        raise Refused(400, {"message": {"title": [words]}})
    branch = str(body["source_branch"])
    if not source.commit(branch):
        raise Refused(400, {"message": {"source_branch": ["does not exist"]}})
    for pull in target.open_pulls():
        if (pull.source, pull.branch) == (source, branch):
            words = f"Another open merge request already exists for this source branch: !{pull.number}"
            raise Refused(409, {"message": [words]})
    pull = asking.forge.open(
        target,
        asking.somebody.login,
        source,
        branch,
        title=title,
        into=str(body["target_branch"]),
    )
    pull.body = _carried_out(asking, target, pull, str(body.get("description") or ""))
    return asking.views.request(target, pull)


@does("GET /projects/{id}/merge_requests/{iid}")
def _show(asking: Asking) -> Any:
    return asking.views.request(*asking.pull())


@does("PUT /projects/{id}/merge_requests/{iid}")
def _update(asking: Asking) -> Any:
    project, pull = asking.pull()
    me, body = asking.somebody, asking.body
    if pull.author.number != me.number and not project.may(me, "write"):
        raise Refused(403)
    pull.title = str(body.get("title", pull.title))
    if "description" in body:
        pull.body = _carried_out(asking, project, pull, str(body["description"] or ""))
    if body.get("state_event") == "close" and pull.state == "open":
        asking.forge.close(pull, me.login)
    if project.may(me, "triage"):
        kept = [name for name in pull.labels if name not in body.get("remove_labels", [])]
        added = [name for name in body.get("add_labels", []) if name not in kept]
        pull.labels = [*kept, *(asking.forge.label(project, name).name for name in added)]
    pull.updated = asking.forge.clock()
    return asking.views.request(project, pull)


@does("GET /projects/{id}/merge_requests/{iid}/versions")
def _versions(asking: Asking) -> Any:
    return asking.views.versions(asking.pull()[1])


@does("GET /projects/{id}/merge_requests/{iid}/approvals")
def _approvals(asking: Asking) -> Any:
    """Servers older than 18 (the project's mark `old`) do not tell the time of an approval."""
    project, pull = asking.pull()
    return asking.views.approvals(pull, asking.user, timed=not project.marks.get("old"))


@does("GET /projects/{id}/merge_requests/{iid}/notes")
def _notes(asking: Asking) -> Any:
    assert asking.somebody
    which = asking.query.get("activity_filter", "all_notes")
    skipped = {"only_comments": True, "only_activity": False}.get(which)
    found = [note for note in asking.views.notes(asking.pull()[1]) if note["system"] is not skipped]
    down = asking.query.get("sort", "desc") == "desc"
    return sorted(found, key=lambda note: (note["created_at"], note["id"]), reverse=down)


@does("POST /graphql")
def _public_notes(asking: Asking) -> Any:
    """The one query that is known; two notes a page, so that pages are turned."""
    words = asking.body["variables"]
    project = asking.forge.repositories.get(words["path"])
    if project is None or not project.may(asking.user, "read"):
        return {"data": {"project": None}}
    pull = project.pulls.get(int(words["number"]))
    if pull is None:
        return {"data": {"project": {"mergeRequest": None}}}
    begin = int(words.get("after") or 0)
    nodes = [_node(note) for note in asking.views.notes(pull)]
    turning = {"hasNextPage": begin + 2 < len(nodes), "endCursor": str(begin + 2) if nodes else None}
    notes = {"pageInfo": turning, "nodes": nodes[begin : begin + 2]}
    return {"data": {"project": {"mergeRequest": {"notes": notes}}}}


def _node(note: Any) -> Any:
    author = {"id": f"gid://gitlab/User/{note['author']['id']}", "username": note["author"]["username"]}
    kept = {name: note[name] for name in ("body", "system")}
    return {"id": f"gid://gitlab/Note/{note['id']}", "createdAt": note["created_at"], "author": author} | kept


@does("POST /projects/{id}/merge_requests/{iid}/notes")
def _write(asking: Asking) -> Any:
    project, pull = asking.pull()
    me = asking.somebody
    if pull.locked and not project.may(me, "write"):
        raise Refused(403)
    kept = _carried_out(asking, project, pull, str(asking.body["body"]))
    if not kept.strip():
        raise Refused(400, {"message": {"note": ["can't be blank"]}})
    return asking.views.note(pull, asking.forge.comment(pull, me.login, kept))


@does("PUT /projects/{id}/merge_requests/{iid}/notes/{note}")
def _rewrite(asking: Asking) -> Any:
    project, pull = asking.pull()
    note = asking.note(pull)
    note.body = _carried_out(asking, project, pull, str(asking.body["body"]))
    note.edited = pull.updated = asking.forge.clock()
    return asking.views.note(pull, note)


@does("DELETE /projects/{id}/merge_requests/{iid}/notes/{note}")
def _erase(asking: Asking) -> Any:
    _, pull = asking.pull()
    pull.comments.remove(asking.note(pull))


@does("GET /projects/{id}/repository/commits/{sha}/merge_requests")
def _of_commit(asking: Asking) -> Any:
    project, sha = asking.project(), asking.given["sha"]
    if git.git(project.path, "cat-file", "-t", sha, fails=True) != "commit":
        raise Refused(404, {"message": "404 Commit Not Found"})
    return [
        asking.views.request(project, pull, detailed=False)
        for pull in reversed(project.pulls.values())
        if sha in (pull.merged_as, *git.parents(project.path, pull.base, pull.head))
    ]


@does("GET /projects/{id}/protected_branches")
def _protected(asking: Asking) -> Any:
    project = asking.project("maintain")
    return [asking.views.protection(project, rules) for rules in project.protection.values()]


@does("POST /projects/{id}/protected_branches")
def _protect(asking: Asking) -> Any:
    """Naming accounts and code owners needs a licence, which a project with the mark `free` lacks."""
    project, body = asking.project("maintain"), asking.body
    name = str(body["name"])
    if name in project.protection:
        raise Refused(409, {"message": f"Protected branch '{name}' already exists"})
    named = [] if project.marks.get("free") else [row["user_id"] for row in body.get("allowed_to_push", [])]
    level = body.get("push_access_level", None if named else 40)
    users = asking.forge.users.values()
    may = {u.login for u in users if u.number in named or (level and project.may(u, _RIGHTS[level]))}
    project.protection[name] = Protection(
        name,
        pull_only=True,
        no_force=not body.get("allow_force_push"),
        pushers=may,
        code_owners=bool(body.get("code_owner_approval_required")) and not project.marks.get("free"),
        raw={"role": level} if level else {},
    )
    return asking.views.protection(project, project.protection[name])


_RIGHTS = {30: "write", 40: "maintain"}


@does("DELETE /projects/{id}/protected_branches/{name}")
def _unprotect(asking: Asking) -> Any:
    if asking.project("maintain").protection.pop(asking.given["name"], None) is None:
        raise Refused(404)


@does("POST /projects/{id}/approvals")
def _approval_settings(asking: Asking) -> Any:
    project = asking.project("maintain")
    if project.marks.get("free"):
        raise Refused(404, {"error": "404 Not Found"})
    project.marks["approvals"] = dict(asking.body)
    return dict(asking.body)


def _carried_out(asking: Asking, project: Repository, pull: Pull, text: str) -> str:
    """The text without its quick actions, which are done in the name of who sends it."""

    def act(match: re.Match[str]) -> str:
        what, me = match["what"].lower(), asking.somebody
        if what == "close":
            asking.forge.close(pull, me.login)
        elif what == "approve":
            asking.forge.review(pull, me.login)
        elif project.may(me, "triage"):
            pull.labels.append((match["about"] or "").lstrip("~"))
        return ""

    return _QUICK.sub(act, text.replace("\r", "")).rstrip()
