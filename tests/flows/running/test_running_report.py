"""The report of a long preparation: what it counts, and that a half-written one counts nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medperf_cli.errors import UnknownIdError
from medperf_cli.flows.running import local_results
from medperf_cli.flows.running.watching import Counts, following, report_counts
from tests.support.hospital import Listener


class Bars(Listener):
    """Remembers progress too."""

    def __init__(self) -> None:
        super().__init__()
        self.bars: list[tuple[str, int, int | None]] = []

    def progress(self, step: str, done: int, total: int | None) -> None:
        self.bars.append((step, done, total))


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("status_name: {a: DONE, b: NEW}\nstatus: {a: 2, b: 0}\n", Counts({"DONE": 1, "NEW": 1}, 1)),
        ("status_name: {a: DONE, b: BAD}\nstatus: {a: 2, b: -1}\n", Counts({"DONE": 1, "BAD": 1}, 0)),
        ("status_name: {a: DONE, b: NEW}\n", Counts({"DONE": 1, "NEW": 1}, None)),
        ("status_name: {a: DONE}\nstatus: {b: 0}\n", Counts({"DONE": 1}, None)),
        ("status_name: {a: DO", Counts({})),
        ("status_name: [1]\n", Counts({})),
        ('status_name: {a: "\\e[2J"}\n', Counts({"\\x1b[2J": 1})),
    ],
)  # fmt: skip
def test_a_report_is_counted(tmp_path: Path, text: str, counts: Counts) -> None:
    (tmp_path / "report.yaml").write_text(text)
    assert report_counts(tmp_path / "report.yaml") == counts


def test_the_bar_moves_and_the_last_word_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medperf_cli.flows.running.watching._SECONDS", 0.02)
    report, talk = tmp_path / "report.yaml", Bars()
    with following(report, talk):
        report.write_text("status_name: {a: DONE, b: NEW}\nstatus: {a: 1, b: 0}\n")
        while not talk.bars:
            pass
        report.write_text("status_name: {a: DONE, b: DONE}\nstatus: {a: 1, b: 1}\n")
    assert talk.bars[0] == ("preparing cases", 1, 2)
    assert talk.said[-1] == "report: 2 cases: 2 DONE"


def test_an_empty_uid_names_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `result submit -r "$UNSET"` would send the one result there is."""
    only: Any = SimpleNamespace(key="ab" * 32)
    nothing: Any = None
    monkeypatch.setattr(local_results, "local_results", lambda *_: [only])
    assert local_results.find_local(nothing, nothing, "st-mary", "abab") is only
    with pytest.raises(UnknownIdError, match="'' means 0 local results"):
        local_results.find_local(nothing, nothing, "st-mary", "")
