"""Comments that carry signed files: what goes in comes out; anything else is words, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.carried import MARK, carried, carrying
from medperf_cli.core.names import PathError

DECISION = "decisions/cubes/mgh/unet/1/boris/1"
FILES = {
    f"{DECISION}.yml": b"schema: decision/1\nreason: fine\n",
    f"{DECISION}.sig": b"-----BEGIN\nxyz\n-----END\n",
}
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\x00"), max_size=40)


def test_files_come_out_as_they_went_in() -> None:
    comment = carrying(FILES, "**boris** decides")
    assert carried(comment) == FILES
    assert "boris" in comment.split("\n")[1]
    assert comment.index("reason: fine") < comment.index("-----BEGIN"), "people read from the top"


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=8), st.sampled_from(["", "````", "`````", "```` text registry/x"]))
def test_any_text_survives_also_with_fences_in_it(lines: list[str], fence: str) -> None:
    body = "".join(f"{line}\n" for line in [*lines, fence]).encode()
    files = {f"{DECISION}.yml": body}
    assert carried(carrying(files, "words")) == files


def test_line_ends_that_a_page_changed_are_changed_back() -> None:
    assert carried(carrying(FILES, "words").replace("\n", "\r\n")) == FILES


def test_a_line_of_backticks_is_read_once_and_not_in_all_its_halves() -> None:
    """Squared, a million of them would keep the merge bot busy for hours."""
    assert carried(f"{carrying(FILES, 'words')}\n{'`' * 1_000_000}") == FILES


@pytest.mark.parametrize("text", ["", "approve", f"> {MARK}", "```` yaml registry/x", "I saw " + MARK])
def test_anything_else_is_just_words(text: str) -> None:
    assert carried(text) is None


HOSTILE = {
    "holds none": MARK,
    "not a folder": f"{MARK}\n````yaml registry/../etc/passwd.yml\nx\n````",
    "does not end in '.yml'": f"{MARK}\n````yaml registry/README.md\nx\n````",
    "carried twice": carrying(FILES, "") + carrying(FILES, ""),
    "does not end": f"{MARK}\n````yaml registry/{DECISION}.yml\nx\n",
    "larger than": f"{MARK}\n````yaml registry/{DECISION}.yml\n{'x' * 300_000}\n````",
    "at most": MARK + "x" * (1 << 20),
}


@pytest.mark.parametrize("why", HOSTILE)
def test_what_no_such_comment_may_hold_is_refused_by_name(why: str) -> None:
    with pytest.raises(PathError, match=why):
        carried(HOSTILE[why])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.booleans())
def test_nothing_crashes_it(text: str, marked: bool) -> None:
    try:
        found = carried(f"{MARK}\n{text}" if marked else text)
    except PathError:
        return
    assert found is None or found
