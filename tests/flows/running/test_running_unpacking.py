"""Archives are hostile: whatever stands in one, nothing lands outside and nothing floods the disk."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from medperf_cli.errors import IntegrityError
from medperf_cli.flows.running.unpacking import Bounds, unpack


def archive(folder: Path, *members: tuple[str, bytes, str | bytes], mode: int = 0o644) -> Path:
    path = folder / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                tar.addfile(info)
    return path


REG, SYM, LNK, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "outer/inside"
    folder.mkdir(parents=True)
    return folder


def test_files_folders_and_links_that_stay_inside_are_unpacked(tmp_path: Path, inside: Path) -> None:
    members = (
        ("./", DIR, ""),
        ("./a/b.txt", REG, b"hello"),
        ("a/link", SYM, "b.txt"),
        ("copy", LNK, "./a/b.txt"),
    )
    unpack(archive(tmp_path, *members, mode=0o6755), inside)
    assert (inside / "a/link").read_text() == (inside / "copy").read_text() == "hello"
    assert (inside / "copy").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "members",
    [
        [("/etc/evil", REG, b"x")],
        [("../evil", REG, b"x")],
        [("a/../../evil", REG, b"x")],
        [("link", SYM, "/etc")],
        [("link", SYM, "../..")],
        [("a/link", SYM, "../../evil")],
        [("a", SYM, "b/.."), ("b", SYM, "."), ("a/evil", REG, b"x")],
        [("a", SYM, "a"), ("a/evil", REG, b"x")],
        [("a", REG, b"x"), ("a", REG, b"y")],
        [("a", SYM, "b"), ("a", REG, b"y")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("device", tarfile.CHRTYPE, "")],
        [("hard", LNK, "nowhere")],
        [("hard", LNK, "/etc/passwd")],
        [("a/", REG, b"x"), ("a/b", REG, b"x")],
    ],
)
def test_members_that_lead_outside_or_are_odd_are_refused(
    tmp_path: Path, inside: Path, members: list[tuple[str, bytes, str | bytes]]
) -> None:
    with pytest.raises(IntegrityError, match=r"'archive.tar.gz' cannot be unpacked"):
        unpack(archive(tmp_path, *members), inside)
    assert {p.name for p in tmp_path.iterdir()} == {"archive.tar.gz", "outer"}
    assert [p.name for p in inside.parent.iterdir()] == ["inside"]


def test_floods_are_stopped(tmp_path: Path, inside: Path) -> None:
    path = archive(tmp_path, ("zeros", REG, bytes(10_000_000)), ("b", REG, b"x"))
    with pytest.raises(IntegrityError, match="more than 1000000 bytes"):
        unpack(path, inside, bounds=Bounds(size=1_000_000))
    assert sum(p.stat().st_size for p in inside.iterdir()) <= 1_000_000
    (inside / "zeros").unlink()
    with pytest.raises(IntegrityError, match="more than 1 files"):
        unpack(path, inside, bounds=Bounds(files=1))


@pytest.mark.parametrize("cut", [10, 40, -20])
def test_what_is_no_archive_is_refused(tmp_path: Path, inside: Path, cut: int) -> None:
    path = archive(tmp_path, ("a", REG, b"x" * 5000))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(IntegrityError, match="cannot be unpacked"):
        unpack(path, inside)


@pytest.mark.parametrize("squeezed", ["gz", "bz2", "xz"])
def test_damage_inside_a_compressed_archive_is_refused(tmp_path: Path, inside: Path, squeezed: str) -> None:
    path = tmp_path / f"archive.tar.{squeezed}"
    content = b"".join(b"%d " % (n * n) for n in range(200_000))
    with tarfile.open(path, f"w:{squeezed}") as tar:  # type: ignore[call-overload]
        info = tarfile.TarInfo("a")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="cannot be unpacked"):
        unpack(path, inside)
