"""MedPerf's commands: beside each stands one of ours that the program takes, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.commands.app import app

PAGE = Path(__file__).resolve().parents[2] / "site_generator" / "content" / "coming-from-medperf.md"


@dataclass(frozen=True)
class Row:
    """One line of a table: MedPerf's command with options, ours, and what differs."""

    theirs: str
    ours: str
    difference: str


def rows() -> Iterator[Row]:
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `"):
            assert len(cells) in {2, 3}, line
            yield Row(cells[0], cells[1].rstrip(" |"), cells[2] if len(cells) > 2 else "")


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def commands(row: Row) -> Iterator[tuple[str, list[str]]]:
    """Our commands in a row, each with the options named after it."""
    given: tuple[str, list[str]] = ("", [])
    for span in spans(row.ours):
        if span.startswith("-"):
            given[1].append(span)
            continue
        if given[0] or given[1]:
            yield given
        given = (span, [])
    yield given


def found(words: list[str]) -> Any:
    """The command that the words name, each a group or a verb."""
    command: Any = app
    for word in words:
        command = command.get_command(None, word) if hasattr(command, "get_command") else None
        assert command is not None, f"no such command: {' '.join(words)}"
    return command


def names(command: Any) -> set[str]:
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {name.replace("_", "-") for name in known}


ROWS = list(rows())
OURS = [(name, options) for row in ROWS if row.ours != "none" for name, options in commands(row)]


def test_the_tables_are_read() -> None:
    assert len(ROWS) > 60
    assert {"dataset submit", "benchmark run", "association approve"} <= {name for name, _ in OURS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.theirs[:50])
def test_where_there_is_no_command_the_reason_stands_there(row: Row) -> None:
    assert spans(row.theirs)
    assert row.ours == "none" or spans(row.ours)
    assert row.ours != "none" or len(row.difference) > len("later")


@pytest.mark.parametrize(("name", "options"), OURS, ids=[f"{n} {' '.join(o)}" for n, o in OURS])
def test_our_command_is_there_with_its_options(name: str, options: list[str]) -> None:
    command = found(name.split())
    assert not hasattr(command, "get_command") or not name
    assert {option.replace("_", "-") for option in options} <= names(command)


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="no such command"):
        found(["dataset", "frobnicate"])


def test_every_command_of_medperf_stands_there_once() -> None:
    groups = (
        *("auth", "profile", "storage", "container", "model", "asset", "dataset", "benchmark", "association"),
        *("result", "run", "test", "training", "aggregator", "ca", "certificate", "confidential", "web-ui"),
    )
    told = " ".join(span for row in ROWS for span in spans(row.theirs))
    assert not [group for group in groups if not re.search(rf"(?<![\w-]){group}(?![\w-])", told)]
