"""The drawings stand alone: described in words, small, legible by night, and fetching nothing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

CONTENT = Path(__file__).resolve().parents[2] / "site_generator" / "content"
PICTURES = sorted((CONTENT / "pictures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+\.svg)\)")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.stem)
def test_a_drawing_says_in_words_what_it_shows(picture: Path) -> None:
    root = ET.parse(picture).getroot()  # noqa: S314 - the project's own file
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert len(description.text or "") > len(title.text or "")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.stem)
def test_a_drawing_is_small_fetches_nothing_and_knows_the_dark(picture: Path) -> None:
    text = picture.read_text("utf-8")
    assert len(text) < 15_000
    assert not re.search(r"href|@import|<script|<image|font-face|url\((?!#)", text)
    assert "prefers-color-scheme: dark" in text


def test_every_drawing_stands_on_a_page_with_words_beside_it() -> None:
    pages = [*CONTENT.rglob("*.md"), CONTENT.parents[1] / "README.md"]
    shown = [(page, *found) for page in pages for found in IMAGE.findall(page.read_text("utf-8"))]
    assert {(page.parent / path).resolve() for page, _, path in shown} == set(PICTURES)
    assert all(len(words) > 30 for _, words, _ in shown)
