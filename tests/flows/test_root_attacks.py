"""A new root against whoever would change who decides without the admins that are asked."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from medperf_cli.core.requests import MAIN, PULLS, RequestRef, request_id
from medperf_cli.core.snapshot import Change
from medperf_cli.flows.hosting.merge_bot import Fate, run_once
from tests.support.admins import TWO, armor, board, new_root, next_keys
from tests.support.desk import LATER
from tests.support.gate import Gate, only
from tests.support.hosting import Hosted, Member
from tests.support.keys import member_key


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Hosted:
    """Two of three admins decide; `dan` and `eve` are members."""
    return board(tmp_path_factory.mktemp("trio"), "dan", "eve")


@pytest.fixture
def gate(trio: Hosted, tmp_path: Path) -> Iterator[Gate]:
    host = trio.copy(tmp_path)
    with host.store() as store:
        yield Gate(host, store, Member(host, store, host.url))


def asked(gate: Gate, data: bytes, *by: str, version: int = 2) -> tuple[str, str, dict[str, bytes]]:
    path = TWO.at(version)
    files = {str(path): data}
    for admin in by:
        files |= armor(gate.world, data, admin, path=path)
    return *gate.opened(files), files


def delivered(gate: Gate, number: str, head: str, admin: str, files: dict[str, bytes]) -> list[str]:
    return gate.ask(RequestRef(number, admin), gate.maker.commit(head, files))


def overwriting(gate: Gate, head: str, files: dict[str, bytes]) -> str:
    """A commit on a request's head that puts other bytes in place of its files, as only plumbing makes it."""
    git = gate.maker.git
    lines = git("ls-tree", "-r", head)
    for path, data in files.items():
        oid = git("hash-object", "-w", "--stdin", stdin=data)
        lines = "\n".join(line for line in lines.splitlines() if not line.endswith(f"\tregistry/{path}"))
        lines += f"\n100644 blob {oid}\tregistry/{path}"
    entries = lines.replace(" blob ", " ").encode() + b"\n"
    with tempfile.NamedTemporaryFile() as index:
        Path(index.name).unlink()
        environ = {**os.environ, "GIT_INDEX_FILE": index.name, "GIT_DIR": str(gate.store.git.directory)}
        for words, given in ((["update-index", "--index-info"], entries), (["write-tree"], b"")):
            done = subprocess.run(["git", *words], input=given, capture_output=True, check=True, env=environ)
        Path(index.name).touch()
    return gate.maker.commit_tree(done.stdout.decode().strip(), head)


def test_a_root_waits_as_a_request_once_an_admin_signed_it(gate: Gate) -> None:
    data = new_root(gate.world)
    assert gate.request({str(TWO): data, **armor(gate.world, data, "ada")}) == []
    only(gate.request({str(TWO): data}), "is signed by no admin of the registry")


def test_a_root_that_only_its_own_admins_signed_is_no_request(gate: Gate) -> None:
    data = new_root(gate.world, "dan", "eve")
    files = {str(TWO): data, **armor(gate.world, data, "dan"), **armor(gate.world, data, "eve")}
    only(gate.request(files), "is signed by no admin of the registry")
    only(gate.to_main(files), "has 0 of 2 signatures by the admins of the root it replaces")


def test_one_admin_alone_changes_nothing(gate: Gate) -> None:
    """Neither past the bot nor by naming himself the only admin there is."""
    data = new_root(gate.world, "ada", threshold=1)
    number, head, files = asked(gate, data, "ada")
    only(gate.to_main(files), "has 1 of 2 signatures by the admins of the root it replaces")
    (outcome,) = run_once(gate.store, lambda: LATER)
    assert (outcome.id, outcome.fate) == (number, Fate.WAITS)
    assert gate.store.rev(str(RequestRef(number))) == head


def test_the_same_admin_twice_is_one(gate: Gate) -> None:
    """By another key of his, in another's place, or once more with the same."""
    next_keys(gate.host, "ada", "bea", "carl", held=("ada", "ada-2"))
    data = new_root(gate.world)
    number, head, files = asked(gate, data, "ada")
    again = armor(gate.world, data, "ada", key="ada-2")
    over = overwriting(gate, head, again)
    only(gate.ask(RequestRef(number, "ada"), over), "edited in this change")
    other = armor(gate.world, data, "bea", key="ada")
    only(delivered(gate, number, head, "bea", other), "'bea' is not an admin with this key")
    only(
        delivered(gate, number, head, "ada", armor(gate.world, data, "bea")),
        "a signature of 'bea', not of 'ada'",
    )
    both = {**files, **other}
    only(gate.to_main(both), "has 1 of 2 signatures by the admins of the root it replaces")


def test_a_key_that_no_root_names_does_not_sign_for_its_admin(gate: Gate) -> None:
    next_keys(gate.host, "bea", "ada", "carl", held=("bea", "bea-2"))
    data = new_root(gate.world)
    number, head, _ = asked(gate, data, "ada")
    wrong = armor(gate.world, data, "bea", key="bea-2")
    only(delivered(gate, number, head, "bea", wrong), "'bea' is not an admin with this key")


def test_a_former_admin_signs_no_root(gate: Gate) -> None:
    second = new_root(gate.world, "ada", "bea", "dan")
    signed = {str(TWO): second, **armor(gate.world, second, "ada"), **armor(gate.world, second, "bea")}
    gate.host.enter(signed)
    data = new_root(gate.world, "ada", "bea", "dan", version=3, expires="2041-01-01T00:00:00Z")
    number, head, _ = asked(gate, data, "ada", version=3)
    left = armor(gate.world, data, "carl", path=TWO.at(3))
    only(delivered(gate, number, head, "carl", left), "'carl' is not an admin with this key")
    new = armor(gate.world, data, "dan", path=TWO.at(3))
    assert delivered(gate, number, head, "dan", new) == []


def test_a_signature_over_other_bytes_is_none(gate: Gate) -> None:
    data, other = new_root(gate.world), new_root(gate.world, title="Another")
    number, head, _ = asked(gate, data, "ada")
    only(delivered(gate, number, head, "bea", armor(gate.world, other, "bea")), "not made over these bytes")
    elsewhere = member_key("bea").sign(data, TWO.namespace("f" * 32))
    only(delivered(gate, number, head, "bea", {"root/2.bea.sig": elsewhere}), "namespace")
    as_decision = member_key("bea").sign(data, f"decision.v1@{gate.world.registry}")
    only(delivered(gate, number, head, "bea", {"root/2.bea.sig": as_decision}), "namespace")


def test_a_revoked_key_signs_no_root(gate: Gate) -> None:
    next_keys(gate.host, "carl", "ada", "bea", held=("carl", "carl-2"), lost=("carl",))
    data = new_root(gate.world, "ada", "bea", "dan")
    number, head, _ = asked(gate, data, "ada")
    only(
        delivered(gate, number, head, "carl", armor(gate.world, data, "carl")),
        "is not a valid key of that member",
    )


def test_a_key_revoked_while_the_root_waits_counts_no_more(gate: Gate) -> None:
    data = new_root(gate.world, "ada", "bea", "dan")
    number, head, _ = asked(gate, data, "ada")
    ref = str(RequestRef(number, "carl"))
    vote = gate.maker.commit(head, armor(gate.world, data, "carl"))
    gate.store.update_ref(ref, vote, None)
    next_keys(gate.host, "carl", "ada", "bea", held=("carl", "carl-2"), lost=("carl",))
    (outcome,) = run_once(gate.store, lambda: LATER)
    assert (outcome.fate, outcome.left_out) == (Fate.WAITS, ("carl",))
    assert any("has 1 of 2 signatures" in f.message for f in outcome.findings)


def test_signatures_bring_nothing_else(gate: Gate) -> None:
    data = new_root(gate.world)
    number, head, _ = asked(gate, data, "ada")
    mine = armor(gate.world, data, "bea")
    only(delivered(gate, number, head, "bea", {**mine, "root/3.bea.sig": b"x"}), "is not a decision")
    only(delivered(gate, number, head, "bea", {**mine, **gate.cube(member="dan")}), "is not a decision")
    other = new_root(gate.world, title="Other")
    only(delivered(gate, number, head, "bea", {**mine, "root/3.yml": other}), "is not a decision")


def test_a_root_is_signed_in_its_own_request_only(gate: Gate) -> None:
    cube = gate.cube(member="dan")
    number, head = gate.opened(cube)
    data = new_root(gate.world)
    only(delivered(gate, number, head, "bea", armor(gate.world, data, "bea")), "is not a decision")


def test_with_all_signatures_the_bot_waits_for_a_person(gate: Gate) -> None:
    data = new_root(gate.world)
    number, head, _ = asked(gate, data, "ada", "bea")
    (outcome,) = run_once(gate.store, lambda: LATER)
    assert outcome.fate is Fate.WAITS
    assert [f.rule for f in outcome.findings] == ["APP003"]
    assert gate.store.rev(str(RequestRef(number))) == head


def test_a_root_that_lost_the_race_is_closed(gate: Gate) -> None:
    first, second = new_root(gate.world, title="First"), new_root(gate.world, title="Second")
    asked(gate, second, "bea")
    gate.host.enter({str(TWO): first, **armor(gate.world, first, "ada"), **armor(gate.world, first, "carl")})
    (outcome,) = run_once(gate.store, lambda: LATER)
    assert outcome.fate is Fate.REJECTED
    assert any("is taken already" in f.message for f in outcome.findings)
    assert gate.store.refs(PULLS) == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expires": "2030-01-01T00:00:00Z"}, "does not expire later"),
        ({"registry": "f" * 32}, "names another registry"),
        ({"previous": "a" * 64}, "previous"),
    ],
)
def test_what_no_signature_repairs_is_no_request(gate: Gate, fields: dict[str, str], words: str) -> None:
    data = new_root(gate.world, **fields)
    only(gate.request({str(TWO): data, **armor(gate.world, data, "ada")}), words)


def test_a_root_comes_alone(gate: Gate) -> None:
    data = new_root(gate.world)
    files = {str(TWO): data, **armor(gate.world, data, "ada"), **gate.cube(member="dan")}
    only(gate.request(files), "stands in one change with 'root/2.yml'")


def test_main_takes_no_root_short_of_signatures_whatever_the_id(gate: Gate) -> None:
    data = new_root(gate.world)
    files = {str(TWO): data, **armor(gate.world, data, "ada")}
    assert request_id(files) == request_id({str(TWO): data})
    main = gate.host.main()
    found = gate.ask(MAIN, gate.maker.commit(main, files), main)
    assert len(found) == 2
    only(found, "by the admins of the root it names")
    assert Change(gate.world.base, files).signatures
