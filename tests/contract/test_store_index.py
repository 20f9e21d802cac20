"""The index of verified entities: what a reader asks of it, and how it fails."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Meta, Row, StoredEntity
from medperf_cli.core.names import Kind
from medperf_cli.errors import ConfigurationError, ConflictError, IntegrityError, UnknownIdError

META = Meta("a" * 32, "https://example.org/r.git", "b" * 64, 1, "c" * 40, 1_780_000_000)


def entity(path: str, *, standing: str = "effective", in_force: bool = True, **document: Any) -> StoredEntity:
    yml = json.dumps(document, sort_keys=True).encode()
    row = Row(
        path=path, sha256=hashlib.sha256(yml).hexdigest(), document=document, standing=standing,
        in_force=in_force, signer="mgh", fingerprint="SHA256:abc", commit="c" * 40,
        time=1_780_000_000, position=0,
    )  # fmt: skip
    return StoredEntity(row, yml, {path.replace(".yml", ".sig"): b"sig of " + yml})


PIN = {"path": "benchmarks/acme/nodules/2.yml", "sha256": "0" * 64}
ENTITIES = [
    entity("members/mgh/1.yml"),
    entity("datasets/mgh/chest-ct/1.yml", in_force=False, benchmark=PIN, state="development"),
    entity("datasets/mgh/chest-ct/2.yml", benchmark=PIN, state="operation", text="é\u2028"),
    entity(
        "datasets/ucsf/chest-ct/1.yml",
        benchmark=PIN | {"path": "benchmarks/acme/other/1.yml"},
        state="operation",
    ),
    entity(
        "datasets/ucsf/old-scans/1.yml",
        standing="withdrawn",
        in_force=False,
        benchmark=PIN,
        state="operation",
    ),
    entity("cubes/mgh/unet/1.yml", type="model"),
    entity("cubes/mgh/metrics/1.yml", type="metrics"),
    entity("associations/acme/nodules/datasets/mgh/chest-ct/1.yml", standing="pending", in_force=False),
    entity("results/acme/nodules/mgh/unet/mgh/chest-ct/1.yml"),
]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.create(tmp_path / "index.sqlite") as made:
        made.replace_all(ENTITIES, META)
        yield made


def paths(rows: list[Row]) -> list[str]:
    return [row.path for row in rows]


def test_what_was_stored_is_given_back_to_the_byte(index: Index) -> None:
    with Index.open(index.path) as reader:
        assert reader.meta() == META
        for stored in ENTITIES:
            assert reader.stored(stored.row.path) == stored
        with pytest.raises(UnknownIdError):
            reader.stored("datasets/mgh/chest-ct/3.yml")


def test_several_signatures_of_a_root_are_kept(index: Index) -> None:
    root = dataclasses.replace(
        entity("root/1.yml"), signatures={"root/1.ann.sig": b"1", "root/1.bob.sig": b"2"}
    )
    index.replace_all([root], META)
    assert index.stored("root/1.yml") == root
    assert index.get(Kind.ROOT, "").version == 1


def test_lists_are_filtered_and_paged(index: Index) -> None:
    def listed(**where: Any) -> list[str]:
        return [f"{row.id} {row.version}" for row in index.entities(Kind.DATASET, Filter(**where))]

    assert listed() == ["mgh/chest-ct 2", "ucsf/chest-ct 1"]
    assert len(listed(in_force=None)) == 4
    assert listed(owner="mgh") == ["mgh/chest-ct 2"]
    assert listed(name="chest", state="operation") == ["mgh/chest-ct 2", "ucsf/chest-ct 1"]
    assert listed(name="%") == []
    assert listed(benchmark="acme/other") == ["ucsf/chest-ct 1"]
    assert listed(in_force=None, standing="withdrawn") == ["ucsf/old-scans 1"]
    assert listed(owner="' OR 1=1 --") == []
    assert paths(index.entities(Kind.CUBE, Filter(type="model"))) == ["cubes/mgh/unet/1.yml"]
    for kind in (Kind.ASSOCIATION, Kind.RESULT):
        found = index.entities(kind, Filter(in_force=None, benchmark="acme/nodules", owner="mgh"))
        assert len(found) == 1
    everything = paths(index.entities(Kind.DATASET, Filter(in_force=None)))
    pages = [paths(index.entities(Kind.DATASET, Filter(in_force=None), limit=3, offset=o)) for o in (0, 3, 6)]
    assert [path for page in pages for path in page] == everything
    assert index.count(Kind.DATASET, Filter(in_force=None)) == 4


def test_without_a_version_the_one_in_force_or_the_newest_is_meant(index: Index) -> None:
    assert index.get(Kind.DATASET, "mgh/chest-ct").version == 2
    assert index.get(Kind.DATASET, "mgh/chest-ct", 1).document["state"] == "development"
    assert index.get(Kind.DATASET, "ucsf/old-scans").standing == "withdrawn"
    with pytest.raises(UnknownIdError, match="no dataset 'mgh/chest-ct' of version 9"):
        index.get(Kind.DATASET, "mgh/chest-ct", 9)


def test_any_unique_part_of_an_id_will_do(index: Index) -> None:
    assert index.resolve(Kind.DATASET, "mgh/chest-ct") == "mgh/chest-ct"
    assert index.resolve(Kind.DATASET, "old") == "ucsf/old-scans"
    assert index.resolve(Kind.CUBE, "unet") == "mgh/unet"
    with pytest.raises(UnknownIdError, match="means 2 datasets: mgh/chest-ct, ucsf/chest-ct"):
        index.resolve(Kind.DATASET, "chest-ct")
    with pytest.raises(UnknownIdError) as error:
        index.resolve(Kind.CUBE, "metrix")
    assert error.value.hint == "did you mean mgh/metrics?"
    with pytest.raises(UnknownIdError, match="no benchmark 'x'"):
        index.resolve(Kind.BENCHMARK, "x")


def test_nothing_is_no_part_of_an_id_even_where_there_is_only_one(index: Index) -> None:
    """Else `revoke "$UNSET"` would mean the one thing there is."""
    index.replace_all([entity("cubes/mgh/unet/1.yml")], META)
    with pytest.raises(UnknownIdError, match="there is no cube ''"):
        index.resolve(Kind.CUBE, "")


def test_an_update_moves_rows_and_ratchet_together_or_not_at_all(index: Index) -> None:
    after = dataclasses.replace(META, verified_commit="d" * 40)
    old = dataclasses.replace(ENTITIES[2], row=dataclasses.replace(ENTITIES[2].row, in_force=False))
    new = entity("datasets/mgh/chest-ct/3.yml", state="operation")
    broken = entity("not a path")
    with pytest.raises(ValueError, match="not a path"):
        index.replace_all([old, new, broken], after)
    assert (index.meta(), index.get(Kind.DATASET, "mgh/chest-ct").version) == (META, 2)
    index.replace_all([old, new], after)
    assert (index.meta(), index.get(Kind.DATASET, "mgh/chest-ct").version) == (after, 3)


def test_everything_can_be_replaced(index: Index) -> None:
    index.replace_all(ENTITIES[:1], META)
    assert (index.count(Kind.MEMBER), index.count(Kind.DATASET, Filter(in_force=None))) == (1, 0)


def test_a_killed_writer_leaves_the_old_state(index: Index) -> None:
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size = 1')\nc.execute('BEGIN IMMEDIATE')\n"
        "c.execute('DELETE FROM entities')\nc.execute('DELETE FROM meta')\n"
        "c.execute('CREATE TABLE big AS SELECT randomblob(100000)')\nos._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, index.path], check=False).returncode == 9
    with Index.open(index.path) as reader:
        assert reader.meta() == META
        assert reader.count(Kind.DATASET) == 2


def test_before_the_first_sync(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        Index.open(tmp_path / "none")
    assert "registry sync" in error.value.hint
    with Index.create(tmp_path / "new" / "index") as index:
        assert index.meta() is None
        assert index.entities(Kind.CUBE) == []


@pytest.mark.parametrize("damage", ["text", "cut", "middle", "empty", "other", "json", "schema", "meta"])
def test_damage_is_said_and_create_repairs_it(index: Index, damage: str) -> None:
    index.close()
    raw = index.path.read_bytes()
    match damage:
        case "text":
            index.path.write_bytes(b"this is no database" * 100)
        case "cut":
            index.path.write_bytes(raw[: len(raw) // 2])
        case "middle":
            index.path.write_bytes(raw[:1024] + b"\xff" * (len(raw) - 1024))
        case "empty":
            index.path.write_bytes(b"")
        case _:
            sql = {
                "other": "PRAGMA user_version = 99",
                "json": "UPDATE entities SET document = '{'",
                "schema": "DROP TABLE entities",
                "meta": "DELETE FROM meta WHERE key = 'clock'",
            }[damage]
            connection = sqlite3.connect(index.path)
            connection.execute(sql)
            connection.commit()
            connection.close()

    def read() -> None:
        with Index.open(index.path) as reader:
            reader.meta()
            reader.entities(Kind.DATASET)

    with pytest.raises(IntegrityError) as error:
        read()
    assert "registry sync" in error.value.hint
    Index.create(index.path).close()
    read()


def test_a_reader_cannot_write_and_a_busy_index_is_said(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medperf_cli.adapters.store.index._BUSY_SECONDS", 0.05)
    with Index.open(index.path) as reader, pytest.raises(ConfigurationError):
        reader.replace_all([], META)
    with Index.open(index.path, write=True) as one, one._transaction():
        with Index.open(index.path, write=True) as two, pytest.raises(ConflictError, match="in use"):
            two.replace_all([], META)
        with Index.open(index.path) as reader:
            assert reader.count(Kind.DATASET) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up root's rights to become another user")
def test_a_read_only_home_can_be_read(index: Index) -> None:
    index.close()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        copy = home / "index"
        copy.write_bytes(index.path.read_bytes())
        copy.chmod(0o444)
        home.chmod(0o555)
        os.seteuid(65534)
        try:
            with Index.open(copy) as reader:
                assert reader.count(Kind.DATASET) == 2
            with Index.open(copy, write=True) as writer, pytest.raises(ConfigurationError, match="readonly"):
                writer.replace_all([], META)
            with pytest.raises(ConfigurationError, match="cannot write"):
                Index.create(copy)
        finally:
            os.seteuid(0)


def test_reading_needs_neither_git_nor_pydantic() -> None:
    script = (
        "import sys, medperf_cli.adapters.store.index\n"
        "print([m for m in ('pydantic', 'git', 'yaml', 'cryptography', 'subprocess') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
