"""`medperf doctor`: every state that can be made is made, and each says its repair."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from medperf_cli.commands import console
from medperf_cli.errors import ConfigurationError
from medperf_cli.flows.doctor import machine, registry
from medperf_cli.flows.doctor.checkup import CHECKS, checkup, rows_of
from medperf_cli.flows.doctor.finding import Finding, State, World, fail, ok, warn
from medperf_cli.render.doctor import as_text
from tests.support.hosting import Hosted
from tests.support.terminal import Done, Terminal

GOLDEN = """\
ok    git     git 2.39
warn  engine  no docker engine: '/x' does not exist
              next: start Docker
fail  key     key file '/k?[31m' is gone
              next: choose another

1 ok, 1 to look at, 1 to repair
"""


def states(done: Done) -> dict[str, tuple[str, str, str]]:
    return {row["check"]: (row["state"], row["found"], row["repair"]) for row in done.json}


def doctor(terminal: Terminal, *words: str) -> dict[str, tuple[str, str, str]]:
    done = terminal("doctor", "--json", *words)
    found = states(done)
    assert done.code == int(any(state == "fail" for state, _, _ in found.values())), done.out
    assert "Traceback" not in done.err
    for name, (state, text, repair) in found.items():
        assert text, name
        assert bool(repair) == (state != "ok"), name
    return found


def test_what_was_found_is_shown_as_it_was_looked_at() -> None:
    found = {
        "git": ok("git 2.39"),
        "engine": warn("no docker engine: '/x' does not exist", "start Docker"),
        "key": fail("key file '/k\x1b[31m' is gone", "choose another"),
    }
    rows = rows_of(checkup(None, {n: lambda _, f=f: f for n, f in found.items()}))  # type: ignore[arg-type, misc]
    assert as_text(rows) == GOLDEN


def test_a_check_that_crashes_or_hangs_stops_no_other() -> None:
    def crash(_: World) -> Finding:
        raise ZeroDivisionError

    def refuse(_: World) -> Finding:
        raise ConfigurationError("no", hint="yes")

    def hang(_: World) -> Finding:
        time.sleep(60)
        return ok("never")

    table = {"crash": crash, "hang": hang, "refuse": refuse, "well": lambda _: ok("well")}
    began = time.monotonic()
    found = {c.name: c.finding for c in checkup(None, table, seconds=1.0)}  # type: ignore[arg-type]
    assert time.monotonic() - began < 30
    assert {name: f.state for name, f in found.items()} == {
        "crash": State.FAIL,
        "hang": State.FAIL,
        "refuse": State.FAIL,
        "well": State.OK,
    }
    assert "ZeroDivisionError" in found["crash"].text
    assert "no answer" in found["hang"].text
    assert found["refuse"] == fail("no", "yes")


def test_on_a_new_machine_nothing_fails_and_nothing_is_written(terminal: Terminal) -> None:
    found = doctor(terminal)
    assert set(found) == set(CHECKS)
    assert {name for name, (state, _, _) in found.items() if state == "warn"} >= {"key", "registry", "member"}
    assert not terminal.home.exists()


def test_at_a_hospital_all_is_well(hospital: Terminal) -> None:
    found = doctor(hospital)
    for name in ("key", "signature", "registry", "reachable", "root", "clock", "member", "file system"):
        assert found[name][0] == "ok", (name, found[name])
    assert "answers" in found["reachable"][1]
    assert "--offline" in doctor(hospital, "--offline")["reachable"][1]
    assert "rename and lock work" in found["file system"][1]
    assert not list(hospital.home.glob(".doctor-*"))


def test_a_registry_that_is_gone_is_not_reachable(hospital: Terminal, told: Hosted) -> None:
    pin = next(hospital.home.glob("registries/*/index.sqlite"))
    with sqlite3.connect(pin) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'url'", (f"{told.url}-gone",))
    connection.close()
    state, text, repair = doctor(hospital)["reachable"]
    assert (state, "gone" in text) == ("fail", True)
    assert "address" in repair
    assert doctor(hospital, "--offline")["reachable"][0] == "ok"


def test_keys_that_cannot_sign_are_named(hospital: Terminal, tmp_path: Path) -> None:
    key = tmp_path / "key"
    hospital("key", "new", "--file", key).ok()
    found = doctor(hospital)
    assert found["member"][0] == "fail"
    assert "is not one of member 'st-mary'" in found["member"][1]
    key.chmod(0o644)
    found = doctor(hospital)
    assert (found["key"][0], found["signature"][0]) == ("fail", "fail")
    assert f"chmod 600 {key}" in found["key"][2]
    key.chmod(0o600)
    key.write_text("rubbish")
    assert doctor(hospital)["signature"][0] == "fail"
    key.unlink()
    found = doctor(hospital)
    assert "no such file" in found["key"][1]
    assert found["signature"][0] == "fail"


def test_a_member_that_the_registry_does_not_know_is_named(
    hospital: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDPERF_MEMBER", "nobody-here")
    assert doctor(hospital)["member"][:2] == (
        "fail",
        "'nobody-here' is not a member of this registry, or not yet",
    )


def test_settings_that_cannot_be_read_do_not_stop_the_other_checks(terminal: Terminal) -> None:
    file = terminal.home / "profiles/default.yml"
    file.parent.mkdir(parents=True)
    file.write_text("parallel: many\n")
    found = doctor(terminal)
    assert found["settings"][0] == "fail"
    assert "'parallel' cannot be 'many'" in found["settings"][1]
    assert found["git"][0] == "ok"


@pytest.mark.parametrize(("at", "root"), [("2020-01-01", "ok"), ("2026-01-01", "ok"), ("2090-01-01", "fail")])
def test_clock_and_root_are_judged_by_the_time(
    hospital: Terminal, monkeypatch: pytest.MonkeyPatch, at: str, root: str
) -> None:
    now = dt.datetime.fromisoformat(f"{at}T00:00:00+00:00")
    monkeypatch.setattr(console, "utc_now", lambda: now)
    found = doctor(hospital)
    assert found["root"][0] == root
    if at.startswith("2020"):
        assert found["clock"][0] == "fail"


def test_a_clock_before_the_last_change_fails(hospital: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_FIRST_YEAR", 1970)
    monkeypatch.setattr(console, "utc_now", lambda: dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
    state, text, repair = doctor(hospital)["clock"]
    assert (state, "before the registry's last change" in text) == ("fail", True)
    assert "timedatectl" in repair


def test_programs_that_are_missing_or_old_are_named(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    found = doctor(terminal)
    assert (found["git"][0], found["openssh"][0]) == ("fail", "fail")
    for name, said in (("git", "git version 2.20.1"), ("ssh-keygen", "usage"), ("ssh", "OpenSSH_7.9p1")):
        program = programs / name
        program.write_text(f"#!{shutil.which('sh', path='/bin:/usr/bin')}\necho '{said}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}/")  # another spelling: versions are remembered by it
    found = doctor(terminal)
    assert "git is too old" in found["git"][1]
    assert "too old to sign" in found["openssh"][1]


def test_an_agent_that_does_not_answer_is_a_warning(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
    assert doctor(terminal)["agent"][0] == "warn"


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_does_not_answer_is_a_warning(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    found = doctor(terminal)
    assert (found["engine"][0], found["isolation"][0]) == ("warn", "warn")
    assert "reading, deciding and verifying need none" in found["engine"][1]


def test_a_full_disk_and_a_home_that_cannot_be_fail(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)
    for free, state in ((1 << 20, "fail"), (5 << 30, "warn"), (50 << 30, "ok")):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: usage._replace(free=free))
        assert doctor(terminal)["disk"][0] == state
    (tmp_path / "file").touch()
    found = doctor(terminal.at(tmp_path / "file/home"))
    assert (found["home"][0], found["settings"][0]) == ("fail", "fail")
    terminal.home.mkdir(mode=0o777)
    terminal.home.chmod(0o777)
    assert doctor(terminal)["home"][0] == "warn"


def test_a_network_file_system_is_named_and_one_that_cannot_lock_fails(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal.home.mkdir()
    mounts = tmp_path / "mountinfo"
    here = tmp_path.resolve()
    lines = ("1 0 8:1 / / rw - ext4 /dev/sda rw", f"2 1 0:1 / {here} rw shared:1 - nfs4 server:/x rw")
    mounts.write_text("\n".join(lines))
    monkeypatch.setattr(machine, "_MOUNTS", mounts)
    state, text, _ = doctor(terminal)["file system"]
    assert (state, text) == ("ok", "nfs4, over the network; rename and lock work")
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    assert doctor(terminal)["file system"][:2] == ("fail", "nfs4, over the network: a lock keeps nobody out")


def test_proxies_are_shown_without_passwords(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    state, text, _ = doctor(terminal)["proxy"]
    assert (state, "secret" in text, "proxy.example" in text) == ("ok", False, True)
    monkeypatch.setenv("https_proxy", "http://other.example:1")
    assert doctor(terminal)["proxy"][0] == "warn"


def test_a_password_in_the_registrys_address_is_not_shown(hospital: Terminal) -> None:
    (index,) = hospital.home.glob("registries/*/index.sqlite")
    with contextlib.closing(sqlite3.connect(index)) as opened, opened:
        opened.execute("UPDATE meta SET value = 'https://me:se@cret@127.0.0.1:9/x' WHERE key = 'url'")
    (row,) = hospital("registry", "ls", "--json").ok().json
    assert row["url"] == "https://127.0.0.1:9/x"
    assert "cret" not in hospital("doctor", "--offline", "--json").out


def test_people_get_a_table_and_the_exit_code(terminal: Terminal, tmp_path: Path) -> None:
    shown = terminal("doctor").ok("ok    python", "next: ", "to look at, 0 to repair")
    assert shown.err == ""
    (tmp_path / "file").touch()
    assert terminal.at(tmp_path / "file/home")("doctor").code == 1
