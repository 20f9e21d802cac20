"""Storage on the command line: seen, moved to another disk, cleaned up; nothing in use, nothing lost."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.executor.status import CellStatus, State
from medperf_cli.adapters.store import copying, switch
from medperf_cli.errors import ConfigurationError
from medperf_cli.flows.storage import move
from medperf_cli.flows.storage.parts import MOVABLE, PARTS
from tests.support.terminal import Terminal

PAGE = Path(__file__).resolve().parents[2] / "site_generator/content/command-line.md"
SALT = bytes(range(32))


def fill(home: Path) -> dict[str, bytes]:
    """A home with something in every part; gives what must never be lost."""
    files = {
        "data/r/st-mary/biopsies/salt": SALT,
        "data/r/st-mary/biopsies/prepared/data/a.csv": b"x" * 5000,
        "runs/" + "ab" * 32 + "/spec.json": b"{}",
        "runs/" + "ab" * 32 + "/attempt-1/predictions/p.csv": b"1,2\n" * 999,
        "assets/" + "cd" * 32: b"weights" * 1000,
        "keys/id_ed25519": b"secret",
        "hashes.sqlite": b"",
    }
    for name, data in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (home / "data/r/st-mary/biopsies/salt").chmod(0o600)
    (home / "data/r/st-mary/biopsies").chmod(0o700)
    (home / "assets" / ("cd" * 32)).chmod(0o444)
    (home / "runs" / ("ab" * 32) / "attempt-1/results").mkdir()
    (home / "runs" / ("ab" * 32) / "attempt-1/link").symlink_to("predictions")
    return files


def everything(home: Path) -> dict[str, tuple[int, Any]]:
    """Every file below a home, as it is reached from there, with permissions and bytes."""
    found: dict[str, tuple[int, Any]] = {}
    for part in MOVABLE:
        root = home / part
        for path in sorted(root.resolve().rglob("*")):
            name = f"{part}/{path.relative_to(root.resolve())}"
            content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[name] = (path.lstat().st_mode, content)
    return found


def test_the_table_of_parts_is_that_of_the_page() -> None:
    section = PAGE.read_text("utf-8").partition("## On disk\n")[2]
    named = [n for line in re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE) for n in line.split(", ")]
    assert [re.split(r"[`/]", name)[1] for name in named] == [part.name for part in PARTS]


def test_every_part_is_listed_with_its_size(terminal: Terminal) -> None:
    assert terminal("storage", "ls", "--json").ok().json == []
    fill(terminal.home)
    rows = {row["part"]: row for row in terminal("storage", "ls", "--json").ok().json}
    assert set(rows) == {"data", "runs", "assets", "keys", "hashes.sqlite"}
    assert (rows["data"]["files"], rows["data"]["bytes"]) == (2, 5032)
    assert "never" in rows["keys"]["may be removed"]
    assert "ASSETS" not in terminal("storage", "ls").ok("never the salt").out


@pytest.mark.parametrize("part", ["all", *MOVABLE])
def test_a_part_moves_and_comes_back_with_every_byte(terminal: Terminal, tmp_path: Path, part: str) -> None:
    fill(terminal.home)
    before = everything(terminal.home)
    disk = tmp_path / "disk"
    terminal("storage", "move", part, disk, "--yes").ok("is moved")
    assert everything(terminal.home) == before
    moved = MOVABLE if part == "all" else (part,)
    for name in moved:
        assert (terminal.home / name).readlink() == disk / name
    assert {p.name for p in disk.iterdir()} == set(moved)
    assert not [p for p in terminal.home.iterdir() if p.name.endswith((".moved", "move.json"))]
    terminal("storage", "move", part, "--target", disk, "--yes").ok("is there already")
    other = tmp_path / "other"
    terminal("storage", "move", part, other, "--yes").ok("is moved")
    assert everything(terminal.home) == before
    assert list(disk.iterdir()) == []
    terminal("storage", "move", part, terminal.home, "--yes").ok("is moved")
    assert everything(terminal.home) == before
    assert not any((terminal.home / name).is_symlink() for name in MOVABLE)
    assert list(other.iterdir()) == []


KILLED = """
import os, signal, sys
from medperf_cli.adapters.store import copying, switch
from pathlib import Path
module, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
owner = {"switch": switch, "copying": copying, "Path": Path}[module]
real = getattr(owner, name)
def last(*args, **kwargs):
    global count
    count -= 1
    if not count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
from medperf_cli.main import run
import medperf_cli.flows.storage.move
setattr(owner, name, last)
run(sys.argv[4:])
"""


@pytest.mark.e2e
@pytest.mark.parametrize(
    "moment",
    [
        ("copying", "_copy_file", 1),
        ("copying", "_copy_file", 2),
        ("copying", "_sha256", 2),
        ("copying", "listing", 2),
        ("Path", "rename", 1),
        ("Path", "rename", 2),
        ("switch", "write", 1),
        ("switch", "write", 2),
        ("switch", "write", 3),
        ("switch", "_link", 1),
        ("switch", "sync_folder", 1),
        ("switch", "forget", 1),
    ],
    ids=str,
)
def test_a_move_that_is_killed_loses_nothing_and_is_finished_by_the_same_command(
    terminal: Terminal, tmp_path: Path, moment: tuple[str, str, int]
) -> None:
    fill(terminal.home)
    before = everything(terminal.home)
    words = ("storage", "move", "data", str(tmp_path / "disk"), "--yes")
    argv = [sys.executable, "-c", KILLED, *map(str, moment), *words]
    environ = {**os.environ, "MEDPERF_HOME": str(terminal.home)}
    done = subprocess.run(argv, capture_output=True, env=environ, check=False)
    assert done.returncode == -9, done.stderr
    terminal("storage", "ls").ok()  # any command settles what must not be left
    assert (terminal.home / "data/r/st-mary/biopsies/salt").read_bytes() == SALT
    # Work goes on in between, and must not be lost either.
    fresh = terminal.home / "data/r/st-mary/biopsies/later.txt"
    fresh.write_bytes(b"later")
    terminal(*words).ok()
    after = everything(terminal.home)
    assert after.pop("data/r/st-mary/biopsies/later.txt")[1] == b"later"
    assert after == before
    assert (terminal.home / "data").readlink() == tmp_path / "disk/data"
    left = {p.name for p in terminal.home.iterdir()} | {p.name for p in (tmp_path / "disk").iterdir()}
    assert left <= {"data", "runs", "assets", "keys", "hashes.sqlite", "scratch", "storage.lock"}


@pytest.mark.e2e
@pytest.mark.parametrize(
    "moment", [("Path", "unlink", 1), ("Path", "rename", 1), ("switch", "forget", 1)], ids=str
)
def test_coming_back_may_be_killed_too(
    terminal: Terminal, tmp_path: Path, moment: tuple[str, str, int]
) -> None:
    fill(terminal.home)
    before = everything(terminal.home)
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").ok()
    words = ("storage", "move", "data", str(terminal.home), "--yes")
    argv = [sys.executable, "-c", KILLED, *map(str, moment), *words]
    environ = {**os.environ, "MEDPERF_HOME": str(terminal.home)}
    assert subprocess.run(argv, capture_output=True, env=environ, check=False).returncode == -9
    terminal("storage", "ls").ok()
    assert everything(terminal.home) == before
    terminal(*words).ok()
    assert everything(terminal.home) == before
    assert list((tmp_path / "disk").iterdir()) == []


def test_what_is_in_use_is_neither_moved_nor_removed(terminal: Terminal, tmp_path: Path) -> None:
    fill(terminal.home)
    scratch = terminal.home / "scratch/command-x"
    scratch.mkdir(parents=True)
    (terminal.home / "demo/x").mkdir(parents=True)
    with (scratch / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        terminal("storage", "move", "all", tmp_path / "disk", "--yes").failed(
            1, "MP-CONFLICT", "running cubes"
        )
        terminal("storage", "cleanup", "--yes").failed(1, "MP-CONFLICT", "running cubes")
        assert not (terminal.home / "data").is_symlink()
        assert scratch.exists()
    preparing = terminal.home / "data/r/st-mary/biopsies/lock"
    with preparing.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(1, "MP-CONFLICT")
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").ok()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("move", "keys", "DISK"), 2, "is not a part that is moved"),
        (("move", "data"), 2, "one target"),
        (("move", "data", "HOME/inside"), 2, "is inside"),
        (("move", "demo", "DISK"), 2, "is not a part"),
        (("move", "data", "FILE/x"), 4, "FILE"),
        (("move", "data", "~nobody-of-that-name/x"), 2, "is no folder"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(
    terminal: Terminal, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    fill(terminal.home)
    (tmp_path / "file").touch()
    places = {"DISK": tmp_path / "disk", "HOME": terminal.home, "FILE": tmp_path / "file"}
    for name, place in places.items():
        words = tuple(word.replace(name, str(place)) for word in words)
        said = said.replace(name, str(place))
    terminal("storage", *words, "--yes").failed(code, "MP-CONFIG" if code == 4 else "MP-USAGE", said)
    assert not (terminal.home / "data").is_symlink()


def test_a_stranger_in_the_new_place_is_left_alone(terminal: Terminal, tmp_path: Path) -> None:
    fill(terminal.home)
    (tmp_path / "disk/data").mkdir(parents=True)
    (tmp_path / "disk/data/theirs").write_text("theirs")
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(
        1, "MP-CONFLICT", "is there already"
    )
    assert (tmp_path / "disk/data/theirs").read_text() == "theirs"


def test_two_homes_that_share_a_disk_lose_nothing(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another home moved to the place of a move that broke off is not taken for a copy from here."""
    fill(terminal.home)
    words = ("storage", "move", "data", tmp_path / "disk", "--yes")
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_write", lambda _, target: (target.write_bytes(b"?"), "00")[1])
        terminal(*words).failed(10, "MP-INTEGRITY", "not what was")
    theirs = tmp_path / "disk/data/r/north/scans/salt"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"their only salt")
    terminal(*words).failed(1, "MP-CONFLICT", "is there already, and not from here")
    assert theirs.read_bytes() == b"their only salt"
    (tmp_path / "disk/data").rename(tmp_path / "disk/.data.unfinished.theirs")
    terminal(*words).ok()
    assert (terminal.home / "data/r/st-mary/biopsies/salt").read_bytes() == SALT


def test_two_homes_that_move_at_once_do_not_mix_their_copies(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(terminal.home)
    theirs = tmp_path / "disk/.data.unfinished"

    def faster(*_: object) -> None:
        theirs.mkdir(parents=True)

    monkeypatch.setattr(move, "_expect_room", faster)
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(4, "MP-CONFIG", "exists")
    assert list(theirs.iterdir()) == []


def test_a_copy_that_was_begun_elsewhere_is_told_and_not_left_behind(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(terminal.home)
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_write", lambda _, target: (target.write_bytes(b"?"), "00")[1])
        terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(10, "MP-INTEGRITY", "not what")
    left = tmp_path / "disk/.data.unfinished"
    assert left.is_dir()
    assert "moving 'data' to" in terminal("storage", "ls").ok().err
    done = terminal("storage", "move", "data", tmp_path / "other", "--yes").ok()
    assert f"removing the copy that was begun: '{left}'" in done.err
    assert not left.exists()
    assert (terminal.home / "data").readlink() == tmp_path / "other/data"
    assert "cut short" not in terminal("storage", "ls").ok().err


def test_without_room_or_with_a_disk_that_lies_nothing_is_moved(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(terminal.home)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 10})())
        terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(4, "MP-CONFIG", "bytes free")
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_write", lambda _, target: (target.write_bytes(b"?"), "00")[1])
        terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(
            10, "MP-INTEGRITY", "not what was"
        )
    assert not (terminal.home / "data").is_symlink()
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").ok()
    assert (terminal.home / "data/r/st-mary/biopsies/salt").read_bytes() == SALT


def test_a_disk_that_is_not_mounted_stops_work_and_is_named(terminal: Terminal, tmp_path: Path) -> None:
    fill(terminal.home)
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").ok()
    (tmp_path / "disk").rename(tmp_path / "away")
    assert "NOT THERE" in terminal("storage", "ls").ok().out
    terminal("storage", "move", "data", tmp_path / "disk", "--yes").failed(4, "MP-CONFIG", "mount its disk")
    assert not (tmp_path / "disk/data").exists()


def test_a_move_is_asked_about(terminal: Terminal, tmp_path: Path) -> None:
    fill(terminal.home)
    words = ("storage", "move", "data", tmp_path / "disk")
    terminal(*words).failed(2, "MP-USAGE", "no terminal")
    assert not (tmp_path / "disk").exists()
    assert "nothing was moved" in terminal(*words, typing="n\n").ok("2 files").err
    terminal(*words, "--dry-run").ok("nothing was moved")
    assert not (terminal.home / "data").is_symlink()
    terminal(*words, typing="y\n").ok()
    assert (terminal.home / "data").is_symlink()


def test_a_damaged_record_of_a_move_is_named(terminal: Terminal) -> None:
    fill(terminal.home)
    switch.journal(terminal.home).write_text("{")
    terminal("key", "ls").failed(4, "MP-CONFIG", "storage-move.json")


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """Tag, permissions and id of each entry, as Linux keeps them (acl(5), version 2)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.parametrize("known", [True, False])
def test_a_copy_gives_nobody_more_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """The group bits beside an access list are its mask: without the list the group would get them."""
    source, nobody = tmp_path / "source", 0xFFFFFFFF
    source.mkdir()
    (source / "a.csv").write_text("a patient")
    wanted = access_list((1, 6, nobody), (2, 6, 1234), (4, 0, nobody), (16, 6, nobody), (32, 0, nobody))
    try:
        os.setxattr(source / "a.csv", "system.posix_acl_access", wanted)
    except OSError:
        pytest.skip("this file system has no access lists")

    def refuse(*_: object) -> None:
        raise OSError

    if not known:
        monkeypatch.setattr(os, "setxattr", refuse)
    copying.copy_folder(source, tmp_path / "target", lambda _: None)
    copy = tmp_path / "target/a.csv"
    if known:
        assert os.getxattr(copy, "system.posix_acl_access") == wanted
    else:
        assert copy.stat().st_mode & 0o077 == 0


def test_a_copy_that_cannot_have_the_same_group_is_for_no_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.csv").write_text("a patient")
    (source / "a.csv").chmod(0o640)
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to a group it is not in")
    os.chown(source / "a.csv", 0, 4321)

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "chown", refuse)
    copying.copy_folder(source, tmp_path / "target", lambda _: None)
    assert (tmp_path / "target/a.csv").stat().st_mode & 0o777 == 0o600


def test_a_pipe_among_the_files_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    os.mkfifo(source / "pipe")
    with pytest.raises(ConfigurationError, match="neither file nor folder"):
        copying.copy_folder(source, tmp_path / "target", lambda _: None)


def test_cleaning_up_removes_what_nothing_needs_and_nothing_else(hospital: Terminal) -> None:
    home = hospital.home
    fill(home)
    clutter = [
        home / "scratch/command-dead/file",
        home / "demo/x/prepared/a",
        home / "tests/data/0123/prepared/data/a.csv",
        home / "laid-out" / ("ef" * 32) / "weights",
        home / "laid-out" / f"{'ef' * 32}.sums",
        home / "assets" / ("cd" * 32),
    ]
    for path in clutter:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (home / "tests/0123456789ab.json").write_text("{}")
    (index,) = home.glob("registries/*/index.sqlite")
    needed = re.findall(rb"sha256: ([0-9a-f]{64})\n", index.read_bytes())[0].decode()
    (home / "assets" / needed).touch()
    failed = home / "runs" / ("12" * 32) / "attempt-1"
    (failed / "predictions").mkdir(parents=True)
    (failed / "predictions/half.csv").touch()
    (failed / "infer.log").touch()
    record = CellStatus(state=State.FAILED, code="MP-CONTAINER", message="it failed")
    (failed / "status.json").write_bytes(record.to_bytes())
    clutter.append(failed / "predictions/half.csv")
    kept = {p for p in home.rglob("*") if p.is_file() and p not in clutter and "scratch" not in str(p)}
    assert "nothing" not in hospital("storage", "cleanup", "--dry-run").ok("This will be removed").out
    assert all(path.exists() for path in clutter)
    hospital("storage", "cleanup").failed(2, "MP-USAGE", "no terminal")
    hospital("storage", "cleanup", "--yes").ok("bytes are free again")
    assert not [path for path in clutter if path.exists()]
    assert all(path.exists() for path in kept)
    assert (home / "data/r/st-mary/biopsies/salt").read_bytes() == SALT
    hospital("storage", "cleanup", "--yes").ok("0 bytes are free again")


def test_assets_stay_where_no_registry_says_what_is_needed(terminal: Terminal) -> None:
    fill(terminal.home)
    terminal("storage", "cleanup", "--yes").ok("0 bytes are free again")
    assert (terminal.home / "assets" / ("cd" * 32)).exists()
