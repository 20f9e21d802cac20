"""A repository on Forgejo or Gitea (`/api/v1`); what a version lacks is seen in its answers, never guessed.

Source: the published swagger of Forgejo, and `routers/api/v1` of both where it leaves questions open.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from itertools import islice
from urllib.parse import urlsplit

from typing_extensions import override

from medperf_cli.adapters.forge import forgejo_answers as read
from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.api import Account, Comment, ForgeApi, Fork, PageApproval, Protection, Pull
from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.forge.forgejo_answers import Record
from medperf_cli.adapters.forge.forgejo_web import PAGE, Web, part
from medperf_cli.errors import ConfigurationError, RejectedError, TokenError, UnknownIdError

MAIN = "main"
OURS = "medperf:"
_COLOUR = "#5a7d9a"
_ABSENT = (HTTPStatus.NOT_FOUND,)
_UNMARKED = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
"""Forgejo's words for: it is closed; this mark is not allowed here, or it was merged already."""


def connect(address: ForgeAddress, token: str | None) -> ForgeApi:
    """Speak to a repository as the owner of a token, or as nobody; nothing is asked yet.

    A site may be below a path (`https://host/git/owner/name` with the base `https://host/git`).

    Raises:
        TokenError: what is given as a token is none, or it could be read on the way.
        ConfigurationError: the address is not one of a repository.

    """
    name = address.repository.removeprefix(f"{urlsplit(address.api).path.strip('/')}/")
    if name.count("/") != 1:
        raise ConfigurationError(
            f"'{name}' is no repository of Forgejo: it is called owner/name",
            hint="where the site is below a path: `medperf profile set forge_api https://host/path`",
        )
    return Forgejo(dataclasses.replace(address, repository=name), Web(address, token))


class Forgejo(ForgeApi):
    """One repository on a Forgejo or Gitea site."""

    def __init__(self, address: ForgeAddress, web: Web) -> None:
        self._address = address
        self._web = web
        self._at = f"repos/{address.repository}"
        self._me: Account | None = None
        self._labels: dict[str, int] | None = None

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
        return "refs/pull/{}/head"

    @override
    def whoami(self) -> Account:
        if self._me is None:
            self._me = read.account(self._web.record("GET", "user", what="account of the token"))
        return self._me

    @override
    def destination(self) -> Fork:
        rights = self._repository(self.repository).part("permissions")
        if rights is not None and rights.truth("push"):
            return self._fork(self.repository)
        return self._found_fork() or self._made_fork()

    def _repository(self, name: str) -> Record:
        return self._web.record("GET", f"repos/{name}", what=f"repository '{name}'")

    def _fork(self, name: str) -> Fork:
        """Its address is made here: the site's own idea of it may be wrong, and a token is sent there."""
        return Fork(name, f"{self._address.api}/{name}.git")

    def _found_fork(self) -> Fork | None:
        """One's fork, where it has the usual name."""
        name = f"{self.whoami().login}/{self.repository.partition('/')[2]}"
        try:
            there = self._repository(name)
        except UnknownIdError:
            return None
        return self._fork(there.full_name("full_name")) if self._is_ours(there) else None

    def _is_ours(self, fork: Record) -> bool:
        parent = fork.part("parent")
        return parent is not None and parent.full_name("full_name").lower() == self.repository.lower()

    def _made_fork(self) -> Fork:
        """A new fork; 409 says that there is one by another name, or that the name is taken."""
        what, owner = f"a fork of '{self.repository}'", self.whoami().login.lower()
        made = self._web.ask("POST", f"{self._at}/forks", what=what, body={}, expected=(HTTPStatus.CONFLICT,))
        if made.status != HTTPStatus.CONFLICT:
            return self._fork(Record(made.data, self.host).full_name("full_name"))
        names = (fork.full_name("full_name") for fork in self._web.pages(f"{self._at}/forks", what="forks"))
        found = next((name for name in names if name.partition("/")[0].lower() == owner), None)
        if found is None:
            body = {"name": self.repository.replace("/", "-")}
            found = self._web.record("POST", f"{self._at}/forks", what=what, body=body).full_name("full_name")
        return self._fork(found)

    @override
    def pulls(self) -> Sequence[Pull]:
        by_number = {pull.number: pull for pull in self._listed(state="open", sort="oldest")}
        return [by_number[number] for number in sorted(by_number)]

    @override
    def ended(self, most: int) -> Sequence[Pull]:
        return list(islice(self._listed(state="closed", sort="recentupdate"), most))

    def _listed(self, **query: str) -> Iterable[Pull]:
        pulls = map(read.pull, self._web.pages(f"{self._at}/pulls", what="requests", query=query))
        return (pull for pull in pulls if pull.into == MAIN)

    @override
    def pull(self, number: int) -> Pull:
        return read.pull(self._web.record("GET", f"{self._at}/pulls/{number}", what=f"request '{number}'"))

    @override
    def pulls_from(self, source: str, branch: str) -> Sequence[Pull]:
        """See `ForgeApi`. Forgejo finds any one by its branch; others are its author's, or one's own."""
        owner, _, name = source.partition("/")
        same_name = name == self.repository.partition("/")[2]
        head = branch if source == self.repository else f"{owner if same_name else source}:{branch}"
        what = f"request from '{source}'"
        path = f"{self._at}/pulls/{MAIN}/{part(head, slashes=True)}"
        answer = self._web.ask("GET", path, what=what, expected=_ABSENT)
        if answer.status in _ABSENT:
            return []
        one = read.pull(Record(answer.data, self.host))
        authors = [one.author, *([] if self._web.anonymous else [self.whoami()])]
        posters = {author.login for author in authors if author != read.GHOST}
        listed = (pull for poster in sorted(posters) for pull in self._listed(state="all", poster=poster))
        found = {p.number: p for p in (one, *listed) if (p.source, p.branch) == (source, branch)}
        return [found[number] for number in sorted(found, reverse=True)]

    @override
    def pulls_of(self, commit: str) -> Sequence[Pull]:
        """See `ForgeApi`; what is no merge commit is looked for among the heads of the latest merges."""
        path = f"{self._at}/commits/{part(commit)}/pull"
        answer = self._web.ask("GET", path, what=f"commit '{commit}'", expected=_ABSENT)
        if answer.status in _ABSENT:  # Forgejo knows its merge commits only
            return [pull for pull in self.ended(PAGE) if pull.merged_as and pull.head == commit]
        found = read.pull(Record(answer.data, self.host))
        return [dataclasses.replace(found, head=self._kept_head(found.number) or found.head)]

    def _kept_head(self, number: int) -> str:
        """What the repository keeps as a request's head; its branch may have moved since it ended."""
        ref = self.heads.format(number)
        path, what = f"{self._at}/git/{ref}", f"head of request '{number}'"
        answer = self._web.ask("GET", path, what=what, expected=_ABSENT)
        if answer.status in _ABSENT:
            return ""
        listed = answer.data if isinstance(answer.data, list) else [answer.data]
        refs = [Record(item, self.host) for item in listed]
        at = next((record.part("object") for record in refs if record.text("ref") == ref), None)
        return at.commit("sha") or "" if at is not None else ""

    @override
    def create(self, title: str, body: str, source: Fork, branch: str) -> Pull:
        head = branch if source.name == self.repository else f"{source.name.partition('/')[0]}:{branch}"
        asked = {"title": title, "body": body, "head": head, "base": MAIN}
        what = f"branch '{branch}' of '{source.name}'"
        return read.pull(self._web.record("POST", f"{self._at}/pulls", what=what, body=asked))

    @override
    def edit(self, number: int, title: str, body: str) -> None:
        self._change(number, title=title, body=body)

    def _change(self, number: int, **fields: str) -> None:
        self._web.ask("PATCH", f"{self._at}/pulls/{number}", what=f"request '{number}'", body=fields)

    @override
    def close(self, number: int) -> None:
        try:
            self._change(number, state="closed")
        except RejectedError:
            if self.pull(number).state is RequestState.OPEN:
                raise

    @override
    def settle(self, pull: Pull, merge: str) -> None:
        """See `ForgeApi`. Where the repository forbids the mark (405), the request is closed instead."""
        asked = {"Do": "manually-merged", "MergeCommitID": merge}
        path, what = f"{self._at}/pulls/{pull.number}/merge", f"request '{pull.number}'"
        answer = self._web.ask("POST", path, what=what, body=asked, expected=_UNMARKED)
        if answer.status in _UNMARKED and self.pull(pull.number).state is RequestState.OPEN:
            self.close(pull.number)

    @override
    def comments(self, number: int) -> Sequence[Comment]:
        path = f"{self._at}/issues/{number}/comments"
        found = map(read.comment, self._web.listed(path, what=f"comments on request '{number}'"))
        return sorted(found, key=lambda comment: comment.number)

    @override
    def comment(self, number: int, body: str) -> Comment:
        path, what = f"{self._at}/issues/{number}/comments", f"request '{number}'"
        return read.comment(self._web.record("POST", path, what=what, body={"body": body}))

    @override
    def edit_comment(self, number: int, comment: int, body: str) -> None:
        path, what = f"{self._at}/issues/comments/{comment}", f"comment '{comment}'"
        self._web.ask("PATCH", path, what=what, body={"body": body})

    @override
    def delete_comment(self, number: int, comment: int) -> None:
        path, what = f"{self._at}/issues/comments/{comment}", f"comment '{comment}'"
        self._web.ask("DELETE", path, what=what, expected=_ABSENT)

    @override
    def label(self, pull: Pull, labels: frozenset[str]) -> None:
        have = frozenset(name for name in pull.labels if name.startswith(OURS))
        path, what = f"{self._at}/issues/{pull.number}/labels", f"labels of request '{pull.number}'"
        if have - labels:
            there = self._numbered(self._web.listed(path, what=what))
            for name in sorted((have - labels) & there.keys()):
                self._web.ask("DELETE", f"{path}/{there[name]}", what=what, expected=_ABSENT)
        if labels - have:
            wanted = [self._label(name) for name in sorted(labels - have)]
            self._web.ask("POST", path, what=what, body={"labels": wanted})

    def _label(self, name: str) -> int:
        """The number of a label of the repository, made where it lacks."""
        path, what = f"{self._at}/labels", "labels of the repository"
        if self._labels is None:
            self._labels = self._numbered(self._web.pages(path, what=what))
        if name not in self._labels:
            asked = {"name": name, "color": _COLOUR, "description": "set by the registry's merge bot"}
            self._labels[name] = self._web.record("POST", path, what=what, body=asked).number("id")
        return self._labels[name]

    @staticmethod
    def _numbered(labels: Iterable[Record]) -> dict[str, int]:
        return {label.text("name"): label.number("id") for label in labels}

    @override
    def approvals(self, pull: Pull) -> Sequence[PageApproval]:
        path, what = f"{self._at}/pulls/{pull.number}/reviews", f"reviews of request '{pull.number}'"
        return read.approvals(list(self._web.pages(path, what=what)))

    @override
    def protection(self) -> Protection:
        branch = self._web.record("GET", f"{self._at}/branches/{MAIN}", what=f"branch '{MAIN}'")
        if not branch.truth("protected"):
            return read.UNPROTECTED
        rule = self._rule(branch.text("effective_branch_protection_name") or MAIN)
        return read.protection(rule) if rule is not None else read.glimpsed(branch)

    def _rule(self, name: str) -> Record | None:
        """The rule of this name; None where there is none, or its reader is no administrator."""
        try:
            rules = self._web.listed(f"{self._at}/branch_protections", what="branch protections")
        except (RejectedError, TokenError):
            return None
        return next(
            (rule for rule in rules if name in (rule.text("rule_name"), rule.text("branch_name"))), None
        )

    @override
    def protect(self, checks: frozenset[str], pushers: frozenset[str]) -> Sequence[str]:
        path, what = f"{self._at}/branch_protections", "branch protections"
        rules = self._web.listed(path, what=what)
        names = {name for rule in rules for name in (rule.text("rule_name"), rule.text("branch_name"))}
        wanted = read.wanted_rule(checks, pushers)
        if MAIN in names:
            rule = self._web.record("PATCH", f"{path}/{MAIN}", what=what, body=wanted)
        else:
            named = {"rule_name": MAIN, "branch_name": MAIN}  # the latter for Gitea before 1.19
            rule = self._web.record("POST", path, what=what, body=named | wanted)
        # Old versions read the two below only beside `has_pull_requests`. Detecting merges by itself would
        # name whoever's address stands in the pushed commit as the one who merged.
        allowed = {"has_pull_requests": True, "allow_manual_merge": True, "autodetect_manual_merge": False}
        self._web.ask("PATCH", self._at, what="the repository's settings", body=allowed)
        return read.by_hand(checks, read.lost(pushers, rule))
