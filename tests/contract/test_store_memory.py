"""What a stranger's trees cost: memory is bounded, however many paths a small push names."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import pytest

from medperf_cli.adapters.store.repository import GitStore
from tests.support.registry_repo import RegistryRepo

MEMBER = "registry/members/mgh/1.yml"


@pytest.mark.parametrize("alike", [True, False], ids=["one tree many times", "many trees"])
def test_a_small_push_that_names_millions_of_files_takes_little_memory(tmp_path: Path, alike: bool) -> None:
    repo = RegistryRepo.make(tmp_path / "registry.git")
    base = repo.commit({MEMBER: b"1"})
    inner = b"".join(b"100644 %05d\0" % n + b"\1" * 20 for n in range(20_000))
    trees = [repo.raw_tree(inner + b"100644 x\0" + bytes([1 if alike else n] * 20)) for n in range(40)]
    wide = b"".join(b"40000 d%02d\0" % n + bytes.fromhex(tree) for n, tree in enumerate(trees))
    head = repo.commit_tree(repo.raw_tree(wide), base)
    tracemalloc.start()
    try:
        with GitStore(repo.path) as store:
            differing = store.trees.diff(store.commit(base).tree, store.commit(head).tree)
            entries = list(itertools.islice(differing, 5000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [e.path for e, _ in entries[:2]] == [b"d00/00000", b"d00/00001"]
    assert peak < 100 * 1024 * 1024
