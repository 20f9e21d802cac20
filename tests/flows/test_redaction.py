"""Content that must go: history is rewritten by admins, and every reader still proves all of what is left."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.adapters.store.rewriting import rewrite
from medperf_cli.adapters.store.writing import write_commit
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import (
    IntegrityError,
    RewrittenError,
    UnknownIdError,
)
from medperf_cli.flows.reading.explain import explain
from medperf_cli.flows.reading.export import export_snapshot
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from medperf_cli.flows.submitting.submit_cube import submit_cube
from tests.flows.test_sync_ways import from_the_tree, spread, stored
from tests.support.acting import act, write
from tests.support.hosting import BEGIN, SOMEBODY, Hosted
from tests.support.office import CubeFolder, office
from tests.support.published import rendered
from tests.support.redacted_host import (
    NAMED,
    PATIENT,
    cubes,
    enter,
    from_now,
    planned,
    redact,
    signed,
)
from tests.support.redacting import redaction


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


def test_a_claim_that_was_taken_out_says_by_which_redaction(
    told: Hosted, store: GitStore, tmp_path: Path
) -> None:
    acme = office(told, "acme")
    sent = tmp_path / "sent.yml"
    sent.write_bytes(told.world.files[NAMED])
    redact(store, NAMED)
    sync(acme.deps)
    for claim in (NAMED, str(sent), f"https://site.example/{NAMED.replace('.yml', '.html')}"):
        with pytest.raises(
            UnknownIdError, match=f"'{NAMED}' was taken out of history by redaction 1"
        ) as refused:
            explain(acme.deps, claim)
        assert "medperf verify redactions/1" in refused.value.hint
    found = explain(acme.deps, "redactions/1")
    assert (found.links[0].what, found.links[0].path) == ("signed by ada", "root/2.yml")
    assert found.links[1].why == "reason: it named a patient"
    assert NAMED in {link.what for link in found.links[1].links}


def test_a_redaction_in_the_index_with_another_signature_is_not_explained(
    told: Hosted, store: GitStore
) -> None:
    acme = office(told, "acme")
    redact(store, NAMED)
    sync(acme.deps)
    with closing(sqlite3.connect(next(acme.copy.glob("index.sqlite")))) as index, index:
        done = index.execute(
            "UPDATE signatures SET data = (SELECT data FROM signatures WHERE path = 'root/2.ada.sig')"
            " WHERE path = 'redactions/1.ada.sig'"
        )
        assert done.rowcount == 1
    with pytest.raises(IntegrityError, match="is not signed by the admins it needs"):
        explain(acme.deps, "redactions/1")


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


def test_a_bad_redaction_leaves_those_before_it_proved(told: Hosted, store: GitStore) -> None:
    """A new reader gets as far as one who was there before, and is told the commit that is not lawful.

    What the bad one says even makes every tree before it look as if it had never stood.
    """
    redact(store, NAMED)
    from_now(told)
    enter(told, write("cubes/st-mary/later/1.yml"))
    good = told.main()
    told.enter(redaction(told.world, ["cubes/st-mary/later/1.yml"], {}, told.world.trees[0], version=2))
    zoe = office(told, "zoe", add=False)
    with pytest.raises(LawlessError, match=r"redactions/2\.yml.*RED001") as caught:
        zoe.add()
    assert good[:12] in caught.value.hint


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


def test_killed_after_it_was_accepted_a_reader_is_not_led_back(
    told: Hosted, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft signed earlier, for a main that moved on since, brings nobody behind what was accepted."""
    acme, old = office(told, "acme"), told.main()
    enter(told, write("cubes/st-mary/later/1.yml"))
    redact(store, NAMED)
    with monkeypatch.context() as patch:
        patch.setattr(GitStore, "update_ref", killed)
        with pytest.raises(KeyboardInterrupt):
            sync(acme.deps)
    store.update_ref(MAIN, old, told.main())
    redact(store, NAMED)
    with pytest.raises(RewrittenError):
        sync(acme.deps)
    assert "cubes/st-mary/later/1.yml" in cubes(acme)


def killed(*_: object) -> None:
    raise KeyboardInterrupt


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


def test_the_site_tells_what_was_taken_out_and_shows_none_of_it(told: Hosted, store: GitStore) -> None:
    redact(store, NAMED)
    pages = rendered(export_snapshot(office(told, "acme").deps))
    assert not [address for address, html in pages.items() if PATIENT in html]
    page = pages["redactions/1.html"]
    assert "Files were taken out of history" in page
    assert NAMED in page
    assert "it named a patient" in page
    assert "took files out of history" in pages["index.html"]


def trees_of(store: GitStore) -> list[str]:
    """The trees of main's commits, newest first."""
    return [store.registry_tree(commit) or "" for commit in store.first_parents(store.rev(MAIN) or "")]


def test_every_tree_that_ever_stood_is_known_with_its_age_through_two_redactions(
    told: Hosted, store: GitStore
) -> None:
    """Where one tree stood at several times (before an emptied commit and after it), the last one counts."""
    pasts = [trees_of(store)]
    for path in ("cubes/acme/forest/2.yml", NAMED):
        redact(store, path)
        pasts.append(trees_of(store))
    snapshot = store.snapshot(told.main())
    for tree in {tree for past in pasts for tree in past}:
        ages = [past.index(tree) + 2 - number for number, past in enumerate(pasts) if tree in past]
        assert snapshot.age(tree) == min(ages)
    assert len({*pasts[0]}) == len(pasts[0])
    assert snapshot.age("ab" * 20) is None


def test_it_comes_out_the_same_in_workers_and_from_the_tree_alone(
    told: Hosted, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = office(told, "acme")
    redact(store, "cubes/acme/forest/2.yml")
    sync(acme.deps)
    assert stored(acme) == from_the_tree(acme, stored(acme))
    spread(monkeypatch, stretch=2)
    zoe = office(told, "zoe")
    assert stored(zoe) == stored(acme)
    redact(store, "cubes/acme/tree/1.yml")
    sync(zoe.deps)
    sync(acme.deps)
    assert stored(zoe) == stored(acme) == from_the_tree(acme, stored(acme))
