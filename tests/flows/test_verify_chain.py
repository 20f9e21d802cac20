"""The chain of a claim, worked out again from stored bytes: what it says; damage is never believed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import IntegrityError, UnknownIdError
from medperf_cli.flows.reading.explain import NOT_CHECKED, Explained, explain
from medperf_cli.flows.reading.proof_files import Link
from medperf_cli.flows.reading.sync import sync
from medperf_cli.flows.reading.verify_registry import verify_registry
from tests.support.acting import root
from tests.support.admins import TWO, armor, board, enter_approved, new_root, next_keys
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.office import Office, office
from tests.support.redacted_host import NAMED, enter, from_now, named_patient, redact
from tests.support.story import STEPS
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE

RESULT = f"results/{TISSUE}/{FOREST}/{DATASET}/1"


@pytest.fixture(scope="module")
def settled(templates: Callable[[int], Hosted], tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Somebody at the end of the story, who only reads."""
    return office(templates(len(STEPS)), "acme", tmp_path_factory.mktemp("reader"))


@pytest.fixture
def reader(host: Hosted) -> Office:
    """The same, with a copy that may be spoilt."""
    return office(host, "acme")


ended = pytest.mark.parametrize("host", [len(STEPS)], indirect=True)


def below(links: tuple[Link, ...]) -> Iterator[Link]:
    for link in links:
        yield link
        yield from below(link.links)


def whats(found: Explained) -> list[str]:
    return [link.what for link in below(found.links)]


def link(found: Explained, what: str) -> Link:
    return next(link for link in below(found.links) if link.what.startswith(what))


def test_a_result_is_explained_up_to_the_pinned_root(settled: Office) -> None:
    found = explain(settled.deps, RESULT)
    assert (found.counts, found.sha256) == (
        "counts, and is in force",
        sha256(settled.host.world.files[f"{RESULT}.yml"]),
    )
    assert found.not_checked == NOT_CHECKED
    signed = found.links[0]
    assert signed.what == "signed by st-mary"
    assert member_key("st-mary").public_key.fingerprint in signed.why
    assert signed.why.endswith("valid now")
    (admitted,) = signed.links
    assert (admitted.what, admitted.path) == ("this key of st-mary was admitted", "members/st-mary/1.yml")
    assert [inner.what for inner in below(admitted.links)] == ["approved by ada", "ada: approve"]
    for kind, number in (("benchmarks/" + TISSUE, 2), ("cubes/" + FOREST, 1), ("datasets/" + DATASET, 2)):
        assert f"of exactly {kind}/{number}" in whats(found)
    for subject in (FOREST, DATASET):
        let_in = link(found, f"{subject} takes part in {TISSUE}: effective")
        (approved,) = let_in.links
        assert approved.what == "approved by clara"
        assert f"1 of 1 members of the committee in benchmarks/{TISSUE}/2" in approved.why
        vote = approved.links[0]
        assert vote.what == "clara: approve"
        assert vote.why.startswith("signed by clara, with key SHA256:")
    assert link(found, f"that committee was set by benchmarks/{TISSUE}/2").links[0].what == "approved by ada"
    assert settled.root in f"sha256:{found.links[-1].links[-1].why.rpartition(' ')[2]}"


def test_every_file_of_the_story_is_explained(settled: Office) -> None:
    for text in sorted(p for p in settled.host.world.files if p.endswith(".yml")):
        found, path = explain(settled.deps, text), parse_path(text)
        assert found.path == text
        signer = path.signer or "ada"
        assert any(f"signed by {signer}" in what or f"admins: {signer}" in what for what in whats(found))


def test_the_reference_model_takes_part_without_a_vote(settled: Office) -> None:
    found = explain(settled.deps, f"results/{TISSUE}/{REFERENCE}/{DATASET}/1")
    assert link(found, f"{REFERENCE} takes part").what.endswith("as the benchmark's reference model")


def test_a_decision_says_what_it_is_about(settled: Office) -> None:
    about = f"associations/{TISSUE}/models/{FOREST}/1"
    found = explain(settled.deps, f"decisions/{about}/clara/1")
    assert f"about exactly {about}, which is effective" in whats(found)


def test_the_document_holds_the_whole_chain(settled: Office) -> None:
    document = explain(settled.deps, RESULT).document()
    assert document["verified_commit"] == settled.host.main()
    assert document["links"][0]["links"][0]["path"] == "members/st-mary/1.yml"
    assert document["not_checked"]


def test_what_ended_or_was_replaced_counts_no_more(tmp_path: Path) -> None:
    host = board(tmp_path, "dan")
    host.enter(host.cube(member="dan"))
    host.enter(host.world.write(Kind.CUBE, "dan/forest", 2, **_cube(host, "another text")))
    host.enter(host.world.decide("dan", "cubes/dan/forest/2.yml", "withdraw", authority=None))
    added = host.world.decide("ada", "members/dan/1.yml", "revoke", version=2)
    host.enter({**added, **host.world.decide("bea", "members/dan/1.yml", "revoke", version=2)})
    who = office(host, "ada")
    assert explain(who.deps, "cubes/dan/forest/1").counts == "counted, and was replaced by a later version"
    gone = explain(who.deps, "cubes/dan/forest/2")
    assert gone.counts == "counts no more: withdrawn"
    assert "dan: withdraw" in whats(gone)
    revoked = explain(who.deps, "members/dan/1")
    assert revoked.counts == "counts no more: revoked"
    assert "revoked by ada, bea" in whats(revoked)


def _cube(host: Hosted, text: str) -> dict[str, object]:
    from medperf_cli.core.entities.parsing import parse  # noqa: PLC0415 - one use

    path = "cubes/dan/forest/1.yml"
    document = parse(parse_path(path), host.world.files[path]).document()
    header = {"schema", "registry", "id", "version", "previous", "seen"}
    return {**{k: v for k, v in document.items() if k not in header}, "description": text}


def test_what_waits_in_main_does_not_count(tmp_path: Path) -> None:
    from tests.support.world import member_file  # noqa: PLC0415 - one use

    host = board(tmp_path)
    added = member_file(host.world, "dan")
    host.enter({**added, **host.world.decide("ada", "members/dan/1.yml", added=added)})
    found = explain(office(host, "ada").deps, "members/dan/1")
    assert found.counts == "does not count: decisions are missing"
    assert link(found, "not approved, only by ada").why.startswith("needed: 2 of 3 admins in root/1")


def test_every_root_between_is_named_with_its_signers(tmp_path: Path) -> None:
    host = board(tmp_path, "dan")
    data = new_root(host.world, "ada", "bea", "dan", threshold=3)
    signed = [armor(host.world, data, name) for name in ("ada", "bea", "dan")]
    host.enter({str(TWO): data} | {p: d for part in signed for p, d in part.items()})
    found = explain(office(host, "ada").deps, "members/dan/1")
    shown = found.links[-1].links
    assert [one.what for one in shown] == [
        "root 2, signed by ada, bea, dan",
        "root 1, signed by all its admins: ada, bea, carl",
    ]
    assert shown[0].why == "2 of the admins before, and 3 of its own, had to"
    # The vote of the first root's time is still told with the root it was made under.
    assert "in root/1, in force when they acted" in link(found, "approved by ada, bea").why


def test_a_key_revoked_later_is_marked_and_doubted_where_it_was_stolen(tmp_path: Path) -> None:
    host = board(tmp_path, "dan")
    host.enter(host.cube(member="dan"))
    next_keys(host, "dan", "ada", "bea", held=("dan", "dan-2"), lost=("dan",))
    found = explain(office(host, "ada").deps, "cubes/dan/forest")
    assert "revoked since 2026-11-01 (compromised): doubt what it signed" in found.links[0].why


def test_a_second_key_is_followed_to_the_version_that_brought_it(tmp_path: Path) -> None:
    host = board(tmp_path, "dan")
    next_keys(host, "dan", "ada", "bea", held=("dan", "dan-2"))
    files = host.cube(member="dan")
    path = next(p for p in files if p.endswith(".yml"))
    host.enter(host.world.signed(parse_path(path), files[path], member_key("dan-2")))
    found = explain(office(host, "ada").deps, path)
    (admitted,) = found.links[0].links
    assert admitted.path == "members/dan/2.yml"
    assert admitted.links[0].what == "approved by ada, bea"


# --- a damaged copy

Spoil = Callable[[sqlite3.Connection], None]


def _yml(db: sqlite3.Connection, path: str) -> bytes:
    ((data,),) = db.execute("SELECT yml FROM entities WHERE path = ?", [path]).fetchall()
    return bytes(data)


def _bytes_changed(db: sqlite3.Connection) -> None:
    changed = _yml(db, f"{RESULT}.yml").replace(b"count: 180", b"count: 181")
    db.execute("UPDATE entities SET yml = ? WHERE path = ?", [changed, f"{RESULT}.yml"])


def _bytes_and_digest_changed(db: sqlite3.Connection) -> None:
    """By somebody who knows the table: file, digest and shown document fit each other."""
    changed = _yml(db, f"{RESULT}.yml").replace(b"count: 180", b"count: 181")
    db.execute(
        "UPDATE entities SET yml = ?, sha256 = ?,"
        " document = replace(document, '\"count\": 180', '\"count\": 181') WHERE path = ?",
        [changed, sha256(changed), f"{RESULT}.yml"],
    )


def _document_changed(db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE entities SET document = replace(document, '180', '181') WHERE path = ?", [f"{RESULT}.yml"]
    )


def _signature_of_another(db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE signatures SET data = (SELECT data FROM signatures WHERE path = ?) WHERE path = ?",
        [f"results/{TISSUE}/{REFERENCE}/{DATASET}/1.sig", f"{RESULT}.sig"],
    )


def _signature_gone(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM signatures WHERE path = ?", [f"{RESULT}.sig"])


def _vote_gone(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM entities WHERE path LIKE 'decisions/associations/%'")


def _member_gone(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM entities WHERE path = 'members/st-mary/1.yml'")


def _said_to_be_withdrawn(db: sqlite3.Connection) -> None:
    db.execute("UPDATE entities SET standing = 'withdrawn', in_force = 0 WHERE path = ?", [f"{RESULT}.yml"])


def _another_root(db: sqlite3.Connection) -> None:
    changed = _yml(db, "root/1.yml").replace(b"Consortium", b"Conspiracy")
    db.execute(
        "UPDATE entities SET yml = ?, sha256 = ?, document = replace(document, 'Consortium', 'Conspiracy')"
        " WHERE path = 'root/1.yml'",
        [changed, sha256(changed)],
    )


def _another_pin(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET value = ? WHERE key = 'root_sha256'", ["0" * 64])


def _root_signature_gone(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM signatures WHERE path = 'root/1.ada.sig'")


def _no_root(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM entities WHERE kind = 'root'")


SPOILT: tuple[Spoil, ...] = (
    _bytes_changed,
    _bytes_and_digest_changed,
    _document_changed,
    _signature_of_another,
    _signature_gone,
    _vote_gone,
    _member_gone,
    _said_to_be_withdrawn,
    _another_root,
    _another_pin,
    _root_signature_gone,
    _no_root,
)


@ended
@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.strip("_"))
def test_an_index_that_was_altered_is_never_believed(reader: Office, spoil: Spoil) -> None:
    with sqlite3.connect(reader.copy / "index.sqlite") as db:
        before = db.total_changes
        spoil(db)
        assert db.total_changes > before
    db.close()
    with pytest.raises(IntegrityError) as refused:
        explain(reader.deps, RESULT)
    assert refused.value.exit_code == 10
    assert "medperf registry verify" in refused.value.hint
    with pytest.raises(IntegrityError):
        verify_registry(reader.deps)
    if spoil is not _another_pin:  # what is pinned is not in history
        assert explain(reader.deps, RESULT).standing == "effective"


def test_approvals_by_who_is_no_admin_are_not_counted(tmp_path: Path) -> None:
    """Bytes of the registry decide, not the index: a vote that somebody added to the table is refused."""
    host = board(tmp_path, "dan")
    enter_approved(host, host.cube(member="dan"), "cubes/dan/forest/1.yml")
    who = office(host, "ada")
    vote = host.world.decide("dan", "members/dan/1.yml", key=member_key("eve"))
    path = next(p for p in vote if p.endswith(".yml"))
    with sqlite3.connect(who.copy / "index.sqlite") as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(entities)")]
        shown = ", ".join(columns)
        values = ", ".join({"path": "?", "yml": "?", "sha256": "?", "id": "?"}.get(c, c) for c in columns)
        given = {"path": path, "id": "members/dan/1/dan", "sha256": sha256(vote[path]), "yml": vote[path]}
        db.execute(
            f"INSERT INTO entities ({shown}) SELECT {values} FROM entities WHERE path = ?",  # noqa: S608 - constants
            [*(given[c] for c in columns if c in given), "decisions/members/dan/1/ada/1.yml"],
        )
    db.close()
    found = explain(who.deps, "members/dan/1")
    assert "approved by ada, bea" in whats(found)
    with pytest.raises(IntegrityError):
        explain(who.deps, path)
    sync(who.deps)


def test_a_redaction_names_the_admins_who_signed_it(host: Hosted) -> None:
    """Also after another root; what it took out is no claim any more."""
    named_patient(host)
    with host.store() as store:
        redact(store, NAMED)
    from_now(host)
    enter(host, root(3, "ada", format=2, expires="2040-01-01T00:00:00Z"))
    reader = office(host, "acme")
    found = explain(reader.deps, "redactions/1")
    assert found.counts == "counts, and is in force"
    assert link(found, "signed by ada").why == "1 of the admins in root/2, in force then, had to"
    with pytest.raises(UnknownIdError):
        explain(reader.deps, NAMED)


@pytest.mark.parametrize("by", ["acme", None])
def test_a_redaction_that_no_admin_signed_is_not_believed(host: Hosted, by: str | None) -> None:
    named_patient(host)
    with host.store() as store:
        redact(store, NAMED)
    reader = office(host, "acme")
    with contextlib.closing(sqlite3.connect(reader.copy / "index.sqlite")) as db, db:
        data = _yml(db, "redactions/1.yml")
        db.execute("DELETE FROM signatures WHERE entity = 'redactions/1.yml'")
        if by is not None:
            path = parse_path("redactions/1.yml")
            for signature, made in armor(host.world, data, "ada", key=by, path=path).items():
                db.execute("INSERT INTO signatures VALUES (?, ?, ?)", (signature, str(path), made))
    with pytest.raises(IntegrityError, match="is not signed by the admins it needs"):
        explain(reader.deps, "redactions/1")
