"""The table of a run under way as something Rich can draw, for a screen of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medperf_cli.commands.run_state import ACTIVE, OVER, Picture, Row, Stage
from medperf_cli.core.quoting import one_line
from medperf_cli.render.progress import duration, progress_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

_STYLES = {
    Stage.WAITING: "dim",
    Stage.ELSEWHERE: "yellow",
    Stage.DONE: "green",
    Stage.CACHED: "cyan",
    Stage.FAILED: "bold red",
    Stage.STOPPED: "yellow",
}
_URGENCY = (
    ACTIVE,
    {Stage.FAILED},
    {Stage.STOPPED, Stage.ELSEWHERE},
    {Stage.DONE},
    {Stage.WAITING},
    {Stage.CACHED},
)
"""What is shown first where not all models fit."""
_AROUND = 4  # header, rest, counts, talk
_GAP = 2
_WIDEST_MODEL = 48
_WIDEST_TIME = len("59 min 59 s")
_WIDEST_STAGE = len(Stage.ELSEWHERE)
_NARROW = 48  # columns below which times are not shown
_LEAST_MODEL = 8
_ROOM_FOR_RATE = 50


def drawn(picture: Picture, now: float, *, width: int, height: int) -> RenderableType:
    """The table, the counts and the last line of talk, in at most `width` columns and `height - 1` lines."""
    from rich.console import Group

    room = max(1, height - 1 - _AROUND)
    shown = _shown(picture.rows, room)
    lines: list[RenderableType] = [_table(shown, now, width)]
    hidden = [row for row in picture.rows if row not in shown]
    if hidden:
        lines.append(_line(f"and {len(hidden)} more: {_counts(hidden)}", "dim"))
    lines.append(_line(_overall(picture, now), "bold"))
    lines.append(_line(one_line(picture.talk), "dim"))
    return Group(*lines)


def _line(text: str, style: str) -> RenderableType:
    """One line of the screen, however wide its characters are."""
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _shown(rows: Sequence[Row], room: int) -> Sequence[Row]:
    """As many as fit, the most urgent ones, in the order of the run."""
    if len(rows) <= room:
        return rows
    urgent = [row for stages in _URGENCY for row in rows if row.stage in stages][:room]
    return [row for row in rows if row in urgent]


def _table(rows: Sequence[Row], now: float, width: int) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    times = width >= _NARROW
    beside = _GAP + _WIDEST_TIME if times else 0
    longest = max((len(one_line(row.model)) for row in rows), default=0)
    model = max(_LEAST_MODEL, min(longest, _WIDEST_MODEL, width - beside - _GAP - _WIDEST_STAGE))
    stage = max(1, width - beside - _GAP - model)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("MODEL", width=model, no_wrap=True)
    table.add_column("STATE", max_width=stage, no_wrap=True)
    if times:
        table.add_column("TIME", width=_WIDEST_TIME, no_wrap=True)
    for row in rows:
        cells = [Text(_end(one_line(row.model), model)), Text(_state(row, now, stage), _style(row))]
        table.add_row(*cells, *([Text(_time(row, now))] if times else []))
    return table


def _state(row: Row, now: float, width: int) -> str:
    """The word for it, or how far the long step is that it is at."""
    if not row.step:
        return _cut(str(row.stage), width)
    if width >= _ROOM_FOR_RATE or not row.total:
        return _cut(progress_line(row.step, row.done, row.total, now - row.step_since, width), width)
    return _cut(f"{row.done / row.total:.0%} {one_line(row.step)}", width)


def _style(row: Row) -> str:
    return _STYLES.get(row.stage, "bold")


def _time(row: Row, now: float) -> str:
    seconds = row.seconds(now)
    return "" if seconds is None else duration(seconds)


def _overall(picture: Picture, now: float) -> str:
    over = picture.count(*OVER)
    failed = picture.count(Stage.FAILED)
    text = f"{over} of {len(picture.rows)} models finished"
    text += f", {failed} failed" if failed else ""
    if picture.stopping:
        return f"stopping: containers that run are ended ({text})"
    left = picture.remaining(now)
    # What takes longer than usual may end at any time: nothing is promised.
    return text if left is None or round(left) < 1 else f"{text}, about {duration(left)} left"


def _counts(rows: Sequence[Row]) -> str:
    counted = {stage: sum(row.stage is stage for row in rows) for stage in Stage}
    return ", ".join(f"{count} {stage}" for stage, count in counted.items() if count)


def _cut(text: str, width: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}\N{HORIZONTAL ELLIPSIS}"


def _end(text: str, width: int) -> str:
    """The end of a name, which tells models of one owner apart."""
    return text if len(text) <= width else f"\N{HORIZONTAL ELLIPSIS}{text[-(width - 1) :]}"
