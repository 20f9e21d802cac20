"""Hostile text moves nothing on any page, and the check over the finished tree finds what does not belong."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from site_generator.link_check import problems
from site_generator.templating import amount, is_outside_link, visible
from tests.support.published import rendered, story_snapshot
from tests.support.story_fields import FOREST

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)><a href='",
    "{{ 7 * 7 }}{% include 'base.html' %}",
    "</title></style></svg></pre><h1>",
    "javascript:alert(1)",
    "\u202eelbisivni\u2066\u0007\u2028",
    "&lt;b&gt;",
]


class Shape(HTMLParser):
    """Elements with the names of their attributes, and where they point."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        links = [value or "" for name, value in attrs if name in ("href", "src")]
        self.elements.append((tag, *(name for name, _ in attrs), *links))


FREE = {
    *(
        "title",
        "description",
        "clinical_task",
        "population",
        "annotation_methodology",
        "terms_of_use",
        "name",
    ),
    *(
        "unit",
        "label",
        "licence",
        "intended_use",
        "training_data_overlap",
        "location",
        "ethics_approval",
        "cpu",
    ),
    *("reason", "tool", "contact", "message", "yml"),
}


def poison(value: Any, text: str) -> Any:
    """The same data with every free text replaced."""
    if isinstance(value, dict):
        return {k: text if k in FREE and isinstance(v, str) else poison(v, text) for k, v in value.items()}
    return [poison(item, text) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_moves_nothing_on_any_page(text: str) -> None:
    clean, dirty = story_snapshot(), poison(story_snapshot(), text)
    clean = poison(clean, "plain text")
    for entity in (*clean["entities"], *dirty["entities"]):
        entity["sha256"] = sha256(entity["yml"].encode()).hexdigest()
    expected, found = rendered(clean), rendered(dirty)
    assert found.keys() == expected.keys()
    for address, html in found.items():
        assert Shape(html).elements == Shape(expected[address]).elements, address
        assert not set(html) & set("\u202e\u2066\u0007\u2028")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://x.org/", 'https://x.org/" onclick="', "https://x.org/<b>", "//x.org"],
)
def test_an_odd_address_in_an_entity_is_text_and_no_link(url: str) -> None:
    snapshot = story_snapshot()
    for entity in snapshot["entities"]:
        if entity["kind"] == "cube":
            entity["document"]["links"] = [url]
    shapes = Shape(rendered(snapshot)[f"cubes/{FOREST}/index.html"]).elements
    assert not [e for e in shapes if url in e]
    assert not is_outside_link(url)


def test_a_link_outside_tells_the_other_host_nothing() -> None:
    snapshot = story_snapshot()
    for entity in snapshot["entities"]:
        if entity["kind"] == "cube":
            entity["document"]["links"] = ["https://example.org/paper"]
    html = rendered(snapshot)[f"cubes/{FOREST}/index.html"]
    assert '<a href="https://example.org/paper" rel="noopener noreferrer">' in html


def test_hidden_characters_become_visible() -> None:
    assert visible("a\u202eb\x07c\nd\te") == "a\ufffdb\ufffdc\nd\te"
    assert amount(-1234567) == "-1,234,567".replace("-", "\N{MINUS SIGN}")


WRONG: dict[str, tuple[str, str]] = {
    "a dead link": ('<a href="gone.html">x</a>', "which is not there"),
    "a dead place": ('<a href="#gone">x</a>', "has no such place"),
    "a link to the root of the host": ('<a href="/index.html">x</a>', "leaves a sub-path"),
    "a link out of the tree": ('<a href="../outside.html">x</a>', "which is not there"),
    "a script": ("<script>1</script>", "<script>"),
    "an inline handler": ('<p onclick="x()">x</p>', "attribute onclick"),
    "an inline style": ('<p style="color:red">x</p>', "attribute style"),
    "an image of another host": ('<img src="https://x.org/a.png">', "asks another host"),
    "a style sheet of another host": ('<link rel="stylesheet" href="//x.org/a.css">', "asks another host"),
    "a picture in the address": ('<img src="data:image/png;base64,AA">', "asks another host"),
    "a script in the address": ('<a href="JavaScript:x()">x</a>', "asks another host"),
    "an unencrypted link": ('<a href="http://x.org/" rel="noopener noreferrer">x</a>', "asks another host"),
    "a link that says where it comes from": ('<a href="https://x.org/">x</a>', "noopener"),
    "a refresh": ('<meta http-equiv="Refresh" content="0;url=x">', "sends its reader"),
    "a form": ('<form action="x"></form>', "<form>"),
    "one id for two": ('<p id="a"></p><p id="a"></p>', "twice"),
    "a missing picture": ('<img src="gone.png">', "which is not there"),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_check_finds(what: str, tmp_path: Path) -> None:
    html, said = WRONG[what]
    (tmp_path / "index.html").write_text(f"<!doctype html><title>x</title>{html}")
    assert any(said in problem for problem in problems(tmp_path))


def test_the_check_finds_a_lost_page_and_a_calling_style_sheet(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<a href="a.html#b">x</a>')
    (tmp_path / "a.html").write_text('<p id="b">x</p>')
    assert list(problems(tmp_path)) == []
    (tmp_path / "lost.html").write_text("x")
    (tmp_path / "a.css").write_text("@import 'b.css'; p { background: url(https://x.org/a.png) }")
    assert list(problems(tmp_path)) == [
        "page 'lost.html' is lost: nothing links to it",
        "style sheet 'a.css' asks for another file",
    ]


def _links(shape: Shape) -> Iterator[str]:
    return (e[-1] for e in shape.elements if e[0] == "a")


def test_pages_are_one_tree_with_relative_links_only() -> None:
    for address, html in rendered(story_snapshot()).items():
        shape = Shape(html)
        assert all(not link.startswith(("/", "file:")) for link in _links(shape)), address
        assert html.count("<h1>") == 1, address
        assert '<html lang="en">' in html
        assert "Content-Security-Policy" in html
