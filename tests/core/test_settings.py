"""A user's settings: a file per profile, the environment above it, and what makes no sense refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import Settings, fields, load, save
from medperf_cli.errors import ConfigurationError, UsageError


def read(tmp_path: Path, **environ: str) -> Settings:
    return load({"MEDPERF_HOME": str(tmp_path / "home"), **environ}, tmp_path)


def profile(tmp_path: Path, text: str) -> None:
    file = tmp_path / "home/profiles/default.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    found = load({}, tmp_path)
    assert found.home == tmp_path / ".medperf"
    assert (found.registry, found.member, found.key, found.assets) == (None, None, None, ())
    assert (found.minimum_cell, found.parallel, found.cube_writable_root) == (11, 1, False)
    assert not (tmp_path / ".medperf").exists(), "looking at settings writes nothing"


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    changes = {"member": "acme", "key": Path("/keys/id"), "assets": [Path("/mnt/a"), Path("/mnt/b c")]}
    saved = save(read(tmp_path), changes)
    assert read(tmp_path) == saved
    assert saved.assets == (Path("/mnt/a"), Path("/mnt/b c"))
    assert saved.file.stat().st_mode & 0o777 == 0o600
    assert save(saved, {"member": "clara"}).key == Path("/keys/id")
    assert read(tmp_path).member == "clara"
    save(saved, {"key": None})
    assert read(tmp_path).key is None


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    save(read(tmp_path), {"member": "acme", "minimum_cell": 20})
    found = read(tmp_path, MEDPERF_MEMBER="clara", MEDPERF_ASSETS="/a:/b", MEDPERF_CUBE_WRITABLE_ROOT="true")
    assert (found.member, found.minimum_cell, found.cube_writable_root) == ("clara", 20, True)
    assert found.assets == (Path("/a"), Path("/b"))


def test_profiles_are_apart(tmp_path: Path) -> None:
    save(read(tmp_path, MEDPERF_PROFILE="night"), {"member": "acme"})
    assert read(tmp_path).member is None
    assert read(tmp_path, MEDPERF_PROFILE="night").member == "acme"
    with pytest.raises(ConfigurationError, match="is no name of a profile"):
        read(tmp_path, MEDPERF_PROFILE="../../etc/passwd")


def test_a_relative_path_is_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(read(tmp_path), {"key": "id", "assets": ["share"]})
    monkeypatch.chdir("/")
    assert read(tmp_path).key == tmp_path / "id"
    assert read(tmp_path).assets == (tmp_path / "share",)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("parallel", "0"),
        ("parallel", "many"),
        ("timeout_minutes", "-5"),
        ("minimum_cell", "1.5"),
        ("minimum_cell", "10"),
        ("cube_writable_root", "perhaps"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_and_the_file_stays(
    tmp_path: Path, setting: str, value: str
) -> None:
    settings = save(read(tmp_path), {"member": "acme"})
    before = settings.file.read_bytes()
    with pytest.raises(ConfigurationError, match=f"'{setting}' cannot be '{value}'"):
        save(settings, {setting: value})
    with pytest.raises(ConfigurationError, match=setting):
        read(tmp_path, **{f"MEDPERF_{setting.upper()}": value})
    assert settings.file.read_bytes() == before


def test_unknown_settings_are_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'colour' is not a setting") as refused:
        save(read(tmp_path), {"colour": "red"})
    assert all(name in refused.value.hint for name in fields())
    profile(tmp_path, "colour: red\n")
    with pytest.raises(ConfigurationError, match="'colour' is not a setting"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["- a list\n", "a: [", "\0", "just words", "1"])
def test_a_damaged_file_is_said_so_and_not_overwritten(tmp_path: Path, text: str) -> None:
    profile(tmp_path, text)
    for act in (lambda: read(tmp_path), lambda: save(Settings(tmp_path / "home"), {"member": "acme"})):
        with pytest.raises(ConfigurationError, match=r"default\.yml"):
            act()
    assert (tmp_path / "home/profiles/default.yml").read_text() == text


def test_an_empty_file_holds_the_defaults_and_an_unreadable_one_is_named(tmp_path: Path) -> None:
    profile(tmp_path, "")
    assert read(tmp_path).minimum_cell == 11
    (tmp_path / "home/profiles/default.yml").write_bytes(b"member: \xff\n")
    with pytest.raises(ConfigurationError, match="cannot read settings"):
        read(tmp_path)


def test_where_things_are_kept(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.registry_folder("0" * 32) == tmp_path / "home/registries" / ("0" * 32)
    assert found.dataset_folder("0" * 32, "st-mary/biopsies").is_relative_to(tmp_path / "home/data")
    assert {p.parent for p in (found.assets_folder, found.runs, found.scratch)} == {tmp_path / "home"}
