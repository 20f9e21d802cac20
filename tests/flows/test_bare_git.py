"""Members with clones, and a bare repository with its real hooks between them: no server, no mock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medperf_cli.adapters.forge.base import RequestState
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN, RequestRef, request_id
from medperf_cli.errors import ConfigurationError, ConflictError, RejectedError, UnknownIdError
from medperf_cli.flows.init_bare import init_bare, install_hooks, make_empty
from medperf_cli.flows.merge_bot import Fate, run_once
from tests.support.hosting import Hosted, Member, clock, hosted, replays
from tests.support.story import STEPS, cube_fields
from tests.support.world import World, genesis, member_file

HOSPITAL = "members/general-hospital/1.yml"


def cube(host: Hosted, name: str = "forest", **fields: object) -> dict[str, bytes]:
    return host.world.write(Kind.CUBE, f"acme/{name}", **cube_fields("model", "infer", "4", **fields))


@pytest.mark.parametrize("host", [8], indirect=True)
def test_the_story_from_benchmark_to_result_travels_through_requests(host: Hosted) -> None:
    owner = host.member("owner")
    for _, make in STEPS[8:]:
        parts = make(host.world)
        request = owner.open(*parts)
        assert request.state is RequestState.MERGED
        host.world.merge(*parts)
        assert host.stands()
    assert list(host.refs()) == [MAIN]
    reader = host.member("reader")
    head = reader.upstream.fetch()[MAIN]
    assert len(list(reader.store.history(head))) == len(STEPS)
    assert replays(reader.store, head)


def test_a_request_waits_until_its_decision_arrives(host: Hosted) -> None:
    hospital, admin = host.member("hospital"), host.member("admin")
    files = member_file(host.world, "general-hospital")
    request = hospital.open(files, author="general-hospital")
    assert request.state is RequestState.OPEN
    found = admin.forge.list()
    assert [(r.id, r.author, r.title) for r in found] == [(request.id, "general-hospital", "add 2 files")]
    assert admin.store.change(found[0].base, found[0].head).added == files
    vote = host.world.decide("ada", HOSPITAL, added=files)
    assert admin.forge.decide(found[0], "ada", vote).state is RequestState.MERGED
    host.world.merge(files, vote)
    assert host.stands()
    assert hospital.forge.list() == []
    with pytest.raises(UnknownIdError, match="is no open request"):
        hospital.forge.read(request.id)


def test_submitting_twice_is_one_request(host: Hosted) -> None:
    one, two = host.member("one"), host.member("two")
    files = member_file(host.world, "general-hospital")
    first = one.open(files)
    host.enter(cube(host))
    assert two.open(files) == first
    assert one.forge.read(first.id[:6]) == first
    assert len(one.forge.list()) == 1


def test_submitting_what_stands_in_main_is_done_already(host: Hosted) -> None:
    member = host.member()
    base = host.main()
    first = member.open(cube(host), base=base)
    again = member.open(cube(host), base=base)
    assert (first.state, again.state, again.id) == (RequestState.MERGED, RequestState.MERGED, first.id)


def test_decisions_of_one_member_come_one_by_one_and_twice(host: Hosted) -> None:
    admin = host.member("admin")
    files = member_file(host.world, "general-hospital") | member_file(host.world, "city-clinic")
    request = admin.open(files)
    first = host.world.decide("ada", HOSPITAL, added=files)
    second = host.world.decide("ada", "members/city-clinic/1.yml", added=files)
    once = admin.forge.decide(request, "ada", first)
    assert once.state is RequestState.OPEN
    assert admin.forge.decide(request, "ada", first) == once
    assert admin.forge.decide(request, "ada", second).state is RequestState.MERGED
    assert admin.forge.decide(request, "ada", second).state is RequestState.MERGED
    host.world.merge(files, first, second)
    assert host.stands()


def test_a_decision_without_the_role_is_told_why(host: Hosted) -> None:
    clara = host.member("clara")
    files = member_file(host.world, "general-hospital")
    request = clara.open(files)
    with pytest.raises(RejectedError, match=r"DEC003 .*'clara' is none of the admins"):
        clara.forge.decide(request, "clara", host.world.decide("clara", HOSPITAL, added=files))
    assert list(host.refs()) == [MAIN, str(RequestRef(request.id))]


def test_a_decision_on_what_was_merged_meanwhile_finds_no_request(host: Hosted) -> None:
    admin = host.member("admin")
    files = member_file(host.world, "general-hospital")
    request = admin.open(files)
    vote = host.world.decide("ada", HOSPITAL, added=files)
    other = host.world.decide("ada", HOSPITAL, added=files, reason="for another reason")
    admin.forge.decide(request, "ada", vote)
    with pytest.raises(UnknownIdError, match="is not open any more"):
        admin.forge.decide(request, "ada", other)


def test_a_rejected_request_is_told_every_finding_and_leaves_nothing(host: Hosted) -> None:
    files = {p: d for p, d in cube(host).items() if p.endswith(".yml")}
    with pytest.raises(RejectedError, match=r"TREE003 cubes/acme/forest/1\.yml: has no signature"):
        host.member().open(files)
    assert list(host.refs()) == [MAIN]


def test_a_taken_name_is_told_with_the_next_version(host: Hosted) -> None:
    base = host.main()
    member = host.member()
    mine = cube(host, description="mine")
    host.enter(cube(host, description="theirs"))
    with pytest.raises(ConflictError, match="version 2 is free") as caught:
        member.open(mine, base=base)
    assert "sync" in caught.value.hint


def test_the_same_name_by_two_at_once_goes_to_one(host: Hosted) -> None:
    base = host.main()
    files = [cube(host, description=text) for text in ("one", "two")]
    members = [host.member(name) for name in ("one", "two")]

    def submit(number: int) -> str:
        try:
            return members[number].open(files[number], base=base).state
        except ConflictError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(submit, range(2)))
    assert said[0] == RequestState.MERGED or said[1] == RequestState.MERGED
    assert any("TREE002 cubes/acme/forest/1.yml: is taken already" in text for text in said)
    with host.store() as store:
        assert replays(store, host.main())


def test_twenty_writers_at_once_lose_nothing(host: Hosted) -> None:
    base = host.main()
    files = [cube(host, f"model-{number}", description=f"the {number}th") for number in range(20)]
    members = [host.member(f"writer-{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        requests = list(pool.map(lambda n: members[n].open(files[n], base=base), range(20)))
    assert {request.state for request in requests} == {RequestState.MERGED}
    assert list(host.refs()) == [MAIN]
    with host.store() as store:
        assert len(store.first_parents(host.main(), base)) == 20
        assert store.change(base, host.main()).added == {p: d for part in files for p, d in part.items()}
        assert replays(store, host.main())


def test_requests_travel_over_ssh_too(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    member = host.member(url=host.over_ssh(monkeypatch))
    assert member.upstream.has_hooks() is None
    assert member.open(cube(host)).state is RequestState.MERGED
    with pytest.raises(RejectedError, match="TREE003"):
        member.open({p: d for p, d in cube(host, "other").items() if p.endswith(".yml")})


# --- what stock git can try


def test_stock_git_gets_nothing_past_the_hooks(host: Hosted) -> None:
    eve = host.member("eve")
    main = host.main()
    parent = eve.store.parent(main)
    unsigned = {p: d for p, d in cube(host).items() if p.endswith(".yml")}
    tries = {
        f"{main}:refs/tags/v1": "is not accepted",
        f"{main}:refs/heads/other": "is not accepted",
        f"+{parent}:{MAIN}": "does not go on from where main stands",
        f":{MAIN}": "may not be deleted",
        f"{eve.commit(main, unsigned)}:{MAIN}": "TREE003",
        f"{eve.commit(main, cube(host))}:{RequestRef('0' * 16)}": "the id of this request is",
    }
    for refspec, reason in tries.items():
        pushed = eve.push(refspec)
        assert not pushed.ok, refspec
        assert any(reason in line for line in pushed.remote), (refspec, pushed)
    assert host.refs() == {MAIN: main}


def test_one_bad_ref_spoils_the_whole_push(host: Hosted) -> None:
    eve = host.member("eve")
    good = cube(host)
    commit = eve.commit(host.main(), good)
    pushed = eve.push(f"{commit}:{RequestRef(request_id(good))}", f"{commit}:refs/tags/v1")
    assert len(pushed.refused) == 2
    assert list(host.refs()) == [MAIN]


def test_refused_objects_do_not_stay(host: Hosted) -> None:
    eve = host.member("eve")
    unsigned = {p: d for p, d in cube(host).items() if p.endswith(".yml")}
    commit = eve.commit(host.main(), unsigned)
    assert not eve.push(f"{commit}:{MAIN}").ok
    with host.store() as store:
        assert store.rev(commit) is None


# --- hosting


def test_without_hooks_nothing_is_sent_and_the_next_step_is_told(host: Hosted) -> None:
    host.unhook()
    member = host.member()
    files, base = cube(host), host.main()
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
    files, base = cube(host), host.main()
    with pytest.raises(ConfigurationError, match=r"ssh://hospital.*has no hooks"):
        member.open(files, base=base)
    with host.store() as store:
        assert [outcome.fate for outcome in run_once(store, clock)] == [Fate.MERGED]
    assert member.open(files, base=base).state is RequestState.MERGED


def test_a_bot_killed_while_it_waits_loses_nothing(host: Hosted) -> None:
    eve = host.member("eve")
    files = cube(host)
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


def test_hooks_run_isolated_from_whoever_pushes(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = host.folder / "hostile"
    (hostile / "ci").mkdir(parents=True)
    (hostile / "ci" / "__init__.py").write_text("raise SystemExit(0)\n")
    monkeypatch.setenv("PYTHONPATH", str(hostile))
    eve = host.member("eve")
    unsigned = {p: d for p, d in cube(host).items() if p.endswith(".yml")}
    assert not eve.push(f"{eve.commit(host.main(), unsigned)}:{MAIN}").ok
    for hook in ("pre-receive", "post-receive"):
        script = (host.path / "hooks" / hook).read_text()
        assert f"exec {sys.executable} -I -m ci.hook {hook}\n" in script


def test_a_hook_used_wrongly_says_how_it_is_used(host: Hosted) -> None:
    argv = [sys.executable, "-I", "-m", "ci.hook", "update"]
    done = subprocess.run(argv, cwd=host.path, input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout[:15]) == (2, b"medperf: usage:")
