"""Content that must go: history is rewritten by admins, and every reader still proves all of what is left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.rewriting import rewrite
from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.names import Kind, parse_path, signature_path
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import (
    ConflictError,
    IntegrityError,
    RejectedError,
    RewrittenError,
    UnknownIdError,
    UsageError,
)
from medperf_cli.flows.hosting.redacting import Applied, Plan, apply, plan
from medperf_cli.flows.reading.export import export_snapshot
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from medperf_cli.flows.submitting.redact import apply_draft, draft, sign
from medperf_cli.flows.submitting.submit_cube import submit_cube
from tests.support.acting import act, decide, root, withdraw, write
from tests.support.hosting import BEGIN, SOMEBODY, Hosted
from tests.support.keys import member_key
from tests.support.office import CubeFolder, Office, office
from tests.support.published import rendered
from tests.support.world import REGISTRY

NAMED = "cubes/acme/forest/1.yml"
PATIENT = "Trained on Jane Doe"


@pytest.fixture
def told(host: Hosted) -> Hosted:
    """Format 2; a cube whose description names a patient, and things before and after it."""
    enter(host, root(2, "ada", format=2))
    enter(host, write("cubes/acme/tree/1.yml"))
    enter(host, write(NAMED, description=PATIENT))
    enter(host, write("cubes/st-mary/own/1.yml"))
    enter(host, write("cubes/acme/forest/2.yml", description="No patient"))
    enter(host, write("members/zoe/1.yml"), decide("ada", "members/zoe/1.yml", under="root/2.yml"))
    return host


def enter(host: Hosted, *actions: dict[str, object]) -> str:
    return host.enter(act(host.world, *actions).added)


@pytest.fixture
def store(told: Hosted) -> Iterator[GitStore]:
    with told.store() as opened:
        yield opened


def planned(store: GitStore, *paths: str) -> Plan:
    return plan(store, store.rev(MAIN) or "", [parse_path(p) for p in paths], "it named a patient")


def signed(made: Plan, **by: str) -> dict[str, bytes]:
    """The draft's file with signatures; `by` names a key for each admin."""
    files = {str(made.path): made.data}
    for admin, key in by.items():
        armor = member_key(key).sign(made.data, made.path.namespace(REGISTRY))
        files[str(signature_path(made.path, admin))] = armor
    return files


def applied(store: GitStore, made: Plan, files: Mapping[str, bytes]) -> Applied:
    redaction = parse(made.path, made.data)
    assert isinstance(redaction, Redaction)
    return apply(store, redaction, files)


def redact(store: GitStore, *paths: str) -> Applied:
    made = planned(store, *paths)
    return applied(store, made, signed(made, ada="ada"))


def cubes(who: Office) -> set[str]:
    return {row["path"] for row in listed(who.deps, Kind.CUBE, Filter(in_force=None))}


def holds(repository: Path, text: str) -> bool:
    """Whether any commit that main leads to holds a text."""
    argv = ["git", f"--git-dir={repository}", "grep", "-q", text]
    revs = subprocess.run(
        ["git", f"--git-dir={repository}", "rev-list", "main"], capture_output=True, text=True, check=True
    )
    return subprocess.run([*argv, *revs.stdout.split()], check=False).returncode == 0


def test_what_must_go_is_gone_from_all_of_mains_history(told: Hosted, store: GitStore) -> None:
    assert holds(told.path, PATIENT)
    done = redact(store, NAMED)
    assert done.before != done.now == told.main()
    assert not holds(told.path, PATIENT)


def test_later_versions_go_with_it_and_the_reasons_are_told(store: GitStore) -> None:
    made = planned(store, NAMED)
    assert made.reasons == {
        parse_path(NAMED): "asked for",
        parse_path("cubes/acme/forest/2.yml"): f"is later than '{NAMED}'",
    }


def test_a_reader_who_verified_the_old_history_accepts_the_new_one_and_says_so(
    told: Hosted, store: GitStore
) -> None:
    acme = office(told, "acme")
    assert NAMED in cubes(acme)
    redact(store, NAMED)
    sync(acme.deps)
    assert cubes(acme) == {"cubes/acme/tree/1.yml", "cubes/st-mary/own/1.yml"}
    assert any("history was rewritten by redaction 1, signed by ada" in text for text in acme.talk.said)
    assert verify_registry(acme.deps).commit == told.main()
    assert sync(acme.deps).judged == 0


def test_a_reader_who_was_behind_accepts_it_too(told: Hosted, store: GitStore) -> None:
    behind = told.main()
    acme = office(told, "acme")
    enter(told, write("cubes/st-mary/later/1.yml"))
    redact(store, NAMED)
    assert behind != told.main()
    sync(acme.deps)
    assert "cubes/st-mary/later/1.yml" in cubes(acme)


def test_a_reader_without_an_index_accepts_it_too(told: Hosted, store: GitStore) -> None:
    acme = office(told, "acme")
    next(acme.copy.glob("index.sqlite")).unlink()
    redact(store, NAMED)
    sync(acme.deps)
    assert NAMED not in cubes(acme)


def test_a_new_reader_verifies_the_rewritten_history_from_genesis(told: Hosted, store: GitStore) -> None:
    redact(store, NAMED)
    acme = office(told, "acme")
    assert "cubes/acme/tree/1.yml" in cubes(acme)
    assert verify_registry(acme.deps).judged > 0


def test_who_had_seen_the_old_history_still_bears_witness(told: Hosted, store: GitStore) -> None:
    """A file signed over a tree that was rewritten since enters afterwards."""
    late = act(told.world, write("cubes/acme/late/1.yml")).added
    old = told.world.trees[0]
    redact(store, NAMED)
    assert old.encode() in late["cubes/acme/late/1.yml"]
    from_now(told)
    told.enter(late)
    acme = office(told, "acme")
    assert "cubes/acme/late/1.yml" in cubes(acme)


def from_now(told: Hosted) -> None:
    """Make the world what main holds now."""
    with told.store() as store:
        snapshot = store.snapshot(told.main())
        told.world.files = {path: snapshot.get(path) or b"" for path in snapshot.list("")}
        told.world.trees.insert(0, store.registry_tree(told.main()) or "")


def test_the_name_goes_on_with_the_next_version_and_the_path_stays_taken(
    told: Hosted, store: GitStore
) -> None:
    redact(store, NAMED)
    from_now(told)
    acme = office(told, "acme")
    enter(told, write("cubes/acme/forest/3.yml", previous="gone cubes/acme/forest/2.yml"))
    sync(acme.deps)
    assert "cubes/acme/forest/3.yml" in cubes(acme)
    enter(told, write(NAMED))
    with pytest.raises(LawlessError, match="was taken out by a redaction"):
        sync(acme.deps)


def test_a_second_redaction_leaves_both_pasts_known(told: Hosted, store: GitStore) -> None:
    acme = office(told, "acme")
    first, oldest = act(told.world, write("cubes/acme/late/1.yml")).added, told.world.trees[0]
    redact(store, NAMED)
    from_now(told)
    second = act(told.world, write("cubes/acme/later/1.yml")).added
    redact(store, "cubes/st-mary/own/1.yml")
    sync(acme.deps)
    assert cubes(acme) == {"cubes/acme/tree/1.yml"}
    from_now(told)
    told.enter(first)
    told.enter(second)
    sync(acme.deps)
    assert oldest.encode() in first["cubes/acme/late/1.yml"]
    assert cubes(acme) == {"cubes/acme/tree/1.yml", "cubes/acme/late/1.yml", "cubes/acme/later/1.yml"}


def test_what_an_end_ended_does_not_come_back(told: Hosted, store: GitStore) -> None:
    enter(told, withdraw("st-mary", "cubes/st-mary/own/1.yml", reason="Jane Doe was in it"))
    redact(store, "decisions/cubes/st-mary/own/1/st-mary/1.yml")
    acme = office(told, "acme")
    assert "cubes/st-mary/own/1.yml" not in cubes(acme)


def test_what_members_and_roots_say_is_never_taken_out(told: Hosted, store: GitStore) -> None:
    for path in ("members/zoe/1.yml", "root/1.yml", "decisions/members/zoe/1/ada/1.yml"):
        with pytest.raises(RejectedError, match="is never taken out"):
            planned(store, path)
    with pytest.raises(UnknownIdError):
        planned(store, "cubes/acme/none/1.yml")
    assert told.stands()


@pytest.mark.parametrize("by", [{}, {"ada": "acme"}, {"acme": "acme"}])
def test_without_the_admins_nothing_is_rewritten(told: Hosted, store: GitStore, by: dict[str, str]) -> None:
    made, main = planned(store, NAMED), told.main()
    with pytest.raises(RejectedError, match="0 of 1 signatures"):
        applied(store, made, signed(made, **by))
    assert told.main() == main


def test_a_draft_for_another_history_is_refused(told: Hosted, store: GitStore) -> None:
    made = planned(store, "cubes/st-mary/own/1.yml")
    enter(told, write("cubes/st-mary/own/2.yml"))
    with pytest.raises(RejectedError, match="would not be lawful"):
        applied(store, made, signed(made, ada="ada"))
    redact(store, "cubes/st-mary/own/1.yml")
    with pytest.raises(ConflictError, match="does not hold what this redaction takes out"):
        applied(store, made, signed(made, ada="ada"))


def rewritten_by_a_stranger(store: GitStore, told: Hosted, **by: str) -> None:
    """Somebody who can write the repository rewrites history; the signatures are what they are."""
    made, head = planned(store, NAMED), told.main()
    redaction = parse(made.path, made.data)
    assert isinstance(redaction, Redaction)
    work = rewrite(store, head, [f.path for f in redaction.files])
    commit = write_commit(store, work.head, signed(made, **by), "gone", author=SOMEBODY, date=BEGIN)
    store.update_ref(MAIN, commit, head)


@pytest.mark.parametrize("by", [{}, {"ada": "acme"}])
def test_a_reader_refuses_a_history_that_no_admin_signed_for(
    told: Hosted, store: GitStore, by: dict[str, str]
) -> None:
    acme = office(told, "acme")
    rewritten_by_a_stranger(store, told, **by)
    with pytest.raises(IntegrityError):
        sync(acme.deps)
    assert NAMED in cubes(acme)


def test_a_new_reader_is_shown_how_far_such_a_history_is_lawful(told: Hosted, store: GitStore) -> None:
    rewritten_by_a_stranger(store, told)
    acme = office(told, "acme", add=False)
    with pytest.raises(LawlessError):
        acme.add()


def test_a_reader_refuses_a_redacted_history_that_lacks_more_than_it_says(
    told: Hosted, store: GitStore
) -> None:
    """The admins' redaction is good, but the last change before it is hidden from this reader."""
    acme = office(told, "acme")
    main = told.main()
    store.update_ref(MAIN, store.parent(main), main)
    redact(store, NAMED)
    with pytest.raises(RewrittenError):
        sync(acme.deps)
    assert NAMED in cubes(acme)


def test_without_a_redaction_rewritten_history_stays_refused(told: Hosted, store: GitStore) -> None:
    acme = office(told, "acme")
    main = told.main()
    store.update_ref(MAIN, store.parent(main), main)
    with pytest.raises(RewrittenError):
        sync(acme.deps)


def test_what_a_redacted_version_replaced_is_not_in_force_again(told: Hosted, store: GitStore) -> None:
    acme = office(told, "acme")
    redact(store, "cubes/acme/forest/2.yml")
    sync(acme.deps)
    (row,) = [r for r in listed(acme.deps, Kind.CUBE, Filter(in_force=None)) if r["path"] == NAMED]
    assert (row["standing"], row["in_force"]) == ("effective", False)
    verify_registry(acme.deps)  # the index written step by step is that of the whole history


def test_the_owner_submits_the_next_version_with_the_command_for_it(
    told: Hosted, store: GitStore, tmp_path: Path
) -> None:
    redact(store, NAMED)
    acme = office(told, "acme")
    files = CubeFolder(tmp_path / "cube").files()
    about = {"type": "model"}
    done = submit_cube(acme.deps, "forest", files, share=None, operational=False, given=about)
    assert done.merged
    assert "cubes/acme/forest/3.yml" in cubes(acme)


def test_two_admins_sign_one_draft_and_the_host_applies_it(told: Hosted, tmp_path: Path) -> None:
    admins = [{"member": name, "key": f"key {name}"} for name in ("ada", "zoe")]
    later = {"expires": "2033-01-01T00:00:00Z"}
    enter(told, root(3, "ada", "zoe", **later, **{"admins.members": admins, "admins.threshold": 2}))
    ada, zoe, acme = office(told, "ada"), office(told, "zoe"), office(told, "acme")
    folder = tmp_path / "redaction"
    made = draft(ada.deps, [f"registry/{NAMED}"], "it named a patient", folder)
    assert made is not None
    assert made.signed_by == ("ada",)
    assert f"registry/{NAMED}  (asked for)" in ada.asked[-1]
    assert "(is later than 'cubes/acme/forest/1.yml')" in ada.asked[-1]
    with pytest.raises(RejectedError, match="1 of 2 signatures"):
        apply_draft(ada.deps, folder, told.path)
    with pytest.raises(RejectedError, match="'acme' is no admin"):
        sign(acme.deps, folder)
    both = sign(zoe.deps, folder)
    assert both is not None
    assert both.signed_by == ("ada", "zoe")
    assert PATIENT in "".join(store_text(told))
    done = apply_draft(ada.deps, folder, told.path)
    assert done is not None
    assert done.now == told.main()
    assert PATIENT not in "".join(store_text(told))
    sync(acme.deps)
    assert NAMED not in cubes(acme)


def store_text(told: Hosted) -> list[str]:
    """All files of main as text."""
    with told.store() as store:
        snapshot = store.snapshot(told.main())
        return [(snapshot.get(path) or b"").decode() for path in snapshot.list("")]


def test_on_no_nothing_is_signed_or_changed(told: Hosted, tmp_path: Path) -> None:
    ada, folder, main = office(told, "ada"), tmp_path / "redaction", told.main()
    ada.answer = lambda _: False
    assert draft(ada.deps, [NAMED], "it named a patient", folder) is None
    assert not folder.exists()
    ada.answer = lambda _: True
    assert draft(ada.deps, [NAMED], "it named a patient", folder) is not None
    ada.answer = lambda _: False
    assert sign(ada.deps, folder) is None
    assert apply_draft(ada.deps, folder, told.path) is None
    assert told.main() == main


def test_a_draft_is_asked_for_with_care(told: Hosted, tmp_path: Path) -> None:
    ada = office(told, "ada")
    with pytest.raises(UsageError, match="name what must go"):
        draft(ada.deps, [], "why", tmp_path)
    with pytest.raises(UsageError, match="is not a folder of a registry"):
        draft(ada.deps, ["elsewhere/1"], "why", tmp_path)
    with pytest.raises(UsageError, match="no draft of a redaction"):
        sign(ada.deps, tmp_path)
    assert draft(ada.deps, [NAMED], "why", tmp_path / "one")
    with pytest.raises(UsageError, match="there is a draft"):
        draft(ada.deps, [NAMED], "why", tmp_path / "one")


def test_a_registry_of_format_1_has_no_redactions(host: Hosted, tmp_path: Path) -> None:
    enter(host, write("cubes/acme/tree/1.yml"))
    with pytest.raises(RejectedError, match="format 1"):
        draft(office(host, "ada").deps, ["cubes/acme/tree/1"], "why", tmp_path)


def test_the_site_tells_what_was_taken_out_and_shows_none_of_it(told: Hosted, store: GitStore) -> None:
    redact(store, NAMED)
    pages = rendered(export_snapshot(office(told, "acme").deps))
    assert not [address for address, html in pages.items() if PATIENT in html]
    page = pages["redactions/1.html"]
    assert "Files were taken out of history" in page
    assert NAMED in page
    assert "it named a patient" in page
    assert "took files out of history" in pages["index.html"]
