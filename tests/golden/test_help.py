"""The help of every command, as printed; `MEDPERF_REWRITE_GOLDEN=1` writes it anew: read the difference."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medperf_cli.commands.app import GROUPS, app

GOLDEN = Path(__file__).parent / "help"
REWRITE = "MEDPERF_REWRITE_GOLDEN"


def helps(words: tuple[str, ...]) -> str:
    """The help of a command and of all below it, as in a terminal of 80 columns."""
    command, context = app, app.make_context("medperf", [], resilient_parsing=True)
    for word in words:
        command = command.get_command(context, word)
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    parts = [f"$ medperf {' '.join((*words, '--help'))}\n{command.get_help(context)}\n"]
    if words and hasattr(command, "list_commands"):
        parts += [helps((*words, name)) for name in command.list_commands(context)]
    return "\n".join(parts)


@pytest.mark.parametrize("group", ["medperf", *GROUPS])
def test_the_help_is_as_it_was_looked_at(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "82")  # two are left free at the edge
    text = helps(() if group == "medperf" else (group,))
    file = GOLDEN / f"{group}.txt"
    if os.environ.get(REWRITE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def test_no_file_is_left_of_a_command_that_is_gone() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == {"medperf", *GROUPS}
