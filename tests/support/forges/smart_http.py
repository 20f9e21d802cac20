"""A bridge from WSGI to `git http-backend`: fetch and push over real smart HTTP, by users with tokens."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from typing import Any

from werkzeug.wsgi import get_input_stream

from tests.support.forges.forge import SimulatedForge
from tests.support.forges.people import BadCredentialsError, User, secret_in
from tests.support.forges.repository import Repository

GIT_PATH = re.compile(r"/(?P<name>.+?)(?:\.git)?/(?P<what>info/refs|git-upload-pack|git-receive-pack)\Z")
_ASK = [("WWW-Authenticate", 'Basic realm="forge"'), ("Content-Type", "text/plain")]


class SmartHttp:
    """A WSGI application for the paths that git asks for."""

    def __init__(self, forge: SimulatedForge) -> None:
        self.forge = forge

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def refuse(status: str, words: str, headers: list[tuple[str, str]] | None = None) -> Iterable[bytes]:
            get_input_stream(environ).read()
            start_response(status, headers or [("Content-Type", "text/plain")])
            return [words.encode()]

        match = GIT_PATH.match(environ["PATH_INFO"])
        assert match
        pushes = "git-receive-pack" in environ["PATH_INFO"] + environ.get("QUERY_STRING", "")
        try:
            token = self.forge.authenticated(secret_in(environ.get("HTTP_AUTHORIZATION")))
        except BadCredentialsError:
            return refuse("401 Unauthorized", "Invalid username or token.", _ASK)
        user = token.user if token else None
        repository = self.forge.repositories.get(match["name"])
        if user is None and (pushes or repository is None or repository.private):
            return refuse("401 Unauthorized", "Authentication required.", _ASK)
        if repository is None or not repository.may(user, "read"):
            return refuse("404 Not Found", "Repository not found.")
        if pushes and repository.archived:
            return refuse("403 Forbidden", "This repository was archived so it is read-only.")
        if pushes and not repository.may(user, "write"):
            return refuse(
                "403 Forbidden", f"Permission to {match['name']}.git denied to {user and user.login}."
            )
        return self._served(repository, match["what"], user, environ, start_response)

    def _served(
        self,
        repository: Repository,
        what: str,
        user: User | None,
        environ: dict[str, Any],
        start_response: Any,
    ) -> Iterable[bytes]:
        moves = what == "git-receive-pack"
        before = repository.branches() if moves else {}
        head, _, body = self._backend(repository, what, user, environ).partition(b"\r\n\r\n")
        if moves and user:
            self.forge.pushed(repository, before, user)
        headers = [
            (name, value) for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))
        ]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        start_response(status, [(name, value) for name, value in headers if name != "Status"])
        return [body]

    def _backend(
        self, repository: Repository, what: str, user: User | None, environ: dict[str, Any]
    ) -> bytes:
        sent = get_input_stream(environ).read()
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(repository.path),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{what}",
            "REQUEST_METHOD": environ["REQUEST_METHOD"],
            "QUERY_STRING": environ.get("QUERY_STRING", ""),
            "CONTENT_TYPE": environ.get("CONTENT_TYPE", ""),
            "CONTENT_LENGTH": str(len(sent)),
            "HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", ""),
            "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
            **({"REMOTE_USER": user.login, **_rules(self.forge, repository, user)} if user else {}),
        }
        argv = ["git", "http-backend"]
        return subprocess.run(argv, input=sent, env=environment, stdout=subprocess.PIPE, check=True).stdout


def _rules(forge: SimulatedForge, repository: Repository, user: User) -> dict[str, str]:
    """The rules of the protected branch for one pusher, as the hook reads them."""
    rules = next(iter(repository.protection.values()), None)
    if rules is None:
        return {"FORGE_PROTECTED": ""}
    told = {
        "FORGE_NO_FORCE": rules.no_force,
        "FORGE_NO_DELETION": rules.no_deletion,
        "FORGE_LINEAR": rules.linear,
        "FORGE_PULL_ONLY": rules.pull_only and user.login not in rules.pushers,
    }
    words = forge.traits.refusal.format(ref=f"refs/heads/{rules.branch}")
    return {
        "FORGE_PROTECTED": rules.branch,
        "FORGE_WORDS": words,
        **{name: "yes" if value else "" for name, value in told.items()},
    }
