"""Profiles on the command line: made, copied, chosen, removed; damaged ones named and repairable."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.terminal import Terminal


def settings(terminal: Terminal, *words: str) -> dict[str, tuple[object, str]]:
    rows = terminal("profile", "view", *words, "--json").ok().json
    return {row["setting"]: (row["value"], row["from"]) for row in rows}


def active(terminal: Terminal) -> list[str]:
    return [row["profile"] for row in terminal("profile", "ls", "--json").ok().json if row["active"]]


def test_a_profile_is_made_copied_and_used(terminal: Terminal) -> None:
    terminal("profile", "set", "member", "acme").ok()
    terminal("profile", "create", "night", "--copy", "default", "--set", "parallel=4").ok("night")
    assert active(terminal) == ["default"]
    terminal("profile", "activate", "night").ok("profile night is active")
    assert active(terminal) == ["night"]
    assert settings(terminal)["parallel"] == (4, "file")
    assert settings(terminal)["member"] == ("acme", "file")
    assert settings(terminal)["profile"] == ("night", "activate")
    assert settings(terminal, "default")["parallel"] == (1, "default")
    terminal("profile", "unset", "parallel").ok()
    assert settings(terminal)["parallel"] == (1, "default")


def test_a_profile_may_be_named_as_medperf_does(terminal: Terminal) -> None:
    terminal("profile", "create", "--name", "night", "--set", "assets=/a:/b").ok()
    assert settings(terminal, "night")["assets"] == ("/a:/b", "file")
    terminal("profile", "create", "-n", "day", "evening").failed(2, "MP-USAGE", "one name")
    terminal("profile", "create").failed(2, "MP-USAGE", "one name")


def test_the_environment_wins_and_the_view_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal("profile", "create", "night", "--set", "parallel=4").ok()
    monkeypatch.setenv("MEDPERF_PROFILE", "night")
    monkeypatch.setenv("MEDPERF_MEMBER", "clara")
    found = settings(terminal)
    assert found["profile"] == ("night", "MEDPERF_PROFILE")
    assert (found["member"], found["parallel"]) == (("clara", "MEDPERF_MEMBER"), (4, "file"))
    assert "wins while it is" in terminal("profile", "activate", "default").ok().err
    assert "wins while it is" in terminal("profile", "set", "member", "boris").ok().err
    terminal("profile", "delete", "night").failed(4, "MP-CONFIG", "MEDPERF_PROFILE names it")


def test_the_active_profile_is_not_removed_unasked(terminal: Terminal) -> None:
    terminal("profile", "create", "night").ok()
    terminal("profile", "activate", "night").ok()
    terminal("profile", "delete", "night").failed(2, "MP-USAGE", "is in use", "--force")
    terminal("profile", "delete", "night", "--force").ok("`default` is active")
    assert active(terminal) == ["default"]
    assert [row["profile"] for row in terminal("profile", "ls", "--json").json] == ["default"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "../evil"), "is no name of a profile"),
        (("create", "default"), "is there already"),
        (("create", "x", "--copy", "nigth"), "did you mean night?"),
        (("create", "x", "--set", "colour=red"), "'colour' is not a setting"),
        (("create", "x", "--set", "paralel=2"), "did you mean parallel?"),
        (("create", "x", "--set", "parallel"), "does not set anything"),
        (("create", "x", "--set", "parallel=1", "--set", "parallel=2"), "is set twice"),
        (("activate", "nigth"), "did you mean night?"),
        (("delete", "morning"), "there is no profile 'morning'"),
        (("view", "morning"), "there is no profile 'morning'"),
        (("unset", "colour"), "'colour' is not a setting"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    terminal("profile", "set", "member", "acme").ok()
    terminal("profile", "create", "night").ok()
    terminal("profile", *words).failed(2, "MP-USAGE", said)
    assert not (terminal.home / "profiles/x.yml").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("member", ""),
        ("member", "../acme"),
        ("registry", "../../etc"),
        ("key", ""),
        ("key", "~nobody-of-that-name/id"),
        ("assets", ""),
        ("parallel", "1.5"),
        ("parallel", "9" * 5000),
        ("timeout_minutes", "1000001"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(terminal: Terminal, setting: str, value: str) -> None:
    terminal("profile", "set", setting, value).failed(4, "MP-CONFIG", f"'{setting}' cannot be")
    assert not (terminal.home / "profiles/default.yml").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"- a list\n", "not a YAML mapping"),
        (b"a: [", "not a YAML mapping"),
        (b"\0", "not a YAML mapping"),
        (b"[" * 100_000, "not a YAML mapping"),
        (b"member: \xff\n", "not utf-8 text"),
        (b"colour: red\n", "'colour' is not a setting"),
        (b"parallel: many\n", "'parallel' cannot be 'many'"),
        (b"parallel: true\n", "'parallel' cannot be 'True'"),
        (b"timeout_minutes: 1.5\n", "'timeout_minutes' cannot be"),
        (b"member: {a: b}\n", "'member' cannot be"),
        (b"assets: [1]\n", "'assets' cannot be"),
    ],
)
def test_a_damaged_file_is_named_by_every_command(terminal: Terminal, text: bytes, said: str) -> None:
    file = terminal.home / "profiles/default.yml"
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    for words in (("profile", "view"), ("member", "ls"), ("key", "ls"), ("registry", "sync")):
        terminal(*words).failed(4, "MP-CONFIG", said, "default.yml")
    assert "(cannot be read: `profile view default` says why)" in terminal("profile", "ls").ok().out
    assert file.read_bytes() == text


def test_a_damaged_value_is_repaired_by_the_command_that_the_hint_names(terminal: Terminal) -> None:
    file = terminal.home / "profiles/default.yml"
    file.parent.mkdir(parents=True)
    file.write_text("parallel: many\ncolour: red\n")
    terminal("profile", "view").failed(4, "MP-CONFIG", "profile unset colour")
    terminal("profile", "unset", "colour").ok()
    terminal("profile", "view").failed(4, "MP-CONFIG", "`medperf profile set parallel VALUE`")
    terminal("profile", "set", "parallel", "2").ok()
    assert settings(terminal)["parallel"] == (2, "file")


def test_a_choice_of_nothing_is_said_and_can_be_undone(terminal: Terminal) -> None:
    choice = terminal.home / "profiles/active"
    choice.parent.mkdir(parents=True)
    choice.write_text("night\n")
    terminal("member", "ls").failed(4, "MP-CONFIG", "profile 'night' is active", "profile activate")
    choice.write_text("../x\n")
    terminal("member", "ls").failed(4, "MP-CONFIG", "is no name of a profile")
    assert active(terminal) == []
    terminal("profile", "activate", "default").ok()
    assert active(terminal) == ["default"]
    choice.unlink()
    choice.mkdir()
    terminal("member", "ls").failed(4, "MP-CONFIG", "active")


def test_a_folder_in_place_of_the_file_is_named(terminal: Terminal) -> None:
    (terminal.home / "profiles/default.yml").mkdir(parents=True)
    terminal("profile", "view").failed(4, "MP-CONFIG", "is a directory")
    terminal("profile", "set", "member", "acme").failed(4, "MP-CONFIG", "is a directory")


@pytest.mark.parametrize("home", ["relative/home", "~/elsewhere"])
def test_a_home_may_be_relative_or_begin_with_a_tilde(
    terminal: Terminal, home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal.at(Path(home))("profile", "set", "member", "acme").ok()
    expected = sealed / "elsewhere" if home.startswith("~") else tmp_path / home
    assert (expected / "profiles/default.yml").read_text() == "member: acme\n"


def test_a_home_that_cannot_be_told_is_a_matter_of_configuration(terminal: Terminal) -> None:
    terminal.at(Path("~nobody-of-that-name/x"))("member", "ls").failed(4, "MP-CONFIG", "MEDPERF_HOME")


def test_a_home_below_a_file_is_named(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    there = terminal.at(tmp_path / "file/home")
    there("profile", "set", "member", "acme").failed(4, "MP-CONFIG", str(tmp_path / "file"))
    there("profile", "activate", "default").failed(4, "MP-CONFIG")
    there("key", "new").failed(4, "MP-CONFIG")
    assert (tmp_path / "file").read_bytes() == b""
