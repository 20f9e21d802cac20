"""The story from benchmark to result on every hosted forge, asked for last things first."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.flows.hosting.merge_bot import Fate
from tests.support.forges.vendors import available
from tests.support.hosted_desk import on_forge
from tests.support.hosting import Hosted, replays
from tests.support.story import STEPS


@pytest.mark.parametrize("vendor", available())
@pytest.mark.parametrize("host", [8], indirect=True)
def test_from_benchmark_to_result(
    host: Hosted, vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, host, vendor) as desk:
        before, asked = desk.main(), []
        for title, make in STEPS[8:]:
            asked.append((title, make(desk.world)))
            desk.world.merge(*asked[-1][1])
        # The first number is the result, which needs all that the later ones bring.
        pulls = [desk.ask(*parts, title=title) for title, parts in reversed(asked)]
        # A round looks six times; what still lacks something then is merged by the next one.
        merged = {n for _ in range(2) for n, o in desk.run().items() if o.fate is Fate.MERGED}
        assert merged == {pull.number for pull in pulls}
        assert len(desk.first_parents(before)) == len(pulls)
        assert {pull.state for pull in pulls} <= {"merged", "closed"}
        with desk.bot("reader") as reader:
            head = reader.upstream.fetch()["refs/heads/main"]
            assert reader.store.registry_tree(head) == desk.world.trees[0]
            assert replays(reader.store, head)
