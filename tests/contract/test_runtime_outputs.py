"""Hostile outputs, on a real file system."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medperf_cli.adapters.runtime.logs import CappedLog, last_lines
from medperf_cli.adapters.runtime.mounts import clear_scratch, ready
from medperf_cli.adapters.runtime.outputs import Usage, check_outputs, measure, read_bounded, refuse_growth
from medperf_cli.errors import ContainerError
from tests.support.runtime import Site, User, script

ROOMY = {"max_bytes": 1 << 20, "max_files": 100}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/results.yaml").write_text("accuracy: 0.9\n")
    return folder


def test_honest_outputs_pass_and_are_counted(out: Path) -> None:
    (out / "latest").symlink_to("inner/results.yaml")

    assert check_outputs([out], **ROOMY) == Usage(files=4, size=4096)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "inner/../../secret", "chain"])
def test_a_symlink_out_of_the_folder_is_refused_by_name(out: Path, target: str) -> None:
    (out.parent / "secret").write_text("x")
    (out / "chain").symlink_to(out.parent)
    (out / "inner/results.csv").symlink_to(target)

    with pytest.raises(ContainerError, match=r"(chain|results\.csv)' is a symlink that leads outside"):
        check_outputs([out], **ROOMY)


def test_an_output_that_became_a_symlink_is_refused(out: Path, tmp_path: Path) -> None:
    (tmp_path / "report.yaml").symlink_to(out / "inner/results.yaml")

    with pytest.raises(ContainerError, match=r"report\.yaml' is a symlink"):
        check_outputs([tmp_path / "report.yaml"], **ROOMY)


def test_links_in_a_loop_are_refused(out: Path) -> None:
    (out / "a").symlink_to("b")
    (out / "b").symlink_to("a")

    with pytest.raises(ContainerError, match="is a symlink"):
        check_outputs([out], **ROOMY)


def test_what_is_no_file_is_refused(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(out / "pipe")
    with pytest.raises(ContainerError, match="pipe' is neither a file nor a folder"):
        check_outputs([out], **ROOMY)
    (out / "pipe").unlink()

    monkeypatch.chdir(out)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("door")
        with pytest.raises(ContainerError, match="door' is neither a file nor a folder"):
            check_outputs([out], **ROOMY)


@pytest.mark.parametrize("bit", [stat.S_ISUID, stat.S_ISGID])
def test_a_file_that_would_run_as_the_caller_is_refused(out: Path, bit: int) -> None:
    (out / "shell").touch()
    (out / "shell").chmod(0o755 | bit)

    with pytest.raises(ContainerError, match="shell' is a set-user-id"):
        check_outputs([out], **ROOMY)


def test_growth_is_found_in_bytes_and_in_files(out: Path) -> None:
    with (out / "sparse").open("wb") as file:
        file.truncate(10 << 30)  # takes no blocks on disk, and would fill memory when read
    with pytest.raises(ContainerError, match="outputs grew past 1048576 bytes"):
        check_outputs([out], **ROOMY)
    (out / "sparse").unlink()

    for index in range(50):
        (out / f"empty-{index}").touch()
    with pytest.raises(ContainerError, match="the scratch folder grew past 20 files"):
        refuse_growth([out], max_bytes=1 << 20, max_files=20, what="scratch folder")
    assert measure([out], max_bytes=1 << 20, max_files=20).files == 21, "counting stops at the limit"


def test_what_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert measure([tmp_path / "absent"], **ROOMY) == Usage(0, 0)


def test_a_folder_too_deep_to_look_into_is_refused(out: Path) -> None:
    at = os.open(out, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=at)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)

    with pytest.raises(ContainerError, match="cannot be read: file name too long"):
        check_outputs([out], **ROOMY)


def test_reading_is_bounded_and_follows_nothing(out: Path) -> None:
    results = out / "inner/results.yaml"
    assert read_bounded(results, 14) == b"accuracy: 0.9\n"
    assert read_bounded(results, 100, below=out) == b"accuracy: 0.9\n"

    (out / "link").symlink_to("inner")
    (out / "file").symlink_to("inner/results.yaml")
    os.mkfifo(out / "pipe")
    for path, says in (
        (out / "inner/absent", "no such file"),
        (out / "link/results.yaml", "not a directory"),
        (out / "file", "it is a symlink"),
        (out / "pipe", "is not a regular file"),
        (out / "inner", "is not a regular file"),
        (out / "inner/../inner/results.yaml", "has '..' in its path"),
    ):
        with pytest.raises(ContainerError, match=says):
            read_bounded(path, 100, below=out)
    with pytest.raises(ContainerError, match="larger than 13 bytes"):
        read_bounded(results, 13)


@given(st.lists(st.binary(max_size=400), max_size=30), st.integers(min_value=100, max_value=2000))
@hypothesis_settings(deadline=None, max_examples=40)
def test_a_log_keeps_its_beginning_and_its_end(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], cap: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "task.log"
    with CappedLog(path, cap) as log:
        for chunk in chunks:
            log.write(chunk)

    said, kept = b"".join(chunks), path.read_bytes()
    if len(said) <= cap:
        assert kept == said
    else:
        note = f"\n[medperf: {len(said) - cap} bytes left out here]\n".encode()
        assert kept == said[: cap - cap // 4] + note + said[-(cap // 4) :]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_does_not_follow_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "log").symlink_to("precious")

    with pytest.raises(OSError, match="symbolic"):
        CappedLog(tmp_path / "log", 100)
    assert (tmp_path / "precious").read_text() == "kept"


def test_the_last_lines_are_safe_to_print(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"1\n\n\x1b[2J2\n\xff3\n" + b"x" * 3000 + b"\n")

    assert last_lines(tmp_path / "log", 3) == (r"\x1b[2J2", "�3", "x" * 500)
    assert last_lines(tmp_path / "absent") == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "p.yaml").unlink(), "p.yaml' does not exist"),
        (lambda f: ((f / "p.yaml").unlink(), (f / "p.yaml").mkdir()), "p.yaml' is not a file"),
        (lambda f: (f / "out").symlink_to("/"), "out' is a symlink"),
        (lambda f: (f / "out").write_text("taken"), "out' cannot be made: file exists"),
    ],
)
def test_paths_that_do_not_fit_are_named(tmp_path: Path, change: object, says: str) -> None:
    site = Site(tmp_path / "site", "cell", User(1, 1))
    assert callable(change)
    change(site.folder)

    with pytest.raises(ContainerError, match=says):
        ready(site.spec(f"sha256:{'a' * 64}", script("true")))


def test_a_scratch_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", "cell", User(os.getuid(), os.getgid()))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    spec = ready(site.spec(f"sha256:{'a' * 64}", script("true")))
    (spec.scratch / "link").symlink_to(tmp_path / "precious")
    os.mkfifo(spec.scratch / "pipe")
    deep = spec.scratch
    for _ in range(1200):  # deeper than Python's recursion
        deep /= "d"
        deep.mkdir()
    deep.chmod(0)

    clear_scratch(spec)

    assert list((site.folder / "scratch").iterdir()) == []
    assert (tmp_path / "precious/file").exists()
