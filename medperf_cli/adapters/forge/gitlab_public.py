"""Comments read without a token: GitLab shows notes by REST to members only, by GraphQL to everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medperf_cli.adapters.forge.gitlab_session import Session
from medperf_cli.errors import BusyError, RejectedError, UnknownIdError

QUERY = (
    "query($path: ID!, $number: String!, $after: String) { project(fullPath: $path) {"
    " mergeRequest(iid: $number) { notes(first: 100, after: $after) {"
    " pageInfo { hasNextPage endCursor } nodes { id body system createdAt author { id username } } } } } }"
)
_MOST_PAGES = 200


def public_notes(session: Session, repository: str, number: int) -> Sequence[Mapping[str, Any]]:
    """The notes of a request in a public project, as rows like those of REST.

    Raises:
        UnknownIdError: there is no such request that everybody may see.

    """
    rows: list[Mapping[str, Any]] = []
    after: str | None = None
    for _ in range(_MOST_PAGES):
        answer = _asked(session, {"path": repository, "number": str(number), "after": after})
        request = (answer["project"] or {}).get("mergeRequest")
        if request is None:
            raise UnknownIdError(f"'{session.host}' shows no merge request {number} to everybody")
        rows += [_row(node) for node in request["notes"]["nodes"]]
        if not request["notes"]["pageInfo"]["hasNextPage"]:
            return sorted(rows, key=lambda row: (row["created_at"], row["id"]))
        after = request["notes"]["pageInfo"]["endCursor"]
    raise BusyError(f"'{session.host}' does not come to the end of its notes")


def _asked(session: Session, variables: Mapping[str, str | None]) -> Mapping[str, Any]:
    body = {"query": QUERY, "variables": dict(variables)}
    answer: Any = session.client.http_post(f"{session.client.url}/api/graphql", post_data=body)
    if answer.get("errors"):
        raise RejectedError(f"'{session.host}' does not answer about its notes without a token")
    found: Mapping[str, Any] = answer["data"]
    return found


def _row(node: Mapping[str, Any]) -> Mapping[str, Any]:
    author = node["author"]
    return {
        "id": _number(node["id"]),
        "body": node["body"],
        "system": node["system"],
        "created_at": node["createdAt"],
        "author": {"id": _number(author["id"]), "username": author["username"]},
    }


def _number(name: str) -> int:
    """The number in a global id such as `gid://gitlab/DiffNote/12`."""
    return int(name.rpartition("/")[2])
