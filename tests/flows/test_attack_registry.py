"""A registry that somebody wrote past its hooks, or whose machine is ill: what everybody else sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from medperf_cli.adapters.store.remote import fetch
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import ConfigurationError, NetworkError
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.review import reviews
from tests.support.hosting import Hosted
from tests.support.office import office
from tests.support.world import member_file

LAWLESS = "0123456789abcdef"


def plant(host: Hosted, ref: str, commit: str) -> None:
    """Write a ref into the bare repository past all hooks."""
    with host.store() as store:
        store.update_ref(ref, commit, None)


def two_parents(host: Hosted) -> str:
    maker = host.member()
    main = host.main()
    commit = maker.commit_tree(maker.git("rev-parse", f"{main}^{{tree}}"), main, main + "~1")
    assert maker.push(f"{commit}:{MAIN}").ok
    return commit


def test_a_request_that_is_no_request_does_not_hide_the_others(host: Hosted) -> None:
    honest = host.member().open(member_file(host.world, "eve"), author="eve")
    plant(host, f"refs/pull/{LAWLESS}/head", two_parents(host))
    with at_desk(office(host, "ada").deps) as desk:
        found = {item.id: item for item in reviews(desk)}
    assert found[honest.id].verdict is Verdict.REVIEW
    assert found[LAWLESS].verdict is Verdict.REJECT
    assert "not exactly one commit" in found[LAWLESS].findings[0].message


def test_a_shallow_upstream_is_named_instead_of_passing_for_up_to_date(host: Hosted) -> None:
    reader = office(host, "ada")
    before = sync(reader.deps).commit
    host.enter(host.cube())
    shallow = host.path / "shallow"
    shallow.write_text(f"{host.main()}\n")
    with pytest.raises(NetworkError, match="shallow repository: its history is cut off"):
        sync(reader.deps)
    shallow.unlink()
    assert sync(reader.deps).commit == host.main() != before


def test_a_hook_that_cannot_start_is_the_hosts_fault_not_a_conflict(host: Hosted) -> None:
    hook = host.path / "hooks/pre-receive"
    kept = hook.read_bytes()
    hook.write_text("#!/bin/sh\nexec /nonexistent/bin/python -I -m ci.hook pre-receive\n")
    with pytest.raises(ConfigurationError, match=r"did not judge request '\w+': .*not found"):
        host.member().open(host.cube())
    hook.write_bytes(kept)
    host.member().open(host.cube())
    assert list(host.refs()) == [MAIN]


def test_many_fetches_into_one_clone_at_once_all_succeed(host: Hosted) -> None:
    """As many commands of one home do; two gits that move one ref would fail each other."""
    member = host.member("clone")

    def run(_: int) -> None:
        for _ in range(3):
            fetch(member.store, host.url, ["+refs/heads/*:refs/upstream/heads/*"], prune=True)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(run, number) for number in range(4)]
        for number in range(3):
            host.enter(host.cube(f"forest-{number}"))
        for done in running:
            done.result(timeout=60)
