"""What readers make of bad input: a clear error or a quiet repair, never a wrong answer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import SCHEMA_VERSION, Filter
from medperf_cli.core.entities.root import FORMAT
from medperf_cli.core.names import Kind
from medperf_cli.errors import ConfigurationError, IntegrityError, MedperfError, NetworkError
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.explain import explain
from medperf_cli.flows.reading.listing import found, listed
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from tests.support.admins import TWO, armor, new_root
from tests.support.dump import dump
from tests.support.hosting import Hosted
from tests.support.office import Office, office

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reader(host: Hosted) -> Office:
    return office(host, "acme")


def git(repository: Path, *words: str, **more: str) -> str:
    """Stock git, which believes what a repository says."""
    environ = {**os.environ, "GIT_AUTHOR_DATE": "1767348000 +0000", "GIT_COMMITTER_DATE": "1767348000 +0000"}
    identity = ("-c", "user.name=eve", "-c", "user.email=eve@example.org")
    done = subprocess.run(
        ["git", f"--git-dir={repository}", *identity, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**environ, **more},
    )
    return done.stdout.strip()


def mirror(who: Office) -> Path:
    return who.copy / "mirror.git"


def goes_on(who: Office) -> None:
    """See that a change that comes now is verified, and that all says what a new reader's copy says."""
    who.host.enter(who.host.cube("forest"))
    assert sync(who.deps).judged == 1
    assert verify_registry(who.deps).judged == 6
    fresh = office(who.host, "acme", who.host.folder / "fresh")
    assert dump(who.home) == dump(fresh.home)


# --- a copy whose git was told other stories


def test_replaced_objects_are_not_believed(reader: Office) -> None:
    """`git replace` in the mirror: stock git reads another commit and another file in their place."""
    there = mirror(reader)
    main = git(there, "rev-parse", "refs/remotes/origin/main")
    forged = git(there, "commit-tree", f"{main}^{{tree}}", "-m", "forged")
    git(there, "replace", main, forged)
    blob = git(there, "rev-parse", f"{main}:registry/members/acme/1.yml")
    other = git(there, "rev-parse", f"{main}:registry/members/clara/1.yml")
    git(there, "replace", blob, other)
    assert git(there, "rev-list", "--count", main) == "1"
    assert "clara" in git(there, "cat-file", "blob", blob)
    assert sync(reader.deps).judged == 0
    goes_on(reader)


def test_grafts_are_not_believed(reader: Office) -> None:
    there = mirror(reader)
    main = git(there, "rev-parse", "refs/remotes/origin/main")
    (there / "info").mkdir(exist_ok=True)
    (there / "info" / "grafts").write_text(f"{main}\n")
    assert git(there, "rev-list", "--count", main) == "1"
    goes_on(reader)


def test_a_commit_graph_that_lies_is_not_believed(reader: Office) -> None:
    """Every commit is said to have no parents, with a sound checksum."""
    there = mirror(reader)
    main = git(there, "rev-parse", "refs/remotes/origin/main")
    git(there, "commit-graph", "write", "--reachable")
    graph = there / "objects" / "info" / "commit-graph"
    graph.chmod(0o644)
    graph.write_bytes(orphaned(graph.read_bytes()))
    assert git(there, "rev-list", "--count", main) == "1"
    goes_on(reader)


def orphaned(graph: bytes) -> bytes:
    """A commit-graph file (gitformat-commit-graph(5)) whose commits have no parents."""
    chunks = graph[6]
    table = [struct.unpack(">4sQ", graph[8 + 12 * i : 20 + 12 * i]) for i in range(chunks + 1)]
    offsets = dict(table)
    start = offsets[b"CDAT"]
    end = min(offset for _, offset in table if offset > start)
    data = bytearray(graph[:-20])
    for at in range(start, end, 36):
        data[at + 20 : at + 24] = struct.pack(">I", 0x70000000)
    return bytes(data) + hashlib.sha1(data, usedforsecurity=False).digest()


def test_an_object_from_elsewhere_is_what_its_name_says_or_none(reader: Office, tmp_path: Path) -> None:
    """An alternate store that holds other bytes under the name of a file of the registry."""
    there, elsewhere = mirror(reader), tmp_path / "elsewhere.git"
    git(there, "init", "-q", "--bare", str(elsewhere))
    main = git(there, "rev-parse", "refs/remotes/origin/main")
    oid = git(there, "rev-parse", f"{main}:registry/members/clara/1.yml")
    other = git(there, "rev-parse", f"{main}:registry/members/acme/1.yml")
    loose(there)
    moved = elsewhere / "objects" / oid[:2] / oid[2:]
    moved.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(there / "objects" / other[:2] / other[2:], moved)
    (there / "objects" / oid[:2] / oid[2:]).unlink()
    (there / "objects" / "info").mkdir(exist_ok=True)
    (there / "objects" / "info" / "alternates").write_text(f"{elsewhere / 'objects'}\n")
    with pytest.raises(IntegrityError) as refused:
        verify_registry(reader.deps)
    assert oid[:12] in refused.value.message or "members/clara" in refused.value.message
    assert found(reader.deps, Kind.MEMBER, "clara", None).row.signer == "clara"


def loose(repository: Path) -> None:
    """Take all objects out of their packs."""
    packs = list((repository / "objects" / "pack").glob("*.pack"))
    for pack in packs:
        data = pack.read_bytes()
        for part in pack.parent.glob(f"{pack.stem}.*"):
            part.unlink()
        argv = ["git", f"--git-dir={repository}", "unpack-objects", "-q"]
        subprocess.run(argv, input=data, check=True)


def test_a_copy_that_was_cut_off_is_refused_with_the_way_out(reader: Office) -> None:
    there, before = mirror(reader), dump(reader.home)
    main = git(there, "rev-parse", "refs/remotes/origin/main")
    (there / "shallow").write_text(f"{main}\n")
    with pytest.raises(MedperfError) as refused:
        verify_registry(reader.deps)
    assert refused.value.hint
    assert dump(reader.home) == before


@pytest.mark.parametrize("kind", ["shallow", "without blobs"])
def test_a_clone_without_full_history_is_no_upstream(reader: Office, kind: str, tmp_path: Path) -> None:
    """Neither is added; both leave nothing behind."""
    host = reader.host
    git(host.path, "config", "uploadpack.allowFilter", "true")
    part = "--depth=1" if kind == "shallow" else "--filter=blob:none"
    git(host.path, "clone", "-q", "--bare", part, host.url, str(tmp_path / "part.git"))
    host.path.rename(host.folder / "away.git")  # what is missing cannot be had later
    newcomer = office(host, "clara", tmp_path / "newcomer", add=False)
    with pytest.raises(MedperfError) as refused:
        add_registry(newcomer.deps, str(tmp_path / "part.git"), reader.root)
    assert isinstance(refused.value, NetworkError | IntegrityError | ConfigurationError)
    assert refused.value.hint
    assert not list((newcomer.home / "registries").glob("[!.]*"))


# --- a damaged index

WAYS: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "empty": lambda index: index.write_bytes(b""),
    "text": lambda index: index.write_bytes(b"no database at all\n" * 400),
    "random": lambda index: index.write_bytes(random.Random(1).randbytes(20_000)),  # noqa: S311 - noise
    "half": lambda index: index.write_bytes(index.read_bytes()[: index.stat().st_size // 2]),
    "one page": lambda index: index.write_bytes(index.read_bytes()[:4096]),
    "a header only": lambda index: index.write_bytes(index.read_bytes()[:100]),
    "no entities": lambda index: _sql(index, "DROP TABLE entities"),
    "no signatures": lambda index: _sql(index, "DROP TABLE signatures"),
    "no meta": lambda index: _sql(index, "DROP TABLE meta"),
    "no ratchet": lambda index: _sql(index, "DELETE FROM meta WHERE key = 'verified_commit'"),
    "meta of nothing": lambda index: _sql(index, "DELETE FROM meta"),
    "no number": lambda index: _sql(index, "UPDATE meta SET value = 'x' WHERE key = 'clock'"),
    "no json": lambda index: _sql(index, "UPDATE entities SET document = '{'"),
    "an older schema": lambda index: _sql(index, f"PRAGMA user_version = {SCHEMA_VERSION - 1}"),
    "a newer schema": lambda index: _sql(index, f"PRAGMA user_version = {SCHEMA_VERSION + 1}"),
}


def _sql(index: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(index)) as db:
        db.execute(text)
        db.commit()


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_index_is_said_or_repaired_and_a_sync_repairs_it(reader: Office, way: str) -> None:
    right, index = dump(reader.home), reader.copy / "index.sqlite"
    members = {row["id"] for row in listed(reader.deps, Kind.MEMBER, Filter())}
    WAYS[way](index)
    for _ in range(2):
        shown, hint = answer(reader)
        assert shown == members or "registry sync" in hint
    sync(reader.deps)
    # What a list of members does not read is found by who reads it; the next sync repairs that too.
    assert dump(reader.home) in (right, "MP-INTEGRITY")
    sync(reader.deps)
    assert dump(reader.home) == right


def answer(who: Office) -> tuple[set[str], str]:
    """The members that a list shows, or the next step that an error names."""
    try:
        return {row["id"] for row in listed(who.deps, Kind.MEMBER, Filter())}, ""
    except MedperfError as error:
        return set(), error.hint


@pytest.mark.parametrize("way", ["an older schema", "a newer schema"])
def test_an_index_of_another_version_is_made_anew_without_the_network(reader: Office, way: str) -> None:
    right = dump(reader.home)
    WAYS[way](reader.copy / "index.sqlite")
    reader.host.path.rename(reader.host.folder / "away.git")
    assert dump(reader.home) == right


def test_whichever_page_is_damaged_it_is_never_believed_and_never_stays(host: Hosted) -> None:
    """Noise in one page after the other: lists are right or refuse, and two commands later all is right."""
    reader = office(host, "acme")
    index = reader.copy / "index.sqlite"
    right, whole = dump(reader.home), index.read_bytes()
    noise = random.Random(2)  # noqa: S311 - noise
    pages = len(whole) // 4096
    assert pages > 5
    for page in range(pages):
        index.write_bytes(whole[: page * 4096] + noise.randbytes(4096) + whole[(page + 1) * 4096 :])
        sync(reader.deps)  # it reads little of the index, and may not notice
        first = dump(reader.home)
        assert first == right or isinstance(first, str), page
        sync(reader.deps)
        assert dump(reader.home) == right, page


def test_a_sync_that_meets_damage_while_it_writes_begins_anew_and_says_so(reader: Office) -> None:
    _sql(reader.copy / "index.sqlite", "DROP INDEX signatures_by_entity")
    _sql(reader.copy / "index.sqlite", "DROP TABLE signatures")
    reader.host.enter(reader.host.cube("forest"))
    assert sync(reader.deps).judged == 6
    assert any("is made anew" in text for text in reader.talk.said)
    fresh = office(reader.host, "acme", reader.host.folder / "fresh")
    assert dump(reader.home) == dump(fresh.home)


# --- a disk that takes nothing

_LIMITED = """
import resource, signal, sys
from pathlib import Path
from medperf_cli.errors import MedperfError
from medperf_cli.flows.reading.sync import sync
from tests.support.killing import deps_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    sync(deps_of(Path(sys.argv[1])))
except MedperfError as error:
    print(f"{error.code}|{error.message}|{error.hint}")
"""


@pytest.mark.parametrize("room", [0, 1, 200, 2_000, 20_000, 40_000])
def test_where_no_file_may_grow_the_old_state_stays_and_a_sync_finishes_later(
    reader: Office, room: int
) -> None:
    """As on a full disk: git, the index and its journal may write no file beyond `room` bytes."""
    before = dump(reader.home)
    for number in range(12):
        reader.host.enter(reader.host.cube(f"forest-{number}"))
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(reader.home), str(room)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    code, message, hint = done.stdout.strip().split("|", 2)
    assert code in ("MP-CONFIG", "MP-NETWORK"), message
    assert hint
    assert dump(reader.home) == before
    assert sync(reader.deps).judged == 12


@pytest.fixture
def read_only(reader: Office) -> Iterator[Office]:
    """A reader at a home that belongs to another user, and may be read by all."""
    if os.geteuid() != 0:
        pytest.skip("gives up root's rights to become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(shutil.copytree(reader.home, Path(folder) / "home"))
        for path in (home, *home.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        os.seteuid(65534)
        try:
            yield replace(reader, home=home, settings=replace(reader.settings, home=home))
        finally:
            os.seteuid(0)


def test_a_home_that_may_only_be_read_is_read_and_sync_says_why_not(read_only: Office) -> None:
    assert {row["id"] for row in listed(read_only.deps, Kind.MEMBER, Filter())} >= {"acme", "clara"}
    assert found(read_only.deps, Kind.MEMBER, "clara", None).row.standing == "effective"
    assert explain(read_only.deps, "clara").standing == "effective"
    with pytest.raises(ConfigurationError, match="permission denied") as refused:
        sync(read_only.deps)
    assert "writable" in refused.value.hint


def test_a_damaged_index_in_a_home_that_may_only_be_read_is_refused_each_time(read_only: Office) -> None:
    index = read_only.copy / "index.sqlite"
    os.seteuid(0)
    data = index.read_bytes()
    index.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    os.seteuid(65534)
    for _ in range(2):
        with pytest.raises(IntegrityError, match="is damaged"):
            listed(read_only.deps, Kind.MEMBER, Filter())


# --- a registry that is newer than this tool


def test_an_older_tool_stops_at_a_newer_format_and_keeps_what_it_knew(reader: Office) -> None:
    host = reader.host
    data = new_root(host.world, "ada", threshold=1, format=FORMAT + 1)
    newer = host.enter({str(TWO): data, **armor(host.world, data, "ada")})
    # The new root itself is judged by the old format; what comes after it is not for this tool.
    assert sync(reader.deps).commit == newer
    right = dump(reader.home)
    after = host.enter(host.cube("forest"))
    with pytest.raises(IntegrityError, match="format") as refused:
        sync(reader.deps)
    assert (refused.value.exit_code, str(FORMAT + 1) in refused.value.message) == (10, True)
    assert after[:12] in refused.value.message
    assert dump(reader.home) == right
    assert [row["id"] for row in listed(reader.deps, Kind.CUBE, Filter())] == []
