"""What makes outputs alike, and what does not; how pages are read and rewritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.console_blocks import Done, Shell, alike, named, rewrite, shorten, steps

PAGE = """\
Some text.

```console
$ medperf key new
made it
SHA256:...
$ medperf member register x \\
    --contact y
```

```
make tutorial
```

```console
$ ls
```
"""


def test_commands_go_on_over_lines_and_other_blocks_are_not_run() -> None:
    assert [(step.command, step.shown) for step in steps(PAGE)] == [
        ("medperf key new", ("made it", "SHA256:...")),
        ("medperf member register x \\\n    --contact y", ()),
        ("ls", ()),
    ]


def test_a_block_that_begins_with_output_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(steps("```console\nno prompt\n```\n"))


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["request 00ff00ff00ff00ff is merged"], ["request a1b2c3d4e5f60718 is merged"]),
        (["registry: 9bf4e8a5c648574695b5b48138902e71"], ['registry: "0bf4e8a5c648574695b5b48138902e72"']),
        (["done (0.8 s)"], ["done (12.4 s)"]),
        (["duration_seconds: 0.604"], ["duration_seconds: 1.2"]),
        (["at 2026-11-26T01:12:37Z"], ["at 2027-01-01T00:00:00Z"]),
        (["A     B"], ["A  B  "]),
        (["first", "...", "last"], ["first", "last"]),
        (["first", "...", "last"], ["first", "x", "y", "last"]),
        (["logs in '/a/0123456789ab.../attempt-1'"], ["logs in '/a/" + "0" * 64 + "/attempt-1'"]),
    ],
)
def test_what_differs_from_run_to_run_is_alike(shown: list[str], printed: list[str]) -> None:
    assert alike(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["is merged"], ["is open"]),
        (["accuracy 0.9833"], ["accuracy 0.9834"]),
        (["one"], ["one", "two"]),
        (["one", "two"], ["one"]),
        (["first", "...", "last"], ["first", "x"]),
        ([], ["something"]),
        (["a.b"], ["axb"]),
    ],
)
def test_other_words_numbers_and_lines_are_noticed(shown: list[str], printed: list[str]) -> None:
    assert not alike(shown, printed)


def test_a_page_is_rewritten_from_one_run_and_keeps_what_it_leaves_out() -> None:
    page = "```console\n$ x\nold\n...\nend\n$ y\nsame 0.8 s\n$ z\nby hand ...\n```\n"
    printed = [("new", "1", "2", "end"), ("same 9.9 s",), ("by hand it stays",)]
    done = [(step, Done(lines, 0)) for step, lines in zip(steps(page), printed, strict=True)]
    assert rewrite(page, done) == page.replace("old", "new").replace("0.8", "9.9")


def test_a_page_whose_outputs_have_the_same_shape_is_left_alone() -> None:
    page = "```console\n$ y\nsame 0.8 s\n```\n"
    assert rewrite(page, [(step, Done(("same 9.9 s",), 0)) for step in steps(page)]) == page


def test_a_long_output_is_cut_when_it_is_shown_first() -> None:
    cut = shorten((), [str(number) for number in range(100)])
    assert cut == ["0", "1", "2", "...", "98", "99"]


def test_paths_are_told_as_a_reader_has_them() -> None:
    done = named(Done((f"in '/tmp/x/stage/runs/{'a' * 64}/1'",), 0), {"/tmp/x/stage": "/home/you"})  # noqa: S108
    assert done.printed == ("in '/home/you/runs/aaaaaaaaaaaa.../1'",)


def test_one_shell_remembers_tells_exit_codes_and_asks_nobody(tmp_path: Path) -> None:
    with Shell(tmp_path, {"PATH": os.environ["PATH"]}) as shell:
        assert shell.run("cd / && word='one two'").code == 0
        assert shell.run('echo "$word"; pwd >&2').printed == ("one two", "/")
        assert shell.run("printf 'no end of line'").printed == ("no end of line",)
        assert (shell.run("cat").printed, shell.run("(exit 9)").code) == ((), 9)
        with pytest.raises(EOFError, match="the shell ended"):
            shell.run("exit")
