"""A bare repository judges every ref of a push: what may enter enters, all else is told why not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.check.findings import Finding
from medperf_cli.core.check.rules import members
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN, RefUpdate, RequestRef, request_id
from medperf_cli.flows.hosting.receive import MAX_UPDATES, Receiver, lines
from medperf_cli.flows.hosting.request_commits import MAX_COMMIT
from tests.support.gate import Gate, only
from tests.support.hosting import BEGIN, SOMEBODY
from tests.support.keys import member_key
from tests.support.story_fields import cube_fields
from tests.support.world import member_file


def test_a_lawful_request_enters(gate: Gate) -> None:
    assert gate.request(gate.cube()) == []


def test_a_request_that_waits_for_decisions_enters_too(gate: Gate) -> None:
    assert gate.request(member_file(gate.world, "general-hospital")) == []


def test_the_id_is_made_by_the_content(gate: Gate) -> None:
    files = gate.cube()
    commit = gate.maker.commit(gate.host.main(), files)
    only(gate.ask(RequestRef("0" * 16), commit), f"the id of this request is '{request_id(files)}'")


def test_a_head_never_changes_and_never_goes(gate: Gate) -> None:
    number, head = gate.opened(gate.cube())
    other = gate.maker.commit(gate.host.main(), gate.cube(), date=BEGIN + dt.timedelta(seconds=1))
    ref = RequestRef(number)
    only(gate.ask(ref, other, head), "never changes")
    only(gate.ask(ref, None, head), "may not be deleted")
    assert gate.ask(ref, head, head) == []


def test_a_request_is_one_commit_on_main(gate: Gate) -> None:
    files = gate.cube()
    main = gate.host.main()
    between = gate.maker.commit(main, {"README": b"on the way\n"}, folder="")
    only(gate.request(files, between), "stands on a commit of main")
    tree = gate.maker.git("rev-parse", f"{gate.maker.commit(main, files)}^{{tree}}")
    merge = gate.maker.commit_tree(tree, main, between)
    only(gate.ask(RequestRef(request_id(files)), merge), "not exactly one commit")
    orphan = gate.maker.commit_tree(tree)
    only(gate.ask(RequestRef(request_id(files)), orphan), "not exactly one commit")


def test_a_message_without_end_is_refused(gate: Gate) -> None:
    files = gate.cube()
    main = gate.host.main()
    head = write_commit(gate.store, main, files, "x" * MAX_COMMIT, author=SOMEBODY, date=BEGIN)
    only(gate.ask(RequestRef(request_id(files)), head), "message is too long")


def test_a_rejected_request_is_told_rule_path_and_repair(gate: Gate) -> None:
    files = gate.cube()
    del files["cubes/acme/forest/1.sig"]
    found = gate.request(files)
    only(found, "TREE003 cubes/acme/forest/1.yml: has no signature")
    assert found[0].endswith("sign it: ssh-keygen -Y sign")


def test_a_request_signed_by_somebody_else_is_refused(gate: Gate) -> None:
    files = gate.world.write(
        Kind.CUBE, "acme/forest", key=member_key("st-mary"), **cube_fields("model", "infer", "4")
    )
    only(gate.request(files), "SIG001 cubes/acme/forest/1.yml")


def test_a_taken_path_is_told_with_the_version_that_is_free(gate: Gate) -> None:
    before = gate.host.main()
    mine = gate.cube(description="mine")
    gate.host.enter(gate.cube(description="theirs"))
    only(gate.request(mine, before), "TREE002 cubes/acme/forest/1.yml: is taken already; version 2 is free")


def test_what_stands_in_main_is_no_request_any_more(gate: Gate) -> None:
    before = gate.host.main()
    files = gate.cube()
    gate.host.enter(files)
    only(gate.request(files, before), "stands in main already")


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("120000", "symlink"), ("160000", "submodule"), ("100755", "executable")],
)
def test_only_regular_files_enter(gate: Gate, mode: str, reason: str) -> None:
    files = gate.cube()
    main = gate.host.main()
    base_tree = gate.maker.commit(main, files)
    maker = gate.maker
    blob = main if mode == "160000" else maker.git("hash-object", "-w", "--stdin", stdin=b"../../etc/passwd")
    listed = maker.git("ls-tree", f"{base_tree}:registry") + f"\n{mode} {_type(mode)} {blob}\tstray\n"
    registry = maker.git("mktree", stdin=listed.encode())
    tree = maker.git("mktree", stdin=f"040000 tree {registry}\tregistry\n".encode())
    head = maker.commit_tree(tree, main)
    only(gate.ask(RequestRef(request_id(files)), head, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)), reason)
    only(gate.ask(MAIN, head, main, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)), reason)


def _type(mode: str) -> str:
    return "commit" if mode == "160000" else "blob"


@pytest.mark.parametrize("path", ["README.md", ".gitattributes", ".github/workflows/check.yml"])
def test_nothing_outside_the_registry_comes_with_a_change(gate: Gate, path: str) -> None:
    files = gate.cube()
    both = {f"registry/{p}": d for p, d in files.items()} | {path: b"x\n"}
    main = gate.host.main()
    commit = gate.maker.commit(main, both, folder="")
    only(gate.ask(RequestRef(request_id(files)), commit), "stands outside 'registry/'")
    only(gate.ask(MAIN, commit, main), "stands outside 'registry/'")


def test_a_request_of_nothing_but_stray_files_is_refused(gate: Gate) -> None:
    commit = gate.maker.commit(gate.host.main(), {"README.md": b"x\n"}, folder="")
    only(gate.ask(RequestRef("0" * 16), commit), "'README.md' stands outside")


def test_other_branches_tags_and_notes_are_refused(gate: Gate) -> None:
    main = gate.host.main()
    names = ["refs/heads/other", "refs/tags/v1", "refs/notes/commits", "refs/pull/17/head", "refs/replace/x"]
    for name in names:
        only(gate.ask(name, main), "is not accepted")


def test_a_push_of_very_many_refs_is_refused(gate: Gate) -> None:
    update = RefUpdate(None, gate.host.main(), "refs/tags/x")
    judged = Receiver(gate.store, BEGIN, None).judge([update] * (MAX_UPDATES + 1))
    assert [f.message for f in judged["refs/tags/x"]] == [f"moves more than {MAX_UPDATES} refs"]


# --- main


def test_a_lawful_change_may_be_pushed_to_main(gate: Gate) -> None:
    assert gate.to_main(gate.cube()) == []


def test_main_takes_no_unlawful_change(gate: Gate) -> None:
    unsigned = {p: d for p, d in gate.cube().items() if p.endswith(".yml")}
    only(gate.to_main(unsigned), "TREE003")
    only(gate.to_main(gate.cube(member="nobody-knows")), "SIG001")


def test_each_step_on_the_way_is_judged(gate: Gate) -> None:
    main = gate.host.main()
    bad = gate.maker.commit(main, {"cubes/acme/forest/1.yml": b"unsigned: true\n"})
    good = gate.maker.commit(bad, {"README.md": b"looks harmless\n"}, folder="")
    only(gate.ask(MAIN, good, main), "cubes/acme/forest/1.yml")


def test_of_a_change_that_is_too_large_only_that_is_said(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare thousands of new members with each other takes minutes: nobody may ask for that."""
    asked = []
    compare = members._others

    def counted(*given: Any) -> Any:
        asked.append(given)
        return compare(*given)

    monkeypatch.setattr(members, "_others", counted)
    parts = [member_file(gate.world, f"hospital-{number}") for number in range(51)]
    files = {path: data for part in parts for path, data in part.items()}
    for said in (gate.request(files), gate.to_main(files)):
        assert [line.split(":")[0] for line in said] == ["TREE004 registry"]
        assert "51 entities in one change, more than 50" in said[0]
    assert not asked
    gate.request(parts[0])
    assert asked


def test_of_a_push_to_main_the_first_unlawful_step_is_told(gate: Gate) -> None:
    """What comes after it stands on what is no registry."""
    main = gate.host.main()
    bad = gate.maker.commit(main, gate.cube("one", member="nobody"))
    worse = gate.maker.commit(bad, gate.cube("two", member="nobody"))
    assert {line.split()[1] for line in gate.ask(MAIN, worse, main)} == {"cubes/nobody/one/1.yml:"}


def test_main_goes_forward_on_its_first_parents_only(gate: Gate) -> None:
    main = gate.host.main()
    parent = gate.store.parent(main)
    only(gate.ask(MAIN, parent, main), "does not go on from where main stands")
    side = gate.maker.commit(parent, {"README.md": b"x\n"}, folder="")
    tree = gate.maker.git("rev-parse", f"{main}^{{tree}}")
    foxtrot = gate.maker.commit_tree(tree, side, main)
    only(gate.ask(MAIN, foxtrot, main), "does not go on from where main stands")
    only(gate.ask(MAIN, None, main), "may not be deleted")


def test_nothing_is_dated_ahead_of_the_clock(gate: Gate) -> None:
    late = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    only(gate.to_main(gate.cube(), date=late), "is dated 2099-01-01")
    files = gate.cube()
    head = gate.maker.commit(gate.host.main(), files, date=late)
    only(gate.ask(RequestRef(request_id(files)), head), "ahead of the clock")
    assert gate.to_main(gate.cube(), date=BEGIN + dt.timedelta(minutes=10)) == []


def test_an_edit_and_a_deletion_are_refused(gate: Gate) -> None:
    main = gate.host.main()
    emptied = gate.maker.git("mktree", stdin=b"")
    gone = gate.maker.commit_tree(emptied, main)
    only(gate.ask(MAIN, gone, main, now=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)), "deleted in this change")


def test_lines_are_bounded_and_printable() -> None:
    hostile = Finding(3, "X001", "a\x1b[31m\nb", "m" * 10_000)  # type: ignore[arg-type] # severity does not matter
    said = lines([hostile] * 100)
    assert len(said) == 41
    assert max(len(line) for line in said) <= 600
    assert all(line.isprintable() for line in said)
