"""A bare repository on its own: stock git against its hooks, hooks that are missing, and how it begins."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.requests import MAIN, RequestRef, request_id
from medperf_cli.errors import ConfigurationError, RejectedError
from medperf_cli.flows.founding.init_bare import init_bare, install_hooks, make_empty
from medperf_cli.flows.hosting.merge_bot import Fate, run_once
from tests.support.hosting import Hosted, Member, clock, hosted
from tests.support.world import World, genesis


def test_stock_git_gets_nothing_past_the_hooks(host: Hosted) -> None:
    eve = host.member("eve")
    main = host.main()
    parent = eve.store.parent(main)
    unsigned = {p: d for p, d in host.cube().items() if p.endswith(".yml")}
    tries = {
        f"{main}:refs/tags/v1": "is not accepted",
        f"{main}:refs/heads/other": "is not accepted",
        f"+{parent}:{MAIN}": "does not go on from where main stands",
        f":{MAIN}": "may not be deleted",
        f"{eve.commit(main, unsigned)}:{MAIN}": "TREE003",
        f"{eve.commit(main, host.cube())}:{RequestRef('0' * 16)}": "the id of this request is",
    }
    for refspec, reason in tries.items():
        pushed = eve.push(refspec)
        assert not pushed.ok, refspec
        assert any(reason in line for line in pushed.remote), (refspec, pushed)
    assert host.refs() == {MAIN: main}


def test_one_bad_ref_spoils_the_whole_push(host: Hosted) -> None:
    eve = host.member("eve")
    good = host.cube()
    commit = eve.commit(host.main(), good)
    pushed = eve.push(f"{commit}:{RequestRef(request_id(good))}", f"{commit}:refs/tags/v1")
    assert len(pushed.refused) == 2
    assert list(host.refs()) == [MAIN]


def test_refused_objects_do_not_stay(host: Hosted) -> None:
    eve = host.member("eve")
    unsigned = {p: d for p, d in host.cube().items() if p.endswith(".yml")}
    commit = eve.commit(host.main(), unsigned)
    assert not eve.push(f"{commit}:{MAIN}").ok
    with host.store() as store:
        assert store.rev(commit) is None


# --- hosting


def test_without_hooks_nothing_is_sent_and_the_next_step_is_told(host: Hosted) -> None:
    host.unhook()
    member = host.member()
    files, base = host.cube(), host.main()
    with pytest.raises(ConfigurationError, match="has no hooks") as caught:
        member.open(files, base=base)
    assert "medperf registry init --bare" in caught.value.hint
    assert host.refs() == {MAIN: base}
    install_hooks(host.path)
    assert member.open(files, base=base).state is RequestState.MERGED


def test_a_remote_without_hooks_is_noticed_by_its_silence(
    host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.unhook()
    member = host.member(url=host.over_ssh(monkeypatch))
    files, base = host.cube(), host.main()
    with pytest.raises(ConfigurationError, match=r"ssh://hospital.*has no hooks"):
        member.open(files, base=base)
    with host.store() as store:
        assert [outcome.fate for outcome in run_once(store, clock)] == [Fate.MERGED]
    assert member.open(files, base=base).state is RequestState.MERGED


def test_a_bot_killed_while_it_waits_loses_nothing(host: Hosted) -> None:
    eve = host.member("eve")
    files = host.cube()
    commit = eve.commit(host.main(), files)
    url = host.url
    with exclusive(host.path / "medperf-bot.lock", "another bot"):
        argv = ["git", f"--git-dir={eve.store.git.directory}", "push", url]
        push = subprocess.Popen(
            [*argv, f"{commit}:{RequestRef(request_id(files))}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while len(host.refs()) == 1:
            assert push.poll() is None
        os.killpg(push.pid, signal.SIGKILL)
        push.wait()
    with host.store() as store:
        assert [outcome.fate for outcome in run_once(store, clock)] == [Fate.MERGED]
    assert list(host.refs()) == [MAIN]


def test_genesis_may_be_pushed_where_its_root_is_pinned(tmp_path: Path) -> None:
    host = Hosted(tmp_path, World())
    make_empty(host.path, sha256(genesis()["root/1.yml"]))
    eve = Member(host, hosted(tmp_path / "elsewhere").store(), host.url)
    wrong = eve.push(f"{eve.commit(None, genesis(title='Another consortium'))}:{MAIN}")
    assert any("is not the root this repository was made for" in line for line in wrong.remote)
    assert eve.push(f"{eve.commit(None, genesis())}:{MAIN}").ok


def test_a_beginning_that_is_not_lawful_makes_no_repository(tmp_path: Path) -> None:
    files = genesis()
    del files["root/1.ada.sig"]
    with pytest.raises(RejectedError, match="GEN001"):
        init_bare(tmp_path / "hosted.git", files, clock=clock)
    assert list(tmp_path.iterdir()) == []
    init_bare(tmp_path / "hosted.git", genesis(), clock=clock)
    with pytest.raises(ConfigurationError, match="is not empty"):
        init_bare(tmp_path / "hosted.git", genesis(), clock=clock)


def test_a_shared_registry_can_be_written_by_its_group(tmp_path: Path) -> None:
    path = tmp_path / "hosted.git"
    init_bare(path, genesis(), clock=clock, shared=True)
    folders = [path, *(folder for folder in path.rglob("*") if folder.is_dir() and folder.name != "hooks")]
    assert [folder for folder in folders if not folder.stat().st_mode & stat.S_IWGRP] == []
    assert not (path / "hooks" / "pre-receive").stat().st_mode & stat.S_IWGRP


def test_hooks_run_isolated_from_whoever_pushes(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = host.folder / "hostile"
    (hostile / "ci").mkdir(parents=True)
    (hostile / "ci" / "__init__.py").write_text("raise SystemExit(0)\n")
    monkeypatch.setenv("PYTHONPATH", str(hostile))
    eve = host.member("eve")
    unsigned = {p: d for p, d in host.cube().items() if p.endswith(".yml")}
    assert not eve.push(f"{eve.commit(host.main(), unsigned)}:{MAIN}").ok
    for hook in ("pre-receive", "post-receive"):
        script = (host.path / "hooks" / hook).read_text()
        assert f"exec {sys.executable} -I -m ci.hook {hook}\n" in script


def test_a_hook_used_wrongly_says_how_it_is_used(host: Hosted) -> None:
    argv = [sys.executable, "-I", "-m", "ci.hook", "update"]
    done = subprocess.run(argv, cwd=host.path, input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout[:15]) == (2, b"medperf: usage:")
