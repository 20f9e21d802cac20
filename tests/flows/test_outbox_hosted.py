"""The outbox on a forge with a web interface: one branch, one request, one comment, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.forge.api import Pull, Vendor
from medperf_cli.adapters.forge.patience import Patient
from medperf_cli.adapters.store.remote import Pushed
from medperf_cli.core.requests import request_id
from medperf_cli.errors import RejectedError, TokenError
from medperf_cli.flows.hosting.hosted_upstream import not_taken
from medperf_cli.flows.submitting.desk import at_desk, keep_up
from medperf_cli.flows.submitting.outbox_export import export
from medperf_cli.flows.submitting.outbox_import import import_bundle
from medperf_cli.flows.submitting.outbox_send import send_waiting
from medperf_cli.flows.submitting.review import approve
from tests.flows.test_outbox import join, waiting
from tests.support.forge_place import on_forge
from tests.support.forges.repository import Pull as Page
from tests.support.forges.stage import Stage
from tests.support.forges.vendors import available
from tests.support.hosting import Hosted
from tests.support.office import Office, office


@pytest.fixture
def stage(request: pytest.FixtureRequest, host: Hosted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    monkeypatch.setenv("MEDPERF_FORGE_TOKEN", "")
    with on_forge(host, Vendor(getattr(request, "param", available()[0]))) as place:
        assert place.stage
        yield place.stage


def sits(stage: Stage, host: Hosted, name: str, token: str, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A member with an account, and the registry added from the forge."""
    monkeypatch.setenv("MEDPERF_FORGE_TOKEN", token)
    found = office(host, name, add=False)
    found.settings = replace(found.settings, forge=str(stage.vendor), forge_api=stage.address.api)
    found.add(stage.url)
    return found


@pytest.mark.parametrize("stage", available(), indirect=True, ids=str)
def test_between_branch_and_request_it_is_killed_and_repeated(
    stage: Stage, host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = sits(stage, host, "eve", stage.forge.token("eve"), monkeypatch)
    create = Patient.create

    def gone(*_: Any, **__: Any) -> Pull:
        raise KeyboardInterrupt

    monkeypatch.setattr(Patient, "create", gone)
    with pytest.raises(KeyboardInterrupt):
        join(eve, "eve")
    (item,) = waiting(eve)
    assert not stage.registry.pulls
    monkeypatch.setattr(Patient, "create", create)
    done = join(eve, "eve")
    (pull,) = stage.registry.pulls.values()
    assert (done.request, waiting(eve)) == (str(pull.number), [])
    assert done.url.endswith(f"/{pull.number}")
    assert done.waiting == ("'members/eve/1.yml' waits for 1 more of the admins to approve: ada",)
    assert pull.branch == f"medperf/{item.content}"
    assert pull.title == "member eve asks to join"
    assert f"content id: `{item.content}`" in pull.body
    assert "`registry/members/eve/1.yml`" in pull.body
    for _ in range(2):
        assert join(eve, "eve").request == str(pull.number)
    assert len(stage.registry.pulls) == 1


def test_a_decision_whose_answer_was_lost_is_said_once(
    stage: Stage, host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = sits(stage, host, "eve", stage.forge.token("eve"), monkeypatch)
    number = join(eve, "eve").request or ""
    ada = sits(stage, host, "ada", stage.forge.token("ada"), monkeypatch)
    comment = Patient.comment

    def spoken(*args: Any) -> None:
        comment(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Patient, "comment", spoken)
    with pytest.raises(KeyboardInterrupt), at_desk(ada.deps) as desk:
        approve(desk, number, "telephoned")
    assert [item.sort for item in waiting(ada)] == ["decision"]
    monkeypatch.setattr(Patient, "comment", comment)
    with at_desk(ada.deps) as desk:
        assert not approve(desk, number, "telephoned").sent, "it is heard already"
    assert waiting(ada) == []
    (pull,) = stage.registry.pulls.values()
    assert said(pull, "decisions/members/eve/1/ada/1.yml") == 1


def test_a_token_that_expired_keeps_what_is_signed(
    stage: Stage, host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = stage.forge.token("eve")
    eve = sits(stage, host, "eve", token, monkeypatch)

    def revoke(_: str) -> bool:
        stage.forge.tokens[token].revoked = True
        return True

    eve.answer = revoke
    with pytest.raises(TokenError) as refused:
        join(eve, "eve")
    assert "then `medperf outbox send`" in refused.value.hint
    (item,) = waiting(eve)
    assert (item.failure and item.failure.code, token in str(item.row())) == ("MP-TOKEN", False)
    monkeypatch.setenv("MEDPERF_FORGE_TOKEN", stage.forge.token("eve"))
    (tried,) = send_waiting(eve.deps)
    assert tried.done
    assert tried.done.sent
    assert len(stage.registry.pulls) == 1


def test_carried_by_somebody_with_an_account_it_stays_its_signers(
    stage: Stage, host: Hosted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    eve = sits(stage, host, "eve", stage.forge.token("nobody"), monkeypatch)
    eve.settings = replace(eve.settings, offline=True)
    assert join(eve, "eve").kept
    export(eve.deps, tmp_path / "eve.bundle")
    carrier = sits(stage, host, "carrier", stage.forge.token("carrier"), monkeypatch)
    carrier.settings = replace(carrier.settings, member=None, key=None)
    (tried,) = import_bundle(carrier.deps, tmp_path / "eve.bundle")
    (pull,) = stage.registry.pulls.values()
    assert tried.done
    assert (tried.done.request, pull.author.login) == (str(pull.number), "carrier")
    assert "- sent by: `eve`" in pull.body
    ada = sits(stage, host, "ada", stage.forge.token("ada"), monkeypatch)
    keep_up(ada.deps)
    ada.settings = replace(ada.settings, offline=True)
    with at_desk(ada.deps) as desk:
        (request,) = desk.forge.list()
        assert request.author == "eve"
        approve(desk, request.id, "telephoned")
        files = desk.store.change(request.base, request.head).added
    export(ada.deps, tmp_path / "ada.bundle")
    monkeypatch.setenv("MEDPERF_FORGE_TOKEN", stage.forge.token("carrier"))
    (tried,) = import_bundle(carrier.deps, tmp_path / "ada.bundle")
    assert tried.item.id == f"{request_id(files)}.decision.ada"
    assert [said(pull, "decisions/members/eve/1/ada/1.yml")] == [1]
    assert waiting(carrier) == []


def said(pull: Page, path: str) -> int:
    """How many comments carry a file."""
    return len([comment for comment in pull.comments if path in comment.body])


def test_a_fork_older_than_the_workflows_is_to_be_synced_first() -> None:
    # GitHub's words for a token without the scope `workflow`; its servers cannot be asked here.
    words = (
        "refusing to allow a Personal Access Token to create or update workflow `x.yml` without `workflow`"
    )
    ref = "refs/heads/medperf/1"
    error = not_taken("acme/breast", "medperf/1", Pushed((), {ref: words}, ()))
    assert isinstance(error, TokenError)
    assert "Sync fork" in error.hint
    other = not_taken("acme/breast", "medperf/1", Pushed((), {ref: "pre-receive"}, ("no",)))
    assert isinstance(other, RejectedError)
    assert other.message.endswith("was not taken: pre-receive: no")
