"""The pages: two of them to the byte, all of them whole, and put in place in one step.

`MEDPERF_REWRITE_GOLDEN=1 pytest tests/golden/test_site.py` writes the golden pages anew; see the difference.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.errors import ConfigurationError, DocumentError, IntegrityError, UsageError
from site_generator import addresses
from site_generator.build import Report, build
from site_generator.link_check import problems
from site_generator.pages import pages
from tests.support.published import rendered, snapshot_of, story_snapshot, waiting_world
from tests.support.story_fields import DATASET, FOREST, TISSUE

GOLDEN = Path(__file__).parent / "site"
REWRITE = "MEDPERF_REWRITE_GOLDEN"
BOARD = f"benchmarks/{TISSUE}/index.html"
RESULT = f"results/{TISSUE}/{FOREST}/{DATASET}/1"
KEPT = {"benchmark.html": BOARD, "result.html": f"{RESULT}.html"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The site of the story, with something pending."""
    return build(snapshot_of(waiting_world()), tmp_path_factory.mktemp("made") / "site")


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", KEPT)
def test_the_page_is_as_in_the_golden_file(name: str) -> None:
    html = rendered(story_snapshot())[KEPT[name]]
    if os.environ.get(REWRITE):
        (GOLDEN / name).write_text(html, "utf-8")
    assert html == (GOLDEN / name).read_text("utf-8")


def test_every_entity_has_its_page_its_file_and_its_signature(made: Report) -> None:
    site = made.home.parent
    files = waiting_world().files
    for path, data in files.items():
        if path != ".gitattributes":
            assert (site / "registry" / path).read_bytes() == data
        if path.endswith(".yml"):
            assert (site / f"{path.removesuffix('.yml')}.html").is_file()
    assert (site / "allowed_signers").read_text().startswith("ada namespaces=")
    assert (site / "docs" / "concepts.html").is_file()


def test_every_number_on_the_board_leads_to_its_signed_file(made: Report) -> None:
    site = made.home.parent
    html = (site / BOARD).read_text("utf-8")
    assert html.count(f'<a href="../../../{RESULT}.html">0.950</a>') == 2, "in both tables"
    proof = (site / f"{RESULT}.html").read_text("utf-8")
    assert f'registry/{RESULT}.yml" download' in proof
    assert f'registry/{RESULT}.sig" download' in proof
    for tool in ("git show ", "sha256sum ", "ssh-keygen -Y verify "):
        assert tool in proof


def test_pages_are_light_whole_and_ask_nobody(made: Report) -> None:
    assert made.heavy == ()
    assert list(problems(made.home.parent)) == []


def test_pending_things_are_listed_with_who_must_act(made: Report) -> None:
    html = (made.home.parent / addresses.PENDING).read_text("utf-8")
    asked = f"associations/{TISSUE}/models/acme/second/1.html"
    assert f'{asked}">acme/<wbr>second in ' in html
    assert '1 of <a href="../members/clara/index.html">clara</a> (committee)' in html
    board = (made.home.parent / BOARD).read_text("utf-8")
    assert asked in board
    assert "cubes/acme/second/index.html" not in board, "what is pending takes no part"


def test_the_same_snapshot_gives_the_same_bytes(made: Report, tmp_path: Path) -> None:
    build(snapshot_of(waiting_world()), tmp_path / "again", None)
    assert tree(tmp_path / "again") == tree(made.home.parent)


def test_an_empty_registry_has_a_site(tmp_path: Path) -> None:
    snapshot = story_snapshot()
    snapshot["entities"] = [
        e for e in snapshot["entities"] if e["path"] in ("root/1.yml", "members/ada/1.yml")
    ]
    assert "No benchmark stands here yet" in build(snapshot, tmp_path / "site").home.read_text("utf-8")


def test_a_site_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "site"
    build(story_snapshot(), out)
    (out / "stray.txt").write_text("old")
    build(story_snapshot(), out, "https://example.org/board")
    assert not (out / "stray.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["site"]
    assert '<link rel="canonical" href="https://example.org/board/">' in (out / "index.html").read_text(
        "utf-8"
    )
    assert "<loc>https://example.org/board/index.html</loc>" in (out / "sitemap.xml").read_text("utf-8")


def test_a_page_that_is_slow_to_load_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("site_generator.build.HEAVY", 14_000)
    assert build(story_snapshot(), tmp_path / "site").heavy[0] == BOARD


@pytest.mark.parametrize("missing", ["jinja2", "mkdocs.config"])
def test_without_its_programs_it_says_what_to_install(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError) as caught:
        build(story_snapshot(), tmp_path / "site")
    assert "medperf-registry[site]" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="cannot write the site"):
        build(story_snapshot(), tmp_path / "file" / "site")


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(UsageError, match="holds other files"):
        build(story_snapshot(), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


@pytest.mark.parametrize(
    "url", ["example.org", "javascript:alert(1)", "https://a b/", 'https://x/"y', "https://u@x/"]
)
def test_an_odd_base_address_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the address"):
        build(story_snapshot(), tmp_path / "site", url)


Spoil = Callable[[dict[str, Any]], Any]
SPOILT: dict[str, Spoil] = {
    "another schema": lambda s: s.update(schema="snapshot/2"),
    "an unknown field": lambda s: s["entities"][0].update(more=1),
    "other bytes": lambda s: s["entities"][0].update(yml="x"),
    "a path out of the tree": lambda s: s["entities"][0].update(path="cubes/../../x/1.yml"),
    "a path that is none": lambda s: s["entities"][0].update(path="cubes/con/x/1.yml"),
    "another kind": lambda s: s["entities"][0].update(kind="member"),
    "a signature elsewhere": lambda s: s["entities"][0].update(signatures={"../x.sig": ""}),
    "a signature of another": lambda s: s["entities"][0].update(signatures={"cubes/aa/bb/1.sig": ""}),
    "a thing twice": lambda s: s["entities"].append(s["entities"][0]),
    "a field that is missing": lambda s: next(
        e for e in s["entities"] if e["kind"] == "benchmark" and e["in_force"]
    )["document"].pop("population"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_snapshot_makes_no_site(how: str, tmp_path: Path) -> None:
    snapshot = story_snapshot()
    SPOILT[how](snapshot)
    with pytest.raises(DocumentError):
        build(snapshot, tmp_path / "site")
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_is_not_whole_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "site"
    before = build(story_snapshot(), out).home.read_bytes()
    monkeypatch.setattr(addresses, "PENDING", "pending/lost.html")
    monkeypatch.setattr(
        "site_generator.build.pages", lambda r, k: (p for p in pages(r, k) if "lost" not in p.address)
    )
    with pytest.raises(IntegrityError, match="which is not there"):
        build(story_snapshot(), out)
    assert (out / "index.html").read_bytes() == before
