"""Whatever a site that says it is GitHub sends, it is read as documented or told as an error of ours."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medperf_cli.adapters.forge import github
from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.api import Pull, Vendor
from medperf_cli.adapters.forge.github_answers import Answer, BrokenAnswerError
from medperf_cli.adapters.forge.github_refusals import refused
from medperf_cli.errors import MedperfError
from tests.support.forges.forge import SimulatedForge, Traits
from tests.support.forges.github_shapes import Shapes

SITE = ForgeAddress(Vendor.GITHUB, "github.example.org", "hub/registry", "https://github.example.org/api/v3")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
HEADERS = (
    "retry-after",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "date",
    "x-github-sso",
    "x-oauth-scopes",
)
HEADERS += ("x-accepted-oauth-scopes", "x-accepted-github-permissions", "content-type")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A request as GitHub shows it."""
    return _shown(tmp_path_factory.mktemp("forge"))


def _shown(folder: Path) -> dict[str, Any]:
    forge = SimulatedForge(folder, Traits())
    registry = forge.repository("hub/registry")
    forge.commit(registry, "main", {"a": b"1\n"}, by="hub")
    forge.commit(registry, "topic", {"b": b"1\n"}, by="hub")
    pull = forge.open(registry, "hub", registry, "topic", title="t", body="b")
    pull.labels.append(forge.label(registry, "medperf:auto").name)
    forge.press_merge(registry, pull, "hub")
    made: dict[str, Any] = json.loads(json.dumps(Shapes(forge).pull(registry, pull, full=True)))
    return made


READ = [("number",), ("state",), ("title",), ("body",), ("user",), ("user", "id"), ("head",), ("head", "sha")]
READ += [("head", "repo"), ("head", "repo", "full_name"), ("base", "ref"), ("created_at",), ("labels",)]
READ += [("merged_at",), ("merge_commit_sha",), ("merged_by", "login"), ("html_url",)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.sampled_from(READ), value=anything)
def test_a_request_is_read_or_broken(shown: dict[str, Any], where: tuple[str, ...], value: object) -> None:
    assert github._pull(Answer(shown)).number == 1
    spoilt = json.loads(json.dumps(shown))
    inner = spoilt
    for field in where[:-1]:
        inner = inner[field]
    inner[where[-1]] = value
    with contextlib.suppress(BrokenAnswerError):
        read = github._pull(Answer(spoilt))
        assert isinstance(read, Pull)
        assert isinstance(hash(read), int)  # every field is what it should be, through and through


@settings(deadline=None)
@given(
    status=st.integers(400, 599),
    data=anything | st.fixed_dictionaries({"message": anything, "errors": anything}),
    headers=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=40)),
    verb=st.sampled_from(["GET", "POST"]),
)
def test_every_refusal_is_an_error_of_ours_with_a_next_step(
    status: int, data: object, headers: dict[str, str], verb: str
) -> None:
    error = refused(SITE, status, headers, data, verb)
    assert isinstance(error, MedperfError)
    assert error.hint
    assert len(error.message) < 1000
    assert "\x1b" not in error.hint
    after = getattr(error, "after", None)
    assert after is None or after >= 0
