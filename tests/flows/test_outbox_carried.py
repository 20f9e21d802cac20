"""Requests carried in a bundle: they stay their signers', and a hostile bundle gets nowhere."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.core.names import Kind
from medperf_cli.core.requests import RequestRef, request_id
from medperf_cli.errors import (
    ConflictError,
    IntegrityError,
    MedperfError,
    NetworkError,
    RejectedError,
    UsageError,
)
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.outbox_export import export
from medperf_cli.flows.submitting.outbox_import import import_bundle, joined
from medperf_cli.flows.submitting.outbox_send import send_waiting
from medperf_cli.flows.submitting.review import approve
from tests.flows.test_outbox import down, in_main, join, kept_while_down, submit, waiting
from tests.support.hosting import Hosted, Member
from tests.support.office import NEXT_DAY, Office, office
from tests.support.story_fields import cube_fields


@pytest.fixture
def acme(host: Hosted) -> Office:
    """Somebody without a network."""
    found = office(host, "acme")
    found.settings = replace(found.settings, offline=True)
    return found


@pytest.fixture
def carrier(host: Hosted) -> Office:
    """Somebody with a network, who is no member and has no key."""
    found = office(host, "carrier")
    found.settings = replace(found.settings, member=None, key=None)
    return found


def test_carried_by_somebody_it_is_its_signers_request_with_the_same_bytes(
    acme: Office, carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    submit(acme)
    file = tmp_path / "acme.bundle"
    (item,) = export(acme.deps, file)
    with pytest.raises(UsageError, match="is there already"):
        export(acme.deps, file)
    host.enter(host.cube("forest"))  # the registry moves on while it is carried
    carrier.answer = lambda _: False
    assert import_bundle(carrier.deps, file) == []
    assert waiting(carrier) == []
    carrier.answer = lambda _: True
    (tried,) = import_bundle(carrier.deps, file)
    assert tried.done
    assert (tried.done.request, tried.done.merged) == (item.content, True)
    assert {p: in_main(host, p) for p in item.files} == item.files
    assert any(f"{item.id} belongs to acme; you only carry it" in line for line in carrier.talk.said)
    assert any("signed by acme with SHA256:" in line for line in carrier.talk.said)
    assert "registry/cubes/acme/grove/1.yml (signed by acme)" in carrier.asked[-1]
    with host.store() as store:
        author = store.git.read("log", "-1", "--format=%an <%ae>", f"{host.main()}^2").decode().strip()
    assert author == f"acme <acme@{host.world.registry}>"
    with pytest.raises(UsageError, match="has arrived already"):
        import_bundle(carrier.deps, file)
    assert len(waiting(acme)) == 1, "until it is seen in the registry"
    acme.settings = replace(acme.settings, offline=False)
    assert not submit(acme).sent
    assert waiting(acme) == []


def test_what_was_carried_waits_for_the_remote_and_keeps_its_owner(
    acme: Office, carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    submit(acme)
    export(acme.deps, tmp_path / "b")
    away = host.folder / "away.git"
    host.path.rename(away)
    with pytest.raises(NetworkError):
        import_bundle(carrier.deps, tmp_path / "b")
    (item,) = waiting(carrier)
    assert (item.author, item.carried) == ("acme", True)
    again = tmp_path / "again"
    export(carrier.deps, again)  # and may be carried on
    away.rename(host.path)
    (tried,) = send_waiting(carrier.deps)
    assert tried.done
    assert tried.done.merged
    assert waiting(carrier) == []


def test_a_decision_is_carried_to_the_request_that_it_is_about(
    carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    eve, ada = office(host, "eve"), office(host, "ada")
    request = join(eve, "eve").request or ""
    with at_desk(ada.deps):
        pass
    ada.settings = replace(ada.settings, offline=True)
    with at_desk(ada.deps) as desk:
        assert approve(desk, request, "telephoned").kept == f"{request}.decision.ada"
    export(ada.deps, tmp_path / "b")
    (tried,) = import_bundle(carrier.deps, tmp_path / "b")
    assert tried.item.id == f"{request}.decision.ada"
    assert tried.done
    assert tried.done.merged
    assert in_main(host, "decisions/members/eve/1/ada/1.yml")


def test_a_path_taken_on_the_way_is_the_signers_to_sign_anew(
    acme: Office, carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    submit(acme)
    export(acme.deps, tmp_path / "b")
    assert submit(office(host, "acme", host.folder / "other"), text="quick").merged
    with pytest.raises(ConflictError, match="version 2 is free") as refused:
        import_bundle(carrier.deps, tmp_path / "b")
    assert "its signer" in refused.value.hint
    assert (waiting(carrier), carrier.asked) == ([], [])


def bundle(member: Member, refs: Mapping[str, str], file: Path, *words: str) -> Path:
    """A bundle that anybody could make with git."""
    for ref, commit in refs.items():
        member.git("update-ref", ref, commit)
    member.git("bundle", "create", str(file), *refs, *words)
    return file


def forged(host: Hosted) -> dict[str, bytes]:
    """A cube of acme with bytes that acme never signed."""
    files = host.cube("grove")
    path = next(path for path in files if path.endswith(".yml"))
    return {**files, path: files[path].replace(b"forest", b"Forest").replace(b"a model", b"A model")}


def others(host: Hosted) -> dict[str, bytes]:
    fields = cube_fields("model", "infer", "4")
    return host.world.write(Kind.CUBE, "acme/grove", key=None, **{**fields, "description": "x"}) | {
        "cubes/acme/grove/1.sig": host.cube("other", "st-mary")["cubes/st-mary/other/1.sig"]
    }


@pytest.mark.parametrize("make", [forged, others])
def test_what_its_owner_did_not_sign_is_refused_before_anybody_is_asked(
    make: Callable[[Hosted], dict[str, bytes]], carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    eve, files = host.member("eve"), make(host)
    main = host.main()
    refs = {str(RequestRef(request_id(files))): eve.commit(main, files)}
    with pytest.raises(RejectedError, match="SIG00") as refused:
        import_bundle(carrier.deps, bundle(eve, refs, tmp_path / "b", f"^{main}"))
    assert "nothing of the bundle was sent" in refused.value.hint
    assert (waiting(carrier), carrier.asked, host.main()) == ([], [], main)


def test_a_bundle_of_anything_else_gets_nowhere(carrier: Office, host: Hosted, tmp_path: Path) -> None:
    eve, main, files = host.member("eve"), host.main(), host.cube("grove")
    good = eve.commit(main, files)
    number = request_id(files)
    cases: list[tuple[dict[str, str], tuple[str, ...], str]] = [
        ({"refs/heads/evil": good}, (f"^{main}",), "something else than requests"),
        ({"refs/pull/12/head": good}, (f"^{main}",), "something else than requests"),
        ({"refs/pull/0123456789abcdef/head": good}, (f"^{main}",), "the id of this request is"),
        (
            {f"refs/pull/{number}/head": eve.commit(good, host.cube("wood"))},
            (f"^{main}",),
            "stands on a commit",
        ),
        ({f"refs/pull/{number}/head": good}, (), "does not stand on the registry"),
        ({f"refs/pull/{number}/decisions/ada": good}, (f"^{main}",), "no open request"),
    ]
    for at, (refs, words, said) in enumerate(cases):
        with pytest.raises(MedperfError, match=said):
            import_bundle(carrier.deps, bundle(eve, refs, tmp_path / f"{at}", *words))
    assert (waiting(carrier), carrier.asked, host.main()) == ([], [], main)


def test_damaged_and_oversized_bundles_are_named(
    carrier: Office, host: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve, main, files = host.member("eve"), host.main(), host.cube("grove")
    refs = {str(RequestRef(request_id(files))): eve.commit(main, files)}
    whole = bundle(eve, refs, tmp_path / "whole", f"^{main}").read_bytes()
    header = whole.index(b"\n\n") + 2
    odd = tmp_path / "odd"
    torn = whole[: header + 40] + b"\0" * 40 + whole[header + 80 :]
    for data in (b"", b"PK\x03\x04", whole[:header], whole[:-30], torn):
        odd.write_bytes(data)
        with pytest.raises(IntegrityError, match=r"damaged|not a git bundle"):
            import_bundle(carrier.deps, odd)
    odd.write_bytes(whole.replace(b" refs/", b" \x1b[2Jrefs/", 1))
    with pytest.raises(IntegrityError, match="head of bundle"):
        import_bundle(carrier.deps, odd)
    with pytest.raises(UsageError, match="cannot read"):
        import_bundle(carrier.deps, tmp_path / "nowhere")
    monkeypatch.setattr("medperf_cli.flows.submitting.outbox_import.MOST_BYTES", 100)
    with pytest.raises(IntegrityError, match="at most 100"):
        import_bundle(carrier.deps, tmp_path / "whole")
    assert waiting(carrier) == []


def test_a_small_pack_that_says_it_is_huge_is_not_unpacked(
    carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    """Forty megabytes of zeros in one blob: forty kilobytes on the way."""
    eve, main = host.member("eve"), host.main()
    blob = (
        subprocess.run(
            ["git", f"--git-dir={eve.store.git.directory}", "hash-object", "-w", "--stdin"],
            input=b"\0" * (40 << 20),
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    tree = eve.git("mktree", stdin=f"100644 blob {blob}\tregistry\n".encode())
    refs = {"refs/pull/0123456789abcdef/head": eve.commit_tree(tree, main)}
    file = bundle(eve, refs, tmp_path / "b", f"^{main}")
    assert file.stat().st_size < 1 << 16
    with pytest.raises(RejectedError, match="'registry'"):
        import_bundle(carrier.deps, file)
    assert (waiting(carrier), carrier.asked) == ([], [])


def test_a_commit_from_before_any_registry_is_dated_by_nobody(
    carrier: Office, host: Hosted, tmp_path: Path
) -> None:
    eve, main, files = host.member("eve"), host.main(), host.cube("grove")
    commit = eve.commit(main, files, date=dt.datetime.fromtimestamp(1, dt.UTC))
    bundle(eve, {str(RequestRef(request_id(files))): commit}, tmp_path / "b", f"^{main}")
    with down(host), pytest.raises(NetworkError):
        import_bundle(carrier.deps, tmp_path / "b")
    (item,) = waiting(carrier)
    assert (item.when.year, item.author) == (2000, "acme")


def test_nothing_to_carry_is_said(acme: Office, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing waits"):
        export(acme.deps, tmp_path / "b")
    acme.settings = replace(acme.settings, offline=False)
    item = kept_while_down(acme)
    acme.now = NEXT_DAY
    with pytest.raises(UsageError, match="is no item"):
        export(acme.deps, tmp_path / "b", ["ffff"])
    assert export(acme.deps, tmp_path / "b", [item.id[:5]])[0].id == item.id


def test_what_waits_here_already_is_sent_with_what_only_the_carried_one_holds() -> None:
    """Another admin's signature under the same root would be lost, and nobody told."""
    signed = {".yml": b"a: 1\n", ".ada.sig": b"mine", ".bob.sig": b"other"}
    root, mine, other = ({f"root/2{end}": data} for end, data in signed.items())
    about = (Sort.SUBMISSION, "0" * 16, "a root", "ada", "2026-01-02T10:00:00Z")
    kept, carried = Item(*about, root | mine), Item(*about, root | mine | other, carried=True)
    assert joined(None, carried) is carried
    assert joined(kept, Item(*about, root, carried=True)) is kept
    together = joined(kept, carried)
    assert together.files == root | mine | other
    assert not together.carried
