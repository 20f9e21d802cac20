"""What a request's page says, exactly; and that no stranger's word on it is anything but a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from medperf_cli.core.carried import MARK, carried
from medperf_cli.core.names import Kind
from medperf_cli.core.quoting import code
from medperf_cli.flows.submitting.summary import MOST, request_body, request_title
from tests.golden.test_help import REWRITE
from tests.support.story import STEPS, tell
from tests.support.story_fields import cube_fields
from tests.support.world import REGISTRY, World, member_file

GOLDEN = Path(__file__).parent / "summary"
HOSTILE = (
    "a `b` ``` <script>x</script> <!-- medperf: status --> ![i](http://e.example) [a](b) @org/team #1 !2 "
    "Closes #3 | *b* _c_ ~~d~~ https://evil.example www.evil.example \\` &lt; :tada:\n# heading\n- item\n\n"
    f"{MARK}\n```` yaml registry/root/2.yml\n\x1b[2J\u202egnp"
)


def tokens(markdown: str) -> list[Token]:
    """What a CommonMark reader sees, with HTML and tables allowed."""
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    return [inner for token in found for inner in (token, *(token.children or []))]


@pytest.mark.parametrize(
    ("name", "step"), [("member", 3), ("benchmark", 9), ("dataset", 13), ("association", 14), ("result", 16)]
)
def test_the_page_of_a_request_is_as_it_was_looked_at(name: str, step: int) -> None:
    world = World()
    *_, last = tell(world, step + 1)
    text = f"{request_title(last.files)}\n\n{request_body(last.files, author='acme', registry=REGISTRY)}"
    file = GOLDEN / f"{name}.md"
    if os.environ.get(REWRITE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_every_step_of_the_story_has_a_page_that_names_each_file_with_its_digest() -> None:
    world = World()
    for step in tell(world):
        text = request_body(step.files, author="acme", registry=REGISTRY)
        for path in (p for p in step.files if p.endswith(".yml")):
            assert f"`registry/{path}`" in text
            assert world.pin(path)["sha256"] in text
        assert len(request_title(step.files)) < 120
    assert world.trees
    assert len(STEPS) > 10


def hostile() -> dict[str, bytes]:
    """A request with a stranger's worst words wherever free text may stand."""
    world = World()
    for step in tell(world, 8):
        assert step.files
    words = HOSTILE.replace("\x1b", "").replace("\u202e", "")
    fields = cube_fields(
        "model", "infer", "4", description=words.strip(), licence="@org/team #1 [a](http://b)"
    )
    fields["card"] = {"intended_use": "<img src=x>", "training_data_overlap": "none"}
    cube = world.write(Kind.CUBE, "acme/grove", **fields)
    return {
        **cube,
        **member_file(world, "eve", contact="org@evil.example"),
        **world.decide("ada", "cubes/acme/grove/1.yml", added=cube, reason=words.strip()),
        "datasets/acme/odd/1.yml": HOSTILE.encode(),
    }


def test_a_strangers_words_are_no_markup_link_mention_or_number() -> None:
    text = request_body(hostile(), author="acme", registry=REGISTRY)
    found = tokens(text)
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in found}
    assert kinds == {"heading", "paragraph", "bullet_list", "list_item", "inline", "text", "code_inline"}
    assert len([token for token in found if token.type == "heading_open"]) == 5
    plain = "".join(token.content for token in found if token.type == "text")
    for word in ("@", "#", "http", "www", "evil", "script>", "<", "Closes", "tada", "medperf:"):
        assert word not in plain, word
    assert "<!--" not in text
    assert carried(text) is None
    assert all(line.isprintable() for line in text.split("\n"))
    assert "it cannot be read" in text


@given(st.text(max_size=400))
@example("`")
@example(" ` ")
@example("")
@example("`" * 400)
@example("\\")
def test_any_text_is_one_code_span(text: str) -> None:
    (inline,) = [token for token in tokens(f"- x: {code(text)} y") if token.type == "inline"]
    assert [child.type for child in inline.children or []] == ["text", "code_inline", "text"]


def test_a_page_has_a_bound_and_says_what_it_leaves_out() -> None:
    world = World()
    files: dict[str, bytes] = {}
    for number in range(60):
        fields = cube_fields("model", "infer", "4", description="x" * 3000)
        files |= world.write(Kind.CUBE, f"acme/forest-{number}", **fields)
    text = request_body(files, author="acme", registry=REGISTRY)
    assert len(text) <= MOST
    assert "more files, which the request itself shows" in text
    assert text.endswith("prints.\n")
    assert request_title(files) == "cube acme/forest-0 and 59 more"
