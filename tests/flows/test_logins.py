"""Logins: a member's account on the forge enters its file from the token, and admins decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.address import forge_address
from medperf_cli.adapters.forge.api import Account
from medperf_cli.core.names import Kind
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.submitting import logins
from medperf_cli.flows.submitting.logins import add_login
from medperf_cli.flows.submitting.members import register
from tests.support.admins import board, merged, offices, sign, take_main
from tests.support.office import office

ACME = Account("acme-models", 4711)


class Page:
    """A forge that knows whose token it is; requests go to bare git here."""

    host = "forge.example.org"

    def whoami(self) -> Account:
        return ACME


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    address = forge_address("https://forge.example.org/lab/breast.git", "github")
    monkeypatch.setattr(logins, "hosted_address", lambda *_: address)
    monkeypatch.setattr(logins, "connected", lambda *_: (Page(), None))


def named(who: Any, member: str) -> list[tuple[str, str, int]]:
    state = who.host.world.state
    found = state.reader.member(state.in_force(Kind.MEMBER, member))
    assert found is not None
    return [(x.forge, x.login, x.number) for x in found.logins]


@pytest.mark.usefixtures("page")
def test_a_login_enters_the_members_file_once_admins_agreed(tmp_path: Path) -> None:
    host = board(tmp_path, "acme")
    acme = office(host, "acme")
    ada, bea = offices(host, "ada", "bea")
    asked = add_login(acme.deps)
    assert (asked.sent, asked.merged) == (True, False)
    assert "4711" in acme.asked[0]
    sign(ada, asked.request)
    assert merged(bea, asked.request).merged
    take_main(host)
    assert named(acme, "acme") == [("forge.example.org", "acme-models", 4711)]
    acme.add()
    with pytest.raises(UsageError, match="is one of 'acme' already"):
        add_login(acme.deps)


@pytest.mark.usefixtures("page")
def test_a_newcomer_may_name_the_login_at_once(tmp_path: Path) -> None:
    host = board(tmp_path)
    newcomer = office(host, "lakeside")
    who = {"name": "Lakeside", "kind": "organisation", "contact": "ai@lakeside.example", "label": "first"}
    done = register(newcomer.deps, "lakeside", login=True, **who)
    assert done.sent
    assert 'login: "acme-models"' in newcomer.asked[0] or "login: acme-models" in newcomer.asked[0]


def test_on_bare_git_there_are_no_logins(tmp_path: Path) -> None:
    host = board(tmp_path, "acme")
    with pytest.raises(ConfigurationError, match="on no hosted forge"):
        add_login(office(host, "acme").deps)
    with pytest.raises(ConfigurationError, match="not a member"):
        add_login(office(host, "nobody").deps)
