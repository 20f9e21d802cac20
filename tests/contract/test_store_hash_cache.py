"""What is known of files' hashes: shared by all commands of a site, kept when one is killed."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from medperf_cli.adapters.store.hash_cache import HashCache


def hashed(folder: Path, cache: HashCache) -> None:
    folder.mkdir(exist_ok=True)
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
        cache.sha256(folder / name)


def test_two_commands_share_a_cache_and_never_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hashes"
    with HashCache(path) as first:
        hashed(tmp_path / "data", first)
        began = time.monotonic()
        with HashCache(path) as second:
            hashed(tmp_path / "data", second)
        assert time.monotonic() - began < 0.9, "SQLite waits a second for a lock"
    monkeypatch.setattr("medperf_cli.adapters.store.hash_cache._SAVE_SECONDS", 0.0)
    with HashCache(tmp_path / "other") as killed_later:
        hashed(tmp_path / "data", killed_later)
        with sqlite3.connect(tmp_path / "other") as reader:
            assert reader.execute("SELECT count(*) FROM hashes").fetchone() == (3,)
        reader.close()
